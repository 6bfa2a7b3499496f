"""Graphs of layers from the configs of Keras 2 and Keras 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyconvnet.layers import InputLayer, KerasTensor, Layer
from pyconvnet.layers.symbolic import call_layer
from pyconvnet.models import Functional, Model

Reference = tuple[str, int, int]  # a layer's name, which of its uses, which of its outputs

_MOST_USES = 4000


class _Graph:
    """The layers of a config by name, their uses, and the tensors made so far."""

    def __init__(self, who: str) -> None:
        self.who = who
        self.layers: dict[str, Layer] = {}
        self.uses: list[tuple[str, int, list[Reference]]] = []
        self._made: dict[tuple[str, int], list[KerasTensor]] = {}
        self._first: dict[str, int] = {}

    def add(self, name: str, layer: Layer, nodes: Any) -> None:
        """Takes a layer with its uses."""
        if name in self.layers or not isinstance(nodes, list):
            raise ValueError(f"{self.who}: layer '{name}' must be there once, with a list of inbound_nodes")
        self.layers[name] = layer
        if isinstance(layer, InputLayer):
            self._made[name, 0] = [layer.tensor]
        else:
            self.uses += [(name, place, self._references(name, node)) for place, node in enumerate(nodes)]
        if len(self.uses) > _MOST_USES:
            raise ValueError(f"{self.who}: the layers must be used at most {_MOST_USES} times")

    def connect(self, ends: list[Reference]) -> None:
        """Applies every layer as often as it is used, each time as soon as its inputs are there."""
        for name, number, _ in [*ends, *(reference for *_, references in self.uses for reference in references)]:
            # Keras 2 counts a model's uses from 1, Keras 3 from 0; the smallest number that occurs tells.
            self._first[name] = min(number, self._first.get(name, number))
        waiting = self.uses
        while waiting:
            later = []
            for use in waiting:
                name, place, references = use
                if not all(self._is_made(reference) for reference in references):
                    later.append(use)
                    continue
                self._made[name, place] = call_layer(self.layers[name], [self.tensor(r) for r in references])
            if len(later) == len(waiting):
                raise ValueError(
                    f"{self.who}: the inputs of layer '{later[0][0]}' are missing, or follow from its output"
                )
            waiting = later

    def tensor(self, reference: Reference) -> KerasTensor:
        """The tensor that a reference means.

        Raises:
            ValueError: there is none.
        """
        made = self._made.get(self._key(reference), [])
        if not 0 <= reference[2] < len(made):
            raise ValueError(f"{self.who}: there is no output {list(reference)} in the network")
        return made[reference[2]]

    def _is_made(self, reference: Reference) -> bool:
        return self._key(reference) in self._made

    def _key(self, reference: Reference) -> tuple[str, int]:
        name, number, _ = reference
        model = isinstance(self.layers.get(name), Model)
        return name, number - self._first.get(name, 0) if model else number

    def _references(self, name: str, node: Any) -> list[Reference]:
        """The inputs of one use: Keras 3's {"args": ..., "kwargs": ...} or Keras 2's list."""
        if isinstance(node, Mapping):
            args, options = node.get("args"), node.get("kwargs") or {}
            entries = args[0] if isinstance(args, list) and len(args) == 1 else None
            given = [options]
            found = [_of_keras3(entry) for entry in (entries if isinstance(entries, list) else [entries])]
        else:
            entries = node if isinstance(node, list) else []
            given = [entry[3] for entry in entries if isinstance(entry, list) and len(entry) == 4]
            found = [_of_list(entry[:3]) if isinstance(entry, list) else None for entry in entries]
        for options in given:
            if not isinstance(options, Mapping) or any(value is not None for value in options.values()):
                raise ValueError(f"{self.who}: layer '{name}' is called with {options!r}, which is not offered")
        references = [reference for reference in found if reference is not None]
        if not references or len(references) != len(found):
            raise ValueError(f"{self.who}: the inputs of layer '{name}' must be outputs of other layers")
        return references


def read_graph(who: str, config: Mapping[str, Any], read_layer: Callable[[str, Any], Layer]) -> Functional:
    """A new model from the config of a `Functional`.

    Args:
        who: who loads what, for messages.
        config: with layers, input_layers and output_layers.
        read_layer: makes a layer of an entry of layers.

    Raises:
        ValueError, TypeError: connections that lead nowhere or in a circle, layers that cannot be made.
    """
    graph = _Graph(who)
    for entry in config["layers"]:
        layer = read_layer(who, entry)
        graph.add(entry.get("name", layer.name), layer, entry.get("inbound_nodes"))
    ends = {side: _ends(who, side, config.get(side)) for side in ("input_layers", "output_layers")}
    graph.connect([reference for _, references in ends.values() for reference in references])
    inputs, outputs = (_packed(keys, [graph.tensor(r) for r in references]) for keys, references in ends.values())
    return Functional(inputs, outputs, name=config.get("name"))


def _ends(who: str, side: str, value: Any) -> tuple[Any, list[Reference]]:
    """How the ends are handed over (None: alone, a list of keys, or their number), and the ends."""
    alone = _of_list(value)
    if alone is not None:
        return None, [alone]
    entries = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
    found = [reference for reference in map(_of_list, entries) if reference is not None]
    if not found or len(found) != len(entries):
        raise ValueError(f"{who}: {side} must name outputs of layers, got {value!r:.200}")
    if isinstance(value, Mapping):
        return list(value), found
    return (None if len(found) == 1 else len(found)), found


def _packed(keys: Any, tensors: list[KerasTensor]) -> Any:
    if keys is None:
        return tensors[0]
    return dict(zip(keys, tensors, strict=True)) if isinstance(keys, list) else tensors


def _of_keras3(entry: Any) -> Reference | None:
    config = entry.get("config") if isinstance(entry, Mapping) else None
    return _of_list(config.get("keras_history")) if isinstance(config, Mapping) else None


def _of_list(value: Any) -> Reference | None:
    """[name, use, output] if it is that."""
    if not isinstance(value, list) or len(value) != 3:
        return None
    name, number, place = value
    return (name, number, place) if isinstance(name, str) and type(number) is type(place) is int else None
