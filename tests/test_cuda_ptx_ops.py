"""Every CUDA kernel as nvcc compiles it: its PTX, interpreted, against the emulator's bits and the reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cache
from typing import Any

import numpy as np
import pytest
from case import Case, Data, error_bound, inputs, outputs, relative_error
from cases import CASES
from emulated import emulated, emulator
from interpreted import KERNELS, ProcessMemory, interpreted, launches, missing, ptx_units

from pyconvnet import _core, ops, reference
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.activation import FUNCTIONS
from pyconvnet.ops.affine_warp import FILL_MODES

emulator()
pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

# Sums of thousands of products take long here, and their kernels do nothing that those of fewer do not.
SMALL = {
    case.id: case
    for case in CASES
    if case.size == "small" and case.algorithm in ("", "gemm", "bfloat16") and case.reduction < 2000
}
PRODUCTS = [id for id, case in SMALL.items() if case.op.startswith(("conv2d", "dense"))]
# Functions whose bits are not those of the C library, exp and its kin, and sums that tensor cores round as they like.
_INEXACT = ("softmax", "sigmoid", "tanh", "elu", "gelu", "silu", "softplus", "cross_entropy")
INEXACT = {
    id
    for id, case in SMALL.items()
    if case.kwargs.get("function") in _INEXACT or case.op.endswith("cross_entropy") or case.algorithm == "bfloat16"
}

Results = list[np.ndarray]


def _call(case: Case, arrays: dict[str, Any]) -> Results:
    return outputs(getattr(ops, case.op)(**arrays, **case.op_kwargs))


@cache
def _as_ptx(id: str, backend: str, data: Data) -> Results:
    with emulated(backend), interpreted():
        return _call(SMALL[id], inputs(SMALL[id], data))


def _same_bits(one: Results, other: Results) -> bool:
    return [array.tobytes() for array in one] == [array.tobytes() for array in other]


def _check(case: Case, results: Results) -> None:
    arrays = inputs(case, "real")
    for got, exact in zip(results, _call_reference(case, arrays), strict=True):
        assert relative_error(got, exact) <= error_bound(case)
    with emulated():
        assert case.id in INEXACT or _same_bits(results, _call(case, arrays))


@pytest.mark.parametrize("id", SMALL)
def test_ptx_agrees_with_the_emulator_and_the_reference(id: str) -> None:
    _check(SMALL[id], _as_ptx(id, "emu", "real"))


def _call_reference(case: Case, arrays: dict[str, Any]) -> list[Any]:
    wide = {name: a.astype(np.float64) if a.dtype == np.float32 else a for name, a in arrays.items()}
    return outputs(getattr(reference, case.op)(**wide, **case.kwargs))


@pytest.mark.parametrize("id", PRODUCTS)
def test_ptx_of_products_in_tf32_is_exact_on_integers(id: str) -> None:
    exact = _call_reference(SMALL[id], inputs(SMALL[id], "integer"))
    for got, wanted in zip(_as_ptx(id, "emu_tf32", "integer"), exact, strict=True):
        np.testing.assert_array_equal(got, wanted.astype(np.float32))


# ---- kernels that no op of the table calls, and loops that its numbers leave early: kernel, rows and attributes. The
# arrays come from what each kernel says of itself.

RATES = dict(beta_1=0.9, beta_2=0.999, epsilon=1e-7)
LONG, PENALTY, LOSS = dict(size=1500), dict(l1=0.5, l2=0.25), dict(features=210, vectors=2)
SOFTMAX = FUNCTIONS["softmax"].code
IMAGE = dict(h=9, w=10, c=3, top=1, bottom=2, left=0, right=3)
CALLS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "mean_accumulate": ("mean_accumulate", 300, {}),
    "sparse_categorical_accuracy": ("sparse_categorical_accuracy", 140, dict(features=5, vectors=3)),
    "categorical_accuracy": ("categorical_accuracy", 140, dict(features=3, vectors=2)),
    "sparse_top_k_categorical_accuracy": ("sparse_top_k_categorical_accuracy", 9, dict(features=7, vectors=2, k=3)),
    "top_k_categorical_accuracy": ("top_k_categorical_accuracy", 9, dict(features=7, vectors=2, k=3)),
    "binary_accuracy": ("binary_accuracy", 90, dict(features=3)),
    "sum_of_squares": ("sum_of_squares", 1, dict(size=5000)),
    "clip_by_value": ("clip_by_value", 1, dict(**LONG, limit=2.5)),
    "clip_by_norm": ("clip_by_norm", 1, dict(**LONG, limit=0.25)),
    "clip_by_global_norm": ("clip_by_global_norm", 1, dict(**LONG, limit=0.25)),
    "l1_l2_backward": ("l1_l2_backward", 1, dict(**LONG, **PENALTY)),
    "activity_l1_l2": ("activity_l1_l2", 7, dict(size=300, **PENALTY)),
    "activity_l1_l2_backward": ("activity_l1_l2_backward", 7, dict(size=250, **PENALTY)),
    "add_penalty": ("add_penalty", 7, {}),
    "sgd": ("sgd", 1, dict(**LONG, momentum=0.0, nesterov=False)),
    "sgd-momentum": ("sgd", 1, dict(**LONG, momentum=0.5, nesterov=False)),
    "sgd-nesterov": ("sgd", 1, dict(**LONG, momentum=0.5, nesterov=True)),
    "rmsprop": ("rmsprop", 1, dict(**LONG, rho=0.5, momentum=0.0, epsilon=0.1)),
    "rmsprop-momentum": ("rmsprop", 1, dict(**LONG, rho=0.5, momentum=0.5, epsilon=0.1)),
    "adam": ("adam", 1, dict(**LONG, **RATES)),
    "decay_weights": ("decay_weights", 1, dict(**LONG, rate=0.25)),
    "average_weights": ("average_weights", 1, dict(**LONG, momentum=0.75, overwrite_frequency=0)),
    "average_weights-overwrites": ("average_weights", 1, dict(**LONG, momentum=0.75, overwrite_frequency=2)),
    "softmax_cross_entropy-numbers": ("softmax_cross_entropy", 3, dict(**LOSS, sparse=True)),
    "softmax_cross_entropy-rows": ("softmax_cross_entropy", 3, dict(**LOSS, sparse=False)),
    "categorical_cross_entropy-numbers": ("categorical_cross_entropy", 3, dict(**LOSS, sparse=True)),
    "categorical_cross_entropy-rows": ("categorical_cross_entropy", 3, dict(**LOSS, sparse=False)),
    "sigmoid_cross_entropy": ("sigmoid_cross_entropy", 3, dict(features=210)),
    "binary_cross_entropy": ("binary_cross_entropy", 3, dict(features=210)),
    "mean_squared_error": ("mean_squared_error", 10, dict(features=210)),
    "mean_absolute_error": ("mean_absolute_error", 10, dict(features=210)),
    "softmax": ("activation_forward", 5, dict(function=SOFTMAX, parameter=0.0, size=420, features=210)),
    "softmax_backward": ("activation_backward", 5, dict(function=SOFTMAX, parameter=0.0, size=420, features=210)),
    "batch_norm_inference": ("batch_norm_inference", 2, dict(features=1300, size=1300, epsilon=0.1)),
    "concatenate_forward": ("concatenate_forward", 5, dict(outer=10, length=30, total=50, offset=7)),
    "concatenate_backward": ("concatenate_backward", 5, dict(outer=10, length=30, total=50, offset=7)),
    "zero_pad2d_forward": ("zero_pad2d_forward", 5, IMAGE),
    "zero_pad2d_backward": ("zero_pad2d_backward", 5, IMAGE),
    "dropout_backward-activated": ("dropout_backward", 5, dict(threshold=2**23, scale=2.0, size=300, instance=3)),
    "dense_forward-slices": ("dense_forward", 12, dict(vectors=1, k=256, m=128, relu=True)),
    "dense_forward-unaligned-slices": ("dense_forward", 3, dict(vectors=1, k=257, m=129, relu=False)),
    "dense_backward_adam": ("dense_backward_adam", 5, dict(vectors=1, k=72, m=20, **RATES)),
    "dense_backward_adam-unaligned": ("dense_backward_adam", 2, dict(vectors=3, k=9, m=67, **RATES)),
}


def _arrays(kernel: str, rows: int, attributes: dict[str, Any]) -> dict[str, np.ndarray]:
    """Fill what a kernel reads with small numbers, on which products are exact in TF32 too."""
    random, found = np.random.default_rng(rows), {}
    for name, dtype, count, for_each_row, role in _core.describe_kernel(kernel, attributes):
        if role != "scratch":
            highest = attributes["features"] if dtype == "int32" else 5
            found[name] = random.integers(0, highest, count * (rows if for_each_row else 1)).astype(dtype)
    return found


def _run_call(id: str, backend: str) -> Results:
    kernel, rows, attributes = CALLS[id]
    arrays = _arrays(kernel, rows, attributes)
    with emulated(backend):
        run_kernel(kernel, attributes, rows=rows, iteration=3, learning_rate=0.5, **arrays)
    return list(arrays.values())


@cache
def _call_as_ptx(id: str, backend: str, one_block: bool) -> Results:
    with interpreted(one_block):
        return _run_call(id, backend)


# A GPU may get fewer threads than there are elements: they take one after another.
WAYS = [(id, "emu", one_block) for id in CALLS for one_block in (False, True)]
WAYS += [(id, "emu_tf32", False) for id in CALLS if id.startswith("dense")]


@pytest.mark.parametrize(("id", "backend", "one_block"), WAYS)
def test_ptx_of_a_kernel_agrees_with_the_emulator(id: str, backend: str, one_block: bool) -> None:
    results, wanted = _call_as_ptx(id, backend, one_block), _run_call(id, backend)
    if not any(word in id for word in _INEXACT):
        assert _same_bits(results, wanted)
    for got, number in zip(results, wanted, strict=True):
        np.testing.assert_allclose(got, number, rtol=1e-5, atol=1e-6)


# ---- gathers, and the end of a step


def _feeds() -> Iterator[Any]:
    """Arrays of every dtype, some of them strided, unaligned or with numbers that only halves have."""
    random = np.random.default_rng(0)
    for dtype in ("f4", "f8", "f2", "u1", "i1", "u2", "i2", "i4", "u4", "i8", "u8", "?"):
        values = random.integers(0, 2 if dtype == "?" else 100, (5, 2, 3)).astype(dtype)
        yield pytest.param(np.asfortranarray(values)[::-1, ::-1], id=dtype)
    packed = np.zeros(5, np.dtype([("byte", "u1"), ("row", "f8", (2, 3))]))
    packed["row"] = random.normal(0, 50, (5, 2, 3))
    yield pytest.param(packed["row"], id="unaligned")
    halves = np.array([0, -0.0, 6e-8, -6.1e-5, 65504, 0.1] * 5, np.float16).reshape(5, 2, 3)
    yield pytest.param(halves, id="halves")


FEEDS = {parameter.id: parameter.values[0] for parameter in _feeds()}
GATHERS = {"gather": np.float32, "gather_labels": np.int32}


@cache
def _gathered(kernel: str, id: str) -> np.ndarray:
    out = np.zeros((4, 6), GATHERS[kernel])
    with emulated(), interpreted():
        run_kernel(kernel, dict(feed=0, size=6), rows=4, feed=FEEDS[id], indices=np.array([4, 0, 0, 3]), out=out)
    return out


@pytest.mark.parametrize("id", FEEDS)
@pytest.mark.parametrize("kernel", GATHERS)
def test_ptx_of_a_gather_reads_any_array(kernel: str, id: str) -> None:
    wanted = FEEDS[id][[4, 0, 0, 3]].reshape(4, 6).astype(GATHERS[kernel])
    np.testing.assert_array_equal(_gathered(kernel, id), wanted)


IMAGES = np.random.default_rng(1).integers(0, 256, (3, 5, 6, 2), np.uint8)
MATRICES = np.random.default_rng(2).normal(0, 2, (4, 2, 3))


@cache
def _warped(mode: str, as_ptx: bool) -> np.ndarray:
    with emulated(), interpreted() if as_ptx else nullcontext():
        changes = [[1, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]]
        return ops.affine_warp(IMAGES, MATRICES, rows=[2, 0, 1, 1], changes=changes, fill_mode=mode, cval=0.5)


@pytest.mark.parametrize("mode", FILL_MODES)
def test_ptx_of_a_warp_agrees_with_the_emulator(mode: str) -> None:
    assert _warped(mode, True).tobytes() == _warped(mode, False).tobytes()


@cache
def _stepped() -> tuple[np.ndarray, bytes]:
    """Go through five rows in steps of two, the second of which is captured and replayed; their bytes by a table."""
    feed, table = np.arange(10, dtype=np.uint8).reshape(5, 2), np.sqrt(np.arange(256, dtype=np.float32))
    batch, out, step = np.zeros((2, 2), np.float32), np.zeros((5, 2), np.float32), np.zeros(_core.STEP_BYTES, np.uint8)
    indices, rates, weight = np.arange(5)[::-1].copy(), np.array([1, 2, 4], np.float32), np.zeros(4, np.float32)
    gradient = np.ones(4, np.float32)
    calls = [
        ("gather", {"feed": 0, "size": 2}, {"out": (0, 0, 4, "float32")}),
        (
            "sgd",
            {"size": 4, "momentum": 0.0, "nesterov": False},
            {"w": (1, 0, 4, "float32"), "gradient": (2, 0, 4, "float32")},
        ),
    ]
    memory = ProcessMemory()
    for array in (batch, weight, step):
        memory.allow(array, writable=True)
    for array in (feed, table, indices, rates, gradient):
        memory.allow(array)
    plan = _core.Plan(calls, [batch, weight, gradient], 2, "emu", step, True)
    with launches(memory):
        plan.run([(feed, table)], indices, 2, 0, 0, rates, batch, out, None, 0, indices, rates)
    KERNELS.add(("emu", "next_step"))
    np.testing.assert_array_equal(out, table[feed[indices]])
    return weight, bytes(step)


def test_ptx_of_the_end_of_a_step_moves_on() -> None:
    weight, _ = _stepped()
    np.testing.assert_array_equal(weight, np.full(4, -7))


# ---- what no number of the table reaches

SPECIAL = [
    id
    for id, case in SMALL.items()
    if case.op.startswith(("activation", "max_pool2d", "clip", "add", "multiply", "rescale", "sgd"))
    or case.op.endswith(("cross_entropy", "error"))
]


@pytest.mark.parametrize("id", SPECIAL)
def test_ptx_treats_what_is_not_finite_as_the_emulator_does(id: str) -> None:
    case, random = SMALL[id], np.random.default_rng(len(id))
    arrays = inputs(case, "real")
    for array in arrays.values():
        if array.dtype == np.float32:
            places = random.choice(array.size, array.size // 4, replace=False)
            array.flat[places] = np.resize(np.float32([np.nan, np.inf, -np.inf, -0.0, 0, 3e38]), places.size)
    with emulated():
        wanted = _call(case, arrays)
        with interpreted():
            results = _call(case, arrays)
    for got, number in zip(results, wanted, strict=True):
        np.testing.assert_allclose(got, number, **(dict(rtol=1e-5, atol=1e-6) if id in INEXACT else dict(rtol=0)))


def test_ptx_keeps_denormals_as_a_gpu_does() -> None:
    small = np.float32([1e-40, -1e-45])
    with emulated(), interpreted():
        np.testing.assert_array_equal(ops.rescale(small, scale=1.0, offset=0.0), small)


def _size(case: Case) -> int:
    return sum(math.prod(spec.shape) for spec in case.arrays.values())


LARGEST = {case.op: case.id for case in sorted(SMALL.values(), key=_size) if case.id not in PRODUCTS}
DEPTHWISE = [id for id in PRODUCTS if id.endswith("depthwise-same")]


@pytest.mark.parametrize("id", [*LARGEST.values(), *DEPTHWISE])
def test_ptx_of_one_block_does_what_many_do(id: str) -> None:
    case = SMALL[id]
    with emulated(), interpreted(one_block=True):
        results = _call(case, inputs(case, "real"))
    assert _same_bits(results, _as_ptx(id, "emu", "real"))


# ---- nothing is left out


def test_all_that_nvcc_compiles_has_run() -> None:
    for id in SMALL:
        _as_ptx(id, "emu", "real")
    for id in PRODUCTS:
        _as_ptx(id, "emu_tf32", "integer")
    for way in WAYS:
        _call_as_ptx(*way)
    for kernel in GATHERS:
        _gathered(kernel, "f4")
    _warped("reflect", True)
    _stepped()
    idle = [name for stem in ptx_units.stems() for name, kernel in ptx_units.unit(stem).items() if not kernel.ran]
    assert idle == []
    assert {name for name in _core.kernel_names() if _core.offers_kernel(name, "emu")} <= {name for _, name in KERNELS}


def _without(name: str) -> Callable[[Any], Any]:
    return lambda i: type(i)("%p0", False, ["not", "pred"], ["_", "0"]) if i.names[0] == name else i


def _changed(old: str, new: str) -> Callable[[Any], Any]:
    return lambda i: type(i)(i.predicate, i.negated, new.split("."), i.operands) if i.name == old else i


def _multiplied_by(number: str, name: str) -> Callable[[Any], Any]:
    return lambda i: type(i)(i.predicate, i.negated, i.names, [*i.operands[:2], number]) if i.name == name else i


@pytest.mark.parametrize(
    ("stem", "id", "change", "message"),
    [
        ("clip", "clip_by_norm-133", _without("bar"), "race: thread|reads shared memory that nobody wrote"),
        ("elementwise", "add-3x1", _changed("setp.ge.s64", "setp.gt.s64"), "memory out of bounds by thread 3"),
        ("elementwise", "add-3x1", _changed("add.rn.f32", "sub.rn.f32"), "assert"),
        ("clip", "clip_by_norm-133", _changed("st.global.f64", "st.global.f32"), "assert"),
        ("optimizer", "adam-later", _without("call"), "assert"),
        ("dropout", "dropout-5x7-0.5", _changed("xor.b64", "or.b64"), "assert"),
        ("elementwise", "add-33x133", _multiplied_by("128", "mul.wide.u32"), "race: thread 256 of a grid writes"),
    ],
    ids=["no barrier", "one too far", "another sum", "half a number", "no call", "other bits", "blocks that overlap"],
)
def test_a_change_in_the_ptx_is_noticed(
    stem: str, id: str, change: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kernel in ptx_units.unit(stem).values():
        monkeypatch.setattr(kernel, "code", [change(i) for i in kernel.code])
    with pytest.raises((AssertionError, RuntimeError), match=message):
        _check(SMALL[id], _as_ptx.__wrapped__(id, "emu", "real"))
