"""Export to ONNX: what a model predicts, for onnxruntime and other programs that run ONNX files.

What layers declare for the plan is told to ONNX instead. Inputs and outputs are those of `predict`: images are
[N, height, width, channels], N is any number of rows, all numbers are float32.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pyconvnet
from pyconvnet._terminal import say
from pyconvnet._whole_file import whole_file
from pyconvnet.plan.graph import Graph
from pyconvnet.saving.onnx_graph import OnnxGraph
from pyconvnet.saving.onnx_ops import OPS
from pyconvnet.saving.save import FilePath

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 17
_IR_VERSION = 8  # the oldest that may hold opset 17, so that older readers take the file
_MOST_BYTES = 2**31 - 2**20  # of weights: protobuf ends at 2 GiB


def export_model(
    model: Any,
    filepath: FilePath,
    format: str = "onnx",
    verbose: bool | None = None,
    input_signature: None = None,
    opset_version: int | None = None,
) -> None:
    """As `model.export`."""
    who = f"export: '{os.fspath(filepath)}'"
    if format != "onnx":
        raise ValueError(f"{who}: format must be 'onnx', the only one that pyconvnet writes, got {format!r}")
    if input_signature is not None:
        raise ValueError(f"{who}: input_signature must be None: the inputs have the model's shapes, any number of rows")
    if opset_version not in (None, OPSET):
        raise ValueError(f"{who}: opset_version must be {OPSET} or None, got {opset_version!r}")
    if not model.built:
        raise ValueError(f"{who}: {model.label} is not built and has no weights yet; fit it or call build first")
    data = onnx_model(who, model).SerializeToString(deterministic=True)
    with whole_file(who, filepath) as beside:
        beside.write_bytes(data)
    if verbose:
        say(f"Saved artifact at '{os.fspath(filepath)}'.")


def onnx_model(who: str, model: Any) -> ModelProto:
    """A built model as ONNX's own object; for errors see `export_model`."""
    _require_onnx(who)
    from onnx import TensorProto, helper, numpy_helper

    size = 4 * model.count_params()
    if size > _MOST_BYTES:
        raise ValueError(f"{who}: an ONNX file holds at most 2 GiB, {model.label} has {size:,} bytes of weights")
    source = Graph(model.sample_shapes)
    source.finish(model.lower(source, source.inputs))
    graph = OnnxGraph(source.inputs, model.input_names)
    for node in source.nodes:
        OPS[node.op](graph, node)
    names = graph.finish(source.outputs, model.output_names)

    def declared(name: str, shape: tuple[int, ...]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])

    made = helper.make_graph(
        [helper.make_node(s.operator, s.inputs, [s.output], name=s.output, **s.attributes) for s in graph.steps],
        model.name,
        [declared(name, tensor.shape) for name, tensor in zip(graph.input_names, source.inputs, strict=True)],
        [declared(name, tensor.shape) for name, tensor in zip(names, source.outputs, strict=True)],
        [numpy_helper.from_array(value, name) for name, value in graph.constants.items()],
    )
    return helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
        producer_name="pyconvnet",
        producer_version=pyconvnet.__version__,
    )


def _require_onnx(who: str) -> None:
    """Says which extra brings the package onnx, where it is missing.

    Raises:
        ImportError: it is.
    """
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'{who}: {error.name} is not installed; pip install "pyconvnet[onnx]"', name=error.name
        ) from error
