"""Runs the PTX that nvcc made, one NumPy lane for each CUDA thread.

A second witness beside the emulator: what runs here is nvcc's own output, assembly included, which g++ never sees. It
knows the instructions that the tested kernels are made of and refuses others. Every access is checked: bounds and
alignment, shared memory read before it is written, races between barriers, operations of a warp that lacks lanes.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from ptx_memory import SHARED_WINDOW, GlobalMemory, PtxError, SharedMemory, access
from ptx_program import FLOAT, SIGNED, UNSIGNED, Instruction, Kernel, dtype_of, split

Dim = tuple[int, int, int]
Lanes = np.ndarray  # a value, or whether it is active, for each thread
_BARRIER, _RETURN = "barrier", -1

_COMPARE = {
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "neu": lambda a, b: ~(a == b),
    "lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
}  # fmt: skip
_ARITHMETIC = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "and": lambda a, b: a & b,
    "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b, "min": np.minimum, "max": np.maximum,
}  # fmt: skip


@dataclass
class Copies:
    """The copies of one cp.async: by lanes, and the group that each of these had open."""

    lanes: np.ndarray
    to: np.ndarray
    source: np.ndarray
    taken: np.ndarray
    size: int
    group: np.ndarray
    landed: np.ndarray


class Block:
    """A block of threads that goes through a kernel."""

    def __init__(
        self, kernel: Kernel, memory: GlobalMemory, grid: Dim, block: Dim, index: Dim, arguments: list[bytes]
    ) -> None:
        self.kernel, self.memory, self.count = kernel, memory, block[0] * block[1] * block[2]
        threads = np.arange(self.count)
        self.thread, self.warp = threads, threads // 32
        self.special: dict[str, Lanes] = {}
        for axis, name in enumerate("xyz"):
            below = int(np.prod(block[:axis], dtype=int))
            self.special[f"%tid.{name}"] = threads // below % block[axis]
            for kind, value in (("ntid", block), ("nctaid", grid), ("ctaid", index)):
                self.special[f"%{kind}.{name}"] = np.full(self.count, value[axis])
        self.registers: dict[str, Lanes] = {}
        self.parameters = dict(zip(kernel.parameters, arguments, strict=True))
        self.shared = SharedMemory(kernel.shared_bytes)
        self.copies: list[Copies] = []
        self.groups = np.zeros(self.count, np.int64)  # cp.async groups that each thread has closed

    def get(self, operand: str, kind: str) -> Lanes:
        """Give an operand's value in every lane, as a PTX type."""
        dtype = dtype_of(kind)
        if operand in self.special:
            return self.special[operand].astype(dtype)
        if operand in self.kernel.widths:
            width = self.kernel.widths[operand]
            value = self.registers.get(operand)
            if value is None:
                value = np.zeros(self.count, np.bool_ if width == 1 else UNSIGNED[width])
            if value.dtype.itemsize == np.dtype(dtype).itemsize:
                return value.view(dtype)
            return value.astype(UNSIGNED[np.dtype(dtype).itemsize * 8]).view(dtype)
        if operand in self.kernel.shared:
            return np.full(self.count, self.kernel.shared[operand]).astype(dtype)
        if bits := re.fullmatch(r"0([fd])([0-9A-Fa-f]+)", operand):
            width = 32 if bits[1] == "f" else 64
            return np.full(self.count, int(bits[2], 16), UNSIGNED[width]).view(FLOAT[width])
        if dtype is np.bool_:
            return np.full(self.count, bool(int(operand, 0)))
        width = np.dtype(dtype).itemsize * 8
        return np.full(self.count, int(operand, 0) & ((1 << width) - 1), UNSIGNED[width]).view(dtype)

    def put(self, register: str, value: Any, active: Lanes) -> None:
        """Write a register in the active lanes; a narrower value is extended as its type says."""
        if register == "_":
            return
        width, value = self.kernel.widths[register], np.asarray(value)
        if width == 1:
            value = value.astype(np.bool_)
        else:
            if value.dtype.itemsize * 8 != width:
                value = value.astype((SIGNED if value.dtype.kind == "i" else UNSIGNED)[width])
            value = np.ascontiguousarray(value).view(UNSIGNED[width])
        before = self.get(register, "pred" if width == 1 else f"u{width}")
        self.registers[register] = np.where(active, value, before)

    def address(self, operand: str) -> Lanes:
        """Give the address that `[register + offset]` stands for."""
        parts = re.fullmatch(r"\[\s*([%\w$]+)\s*(?:\+\s*(-?\w+))?\s*\]", operand)
        assert parts, operand
        width = self.kernel.widths.get(parts[1], 64)
        return self.get(parts[1], f"u{width}").astype(np.int64) + int(parts[2] or "0", 0)

    def access(self, space: str, address: Lanes, active: Lanes, size: int, data: Any = None) -> np.ndarray:
        """Load or store in the active lanes."""
        return access(space, self.memory, self.shared, address[active], self.thread[active], size, data)

    def whole_warps(self, active: Lanes, what: str) -> None:
        """Refuse an operation that some lanes of a warp do not reach."""
        for warp in np.unique(self.warp[active]):
            if not active[self.warp == warp].all():
                raise PtxError(f"{what} by a part of warp {warp}")

    # ---- instructions: do_NAME(instruction, active lanes) answers where to go on, where that is not the next one

    def do_bra(self, i: Instruction, active: Lanes) -> int:
        return self.kernel.labels[i.operands[-1]]

    def do_ret(self, i: Instruction, active: Lanes) -> int:
        return _RETURN

    def do_ld(self, i: Instruction, active: Lanes) -> None:
        kind, size, registers = self._moved(i, i.operands[0])
        if "param" in i.names:  # a struct by value is read field by field
            parts = re.match(r"\[([\w$]+)(?:\+(\d+))?", i.operands[1])
            assert parts
            raw, offset = self.parameters[parts[1]], int(parts[2] or 0)
            for n, register in enumerate(registers):
                value = np.frombuffer(raw, dtype_of(kind), 1, offset + n * size)[0]
                self.put(register, np.full(self.count, value), active)
            return
        raw_bytes = self.access(_space(i), self.address(i.operands[1]), active, size * len(registers))
        for n, register in enumerate(registers):
            value = np.zeros(self.count, dtype_of(kind))
            piece = raw_bytes[:, n * size : (n + 1) * size]
            value[active] = np.ascontiguousarray(piece).view(dtype_of(kind)).ravel()
            self.put(register, value, active)

    def do_st(self, i: Instruction, active: Lanes) -> None:
        kind, size, registers = self._moved(i, i.operands[1])
        pieces = [np.ascontiguousarray(self.get(r, kind)[active]).view(np.uint8).reshape(-1, size) for r in registers]
        data = np.concatenate(pieces, 1)
        self.access(_space(i), self.address(i.operands[0]), active, size * len(registers), data)

    def _moved(self, i: Instruction, operand: str) -> tuple[str, int, list[str]]:
        kind = i.names[-1]
        return kind, np.dtype(dtype_of(kind)).itemsize, split(operand.strip("{}"))

    def do_mov(self, i: Instruction, active: Lanes) -> None:
        self.put(i.operands[0], self.get(i.operands[1], i.names[-1]), active)

    def do_cvta(self, i: Instruction, active: Lanes) -> None:
        value = self.get(i.operands[1], "u64")
        if "shared" in i.names:
            window = np.uint64(SHARED_WINDOW)
            value = value - window if "to" in i.names else value + window
        self.put(i.operands[0], value, active)

    def do_cvt(self, i: Instruction, active: Lanes) -> None:
        if "tf32" in i.names:
            if i.names[1:] != ["rna", "tf32", "f32"]:
                raise PtxError("not interpreted: " + ".".join(i.names))
            bits = self.get(i.operands[1], "u32")
            rounded = (bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)
            self.put(i.operands[0], np.where((bits & 0x7F800000) == 0x7F800000, bits, rounded), active)
            return
        if i.names[1:] == ["rn", "bf16x2", "f32"]:  # the first operand becomes the upper half
            high, low = (_bfloat16(self.get(operand, "f32")) for operand in i.operands[1:])
            return self.put(i.operands[0], low | high << np.uint32(16), active)
        value, target = self.get(i.operands[1], i.names[-1]), dtype_of(i.names[-2])
        if value.dtype.kind == "f" or np.dtype(target).kind == "f":
            raise PtxError("not interpreted: " + ".".join(i.names))
        self.put(i.operands[0], value.astype(target), active)

    def do_setp(self, i: Instruction, active: Lanes) -> None:
        kind = i.names[-1]
        result = _COMPARE[i.names[1]](self.get(i.operands[1], kind), self.get(i.operands[2], kind))
        if i.names[2] in ("and", "or"):
            result = _ARITHMETIC[i.names[2]](result, self.get(i.operands[3], "pred"))
        self.put(i.operands[0], result, active)

    def do_selp(self, i: Instruction, active: Lanes) -> None:
        first, second = (self.get(operand, i.names[-1]) for operand in i.operands[1:3])
        self.put(i.operands[0], np.where(self.get(i.operands[3], "pred"), first, second), active)

    def do_not(self, i: Instruction, active: Lanes) -> None:
        self.put(i.operands[0], ~self.get(i.operands[1], i.names[-1]), active)

    def do_shl(self, i: Instruction, active: Lanes) -> None:
        value, by = self.get(i.operands[1], i.names[-1]), self.get(i.operands[2], "u32")
        width = value.dtype.itemsize * 8
        shifted = value << np.minimum(by, width - 1).astype(value.dtype)
        self.put(i.operands[0], np.where(by >= width, value.dtype.type(0), shifted), active)

    def do_shr(self, i: Instruction, active: Lanes) -> None:
        value, by = self.get(i.operands[1], i.names[-1]), self.get(i.operands[2], "u32")
        width = value.dtype.itemsize * 8
        shifted = value >> np.minimum(by, width - 1).astype(value.dtype)
        gone = (by >= width) & (value.dtype.kind == "u")
        self.put(i.operands[0], np.where(gone, value.dtype.type(0), shifted), active)

    def do_bfi(self, i: Instruction, active: Lanes) -> None:
        field, base = (self.get(operand, "u32").astype(np.uint64) for operand in i.operands[1:3])
        at, length = (self.get(operand, "u32").astype(np.uint64) for operand in i.operands[3:5])
        mask = ((np.uint64(1) << length) - np.uint64(1)) << at
        self.put(i.operands[0], ((base & ~mask) | ((field << at) & mask)).astype(np.uint32), active)

    def do_arithmetic(self, i: Instruction, active: Lanes) -> None:
        kind, operation = i.names[-1], _ARITHMETIC[i.names[0]]
        a, b = (self.get(operand, kind) for operand in i.operands[1:3])
        self.put(i.operands[0], operation(a, b), active)

    def do_mul(self, i: Instruction, active: Lanes) -> None:
        kind = i.names[-1]
        a, b = (self.get(operand, kind) for operand in i.operands[1:3])
        if a.dtype.kind == "f" or "lo" in i.names:
            return self.put(i.operands[0], a * b, active)
        width = a.dtype.itemsize * 8
        wide = (SIGNED if a.dtype.kind == "i" else UNSIGNED)[2 * width]
        product = a.astype(wide) * b.astype(wide)
        self.put(i.operands[0], (product >> wide(width)).astype(a.dtype) if "hi" in i.names else product, active)

    def do_mad(self, i: Instruction, active: Lanes) -> None:
        if "lo" not in i.names:
            raise PtxError("not interpreted: " + ".".join(i.names))
        a, b, c = (self.get(operand, i.names[-1]) for operand in i.operands[1:4])
        self.put(i.operands[0], a * b + c, active)

    def do_fma(self, i: Instruction, active: Lanes) -> None:
        a, b, c = (self.get(operand, "f32").astype(np.float64) for operand in i.operands[1:4])
        self.put(i.operands[0], (a * b + c).astype(np.float32), active)

    def do_div(self, i: Instruction, active: Lanes) -> None:
        a, b = (self.get(operand, i.names[-1]) for operand in i.operands[1:3])
        if a.dtype.kind == "f":
            raise PtxError("not interpreted: " + ".".join(i.names))
        divisor = np.where(b == 0, 1, b)
        quotient = np.trunc(a.astype(np.longdouble) / divisor).astype(a.dtype)
        self.put(i.operands[0], quotient if i.names[0] == "div" else a - quotient * divisor, active)

    do_rem = do_div

    def do_bar(self, i: Instruction, active: Lanes) -> str:
        if i.names[1] != "sync":
            raise PtxError("not interpreted: " + ".".join(i.names))
        return _BARRIER

    def do_shfl(self, i: Instruction, active: Lanes) -> None:
        self.whole_warps(active, "shfl")
        if i.names[2] != "bfly":
            raise PtxError("not interpreted: " + ".".join(i.names))
        value, distance = self.get(i.operands[1], "u32"), self.get(i.operands[2], "u32").astype(int)
        self.put(i.operands[0].split("|")[0], value[self.warp * 32 + (self.thread % 32 ^ distance)], active)

    def do_cp(self, i: Instruction, active: Lanes) -> None:
        if i.names[2] == "commit_group":
            self.groups[active] += 1
        elif i.names[2] == "wait_group":
            self._land(active, int(i.operands[0]))
        else:
            to, source, size = (
                self.address(i.operands[0])[active],
                self.address(i.operands[1])[active],
                int(i.operands[2]),
            )
            whole = np.full(self.count, size)
            taken = (self.get(i.operands[3], "u32").astype(int) if len(i.operands) > 3 else whole)[active]
            lanes = np.flatnonzero(active)
            cells = to[:, None] + np.arange(size)
            self.access("shared", self.address(i.operands[0]), active, size, np.full(cells.shape, 0xFF, np.uint8))
            self.shared.written[cells] = False  # until it lands
            landed = np.zeros(lanes.size, bool)
            self.copies.append(Copies(lanes, to, source, taken, size, self.groups[active].copy(), landed))

    def _land(self, active: Lanes, pending: int) -> None:
        """Make the copies of all groups but the newest `pending`, in the lanes that wait."""
        for copies in self.copies:
            now = active[copies.lanes] & ~copies.landed & (copies.group < self.groups[copies.lanes] - pending)
            for n in np.flatnonzero(now):
                data = np.zeros((1, copies.size), np.uint8)
                one, lane = self.thread[copies.lanes[n]][None], slice(n, n + 1)
                if taken := int(copies.taken[n]):
                    data[:, :taken] = access("global", self.memory, self.shared, copies.source[lane], one, taken)
                access("shared", self.memory, self.shared, copies.to[lane], one, copies.size, data)
            copies.landed |= now
        self.copies = [copies for copies in self.copies if not copies.landed.all()]

    def do_ldmatrix(self, i: Instruction, active: Lanes) -> None:
        self.whole_warps(active, "ldmatrix")
        if i.names[1:] != ["sync", "aligned", "m8n8", "x4", "shared", "b16"]:
            raise PtxError("not interpreted: " + ".".join(i.names))
        rows = np.zeros((self.count, 4), np.uint32)
        rows[active] = self.access("shared", self.address(i.operands[1]), active, 16).view(np.uint32)
        first, lane = self.warp * 32, self.thread % 32
        for matrix, register in enumerate(split(i.operands[0].strip("{}"))):
            self.put(register, rows[first + 8 * matrix + lane // 4, lane % 4], active)

    def do_mma(self, i: Instruction, active: Lanes) -> None:
        self.whole_warps(active, "mma")
        shape, types = i.names[3], i.names[6:]
        depth = {"m16n8k8": 8, "m16n8k16": 16}.get(shape, 0)
        known = {8: ["f32", "tf32", "tf32", "f32"], 16: ["f32", "bf16", "bf16", "f32"]}
        if i.names[1:3] != ["sync", "aligned"] or i.names[4:6] != ["row", "col"] or types != known.get(depth):
            raise PtxError("not interpreted: " + ".".join(i.names))
        fragments = [[self.get(r, "u32").reshape(-1, 32) for r in split(o.strip("{}"))] for o in i.operands]
        warps = len(fragments[1][0])
        a, b, c = np.zeros((warps, 16, depth)), np.zeros((warps, depth, 8)), np.zeros((warps, 16, 8))
        g, t = np.arange(32) // 4, np.arange(32) % 4
        for n in range(1 if depth == 8 else 2):  # numbers of a word: one of tf32, or the halves of bf16
            place = t if depth == 8 else 2 * t + n
            for r, bits in enumerate(fragments[1]):
                a[:, g + 8 * (r % 2), place + depth // 2 * (r // 2)] = _factor(bits, depth, n)
            for r, bits in enumerate(fragments[2]):
                b[:, place + depth // 2 * r, g] = _factor(bits, depth, n)
        for r, bits in enumerate(fragments[3]):
            c[:, g + 8 * (r // 2), 2 * t + r % 2] = bits.view(np.float32)
        d = (a @ b + c).astype(np.float32)
        for r, register in enumerate(split(i.operands[0].strip("{}"))):
            self.put(register, d[:, g + 8 * (r // 2), 2 * t + r % 2].reshape(-1), active)

    def run(self) -> None:
        """Go on where the program counter is lowest, which brings lanes together again that went apart."""
        counter, alive = np.zeros(self.count, np.int64), np.ones(self.count, bool)
        waiting = np.zeros(self.count, bool)
        while alive.any():
            going = alive & ~waiting
            if not going.any():
                if np.unique(counter[alive]).size > 1 or not alive.all():
                    raise PtxError("threads of a block wait at different barriers, or some have returned")
                waiting[:] = False
                self.shared.phase += 1
                continue
            here = int(counter[going].min())
            lanes = going & (counter == here)
            instruction = self.kernel.code[here]
            counter[lanes] = here + 1
            if instruction.predicate is not None:
                lanes &= self.get(instruction.predicate, "pred") ^ instruction.negated
            if not lanes.any():
                continue
            name = instruction.names[0]
            step = getattr(self, "do_arithmetic" if name in _ARITHMETIC and name != "mul" else f"do_{name}", None)
            if step is None:
                raise PtxError("not interpreted: " + ".".join(instruction.names))
            result = step(instruction, lanes)
            if result == _BARRIER:
                waiting |= lanes
            elif result == _RETURN:
                alive &= ~lanes
            elif result is not None:
                counter[lanes] = result


def _space(i: Instruction) -> str:
    return next((space for space in ("global", "shared") if space in i.names), "generic")


def launch(kernel: Kernel, memory: GlobalMemory, grid: Dim, block: Dim, arguments: list[bytes]) -> None:
    """Run every block of a grid; `arguments` are the parameters as they lie in memory."""
    with np.errstate(all="ignore"):
        for z, y, x in itertools.product(*(range(length) for length in reversed(grid))):
            Block(kernel, memory, grid, block, (x, y, z), arguments).run()


def _factor(bits: np.ndarray, depth: int, half: int) -> np.ndarray:
    """What tensor cores read in a word: tf32, without the bits that they ignore, or one of two bf16."""
    if depth == 8:
        return (bits & np.uint32(0xFFFFE000)).view(np.float32)
    return (bits & np.uint32(0xFFFF0000) if half else bits << np.uint32(16)).view(np.float32)


def _bfloat16(x: np.ndarray) -> np.ndarray:
    """Round to the nearest of bf16, ties to even: its bits."""
    bits = x.view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))) >> np.uint32(16)
    return np.where(np.isnan(x), np.uint32(0x7FFF), rounded)
