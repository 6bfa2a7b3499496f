"""Trains each network once with each program, writes all its files, opens them with the others, and compares.

What was compared is handed to pytest's `record_property`; ``python tests/interop/table.py`` makes a page of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconvnet

from .networks import NETWORKS, OPTIMIZERS, build, data

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

keras = pytest.importorskip("keras", reason="Keras 3 is not installed: pip install keras tensorflow-cpu tf-keras")
pytest.importorskip("tensorflow", reason="TensorFlow is not installed: pip install tensorflow-cpu tf-keras")
tf_keras = pytest.importorskip("tf_keras", reason="tf-keras (Keras 2) is not installed: pip install tf-keras")

TOLERANCE = {"rtol": 3e-5, "atol": 3e-6}
STEPS = 2
# Which layers a network is about: a graph can be about several.
ABOUT = {layer: [other for other in sorted(NETWORKS) if NETWORKS[other] == NETWORKS[layer]] for layer in NETWORKS}
# Every network with Adam, and the other optimizers with one of them.
CASES = [(layer, "Adam") for layer in sorted(NETWORKS) if layer == ABOUT[layer][0]]
CASES += [("Conv2D", name) for name in OPTIMIZERS if name != "Adam"]
PROGRAMS = {"pyconvnet": pyconvnet, "Keras 3": keras, "Keras 2": tf_keras}
# What a program writes; "weights .h5" is a file of weights in the layout of Keras 2.
FILES = {
    "pyconvnet": (".keras", ".h5", ".weights.h5", "weights .h5"),
    "Keras 3": (".keras", ".h5", ".weights.h5"),
    "Keras 2": (".keras", ".h5", ".weights.h5", "weights .h5"),
}
Record = Callable[[str, Any], None]


@dataclass(frozen=True)
class Trained:
    """A model after `STEPS` steps.

    Attributes:
        folder: where its files are; see `path`.
        predictions, evaluation: what it answers then.
        loss, weights: of and after one more step, which none of the files knows of.
    """

    folder: Path
    predictions: list[np.ndarray]
    evaluation: list[float]
    loss: float
    weights: list[np.ndarray]

    def path(self, file: str) -> Path:
        """Where the file of this kind is."""
        return self.folder / {"weights .h5": "weights.h5"}.get(file, f"model{file}")


_trained: dict[tuple[str, str, str], Trained] = {}


def trained(program: str, layer: str, optimizer: str, factory: pytest.TempPathFactory) -> Trained:
    """The network of a layer after some steps with a program: made and written once."""
    key = (program, layer, optimizer)
    if key not in _trained:
        model = eager(build(PROGRAMS[program], NETWORKS[layer], optimizer))
        for _ in range(STEPS):
            step(model, layer)
        folder = factory.mktemp("trained")
        answers = predictions(model, layer), evaluation(model, layer)
        for file in FILES[program]:
            path = Trained(folder, *answers, 0.0, []).path(file)
            (model.save_weights if "weights" in file else model.save)(path)
        if program == "pyconvnet":
            _export(model, folder / "model.onnx")
        _trained[key] = Trained(folder, *answers, step(model, layer), model.get_weights())
    return _trained[key]


def opened(program: str, file: str, made: Trained, layer: str, optimizer: str) -> Any:
    """The model that a program makes of a file; one of weights it reads into a new model."""
    theirs = PROGRAMS[program]
    if "weights" not in file:
        return eager(theirs.models.load_model(made.path(file)))
    model = eager(build(theirs, NETWORKS[layer], optimizer))
    model.set_weights([np.zeros(weight.shape) for weight in model.get_weights()])
    if program == "Keras 3":
        model.optimizer.build(model.trainable_variables)  # else it reads no state
    model.load_weights(made.path(file))
    return model


def assert_alike(model: Any, made: Trained, layer: str, *, settings: bool = True) -> dict[str, float]:
    """Predictions are those of the model that was saved; answers the largest difference.

    Where the file has training settings, loss and accuracy are too.
    """
    found = predictions(model, layer)
    for ours, theirs in zip(found, made.predictions, strict=True):
        np.testing.assert_allclose(ours, theirs, **TOLERANCE)
    if settings:
        np.testing.assert_allclose(evaluation(model, layer), made.evaluation, **TOLERANCE)
    return {"predictions": largest(found, made.predictions)}


def assert_trains_on_alike(model: Any, made: Trained, layer: str) -> dict[str, float]:
    """One more step, with the optimizer's state, leads where it led the other; answers the largest difference."""
    assert iterations(model) == STEPS
    assert step(model, layer) == pytest.approx(made.loss, rel=3e-5)
    for ours, theirs in zip(model.get_weights(), made.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, **TOLERANCE)
    return {"weights": largest(model.get_weights(), made.weights)}


def note(record: Record, writer: str, file: str, reader: str, case: tuple[str, str], **differences: float) -> None:
    """Keeps what was compared for the table; `case` is one of `CASES`."""
    layer, optimizer = case
    about = {"layer": ", ".join(ABOUT[layer]), "optimizer": optimizer}
    record("seen", {"writer": writer, "file": file, "reader": reader, **about, **differences})


def largest(found: list[np.ndarray], expected: list[np.ndarray]) -> float:
    """The largest absolute difference."""
    return max(float(np.abs(a - b).max()) for a, b in zip(found, expected, strict=True))


def eager(model: Any) -> Any:
    """The same; Keras computes step by step, which for so little is faster than compiling first."""
    if not isinstance(model, pyconvnet.Model):
        model.run_eagerly = True
    return model


def predictions(model: Any, layer: str) -> list[np.ndarray]:
    """What the model predicts, output by output."""
    found = model.predict(data(NETWORKS[layer])[0], verbose=0)
    return found if isinstance(found, list) else [found]


def evaluation(model: Any, layer: str) -> list[float]:
    """Losses and accuracies."""
    return list(model.evaluate(*data(NETWORKS[layer]), verbose=0))


def step(model: Any, layer: str) -> float:
    """One training step on all rows; its loss."""
    x, y = data(NETWORKS[layer])
    return float(model.fit(x, y, batch_size=12, epochs=1, shuffle=False, verbose=0).history["loss"][0])


def iterations(model: Any) -> int:
    """How many steps the optimizer has made."""
    count = model.optimizer.iterations
    return int(count if isinstance(count, int) else count.numpy())


def _export(model: Any, path: Path) -> None:
    try:
        model.export(path, format="onnx")
    except ImportError:
        return  # test_onnxruntime says that it is missing
