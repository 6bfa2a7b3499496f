"""The reference on the case table: its gradients against finite differences, its float32 against its float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from case import Case, Inputs, error_bound, inputs, outputs, relative_error
from cases import CASES

from pyconvnet import reference

LOSSES = {
    "softmax_cross_entropy",
    "sigmoid_cross_entropy",
    "categorical_cross_entropy",
    "binary_cross_entropy",
    "mean_squared_error",
    "mean_absolute_error",
}


def _name(case: Case) -> str:
    return case.id


def _double(case: Case) -> Inputs:
    """Fill a case with real numbers in float64; class numbers stay integers."""
    return {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in inputs(case, "real").items()}


def _conv2d(a: Inputs, dy: Any, kwargs: dict[str, Any]) -> Inputs:
    dkernel, dbias = reference.conv2d_backward_weights(a["x"], dy, a["kernel"].shape[:2], **kwargs)
    dx = reference.conv2d_backward_data(dy, a["kernel"], a["x"].shape, **kwargs)
    return {"x": dx, "kernel": dkernel, "bias": dbias}


def _dense(a: Inputs, dy: Any, kwargs: dict[str, Any]) -> Inputs:
    dkernel, dbias = reference.dense_backward_weights(a["x"], dy)
    return {"x": reference.dense_backward_data(dy, a["kernel"]), "kernel": dkernel, "bias": dbias}


def _batch_norm_training(a: Inputs, dy: Any, kwargs: dict[str, Any]) -> Inputs:
    _, mean, variance = reference.batch_norm_training(**a, **kwargs)
    dx, dgamma, dbeta = reference.batch_norm_backward(dy, a["x"], a["gamma"], mean, variance, **kwargs)
    return {"x": dx, "gamma": dgamma, "beta": dbeta}


def _concatenate(a: Inputs, dy: Any, kwargs: dict[str, Any]) -> Inputs:
    axis = kwargs.get("axis", -1)
    parts = reference.concatenate_backward(dy, [array.shape[axis] for array in a.values()], axis=axis)
    return dict(zip(a, parts, strict=True))


GRADIENTS: dict[str, Callable[[Inputs, Any, dict[str, Any]], Inputs]] = {
    "conv2d": _conv2d,
    "dense": _dense,
    "batch_norm_training": _batch_norm_training,
    "max_pool2d": lambda a, dy, kw: {"x": reference.max_pool2d_backward(dy, a["x"], **kw)},
    "avg_pool2d": lambda a, dy, kw: {"x": reference.avg_pool2d_backward(dy, a["x"].shape, **kw)},
    "global_max_pool2d": lambda a, dy, kw: {"x": reference.global_max_pool2d_backward(dy, a["x"])},
    "global_avg_pool2d": lambda a, dy, kw: {"x": reference.global_avg_pool2d_backward(dy, a["x"].shape)},
    "flatten": lambda a, dy, kw: {"x": reference.flatten_backward(dy, a["x"].shape)},
    "activation": lambda a, dy, kw: {"x": reference.activation_backward(dy, a["x"], **kw)},
    "multiply": lambda a, dy, kw: dict(zip("ab", reference.multiply_backward(dy, **a), strict=True)),
    "concatenate": _concatenate,
    "zero_pad2d": lambda a, dy, kw: {"x": reference.zero_pad2d_backward(dy, **kw)},
    "dropout": lambda a, dy, kw: {"x": reference.dropout_backward(dy, **kw)},
}


def _check_directional(function: Callable[[Inputs], float], a: Inputs, gradients: Inputs) -> None:
    """Compare the gradient of each input, along a random direction, with a central finite difference.

    A direction has a random part in every element, so one wrong element is seen; it costs two evaluations, not two for
    every element. The bound: the difference of two float64 numbers over 2e-6 keeps about eight digits.
    """
    rng = np.random.default_rng(1)
    step = 1e-6
    for name in gradients.keys() & a.keys():
        direction = rng.normal(size=a[name].shape)
        up = function({**a, name: a[name] + step * direction})
        down = function({**a, name: a[name] - step * direction})
        products = gradients[name] * direction
        scale = float(np.abs(products).sum()) + 1e-3
        assert gradients[name].shape == a[name].shape
        assert abs((up - down) / (2 * step) - float(products.sum())) < 1e-6 * scale, name


@pytest.mark.parametrize("case", [c for c in CASES if c.op in GRADIENTS and c.size == "small"], ids=_name)
def test_gradient_is_the_finite_difference(case: Case) -> None:
    a, forward = _double(case), getattr(reference, case.op)
    y = outputs(forward(**a, **case.kwargs))[0]
    dy = np.random.default_rng(2).normal(size=y.shape)
    _check_directional(
        lambda changed: float((outputs(forward(**changed, **case.kwargs))[0] * dy).sum()),
        a,
        GRADIENTS[case.op](a, dy, case.kwargs),
    )


@pytest.mark.parametrize("case", [c for c in CASES if c.op in LOSSES], ids=_name)
def test_loss_gradient_is_the_finite_difference_of_the_mean(case: Case) -> None:
    a, op = _double(case), getattr(reference, case.op)
    first = next(iter(case.arrays))
    loss, gradient = op(**a)
    assert loss.shape == a[first].shape[:1]
    _check_directional(lambda changed: float(op(**changed)[0].sum()) / max(len(loss), 1), a, {first: gradient})


@pytest.mark.parametrize("case", [c for c in CASES if c.op == "l1_l2"], ids=_name)
def test_penalty_gradient_is_the_finite_difference(case: Case) -> None:
    a = _double(case)
    gradient = reference.l1_l2(a["weights"], **case.kwargs)[1]
    _check_directional(
        lambda changed: float(reference.l1_l2(changed["weights"], **case.kwargs)[0]), a, {"weights": gradient}
    )


def test_every_backward_is_checked_above() -> None:
    backward = {name.split("_backward")[0] for name in reference.__all__ if "_backward" in name}
    assert backward == {name.removesuffix("_training") for name in GRADIENTS}


def test_case_table_names_every_op_once_and_uses_unique_ids() -> None:
    helpers = {"output_size", "same_padding", "philox4x32"}
    # clip_by_global_norm takes a list of arrays: test_clip.py.
    assert {case.op for case in CASES} == set(reference.__all__) - helpers - {"clip_by_global_norm"}
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_reference_keeps_its_dtype_and_float32_meets_the_bound_of_the_kernels(case: Case) -> None:
    op, single = getattr(reference, case.op), inputs(case, "real")
    slack = 16 if case.op.startswith("batch_norm_") else 1  # the kernels add in double, NumPy in float32
    for got, exact in zip(
        outputs(op(**single, **case.kwargs)), outputs(op(**_double(case), **case.kwargs)), strict=True
    ):
        assert got.dtype == np.float32
        assert exact.dtype == np.float64
        assert np.isfinite(exact).all()
        assert relative_error(got, exact) < slack * error_bound(case)
