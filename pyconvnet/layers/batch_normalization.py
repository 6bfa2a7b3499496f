"""Batch normalization as a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyconvnet import initializers, regularizers
from pyconvnet.layers._check import check_flag
from pyconvnet.layers.base import Graph, Layer, Shape, WeightSpec
from pyconvnet.ops._check import rate, real
from pyconvnet.ops.rule import Tensor
from pyconvnet.variables import Variable


class BatchNormalization(Layer):
    """Brings each feature to mean 0 and variance 1 over the batch, then scales and shifts it by trained weights.

    Training uses the statistics of the batch and moves the stored ones towards them; everything else, and a layer
    with `trainable=False`, uses the stored ones.

    Args:
        axis: of the features: only the last.
        momentum: share of the moving statistics that is kept at each step, from 0 to 1.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether the result is multiplied by gamma.
        beta_initializer, gamma_initializer: first values of the trained weights.
        moving_mean_initializer, moving_variance_initializer: first values of the statistics.
        beta_regularizer, gamma_regularizer: penalties on the weights, or None.
        options: `name`, `trainable`, `input_shape`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments.

    Weights: gamma, beta, moving_mean, moving_variance, each [features].

    Example:
        >>> from pyconvnet import layers
        >>> layers.BatchNormalization().momentum
        0.99

    Formula: Ioffe and Szegedy 2015; the moving variance takes the biased variance, as in Keras 3 (Keras 2 takes the
    unbiased one for images).
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        who = self.label
        self.axis = self._check_axis(axis)
        self.momentum = rate(who, "momentum", momentum)
        self.epsilon = real(who, "epsilon", epsilon, minimum=0)
        self.center = check_flag(who, "center", center)
        self.scale = check_flag(who, "scale", scale)
        self.beta_initializer = initializers.get(beta_initializer, who)
        self.gamma_initializer = initializers.get(gamma_initializer, who)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer, who)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer, who)
        self.beta_regularizer = regularizers.get(beta_regularizer, who)
        self.gamma_regularizer = regularizers.get(gamma_regularizer, who)

    @property
    def gamma(self) -> Variable | None:
        """Weights [features], or None without scaling."""
        return self._variable("gamma") if self.scale else None

    @property
    def beta(self) -> Variable | None:
        """Weights [features], or None without centring."""
        return self._variable("beta") if self.center else None

    @property
    def moving_mean(self) -> Variable:
        """Statistics [features]."""
        return self._variable("moving_mean")

    @property
    def moving_variance(self) -> Variable:
        """Statistics [features]."""
        return self._variable("moving_variance")

    def weight_specs(self, input_shape: Shape) -> list[WeightSpec]:
        """gamma and beta where wanted, and the two moving statistics."""
        shape = input_shape[-1:]
        specs = []
        if self.scale:
            specs.append(WeightSpec("gamma", shape, self.gamma_initializer, self.gamma_regularizer))
        if self.center:
            specs.append(WeightSpec("beta", shape, self.beta_initializer, self.beta_regularizer))
        specs.append(WeightSpec("moving_mean", shape, self.moving_mean_initializer, trainable=False))
        specs.append(WeightSpec("moving_variance", shape, self.moving_variance_initializer, trainable=False))
        return specs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape."""
        # Keras counts axes with the batch's, so that the last axis of an image is -1 or 3.
        if not input_shape or self.axis not in (-1, len(input_shape)):
            raise ValueError(
                f"{self.label}: axis must be the last one, -1 or {len(input_shape)} for samples of shape "
                f"{tuple(input_shape)}, got {self.axis}"
            )
        return tuple(input_shape)

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """One normalization op."""
        inputs: dict[str, Tensor | Variable | None] = {
            "x": x,
            "gamma": self.gamma,
            "beta": self.beta,
            "moving_mean": self.moving_mean,
            "moving_variance": self.moving_variance,
        }
        return graph.apply(
            "batch_norm",
            self.name,
            inputs,
            x.shape,
            features=x.shape[-1],
            epsilon=self.epsilon,
            momentum=self.momentum,
            trainable=self.trainable,
        )

    def _check_axis(self, axis: Any) -> int:
        single = axis[0] if isinstance(axis, (list, tuple)) and len(axis) == 1 else axis
        if isinstance(single, bool) or not isinstance(single, int):
            raise TypeError(f"{self.label}: axis must be one whole number, got {axis!r}")
        return single
