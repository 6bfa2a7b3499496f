"""Good model files of every format, and how tests of bad ones take them apart."""

from __future__ import annotations

import zipfile
from pathlib import Path

from small_models import images, network

from pyconvnet.models import load_model

ENDINGS = [".keras", ".h5", ".weights.h5", ".safetensors"]


def good_files(folder: Path) -> dict[str, Path]:
    """Files of one small trained network, by ending."""
    model = network()
    model.fit(*images(), epochs=1, verbose=0)
    paths = {ending: folder / f"m{ending}" for ending in ENDINGS}
    model.save(paths[".keras"])
    model.save(paths[".h5"])
    model.save_weights(paths[".weights.h5"])
    model.save_weights(paths[".safetensors"])
    return paths


def read(path: Path) -> None:
    """Loads a model, or weights into a model."""
    if path.name.endswith(".weights.h5"):
        network().load_weights(path)
    else:
        load_model(path)


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def pack(path: Path, parts: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as packed:
        for name, data in parts.items():
            packed.writestr(name, data)
    return path
