"""Every op of `pyconvnet.ops` on the case table, against the reference in float64, on every ISA and thread count.

Every kernel call of this file runs between walls, see `walls.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from case import Case, Data, Inputs, error_bound, inputs, outputs, relative_error
from cases import CASES
from walls import between_walls

from pyconvnet import _core, ops, reference
from pyconvnet._core import run_kernel
from pyconvnet.devices import CPU

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


@pytest.fixture(autouse=True)
def walls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put each buffer of each kernel call between walls."""
    monkeypatch.setattr(_core, "run_kernel", between_walls(run_kernel))


def _run(case: Case, arrays: Inputs) -> list[Any]:
    return outputs(getattr(ops, case.op)(**arrays, **case.op_kwargs))


def _exact(case: Case, data: Data) -> list[Any]:
    """Answer the case with the reference in float64, on the very numbers that the op gets."""
    arrays = {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in inputs(case, data).items()}
    return outputs(getattr(reference, case.op)(**arrays, **case.kwargs))


def test_every_isa_can_be_forced(isa: str) -> None:
    assert _core.active_isa() == isa


@pytest.mark.parametrize(("shift", "side"), [(-1, "before"), (1, "behind")])
def test_a_write_beside_a_buffer_is_noticed(shift: int, side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_shifted(kernel: str, attributes: Inputs, arrays: Inputs, *rest: Any) -> None:
        block, y = arrays["y"].base, arrays["y"]
        start = (y.ctypes.data - block.ctypes.data) // y.itemsize + shift
        run_kernel(kernel, attributes, {**arrays, "y": block[start : start + y.size]}, *rest)

    monkeypatch.setattr(_core, "run_kernel", between_walls(run_shifted))
    with pytest.raises(AssertionError, match=f"dense_forward wrote {side} its 'y'"):
        ops.dense(np.ones((2, 3)), np.ones((3, 4)))


def test_a_write_into_an_input_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_and_spoil(kernel: str, attributes: Inputs, arrays: Inputs, *rest: Any) -> None:
        run_kernel(kernel, attributes, arrays, *rest)
        arrays["x"][0] = 7

    monkeypatch.setattr(_core, "run_kernel", between_walls(run_and_spoil))
    with pytest.raises(AssertionError, match="dense_forward wrote into its 'x'"):
        ops.dense(np.ones((2, 3)), np.ones((3, 4)))


@every_case
def test_op_agrees_with_the_reference(case: Case, isa: str) -> None:
    for got, exact in zip(_run(case, inputs(case, "real")), _exact(case, "real"), strict=True):
        assert got.dtype == np.float32 or got.ndim == 0  # a penalty is a plain number
        assert relative_error(got, exact) <= error_bound(case)


@pytest.mark.parametrize("case", [case for case in CASES if case.macs_only], ids=lambda case: case.id)
def test_op_is_exact_on_integers(case: Case, isa: str) -> None:
    for got, exact in zip(_run(case, inputs(case, "integer")), _exact(case, "integer"), strict=True):
        np.testing.assert_array_equal(got, exact.astype(np.float32))


@every_case
def test_any_number_of_threads_gives_the_same_bits(case: Case, threads: None) -> None:
    arrays = inputs(case, "real")
    results = []
    for number in (1, 2, 3, 8):
        _core.set_num_threads(number)
        assert _core.get_num_threads() == number
        results.append([array.tobytes() for array in _run(case, arrays)])
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("make", [CPU.empty, CPU.zeros])
def test_what_ops_make_begins_with_a_cache_line(make: Callable[[tuple[int, ...]], np.ndarray]) -> None:
    arrays = [make((rows, 3)) for rows in (1, 5, 1000, 100_000)]
    assert [array.ctypes.data % 64 for array in arrays] == [0] * 4
    assert [array.shape for array in arrays] == [(1, 3), (5, 3), (1000, 3), (100_000, 3)]


@every_case
def test_op_leaves_its_inputs_alone_and_answers_new_arrays(case: Case) -> None:
    arrays, before = inputs(case, "real"), inputs(case, "real")
    results = _run(case, arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name])
        assert not any(np.shares_memory(result, array) for result in results)


@every_case
def test_memory_layout_and_double_inputs_do_not_change_a_bit(case: Case) -> None:
    arrays = inputs(case, "real")
    expected = [array.tobytes() for array in _run(case, arrays)]
    doubles = {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in arrays.items()}
    variants = {
        "gaps": {name: _with_gaps(array) for name, array in arrays.items()},
        "backwards": {name: _backwards(array) for name, array in arrays.items()},
        "float64": doubles,
        "float64, column-major": {name: np.asfortranarray(array) for name, array in doubles.items()},
    }
    for layout, variant in variants.items():
        assert [array.tobytes() for array in _run(case, variant)] == expected, layout


@every_case
def test_result_does_not_depend_on_what_its_memory_held_before(case: Case) -> None:
    arrays = inputs(case, "real")
    first = _run(case, arrays)
    expected = [array.tobytes() for array in first]
    for array in first:
        array.fill(np.nan)
    del first, array  # NumPy and malloc hand the same memory out again
    assert [array.tobytes() for array in _run(case, arrays)] == expected


def _with_gaps(array: Any) -> Any:
    """Lay the array out with poison after each of its numbers."""
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), _poison(array.dtype), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def test_few_filters_have_the_bits_that_they_have_among_many(isa: str) -> None:
    """Planes of pixels or register tiles of filters: the same products in the same order."""
    rng = np.random.default_rng(0)
    x, bias = rng.normal(size=(2, 9, 20, 3)).astype("f4"), rng.normal(size=16).astype("f4")
    kernel = rng.normal(size=(3, 4, 3, 16)).astype("f4")
    many = ops.conv2d(x, kernel, bias, padding="same")
    for filters in range(1, 16):
        few = ops.conv2d(x, kernel[..., :filters], bias[:filters], padding="same")
        np.testing.assert_array_equal(few, many[..., :filters], err_msg=f"{filters} filters")


def _backwards(array: Any) -> Any:
    """Lay the array out backwards in memory: negative strides along every axis."""
    mirror = (slice(None, None, -1),) * array.ndim
    return array[mirror].copy()[mirror]


def _poison(dtype: np.dtype[Any]) -> float | int:
    """Choose a number that spoils every result it gets into: NaN, or a class that no case has."""
    return np.nan if dtype.kind == "f" else int(np.iinfo(dtype).max)
