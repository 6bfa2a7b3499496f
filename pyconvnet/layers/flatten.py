"""From images to vectors."""

from __future__ import annotations

import math
from typing import Any

from pyconvnet.layers._check import check_data_format
from pyconvnet.layers.base import Graph, Layer, Shape
from pyconvnet.ops.rule import Tensor


class Flatten(Layer):
    """Makes one vector of each sample, row by row, channels last.

    Args:
        data_format: only "channels_last".
        options: `name`, `input_shape`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments.

    Example:
        >>> from pyconvnet import layers
        >>> layers.Flatten().compute_output_shape((7, 7, 64))
        (3136,)
    """

    def __init__(self, data_format: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.data_format = check_data_format(self.label, data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The product of all sizes."""
        return (math.prod(input_shape),)

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """A reshape, which costs nothing."""
        return graph.apply("reshape", self.name, {"x": x}, self.compute_output_shape(x.shape))
