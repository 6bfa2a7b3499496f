"""Golden data made by real Keras: loading them, and comparing with them.

Each file is written by the script make_<file>.py beside it, which needs tensorflow and keras; the versions that made a
file are inside it. The tests need neither.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent


def load_arrays(name: str) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Read a golden file of arrays.

    Args:
        name: File stem, for example "layers".
    Returns:
        The cases, each a dict with at least "name", and the arrays by "case name/array name".
    """
    with np.load(FOLDER / f"{name}.npz") as file:
        arrays = {key: file[key] for key in file.files}
    meta = json.loads(str(arrays.pop("meta")))
    return meta["cases"], _unpacked(meta["layout"], arrays) if "layout" in meta else arrays


def _unpacked(layout: list[Any], whole: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a file that record.py's `save_packed` wrote."""
    arrays, begins = {}, dict.fromkeys(whole, 0)
    for name, dtype, shape in layout:
        end = begins[dtype] + math.prod(shape)
        arrays[name] = whole[dtype][begins[dtype] : end].reshape(shape)
        begins[dtype] = end
    return arrays


def load_table(name: str) -> dict[str, Any]:
    """Read a golden file of plain values (JSON) as a dict."""
    table: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return table


def relative_error(actual: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference divided by the largest magnitude expected (by 1 where all of it is zero)."""
    actual = np.asarray(actual, np.float64)
    expected = np.asarray(expected, np.float64)
    assert actual.shape == expected.shape, f"shape {actual.shape}, Keras has {expected.shape}"
    if expected.size == 0:
        return 0.0
    scale = float(np.abs(expected).max())
    return float(np.abs(actual - expected).max()) / (scale if scale > 0.0 else 1.0)


def assert_near(actual: Any, expected: Any, tolerance: float, what: str) -> None:
    """Fail unless the relative error (see `relative_error`) is at most `tolerance`; NaN always fails."""
    error = relative_error(actual, expected)
    assert error <= tolerance, f"{what}: {error:.3g} of the largest value away from Keras, allowed {tolerance:.3g}"


def tolerance(row: dict[str, Any]) -> float:
    """2e-6, or four times the distance between Keras's float32 and float64 numbers of a case where that is more."""
    return max(2e-6, 4.0 * float(row["float64_error"]))
