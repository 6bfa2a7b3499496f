"""Configs as Keras writes them.

pyconvnet's own configs (`get_config`) have Keras's names. Keras 3 wants each object with the module it comes from and
the shape it was built for; Keras 2 wants neither, and other words for an input's shape and for a graph's connections.
The `.h5` file is written in Keras 2's words, which both read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from pyconvnet._identifiers import Configurable
from pyconvnet.layers import InputLayer, KerasTensor, Layer
from pyconvnet.layers.symbolic import Call
from pyconvnet.models import Functional, Model, Sequential
from pyconvnet.optimizers.schedules import LearningRateSchedule

Config = dict[str, Any]

_NO_CALL = {"mask": None}  # what Keras 3 notes of a call besides its tensors


def keras3_object(value: Configurable) -> Config:
    """A model, layer, initializer, regularizer, optimizer, loss or metric as Keras 3 writes it.

    Raises:
        ValueError: a class of the user's, but for a model's: what that computes is in its layers.
    """
    cls = _known_class(value)
    entry: Config = {"module": _module(cls), "class_name": cls.__name__, "config": {}, "registered_name": None}
    if isinstance(value, Sequential):
        shape = list(value.input_shape)
        config = {**_row(value, keras3_object), "trainable": value.trainable, "build_input_shape": shape}
        return {**entry, "module": "keras", "config": config, "build_config": {"input_shape": shape}}
    if isinstance(value, Model):
        entry |= {"module": "keras.src.models.functional", "registered_name": "Functional"}
        return {**entry, "config": graph_config(value), "build_config": {"input_shape": None}}
    if isinstance(value, InputLayer):
        return {**entry, "config": {"batch_shape": [None, *value.shape], "dtype": value.dtype, "name": value.name}}
    entry["config"] = _config(value, keras3_object)
    if isinstance(value, Layer):
        if value.dtype_policy.name != "float32":  # Keras 3 writes an object for float32 too, and reads the name
            policy: Config = {"module": "keras", "class_name": "DTypePolicy", "config": value.dtype_policy.get_config()}
            entry["config"]["dtype"] = {**policy, "registered_name": None}
        shapes: Any = value.input_shape  # a list of them for a layer that joins tensors
        shape = [list(one) for one in shapes] if isinstance(shapes, list) else list(shapes)
        entry["build_config"] = {"input_shape": shape}
    return entry


def keras2_object(value: Configurable) -> Config:
    """The same as Keras 2 writes it, in words that Keras 3 reads too."""
    cls = _known_class(value)
    if isinstance(value, Sequential):
        config = _row(value, keras2_object)
    elif isinstance(value, Model):
        config = _graph(value, _keras2_node, keras2_object)
    elif isinstance(value, InputLayer):
        config = {"batch_input_shape": [None, *value.shape], "dtype": value.dtype, "name": value.name}
    else:
        config = _config(value, keras2_object)
    entry: Config = {"class_name": cls.__name__, "config": config}
    if isinstance(value, LearningRateSchedule):  # the one object that Keras 3 does not find by its name alone
        entry |= {"module": _module(cls), "registered_name": None}
    return entry


def graph_config(model: Model) -> Config:
    """The layers of a model and their connections as Keras 3 writes them."""
    return _graph(model, _keras3_node, keras3_object)


def _config(value: Any, nested: Callable[[Configurable], Config]) -> Config:
    config = {}
    for name, plain in value.get_config().items():
        own = getattr(value, "schedule" if name == "learning_rate" else name, None)
        if isinstance(own, LearningRateSchedule) and not _is_ours(type(own)):
            own, plain = None, value.learning_rate
            warnings.warn(
                f"{type(value).__name__}: no file holds a schedule of your own, so the rate of the next step, "
                f"{plain:g}, is saved as a number; compile the loaded model with the schedule again",
                stacklevel=2,
            )
        config[name] = nested(own) if isinstance(own, Configurable) and not isinstance(own, str) else plain
    config.pop("batch_input_shape", None)  # the InputLayer says it
    return config


def _row(model: Sequential, nested: Callable[[Configurable], Config]) -> Config:
    first = model.inputs[0].call.layer
    return {"name": model.name, "layers": [nested(layer) for layer in (first, *model.layers)]}


def _graph(model: Model, node: Callable[[Model, Call], Any], nested: Callable[[Configurable], Config]) -> Config:
    """A graph: its layers, each with its uses, and which of their outputs are the model's."""
    layers = []
    keras2 = node is _keras2_node
    for layer in model.layers:
        uses = [node(model, call) for call in model.network.uses(layer)]
        if keras2 and isinstance(layer, Model):
            # In Keras 2 a model's first use has the number 1, in Keras 3 it has 0. Where each use is written twice, the
            # numbers 1, 3, 5 mean the same in both, and the uses that nobody refers to are dropped.
            uses = [use for use in uses for _ in range(2)]
        layers.append({**nested(layer), "name": layer.name, "inbound_nodes": uses})
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": _ends(model, model.input, keras2),
        "output_layers": _ends(model, model.output, keras2),
    }


def _ends(model: Model, tensors: Any, keras2: bool) -> Any:
    if isinstance(tensors, dict):
        return {name: _history(model, tensor, keras2) for name, tensor in tensors.items()}
    if isinstance(tensors, list):
        return [_history(model, tensor, keras2) for tensor in tensors]
    alone = _history(model, tensors, keras2)
    return [alone] if keras2 else alone


def _keras3_node(model: Model, call: Call) -> Config:
    tensors = [
        {
            "class_name": "__keras_tensor__",
            "config": {"shape": list(t.shape), "dtype": t.dtype, "keras_history": _history(model, t, False)},
        }
        for t in call.inputs
    ]
    several = isinstance(call.layer.input_shape, list)
    return {"args": [tensors if several else tensors[0]], "kwargs": _NO_CALL if isinstance(call.layer, Model) else {}}


def _keras2_node(model: Model, call: Call) -> list[Any]:
    return [[*_history(model, tensor, True), {}] for tensor in call.inputs]


def _history(model: Model, tensor: KerasTensor, keras2: bool) -> list[Any]:
    """The layer that makes a tensor, which of its uses, and which of its outputs."""
    layer = tensor.call.layer
    number = 0 if isinstance(layer, InputLayer) else model.network.uses(layer).index(tensor.call)
    if keras2 and isinstance(layer, Model):
        number = 2 * number + 1
    return [layer.name, number, next(i for i, made in enumerate(tensor.call.outputs) if made is tensor)]


def _known_class(value: Any) -> type:
    """The class that a file names for it."""
    cls = type(value)
    if isinstance(value, Model):
        return Sequential if isinstance(value, Sequential) else Functional
    if not _is_ours(cls):
        raise ValueError(
            f"{getattr(value, 'label', cls.__name__)}: {cls.__name__} is a class of your own, which no program could "
            "make again from a file; use one of pyconvnet's, or save_weights and build the model before load_weights"
        )
    return cls


def _is_ours(cls: type) -> bool:
    return cls.__module__.split(".")[0] == "pyconvnet"


def _module(cls: type) -> str:
    """pyconvnet.layers.conv2d -> keras.layers: the rooms have Keras's names."""
    _, *rooms = cls.__module__.split(".")
    return ".".join(["keras", *rooms[: 2 if "schedules" in rooms else 1]])
