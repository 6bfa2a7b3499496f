"""Every name that is offered is one that real Keras or TensorFlow has."""

from __future__ import annotations

import os
from importlib import import_module

import pytest

from pyconvnet.compat.names import OFFERED

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

keras = pytest.importorskip("keras", reason="Keras 3 is not installed: pip install keras tensorflow-cpu")
tensorflow = pytest.importorskip("tensorflow", reason="TensorFlow is not installed: pip install tensorflow-cpu")

# What Keras 3 has under another address, and what only Keras 2's module had.
ELSEWHERE = {
    "keras.models": {"Functional"},
    "keras.preprocessing.image": {"ImageDataGenerator", "NumpyArrayIterator"},
}


@pytest.mark.parametrize("module", [name for name in OFFERED if not name.startswith("tensorflow.keras")])
def test_the_name_is_theirs(module: str) -> None:
    print(f"keras {keras.__version__}, tensorflow {tensorflow.__version__}")
    theirs = import_module(module.partition(".")[0])
    for part in module.split(".")[1:]:
        theirs = getattr(theirs, part)
    missing = {name for name in OFFERED[module] if not hasattr(theirs, name)}
    assert missing == ELSEWHERE.get(module, set())
