"""The interpreter's own arithmetic: rounding in every direction, numbers at the edges, and what it refuses."""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent / "cuda"))

from ptx_arithmetic import operation
from ptx_memory import GlobalMemory, ProcessMemory, PtxError, SharedMemory, access
from ptx_program import Instruction, parse

RANDOM = np.random.default_rng(0)


def compute(name: str, *values: np.ndarray) -> np.ndarray:
    """Give what an instruction makes of its operands."""
    found, operands = operation(name), {f"%{n}": value for n, value in enumerate(values)}
    assert found, f"{name} is not interpreted"
    instruction = Instruction(None, False, name.split("."), ["%to", *operands])
    with np.errstate(all="ignore"):
        return found(instruction, lambda operand, kind: operands[operand])


def _factors() -> list[np.ndarray]:
    """Make products that a third number cancels, nearly cancels, or hardly changes."""
    a, b = (np.ldexp(RANDOM.uniform(-2, 2, 3000), RANDOM.integers(-20, 20, 3000)).astype("f4") for _ in range(2))
    c = -(a * b) * np.float32(2.0) ** RANDOM.integers(-40, 3, 3000).astype("f4")
    return [a, b, np.where(np.arange(3000) % 3, c, -(a * b))]


@pytest.mark.parametrize("name", ["fma.rn.f32", "fma.rm.f32", "add.rz.f32"])
def test_sums_are_rounded_once(name: str) -> None:
    a, b, c = _factors()
    values = (a, b, c) if name.startswith("fma") else (a, c)
    got = compute(name, *values)
    for x, *numbers in zip(got, *values, strict=True):
        first, *others = (Fraction(float(number)) for number in numbers)
        exact = first * others[0] + others[1] if len(others) == 2 else first + others[0]
        below, above = np.nextafter(x, np.float32(-np.inf)), np.nextafter(x, np.float32(np.inf))
        low, here, high = (Fraction(float(number)) for number in (below, x, above))
        if ".rn." in name:
            assert abs(here - exact) <= min(abs(low - exact), abs(high - exact))
        elif ".rm." in name:
            assert here <= exact < high
        else:
            assert abs(here) <= abs(exact) and abs(exact - here) < max(high - here, here - low)


def test_doubles_are_multiplied_and_added_at_once() -> None:
    x = np.float64([1 + 2.0**-30, 3, np.inf])
    assert compute("fma.rn.f64", x, x, -x * x).tolist()[:2] == [2.0**-60, 0]
    assert math.isnan(compute("fma.rn.f64", x, x, -x * x)[2])


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("max.f32", ([np.nan, -0.0, np.nan], [1, 0, np.nan]), [1, 0.0, np.nan]),
        ("min.f32", ([np.nan, 0, 5], [1, -0.0, -5]), [1, -0.0, -5]),
        ("copysign.f32", ([-1, 2], [3, -4]), [-3, 4]),
        ("cvt.sat.f32.f32", ([-1, 0.5, 7, np.nan],), [0, 0.5, 1, 0]),
        ("cvt.rzi.s32.f32", ([-1.9, 3e9, -np.inf, np.nan],), [-1, 2**31 - 1, -(2**31), 0]),
        ("cvt.rmi.s64.f64", ([-1.5, 2.0**63, -np.inf, np.nan],), [-2, 2**63 - 1, -(2**63), -(2**63)]),
        ("cvt.rzi.s32.f64", ([2.0**31 - 0.5, np.nan],), [2**31 - 1, -(2**31)]),
        ("cvt.rni.f32.f32", ([0.5, 1.5, -2.5, np.nan],), [0, 2, -2, np.nan]),
        ("setp.ne.f32", ([1, np.nan, 2], [1, 1, 1]), [False, False, True]),
        ("setp.neu.f32", ([1, np.nan, 2], [1, 1, 1]), [False, True, True]),
        ("setp.gtu.f32", ([1, np.nan, 2], [1, 1, 1]), [False, True, True]),
    ],
)
def test_numbers_at_the_edges(name: str, values: tuple[list[float], ...], wanted: list[float]) -> None:
    got = compute(name, *(np.float32(value) for value in values))
    np.testing.assert_array_equal(got, wanted)
    if got.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(got), np.signbit(wanted))


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("div.s32", ([-7, 7, -7, 6], [2, -2, -2, -3]), [-3, -3, 3, -2]),
        ("rem.s32", ([-7, 7, -7, 6], [2, -2, -2, -3]), [-1, 1, -1, 0]),
        ("mul.hi.s32", ([-(2**31), 3], [2**31 - 1, 5]), [-(2**30), 0]),
        ("shr.s32", ([-8, -8, 8], [1, 40, 40]), [-4, -1, 0]),
    ],
)
def test_integers(name: str, values: tuple[list[int], ...], wanted: list[int]) -> None:
    assert compute(name, *(np.int32(value) for value in values)).tolist() == wanted


def test_bytes_are_chosen() -> None:
    words = (np.uint32([word]) for word in (0x44332211, 0x88776655, 0xF740))
    assert compute("prmt.b32", *words).tolist() == [0xFF885511]


@pytest.mark.parametrize("name", ["add.sat.s32", "max.NaN.f32", "fma.rn.ftz.f32", "cvt.rm.f32.f64", "sin.approx.f32"])
def test_what_is_not_known_is_refused(name: str) -> None:
    assert operation(name) is None


def test_memory_is_checked() -> None:
    array, threads, shared = np.zeros(4, np.float32), np.arange(2), SharedMemory(0, 0)
    memory, data = ProcessMemory(), np.ones((2, 4), np.uint8)
    memory.allow(array[1:3])
    memory.begin_launch()
    at = array.ctypes.data + 4 * np.arange(4)
    assert access("global", memory, shared, at[1:3], threads, 4).shape == (2, 4)
    for address in (at[:2], at[2:]):
        with pytest.raises(PtxError, match="global memory out of bounds by thread"):
            access("global", memory, shared, address, threads, 4)
    with pytest.raises(PtxError, match="global memory out of bounds by thread 0"):
        access("global", memory, shared, at[1:3], threads, 4, data)  # which may only be read
    with pytest.raises(PtxError, match="global memory out of bounds"):
        access("global", GlobalMemory(), shared, at[1:3], threads, 4)


def test_threads_of_a_grid_that_meet_in_memory_are_noticed() -> None:
    array, shared = np.zeros(2, np.float32), [SharedMemory(0, 0), SharedMemory(0, 32)]
    memory, data, threads = ProcessMemory(), np.ones((1, 4), np.uint8), np.arange(1)
    memory.allow(array, writable=True)
    memory.begin_launch()
    at = array.ctypes.data + np.zeros(1, np.int64)
    access("global", memory, shared[0], at, threads, 4)
    access("global", memory, shared[0], at, threads, 4, data)  # its own
    with pytest.raises(PtxError, match="race: thread 32 of a grid reads global memory that another one wrote"):
        access("global", memory, shared[1], at, threads, 4)
    access("global", memory, shared[0], at + 4, threads, 4)
    with pytest.raises(PtxError, match="race: thread 32 of a grid writes global memory that another one read"):
        access("global", memory, shared[1], at + 4, threads, 4, data)
    memory.begin_launch()
    access("global", memory, shared[1], at, threads, 4, data)
    with pytest.raises(PtxError, match="race: two threads of a grid write the same global memory"):
        access("global", memory, shared[0], np.repeat(at + 4, 2), np.arange(2), 4, np.ones((2, 4), np.uint8))


def test_functions_and_calls_are_read() -> None:
    (kernel,) = parse("""
.func (.param .b64 answer) twice (.param .b64 x);
.entry name(.param .u64 name_param_0, .param .align 8 .b8 name_param_1[24])
{ // comment
 .reg .f64 %fd<3>;
 { // callseq
 .param .b64 param0;
 call.uni (retval0),
 twice,
 (
 param0
 );
 }
 ret;
}
.func (.param .b64 answer) twice (.param .b64 x)
{
 ret;
}
""").values()
    assert kernel.parameters == {"name_param_0": 8, "name_param_1": 24}
    assert [i.name for i in kernel.code] == ["call.uni", "ret"]
    assert kernel.code[0].operands == ["(retval0)", "twice", "( param0 )"]
    assert kernel.functions["twice"].parameters == {"answer": 8, "x": 8}


@pytest.mark.parametrize(
    "accesses",
    [
        [([1], False), ([0], False), ([0], True)],
        [([0, 1, 2, 3], False), ([3], True)],
        [([0, 1], True)],
        [([0], True), ([1], False)],
        [([0], True), ([1], True)],
    ],
    ids=["a reader forgotten", "many readers", "at once", "no barrier for a reader", "no barrier for a writer"],
)
def test_races_in_shared_memory_are_seen(accesses: list[tuple[list[int], bool]]) -> None:
    shared = SharedMemory(16, 0)

    def go_through(barriers: bool) -> None:
        for threads, store in accesses:
            shared.phase += barriers
            shared.check_order(np.ones((len(threads), 1), int), np.array(threads)[:, None], store)

    with pytest.raises(PtxError, match=r"race: thread . (reads|writes) shared memory that"):
        go_through(False)
    shared.phase += 1
    if all(len(threads) == 1 or not store for threads, store in accesses):
        go_through(True)
