"""What `pyconvnet inspect` says of a model file."""

from __future__ import annotations

import os
import warnings
from typing import Any

from pyconvnet.saving.contents import Contents, read_contents
from pyconvnet.saving.load import load_model
from pyconvnet.saving.read_config import MODELS
from pyconvnet.saving.save import FilePath

_FORMATS = {
    "keras": "a model in Keras 3's format (.keras)",
    "h5": "a model in the legacy HDF5 format (.h5)",
    "weights.h5": "weights in Keras 3's format (.weights.h5)",
    "weights of h5": "weights in the legacy HDF5 format (.h5)",
    "safetensors": "weights in the safetensors format",
}
_NOT_IN_KERAS2 = ("weight_decay", "use_ema")  # nor in TensorFlow's old optimizers, for which it takes ours
_MOST_LINES = 200  # layers that are listed


def inspect_lines(path: FilePath) -> list[str]:
    """A model file in words: format, network, weights, training settings, optimizer, and which programs open it.

    Args:
        path: a `.keras`, `.h5`, `.weights.h5` or `.safetensors` file.

    Returns:
        Lines of text.

    Raises:
        ValueError: another file, or a damaged or suspicious one.
        OSError: it cannot be opened.

    Example:
        >>> print("\\n".join(inspect_lines("model.keras")))  # doctest: +SKIP
    """
    found = read_contents(path)
    lines = [f"{os.fspath(path)}: {_FORMATS[found.format]}, {found.size:,} bytes"]
    lines += [f"written by: {_writer(found)}", *_network_lines(found), *_weight_lines(found), *_training_lines(found)]
    lines += ["opened by:", *(f"    {program}: {answer}" for program, answer in _programs(path, found))]
    return [_one_line(line) for line in lines]


def _writer(found: Contents) -> str:
    if found.notes:
        return f"pyconvnet {found.notes.get('version', '')}"
    return "unknown" if found.keras_version is None else f"Keras {found.keras_version}"


def _network_lines(found: Contents) -> list[str]:
    if found.network is None:
        return ["network: none in the file; build it and call model.load_weights"]
    config = found.network.get("config")
    config = config if isinstance(config, dict) else {}
    layers = config.get("layers")
    lines = [f"network: {found.network.get('class_name')} '{config.get('name')}'"]
    for layer in (layers if isinstance(layers, list) else [])[:_MOST_LINES]:
        own = layer.get("config") if isinstance(layer, dict) else None
        if isinstance(own, dict):
            shape = own.get("batch_shape", own.get("batch_input_shape"))
            lines.append(f"    {layer.get('class_name')} '{own.get('name')}'{f' {shape}' if shape else ''}")
    return lines


def _weight_lines(found: Contents) -> list[str]:
    lines = [f"weights: {found.parameters:,} numbers in {sum(len(shapes) for _, shapes in found.weights)} arrays"]
    lines += [f"    {name}: {', '.join(map(str, shapes))}" for name, shapes in found.weights[:_MOST_LINES]]
    return lines + (["    ..."] if len(found.weights) > _MOST_LINES else [])


def _training_lines(found: Contents) -> list[str]:
    lines = []
    if found.settings is None:
        lines.append("training settings: none")
    else:
        optimizer = found.settings.get("optimizer", found.settings.get("optimizer_config"))
        lines.append(f"training settings: {_named(optimizer)}")
        lines.append(f"    loss: {_named(found.settings.get('loss'))}")
        lines.append(f"    metrics: {_named(found.settings.get('metrics'))}")
    if found.steps is None:
        return [*lines, "optimizer state: none"]
    return [*lines, f"optimizer state: after {found.steps:,} steps, {len(found.state)} arrays"]


def _named(value: Any) -> str:
    """A name, or a class with those arguments that are not None, from a config."""
    if isinstance(value, list):
        return ", ".join(map(_named, value)) or "none"
    if not isinstance(value, dict):
        return "none" if value is None else str(value)
    config = value.get("config")
    if not isinstance(config, dict):
        return str(config or value.get("class_name"))
    arguments = [f"{name}={_named(own)}" for name, own in config.items() if own is not None and name != "name"]
    return f"{value.get('class_name')}({', '.join(arguments)})"


def _programs(path: FilePath, found: Contents) -> list[tuple[str, str]]:
    return [("pyconvnet", _ours(path, found)), ("Keras 3", _keras3(found)), ("Keras 2 (tf-keras)", _keras2(found))]


def _ours(path: FilePath, found: Contents) -> str:
    if found.network is None:
        return "yes, load_weights"
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            load_model(path)
    except ValueError as error:
        return f"no: {error}"
    return f"yes, load_model{''.join(f' ({warning.message})' for warning in told)}"


def _keras3(found: Contents) -> str:
    if found.format == "safetensors":
        return "no"
    if found.network is None:
        return "yes, load_weights"
    if found.format == "keras":
        return "no, it is of Keras 2" if _is_version(found, "2.") else "yes"
    if isinstance((found.settings or {}).get("metrics"), str):
        return "with compile=False only, since its metrics are no list"
    rate = _optimizer_settings(found).get("learning_rate")
    if found.format == "h5" and isinstance(rate, dict) and "module" not in rate:
        return f"with compile=False only, since {rate.get('class_name')} does not say which module it is from"
    if found.format == "h5" and found.notes:
        return "yes, with a fresh optimizer"
    if _has_inner_models(found):
        return "no, it has models inside the model, whose uses Keras 2 counts in another way"
    return "yes, to predict and evaluate; compile again before fit" if found.steps is not None else "yes"


def _keras2(found: Contents) -> str:
    if found.format == "safetensors":
        return "no"
    if found.network is None:
        return "yes, load_weights"
    if found.format == "keras":
        return "yes" if _is_version(found, "2.") else "no, it is of Keras 3; pyconvnet convert makes an .h5 of it"
    if found.notes:
        unknown = [name for name in _NOT_IN_KERAS2 if _optimizer_settings(found).get(name)]
        if unknown:
            return f"with compile=False only, since it takes the optimizer for an old one without {unknown[0]}"
        return "yes, with a fresh optimizer"
    return "no, it is of Keras 3; pyconvnet convert makes one that it opens" if _is_version(found, "3.") else "yes"


def _optimizer_settings(found: Contents) -> dict[str, Any]:
    """The optimizer's arguments; empty where there are none."""
    settings = found.settings or {}
    entry = settings.get("optimizer", settings.get("optimizer_config"))
    config = entry.get("config") if isinstance(entry, dict) else None
    return config if isinstance(config, dict) else {}


def _has_inner_models(found: Contents) -> bool:
    """Whether a graph of Keras 2 uses models as layers."""
    config = (found.network or {}).get("config")
    layers = config.get("layers") if isinstance(config, dict) and "output_layers" in config else None
    inner = any(isinstance(layer, dict) and layer.get("class_name") in MODELS for layer in layers or [])
    return inner and _is_version(found, "2.")


def _is_version(found: Contents, start: str) -> bool:
    return str(found.keras_version).startswith(start)


def _one_line(text: str) -> str:
    """Without control characters: names in a file can be anything."""
    return "".join(char if char.isprintable() else "?" for char in text)
