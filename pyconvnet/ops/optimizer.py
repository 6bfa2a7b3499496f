"""Optimizer steps on one array of weights: eager functions, and the kernel call of a variable's update in the plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconvnet.ops._check import FloatArray, float_array, integer, rate, real, same_shape
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.rule import Emitter, Tensor


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
    v = _slot(who, "velocity", velocity, w.shape)
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
    slots = dict(m=_slot(who, "m", m, w.shape), v=_slot(who, "v", v, w.shape))
    attributes = dict(
        beta_1=rate(who, "beta_1", beta_1, below_one=True),
        beta_2=rate(who, "beta_2", beta_2, below_one=True),
        epsilon=real(who, "epsilon", epsilon, minimum=0.0),
    )
    step = real(who, "learning_rate", learning_rate, minimum=0.0)
    _update(who, attributes, step, integer(who, "iteration", iteration, minimum=0), w, g, slots)
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
    slots = dict(velocity=_slot(who, "velocity", velocity, w.shape))
    attributes = dict(
        rho=rate(who, "rho", rho),
        momentum=rate(who, "momentum", momentum),
        epsilon=real(who, "epsilon", epsilon, minimum=0.0),
    )
    buffer = None
    if momentum_buffer is not None or momentum != 0:
        buffer = _slot(who, "momentum_buffer", momentum_buffer, w.shape)
    if momentum != 0 and buffer is not None:
        slots["momentum_buffer"] = buffer
    _update(who, attributes, real(who, "learning_rate", learning_rate, minimum=0.0), 0, w, g, slots)
    return w, slots["velocity"], buffer


def slot_names(kind: str, attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """The arrays that an optimizer keeps for each variable: sgd, adam or rmsprop with these attributes."""
    moving = attributes.get("momentum", 0.0) != 0
    if kind == "sgd":
        return ("velocity",) if moving else ()
    if kind == "adam":
        return "m", "v"
    if kind == "rmsprop":
        return ("velocity", "momentum_buffer") if moving else ("velocity",)
    raise ValueError(f"optimizer '{kind}': must be sgd, adam or rmsprop")


def emit_update(
    emit: Emitter,
    kind: str,
    attributes: Mapping[str, Any],
    variable: Tensor,
    gradient: Tensor,
    slots: Mapping[str, Tensor],
) -> None:
    """Adds the kernel call of one variable's step; rate and step number come with each run.

    Args:
        emit: where calls go.
        kind: "sgd", "adam" or "rmsprop".
        attributes: momentum and nesterov; beta_1, beta_2 and epsilon; or rho, momentum and epsilon.
        variable: the weights.
        gradient: like the weights.
        slots: the arrays named by `slot_names`; others are left alone.

    Raises:
        ValueError: an unknown kind, or a slot that is missing.
    """
    names = slot_names(kind, attributes)
    missing = [name for name in names if name not in slots]
    if missing:
        raise ValueError(f"optimizer '{kind}': needs {', '.join(names)} for {variable.name}, got no {missing[0]}")
    arrays = {name: slots[name] for name in names}
    call = {"size": variable.size, **attributes}
    emit.call(kind, call, variable.name, w=variable, gradient=gradient, **arrays)


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
    w: FloatArray = float_array(who, "weights", weights).copy()
    g = float_array(who, "gradient", gradient)
    same_shape(who, "gradient", g.shape, w.shape)
    return w, g


def _slot(who: str, name: str, value: ArrayLike | None, shape: tuple[int, ...]) -> FloatArray:
    """A copy of an array that the kernel changes; zeros where there is none yet."""
    if value is None:
        return np.zeros(shape, np.float32)
    array: FloatArray = float_array(who, name, value).copy()
    same_shape(who, name, array.shape, shape)
    return array
