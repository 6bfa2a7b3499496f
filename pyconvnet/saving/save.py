"""Saving: which format a name asks for, and what goes into it."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import pyconvnet
from pyconvnet._terminal import say
from pyconvnet._whole_file import whole_file
from pyconvnet.saving import archive, legacy_h5, safetensors, weights_h5
from pyconvnet.saving.compile_config import keras2_settings, keras3_settings
from pyconvnet.saving.hdf5 import CHECKSUM, texts_checksum
from pyconvnet.saving.write_config import keras2_object, keras3_object

FilePath = str | os.PathLike[str]

# The version of Keras whose `.keras` files these are.
KERAS_VERSION = "3.15.1"
NOTES = "pyconvnet"  # where pyconvnet keeps what Keras does not know


def save_model(model: Any, filepath: FilePath, overwrite: bool = True, include_optimizer: bool = True) -> None:
    """Saves network, weights, training settings and the optimizer's state.

    Args:
        model: a built model.
        filepath: ends in ".keras" (Keras 3) or ".h5" (Keras 3 and Keras 2); a file that is there is replaced as a
            whole, or left as it is where saving fails.
        overwrite: False asks before it replaces a file.
        include_optimizer: False leaves out the training settings and the optimizer's state.

    Raises:
        ValueError: another ending, a model that is not built.
        OSError: the file cannot be written.

    Example:
        >>> save_model(model, "model.keras")  # doctest: +SKIP
    """
    formats: dict[str, Callable[[Path], None]] = {
        ".keras": lambda path: _write_keras(path, model, include_optimizer),
        ".h5": lambda path: _write_h5(path, model, include_optimizer),
    }
    _save("save", model, filepath, formats, overwrite)


def check_savable(model: Any) -> None:
    """Finds out before a training what `save_model` would refuse after it.

    Raises:
        ValueError: a layer, an initializer, an optimizer or the like of the user's own class.
    """
    keras3_object(model)
    if model.compiled:
        keras3_settings(model)


def save_weights(model: Any, filepath: FilePath, overwrite: bool = True) -> None:
    """Saves the weights; `load_weights` reads them into a model of the same network.

    Args:
        model: a built model.
        filepath: ends in ".weights.h5" (Keras 3; with the optimizer's state), ".h5" (Keras 2's layout) or
            ".safetensors".
        overwrite: False asks before it replaces a file.

    Raises:
        ValueError: another ending, a model that is not built.
        OSError: the file cannot be written.

    Example:
        >>> save_weights(model, "model.weights.h5")  # doctest: +SKIP
    """
    formats: dict[str, Callable[[Path], None]] = {
        ".weights.h5": lambda path: _write_weights(path, model),
        ".h5": lambda path: _write_legacy_weights(path, model),
        ".safetensors": lambda path: safetensors.write_tensors(path, model, _tensor_notes(model)),
    }
    _save("save_weights", model, filepath, formats, overwrite)


def _save(
    what: str, model: Any, filepath: FilePath, formats: dict[str, Callable[[Path], None]], overwrite: bool
) -> None:
    path = os.fspath(filepath)
    who = f"{what}: '{path}'"
    write = next((write for ending, write in formats.items() if path.endswith(ending)), None)
    if write is None:
        raise ValueError(f"{who}: the name must end in {', '.join(formats)}; the ending says which format is meant")
    if not model.built:
        raise ValueError(f"{who}: {model.label} is not built and has no weights yet; fit it or call build first")
    if os.path.exists(path) and not overwrite and not _may_overwrite(path):
        return
    with whole_file(who, path) as beside:
        write(beside)


def _may_overwrite(path: str) -> bool:
    """Asks on the terminal, in Keras's words."""
    answer = input(f"[WARNING] {path} already exists - overwrite? [y/n]").strip().lower()
    while answer not in ("y", "n"):
        answer = input('Enter "y" (overwrite) or "n" (cancel).').strip().lower()
    if answer == "y":
        say("[TIP] Next time specify overwrite=True!")
    return answer == "y"


def _write_keras(path: Path, model: Any, optimizer: bool) -> None:
    config = keras3_object(model)
    settings = optimizer and model.compiled
    if settings:
        config["compile_config"] = keras3_settings(model)
    metadata = {"keras_version": KERAS_VERSION, "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S"), NOTES: _notes(model)}
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        weights_h5.write_weights(file, model, settings, checksums=False)  # the zip has one
    archive.write_archive(path, json.dumps(metadata), json.dumps(config), memory.getbuffer())


def _write_h5(path: Path, model: Any, optimizer: bool) -> None:
    with h5py.File(path, "w") as file:
        texts = [json.dumps(keras2_object(model))]
        file.attrs["backend"] = "tensorflow"
        file.attrs["keras_version"] = legacy_h5.KERAS_VERSION
        file.attrs["model_config"] = texts[0]
        legacy_h5.write_weights(file.create_group("model_weights"), model)
        if optimizer and model.compiled:
            texts.append(json.dumps(keras2_settings(model)))
            file.attrs["training_config"] = texts[1]
            legacy_h5.write_optimizer(file, model)
        file.attrs[CHECKSUM] = np.uint32(texts_checksum(texts))
        file.attrs[NOTES] = json.dumps(_notes(model))


def _write_weights(path: Path, model: Any) -> None:
    with h5py.File(path, "w") as file:
        weights_h5.write_weights(file, model, model.compiled, checksums=True)
        file.attrs[NOTES] = json.dumps(_notes(model))


def _write_legacy_weights(path: Path, model: Any) -> None:
    with h5py.File(path, "w") as file:
        legacy_h5.write_weights(file, model)


def _tensor_notes(model: Any) -> dict[str, str]:
    return {"format": "np", "model_config": json.dumps(keras3_object(model)), NOTES: json.dumps(_notes(model))}


def _notes(model: Any) -> dict[str, Any]:
    """The version, and the seed that dropout and the order of the samples follow: a loaded model trains on alike."""
    return {"version": pyconvnet.__version__, "seed": model._seed}
