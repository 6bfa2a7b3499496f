"""What is in a model file, read without making a network of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pyconvnet.saving import archive, legacy_h5, safetensors, weights_h5
from pyconvnet.saving.hdf5 import open_hdf5
from pyconvnet.saving.json_text import read_json
from pyconvnet.saving.load import HDF5_START, ZIP_START, first_bytes, open_tensors
from pyconvnet.saving.save import NOTES, FilePath
from pyconvnet.saving.stored import StoredArray, count_numbers


@dataclass
class Contents:
    """What a file holds.

    Attributes:
        format: "keras", "h5", "weights.h5", "weights of h5" or "safetensors".
        size: bytes.
        keras_version: the version of Keras that the file names, or None.
        notes: what pyconvnet keeps beside what Keras knows; empty in other programs' files.
        network: the network's description, or None in a file of weights alone.
        settings: the training settings, or None.
        weights: the weights' shapes by layer.
        parameters: how many numbers the weights hold.
        state: the shapes of what the optimizer remembers, step number and learning rate in front.
        steps: the optimizer's step number, or None.
    """

    format: str
    size: int
    keras_version: str | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    network: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None
    weights: list[tuple[str, list[tuple[int, ...]]]] = field(default_factory=list)
    parameters: int = 0
    state: list[tuple[int, ...]] = field(default_factory=list)
    steps: int | None = None


def read_contents(path: FilePath) -> Contents:
    """What is in a `.keras`, `.h5`, `.weights.h5` or `.safetensors` file; its numbers are not read.

    Raises:
        ValueError: another file, or a damaged or suspicious one.
        OSError: it cannot be opened.
    """
    who = f"inspect: '{os.fspath(path)}'"
    start, size = first_bytes(who, path), os.stat(path).st_size
    if start.startswith(ZIP_START):
        return _of_keras(who, path, size)
    if start == HDF5_START:
        return _of_hdf5(who, path, size)
    if os.fspath(path).endswith(safetensors.ENDING):
        return _of_tensors(who, path, size)
    raise ValueError(f"{who}: no model file that pyconvnet knows; it begins with {start!r}")


def _of_keras(who: str, path: FilePath, size: int) -> Contents:
    found = Contents("keras", size)
    with archive.open_archive(who, path) as zipped:
        found.network = read_json(who, archive.CONFIG, zipped.text(archive.CONFIG))
        found.settings = _dictionary(who, "the training settings", found.network.pop("compile_config", None))
        if zipped.has(archive.METADATA):
            metadata = read_json(who, archive.METADATA, zipped.text(archive.METADATA))
            found.keras_version = metadata.get("keras_version")
            found.notes = _dictionary(who, NOTES, metadata.get(NOTES)) or {}
        with open_hdf5(who, zipped.weights()) as file:
            _take(found, weights_h5.stored_layers(file), weights_h5.stored_optimizer(file))
    return found


def _of_hdf5(who: str, path: FilePath, size: int) -> Contents:
    with open_hdf5(who, path) as file:
        notes = file.text(NOTES)
        found = Contents("weights.h5", size, notes={} if notes is None else read_json(who, NOTES, notes))
        if weights_h5.is_weights_file(file):
            _take(found, weights_h5.stored_layers(file), weights_h5.stored_optimizer(file))
            return found
        text, settings = file.text("model_config"), file.text("training_config")
        found.format, found.keras_version = "weights of h5" if text is None else "h5", file.text("keras_version")
        found.network = None if text is None else read_json(who, "model_config", text)
        found.settings = None if settings is None else read_json(who, "training_config", settings)
        group = file.group("model_weights") if file.has("model_weights") else file
        _take(found, legacy_h5.stored_layers(group), legacy_h5.stored_optimizer(file))
    return found


def _of_tensors(who: str, path: FilePath, size: int) -> Contents:
    with open_tensors(who, path) as file:
        found = Contents("safetensors", size)
        if "model_config" in file.metadata:
            found.network = read_json(who, "model_config", file.metadata["model_config"])
            found.notes = read_json(who, NOTES, file.metadata.get(NOTES, "{}"))
        layers: dict[str, list[StoredArray]] = {}
        for name, tensor in file.tensors.items():
            layers.setdefault(name.rpartition("/")[0] or name, []).append(tensor)
        _take(found, list(layers.items()), [])
    return found


def _dictionary(who: str, what: str, value: Any) -> dict[str, Any] | None:
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"{who}: {what} must be a dictionary, got {type(value).__name__}")
    return value


def _take(
    found: Contents, layers: Sequence[tuple[str, Sequence[StoredArray]]], optimizer: Sequence[StoredArray]
) -> None:
    found.weights = [(name, [array.shape for array in arrays]) for name, arrays in layers]
    found.parameters = sum(count_numbers(arrays) for _, arrays in layers)
    found.state = [array.shape for array in optimizer]
    if optimizer and optimizer[0].shape == () and optimizer[0].kind == "i":
        found.steps = int(optimizer[0].read_number())
