"""Callbacks against real Keras: every printed line, saved path, written file and learning rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden import load_table
from golden.callback_rows import ROWS, drive

import pyconvnet

RESULTS = load_table("callbacks")["results"]


def _name(row: dict[str, Any]) -> str:
    return f"{row['class']}-{row['sequence']}-" + "-".join(f"{key}={value}" for key, value in row["config"].items())


@pytest.mark.parametrize(("row", "expected"), list(zip(ROWS, RESULTS, strict=True)), ids=map(_name, ROWS))
def test_callback_is_keras(row: dict[str, Any], expected: dict[str, Any]) -> None:
    got = drive(pyconvnet, row)
    for what in ("printed", "saved", "written"):
        assert got[what] == expected[what]
    rounded = [[float(np.float32(rate)), *others] for rate, *others in got["rates"]]
    assert rounded == expected["rates"]
