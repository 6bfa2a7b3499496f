"""Saves with each program and opens with the other, for every layer type, and compares what the models then do.

Compared: predictions, loss and accuracy, the optimizer's step number, and one further training step (its loss and all
weights after it). Prints the versions. Not compared: what follows after Keras opened an `.h5` file of ours, since Keras
3 cannot restore an optimizer from one (a test below shows it with Keras's own file) and Keras 2 does not know Keras 3's
order; the moving variance of Keras 2's BatchNormalization, which has another rule; random draws of dropout.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconvnet
from pyconvnet.models import load_model

from .networks import NETWORKS, OPTIMIZERS, build, data, iterations, step

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

keras = pytest.importorskip("keras", reason="Keras 3 is not installed: pip install keras tensorflow-cpu tf-keras")
pytest.importorskip("tensorflow", reason="TensorFlow is not installed: pip install tensorflow-cpu tf-keras")
tf_keras = pytest.importorskip("tf_keras", reason="tf-keras (Keras 2) is not installed: pip install tf-keras")

pytestmark = pytest.mark.filterwarnings("ignore")  # both Kerases warn of .h5 and of their own deprecations
TOLERANCE = {"rtol": 3e-5, "atol": 3e-6}
STEPS = 2
UNBIASED = ("BatchNormalization", "Multiply")  # networks in which Keras 2's moving variance is another

LAYERS = sorted(NETWORKS)
GRAPHS = {network.graph: layer for layer, network in NETWORKS.items() if network.graph}
# Every layer (graphs that are about several of them once) with Adam, and the other optimizers with one network.
CASES = [(layer, "Adam") for layer in LAYERS if NETWORKS[layer].graph is None or layer in GRAPHS.values()] + [
    ("Conv2D", name) for name in OPTIMIZERS if name != "Adam"
]


def test_every_layer_has_a_network() -> None:
    print(f"keras {keras.__version__}, tf-keras {tf_keras.__version__}, pyconvnet {pyconvnet.__version__}")
    layers = {
        cls.__name__
        for cls in vars(pyconvnet.layers).values()
        if isinstance(cls, type) and issubclass(cls, pyconvnet.layers.Layer) and cls is not pyconvnet.layers.Layer
    }
    assert {name for name in layers if name != "Model"} <= set(NETWORKS)


def trained(program: Any, layer: str, optimizer: str) -> Any:
    model = build(program, NETWORKS[layer], optimizer)
    for _ in range(STEPS):
        step(model)
    return model


def assert_alike(first: Any, second: Any) -> None:
    x, y = data()
    np.testing.assert_allclose(second.predict(x, verbose=0), first.predict(x, verbose=0), **TOLERANCE)
    np.testing.assert_allclose(second.evaluate(x, y, verbose=0), first.evaluate(x, y, verbose=0), **TOLERANCE)


def assert_trains_on_alike(first: Any, second: Any) -> None:
    assert iterations(first) == iterations(second) == STEPS
    assert step(second) == pytest.approx(step(first), rel=3e-5)
    for ours, theirs in zip(second.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, **TOLERANCE)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize(("layer", "optimizer"), CASES)
def test_keras3_opens_ours(layer: str, optimizer: str, ending: str, tmp_path: Path) -> None:
    model = trained(pyconvnet, layer, optimizer)
    model.save(tmp_path / f"m{ending}")
    loaded = keras.models.load_model(tmp_path / f"m{ending}")
    assert_alike(model, loaded)
    assert float(loaded.optimizer.learning_rate) == np.float32(OPTIMIZERS[optimizer]["learning_rate"])
    if NETWORKS[layer].trains and ending == ".keras":
        assert_trains_on_alike(model, loaded)
    elif NETWORKS[layer].trains:
        assert step(loaded) == pytest.approx(step(model), rel=3e-5)


def test_keras3_cannot_train_on_from_its_own_h5(tmp_path: Path) -> None:
    """Why our .h5 files keep the optimizer's state where Keras does not look; once this fails, they need not."""
    trained(keras, "Dense", "Adam").save(tmp_path / "m.h5")
    loaded = keras.models.load_model(tmp_path / "m.h5")
    with pytest.raises(ValueError, match="Unknown variable"):
        step(loaded)


@pytest.mark.parametrize(("layer", "optimizer"), CASES)
def test_keras2_opens_ours(layer: str, optimizer: str, tmp_path: Path) -> None:
    model = trained(pyconvnet, layer, optimizer)
    model.save(tmp_path / "m.h5")
    loaded = tf_keras.models.load_model(tmp_path / "m.h5")
    assert_alike(model, loaded)
    np.testing.assert_allclose(float(loaded.optimizer.learning_rate), OPTIMIZERS[optimizer]["learning_rate"], rtol=1e-6)
    step(loaded)  # it trains


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize(("layer", "optimizer"), CASES)
def test_we_open_keras3(layer: str, optimizer: str, ending: str, tmp_path: Path) -> None:
    model = trained(keras, layer, optimizer)
    model.save(tmp_path / f"m{ending}")
    loaded = load_model(tmp_path / f"m{ending}")
    assert_alike(model, loaded)
    if NETWORKS[layer].trains:
        assert_trains_on_alike(model, loaded)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize(("layer", "optimizer"), CASES)
def test_we_open_keras2(layer: str, optimizer: str, ending: str, tmp_path: Path) -> None:
    model = trained(tf_keras, layer, optimizer)
    model.save(tmp_path / f"m{ending}")
    loaded = load_model(tmp_path / f"m{ending}")
    assert_alike(model, loaded)
    if NETWORKS[layer].trains and layer not in UNBIASED:
        assert_trains_on_alike(model, loaded)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_we_open_the_optimizers_of_old_tensorflow(optimizer: str, tmp_path: Path) -> None:
    """TensorFlow up to 2.10 sorts what they remember by kind; tf-keras still has them."""
    model = build(tf_keras, NETWORKS["Conv2D"])
    old = getattr(tf_keras.optimizers.legacy, optimizer)(**OPTIMIZERS[optimizer])
    model.compile(old, "sparse_categorical_crossentropy", metrics=["accuracy"])
    for _ in range(STEPS):
        step(model)
    model.save(tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    assert_alike(model, loaded)
    assert_trains_on_alike(model, loaded)


def elaborate(program: Any) -> Any:
    model = build(program, NETWORKS["Dense"])
    rate = program.optimizers.schedules.ExponentialDecay(0.01, 2, 0.5)
    optimizer = program.optimizers.AdamW(rate, weight_decay=0.1, clipnorm=0.5, use_ema=True, ema_momentum=0.5)
    top = program.metrics.SparseTopKCategoricalAccuracy(k=2, name="two")
    model.compile(optimizer, program.losses.SparseCategoricalCrossentropy(), metrics=["accuracy", top])
    for _ in range(STEPS):
        step(model)
    return model


@pytest.mark.parametrize(("writer", "reader"), [(pyconvnet, keras), (keras, pyconvnet)], ids=["ours", "keras"])
def test_elaborate_settings(writer: Any, reader: Any, tmp_path: Path) -> None:
    model = elaborate(writer)
    model.save(tmp_path / "m.keras")
    loaded = reader.models.load_model(tmp_path / "m.keras")
    assert_alike(model, loaded)
    assert_trains_on_alike(model, loaded)


@pytest.mark.parametrize("layer", LAYERS)
def test_weights_go_both_ways(layer: str, tmp_path: Path) -> None:
    ours, theirs, older = (build(program, NETWORKS[layer]) for program in (pyconvnet, keras, tf_keras))
    step(ours)
    ours.save_weights(tmp_path / "ours.weights.h5")
    ours.save_weights(tmp_path / "ours.h5")
    for other in (theirs, older):
        for ending in (".weights.h5", ".h5"):
            other.set_weights([np.zeros(weight.shape) for weight in other.get_weights()])
            other.load_weights(tmp_path / f"ours{ending}")
            for a, b in zip(ours.get_weights(), other.get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)
    for other, endings in ((theirs, (".weights.h5",)), (older, (".weights.h5", ".h5"))):
        step(other)
        for ending in endings:
            other.save_weights(tmp_path / f"theirs{ending}")
            fresh = build(pyconvnet, NETWORKS[layer])
            fresh.load_weights(tmp_path / f"theirs{ending}")
            for a, b in zip(fresh.get_weights(), other.get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)
