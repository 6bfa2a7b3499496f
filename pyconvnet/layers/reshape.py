"""The same values in another shape."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

from pyconvnet.layers.base import Graph, Layer, Shape
from pyconvnet.ops.rule import Tensor


class Reshape(Layer):
    """Gives each sample another shape of as many values, in row-major order.

    Args:
        target_shape: of one sample; one size may be -1, which takes what is left.
        options: `name`, `input_shape`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments, or sizes that do not fit the input.

    Example:
        >>> from pyconvnet import layers
        >>> layers.Reshape((28, 28, -1)).compute_output_shape((784,))
        (28, 28, 1)
    """

    def __init__(self, target_shape: Any, **options: Any) -> None:
        super().__init__(**options)
        if isinstance(target_shape, (str, bytes)) or not isinstance(target_shape, Sequence):
            raise TypeError(f"{self.label}: target_shape must be a tuple such as (28, 28, 1), got {target_shape!r}")
        try:
            self.target_shape = tuple(operator.index(size) for size in target_shape)
        except TypeError:
            raise TypeError(f"{self.label}: target_shape must hold whole numbers, got {target_shape!r}") from None
        if self.target_shape.count(-1) > 1 or any(size < 1 and size != -1 for size in self.target_shape):
            raise ValueError(
                f"{self.label}: target_shape must hold positive sizes, one of them may be -1, got {target_shape!r}"
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """`target_shape` with -1 worked out."""
        known = math.prod(size for size in self.target_shape if size != -1)
        left, rest = divmod(math.prod(input_shape), known)
        if rest or (left != 1 and -1 not in self.target_shape):
            raise ValueError(
                f"{self.label}: an input of shape {tuple(input_shape)} has {math.prod(input_shape)} values and cannot "
                f"become {self.target_shape}"
            )
        return tuple(left if size == -1 else size for size in self.target_shape)

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """A reshape, which costs nothing."""
        return graph.apply("reshape", self.name, {"x": x}, self.compute_output_shape(x.shape))
