"""Callbacks against real Keras: every printed line, saved path, written file and learning rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden import load_table
from golden.callback_rows import ROWS, drive

import pyconvnet

GOLDEN = load_table("callbacks")
ALL = ROWS + GOLDEN["random_rows"]


def _name(row: dict[str, Any]) -> str:
    return f"{row['class']}-{row['sequence']}-" + "-".join(f"{key}={value}" for key, value in row["config"].items())


@pytest.mark.parametrize(("row", "expected"), list(zip(ALL, GOLDEN["results"], strict=True)), ids=map(_name, ALL))
def test_callback_is_keras(row: dict[str, Any], expected: dict[str, Any]) -> None:
    got = drive(pyconvnet, row)
    for what in ("printed", "saved", "written"):
        assert got[what] == expected[what]
    assert str([_rounded(epoch) for epoch in got["rates"]]) == str(expected["rates"])  # NaN is no NaN's equal


def _rounded(epoch: Any) -> Any:
    """Keras's optimizers keep their rate in float32. Between interrupted runs stand the files of a backup."""
    return epoch if isinstance(epoch, dict) else [float(np.float32(epoch[0])), *epoch[1:]]
