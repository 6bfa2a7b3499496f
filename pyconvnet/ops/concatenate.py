"""Arrays side by side along one axis: eager functions, the call that copies one part, and the rule in the plan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from pyconvnet.ops._check import FloatArray, empty, float_array, integer
from pyconvnet.ops._check import sizes as check_sizes
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.rule import Emitter, Node, Tensor


def concatenate_shape(who: str, shapes: Sequence[tuple[int, ...]], axis: int) -> tuple[int, ...]:
    """The shape of arrays side by side.

    Args:
        who: for messages.
        shapes: of the arrays.
        axis: the one that may differ, from -rank to rank - 1.

    Raises:
        ValueError: no arrays, an axis that is not there, or shapes that differ along another one.
    """
    first = tuple(shapes[0]) if shapes else ()
    axis = _place(who, first, axis)
    for shape in shapes:
        if len(shape) != len(first) or (*shape[:axis], *shape[axis + 1 :]) != (*first[:axis], *first[axis + 1 :]):
            got = ", ".join(str(tuple(shape)) for shape in shapes)
            raise ValueError(f"{who}: all sizes but those of axis {axis} must be equal, got {got}")
    return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])


def _place(who: str, shape: tuple[int, ...], axis: Any) -> int:
    """An axis of a shape, from 0."""
    rank = len(shape)
    number = integer(who, "axis", axis, minimum=-rank)
    if number >= rank:
        raise ValueError(f"{who}: axis must be from {-rank} to {rank - 1} for shape {shape}, got {axis}")
    return number % rank


def concatenate(first: ArrayLike, second: ArrayLike, *more: ArrayLike, axis: int = -1) -> FloatArray:
    """Puts arrays side by side (Keras's `Concatenate`).

    Args:
        first, second, more: [n, ...], equal sizes but along `axis`, any numeric dtype; the result is float32.
        axis: along which, not the first.

    Returns:
        float32.

    Raises:
        ValueError, TypeError: sizes that differ, an axis that is not there, not numbers.

    Example:
        >>> from pyconvnet import ops
        >>> ops.concatenate([[1, 2]], [[3]])
        array([[1., 2., 3.]], dtype=float32)
    """
    who = "concatenate"
    parts = [float_array(who, f"array {i}", array) for i, array in enumerate((first, second, *more))]
    shape = concatenate_shape(who, [part.shape for part in parts], axis)
    place = _place(who, shape, axis)
    if place == 0:
        raise ValueError(f"{who}: axis must not be the first, which is that of the rows, got {axis}")
    joined, offset, outer = empty(parts[0], shape), 0, math.prod(shape[1:place])
    for part in parts:
        length, total = math.prod(part.shape[place:]), math.prod(shape[place:])
        if part.size:
            attributes = dict(outer=outer, length=length, total=total, offset=offset)
            run_kernel("concatenate_forward", attributes, rows=len(joined), part=part, joined=joined)
        offset += length
    return joined


def concatenate_backward(dy: ArrayLike, sizes: Sequence[int], *, axis: int = -1) -> tuple[FloatArray, ...]:
    """Gradients of `concatenate`: dy cut along `axis`.

    Args:
        dy: gradient of the output [n, ...].
        sizes: of the parts along `axis`.
        axis: as for `concatenate`.

    Returns:
        float32 parts in order.

    Raises:
        ValueError, TypeError: sizes that do not add up, an axis that is not there, not numbers.

    Example:
        >>> from pyconvnet import ops
        >>> ops.concatenate_backward([[1, 2, 3]], (1, 2))
        (array([[1.]], dtype=float32), array([[2., 3.]], dtype=float32))
    """
    who = "concatenate_backward"
    joined, lengths = float_array(who, "dy", dy), check_sizes(who, "sizes", sizes)
    place = _place(who, joined.shape, axis)
    if place == 0 or sum(lengths) != joined.shape[place]:
        raise ValueError(f"{who}: sizes {lengths} must add up to axis {axis} of dy, got shape {joined.shape}")
    inner, outer = math.prod(joined.shape[place + 1 :]), math.prod(joined.shape[1:place])
    parts, offset = [], 0
    for size in lengths:
        part = empty(joined, (*joined.shape[:place], size, *joined.shape[place + 1 :]))
        if part.size:
            attributes = dict(outer=outer, length=size * inner, total=joined.shape[place] * inner, offset=offset)
            run_kernel("concatenate_backward", attributes, rows=len(joined), djoined=joined, dpart=part)
        offset += size * inner
        parts.append(part)
    return tuple(parts)


def emit_join(emit: Emitter, part: Tensor, joined: Tensor, *, outer: int, length: int, total: int, offset: int) -> None:
    """Adds the call that copies one part into its place; the sizes are those of csrc/kernels/concatenate.h."""
    attributes = dict(outer=outer, length=length, total=total, offset=offset)
    emit.call("concatenate_forward", attributes, joined.name, part=part, joined=joined)


class ConcatenateRule:
    """inputs x0, x1, ...; attributes outer (positions of a row in front of the axis)."""

    def _places(self, node: Node) -> list[tuple[str, Tensor, dict[str, int]]]:
        outer, places, offset = node.attributes["outer"], [], 0
        for name, part in node.inputs.items():
            length = part.size // outer
            places.append(
                (name, part, dict(outer=outer, length=length, total=node.output.size // outer, offset=offset))
            )
            offset += length
        return places

    def forward(self, node: Node, emit: Emitter) -> None:
        """One copy a part."""
        for _, part, sizes in self._places(node):
            emit_join(emit, part, node.output, **sizes)

    def backward(self, node: Node, dy: Tensor, emit: Emitter) -> dict[str, Tensor]:
        """Each part out of its place."""
        gradients = {}
        for name, part, sizes in self._places(node):
            if emit.wants_gradient(part):
                gradients[name] = emit.tensor(f"d_{part.name}", part.shape)
                emit.call("concatenate_backward", sizes, node.name, djoined=dy, dpart=gradients[name])
        return gradients

    def flops(self, node: Node) -> int:
        """None."""
        return 0
