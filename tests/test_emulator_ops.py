"""The CUDA kernels on the emulator: the case table against the reference in every order of threads, and gathers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from case import Case, Data, Inputs, error_bound, inputs, outputs, relative_error
from cases import CASES
from emulated import ORDERS, emulated, emulator
from walls import between_walls

from pyconvnet import _core, ops, reference

emulator()

OFFERED = [case for case in CASES if case.algorithm in ("", "gemm", "bfloat16")]
SMALL, MEDIUM = ([case for case in OFFERED if case.size == size] for size in ("small", "medium"))
SLICED = [case for case in MEDIUM if "5x52500x20" in case.id]  # in slices, and four numbers a copy
EMPTY = ("conv2d-zero-rows", "conv2d-gemm-zero-rows")
TF32 = [case for case in OFFERED if case.op.startswith(("conv2d", "dense")) and case.algorithm != "bfloat16"]
TF32_BOUND = 2.0**-9  # both factors lose 2^-11 of themselves; sums of many products hide more of it than they add

every = pytest.mark.parametrize(
    "case",
    [*SMALL, *SLICED, *(pytest.param(case, marks=pytest.mark.long) for case in MEDIUM if case not in SLICED)],
    ids=lambda case: case.id,
)


def _run(case: Case, arrays: Inputs) -> list[Any]:
    return outputs(getattr(ops, case.op)(**arrays, **case.op_kwargs))


def _exact(case: Case, data: Data) -> list[Any]:
    arrays = {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in inputs(case, data).items()}
    return outputs(getattr(reference, case.op)(**arrays, **case.kwargs))


@pytest.fixture
def walls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put each buffer between walls; their width keeps kernels from copying four numbers at a time."""
    monkeypatch.setattr(_core, "run_kernel", between_walls(_core.run_kernel))


@pytest.mark.parametrize("case", OFFERED, ids=lambda case: case.id)
def test_kernel_agrees_with_the_reference(case: Case, walls: None) -> None:
    with emulated():
        results = _run(case, inputs(case, "real"))
    for got, exact in zip(results, _exact(case, "real"), strict=True):
        assert relative_error(got, exact) <= error_bound(case)


@every
def test_any_order_of_threads_gives_the_same_bits(case: Case, request: pytest.FixtureRequest) -> None:
    arrays, results = inputs(case, "real"), []
    for order in ORDERS:
        with emulated(order=order, seed=len(case.id)):
            results.append([array.tobytes() for array in _run(case, arrays)])
    request.getfixturevalue("walls")  # and unaligned arrays, which are copied number by number
    with emulated():
        results.append([array.tobytes() for array in _run(case, arrays)])
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("backend", ["emu", "emu_tf32"])
@pytest.mark.parametrize("case", [case for case in SMALL if case.macs_only], ids=lambda case: case.id)
def test_kernel_is_exact_on_integers(case: Case, backend: str) -> None:
    with emulated(backend):
        results = _run(case, inputs(case, "integer"))
    for got, exact in zip(results, _exact(case, "integer"), strict=True):
        np.testing.assert_array_equal(got, exact.astype(np.float32))


@pytest.mark.parametrize(
    "case", [case for case in TF32 if case.size == "small" and case.id not in EMPTY], ids=lambda case: case.id
)
def test_products_in_tf32_are_as_good_as_tf32(case: Case) -> None:
    with emulated("emu_tf32", "random"):
        results = _run(case, inputs(case, "real"))
    for got, exact in zip(results, _exact(case, "real"), strict=True):
        assert relative_error(got, exact) <= TF32_BOUND


@pytest.mark.parametrize("id", ["dense-7x100x48", "conv2d-3x3-same", "conv2d_backward_weights-5x5"])
def test_products_in_tf32_are_rounded_to_tf32(id: str) -> None:
    case = next(case for case in OFFERED if case.id == id)
    results = {}
    for backend in ("emu", "emu_tf32"):
        with emulated(backend):
            results[backend] = _run(case, inputs(case, "real"))[0]
    assert relative_error(results["emu_tf32"], results["emu"]) > 10 * error_bound(case)


def test_every_kernel_is_offered_but_those_of_the_processor() -> None:
    missing = {name for name in _core.kernel_names() if not _core.offers_kernel(name, "emu")}
    for name in missing:
        with pytest.raises(ValueError, match=f"{name}: this backend does not offer it"):
            _core.run_kernel(name, {}, {}, 1, 0, 0, 0.0, [], np.empty(0, np.int64), backend="emu")
    algorithms = ("conv2d_winograd", "conv2d_pool")
    of_the_processor = {name for name in _core.kernel_names() if name.startswith(algorithms)}
    assert missing == of_the_processor | {"fma_peak"}


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Plan: unknown backend 'vulkan'; loaded are: cpu, .*emu, emu_tf32"):
        _core.Plan([], [], 1, backend="vulkan")


def test_capsules_of_others_are_refused() -> None:
    import datetime

    with pytest.raises(ValueError, match="add_backends: not a table of kernels"):
        _core.add_backends(datetime.datetime_CAPI)


def _feeds() -> Iterator[Any]:
    """Arrays of every dtype and of any strides, five rows of six numbers."""
    random = np.random.default_rng(0)
    for dtype in ("f4", "f8", "f2", "u1", "i1", "u2", "i2", "i4", "u4", "i8", "u8", "?"):
        values = random.integers(0, 2 if dtype == "?" else 100, (5, 2, 3)).astype(dtype)
        yield pytest.param(values, id=dtype)
        yield pytest.param(np.asfortranarray(values)[::-1, ::-1], id=f"{dtype}-strided")
    packed = np.zeros(5, np.dtype([("byte", "u1"), ("row", "f8", (2, 3))]))
    packed["row"] = random.normal(size=(5, 2, 3))
    yield pytest.param(packed["row"], id="unaligned")
    special = np.array([0, -0.0, np.inf, -np.inf, 6e-8, 65504] * 5, np.float16).reshape(5, 2, 3)
    yield pytest.param(special, id="special halves")


@pytest.mark.parametrize("feed", list(_feeds()))
@pytest.mark.parametrize(("kernel", "dtype"), [("gather", np.float32), ("gather_labels", np.int32)])
def test_gather_reads_any_array(feed: Any, kernel: str, dtype: Any) -> None:
    if kernel == "gather_labels" and feed.dtype == np.float16 and not np.isfinite(feed).all():
        feed = np.where(np.isfinite(feed), feed, np.float16(0))  # no number is infinite
    indices = np.array([4, 0, 0, 3])
    out = np.zeros((4, 6), dtype)
    call = (kernel, {"feed": 0, "size": 6}, {"out": (0, 0, out.size, np.dtype(dtype).name)})
    for order in ORDERS:
        with emulated(order=order):
            plan = _core.Plan([call], [out], 4, backend="emu")
            out.fill(77)
            plan.run([(feed, None)], indices, 4, 0, 0, 0.0)
        np.testing.assert_array_equal(out, feed[indices].reshape(4, 6).astype(dtype))


def test_gather_looks_bytes_up_in_a_table() -> None:
    feed, table = np.arange(12, dtype=np.uint8).reshape(2, 6), np.sqrt(np.arange(256, dtype=np.float32))
    out = np.zeros((2, 6), np.float32)
    with emulated():
        plan = _core.Plan([("gather", {"feed": 0, "size": 6}, {"out": (0, 0, 12, "float32")})], [out], 2, backend="emu")
        plan.run([(feed, table)], np.array([1, 0]), 2, 0, 0, 0.0)
    np.testing.assert_array_equal(out, table[feed[::-1]])
