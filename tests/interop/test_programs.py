"""Saves with each program and opens with the other, for every layer type, and compares what the models then do.

Compared: predictions, loss and accuracy, the optimizer's step number, and one further training step (its loss and all
weights after it). Not compared: what follows after Keras opened an `.h5` file of ours, since Keras 3 cannot restore an
optimizer from one (a test below shows it with Keras's own file) and Keras 2 does not know Keras 3's order; the moving
variance of Keras 2's BatchNormalization, which has another rule; random draws of dropout.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconvnet
from pyconvnet.models import load_model

from .networks import NETWORKS, OPTIMIZERS, build
from .runs import (
    CASES,
    FILES,
    STEPS,
    Record,
    Trained,
    assert_alike,
    assert_trains_on_alike,
    eager,
    evaluation,
    keras,
    note,
    opened,
    predictions,
    step,
    tf_keras,
    trained,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # both Kerases warn of .h5 and of their own deprecations
UNBIASED = ("Add", "BatchNormalization")  # where Keras 2's moving variance is another
WITH_STATE = (".keras", ".h5", ".weights.h5")  # the files in which the Kerases keep what the optimizer remembers


def test_every_layer_has_a_network() -> None:
    print(f"keras {keras.__version__}, tf-keras {tf_keras.__version__}, pyconvnet {pyconvnet.__version__}")
    layers = {
        cls.__name__
        for cls in vars(pyconvnet.layers).values()
        if isinstance(cls, type) and issubclass(cls, pyconvnet.layers.Layer) and cls is not pyconvnet.layers.Layer
    }
    assert {name for name in layers if name != "Model"} <= set(NETWORKS)


@pytest.mark.parametrize("file", FILES["pyconvnet"])
@pytest.mark.parametrize(("layer", "optimizer"), CASES)
def test_keras3_opens_ours(
    layer: str, optimizer: str, file: str, tmp_path_factory: pytest.TempPathFactory, record_property: Record
) -> None:
    made = trained("pyconvnet", layer, optimizer, tmp_path_factory)
    model = opened("Keras 3", file, made, layer, optimizer)
    seen = assert_alike(model, made, layer, settings="weights" not in file)
    assert float(model.optimizer.learning_rate) == np.float32(OPTIMIZERS[optimizer]["learning_rate"])
    if NETWORKS[layer].trains and file in (".keras", ".weights.h5"):
        seen |= assert_trains_on_alike(model, made, layer)
    elif NETWORKS[layer].trains and file == ".h5":
        assert step(model, layer) == pytest.approx(made.loss, rel=3e-5)
    note(record_property, "pyconvnet", file, "Keras 3", (layer, optimizer), **seen)


@pytest.mark.parametrize("file", [file for file in FILES["pyconvnet"] if file != ".keras"])
@pytest.mark.parametrize(("layer", "optimizer"), CASES)
def test_keras2_opens_ours(
    layer: str, optimizer: str, file: str, tmp_path_factory: pytest.TempPathFactory, record_property: Record
) -> None:
    made = trained("pyconvnet", layer, optimizer, tmp_path_factory)
    model = opened("Keras 2", file, made, layer, optimizer)
    seen = assert_alike(model, made, layer, settings="weights" not in file)
    np.testing.assert_allclose(float(model.optimizer.learning_rate), OPTIMIZERS[optimizer]["learning_rate"], rtol=1e-6)
    if file == ".h5":
        step(model, layer)  # it trains
    note(record_property, "pyconvnet", file, "Keras 2", (layer, optimizer), **seen)


@pytest.mark.parametrize(("writer", "file"), [(w, f) for w in ("Keras 3", "Keras 2") for f in FILES[w]])
@pytest.mark.parametrize(("layer", "optimizer"), CASES)
def test_we_open_theirs(
    layer: str,
    optimizer: str,
    writer: str,
    file: str,
    tmp_path_factory: pytest.TempPathFactory,
    record_property: Record,
) -> None:
    made = trained(writer, layer, optimizer, tmp_path_factory)
    model = opened("pyconvnet", file, made, layer, optimizer)
    seen = assert_alike(model, made, layer, settings="weights" not in file)
    if NETWORKS[layer].trains and file in WITH_STATE and not (writer == "Keras 2" and layer in UNBIASED):
        seen |= assert_trains_on_alike(model, made, layer)
    note(record_property, writer, file, "pyconvnet", (layer, optimizer), **seen)


def test_keras3_cannot_train_on_from_its_own_h5(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Why our .h5 files keep the optimizer's state where Keras does not look; once this fails, they need not."""
    loaded = keras.models.load_model(trained("Keras 3", "Dense", "Adam", tmp_path_factory).path(".h5"))
    with pytest.raises(ValueError, match="Unknown variable"):
        step(loaded, "Dense")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_we_open_the_optimizers_of_old_tensorflow(optimizer: str, tmp_path: Path) -> None:
    """TensorFlow up to 2.10 sorts what they remember by kind; tf-keras still has them."""
    model = build(tf_keras, NETWORKS["Conv2D"])
    old = getattr(tf_keras.optimizers.legacy, optimizer)(**OPTIMIZERS[optimizer])
    model.compile(old, "sparse_categorical_crossentropy", metrics=["accuracy"])
    made = saved(eager(model), "Conv2D", tmp_path, ".h5")
    loaded = load_model(made.path(".h5"))
    assert_alike(loaded, made, "Conv2D")
    assert_trains_on_alike(loaded, made, "Conv2D")


def saved(model: Any, layer: str, folder: Path, file: str) -> Trained:
    """Some steps, a file, and one more step."""
    for _ in range(STEPS):
        step(model, layer)
    answers = predictions(model, layer), evaluation(model, layer)
    model.save(folder / f"model{file}")
    return Trained(folder, *answers, step(model, layer), model.get_weights())


def elaborate(program: Any) -> Any:
    model = build(program, NETWORKS["Dense"])
    rate = program.optimizers.schedules.ExponentialDecay(0.01, 2, 0.5)
    optimizer = program.optimizers.AdamW(rate, weight_decay=0.1, clipnorm=0.5, use_ema=True, ema_momentum=0.5)
    top = program.metrics.SparseTopKCategoricalAccuracy(k=2, name="two")
    model.compile(optimizer, program.losses.SparseCategoricalCrossentropy(), metrics=["accuracy", top])
    return eager(model)


@pytest.mark.parametrize("file", [".keras", ".h5"])
@pytest.mark.parametrize(("writer", "reader"), [(pyconvnet, keras), (keras, pyconvnet)], ids=["ours", "keras"])
def test_elaborate_settings(writer: Any, reader: Any, file: str, tmp_path: Path) -> None:
    made = saved(elaborate(writer), "Dense", tmp_path, file)
    loaded = eager(reader.models.load_model(made.path(file)))
    assert_alike(loaded, made, "Dense")
    if (file, reader) == (".h5", keras):
        assert step(loaded, "Dense") == pytest.approx(made.loss, rel=3e-5)  # with a fresh optimizer
    else:
        assert_trains_on_alike(loaded, made, "Dense")


SCHEDULES = {
    "CosineDecay": (0.1, 10),
    "CosineDecayRestarts": (0.1, 10),
    "ExponentialDecay": (0.1, 10, 0.5),
    "InverseTimeDecay": (0.1, 10, 0.5),
    "PiecewiseConstantDecay": ([5], [0.1, 0.01]),
    "PolynomialDecay": (0.1, 10),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_both_open_a_schedule_in_h5(schedule: str, tmp_path: Path) -> None:
    model = build(pyconvnet, NETWORKS["Dense"])
    rate = getattr(pyconvnet.optimizers.schedules, schedule)(*SCHEDULES[schedule])
    model.compile(pyconvnet.optimizers.SGD(rate), "sparse_categorical_crossentropy")
    model.save(tmp_path / "model.h5")
    for program in (keras, tf_keras):
        rate = program.models.load_model(tmp_path / "model.h5").optimizer.learning_rate
        assert float(rate(0) if callable(rate) else rate) == pytest.approx(0.1, rel=1e-6)


@pytest.mark.parametrize("config", [{"weight_decay": 0.1}, {"use_ema": True}], ids=str)
def test_keras2_does_not_know_what_inspect_says_it_does_not(config: dict[str, Any], tmp_path: Path) -> None:
    model = build(pyconvnet, NETWORKS["Dense"])
    model.compile(pyconvnet.optimizers.SGD(**config), "sparse_categorical_crossentropy")
    model.save(tmp_path / "model.h5")
    keras.models.load_model(tmp_path / "model.h5")
    with pytest.raises(TypeError, match=next(iter(config))):
        tf_keras.models.load_model(tmp_path / "model.h5")
    tf_keras.models.load_model(tmp_path / "model.h5", compile=False)


def measured(program: Any, activation: str | None) -> Any:
    make = program.metrics
    model = program.Sequential([program.Input((4,)), program.layers.Dense(3, activation=activation)])
    model.set_weights([np.arange(12).reshape(4, 3) / 10, np.ones(3)])
    metrics = [
        make.CategoricalCrossentropy(from_logits=True),
        make.BinaryAccuracy(threshold=0.0),
        make.BinaryCrossentropy(label_smoothing=0.3, name="smoothed"),
        make.BinaryCrossentropy(from_logits=True, name="logits"),
    ]
    model.compile("sgd", "mse", metrics=metrics)
    return eager(model)


@pytest.mark.parametrize("file", [".keras", ".h5"])
@pytest.mark.parametrize("activation", [None, "softmax"])
@pytest.mark.parametrize(("writer", "reader"), [(pyconvnet, keras), (keras, pyconvnet)], ids=["ours", "keras"])
def test_settings_of_metrics(writer: Any, reader: Any, activation: str | None, file: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(12, 4)).astype(np.float32), np.eye(3, dtype=np.float32)[random.integers(0, 3, 12)]
    model = measured(writer, activation)
    expected = model.evaluate(x, y, verbose=0, return_dict=True)
    model.save(tmp_path / f"model{file}")
    found = eager(reader.models.load_model(tmp_path / f"model{file}")).evaluate(x, y, verbose=0, return_dict=True)
    assert found == pytest.approx(expected, rel=3e-5)


def test_we_open_functions_of_keras_as_metrics(tmp_path: Path) -> None:
    for file in (".keras", ".h5"):
        model = measured(keras, "softmax")
        model.compile("sgd", "mse", metrics=[keras.metrics.categorical_accuracy])
        model.evaluate(np.zeros((2, 4)), np.eye(3)[:2], verbose=0)
        model.save(tmp_path / f"model{file}")
        assert load_model(tmp_path / f"model{file}").metrics_names == ["loss", "categorical_accuracy"]
