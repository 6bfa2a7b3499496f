"""The legacy `.h5` file of Keras 1 and 2, which Keras 3 still opens.

Root attributes `model_config` and `training_config` (JSON), a group `model_weights` with a group for each layer, whose
attribute `weight_names` gives the order, and `optimizer_weights` likewise. A file of weights alone has the layers'
groups at its root. Weights are found by order, skipping layers without any; names are only keys.

pyconvnet keeps the optimizer's state in a group that Keras does not look at: where Keras 3 (to 3.15.1 at least) finds
`optimizer_weights`, in its own files too, it builds the optimizer without the model's variables, and `fit` then fails
with "Unknown variable". Without the group both Kerases train on, with a fresh optimizer.
"""

from __future__ import annotations

from typing import Any

import h5py

from pyconvnet.models import Model
from pyconvnet.saving.hdf5 import Array, Group, write_array, write_texts
from pyconvnet.saving.optimizer_state import state_arrays
from pyconvnet.saving.stored import Pair, pair_up
from pyconvnet.variables import Variable

# Written into the file for readers that look at it: this is the layout of that version.
KERAS_VERSION = "2.15.0"
_TOP = "top_level_model_weights"
_OPTIMIZERS = ("pyconvnet_optimizer_weights", "optimizer_weights")


def legacy_weights(layer: Any) -> list[Variable]:
    """A layer's weights in the order of `.h5` files: trainable ones first, which matters for models inside models."""
    if isinstance(layer, Model):
        return [*layer.trainable_weights, *layer.non_trainable_weights]
    return list(layer.weights)


def write_weights(group: h5py.Group, model: Any) -> None:
    """Writes all weights.

    Raises:
        ValueError: a layer has a name that cannot be a group's.
    """
    layers = list(model.layers)
    write_texts(group.attrs, "layer_names", [layer.name for layer in layers])
    group.attrs["backend"] = b"tensorflow"
    group.attrs["keras_version"] = KERAS_VERSION.encode()
    for layer in layers:
        if layer.name in (".", "..", _TOP) or "\0" in layer.name:
            raise ValueError(f"save: an .h5 file cannot hold a layer named {layer.name!r}; save as .keras")
        _write_group(group.create_group(layer.name), [(v.path, v.array) for v in legacy_weights(layer)])
    _write_group(group.create_group(_TOP), [])


def write_optimizer(file: h5py.File, model: Any) -> None:
    """Writes the optimizer's state, for pyconvnet alone."""
    _write_group(file.create_group(_OPTIMIZERS[0]), state_arrays(model.optimizer, model.trainable_weights))


def pair_weights(who: str, group: Group, model: Any) -> list[Pair]:
    """Which array of the file belongs to which variable of the model; nothing is read.

    Raises:
        ValueError: the file has other layers, or weights of other shapes.
    """
    layers = [layer for layer in model.layers if layer.weights]
    stored = stored_layers(group)
    if len(layers) != len(stored):
        raise ValueError(
            f"{who}: the model has {len(layers)} layers with weights ({', '.join(layer.name for layer in layers[:6])}),"
            f" the file has {len(stored)} ({', '.join(name for name, _ in stored[:6])})"
        )
    pairs: list[Pair] = []
    for layer, (name, arrays) in zip(layers, stored, strict=True):
        pairs += pair_up(who, f"layer '{layer.name}' ('{name}' in the file)", legacy_weights(layer), arrays)
    return pairs


def stored_optimizer(file: Group) -> list[Array]:
    """The arrays of the optimizer, in order; none where the file has no optimizer."""
    return next((_arrays(file.group(name)) for name in _OPTIMIZERS if file.has(name)), [])


def stored_layers(group: Group) -> list[tuple[str, list[Array]]]:
    """The layers that hold weights and their arrays, in order, whatever the network; for a look into the file."""
    return [(name, arrays) for name in group.texts("layer_names") if (arrays := _arrays(group.group(name)))]


def _arrays(group: Group) -> list[Array]:
    return [group.array(name) for name in group.texts("weight_names")]


def _write_group(group: h5py.Group, arrays: list[tuple[str, Any]]) -> None:
    write_texts(group.attrs, "weight_names", [name for name, _ in arrays])
    for name, value in arrays:
        write_array(group, name, value, checksums=True)
