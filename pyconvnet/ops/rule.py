"""What the plan needs to know of an op: the kernel calls of its forward and backward pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from pyconvnet.variables import Variable


@dataclass(eq=False)
class Tensor:
    """A value of the plan. `shape` leaves the batch out where `batched` (then there is one such block a row).

    kind: "activation" (lives in the plan's arena, as gradients do), "scratch" (lives there during one call),
    "variable" (a weight), "slot" (a persistent array of an optimizer, or the sums of an epoch).
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    batched: bool = True
    kind: str = "activation"
    variable: Variable | None = None
    array: Any = None  # behind a variable or a slot, in the memory of the plan's device

    @property
    def size(self) -> int:
        """Elements (of one row where batched)."""
        size = 1
        for length in self.shape:
            size *= length
        return size

    def nbytes(self, rows: int) -> int:
        """Bytes for so many rows of a batch."""
        return self.size * np.dtype(self.dtype).itemsize * (rows if self.batched else 1)


@dataclass(eq=False)
class Node:
    """One op of a model: `inputs` by name (x, kernel, bias, ...), one `output`, attributes of the op."""

    op: str
    name: str  # the layer's name: labels and messages
    inputs: dict[str, Tensor]
    output: Tensor
    attributes: dict[str, Any]
    instance: int = 0  # which random op of the model this is
    saved: dict[str, Tensor] = field(default_factory=dict)  # what forward keeps for backward


class Emitter(Protocol):
    """What a rule may ask of the plan while it emits kernel calls."""

    training: bool  # dropout and batch statistics on
    differentiating: bool  # a backward pass follows: save what it needs
    updating_statistics: bool  # moving statistics follow those of the batch
    winograd: bool  # convolutions may be computed by Winograd's algorithm
    bfloat16: str  # how bfloat16 numbers are multiplied where a layer asks for it; "plain": they are not
    backend: str  # whose kernels are called

    def call(self, kernel: str, attributes: dict[str, Any], label: str, /, **buffers: Tensor | None) -> None:
        """Adds a kernel call; `buffers` by the kernel's names. Scratch is added by the plan."""

    def tensor(self, name: str, shape: tuple[int, ...], dtype: str = "float32", batched: bool = True) -> Tensor:
        """A new activation."""

    def gradient(self, variable: Tensor) -> Tensor | None:
        """Where a node writes its part of the gradient of a variable, asked once; None where it is not trained."""

    def wants_gradient(self, tensor: Tensor) -> bool:
        """Whether anything trained, or asked for, lies before this tensor."""


class Rule(Protocol):
    """Each op once: how it becomes kernel calls. Registered by the op's name in `pyconvnet.ops.RULES`."""

    def forward(self, node: Node, emit: Emitter) -> None:
        """Emits the calls that fill `node.output`."""

    def backward(self, node: Node, dy: Tensor, emit: Emitter) -> dict[str, Tensor]:
        """Emits the calls of the backward pass; answers the gradients of the activations among the inputs."""

    def flops(self, node: Node) -> int:
        """Floating-point operations of the forward pass for one row (a multiply-add counts as two)."""
