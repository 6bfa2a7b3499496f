"""Exports a model, checks the file, and runs it in every program for ONNX files that is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

try:
    import onnxruntime
except ImportError:
    onnxruntime = None  # ONNX's own evaluator is there always


def exported(model: Any, path: Path) -> Any:
    """The file that the model was exported to, checked as strictly as the package onnx can."""
    model.export(path, format="onnx")
    made = onnx.load(path)
    onnx.checker.check_model(made, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(made, check_type=True, strict_mode=True, data_prop=True)
    known = {value.name for value in [*inferred.graph.value_info, *inferred.graph.output]}
    assert {output for node in made.graph.node for output in node.output} <= known
    return made


def programs(path: Path) -> dict[str, Any]:
    """What runs the file, by name: called with the inputs by their names, each answers the outputs in order."""
    found: dict[str, Any] = {}
    if not _evaluator_errs(onnx.load(path)):
        evaluator = ReferenceEvaluator(str(path))
        found["onnx.reference"] = lambda feeds: evaluator.run(None, feeds)
    if onnxruntime is not None:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        found["onnxruntime"] = lambda feeds: session.run(None, feeds)
    return found


def _evaluator_errs(made: Any) -> bool:
    """Whether ONNX's evaluator, 1.23 too, would take a MaxPool's pads in a wrong order.

    Where all strides are 1 it reads [top, left, bottom, right] as [top, bottom, left, right].
    """
    pools = [
        {attribute.name: list(attribute.ints) for attribute in node.attribute}
        for node in made.graph.node
        if node.op_type == "MaxPool"
    ]
    return any(max(pool["strides"]) == 1 and pool["pads"][1] != pool["pads"][2] for pool in pools)


def assert_runs_alike(model: Any, path: Path, inputs: list[np.ndarray]) -> Any:
    """Exports the model; every program must answer what `predict` does. Answers the file's content."""
    made = exported(model, path)
    expected = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    outputs = list(expected.values()) if isinstance(expected, dict) else expected
    outputs = outputs if isinstance(outputs, list) else [outputs]
    feeds = dict(zip([value.name for value in made.graph.input], inputs, strict=True))
    for run in programs(path).values():
        answers = run(feeds)
        assert len(answers) == len(outputs)
        for answer, output in zip(answers, outputs, strict=True):
            assert answer.dtype == np.float32 and answer.shape == output.shape
            assert_close(answer, output)
    return made


def assert_close(answer: np.ndarray, expected: np.ndarray) -> None:
    """Equal but for the rounding of sums in another order."""
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-5 * scale)
