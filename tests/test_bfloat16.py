"""Convolutions of bfloat16 products: every dot product of this processor, rounding, and when the plan takes them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from case import Case, error_bound, inputs, outputs, relative_error
from conv_cases import bfloat16_shapes
from walls import between_walls

from pyconvnet import _core, devices, ops, reference
from pyconvnet.ops.conv2d import conv2d_geometry
from pyconvnet.ops.conv2d_algorithm import choose_algorithm, cost

CASES = tuple(bfloat16_shapes())


@pytest.fixture(params=_core.available_bfloat16())
def dot(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run a test once with each dot product of the active instruction set."""
    previous = _core.active_bfloat16()
    _core.set_bfloat16(request.param)
    try:
        yield request.param
    finally:
        _core.set_bfloat16(previous)


def _run(case: Case, arrays: dict[str, Any]) -> list[Any]:
    return outputs(getattr(ops, case.op)(**arrays, **case.op_kwargs))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_each_dot_product_agrees_with_the_reference(case: Case, dot: str, threads: None) -> None:
    assert _core.active_bfloat16() == dot
    arrays = inputs(case, "real")
    exact = outputs(getattr(reference, case.op)(**{k: v.astype(float) for k, v in arrays.items()}, **case.kwargs))
    results = []
    for number in (1, 2, 3, 8):
        _core.set_num_threads(number)
        results.append(_run(case, arrays))
    for got, expected in zip(results[0], exact, strict=True):
        assert relative_error(got, expected) <= error_bound(case)
    for other in results[1:]:
        assert [array.tobytes() for array in other] == [array.tobytes() for array in results[0]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_each_dot_product_is_exact_on_integers(case: Case, dot: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_core, "run_kernel", between_walls(_core.run_kernel))
    arrays = inputs(case, "integer")
    exact = outputs(getattr(reference, case.op)(**{k: v.astype(float) for k, v in arrays.items()}, **case.kwargs))
    for got, expected in zip(_run(case, arrays), exact, strict=True):
        np.testing.assert_array_equal(got, expected.astype(np.float32))


def _rounded(x: np.ndarray) -> np.ndarray:
    """Round numbers to the nearest of bfloat16, ties to even: by hand, in float64."""
    mantissa, exponent = np.frexp(x.astype(np.float64))
    return np.ldexp(np.rint(mantissa * 256) / 256, exponent).astype(np.float32)


def _conv2d(where: devices.Device, x: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    y: np.ndarray = devices.to_numpy(
        ops.conv2d(where.put(x), where.put(kernel), None if bias is None else where.put(bias), algorithm="bfloat16")
    )
    return y


def test_numbers_are_rounded_to_the_nearest_even(where: devices.Device) -> None:
    random = np.random.default_rng(5)
    ties = (1 + np.arange(1, 256, 2) / 256).astype(np.float32)
    x = np.concatenate([random.normal(size=873), ties, -ties * 2.0**-100, [3.4e38, 1.0, -0.0]]).astype(np.float32)
    images = np.zeros((len(x), 1, 1, 3), np.float32)
    images[:, 0, 0, 1] = x  # one channel of three: the others add zeros
    with np.errstate(over="ignore"):
        expected = _rounded(x)
    assert (expected != x).sum() > 1000 and np.isinf(expected).sum() == 1
    one = np.ones((1, 1, 3, 1))
    np.testing.assert_array_equal(_conv2d(where, images, one).ravel()[:-3], expected[:-3])
    assert np.isinf(_conv2d(where, images[-3:], one)).ravel().tolist() == [True, False, False]
    kernel = np.zeros((1, 1, 1, len(x)), np.float32)
    kernel[0, 0, 0] = x
    got = _conv2d(where, np.ones((1, 1, 1, 1)), kernel).ravel()
    np.testing.assert_array_equal(got, expected)


def test_what_is_no_number_stays_none_and_where_it_is(where: devices.Device) -> None:
    bits = np.array([0x7F800001, 0xFF800001, 0x7FFFFFFF, 0x7FC00000], np.uint32)  # the first two only in the lower half
    images = np.ones((4, 1, 2, 1), np.float32)
    images[:, 0, 1, 0] = bits.view(np.float32)
    y = _conv2d(where, images, np.ones((1, 1, 1, 1)))
    assert np.isnan(y[:, 0, 1, 0]).all() and (y[:, 0, 0, 0] == 1).all()
    x, dy = where.put(images), where.put(np.ones((4, 1, 2, 1)))
    dkernel, dbias = map(devices.to_numpy, ops.conv2d_backward_weights(x, dy, 1, algorithm="bfloat16"))
    assert np.isnan(dkernel).all() and dbias[0] == 8


@pytest.mark.parametrize("op", ["conv2d", "conv2d_backward_data", "conv2d_backward_weights"])
def test_all_inputs_are_rounded_and_the_bias_is_not(op: str, where: devices.Device) -> None:
    random = np.random.default_rng(6)
    x, kernel, dy = (
        random.normal(size=shape).astype(np.float32) for shape in ((2, 7, 6, 20), (3, 3, 20, 18), (2, 5, 4, 18))
    )
    bias = random.normal(size=18).astype(np.float32)

    def run(x: np.ndarray, kernel: np.ndarray, dy: np.ndarray) -> list[Any]:
        if op == "conv2d":
            return [_conv2d(where, x, kernel, bias)]
        x, kernel, dy = map(where.put, (x, kernel, dy))
        if op == "conv2d_backward_data":
            return [devices.to_numpy(ops.conv2d_backward_data(dy, kernel, (2, 7, 6, 20), algorithm="bfloat16"))]
        return [devices.to_numpy(y) for y in ops.conv2d_backward_weights(x, dy, 3, algorithm="bfloat16")]

    full, rounded = run(x, kernel, dy), run(_rounded(x), _rounded(kernel), _rounded(dy))
    np.testing.assert_array_equal(full[0], rounded[0])
    if op == "conv2d_backward_weights":
        np.testing.assert_allclose(full[1], dy.astype(float).sum((0, 1, 2)), rtol=1e-5)
    if op == "conv2d":
        exact = reference.conv2d(_rounded(x).astype(float), _rounded(kernel).astype(float), bias.astype(float))
        assert relative_error(full[0], exact) < 1e-6


def _chosen(shape: tuple[int, int, int], filters: int, kernel: int = 3, dot: str = "amx", **options: Any) -> str:
    geometry = conv2d_geometry("test", shape, kernel, filters, **options)
    winograd = dot != devices.TENSOR_CORES  # a GPU has no kernels for it
    return choose_algorithm(geometry, winograd=winograd, bfloat16=dot)


def test_the_plan_takes_bfloat16_where_it_is_quicker() -> None:
    assert _chosen((28, 28, 32), 64, padding="same") == "bfloat16"
    assert _chosen((14, 14, 128), 256) == "bfloat16"
    assert _chosen((28, 28, 32), 64, kernel=5, strides=2) == "bfloat16"
    assert _chosen((28, 28, 1), 32) == "direct"  # bound by memory
    assert _chosen((28, 28, 32), 32, groups=2) == "direct"
    assert _chosen((14, 14, 128), 256, dot="avx512_bf16") == "winograd_4x4"
    assert _chosen((12, 12, 32), 64, kernel=5, dot="avx512_bf16") == "bfloat16"
    assert _chosen((28, 28, 32), 64, kernel=5, strides=2, dot="avx512_bf16") == "bfloat16"
    assert _chosen((14, 14, 128), 256, dot="plain") == "winograd_4x4"
    assert _chosen((14, 14, 128), 256, dot=devices.TENSOR_CORES) == "bfloat16"
    assert _chosen((28, 28, 1), 32, dot=devices.TENSOR_CORES) == "direct"


def test_cost_counts_whole_tiles() -> None:
    def price(width: int, filters: int) -> float:
        geometry = conv2d_geometry("test", (1, width, 32), 1, filters)
        pixels = 8.0 * width * (32 + filters)
        return cost(geometry, "bfloat16") - pixels

    assert price(16, 16) == price(1, 16) == price(16, 3)
    assert price(17, 16) == price(1, 17) == 2 * price(1, 16)


def test_bfloat16_refuses_groups_and_unknown_dot_products() -> None:
    x, kernel = np.ones((1, 8, 8, 4)), np.ones((3, 3, 2, 4))
    with pytest.raises(ValueError, match=r"conv2d: 'bfloat16' needs groups=1, got 2; use algorithm='direct'"):
        ops.conv2d(x, kernel, groups=2, algorithm="bfloat16")
    geometry = {**conv2d_geometry("test", (8, 8, 4), 3, 4), "groups": 2}
    with pytest.raises(ValueError, match=r"conv2d_bfloat16_backward_data: bfloat16 needs groups = 1"):
        _core.describe_kernel("conv2d_bfloat16_backward_data", geometry)
    with pytest.raises(ValueError, match=r"set_bfloat16: unknown bfloat16 dot product 'fpga'; .* offer: .*plain"):
        _core.set_bfloat16("fpga")


def test_other_instruction_sets_know_the_plain_dot_product_alone(isa: str) -> None:
    assert "plain" in _core.available_bfloat16()
    if isa != "avx512":
        assert _core.available_bfloat16() == ["plain"] and _core.active_bfloat16() == "plain"


_UNKNOWN = """
import numpy as np
from pyconvnet import ops, set_num_threads

set_num_threads(2)
images, kernel = np.ones((8, 6, 6, 16), np.float32), np.ones((3, 3, 16, 16), np.float32)
for call in (
    lambda: ops.conv2d(images, kernel, algorithm="bfloat16"),
    lambda: ops.conv2d_backward_data(images[:, :4, :4], kernel, images.shape, algorithm="bfloat16"),
    lambda: ops.conv2d_backward_weights(images, images[:, :4, :4], 3, algorithm="bfloat16"),
):
    try:
        call()
    except ValueError as error:
        print(error)
"""


@pytest.mark.skipif(_core.active_isa() != "avx512", reason="only AVX-512's kernels have dot products to choose from")
def test_an_unknown_dot_product_in_the_environment_is_an_error_of_each_call(tmp_path: Path) -> None:
    environment = {**os.environ, "PYCONVNET_BFLOAT16": "bogus"}
    command = [sys.executable, "-c", _UNKNOWN]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment)
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("PYCONVNET_BFLOAT16: unknown bfloat16 dot product 'bogus'; this ") for line in lines)
