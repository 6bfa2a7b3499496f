"""Loading models and weights."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

from pyconvnet.layers._first_values import values_follow
from pyconvnet.saving import archive, legacy_h5, safetensors, weights_h5
from pyconvnet.saving.compile_config import compile_arguments
from pyconvnet.saving.hdf5 import Group, open_hdf5, texts_checksum
from pyconvnet.saving.json_text import read_json
from pyconvnet.saving.optimizer_state import read_state
from pyconvnet.saving.read_config import read_model
from pyconvnet.saving.save import NOTES, FilePath
from pyconvnet.saving.stored import StoredArray, read_first, read_new

HDF5_START = b"\x89HDF\r\n\x1a\n"
ZIP_START = b"PK"


def load_model(filepath: FilePath, custom_objects: None = None, compile: bool = True, safe_mode: bool = True) -> Any:
    """A model from a file of pyconvnet, Keras 3 or Keras 2; no code of the file is ever run.

    Args:
        filepath: a `.keras` or `.h5` file, or a `.safetensors` file that pyconvnet saved.
        custom_objects: only None; classes of your own cannot be loaded.
        compile: whether the model gets the file's training settings and optimizer state.
        safe_mode: only True.

    Returns:
        The model with its weights, compiled where the file has training settings.

    Raises:
        ValueError: a file that is damaged or suspicious, or a network that pyconvnet does not offer; the message says
            what and where.
        OSError: the file cannot be opened.

    Example:
        >>> model = load_model("model.keras")  # doctest: +SKIP
    """
    who = f"load_model: '{os.fspath(filepath)}'"
    if custom_objects or not safe_mode:
        raise ValueError(f"{who}: custom_objects and safe_mode=False are not offered; no code of a file is ever run")
    start = first_bytes(who, filepath)
    if start.startswith(ZIP_START):
        return _from_keras(who, filepath, compile)
    if start == HDF5_START:
        return _from_h5(who, filepath, compile)
    if os.fspath(filepath).endswith(safetensors.ENDING):
        return _from_tensors(who, filepath)
    raise ValueError(f"{who}: neither a .keras nor an .h5 file; it begins with {start!r}")


def load_weights(model: Any, filepath: FilePath) -> None:
    """Reads weights into a model of the same network; on an error no weight is changed.

    Where the model is compiled and a `.weights.h5` file has an optimizer's state, that is restored too.

    Args:
        model: a built model.
        filepath: a `.weights.h5`, `.h5`, `.keras` or `.safetensors` file.

    Raises:
        ValueError: a damaged or suspicious file, or one of another network.
        OSError: the file cannot be opened.

    Example:
        >>> load_weights(model, "model.weights.h5")  # doctest: +SKIP
    """
    who = f"load_weights: '{os.fspath(filepath)}'"
    start = first_bytes(who, filepath)
    if not model.built:
        raise ValueError(f"{who}: {model.label} is not built and has no weights to fill; fit it or call build first")
    if start.startswith(ZIP_START):
        with archive.open_archive(who, filepath) as zipped, open_hdf5(who, zipped.weights()) as file:
            read_first(weights_h5.pair_weights(who, file, model))()
    elif start == HDF5_START:
        with open_hdf5(who, filepath) as file:
            _weights_of_h5(who, file, model)
    elif os.fspath(filepath).endswith(safetensors.ENDING):
        with open_tensors(who, filepath) as tensors:
            read_first(safetensors.pair_weights(who, tensors, model))()
    else:
        raise ValueError(f"{who}: neither .weights.h5, .h5, .keras nor .safetensors; it begins with {start!r}")


def _from_keras(who: str, path: FilePath, compile: bool) -> Any:
    with archive.open_archive(who, path) as zipped:
        config = read_json(who, archive.CONFIG, zipped.text(archive.CONFIG))
        notes: dict[str, Any] = {}
        if zipped.has(archive.METADATA):
            notes = read_json(who, archive.METADATA, zipped.text(archive.METADATA)).get(NOTES) or {}
        with open_hdf5(who, zipped.weights()) as file:
            model = _build(who, config, file.file_size)
            read_new(weights_h5.pair_weights(who, file, model) if model.built else [])
            if compile and config.get("compile_config"):
                _compile(who, model, config["compile_config"], weights_h5.stored_optimizer(file))
    model._seed = _seed_of(who, notes, model._seed)
    return model


def _from_h5(who: str, path: FilePath, compile: bool) -> Any:
    with open_hdf5(who, path) as file:
        text, settings = file.text("model_config"), file.text("training_config")
        if text is None:
            raise ValueError(
                f"{who}: the file holds weights without a network (no model_config); "
                "build the network and call model.load_weights"
            )
        checksum = file.checksum()
        if checksum not in (None, texts_checksum([text] if settings is None else [text, settings])):
            raise ValueError(f"{who}: the file is damaged: the checksum of its configs is not the one written with it")
        model = _build(who, read_json(who, "model_config", text), file.file_size)
        read_new(legacy_h5.pair_weights(who, file.group("model_weights"), model) if model.built else [])
        if compile and settings is not None:
            _compile(who, model, read_json(who, "training_config", settings), legacy_h5.stored_optimizer(file))
        model._seed = _seed_of(who, _notes_of(who, file), model._seed)
    return model


def _from_tensors(who: str, path: FilePath) -> Any:
    with open_tensors(who, path) as tensors:
        text = tensors.metadata.get("model_config")
        if text is None:
            raise ValueError(f"{who}: the file holds weights without a network; build it and call model.load_weights")
        model = _build(who, read_json(who, "model_config", text), os.stat(path).st_size)
        read_new(safetensors.pair_weights(who, tensors, model))
        model._seed = _seed_of(who, read_json(who, NOTES, tensors.metadata.get(NOTES, "{}")), model._seed)
    return model


def _weights_of_h5(who: str, file: Group, model: Any) -> None:
    if not weights_h5.is_weights_file(file):
        group = file.group("model_weights") if file.has("model_weights") else file
        read_first(legacy_h5.pair_weights(who, group, model))()
        return
    write_weights = read_first(weights_h5.pair_weights(who, file, model))
    stored = weights_h5.stored_optimizer(file) if model.compiled else []
    write_state = read_state(who, model.optimizer, model.trainable_weights, stored, new=False)
    seed = _seed_of(who, _notes_of(who, file), model._seed) if stored else model._seed
    write_weights()
    write_state()
    model._seed = seed


def _build(who: str, config: dict[str, Any], file_size: int) -> Any:
    """The network with empty weights; what it declares must fit into the file."""
    with _explained(who, "the network cannot be made of its description"), values_follow(file_size // 4):
        return read_model(who, config)


def _compile(who: str, model: Any, settings: Any, stored: Sequence[StoredArray]) -> None:
    with _explained(who, "its training settings cannot be taken over (compile=False leaves them out)"):
        if not isinstance(settings, dict):
            raise TypeError(f"they must be a dictionary, got {type(settings).__name__}")
        model.compile(**compile_arguments(who, settings, len(model.output_names)))
    read_state(who, model.optimizer, model.trainable_weights, stored, new=True)()


@contextmanager
def _explained(who: str, what: str) -> Iterator[None]:
    """Every refusal of a constructor as a ValueError that names the file."""
    try:
        yield
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        text = str(error).removeprefix(f"{who}: ")
        raise ValueError(f"{who}: {what}: {text}") from error


def _seed_of(who: str, notes: Any, default: int) -> int:
    seed = notes.get("seed") if isinstance(notes, dict) else None
    if seed is None:
        return default
    if type(seed) is not int or not 0 <= seed < 2**63:
        raise ValueError(f"{who}: the seed must be a whole number from 0 to 2**63 - 1, got {seed!r}")
    return seed


def _notes_of(who: str, file: Group) -> dict[str, Any]:
    text = file.text(NOTES)
    return {} if text is None else read_json(who, NOTES, text)


@contextmanager
def open_tensors(who: str, path: FilePath) -> Iterator[safetensors.TensorFile]:
    """A `.safetensors` file whose header and checksum were checked."""
    with open(path, "rb") as file:
        tensors = safetensors.TensorFile(who, file)
        tensors.check_sum()
        yield tensors


def first_bytes(who: str, path: FilePath) -> bytes:
    """What a file begins with, which tells its format."""
    if os.path.isdir(path):
        raise ValueError(f"{who}: a folder; pyconvnet reads .keras and .h5 files (a SavedModel folder is TensorFlow's)")
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"{who}: must be a file on a disk, got a pipe or a device, which would be waited for")
    file: BinaryIO
    with open(path, "rb") as file:
        return file.read(len(HDF5_START))
