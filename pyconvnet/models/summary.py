"""The table of a model's layers, character for character as Keras 2 prints it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyconvnet.layers import InputLayer, KerasTensor, Layer

if TYPE_CHECKING:
    from pyconvnet.models.model import Model

_GAP = 2  # spaces after every column but the last


@dataclass(frozen=True)
class _Style:
    columns: tuple[str, ...]
    ends: tuple[float, ...]  # as shares of the line
    width: int


_ROW = _Style(("Layer (type)", "Output Shape", "Param #"), (0.45, 0.85, 1.0), 65)
_GRAPH = _Style(("Layer (type)", "Output Shape", "Param #", "Connected to"), (0.33, 0.55, 0.67, 1.0), 98)


def default_width(model: Model) -> int:
    """Characters a line: more where the layers do not stand in a row."""
    return _style(model).width


def _style(model: Model) -> _Style:
    """Another table where the layers do not stand in a row: several inputs, a branch, or a shared layer."""
    calls = model.network.calls
    read = [id(tensor) for call in calls for tensor in call.inputs]
    branched = len(read) != len(calls) or len(set(read)) != len(read)
    shared = len({id(call.layer) for call in calls}) != len(calls)
    return _GRAPH if branched or shared or len(model.inputs) > 1 else _ROW


def summary_lines(model: Model, line_length: int) -> Iterator[str]:
    """The lines of the table.

    Args:
        model: a built model.
        line_length: characters a line.

    Yields:
        Lines without their ends.
    """
    style = _style(model)
    ends = [int(line_length * share) for share in style.ends]
    yield f'Model: "{model.name}"'
    yield "_" * line_length
    yield from _row([[cell] for cell in style.columns], ends)
    yield "=" * line_length
    for layer in model.layers:
        cells = [[f"{layer.name} ({type(layer).__name__})"], [_shape(model, layer)], [str(layer.count_params())]]
        yield from _row([*cells, _connections(model, layer)][: len(ends)], ends)
        yield " " * line_length
    yield "=" * line_length
    trainable = sum(variable.size for variable in model.trainable_weights)
    fixed = sum(variable.size for variable in model.non_trainable_weights)
    yield f"Total params: {trainable + fixed:,}"
    yield f"Trainable params: {trainable:,}"
    yield f"Non-trainable params: {fixed:,}"
    yield "_" * line_length


def _shape(model: Model, layer: Layer) -> str:
    """The shape of a layer's output in this model; that of an input in brackets, as Keras 2 has it."""
    if isinstance(layer, InputLayer):
        return f"[{(None, *layer.shape)}]"
    shapes = [tensor.shape for tensor in model.network.uses(layer)[0].outputs]
    return str(shapes[0] if len(shapes) == 1 else shapes)


def _connections(model: Model, layer: Layer) -> list[str]:
    """What a layer reads, as name[which use of that layer][which of its outputs]."""
    names = [_source(model, tensor) for call in model.network.uses(layer) for tensor in call.inputs]
    if not names:
        return ["[]"]
    return [
        ("[" if i == 0 else " ") + f"'{name}'" + ("]" if i == len(names) - 1 else ",") for i, name in enumerate(names)
    ]


def _source(model: Model, tensor: KerasTensor) -> str:
    layer = tensor.call.layer
    use = 0 if isinstance(layer, InputLayer) else model.network.uses(layer).index(tensor.call)
    return f"{layer.name}[{use}][{[id(t) for t in tensor.call.outputs].index(id(tensor))}]"


def _row(cells: Sequence[Sequence[str]], ends: Sequence[int]) -> Iterator[str]:
    """One row; a cell that is too long, or has several lines, goes on in the next line."""
    rest = [list(lines) for lines in cells]
    starts = [0, *ends[:-1]]
    while any(rest):
        # The leading space is not counted in the first column's width: a full cell pushes the next one by one.
        line = " "
        for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
            gap = _GAP if end != ends[-1] else 0
            width = end - start - gap
            cell = rest[i].pop(0) if rest[i] else ""
            line = (line + cell[:width] + " " * gap).ljust(end)
            if cell[width:]:
                rest[i].insert(0, cell[width:])
        yield line
