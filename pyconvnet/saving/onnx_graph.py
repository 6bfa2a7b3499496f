"""An ONNX graph while it grows: names, constants, and in which order the axes of each value lie.

pyconvnet's values are [n, height, width, channels], ONNX's convolutions, pools and normalizations take
[n, channels, height, width]. A value is turned where it is first asked for in the order that is not there, and then it
is there in both: neighbours that agree have nothing between them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyconvnet.ops.rule import Tensor


@dataclass
class Step:
    """One node: ONNX's operator, what it reads and makes, and its attributes. Its name is that of what it makes."""

    operator: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any]


class OnnxGraph:
    """Steps in the order in which they run, and the constants that they read.

    Args:
        inputs: what the model is given; their values have the channels last.
        names: of the inputs, each once.

    Attributes:
        steps: the nodes so far.
        constants: weights and other arrays by name.
        input_names: as in the file.
    """

    def __init__(self, inputs: Sequence[Tensor], names: Sequence[str]) -> None:
        self.steps: list[Step] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self._taken: set[str] = set()
        self._weights: dict[int, str] = {}
        self._values: dict[tuple[int, bool], str] = {}
        self.input_names = [self._free(name) for name in names]
        for tensor, name in zip(inputs, self.input_names, strict=True):
            self.put(tensor, name)

    def add(self, operator: str, label: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Adds a node for the layer `label`; answers the name of what it makes."""
        output = self._free(f"{label}/{operator}")
        self.steps.append(Step(operator, list(inputs), output, attributes))
        return output

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Adds an array; answers its name, which is `name` where that is free."""
        free = self._free(name)
        self.constants[free] = np.ascontiguousarray(value)
        return free

    def weight(self, tensor: Tensor, turned: Callable[[NDArray[Any]], NDArray[Any]] | None = None) -> str:
        """The name of a variable's values, once in the file however many layers read them.

        Args:
            tensor: stands for the variable.
            turned: what brings the array into ONNX's form, or None where it is that already.
        """
        if id(tensor) not in self._weights:
            value = tensor.array if turned is None else turned(tensor.array)
            self._weights[id(tensor)] = self.constant(tensor.name, value)
        return self._weights[id(tensor)]

    def put(self, tensor: Tensor, name: str, *, channels_first: bool = False) -> None:
        """Says under which name a value is to be had, and in which order of its axes."""
        self._values[id(tensor), channels_first and _has_channels(tensor)] = name

    def has_channels_first(self, tensor: Tensor) -> bool:
        """Whether the value is there with its channels in front."""
        return (id(tensor), True) in self._values

    def value(self, tensor: Tensor, *, channels_first: bool = False) -> str:
        """The name of a value with its channels last or in front; turned where it is not there like this."""
        wanted = (id(tensor), channels_first and _has_channels(tensor))
        if wanted not in self._values:
            rank = len(tensor.shape) + 1
            order = [0, rank - 1, *range(1, rank - 1)] if wanted[1] else [0, *range(2, rank), 1]
            label = tensor.name.partition(".")[0]
            self._values[wanted] = self.add("Transpose", label, [self._values[id(tensor), not wanted[1]]], perm=order)
        return self._values[wanted]

    def finish(self, outputs: Sequence[Tensor], names: Sequence[str]) -> list[str]:
        """Gives the outputs their names; answers these as they are in the file."""
        made = [self.value(tensor) for tensor in outputs]
        given = [self._free(name) for name in names]
        renamed: dict[str, str] = {}
        for i, (old, new) in enumerate(zip(made, given, strict=True)):
            if old in self.input_names or old in renamed:  # an input itself, or what is another output too
                self.steps.append(Step("Identity", [old], new, {}))
            else:
                renamed[old] = given[i]
        for step in self.steps:
            step.inputs = [renamed.get(name, name) for name in step.inputs]
            step.output = renamed.get(step.output, step.output)
        return given

    def _free(self, name: str) -> str:
        free, count = name, 0
        while free in self._taken:
            count += 1
            free = f"{name}_{count}"
        self._taken.add(free)
        return free


def _has_channels(tensor: Tensor) -> bool:
    """Whether the channels can stand elsewhere than last: a sample has other axes too."""
    return len(tensor.shape) > 1
