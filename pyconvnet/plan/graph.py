"""The ops of one model, as its layers declare them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyconvnet.ops.rule import Node, Tensor
from pyconvnet.variables import Variable


@dataclass(eq=False)
class ActivityPenalty:
    """l1 * sum|y| + l2 * sum(y^2) over a layer's output, divided by the rows of the batch."""

    tensor: Tensor
    label: str
    l1: float
    l2: float


class Graph:
    """A list of nodes in the order in which they run, from some inputs to some outputs.

    Args:
        input_shapes: of one sample of each input.

    Attributes:
        inputs: the samples.
        outputs: what is asked for; passes may put equal tensors of another shape in their place.
        output_shapes: as the model declared them.
        nodes: every node stands behind those that it reads from.
    """

    def __init__(self, input_shapes: Sequence[tuple[int, ...]]) -> None:
        single = len(input_shapes) == 1
        self.inputs = [Tensor("x" if single else f"x{i}", tuple(shape)) for i, shape in enumerate(input_shapes)]
        self.outputs: list[Tensor] = []
        self.output_shapes: list[tuple[int, ...]] = []
        self.nodes: list[Node] = []
        self.activity_penalties: list[ActivityPenalty] = []
        self._variables: dict[int, Tensor] = {}

    def apply(
        self,
        op: str,
        layer_name: str,
        inputs: dict[str, Tensor | Variable | None],
        output_shape: tuple[int, ...],
        **attributes: Any,
    ) -> Tensor:
        """Adds an op.

        Args:
            op: its name in `pyconvnet.ops.RULES`, or "reshape".
            layer_name: for labels and messages.
            inputs: tensors and variables by the op's names; None is left out.
            output_shape: without the batch.
            attributes: the op's.

        Returns:
            The output.
        """
        tensors = {
            name: self.variable(value) if isinstance(value, Variable) else value
            for name, value in inputs.items()
            if value is not None
        }
        output = Tensor(f"{layer_name}.{op}", tuple(output_shape))
        self.nodes.append(Node(op, layer_name, tensors, output, dict(attributes), instance=len(self.nodes)))
        return output

    def finish(self, outputs: Sequence[Tensor]) -> None:
        """Says what is asked for."""
        self.outputs = list(outputs)
        self.output_shapes = [tensor.shape for tensor in outputs]

    def readers(self, tensor: Tensor) -> list[Node]:
        """The nodes that read a tensor, once for each time."""
        return [node for node in self.nodes for other in node.inputs.values() if other is tensor]

    def regularize_activity(self, tensor: Tensor, label: str, l1: float, l2: float) -> None:
        """Adds a penalty on a layer's output to the loss."""
        self.activity_penalties.append(ActivityPenalty(tensor, label, l1, l2))

    def variable(self, variable: Variable) -> Tensor:
        """The tensor that stands for a variable; one each."""
        key = id(variable)
        if key not in self._variables:
            self._variables[key] = Tensor(
                variable.path, variable.shape, batched=False, kind="variable", variable=variable, array=variable.buffer
            )
        return self._variables[key]

    @property
    def variables(self) -> list[Tensor]:
        """The variables that the nodes use, in order of first use."""
        return list(self._variables.values())
