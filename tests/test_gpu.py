"""Ops, trainings and captured steps on a GPU: a real one (``-m gpu``), or the emulator in its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cupy_double
import numpy as np
import pytest
from case import Case, Data, error_bound, inputs, outputs, relative_error
from cases import CASES
from emulated import emulator
from trainings import OPTIMIZERS, train

from pyconvnet import config, devices, ops, reference
from pyconvnet.devices import Device
from pyconvnet.training import loop

OFFERED = [case for case in CASES if case.algorithm in ("", "gemm", "bfloat16")]
SMALL = [case for case in OFFERED if case.size == "small"]
PRODUCTS = [case for case in SMALL if case.op.startswith(("conv2d", "dense")) and "zero-rows" not in case.id]
TF32 = [case for case in PRODUCTS if case.algorithm != "bfloat16"]
TF32_BOUND = 2.0**-9  # as in test_emulator_ops

every = pytest.mark.parametrize(
    "case",
    [*SMALL, *(pytest.param(case, marks=pytest.mark.gpu) for case in OFFERED if case not in SMALL)],
    ids=lambda case: case.id,
)


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> Iterator[Device]:
    """The GPU, multiplying in float32 until a test says otherwise."""
    before = config.tf32
    config.tf32 = False
    try:
        if request.param == "real":
            assert devices.why_no_gpu() is None, devices.why_no_gpu()
            yield devices.get("cuda")
        else:
            emulator()
            with cupy_double.gpu():
                yield devices.get("cuda")
    finally:
        config.tf32 = before


def _run(device: Device, case: Case, data: Data = "real") -> list[Any]:
    arrays = {name: device.put(array) for name, array in inputs(case, data).items()}
    result = getattr(ops, case.op)(**arrays, **case.op_kwargs)
    results = result if isinstance(result, tuple) else (result,)
    assert all(devices.on_gpu(array) for array in results if array is not None)
    return outputs(tuple(devices.to_numpy(array) for array in results))


def _exact(case: Case, data: Data = "real") -> list[Any]:
    arrays = {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in inputs(case, data).items()}
    return outputs(getattr(reference, case.op)(**arrays, **case.kwargs))


@every
def test_ops_agree_with_the_reference_and_repeat_their_bits(device: Device, case: Case) -> None:
    results = _run(device, case)
    for got, exact in zip(results, _exact(case), strict=True):
        assert relative_error(got, exact) <= error_bound(case)
    assert [array.tobytes() for array in _run(device, case)] == [array.tobytes() for array in results]


@pytest.mark.parametrize("tf32", [False, True], ids=["float32", "tf32"])
@pytest.mark.parametrize("case", [case for case in SMALL if case.macs_only], ids=lambda case: case.id)
def test_kernels_are_exact_on_integers(device: Device, case: Case, tf32: bool) -> None:
    config.tf32 = tf32
    for got, exact in zip(_run(device, case, "integer"), _exact(case, "integer"), strict=True):
        np.testing.assert_array_equal(got, exact.astype(np.float32))


@pytest.mark.parametrize("case", TF32, ids=lambda case: case.id)
def test_products_in_tf32_are_as_good_as_tf32(device: Device, case: Case) -> None:
    config.tf32 = True
    for got, exact in zip(_run(device, case), _exact(case), strict=True):
        assert relative_error(got, exact) <= TF32_BOUND


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_training_follows_the_processor(device: Device, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "device", "cpu")
    expected, weights = train(make())
    monkeypatch.setattr(config, "device", device.name)
    got, own = train(make())
    for name in expected:
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-5, err_msg=name)
    for one, other in zip(own, weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_captured_steps_give_the_bits_of_launched_ones(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "device", device.name)
    results = []
    for graphs, seconds in ((True, 1e6), (False, 1e6), (False, 0.0)):  # many steps in one crossing, or one
        monkeypatch.setattr(config, "graphs", graphs)
        monkeypatch.setattr(loop, "_SECONDS_A_CHUNK", seconds)
        history, arrays = train("adam")
        results.append((history, [array.tobytes() for array in arrays]))
    assert results[0] == results[1] == results[2]


def test_training_in_tf32_learns_as_well(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "device", "cpu")
    expected, _ = train("adam")
    monkeypatch.setattr(config, "device", device.name)
    config.tf32 = True
    got, _ = train("adam")
    np.testing.assert_allclose(got["loss"], expected["loss"], rtol=0.01)
