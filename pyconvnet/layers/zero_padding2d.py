"""Rows and columns of zeros around images."""

from __future__ import annotations

from typing import Any

from pyconvnet.layers._check import check_data_format
from pyconvnet.layers.base import Graph, Layer, Shape
from pyconvnet.ops.rule import Tensor
from pyconvnet.ops.zero_pad2d import frame, zero_pad2d_geometry, zero_pad2d_shape


class ZeroPadding2D(Layer):
    """Puts zeros around images: [h, w, c] to [top + h + bottom, left + w + right, c].

    Args:
        padding: one number, (rows, columns), or ((top, bottom), (left, right)).
        data_format: only "channels_last".
        options: `name`, `input_shape`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments.

    Example:
        >>> from pyconvnet import layers
        >>> layers.ZeroPadding2D(3).compute_output_shape((224, 224, 3))
        (230, 230, 3)
    """

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.padding = frame(self.label, padding)
        self.data_format = check_data_format(self.label, data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(oh, ow, c) of an image (h, w, c)."""
        return zero_pad2d_shape(zero_pad2d_geometry(self.label, input_shape, self.padding))

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """One op."""
        geometry = zero_pad2d_geometry(self.label, x.shape, self.padding)
        return graph.apply("zero_pad2d", self.name, {"x": x}, zero_pad2d_shape(geometry), **geometry)
