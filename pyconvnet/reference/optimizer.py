"""The optimizers, each as one step on one array of weights. Nothing is changed in place: new arrays come back.

The gradient of a step is g; a learning rate may differ from step to step.
"""

from __future__ import annotations

import math

import numpy as np

from pyconvnet.reference.shape import Array


def sgd(
    weights: Array,
    gradient: Array,
    velocity: Array | None = None,
    *,
    learning_rate: float = 0.01,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> tuple[Array, Array | None]:
    """Walk downhill, with momentum if wanted.

    Args:
        weights: any shape.
        gradient: like weights.
        velocity: like weights; None is a start from rest.
        learning_rate: length of the step.
        momentum: share of the velocity that is kept, 0 <= momentum < 1.
        nesterov: look ahead: take the gradient's part twice, once through the velocity.

    Returns:
        (weights, velocity); the velocity is None where there is no momentum and none was given.

    Example:
        >>> sgd(np.array([1.0]), np.array([2.0]), np.array([0.5]), learning_rate=0.1, momentum=0.8)
        (array([1.2]), array([0.2]))

    Formula: Keras `SGD`: v = momentum v - lr g; w += v, or w += momentum v - lr g with Nesterov.
    """
    step = -learning_rate * gradient
    if velocity is None:
        if momentum == 0:
            return weights + step, None
        velocity = np.zeros_like(weights)
    velocity = momentum * velocity + step
    if nesterov:
        return weights + momentum * velocity + step, velocity
    return weights + velocity, velocity


def adam(
    weights: Array,
    gradient: Array,
    m: Array,
    v: Array,
    *,
    iteration: int,
    learning_rate: float = 1e-3,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
) -> tuple[Array, Array, Array]:
    """Walk downhill in steps that are as long as the learning rate wherever the gradient keeps its sign.

    Args:
        weights: any shape.
        gradient: like weights.
        m: running mean of the gradient, like weights; zeros at first.
        v: running mean of its square, like weights; zeros at first.
        iteration: finished steps, 0 at first.
        learning_rate: length of the step.
        beta_1: share of m that is kept.
        beta_2: share of v that is kept.
        epsilon: added to sqrt(v).

    Returns:
        (weights, m, v).

    Example:
        >>> weights, m, v = adam(np.array([1.0]), np.array([5.0]), np.zeros(1), np.zeros(1), iteration=0)
        >>> weights.round(6).tolist()
        [0.999]

    Formula: Kingma and Ba, "Adam" (2015), in Keras's form: epsilon is added outside the bias correction.
    """
    t = iteration + 1
    m = m + (gradient - m) * (1 - beta_1)
    v = v + (gradient**2 - v) * (1 - beta_2)
    # m and v start at zero and are too small at first; alpha makes up for it.
    # Keras on TensorFlow rounds the betas of the bias correction, and only these, to float32.
    rounded_1, rounded_2 = float(np.float32(beta_1)), float(np.float32(beta_2))
    alpha = learning_rate * math.sqrt(1 - rounded_2**t) / (1 - rounded_1**t)
    return weights - alpha * m / (np.sqrt(v) + epsilon), m, v


def rmsprop(
    weights: Array,
    gradient: Array,
    velocity: Array,
    momentum_buffer: Array | None = None,
    *,
    learning_rate: float = 1e-3,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
) -> tuple[Array, Array, Array | None]:
    """Walk downhill in steps that are measured by the gradient's usual size.

    Args:
        weights: any shape.
        gradient: like weights.
        velocity: running mean of the squared gradient, like weights; zeros at first.
        momentum_buffer: like weights; None is a start from rest.
        learning_rate: length of the step.
        rho: share of the velocity that is kept.
        momentum: share of the momentum buffer that is kept.
        epsilon: added to the velocity, under the root.

    Returns:
        (weights, velocity, momentum_buffer); without momentum the buffer comes back as it was given.

    Example:
        >>> weights, velocity, _ = rmsprop(np.array([1.0]), np.array([2.0]), np.array([4.0]), learning_rate=0.5)
        >>> weights.round(6).tolist(), velocity.round(6).tolist()
        ([0.5], [4.0])

    Formula: Keras `RMSprop`, centered=False.
    """
    velocity = rho * velocity + (1 - rho) * gradient**2
    step = learning_rate * gradient / np.sqrt(velocity + epsilon)
    if momentum == 0:
        return weights - step, velocity, momentum_buffer
    momentum_buffer = step if momentum_buffer is None else momentum * momentum_buffer + step
    return weights - momentum_buffer, velocity, momentum_buffer


def decay_weights(weights: Array, *, rate: float, learning_rate: float = 1e-3) -> Array:
    """Make every weight a little smaller, whatever its gradient.

    Args:
        weights: any shape.
        rate: share that is taken off, times the learning rate.
        learning_rate: of the step that follows.

    Returns:
        The same shape.

    Example:
        >>> decay_weights(np.array([2.0]), rate=0.5, learning_rate=0.1).tolist()
        [1.9]

    Formula: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019): w - w rate lr.
    """
    return weights - weights * rate * learning_rate


def average_weights(
    weights: Array, average: Array, *, iteration: int, momentum: float = 0.99, overwrite_frequency: int = 0
) -> tuple[Array, Array]:
    """Let an average follow the weights, behind a step.

    Args:
        weights: any shape, as the step left them.
        average: like weights; what it is before the first step does not matter.
        iteration: finished steps, 0 in the first.
        momentum: share of the average that is kept.
        overwrite_frequency: steps after which the weights become their average; 0 is never.

    Returns:
        (weights, average).

    Example:
        >>> average_weights(np.array([2.0]), np.array([1.0]), iteration=3, momentum=0.5)
        (array([2.]), array([1.5]))

    Formula: Keras `use_ema`.
    """
    kept = momentum if iteration > 0 else 0.0
    average = kept * average + (1 - kept) * weights
    if overwrite_frequency > 0 and (iteration + 1) % overwrite_frequency == 0:
        return average.copy(), average
    return weights.copy(), average
