"""Each line that ``pyconvnet migrate`` reports is run on real Keras, which rejects it and takes the mend."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from migrate_cases import CASES, HEAD

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

keras = pytest.importorskip("keras", reason="Keras 3 is not installed: pip install keras tensorflow-cpu")
pytest.importorskip("tensorflow", reason="TensorFlow is not installed: pip install tensorflow-cpu")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize(("rejected", "mended"), CASES)
def test_keras_rejects_the_line_and_takes_the_mend(
    rejected: str, mended: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(f"keras {keras.__version__}, numpy {np.__version__}")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(HEAD, names)
    with pytest.raises((AttributeError, ImportError, KeyError, TypeError, ValueError)):
        exec(rejected, names)
    names = {}
    exec(HEAD + mended, names)
