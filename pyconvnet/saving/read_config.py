"""Models from the configs of Keras 2, Keras 3 and pyconvnet. Only pyconvnet's own classes are ever made.

A class is looked up by its name among `pyconvnet.layers`; nothing is imported, and no text of a file is executed. An
argument that pyconvnet's class does not have is dropped where its value changes nothing, and refused otherwise.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from pyconvnet import initializers, layers, losses, mixed_precision, optimizers, regularizers
from pyconvnet._identifiers import argument_names
from pyconvnet._suggest import unknown
from pyconvnet.models import Model, Sequential
from pyconvnet.saving.read_graph import read_graph

Config = dict[str, Any]

_MOST_LAYERS = 2000
_OUR_PACKAGES = ("keras", "tf_keras", "tensorflow", "keras_core", "pyconvnet", "builtins")
_ROOMS = (layers, initializers, regularizers, optimizers, optimizers.schedules, losses)
_ANY = object()
# What Keras writes beyond pyconvnet's arguments, and the values that change nothing here.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("kernel_constraint", "bias_constraint", "beta_constraint", "gamma_constraint"), (None,)),
    **dict.fromkeys(("depthwise_constraint", "quantization_config", "lora_rank"), (None,)),
    **dict.fromkeys(("sparse", "ragged", "optional", "renorm", "synchronized", "from_sorted_ids"), (False, None)),
    **dict.fromkeys(("virtual_batch_size", "adjustment", "input_axes", "output_axes", "ignore_class"), (None,)),
    **dict.fromkeys(("renorm_clipping", "renorm_momentum", "fused", "fn", "name", "dtype"), (_ANY,)),
    **dict.fromkeys(("jit_compile", "is_legacy_optimizer", "ema_momentum", "ema_overwrite_frequency"), (_ANY,)),
    **dict.fromkeys(("loss_scale_factor", "gradient_accumulation_steps"), (None, 1)),
    "axis": (-1,),
    "groups": (1,),
}


def read_model(who: str, entry: Any) -> Model:
    """A new, uncompiled model from {"class_name": ..., "config": ...}.

    Args:
        who: who loads what, for messages.
        entry: the model as `config.json` or `model_config` describe it.

    Raises:
        ValueError, TypeError: another class than a model's, unknown layers, or settings that pyconvnet does not offer.
    """
    name = _class_name(who, "the model", entry)
    if name not in MODELS:
        raise ValueError(unknown(who, "model class", name, MODELS))
    config = entry.get("config")
    entries = config.get("layers") if isinstance(config, Mapping) else None
    if not isinstance(entries, list) or len(entries) > _MOST_LAYERS:
        raise ValueError(f"{who}: the {name} must have a config with a list of at most {_MOST_LAYERS} layers")
    model = MODELS[name](who, config)
    if config.get("trainable") is False:
        model.trainable = False
    return model


def _sequential(who: str, config: Config) -> Model:
    model = Sequential([read_layer(who, layer) for layer in config["layers"]], name=config.get("name"))
    shape = config.get("build_input_shape")
    if shape and not model.built and model.layers:
        model.build(shape)
    return model


def _functional(who: str, config: Config) -> Model:
    return read_graph(who, config, read_layer)


# Keras's name of a model class and what makes one of its config.
MODELS: dict[str, Callable[[str, Config], Model]] = {
    "Functional": _functional,
    "Model": _functional,
    "Sequential": _sequential,
}


def read_layer(who: str, entry: Any) -> layers.Layer:
    """A new layer, or a model inside a model, from {"class_name": ..., "config": ...}.

    Raises:
        ValueError, TypeError: an unknown class, or settings that pyconvnet does not offer.
    """
    name = _class_name(who, "a layer", entry)
    if name in MODELS:
        return read_model(who, entry)
    config = entry.get("config")
    if not isinstance(config, Mapping):
        raise ValueError(f"{who}: the config of {name} must be a dictionary, got {type(config).__name__}")
    label = f"{who}: {name} '{config.get('name', '')}'"
    return layers.deserialize({"class_name": name, "config": plain_config(label, name, config)})


def plain_config(who: str, class_name: str, config: Mapping[str, Any]) -> Config:
    """A config without Keras's wrapping and without what changes nothing.

    Args:
        who: whose config it is, for messages.
        class_name: the class's name.
        config: as read.

    Raises:
        ValueError: a setting that pyconvnet does not offer, or code instead of a setting.
    """
    known = _arguments(class_name)
    plain = {}
    for name, value in config.items():
        if name in _NEUTRAL and name not in known:
            accepted = _NEUTRAL[name]
            if accepted != (_ANY,) and value not in accepted:
                raise ValueError(f"{who}: {name}={value!r} is not offered by pyconvnet")
        else:
            plain[name] = _plain(who, value)
    if plain.get("dtype") == "mixed_bfloat16":
        plain["dtype"] = _offered_policy()
    return plain


def plain_object(who: str, what: str, value: Any) -> Any:
    """A name, or {"class_name": ..., "config": ...} with pyconvnet's arguments, for an optimizer, loss or metric."""
    return _plain(f"{who}: {what}", value)


def _plain(who: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(who, item) for item in value]
    if not isinstance(value, Mapping) or "class_name" not in value:
        return value
    name, config = _class_name(who, "a setting", value), value.get("config", {})
    if name == "function" and isinstance(config, str):
        return config
    if not isinstance(config, Mapping):
        raise ValueError(f"{who}: the config of {name} must be a dictionary, got {config!r}")
    if name in ("DTypePolicy", "Policy"):  # Keras 3's and Keras 2's
        return config.get("name")
    return {"class_name": name, "config": plain_config(f"{who}: {name}", name, config)}


def _offered_policy() -> str:
    """mixed_bfloat16, or float32 where this processor does not offer it: the weights are float32 in either case."""
    if mixed_precision.offered():
        return "mixed_bfloat16"
    warnings.warn(
        "the file's layers have the policy 'mixed_bfloat16', for which there must be a fast dot product of bfloat16 "
        f"numbers; {mixed_precision.missing()}, so they compute in float32 here",
        stacklevel=2,
    )
    return "float32"


def _arguments(class_name: str) -> set[str]:
    """The arguments of pyconvnet's class of this name; none where there is no such class."""
    for room in _ROOMS:
        cls = vars(room).get(class_name)
        if isinstance(cls, type):
            more = argument_names(layers.Layer) if issubclass(cls, layers.Layer) else ()
            return {*argument_names(cls), *more}
    return set()


def _class_name(who: str, what: str, entry: Any) -> str:
    """The class that an entry names, if it claims to be one of Keras's.

    Raises:
        ValueError: no class's name, a class of someone else, or code.
    """
    name = entry.get("class_name") if isinstance(entry, Mapping) else None
    if not isinstance(name, str):
        raise ValueError(f"{who}: {what} must be a dictionary with class_name and config, got {_short(entry)}")
    if "lambda" in name.lower():
        raise ValueError(
            f"{who}: {what} is a {name}, which holds code; pyconvnet never runs code of a file: "
            "build the model from layers and take over the weights"
        )
    module, registered = entry.get("module"), entry.get("registered_name")
    foreign = isinstance(module, str) and module.split(".")[0] not in _OUR_PACKAGES
    if foreign or registered not in (None, name, "function"):
        raise ValueError(
            f"{who}: {what} is of the class {name} of {registered or module}, which is not Keras's own; "
            "pyconvnet imports no classes for a file"
        )
    return name


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, (str, int, float, bool, type(None))) else type(value).__name__
    return text if len(text) <= 80 else f"{text[:80]}..."
