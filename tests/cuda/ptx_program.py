"""PTX as nvcc writes it, read into kernels: parameters, shared memory, and instructions with their operands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

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


@dataclass
class Kernel:
    """What of an entry function the interpreter needs.

    Attributes:
        parameters: their names.
        code: instructions in order.
        labels: the number of the instruction behind each label.
        widths: bits of each register; a predicate has one.
        shared: where each array lies in the block's shared memory.
        shared_bytes: its size.
    """

    parameters: list[str]
    code: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)
    shared: dict[str, int] = field(default_factory=dict)
    shared_bytes: int = 0

    def place(self, name: str, align: int, size: int) -> None:
        """Give an array its place in shared memory."""
        begin = -(-self.shared_bytes // align) * align
        self.shared[name] = begin
        self.shared_bytes = begin + size


def parse(text: str) -> dict[str, Kernel]:
    """Read all entry functions of a PTX module, by their (mangled) names."""
    text = re.sub(r"//[^\n]*", "", text)
    arrays = re.findall(r"^\.(?:visible |weak )?\.?shared\s+\.align\s+(\d+)\s+\.b8\s+(\w+)\[(\d+)\]", text, re.M)
    kernels = {}
    for entry in re.finditer(r"\.entry\s+(\w+)\s*\(([^)]*)\)[^{]*\{", text):
        depth, end = 1, entry.end()
        while depth:
            depth += (text[end] == "{") - (text[end] == "}")
            end += 1
        body = text[entry.end() : end - 1]
        names = [re.search(r"(\w+)(?:\[\d+\])?$", parameter) for parameter in split(entry[2])]
        kernel = Kernel([name[1] for name in names if name])
        for align, name, size in arrays:
            if re.search(rf"\b{re.escape(name)}\b", body):
                kernel.place(name, int(align), int(size))
        _read_body(kernel, body)
        kernels[entry[1]] = kernel
    return kernels


def _read_body(kernel: Kernel, body: str) -> None:
    for statement in re.split(r"[;\n]", body):
        statement = statement.strip()
        if not statement.startswith(("{", "}")) or re.fullmatch(r"[{}]+", statement):
            statement = statement.strip("{}").strip()
        while label := re.match(r"([$\w]+):\s*", statement):
            kernel.labels[label[1]] = len(kernel.code)
            statement = statement[label.end() :]
        if registers := re.match(r"\.reg\s*\.(\w+)\s+(.+)", statement):
            width = 1 if registers[1] == "pred" else int(registers[1][1:])
            for register in split(registers[2]):
                if several := re.match(r"(%?\w+)<(\d+)>", register):
                    kernel.widths.update({f"{several[1]}{i}": width for i in range(int(several[2]))})
                else:
                    kernel.widths[register] = width
        elif array := re.match(r"\.shared\s+\.align\s+(\d+)\s+\.b8\s+(\w+)\[(\d+)\]", statement):
            kernel.place(array[2], int(array[1]), int(array[3]))
        elif statement and not statement.startswith("."):
            parts = re.match(r"(?:@(!?)(%\w+)\s+)?([\w.:]+)\s*(.*)", statement, re.S)
            assert parts, statement
            kernel.code.append(Instruction(parts[2], bool(parts[1]), parts[3].split("."), split(parts[4])))
