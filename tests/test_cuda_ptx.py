"""The assembly in cuda/ptx.h, three times: on the emulator, as the PTX that nvcc makes of it, and on a GPU.

The PTX of products on tensor cores runs here too: fragments, copies in flight and barriers, as nvcc compiled them.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parent / "cuda"
sys.path.insert(0, str(FOLDER))

import ptx_machine  # noqa: E402
from ptx_memory import GlobalMemory, PtxError  # noqa: E402
from ptx_program import Kernel  # noqa: E402
from ptx_units import CSRC, compile_ptx  # noqa: E402

ARCHITECTURES = ("sm_80", "sm_90")
PRODUCTS = [("Fp32", 70, 5, 45), ("Tf32", 67, 12, 52), ("Tf32", 5, 65, 4)]
needs_nvcc = pytest.mark.skipif(shutil.which("nvcc") is None, reason="there is no nvcc here")
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++ here")


def operands() -> np.ndarray:
    """Make the words that the conformance program reads: bits of numbers of every size, and some that are none."""
    random = np.random.default_rng(0)
    words = random.integers(0, 2**32, 672, dtype=np.uint64).astype(np.uint32)
    words[320:640] = random.uniform(-2, 2, 320).astype(np.float32).view(np.uint32)
    words[288:292] = np.array([np.inf, -np.inf, 1 + 2.0**-11, -(1 + 3 * 2.0**-11)], np.float32).view(np.uint32)
    words[640:644] = np.array([np.nan, 3.4e38, 1 + 2.0**-8, -(1 + 3 * 2.0**-8)], np.float32).view(np.uint32)
    return words


def expected(words: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Say what each wrapper promises."""
    lane = np.arange(32)
    rows = words[:128].reshape(32, 4)[lane ^ 5]
    matrices = np.stack([rows[8 * m + lane // 4, lane % 4] for m in range(4)], 1)
    copied = np.where((lane % 3 != 0)[:, None], words[128:256].reshape(32, 4), 0)[lane ^ 1]
    single = np.where(lane % 5 != 0, words[256:288], 0)[lane ^ 1]
    bits = words[288:320].astype(np.uint64)
    rounded = np.where((bits & 0x7F800000) == 0x7F800000, bits, (bits + 0x1000) & 0xFFFFE000)
    pairs = _bfloat16(words[288:320]) | _bfloat16(words[640:672]) << np.uint32(16)
    g, t = lane // 4, lane % 4
    a, b, d = np.zeros((16, 8)), np.zeros((8, 8)), np.zeros((16, 8))
    for r in range(4):
        a[g + 8 * (r % 2), t + 4 * (r // 2)] = _tf32(words[320:448].reshape(32, 4)[:, r])
        d[g + 8 * (r // 2), 2 * t + r % 2] = words[512:640].reshape(32, 4)[:, r].view(np.float32)
    for r in range(2):
        b[t + 4 * r, g] = _tf32(words[448:512].reshape(32, 2)[:, r])
    in_tf32 = d + a @ b
    a, b = np.zeros((16, 16)), np.zeros((16, 8))
    for half, left, right in ((0, words[320:448], words[448:512]), (1, words[512:640], words[320:384])):
        left, right = left.reshape(32, 4), right.reshape(32, 2)
        for r in range(4):
            a[g + 8 * (r % 2), 2 * t + 8 * (r // 2) + half] = (_bfloat16(left[:, r]) << np.uint32(16)).view(np.float32)
        for r in range(2):
            b[2 * t + 8 * r + half, g] = (_bfloat16(right[:, r]) << np.uint32(16)).view(np.float32)
    in_tf32, in_bfloat16 = (
        np.stack([sums.astype(np.float32)[g + 8 * (r // 2), 2 * t + r % 2] for r in range(4)], 1)
        for sums in (in_tf32, d + a @ b)
    )
    return [
        ("load_matrices", matrices),
        ("copy_async<16>", copied),
        ("copy_async<4>", single),
        ("to_tf32", rounded),
        ("multiply_tf32", in_tf32),
        ("shuffle", words[:32][lane ^ 9]),
        ("to_bfloat16", pairs),
        ("multiply_bfloat16", in_bfloat16),
    ]


def _tf32(bits: np.ndarray) -> np.ndarray:
    """Cut the bits that tensor cores do not look at."""
    return (bits & np.uint32(0xFFFFE000)).view(np.float32)


def _bfloat16(bits: np.ndarray) -> np.ndarray:
    """Round float32's bits to the nearest bfloat16, ties to even: float64's rounding of 8 bits of mantissa."""
    mantissa, exponent = np.frexp(bits.view(np.float32).astype(np.float64))
    with np.errstate(over="ignore"):
        rounded = np.ldexp(np.rint(mantissa * 256) / 256, exponent).astype(np.float32)
    return np.where(np.isnan(rounded), np.uint32(0x7FFF), rounded.view(np.uint32) >> np.uint32(16)).astype(np.uint32)


def check(out: np.ndarray, words: np.ndarray) -> None:
    """Compare what came out, word for word; sums on tensor cores to their rounding."""
    at = 0
    for name, values in expected(words):
        got = out[at : at + values.size]
        at += values.size
        if name.startswith("multiply"):
            np.testing.assert_allclose(got.view(np.float32), values.ravel(), atol=2e-6, err_msg=name)
        else:
            np.testing.assert_array_equal(got, values.ravel().astype(np.uint32), err_msg=name)


def run_program(command: list[str], folder: Path) -> None:
    """Build the conformance program with a compiler, run it, and check what it writes."""
    words = operands()
    words.tofile(folder / "in")
    source = str(FOLDER / "conformance.cu")
    subprocess.run([*command, f"-I{CSRC}", "-o", str(folder / "conformance"), source], check=True, cwd=folder)
    subprocess.run([str(folder / "conformance"), "in", "out"], check=True, cwd=folder)
    check(np.fromfile(folder / "out", np.uint32), words)


@needs_compiler
def test_emulated_instructions_do_what_ptx_says(tmp_path: Path) -> None:
    run_program(["g++", "-x", "c++", "-std=c++20", "-O1", "-fno-strict-aliasing"], tmp_path)


@pytest.mark.gpu
@needs_nvcc
def test_instructions_on_a_gpu(tmp_path: Path) -> None:
    run_program(["nvcc", "-std=c++20", "-O3", "-arch=native"], tmp_path)


@cache
def ptx(source: str, architecture: str) -> dict[str, Kernel]:
    """Give the kernels that nvcc makes of a source."""
    return compile_ptx(FOLDER / source, architecture, "-DPTX_ONLY")


def kernel(source: str, architecture: str, *words: str) -> Kernel:
    """Find the one kernel whose mangled name has all of the words."""
    (name,) = [name for name in ptx(source, architecture) if all(word in name for word in words)]
    return ptx(source, architecture)[name]


@needs_nvcc
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_assembly_does_what_its_name_says(architecture: str) -> None:
    words, memory = operands(), GlobalMemory()
    given, out = memory.put(words), memory.put(np.zeros(640, np.uint32))
    arguments = [struct.pack("Q", given), struct.pack("Q", out)]
    ptx_machine.launch(kernel("conformance.cu", architecture, "conformance"), memory, (1, 1, 1), (32, 1, 1), arguments)
    check(memory.get(out), words)


def shape(m: int, n: int, k: int, slices: int) -> bytes:
    """Lay a ProductShape out as C++ does."""
    return struct.pack("q?7xqq?7xi4x", m, False, n, k, False, slices)


def step(memory: GlobalMemory) -> bytes:
    """Put a Step of one row into memory and point at it, as C++ does."""
    return struct.pack("Q", memory.put(np.frombuffer(struct.pack("qQQQqf4x", 1, 0, 0, 0, 0, 0.0), np.uint8)))


def matrix(address: int, outer_step: int, depth_step: int) -> bytes:
    """Lay a Matrix out as C++ does."""
    return struct.pack("Qqqq", address, outer_step, depth_step, 0)


def product(architecture: str, math: str, m: int, n: int, k: int) -> tuple[Any, Any]:
    """Run one product, c = relu(a b + bias); what came out, and what should."""
    random = np.random.default_rng(m)
    a, b, bias = (random.integers(-4, 5, size).astype(np.float32) for size in ((m, k), (k, n), (n,)))
    memory, tiles, threads = GlobalMemory(), (-(-m // 64), -(-n // 64), 1), 256 if math == "Fp32" else 128
    right = b if math == "Fp32" else np.ascontiguousarray(b.T)  # along depth, which ldmatrix reads
    at = [memory.put(array) for array in (a, right, bias, np.full((m, n), np.nan, np.float32))]
    arguments = [
        shape(m, n, k, 1),
        step(memory),
        matrix(at[0], k, 1),
        matrix(at[1], *((1, n) if math == "Fp32" else (k, 1))),
        struct.pack("Q?7xqqQ", at[2], True, n, n, at[3]),
    ]
    found = kernel("products.cu", architecture, math, "StoreOutput")
    ptx_machine.launch(found, memory, tiles, (threads, 1, 1), arguments)
    return memory.get(at[3]), np.maximum(a @ b + bias, 0)


@needs_nvcc
@pytest.mark.parametrize(
    ("math", "m", "n", "k", "architecture"),
    [
        *((*case, each) for case in PRODUCTS for each in ARCHITECTURES),
        (*PRODUCTS[0], "sm_75"),  # copies through registers
    ],
)
def test_ptx_of_a_product(architecture: str, math: str, m: int, n: int, k: int) -> None:
    got, exact = product(architecture, math, m, n, k)
    np.testing.assert_array_equal(got, exact)


@needs_nvcc
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_ptx_of_a_product_of_transposed_matrices_in_slices(architecture: str) -> None:
    m, n, k, slices = 12, 20, 70, 2
    random = np.random.default_rng(0)
    a, b = (random.integers(-4, 5, size).astype(np.float32) for size in ((k, m), (k, n)))
    memory = GlobalMemory()
    at = [memory.put(array) for array in (a, b, np.full((slices, m, n), np.nan, np.float32))]
    arguments = [
        shape(m, n, k, slices),
        step(memory),
        matrix(at[0], 1, m),
        matrix(at[1], 1, n),
        struct.pack("qqqQ", n, n, m * n, at[2]),
    ]
    found = kernel("products.cu", architecture, "Tf32", "StoreSlice")
    ptx_machine.launch(found, memory, (1, 1, slices), (128, 1, 1), arguments)
    half = 48  # slices hold whole tiles of 16
    exact = np.stack([a[:half].T @ b[:half], a[half:].T @ b[half:]])
    np.testing.assert_array_equal(memory.get(at[2]), exact)


@needs_nvcc
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i: i.names[0] == "bar", "race: thread|reads shared memory that nobody wrote"),
        (lambda i: i.names[:3] == ["cp", "async", "wait_group"], "reads shared memory that nobody wrote"),
    ],
    ids=["no barrier", "no wait"],
)
def test_a_missing_instruction_is_noticed(change: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = kernel("products.cu", "sm_80", "Tf32", "StoreOutput")
    code = [type(i)("%p0", False, ["not", "pred"], ["_", "0"]) if change(i) else i for i in found.code]
    monkeypatch.setattr(found, "code", code)
    with pytest.raises(PtxError, match=message):
        product("sm_80", "Tf32", 67, 12, 52)
