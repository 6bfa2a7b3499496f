"""The table of a model's layers, character for character as Keras 2 prints it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyconvnet.models.sequential import Sequential

_COLUMNS = ("Layer (type)", "Output Shape", "Param #")
_COLUMN_ENDS = (0.45, 0.85, 1.0)  # as shares of the line
_GAP = 2  # spaces after every column but the last


def summary_lines(model: Sequential, line_length: int = 65) -> Iterator[str]:
    """The lines of the table.

    Args:
        model: a built model.
        line_length: characters a line.

    Yields:
        Lines without their ends.
    """
    ends = [int(line_length * share) for share in _COLUMN_ENDS]
    yield f'Model: "{model.name}"'
    yield "_" * line_length
    yield from _row(_COLUMNS, ends)
    yield "=" * line_length
    for layer, shape in zip(model.layers, model.sample_shapes()[1:], strict=True):
        yield from _row((f"{layer.name} ({type(layer).__name__})", (None, *shape), layer.count_params()), ends)
        yield " " * line_length
    yield "=" * line_length
    trainable = sum(variable.size for variable in model.trainable_weights)
    fixed = sum(variable.size for variable in model.non_trainable_weights)
    yield f"Total params: {trainable + fixed:,}"
    yield f"Trainable params: {trainable:,}"
    yield f"Non-trainable params: {fixed:,}"
    yield "_" * line_length


def _row(cells: Sequence[object], ends: Sequence[int]) -> Iterator[str]:
    """One row; a cell that is too long goes on in the next line."""
    rest = [str(cell) for cell in cells]
    starts = [0, *ends[:-1]]
    while any(rest):
        # The leading space is not counted in the first column's width: a full cell pushes the next one by one.
        line = " "
        for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
            gap = _GAP if end != ends[-1] else 0
            width = end - start - gap
            line = (line + rest[i][:width] + " " * gap).ljust(end)
            rest[i] = rest[i][width:]
        yield line
