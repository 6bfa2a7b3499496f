"""Every name that is offered is one that real Keras or TensorFlow has."""

from __future__ import annotations

import os
from importlib import import_module
from inspect import signature
from typing import Any

import pytest

from pyconvnet._identifiers import argument_names
from pyconvnet.activations import ActivationFunction
from pyconvnet.compat.names import DIFFERS, EVERYWHERE, OFFERED
from pyconvnet.compat.tree import resolve
from pyconvnet.layers import Layer

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

keras = pytest.importorskip("keras", reason="Keras 3 is not installed: pip install keras tensorflow-cpu")
tensorflow = pytest.importorskip("tensorflow", reason="TensorFlow is not installed: pip install tensorflow-cpu")

# What Keras 3 has under another address, and what only tensorflow.keras or Keras 2's module has.
ELSEWHERE = {
    "keras.backend": {"get_value", "set_value"},
    "keras.losses": {"MAE", "MSE", "mae", "mse"},
    "keras.metrics": {"MAE", "MSE", "mae", "mse"},
    "keras.models": {"Functional"},
    "keras.preprocessing.image": {"ImageDataGenerator", "NumpyArrayIterator"},
}


def their_module(module: str) -> Any:
    theirs = import_module(module.partition(".")[0])
    for part in module.split(".")[1:]:
        theirs = getattr(theirs, part)
    return theirs


@pytest.mark.parametrize("module", [name for name in OFFERED if not name.startswith("tensorflow.keras")])
def test_the_name_is_theirs(module: str) -> None:
    print(f"keras {keras.__version__}, tensorflow {tensorflow.__version__}")
    theirs = their_module(module)
    missing = {name for name in OFFERED[module] if not hasattr(theirs, name)}
    assert missing == ELSEWHERE.get(module, set())


@pytest.mark.parametrize("module", [name for name in OFFERED if not name.startswith("tensorflow.")])
def test_arguments_that_are_not_taken_are_written_down(module: str) -> None:
    everywhere = " ".join(EVERYWHERE)
    for name, target in OFFERED[module].items():
        if name in ELSEWHERE.get(module, ()) or not callable(getattr(their_module(module), name)):
            continue
        theirs, ours = signature(getattr(their_module(module), name)).parameters, resolve(target)
        taken = {*signature(ours).parameters}
        if isinstance(ours, type) and issubclass(ours, Layer):
            taken |= {*argument_names(Layer)}
        if isinstance(ours, ActivationFunction):
            taken.add(ours.parameter_name)
        wanted = {word for word, given in theirs.items() if given.kind not in (given.VAR_KEYWORD, given.VAR_POSITIONAL)}
        noted = DIFFERS.get(f"{module}.{name}", "")
        words = {word for word in wanted - taken if f"`{word}`" not in noted and f"`{word}`" not in everywhere}
        assert words - {"self"} == set(), f"{module}.{name}"
