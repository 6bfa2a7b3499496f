"""Classes of the user's own in what is saved: models as what they are made of, the rest is refused in time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from pyconvnet import Model, Sequential, callbacks, initializers, layers, metrics, optimizers
from pyconvnet.models import Functional, load_model
from pyconvnet.saving import inspect_lines

X, Y = np.ones((8, 4), np.float32), np.zeros((8, 3), np.float32)


class Row(Sequential):
    def __init__(self) -> None:
        super().__init__([layers.Input((4,)), layers.Dense(3)])


class Graph(Model):
    def __init__(self) -> None:
        x = layers.Input((4,))
        super().__init__(x, layers.Dense(3)(x))


class Ones(initializers.Initializer):
    def __call__(self, shape: tuple[int, ...]) -> Any:
        return np.ones(shape, np.float32)


class Mine(layers.Dense):
    pass


class Steps(optimizers.SGD):
    pass


class Right(metrics.MeanSquaredError):
    pass


class Inverse(optimizers.schedules.LearningRateSchedule):
    def __call__(self, step: int) -> float:
        return 0.1 / (step + 1)


def compiled(model: Any, optimizer: Any = "sgd", measured: Any = None) -> Any:
    model.compile(optimizer, "mse", metrics=measured)
    return model


def with_layer(layer: layers.Layer) -> Sequential:
    return Sequential([layers.Input((4,)), layer])


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize(("own", "base"), [(Row, Sequential), (Graph, Functional)])
def test_models_are_saved_as_their_base(own: Any, base: type, ending: str, tmp_path: Path) -> None:
    model = compiled(own())
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / f"m{ending}")
    loaded = load_model(tmp_path / f"m{ending}")
    assert type(loaded) is base
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: compiled(with_layer(Mine(3))), "Mine"),
        (lambda: compiled(with_layer(layers.Dense(3, kernel_initializer=Ones()))), "Ones"),
        (lambda: compiled(Row(), Steps()), "Steps"),
        (lambda: compiled(Row(), "sgd", [Right()]), "Right"),
    ],
)
def test_the_rest_is_refused_before_the_training(make: Any, name: str, ending: str, tmp_path: Path) -> None:
    model, path = make(), tmp_path / f"m{ending}"
    message = f"{name} is a class of your own, which no program could make again from a file; .*save_weights"
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, verbose=0, callbacks=[callbacks.ModelCheckpoint(path)])
    assert model.optimizer.iterations == 0
    with pytest.raises(ValueError, match=message):
        model.save(path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_schedule_is_left_out_with_a_warning(ending: str, tmp_path: Path) -> None:
    model = compiled(Row(), optimizers.SGD(Inverse()))
    model.fit(X, Y, verbose=0)
    with pytest.warns(UserWarning, match="SGD: no file holds a schedule of your own, so the rate .* 0.05, is saved"):
        model.save(tmp_path / f"m{ending}")
    assert load_model(tmp_path / f"m{ending}").optimizer.learning_rate == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("optimizer", "keras2"),
    [
        (optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 10)), "yes, with a fresh optimizer"),
        (optimizers.AdamW(), "with compile=False only, since it takes .* without weight_decay"),
        (optimizers.SGD(use_ema=True), "with compile=False only, since it takes .* without use_ema"),
    ],
)
def test_who_opens_an_h5(optimizer: Any, keras2: str, tmp_path: Path) -> None:
    """As Keras 3.15.1 and tf-keras 2.21 do; see tests/interop/test_programs.py."""
    compiled(Row(), optimizer).save(tmp_path / "m.h5")
    lines = "\n".join(inspect_lines(tmp_path / "m.h5"))
    assert "Keras 3: yes, with a fresh optimizer" in lines
    assert re.search(rf"Keras 2 \(tf-keras\): {keras2}", lines)


def test_a_schedule_says_which_module_it_is_from(tmp_path: Path) -> None:
    """Keras 3 does not find it without; a file that does not say it is opened with compile=False only."""
    compiled(Row(), optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 10))).save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "a") as file:
        text = file.attrs["training_config"]
        assert '"module": "keras.optimizers.schedules"' in text
        file.attrs["training_config"] = text.replace('"module": "keras.optimizers.schedules", ', "")
        del file.attrs["pyconvnet_crc32"]
    assert "Keras 3: with compile=False only" in "\n".join(inspect_lines(tmp_path / "m.h5"))
