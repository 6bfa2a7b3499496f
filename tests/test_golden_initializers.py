"""Initializers against real Keras: what is drawn, from which distribution, for random configurations and shapes
(tests/golden/make_constructors.py).

The numbers themselves come from another generator. Of 5 000 of them the standard deviation is known to 1 per cent and
the mean to 1.4 per cent of it; four times that is allowed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from golden import load_table

from pyconvnet import initializers

ROWS = load_table("constructors")["initializers"]
CUT = 0.87962566  # standard deviation of normal numbers that are cut off at two of them
COUNT = 5_000


def _rows(key: str) -> Any:
    rows = [row for row in ROWS if key in row]
    return pytest.mark.parametrize("row", rows, ids=[f"{i}-{row['class']}" for i, row in enumerate(rows)])


def _make(row: dict[str, Any], **more: Any) -> Any:
    return getattr(initializers, row["class"])(**row["config"], **more)


@_rows("value")
def test_constant_values_are_keras(row: dict[str, Any]) -> None:
    values = _make(row)(tuple(row["shape"]))
    assert (values.shape, values.dtype) == (tuple(row["shape"]), np.float32)
    assert (values == np.float32(row["value"])).all()


@_rows("drawn")
def test_distribution_is_keras(row: dict[str, Any]) -> None:
    kind, first, second = row["drawn"]
    shape, per_call = tuple(row["shape"]), math.prod(row["shape"])
    calls = [_make(row, seed=seed)(shape) for seed in range(math.ceil(COUNT / per_call))]
    assert {(values.shape, values.dtype.name) for values in calls} == {(shape, "float32")}
    values = np.stack(calls).astype(np.float64).ravel()
    mean, deviation = (first + second) / 2, (second - first) / math.sqrt(12)
    if kind != "uniform":
        mean, deviation = first, second * (CUT if kind == "truncated_normal" else 1)
    assert values.mean() == pytest.approx(mean, abs=0.056 * deviation)
    assert values.std() == pytest.approx(deviation, rel=0.04)
    farthest = np.abs(values - mean).max() / deviation
    least, most = {"uniform": (1.7, 1.7321), "truncated_normal": (2.2, 2.2737), "normal": (3, 13)}[kind]
    assert least < farthest < most


@_rows("square")
def test_orthogonal_matrices_are_keras(row: dict[str, Any]) -> None:
    values = _make(row, seed=1)(tuple(row["shape"]))
    assert (values.shape, values.dtype) == (tuple(row["shape"]), np.float32)
    flat = values.reshape(-1, row["shape"][-1]).astype(np.float64)
    gram = flat.T @ flat if len(flat) >= row["shape"][-1] else flat @ flat.T
    np.testing.assert_allclose(gram, row["square"] * np.eye(len(gram)), rtol=0, atol=1e-5 * row["square"])
    with pytest.raises(ValueError, match="at least 2 axes"):
        _make(row)((3,))
