"""Optimizer steps on one array of weights, as functions; in the plan they are put together by `update`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconvnet.ops._check import FloatArray, float_array, integer, rate, real, same_shape, zeros
from pyconvnet.ops._kernel import run_kernel


def sgd(
    weights: ArrayLike,
    gradient: ArrayLike,
    velocity: ArrayLike | None = None,
    *,
    learning_rate: float = 0.01,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> tuple[FloatArray, FloatArray | None]:
    """Makes one step of stochastic gradient descent; nothing is changed in place.

    Args:
        weights: any shape.
        gradient: like weights.
        velocity: like weights; None starts at rest.
        learning_rate: length of the step.
        momentum: share of the velocity that is kept, 0 to 1.
        nesterov: look ahead by one more step of momentum.

    Returns:
        weights and velocity, float32; the velocity is None where there is no momentum and none was given.

    Raises:
        ValueError, TypeError: shapes that differ, rates out of range or NaN.

    Example:
        >>> from pyconvnet import ops
        >>> ops.sgd([1.0], [2.0], [0.5], learning_rate=0.1, momentum=0.8)
        (array([1.2], dtype=float32), array([0.2], dtype=float32))

    Formula (Keras `SGD`): v = momentum v - lr g; w += v, or w += momentum v - lr g with Nesterov.
    """
    who = "sgd"
    w, g = _weights_and_gradient(who, weights, gradient)
    step = real(who, "learning_rate", learning_rate, minimum=0.0)
    attributes = dict(momentum=rate(who, "momentum", momentum), nesterov=bool(nesterov))
    v = _slot(who, "velocity", velocity, w)
    if momentum != 0:
        _update(who, attributes, step, 0, w, g, {"velocity": v})
        return w, v
    _update(who, attributes, step, 0, w, g, {})
    return w, None if velocity is None else -np.float32(step) * g


def adam(
    weights: ArrayLike,
    gradient: ArrayLike,
    m: ArrayLike,
    v: ArrayLike,
    *,
    iteration: int,
    learning_rate: float = 1e-3,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Makes one step of Adam; nothing is changed in place.

    Args:
        weights: any shape.
        gradient: like weights.
        m: running mean of the gradient, like weights; zeros at first.
        v: running mean of its square, like weights; zeros at first.
        iteration: finished steps, 0 at first.
        learning_rate: length of the step.
        beta_1: share of m that is kept, below 1.
        beta_2: share of v that is kept, below 1.
        epsilon: added to sqrt(v).

    Returns:
        weights, m and v, float32.

    Raises:
        ValueError, TypeError: shapes that differ, rates out of range or NaN.

    Example:
        >>> from pyconvnet import ops
        >>> ops.adam([1.0], [5.0], [0.0], [0.0], iteration=0)[0]
        array([0.999], dtype=float32)

    Formula: Kingma and Ba (2015) in Keras's form, epsilon outside the bias correction.
    """
    who = "adam"
    w, g = _weights_and_gradient(who, weights, gradient)
    slots = dict(m=_slot(who, "m", m, w), v=_slot(who, "v", v, w))
    attributes = dict(
        beta_1=rate(who, "beta_1", beta_1, below_one=True),
        beta_2=rate(who, "beta_2", beta_2, below_one=True),
        epsilon=real(who, "epsilon", epsilon, minimum=0.0),
    )
    step = real(who, "learning_rate", learning_rate, minimum=0.0)
    _update(who, attributes, step, integer(who, "iteration", iteration, minimum=0, bits=63), w, g, slots)
    return w, slots["m"], slots["v"]


def rmsprop(
    weights: ArrayLike,
    gradient: ArrayLike,
    velocity: ArrayLike,
    momentum_buffer: ArrayLike | None = None,
    *,
    learning_rate: float = 1e-3,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Makes one step of RMSprop; nothing is changed in place.

    Args:
        weights: any shape.
        gradient: like weights.
        velocity: running mean of the squared gradient, like weights; zeros at first.
        momentum_buffer: like weights; None starts at rest.
        learning_rate: length of the step.
        rho: share of the velocity that is kept, 0 to 1.
        momentum: share of the momentum buffer that is kept, 0 to 1.
        epsilon: added to the velocity, under the root.

    Returns:
        weights, velocity and momentum_buffer, float32; without momentum the buffer keeps its values (or stays None).

    Raises:
        ValueError, TypeError: shapes that differ, rates out of range or NaN.

    Example:
        >>> from pyconvnet import ops
        >>> ops.rmsprop([1.0], [2.0], [4.0], learning_rate=0.5)[0]
        array([0.5], dtype=float32)

    Formula: Keras `RMSprop`, centered=False.
    """
    who = "rmsprop"
    w, g = _weights_and_gradient(who, weights, gradient)
    slots = dict(velocity=_slot(who, "velocity", velocity, w))
    attributes = dict(
        rho=rate(who, "rho", rho),
        momentum=rate(who, "momentum", momentum),
        epsilon=real(who, "epsilon", epsilon, minimum=0.0),
    )
    buffer = None
    if momentum_buffer is not None or momentum != 0:
        buffer = _slot(who, "momentum_buffer", momentum_buffer, w)
    if momentum != 0 and buffer is not None:
        slots["momentum_buffer"] = buffer
    _update(who, attributes, real(who, "learning_rate", learning_rate, minimum=0.0), 0, w, g, slots)
    return w, slots["velocity"], buffer


def decay_weights(weights: ArrayLike, *, rate: float, learning_rate: float = 1e-3) -> FloatArray:
    """Makes every weight a little smaller, as a step with weight decay begins.

    Args:
        weights: any shape.
        rate: share that is taken off, times the learning rate.
        learning_rate: length of the step.

    Returns:
        weights - weights * rate * learning_rate, float32.

    Raises:
        ValueError, TypeError: numbers that are negative or NaN.

    Example:
        >>> from pyconvnet import ops
        >>> ops.decay_weights([2.0], rate=0.5, learning_rate=0.1)
        array([1.9], dtype=float32)

    Formula: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), as in Keras.
    """
    who = "decay_weights"
    w = float_array(who, "weights", weights).copy()
    attributes = dict(size=w.size, rate=real(who, "rate", rate, minimum=0))
    step = real(who, "learning_rate", learning_rate, minimum=0.0)
    run_kernel(who, attributes, rows=1, learning_rate=step, w=w)
    return w


def average_weights(
    weights: ArrayLike, average: ArrayLike, *, iteration: int, momentum: float = 0.99, overwrite_frequency: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Lets an average follow the weights, behind a step.

    Args:
        weights: any shape, as the step left them.
        average: like weights; what it is before the first step does not matter, if it is finite.
        iteration: finished steps, 0 in the first.
        momentum: share of the average that is kept, 0 to 1.
        overwrite_frequency: steps after which the weights become their average; 0 is never.

    Returns:
        weights and average, float32.

    Raises:
        ValueError, TypeError: shapes that differ, numbers out of range or NaN.

    Example:
        >>> from pyconvnet import ops
        >>> ops.average_weights([2.0], [1.0], iteration=3, momentum=0.5)
        (array([2.], dtype=float32), array([1.5], dtype=float32))

    Formula: Keras `use_ema`.
    """
    who = "average_weights"
    w, mean = _weights_and(who, "average", weights, average)
    mean = mean.copy()
    attributes = dict(
        size=w.size,
        momentum=rate(who, "momentum", momentum),
        overwrite_frequency=integer(who, "overwrite_frequency", overwrite_frequency, minimum=0, bits=63),
    )
    number = integer(who, "iteration", iteration, minimum=0, bits=63)
    run_kernel(who, attributes, rows=1, iteration=number, w=w, average=mean)
    return w, mean


def _update(
    kind: str,
    attributes: dict[str, Any],
    learning_rate: float,
    iteration: int,
    weights: FloatArray,
    gradient: FloatArray,
    slots: dict[str, FloatArray],
) -> None:
    buffers: dict[str, Any] = {"w": weights, "gradient": gradient, **slots}
    call = {"size": weights.size, **attributes}
    run_kernel(kind, call, rows=1, iteration=iteration, learning_rate=learning_rate, **buffers)


def _weights_and_gradient(who: str, weights: ArrayLike, gradient: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """A copy of the weights, which the kernel changes, and the gradient."""
    return _weights_and(who, "gradient", weights, gradient)


def _weights_and(who: str, name: str, weights: ArrayLike, other: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """A copy of the weights, and an array of their shape."""
    w: FloatArray = float_array(who, "weights", weights).copy()
    array = float_array(who, name, other)
    same_shape(who, name, array.shape, w.shape)
    return w, array


def _slot(who: str, name: str, value: ArrayLike | None, weights: FloatArray) -> FloatArray:
    """A copy of an array that the kernel changes; zeros where there is none yet."""
    if value is None:
        fresh: FloatArray = zeros(weights, weights.shape)
        return fresh
    array: FloatArray = float_array(who, name, value).copy()
    same_shape(who, name, array.shape, weights.shape)
    return array
