"""The layers between some symbolic inputs and outputs, in Keras's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyconvnet.layers import InputLayer, KerasTensor, Layer
from pyconvnet.layers.symbolic import Call


@dataclass
class Network:
    """What a model consists of.

    Attributes:
        calls: the uses of layers, each behind those that it reads from; those of `InputLayer`s are not among them.
        layers: each once, the `InputLayer`s among them, in Keras's order, which is that of the weights.
        inputs: of the model.
        outputs: of the model.
    """

    calls: list[Call]  # first, so that a pickle does not go from the last call back to the first in one breath
    layers: list[Layer]
    inputs: list[KerasTensor]
    outputs: list[KerasTensor]

    def uses(self, layer: Layer) -> list[Call]:
        """The uses of a layer, in order."""
        return [call for call in self.calls if call.layer is layer]


def connect(who: str, inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> Network:
    """The network between inputs and outputs.

    An input may be the output of any layer: the network then begins behind it, with an `InputLayer` of its own.

    Args:
        who: for messages.
        inputs: each once.
        outputs: that depend on nothing but the inputs.

    Raises:
        ValueError: an input twice, an output that needs another input, or two layers of one name.
    """
    if len({id(tensor) for tensor in inputs}) != len(inputs):
        raise ValueError(f"{who}: every input must be given once, got {', '.join(t.name for t in inputs)}")
    calls = _calls_behind(who, inputs, outputs)
    if not all(isinstance(tensor.call.layer, InputLayer) for tensor in inputs):
        inputs, outputs, calls = _begin_at(inputs, outputs, calls)
    layers = _in_keras_order(inputs, outputs, calls)
    names: set[str] = set()
    for layer in layers:
        if layer.name in names:
            raise ValueError(f"{who}: there are two layers named '{layer.name}'; give one another name")
        names.add(layer.name)
    return Network(calls, layers, list(inputs), list(outputs))


def _calls_behind(who: str, inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> list[Call]:
    """The uses of layers from the inputs to the outputs, each behind those that it reads from."""
    given = {id(tensor) for tensor in inputs}
    finished: dict[int, Call] = {}
    for output in outputs:
        waiting = [(output, False)]
        while waiting:
            tensor, ready = waiting.pop()
            call = tensor.call
            if id(tensor) in given or id(call) in finished:
                continue
            if isinstance(call.layer, InputLayer):
                raise ValueError(
                    f"{who}: the output {output.name} needs {call.layer.label}, which is not among the inputs: "
                    f"{', '.join(t.name for t in inputs)}"
                )
            if ready:
                finished[id(call)] = call
                continue
            waiting.append((tensor, True))
            waiting += [(source, False) for source in reversed(call.inputs)]
    return list(finished.values())


def _begin_at(
    inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor], calls: list[Call]
) -> tuple[list[KerasTensor], list[KerasTensor], list[Call]]:
    """The same calls on inputs of their own."""
    stands_for: dict[int, KerasTensor] = {}
    for tensor in inputs:
        own = isinstance(tensor.call.layer, InputLayer)
        stands_for[id(tensor)] = tensor if own else InputLayer(tensor.sample_shape).tensor
    copies = []
    for call in calls:
        made = [KerasTensor(tensor.sample_shape) for tensor in call.outputs]
        copies.append(Call(call.layer, [stands_for[id(tensor)] for tensor in call.inputs], made))
        stands_for.update((id(old), new) for old, new in zip(call.outputs, made, strict=True))
    return [stands_for[id(t)] for t in inputs], [stands_for[id(t)] for t in outputs], copies


def _in_keras_order(
    inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor], calls: Sequence[Call]
) -> list[Layer]:
    """The layers by their distance from the outputs, the farthest first; at one distance as they are come across.

    A layer's distance is the longest way from any of its uses to an output (Keras 3, `map_graph`).
    """
    met = _order_of_meeting(inputs, outputs)
    everything = [*dict.fromkeys(tensor.call for tensor in inputs if id(tensor.call.layer) in met), *calls]
    of_call: dict[int, int] = {}
    of_layer: dict[int, int] = {}
    for call in reversed(everything):
        depth = max(of_call.get(id(call), 0), of_layer.get(id(call.layer), 0))
        of_call[id(call)] = of_layer[id(call.layer)] = depth
        for tensor in call.inputs:
            of_call[id(tensor.call)] = max(of_call.get(id(tensor.call), 0), depth + 1)
    layers = {id(call.layer): call.layer for call in everything}
    found = sorted(layers.values(), key=lambda layer: (-of_layer[id(layer)], met[id(layer)]))
    return [*found, *(tensor.call.layer for tensor in inputs if id(tensor.call.layer) not in met)]


def _order_of_meeting(inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> dict[int, int]:
    """When each layer is met on the way back from the outputs, by its id."""
    given = {id(tensor) for tensor in inputs}
    met: dict[int, int] = {}
    seen: set[int] = set()
    waiting = list(reversed(outputs))
    while waiting:
        tensor = waiting.pop()
        if id(tensor.call) in seen:
            continue
        seen.add(id(tensor.call))
        met.setdefault(id(tensor.call.layer), len(met))
        if id(tensor) not in given:
            waiting += reversed(tensor.call.inputs)
    return met
