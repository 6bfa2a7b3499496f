"""Runs the PTX that nvcc made, one NumPy lane for each CUDA thread.

A second witness beside the emulator: what runs here is nvcc's own output, assembly included, which g++ never sees. It
knows the instructions that the tested kernels are made of and refuses others. Every access is checked: bounds and
alignment, shared memory read before it is written, races between barriers, global memory that one thread of a grid
writes and another one touches, operations of a warp that lacks lanes.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from ptx_arithmetic import Lanes, operation
from ptx_memory import SHARED_WINDOW, Memory, PtxError, SharedMemory, access
from ptx_program import FLOAT, SIGNED, UNSIGNED, Instruction, Kernel, dtype_of, split

Dim = tuple[int, int, int]
_BARRIER, _RETURN = -2, -1
_DEPTHS = {
    "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32": 8,
    "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32": 16,
}
_OF_A_WARP = ("shfl", "ldmatrix", "mma")  # all of its lanes meet there


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


@cache
def _immediate(operand: str, kind: str, count: int) -> Lanes:
    dtype = dtype_of(kind)
    if bits := re.fullmatch(r"0([fd])([0-9A-Fa-f]+)", operand):
        width = 32 if bits[1] == "f" else 64
        value = np.full(count, int(bits[2], 16), UNSIGNED[width]).view(FLOAT[width])
    elif dtype is np.bool_:
        value = np.full(count, bool(int(operand, 0)))
    else:
        width = np.dtype(dtype).itemsize * 8
        value = np.full(count, int(operand, 0) & ((1 << width) - 1), UNSIGNED[width]).view(dtype)
    value.flags.writeable = False
    return value


class Block:
    """A block of threads that goes through a kernel."""

    def __init__(
        self, kernel: Kernel, memory: Memory, grid: Dim, block: Dim, index: Dim, arguments: list[bytes]
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
        self.slots = np.zeros((self.count, kernel.slot_bytes), np.uint8)  # parameters, as each lane sees them
        for (name, size), argument in zip(kernel.parameters.items(), arguments, strict=True):
            if len(argument) != size:
                raise PtxError(f"{name} has {size} bytes, got {len(argument)}")
            self.slots[:, kernel.slots[name] :][:, :size] = np.frombuffer(argument, np.uint8)
        number = index[0] + grid[0] * (index[1] + grid[1] * index[2])
        self.shared = SharedMemory(kernel.shared_bytes, number * self.count)
        self.copies: list[Copies] = []
        self.groups = np.zeros(self.count, np.int64)  # cp.async groups that each thread has closed

    def get(self, operand: str, kind: str) -> Lanes:
        """Give an operand's value in every lane, as a PTX type."""
        width = self.kernel.widths.get(operand)
        if width is not None:
            dtype, value = dtype_of(kind), self.registers.get(operand)
            if value is None:
                value = np.zeros(self.count, np.bool_ if width == 1 else UNSIGNED[width])
            if value.dtype.itemsize == np.dtype(dtype).itemsize:
                return value.view(dtype)
            return value.astype(UNSIGNED[np.dtype(dtype).itemsize * 8]).view(dtype)
        if operand in self.special:
            return self.special[operand].astype(dtype_of(kind))
        for place in (self.kernel.shared, self.kernel.slots):
            if operand in place:
                return np.full(self.count, place[operand]).astype(dtype_of(kind))
        return _immediate(operand, kind, self.count)

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
        if not active.all():
            value = np.where(active, value, self.get(register, "pred" if width == 1 else f"u{width}"))
        self.registers[register] = value

    def address(self, operand: str) -> Lanes:
        """Give the address that `[register + offset]` stands for."""
        parts = re.fullmatch(r"\[\s*([%\w$]+)\s*(?:\+\s*(-?\w+))?\s*\]", operand)
        assert parts, operand
        width = self.kernel.widths.get(parts[1], 64)
        return self.get(parts[1], f"u{width}").astype(np.int64) + int(parts[2] or "0", 0)

    def access(self, space: str, address: Lanes, active: Lanes, size: int, data: Any = None) -> np.ndarray:
        """Load or store in the active lanes."""
        if space != "param":
            return access(space, self.memory, self.shared, address[active], self.thread[active], size, data)
        cells = address[active][:, None] + np.arange(size)
        if (cells < 0).any() or (cells >= self.kernel.slot_bytes).any():
            raise PtxError("parameters out of bounds")
        if data is not None:
            self.slots[self.thread[active][:, None], cells] = data
        return self.slots[self.thread[active][:, None], cells]

    # ---- instructions: do_NAME(instruction, active lanes) answers where to go on, where that is not the next one

    def do_bra(self, i: Instruction, active: Lanes) -> int:
        return self.kernel.labels[i.operands[-1]]

    def do_ret(self, i: Instruction, active: Lanes) -> int:
        return _RETURN

    def do_call(self, i: Instruction, active: Lanes) -> None:
        results, given = (split(i.operands[n].strip("() ")) for n in (0, 2))
        caller, callee = self.kernel, self.kernel.functions[i.operands[1]]
        registers, slots = self.registers, self.slots
        passed = np.zeros((self.count, callee.slot_bytes), np.uint8)
        pairs = list(zip([*results, *given], callee.parameters.items(), strict=True))
        for name, (parameter, size) in pairs:
            passed[:, callee.slots[parameter] :][:, :size] = slots[:, caller.slots[name] :][:, :size]
        self.kernel, self.registers, self.slots = callee, {}, passed
        self._go(active)
        self.kernel, self.registers, self.slots = caller, registers, slots
        for name, (parameter, size) in pairs[: len(results)]:
            answer = passed[:, callee.slots[parameter] :][:, :size]
            slots[:, caller.slots[name] :][active, :size] = answer[active]

    def do_ld(self, i: Instruction, active: Lanes) -> None:
        kind, size, registers = self._moved(i, i.operands[0])
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
        known = {"param", "global", "shared", "nc", "v2", "v4"}
        if not set(i.names[1:-1]) <= known:
            raise PtxError("not interpreted: " + i.name)
        kind = i.names[-1]
        return kind, np.dtype(dtype_of(kind)).itemsize, split(operand.strip("{}"))

    def do_mov(self, i: Instruction, active: Lanes) -> None:
        kind, (to, source) = i.names[-1], i.operands
        width = np.dtype(dtype_of(kind)).itemsize * 8
        if to.startswith("{"):
            registers = split(to.strip("{}"))
            pieces = self.get(source, kind).view(UNSIGNED[width // len(registers)]).reshape(self.count, -1)
            for n, register in enumerate(registers):
                self.put(register, pieces[:, n], active)
        elif source.startswith("{"):
            operands = split(source.strip("{}"))
            pieces = np.stack([self.get(operand, f"b{width // len(operands)}") for operand in operands], 1)
            self.put(to, pieces.view(UNSIGNED[width]).ravel(), active)
        else:
            self.put(to, self.get(source, kind), active)

    def do_cvta(self, i: Instruction, active: Lanes) -> None:
        value = self.get(i.operands[1], "u64")
        if "shared" in i.names:
            window = np.uint64(SHARED_WINDOW)
            value = value - window if "to" in i.names else value + window
        self.put(i.operands[0], value, active)

    def do_bar(self, i: Instruction, active: Lanes) -> int:
        if i.names[1] != "sync" or i.operands != ["0"]:
            raise PtxError("not interpreted: " + i.name)
        return _BARRIER

    def do_shfl(self, i: Instruction, active: Lanes) -> None:
        value, distance, bounds, lanes = (self.get(operand, "u32") for operand in i.operands[1:])
        if i.names[2] != "bfly" or (bounds != 31)[active].any() or (lanes != 0xFFFFFFFF)[active].any():
            raise PtxError("not interpreted: " + i.name)
        self.put(i.operands[0].split("|")[0], value[self.warp * 32 + (self.thread % 32 ^ distance.astype(int))], active)

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
            for taken in np.unique(copies.taken[now]):
                these = now & (copies.taken == taken)
                threads = self.thread[copies.lanes[these]]
                data = np.zeros((threads.size, copies.size), np.uint8)
                if taken:
                    source = copies.source[these]
                    data[:, :taken] = access("global", self.memory, self.shared, source, threads, int(taken))
                access("shared", self.memory, self.shared, copies.to[these], threads, copies.size, data)
            copies.landed |= now
        self.copies = [copies for copies in self.copies if not copies.landed.all()]

    def do_ldmatrix(self, i: Instruction, active: Lanes) -> None:
        if i.names[1:] != ["sync", "aligned", "m8n8", "x4", "shared", "b16"]:
            raise PtxError("not interpreted: " + i.name)
        rows = np.zeros((self.count, 4), np.uint32)
        rows[active] = self.access("shared", self.address(i.operands[1]), active, 16).view(np.uint32)
        first, lane = self.warp * 32, self.thread % 32
        for matrix, register in enumerate(split(i.operands[0].strip("{}"))):
            self.put(register, rows[first + 8 * matrix + lane // 4, lane % 4], active)

    def do_mma(self, i: Instruction, active: Lanes) -> None:
        depth = _DEPTHS.get(i.name)
        if depth is None:
            raise PtxError("not interpreted: " + i.name)
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

    # ---- who goes on where

    def run(self) -> None:
        """Take all threads through the kernel, from barrier to barrier."""
        going = {0: np.ones(self.count, bool)}
        while going:
            going = self._go_on(going)
            if len(going) > 1 or not all(lanes.all() for lanes in going.values()):
                raise PtxError("threads of a block wait at different barriers, or some have returned")
            self.shared.phase += 1

    def _go(self, active: Lanes) -> None:
        """Take the active lanes through a function."""
        if self._go_on({0: active}):
            raise PtxError("not interpreted: a barrier in a function")

    def _go_on(self, going: dict[int, Lanes]) -> dict[int, Lanes]:
        """Let lanes that are at the keys go on until they return or wait; answer where they wait.

        Those at the lowest key go first, which brings lanes together again that went apart.
        """
        waiting: dict[int, Lanes] = {}
        apart: dict[int, Lanes] = {}  # at operations of a warp, until its other lanes get there
        while going:
            here = min(going)
            lanes, instruction = going.pop(here), self.kernel.code[here]
            if instruction.names[0] in _OF_A_WARP:
                lanes, lacking = self._whole_warps(lanes | apart.pop(here, False))
                if lacking.any():
                    apart[here] = lacking
            active = lanes
            if instruction.predicate is not None:
                active = lanes & (self.get(instruction.predicate, "pred") ^ instruction.negated)
            then = self._step(instruction, active) if active.any() else None
            self.kernel.ran.add(here)
            if then is None:
                _meet(going, here + 1, lanes)
                continue
            if then == _BARRIER:
                _meet(waiting, here + 1, active)
            elif then != _RETURN:
                _meet(going, then, active)
            _meet(going, here + 1, lanes & ~active)
        for here, lanes in apart.items():
            warp = self.warp[lanes][0]
            raise PtxError(f"{self.kernel.code[here].names[0]} by a part of warp {warp}")
        return waiting

    def _step(self, i: Instruction, active: Lanes) -> int | None:
        """Do one instruction in the active lanes; where they go, if that is not the next one."""
        compute = operation(i.name)
        if compute is not None:
            return self.put(i.operands[0], compute(i, self.get), active)
        step = getattr(self, f"do_{i.names[0]}", None)
        if step is None:
            raise PtxError("not interpreted: " + i.name)
        return step(i, active)

    def _whole_warps(self, lanes: Lanes) -> tuple[Lanes, Lanes]:
        """Tell the lanes whose warps are complete from the others."""
        lacks = np.zeros(self.warp[-1] + 1, bool)
        lacks[self.warp[~lanes]] = True
        complete = lanes & ~lacks[self.warp]
        return complete, lanes & ~complete


def _meet(places: dict[int, Lanes], at: int, lanes: Lanes) -> None:
    if lanes.any():
        places[at] = places[at] | lanes if at in places else lanes


def _space(i: Instruction) -> str:
    return next((space for space in ("global", "shared", "param") if space in i.names), "generic")


def launch(kernel: Kernel, memory: Memory, grid: Dim, block: Dim, arguments: list[bytes]) -> None:
    """Run every block of a grid; `arguments` are the parameters as they lie in memory."""
    with np.errstate(all="ignore"):
        for z, y, x in itertools.product(*(range(length) for length in reversed(grid))):
            Block(kernel, memory, grid, block, (x, y, z), arguments).run()


def _factor(bits: np.ndarray, depth: int, half: int) -> np.ndarray:
    """What tensor cores read in a word: tf32, without the bits that they ignore, or one of two bf16."""
    if depth == 8:
        return (bits & np.uint32(0xFFFFE000)).view(np.float32)
    return (bits & np.uint32(0xFFFF0000) if half else bits << np.uint32(16)).view(np.float32)
