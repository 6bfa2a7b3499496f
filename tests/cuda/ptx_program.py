"""PTX as nvcc writes it, read into kernels: parameters, shared memory, and instructions with their operands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

UNSIGNED = {1: np.uint8, 8: np.uint8, 16: np.uint16, 32: np.uint32, 64: np.uint64}
SIGNED = {8: np.int8, 16: np.int16, 32: np.int32, 64: np.int64}
FLOAT = {32: np.float32, 64: np.float64}


def dtype_of(name: str) -> type:
    """Give the NumPy type of a PTX type such as s32, b64, f32 or pred."""
    if name == "pred":
        return np.bool_
    width = int(name[1:])
    return (FLOAT if name[0] == "f" else SIGNED if name[0] == "s" else UNSIGNED)[width]


def split(text: str) -> list[str]:
    """Split operands at the commas outside of brackets."""
    parts, depth, current = [], 0, ""
    for character in text:
        depth += (character in "[{(") - (character in "]})")
        if character == "," and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += character
    return [*parts, current.strip()] if current.strip() else parts


@dataclass
class Instruction:
    """`@predicate name.name operands`."""

    predicate: str | None
    negated: bool
    names: list[str]
    operands: list[str]

    @cached_property
    def name(self) -> str:
        """All of its name: `add.rn.f32`."""
        return ".".join(self.names)


@dataclass
class Kernel:
    """What of an entry function, or of a function that one calls, the interpreter needs.

    Attributes:
        parameters: their sizes in bytes, by name; those that it answers come first.
        functions: those of its module, by name.
        slots: where each parameter, and each one of a call, lies in the memory of parameters.
        slot_bytes: its size.
        code: instructions in order.
        labels: the number of the instruction behind each label.
        widths: bits of each register; a predicate has one.
        shared: where each array lies in the block's shared memory.
        shared_bytes: its size.
        ran: the numbers of the instructions that some thread has come to, in any launch.
    """

    parameters: dict[str, int]
    functions: dict[str, Kernel] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)
    slot_bytes: int = 0
    code: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)
    shared: dict[str, int] = field(default_factory=dict)
    shared_bytes: int = 0
    ran: set[int] = field(default_factory=set)

    def place(self, name: str, align: int, size: int) -> None:
        """Give an array its place in shared memory."""
        begin = -(-self.shared_bytes // align) * align
        self.shared[name] = begin
        self.shared_bytes = begin + size

    def add_slot(self, name: str, size: int) -> None:
        """Give a parameter its place; each call declares its own anew."""
        if name not in self.slots:
            self.slots[name] = self.slot_bytes
            self.slot_bytes += -(-size // 16) * 16


def parse(text: str) -> dict[str, Kernel]:
    """Read all entry functions of a PTX module, by their (mangled) names."""
    text = re.sub(r"//[^\n]*", "", text)
    arrays = re.findall(r"^\.(?:visible |weak )?\.?shared\s+\.align\s+(\d+)\s+\.b8\s+(\w+)\[(\d+)\]", text, re.M)
    kernels: dict[str, Kernel] = {}
    functions: dict[str, Kernel] = {}
    head = r"\.(entry|func)\s*(?:\(([^)]*)\)\s*)?([\w$]+)\s*\(([^)]*)\)([^{;]*)\{"
    for found in re.finditer(head, text):
        depth, end = 1, found.end()
        while depth:
            bracket = re.compile("[{}]").search(text, end)
            assert bracket, found[3]
            depth, end = depth + (1 if bracket[0] == "{" else -1), bracket.end()
        body = text[found.end() : end - 1]
        kernel = Kernel(_parameters(found[2] or "") | _parameters(found[4]), functions)
        for name, size in kernel.parameters.items():
            kernel.add_slot(name, size)
        for align, name, size in arrays:
            if re.search(rf"\b{re.escape(name)}\b", body):
                kernel.place(name, int(align), int(size))
        _read_body(kernel, body)
        (kernels if found[1] == "entry" else functions)[found[3]] = kernel
    return kernels


def _parameters(text: str) -> dict[str, int]:
    """Give the bytes of each `.param .b64 name` or `.param .align 8 .b8 name[24]`, by name."""
    sizes = {}
    for parameter in split(text):
        parts = re.search(r"\.[a-z](\d+)\s+([\w$]+)(?:\[(\d+)\])?$", parameter)
        assert parts, parameter
        sizes[parts[2]] = int(parts[1]) // 8 * int(parts[3] or 1)
    return sizes


def _read_body(kernel: Kernel, body: str) -> None:
    # A call stands on several lines.
    body = re.sub(r"\bcall[^;]*;", lambda call: " ".join(call[0].split()), body)
    for statement in re.split(r"[;\n]", body):
        statement = statement.strip().lstrip("{} \t")
        while label := re.match(r"([$\w]+):\s*", statement):
            kernel.labels[label[1]] = len(kernel.code)
            statement = statement[label.end() :]
        _read_statement(kernel, statement)


def _read_statement(kernel: Kernel, statement: str) -> None:
    if registers := re.match(r"\.reg\s*\.(\w+)\s+(.+)", statement):
        width = 1 if registers[1] == "pred" else int(registers[1][1:])
        for register in split(registers[2]):
            if several := re.match(r"(%?\w+)<(\d+)>", register):
                kernel.widths.update({f"{several[1]}{i}": width for i in range(int(several[2]))})
            else:
                assert kernel.widths.setdefault(register, width) == width, statement
    elif array := re.match(r"\.shared\s+\.align\s+(\d+)\s+\.b8\s+(\w+)\[(\d+)\]", statement):
        kernel.place(array[2], int(array[1]), int(array[3]))
    elif statement.startswith(".param"):
        for name, size in _parameters(statement).items():
            kernel.add_slot(name, size)
    elif statement and not statement.startswith("."):
        parts = re.match(r"(?:@(!?)(%\w+)\s+)?([\w.:]+)\s*(.*)", statement, re.S)
        assert parts, statement
        kernel.code.append(Instruction(parts[2], bool(parts[1]), parts[3].split("."), split(parts[4])))
