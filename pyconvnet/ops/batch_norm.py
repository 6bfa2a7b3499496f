"""Batch normalization: eager functions and its rule in the plan.

y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, with statistics over all axes but the last.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconvnet.ops._check import FloatArray, empty, float_array, real, same_shape
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.rule import Emitter, Node, Tensor


def _vectors(who: str, name: str, array: FloatArray) -> tuple[int, int]:
    """How many vectors of how many features."""
    if array.ndim < 2 or array.shape[-1] == 0:
        raise ValueError(f"{who}: {name} must have at least 2 axes (rows, features), got shape {array.shape}")
    return int(np.prod(array.shape[:-1], dtype=np.int64)), array.shape[-1]


def _per_feature(who: str, name: str, value: ArrayLike, features: int) -> FloatArray:
    """A vector with one number for each feature."""
    array = float_array(who, name, value, 1)
    same_shape(who, name, array.shape, (features,))
    return array


def _optional(who: str, name: str, value: ArrayLike | None, features: int) -> FloatArray | None:
    return None if value is None else _per_feature(who, name, value, features)


def batch_norm(
    x: ArrayLike,
    gamma: ArrayLike | None,
    beta: ArrayLike | None,
    moving_mean: ArrayLike,
    moving_variance: ArrayLike,
    *,
    epsilon: float = 1e-3,
) -> FloatArray:
    """Normalizes with given statistics, as a trained model does.

    Args:
        x: [..., c], at least two axes, any numeric dtype; computed in float32.
        gamma: scale [c], or None for 1.
        beta: offset [c], or None for 0.
        moving_mean: [c].
        moving_variance: [c].
        epsilon: added to the variance, at least 0.

    Returns:
        float32 like x.

    Raises:
        ValueError, TypeError: shapes that do not fit, not numbers.

    Example:
        >>> from pyconvnet import ops
        >>> ops.batch_norm([[5.0]], [3.0], [1.0], [1.0], [4.0], epsilon=0.0)
        array([[7.]], dtype=float32)

    Formula: Ioffe and Szegedy, "Batch Normalization" (2015).
    """
    who = "batch_norm"
    x = float_array(who, "x", x)
    rows, c = _vectors(who, "x", x)
    mean = _per_feature(who, "moving_mean", moving_mean, c)
    variance = _per_feature(who, "moving_variance", moving_variance, c)
    scale, offset = _optional(who, "gamma", gamma, c), _optional(who, "beta", beta, c)
    attributes = dict(features=c, size=c, epsilon=real(who, "epsilon", epsilon, minimum=0.0))
    y = empty(x, x.shape)
    run_kernel(
        "batch_norm_inference", attributes, rows=rows,
        x=x, gamma=scale, beta=offset, moving_mean=mean, moving_variance=variance, y=y,
    )  # fmt: skip
    return y


def batch_norm_training(
    x: ArrayLike, gamma: ArrayLike | None, beta: ArrayLike | None, *, epsilon: float = 1e-3
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Normalizes with the statistics of the batch itself.

    Args:
        x: [..., c] with at least one row.
        gamma, beta, epsilon: as for `batch_norm`.

    Returns:
        y float32 like x, mean float32 [c], and variance float32 [c], the biased one (Keras 3's choice).

    Raises:
        ValueError, TypeError: shapes that do not fit, no rows, not numbers.

    Example:
        >>> from pyconvnet import ops
        >>> y, mean, variance = ops.batch_norm_training([[1.0], [3.0]], [1.0], [0.0], epsilon=0.0)
        >>> y.ravel(), mean, variance
        (array([-1.,  1.], dtype=float32), array([2.], dtype=float32), array([1.], dtype=float32))
    """
    who = "batch_norm_training"
    x = float_array(who, "x", x)
    rows, c = _vectors(who, "x", x)
    if rows == 0:
        raise ValueError(f"{who}: x must have at least one row to take a mean of, got shape {x.shape}")
    scale, offset = _optional(who, "gamma", gamma, c), _optional(who, "beta", beta, c)
    attributes = dict(features=c, size=c, epsilon=real(who, "epsilon", epsilon, minimum=0.0), momentum=0.0)
    y, mean, variance = empty(x, x.shape), empty(x, (c,)), empty(x, (c,))
    run_kernel(
        "batch_norm_forward", attributes, rows=rows, x=x, gamma=scale, beta=offset, y=y, mean=mean, variance=variance
    )
    return y, mean, variance


def batch_norm_backward(
    dy: ArrayLike,
    x: ArrayLike,
    gamma: ArrayLike | None,
    mean: ArrayLike,
    variance: ArrayLike,
    *,
    epsilon: float = 1e-3,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Gradients of `batch_norm_training`, whose mean and variance depend on x too.

    Args:
        dy: gradient of the output, like x.
        x: [..., c].
        gamma: scale [c], or None for 1.
        mean, variance: of the batch [c], as `batch_norm_training` answers them.
        epsilon: added to the variance, at least 0.

    Returns:
        dx float32 like x, dgamma float32 [c], dbeta float32 [c].

    Raises:
        ValueError, TypeError: shapes that do not fit, not numbers.

    Example:
        >>> from pyconvnet import ops
        >>> ops.batch_norm_backward([[1], [3]], [[0], [2]], None, [1], [1], epsilon=0)[1:]
        (array([2.], dtype=float32), array([4.], dtype=float32))
    """
    who = "batch_norm_backward"
    dy, x = float_array(who, "dy", dy), float_array(who, "x", x)
    rows, c = _vectors(who, "x", x)
    same_shape(who, "dy", dy.shape, x.shape)
    scale = _optional(who, "gamma", gamma, c)
    mean, variance = _per_feature(who, "mean", mean, c), _per_feature(who, "variance", variance, c)
    epsilon = real(who, "epsilon", epsilon, minimum=0.0)
    attributes = dict(features=c, size=c, epsilon=epsilon, constant_statistics=False)
    dx, dgamma, dbeta = empty(x, x.shape), empty(x, (c,)), empty(x, (c,))
    run_kernel(
        "batch_norm_backward", attributes, rows=rows,
        dy=dy, x=x, gamma=scale, mean=mean, variance=variance, dx=dx, dgamma=dgamma, dbeta=dbeta,
    )  # fmt: skip
    return dx, dgamma, dbeta


class BatchNormRule:
    """inputs x, gamma and beta (optional), moving_mean, moving_variance; attributes features, epsilon, momentum,
    trainable. Training takes the statistics of the batch, unless the layer is frozen; all else the moving ones."""

    def _uses_batch(self, node: Node, emit: Emitter) -> bool:
        return emit.training and bool(node.attributes["trainable"])

    def _attributes(self, node: Node, **more: Any) -> dict[str, Any]:
        return dict(
            features=node.attributes["features"],
            size=node.inputs["x"].size,
            epsilon=node.attributes["epsilon"],
            **more,
        )

    def forward(self, node: Node, emit: Emitter) -> None:
        """One call, which also moves the moving statistics where the plan trains."""
        buffers = {name: node.inputs.get(name) for name in ("x", "gamma", "beta")}
        moving = {name: node.inputs[name] for name in ("moving_mean", "moving_variance")}
        if not self._uses_batch(node, emit):
            attributes = self._attributes(node)
            emit.call("batch_norm_inference", attributes, node.name, **buffers, **moving, y=node.output)
            return
        shape = (node.attributes["features"],)
        for name in ("mean", "variance"):
            node.saved[name] = emit.tensor(f"{node.name}.{name}", shape, batched=False)
        emit.call(
            "batch_norm_forward",
            self._attributes(node, momentum=node.attributes["momentum"]),
            node.name,
            **buffers,
            **(moving if emit.updating_statistics else {}),
            **node.saved,
            y=node.output,
        )

    def backward(self, node: Node, dy: Tensor, emit: Emitter) -> dict[str, Tensor]:
        """One call for all gradients that are wanted."""
        x, gamma, beta = node.inputs["x"], node.inputs.get("gamma"), node.inputs.get("beta")
        dgamma = None if gamma is None else emit.gradient(gamma)
        dbeta = None if beta is None else emit.gradient(beta)
        dx = emit.tensor(f"d_{x.name}", x.shape) if emit.wants_gradient(x) else None
        statistics = node.saved or {name: node.inputs[f"moving_{name}"] for name in ("mean", "variance")}
        attributes = self._attributes(node, constant_statistics=not node.saved)
        outputs = dict(dx=dx, dgamma=dgamma, dbeta=dbeta)
        if any(tensor is not None for tensor in outputs.values()):
            emit.call("batch_norm_backward", attributes, node.name, dy=dy, x=x, gamma=gamma, **statistics, **outputs)
        return {} if dx is None else {"x": dx}

    def flops(self, node: Node) -> int:
        """A subtraction, a multiplication and an addition an element."""
        return 3 * node.output.size
