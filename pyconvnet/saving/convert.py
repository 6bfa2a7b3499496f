"""What `pyconvnet convert` does: one model file from another."""

from __future__ import annotations

import os

from pyconvnet.saving.load import load_model
from pyconvnet.saving.onnx_export import export_model
from pyconvnet.saving.save import FilePath, save_model, save_weights

_MODELS = (".keras", ".h5")
_WEIGHTS = (".weights.h5", ".safetensors")
_ONNX = ".onnx"


def convert(source: FilePath, target: FilePath, overwrite: bool = False) -> None:
    """Writes a model file in another format.

    Args:
        source: a file that `load_model` opens.
        target: its ending says what is written: a model to ".keras" or ".h5", its weights to ".weights.h5" or
            ".safetensors", what it predicts to ".onnx".
        overwrite: True replaces a file that is there.

    Raises:
        ValueError: a source that cannot be loaded, another ending, or a target that is there.
        ImportError: the target is ".onnx", and the package onnx is not installed.
        OSError: a file cannot be opened or written.

    Example:
        >>> convert("old.h5", "new.keras")  # doctest: +SKIP
    """
    path = os.fspath(target)
    endings = (*_MODELS, *_WEIGHTS, _ONNX)
    if not path.endswith(endings):
        raise ValueError(f"convert: '{path}' must end in {', '.join(endings)}")
    if os.path.exists(path) and not overwrite:
        raise ValueError(f"convert: '{path}' is there already; choose another name, or overwrite it")
    model = load_model(source)
    if path.endswith(_WEIGHTS):
        save_weights(model, path)
    elif path.endswith(_ONNX):
        export_model(model, path)
    else:
        save_model(model, path)
