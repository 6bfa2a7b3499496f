"""Keras 3's weights file: `model.weights.h5` inside `.keras`, and `.weights.h5` alone.

A layer's group is named after its class and counted within its model (conv2d, conv2d_1, ...), not after the layer;
`vars/0`, `vars/1`, ... are its weights, and `/optimizer/vars` is what the optimizer remembers.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import h5py

from pyconvnet._identifiers import snake_case
from pyconvnet.models import Model
from pyconvnet.saving.hdf5 import Array, Group, write_array
from pyconvnet.saving.optimizer_state import state_arrays
from pyconvnet.saving.stored import Pair, pair_up
from pyconvnet.variables import Variable

# "_layer_checkpoint_dependencies" is what Keras 2.12 to 2.15 wrote.
_LAYERS = ("layers", "_layer_checkpoint_dependencies")

_MOST_LAYERS = 2000
_MOST_DEPTH = 8  # models inside models


def layer_groups(model: Any, word: str = "layers", seen: set[int] | None = None) -> list[tuple[str, list[Variable]]]:
    """The path of each layer's group, inner models' layers included, and its weights in order.

    Args:
        model: a model.
        word: what a group of layers is called.
        seen: the layers that have a group already; one that two models share has one only.
    """
    found: list[tuple[str, list[Variable]]] = []
    seen = set() if seen is None else seen
    counts: Counter[str] = Counter()
    for layer in model.layers:
        stem = snake_case(type(layer).__name__)
        path = f"{word}/{stem}_{counts[stem]}" if counts[stem] else f"{word}/{stem}"
        counts[stem] += 1
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if isinstance(layer, Model):
            found += [(f"{path}/{inner}", weights) for inner, weights in layer_groups(layer, word, seen)]
        else:
            found.append((path, list(layer.weights)))
    return found


def is_weights_file(file: Group) -> bool:
    """Whether this is Keras 3's layout."""
    return any(file.has(word) for word in _LAYERS)


def write_weights(file: h5py.File, model: Any, optimizer: bool, *, checksums: bool) -> None:
    """Writes all weights, and the optimizer's state where wanted and there."""
    file.create_group("vars")
    for path, variables in layer_groups(model):
        group = file.create_group(f"{path}/vars")
        for index, variable in enumerate(variables):
            write_array(group, str(index), variable.array, checksums=checksums)
    if optimizer and model.optimizer is not None:
        group = file.create_group("optimizer/vars")
        for index, (_, value) in enumerate(state_arrays(model.optimizer, model.trainable_weights)):
            write_array(group, str(index), value, checksums=checksums)


def pair_weights(who: str, file: Group, model: Any) -> list[Pair]:
    """Which array of the file belongs to which variable of the model; nothing is read.

    Raises:
        ValueError: the file has other layers, or weights of other shapes.
    """
    word = next((word for word in _LAYERS if file.has(word)), None)
    if word is None:
        raise ValueError(f"{who}: the file has no group 'layers'; it is no Keras 3 weights file")
    pairs: list[Pair] = []
    for path, variables in layer_groups(model, word):
        if variables:
            owner = variables[0].path.rpartition("/")[0]
            pairs += pair_up(who, f"layer '{owner}'", variables, _variables(file.group(path)))
    return pairs


def stored_optimizer(file: Group) -> list[Array]:
    """The arrays of the optimizer, in order; none where the file has no optimizer."""
    return _variables(file.group("optimizer")) if file.has("optimizer") else []


def stored_layers(file: Group) -> list[tuple[str, list[Array]]]:
    """The groups that hold weights and their arrays, whatever the network; for a look into the file."""
    found: list[tuple[str, list[Array]]] = []
    open_groups = [file.group(word) for word in _LAYERS if file.has(word)]
    for _ in range(_MOST_DEPTH):
        inner: list[Group] = []
        for parent in open_groups:
            for name in sorted(parent.names(_MOST_LAYERS)):
                layer = parent.group(name)
                if layer.has("vars") and len(layer.group("vars")):
                    found.append((layer.path.partition("/")[2], _variables(layer)))
                inner += [layer.group(word) for word in _LAYERS if layer.has(word)]
        open_groups = inner[:_MOST_LAYERS]
    return found[:_MOST_LAYERS]


def _variables(layer: Group) -> list[Array]:
    group = layer.group("vars")
    return [group.array(str(index)) for index in range(len(group))]
