"""The arithmetic of PTX: what an instruction makes of its operands, in every lane at once.

Each function here answers the value of the instructions whose whole names its patterns match; what matches none is
refused. `get(operand, type)` gives an operand's value in every lane. Rounding is that of IEEE 754, as PTX promises, but
for the approximations of special functions, of which it promises a few bits less than a float has: these are computed
in double here, and rounded once.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from ptx_program import SIGNED, UNSIGNED, Instruction, dtype_of

Lanes = np.ndarray  # a value, or whether it is active, for each thread
Get = Callable[[str, str], Lanes]
Operation = Callable[[Instruction, Get], Any]
_OPERATIONS: list[tuple[str, Operation]] = []

_COMPARE = {
    "eq": lambda a, b: a == b, "ne": lambda a, b: (a < b) | (a > b), "neu": lambda a, b: a != b,
    "lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
    "equ": lambda a, b: ~((a < b) | (a > b)), "num": lambda a, b: (a == a) & (b == b),
    "ltu": lambda a, b: ~(a >= b), "leu": lambda a, b: ~(a > b), "gtu": lambda a, b: ~(a <= b),
    "geu": lambda a, b: ~(a < b), "nan": lambda a, b: (a != a) | (b != b),
}  # fmt: skip
_TWO = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "and": lambda a, b: a & b,
    "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b,
}  # fmt: skip
_ONE = {"neg": lambda a: -a, "abs": np.abs, "not": lambda a: ~a, "rcp": lambda a: 1 / a, "sqrt": np.sqrt}


def _operation(*patterns: str) -> Callable[[Operation], Operation]:
    def register(function: Operation) -> Operation:
        _OPERATIONS.append(("|".join(patterns), function))
        return function

    return register


@cache
def operation(name: str) -> Operation | None:
    """Find what computes the instructions of a name, if anything does."""
    return next((function for patterns, function in _OPERATIONS if re.fullmatch(patterns, name)), None)


def _sources(i: Instruction, get: Get, count: int) -> list[Lanes]:
    return [get(operand, i.names[-1]) for operand in i.operands[1 : 1 + count]]


@_operation(
    r"(add|sub|mul)(\.rn)?\.f(32|64)", r"(add|sub|mul\.lo)\.[su](16|32|64)", r"(and|or|xor)\.(pred|b16|b32|b64)"
)
def _two(i: Instruction, get: Get) -> Any:
    return _TWO[i.names[0]](*_sources(i, get, 2))


@_operation(r"neg\.([sf]32|[sf]64)", r"abs\.f(32|64)", r"not\.(pred|b16|b32|b64)", r"(rcp|sqrt)\.rn\.f(32|64)")
def _one(i: Instruction, get: Get) -> Any:
    return _ONE[i.names[0]](get(i.operands[1], i.names[-1]))


@_operation(r"(min|max)\.([su]32|[su]64|f32|f64)")
def _extreme(i: Instruction, get: Get) -> Any:
    a, b = _sources(i, get, 2)
    if a.dtype.kind != "f":
        return (np.minimum if i.names[0] == "min" else np.maximum)(a, b)
    extreme = (np.fmin if i.names[0] == "min" else np.fmax)(a, b)  # of a number and NaN the number
    bits = UNSIGNED[a.dtype.itemsize * 8]
    zero = (a.view(bits) | b.view(bits)) if i.names[0] == "min" else (a.view(bits) & b.view(bits))
    return np.where((a == 0) & (b == 0), zero.view(a.dtype), extreme)  # -0 is below +0


@_operation(r"copysign\.f(32|64)")
def _copysign(i: Instruction, get: Get) -> Any:
    sign, size = _sources(i, get, 2)
    return np.copysign(size, sign)


@_operation(r"mul\.(wide|hi)\.([su]16|[su]32)")
def _product(i: Instruction, get: Get) -> Any:
    a, b = _sources(i, get, 2)
    width = a.dtype.itemsize * 8
    wide = (SIGNED if a.dtype.kind == "i" else UNSIGNED)[2 * width]
    product = a.astype(wide) * b.astype(wide)
    return (product >> wide(width)).astype(a.dtype) if "hi" in i.names else product


@_operation(r"mad\.lo\.[su](16|32|64)")
def _mad(i: Instruction, get: Get) -> Any:
    a, b, c = _sources(i, get, 3)
    return a * b + c


@_operation(r"(div|rem)\.[su](16|32|64)")
def _divide(i: Instruction, get: Get) -> Any:
    a, b = _sources(i, get, 2)
    divisor = np.where(b == 0, b.dtype.type(1), b)  # a quotient of which PTX says nothing
    quotient, rest = np.divmod(a, divisor)
    below = (rest != 0) & ((a < 0) != (divisor < 0))  # NumPy rounds down, PTX towards zero
    if i.names[0] == "div":
        return quotient + below.astype(a.dtype)
    return rest - np.where(below, divisor, 0).astype(a.dtype)


@_operation(r"div\.rn\.f(32|64)")
def _quotient(i: Instruction, get: Get) -> Any:
    a, b = _sources(i, get, 2)
    return a / b


# ---- sums and products that are rounded once, in any direction


def _sum_for_rounding(a: Lanes, b: Lanes) -> Lanes:
    """Add doubles to the odd one of two neighbours where the sum is between: rounded again, to a float, it is right."""
    total = a + b
    part = total - a
    rest = (a - (total - part)) + (b - part)
    bits = total.view(np.int64)
    between = (rest != 0) & np.isfinite(total) & (bits & 1 == 0)
    away = (rest > 0) == (total > 0)  # the larger neighbour's bits are one more
    return np.where(between, np.where(away, bits + 1, bits - 1), bits).view(np.float64)


def _to_float(value: Lanes, direction: str) -> Lanes:
    """Round doubles to floats: rn to the nearest, rz towards zero, rm down."""
    nearest = value.astype(np.float32)
    if direction == "rn":
        return nearest
    down = np.nextafter(nearest, np.float32(-np.inf)), np.nextafter(nearest, np.float32(0))
    beyond = nearest > value if direction == "rm" else np.abs(nearest) > np.abs(value)
    return np.where(beyond, down[direction == "rz"], nearest)


@_operation(r"fma\.(rn|rm)\.f32")
def _fma(i: Instruction, get: Get) -> Any:
    a, b, c = (values.astype(np.float64) for values in _sources(i, get, 3))
    return _to_float(_sum_for_rounding(a * b, c), i.names[1])  # the product of two floats is a double


@_operation(r"add\.rz\.f32")
def _add_towards_zero(i: Instruction, get: Get) -> Any:
    a, b = (values.astype(np.float64) for values in _sources(i, get, 2))
    return _to_float(_sum_for_rounding(a, b), "rz")


@cache
def _fma_of_doubles() -> Any:
    function = ctypes.CDLL(ctypes.util.find_library("m")).fma
    function.argtypes, function.restype = [ctypes.c_double] * 3, ctypes.c_double
    return np.frompyfunc(function, 3, 1)


@_operation(r"fma\.rn\.f64")
def _fma64(i: Instruction, get: Get) -> Any:
    return _fma_of_doubles()(*_sources(i, get, 3)).astype(np.float64)


# ---- approximations


def _flushed(value: Lanes) -> Lanes:
    return np.where(np.abs(value) < np.finfo(np.float32).tiny, np.copysign(np.float32(0), value), value)


@_operation(r"ex2\.approx\.f32")
def _power_of_two(i: Instruction, get: Get) -> Any:
    return np.exp2(get(i.operands[1], "f32").astype(np.float64)).astype(np.float32)


@_operation(r"(ex2|rcp)\.approx\.ftz\.f32")
def _approximate(i: Instruction, get: Get) -> Any:
    a = _flushed(get(i.operands[1], "f32")).astype(np.float64)
    return _flushed((np.exp2(a) if i.names[0] == "ex2" else 1 / a).astype(np.float32))


@_operation(r"rcp\.approx\.ftz\.f64")
def _approximate_reciprocal(i: Instruction, get: Get) -> Any:
    inverse = 1 / get(i.operands[1], "f64")
    return (inverse.view(np.uint64) & np.uint64(0xFFFFFFFF00000000)).view(np.float64)  # it has but the upper half


# ---- bits


@_operation(r"(shl\.b|shr\.[bsu])(16|32|64)")
def _shift(i: Instruction, get: Get) -> Any:
    value, by = get(i.operands[1], i.names[-1]), get(i.operands[2], "u32")
    width = value.dtype.itemsize * 8
    near = np.minimum(by, width - 1).astype(value.dtype)
    shifted = value << near if i.names[0] == "shl" else value >> near
    gone = (by >= width) & (value.dtype.kind == "u")
    return np.where(gone, value.dtype.type(0), shifted)


@_operation(r"bfi\.b(32|64)")
def _insert(i: Instruction, get: Get) -> Any:
    piece, base = _sources(i, get, 2)
    width = base.dtype.itemsize * 8
    at, length = (int(operand) for operand in i.operands[3:5])
    ones = (1 << length) - 1
    mask = base.dtype.type(ones << at & (1 << width) - 1)
    return (base & ~mask) | (piece << base.dtype.type(at) & mask)


@_operation(r"prmt\.b32")
def _permute(i: Instruction, get: Get) -> Any:
    a, b, choice = (values.astype(np.uint64) for values in _sources(i, get, 3))
    both, result = a | b << np.uint64(32), np.zeros(a.shape, np.uint64)
    for byte in range(4):
        chosen = choice >> np.uint64(4 * byte) & np.uint64(15)
        value = both >> (chosen & np.uint64(7)) * np.uint64(8) & np.uint64(255)
        sign = np.where(value >= 128, np.uint64(255), np.uint64(0))
        result |= np.where(chosen >= 8, sign, value) << np.uint64(8 * byte)
    return result.astype(np.uint32)


# ---- choices and conversions


@_operation(rf"setp\.({'|'.join(_COMPARE)})(\.(and|or))?\.([bsu](16|32|64)|f32|f64)")
def _compare(i: Instruction, get: Get) -> Any:
    result = _COMPARE[i.names[1]](*_sources(i, get, 2))
    return _TWO[i.names[2]](result, get(i.operands[3], "pred")) if i.names[2] in ("and", "or") else result


@_operation(r"selp\.([bsu](16|32|64)|f32|f64)")
def _select(i: Instruction, get: Get) -> Any:
    first, second = _sources(i, get, 2)
    return np.where(get(i.operands[3], "pred"), first, second)


@_operation(
    r"cvt\.[su](8|16|32|64)\.[su](8|16|32|64)",
    r"cvt\.rn\.f(32|64)\.[su](8|16|32|64)",
    r"cvt\.(f64\.f32|rn\.f32\.f64)",
)
def _convert(i: Instruction, get: Get) -> Any:
    return get(i.operands[1], i.names[-1]).astype(dtype_of(i.names[-2]))


_WHOLE = {"rzi": np.trunc, "rni": np.rint, "rmi": np.floor, "rpi": np.ceil}


@_operation(r"cvt\.r[znmp]i\.(f32\.f32|f64\.f64)")
def _to_whole(i: Instruction, get: Get) -> Any:
    return _WHOLE[i.names[1]](get(i.operands[1], i.names[-1]))


@_operation(r"cvt\.r[znmp]i\.[su](32|64)\.f(32|64)")
def _to_integer(i: Instruction, get: Get) -> Any:
    given, bounds = get(i.operands[1], i.names[-1]), np.iinfo(dtype_of(i.names[-2]))
    value = _WHOLE[i.names[1]](given.astype(np.float64))
    wide = bounds.bits == 64 or i.names[-1] == "f64"
    nan = bounds.dtype.type(bounds.min or 1 << bounds.bits - 1) if wide else bounds.dtype.type(0)
    inside = (value > bounds.min) & (value < bounds.max)  # the largest of 64 bits is none of float64's
    ends = np.where(value > 0, bounds.max, bounds.min).astype(bounds.dtype)
    return np.where(np.isnan(value), nan, np.where(inside, np.where(inside, value, 0).astype(bounds.dtype), ends))


@_operation(r"cvt\.sat\.f32\.f32")
def _saturate(i: Instruction, get: Get) -> Any:
    value = get(i.operands[1], "f32")
    return np.where(np.isnan(value), np.float32(0), np.clip(value, np.float32(0), np.float32(1)))


@_operation(r"cvt\.rna\.tf32\.f32")
def _to_tf32(i: Instruction, get: Get) -> Any:
    bits = get(i.operands[1], "u32")
    rounded = (bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)
    return np.where((bits & 0x7F800000) == 0x7F800000, bits, rounded)


@_operation(r"cvt\.rn\.bf16x2\.f32")
def _to_bfloat16(i: Instruction, get: Get) -> Any:
    high, low = (get(operand, "f32") for operand in i.operands[1:])  # the first operand becomes the upper half
    return _upper_half(low) | _upper_half(high) << np.uint32(16)


def _upper_half(x: Lanes) -> Lanes:
    """Round to the nearest of bf16, ties to even: its bits."""
    bits = x.view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))) >> np.uint32(16)
    return np.where(np.isnan(x), np.uint32(0x7FFF), rounded)
