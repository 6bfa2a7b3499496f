"""One line through all values."""

from __future__ import annotations

from typing import Any

from pyconvnet.layers.base import Graph, Layer
from pyconvnet.ops._check import real
from pyconvnet.ops.rule import Tensor


class Rescaling(Layer):
    """Multiplies every value by `scale` and adds `offset`: `Rescaling(1 / 255)` brings pixels to 0 .. 1.

    Args:
        scale: the factor, one number.
        offset: what is added, one number.
        options: `name`, `input_shape`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments.

    Example:
        >>> from pyconvnet import layers
        >>> layers.Rescaling(1 / 127.5, offset=-1).offset
        -1.0
    """

    def __init__(self, scale: float, offset: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.scale = real(self.label, "scale", scale)
        self.offset = real(self.label, "offset", offset)

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """One op."""
        return graph.apply("rescale", self.name, {"x": x}, x.shape, scale=self.scale, offset=self.offset)
