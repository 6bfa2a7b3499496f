"""What the make_*.py scripts share: quiet Keras, versions, files. Needs tensorflow and keras, the tests do not."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf


def versions() -> dict[str, str]:
    """Versions of everything that can change a golden number."""
    return {
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def use_floatx(floatx: str) -> None:
    """Make Keras compute everything in `floatx`: layers, losses, metrics, optimizers."""
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(floatx)


def output_path(default: str) -> Path:
    """The file named on the command line, or `default` beside the scripts."""
    return Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / default


def save_arrays(path: Path, script: str, cases: list[dict[str, Any]], arrays: dict[str, Any]) -> None:
    """Write arrays and, as the JSON string "meta", the versions and the cases."""
    meta = json.dumps({"script": script, "versions": versions(), "cases": cases}, sort_keys=True)
    named: dict[str, Any] = {"meta": np.array(meta), **arrays}
    np.savez_compressed(path, **named)
    print(f"{path}: {len(cases)} cases, {len(arrays)} arrays, {path.stat().st_size} bytes")


def save_packed(path: Path, script: str, cases: list[dict[str, Any]], arrays: dict[str, Any]) -> None:
    """Like `save_arrays`, for thousands of small arrays: those of one dtype behind each other in one array.

    The entry "layout" of the JSON has a row [name, dtype, shape] for each of them, in their order.
    """
    layout = [[name, array.dtype.name, array.shape] for name, array in arrays.items()]
    whole = {
        dtype: np.concatenate([array.ravel() for array in arrays.values() if array.dtype.name == dtype])
        for dtype in sorted({row[1] for row in layout})
    }
    text = json.dumps({"script": script, "versions": versions(), "layout": layout, "cases": cases}, sort_keys=True)
    named: dict[str, Any] = {"meta": np.array(text), **whole}
    np.savez_compressed(path, **named)
    print(f"{path}: {len(cases)} cases, {len(arrays)} arrays, {path.stat().st_size} bytes")


def save_table(path: Path, script: str, table: dict[str, Any]) -> None:
    """Write plain values as JSON with the versions."""
    text = json.dumps({"script": script, "versions": versions(), **table}, sort_keys=True, indent=1)
    path.write_text(text + "\n", encoding="utf-8")
    print(f"{path}: {path.stat().st_size} bytes")
