"""Dropout as a layer."""

from __future__ import annotations

from typing import Any

from pyconvnet.layers.base import Graph, Layer
from pyconvnet.ops._check import integer
from pyconvnet.ops._check import rate as check_rate
from pyconvnet.ops.rule import Tensor


class Dropout(Layer):
    """Sets a share of the values to zero while training and enlarges the others by 1 / (1 - rate).

    Args:
        rate: the share, from 0 to 1.
        noise_shape: only None: every value is drawn for itself.
        seed: a whole number that makes the draws of the whole model repeatable, or None.
        options: `name`, `input_shape`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments.

    Example:
        >>> from pyconvnet import layers
        >>> layers.Dropout(0.3).rate
        0.3

    Formula: Srivastava et al. 2014, in the inverted form of Keras `Dropout`.
    """

    def __init__(self, rate: float, noise_shape: None = None, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.rate = check_rate(self.label, "rate", rate)
        if noise_shape is not None:
            raise ValueError(f"{self.label}: noise_shape must be None, got {noise_shape!r}; masks are not shared")
        self.noise_shape = None
        self.seed = None if seed is None else integer(self.label, "seed", seed, minimum=0)

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """One dropout op."""
        return graph.apply("dropout", self.name, {"x": x}, x.shape, rate=self.rate)
