"""Sequential: adding, building, weights, configs, copies. Training is tested with the trainer."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest

from pyconvnet import layers
from pyconvnet.models import Model, Sequential
from pyconvnet.ops.rule import Tensor
from pyconvnet.random import next_seed
from pyconvnet.utils import set_random_seed


def _network(**first: Any) -> list[layers.Layer]:
    return [
        layers.Conv2D(4, 3, activation="relu", **first),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    ]


WEIGHTS = [(3, 3, 1, 4), (4,), (4,), (4,), (4,), (4,), (36, 3), (3,)]


@pytest.mark.parametrize(
    "model",
    [
        lambda: Sequential(_network(input_shape=(8, 8, 1))),
        lambda: Sequential([layers.Input((8, 8, 1)), *_network()]),
        lambda: Sequential([layers.InputLayer(batch_shape=(None, 8, 8, 1)), *_network()]),
    ],
    ids=["input_shape", "Input", "InputLayer"],
)
def test_a_known_input_builds_at_once(model: Any) -> None:
    made = model()
    assert made.built
    assert (made.input_shape, made.output_shape) == ((None, 8, 8, 1), (None, 3))
    assert [w.shape for w in made.weights] == WEIGHTS
    assert made.count_params() == sum(int(np.prod(shape)) for shape in WEIGHTS)
    assert len(made.layers) == 5 and not any(isinstance(layer, layers.InputLayer) for layer in made.layers)


def test_adding_builds_step_by_step() -> None:
    model = Sequential()
    model.add(layers.Input((8, 8, 1)))
    assert not model.built
    for layer in _network():
        model.add(layer)
        assert model.built and layer.built
    assert [w.shape for w in model.weights] == WEIGHTS


def test_an_unknown_input_builds_later() -> None:
    model = Sequential(_network())
    assert not model.built and model.weights == []
    model.build((None, 8, 8, 1))
    assert model.built and [w.shape for w in model.weights] == WEIGHTS
    kernel = model.weights[0]
    model.build((32, 8, 8, 1))
    model.build()
    assert model.weights[0] is kernel


def test_input_shape_on_a_later_layer_is_ignored() -> None:
    model = Sequential([layers.Conv2D(2, 3, input_shape=(8, 8, 1)), layers.Conv2D(2, 3, input_shape=(28, 28, 1))])
    assert model.output_shape == (None, 4, 4, 2)
    assert Sequential([layers.Input((8, 8, 1)), layers.Conv2D(2, 3, input_shape=(28, 28, 1))]).input_shape[1] == 8
    assert not Sequential([layers.Conv2D(2, 3), layers.Conv2D(2, 3, input_shape=(28, 28, 1))]).built


def test_a_layer_that_does_not_fit_leaves_the_model_as_it_was() -> None:
    model = Sequential([layers.Conv2D(2, 3, input_shape=(4, 4, 1))])
    with pytest.raises(ValueError, match="MaxPooling2D 'big'"):
        model.add(layers.MaxPooling2D(5, name="big"))
    assert len(model.layers) == 1 and model.output_shape == (None, 2, 2, 2)
    late = Sequential([layers.Conv2D(2, 3), layers.MaxPooling2D(5)])
    with pytest.raises(ValueError, match="MaxPooling2D"):
        late.build((None, 4, 4, 1))
    assert not late.built and late.weights == []
    late.build((None, 9, 9, 3))
    assert late.weights[0].shape == (3, 3, 3, 2)


def test_one_layer_without_a_list() -> None:
    assert Sequential(layers.Dense(3, input_dim=2)).output_shape == (None, 3)


def test_names() -> None:
    first, second = Sequential(), Sequential(name="mine")
    assert first.name.startswith("sequential") and second.name == "mine"
    assert Sequential().name != first.name


def test_weights_by_layer_in_keras_order() -> None:
    model = Sequential(_network(input_shape=(8, 8, 1)))
    names = [w.name for w in model.weights]
    assert names == ["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "kernel", "bias"]
    assert [w.name for w in model.non_trainable_weights] == ["moving_mean", "moving_variance"]
    assert len(model.trainable_weights) == 6
    values = [np.full(shape, i) for i, shape in enumerate(WEIGHTS)]
    model.set_weights(values)
    for got, value in zip(model.get_weights(), values, strict=True):
        np.testing.assert_array_equal(got, value)
        assert got.dtype == np.float32


def test_set_weights_is_all_or_nothing() -> None:
    model = Sequential(_network(input_shape=(8, 8, 1)), name="m")
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"Sequential 'm': .*/bias must have shape"):
        model.set_weights([np.ones(shape) for shape in WEIGHTS[:-1]] + [np.ones(4)])
    for old, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


def test_trainable_reaches_every_layer() -> None:
    model = Sequential(_network(input_shape=(8, 8, 1)))
    model.trainable = False
    assert model.trainable_weights == [] and not model.layers[0].trainable
    model.trainable = True
    assert len(model.trainable_weights) == 6


def test_config_makes_an_equal_model() -> None:
    model = Sequential(_network(input_shape=(8, 8, 1)), name="m")
    config = json.loads(json.dumps(model.get_config()))
    assert config["layers"][0]["config"]["batch_input_shape"] == [None, 8, 8, 1]
    again = Sequential.from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    assert [w.shape for w in again.weights] == WEIGHTS
    assert Sequential.from_config(Sequential(_network()).get_config()).built is False


def test_config_holds_models_inside_a_model() -> None:
    start = layers.Input((8, 8, 3))
    side = layers.Conv2D(3, 3, padding="same")(start)
    inner = Model(start, layers.GlobalAveragePooling2D()(layers.Add()([start, side])), name="inner")
    row = Sequential(
        [inner, Sequential([layers.Dense(4, activation="relu")], name="head"), layers.Dense(2)], name="row"
    )
    for model in (inner, row):
        config = json.loads(json.dumps(model.get_config()))
        again = type(model).from_config(config)
        assert json.loads(json.dumps(again.get_config())) == config
        assert [w.path for w in again.weights] == [w.path for w in model.weights]
        again.set_weights(model.get_weights())
        x = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
        np.testing.assert_array_equal(again(x), model(x))
    assert type(Model.from_config(inner.get_config())) is type(inner)
    with pytest.raises(ValueError, match=r"Functional.from_config: the Functional must have a config with a list"):
        type(inner).from_config({"name": "inner", "trainable": True})


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_keep_weights_compile_state_and_seed(twin: Any) -> None:
    model = Sequential(_network(input_shape=(8, 8, 1)))
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    model.optimizer.slots(model.weights[0])["v"].assign(np.full((3, 3, 1, 4), 2))
    model.optimizer.iterations = 7
    other = twin(model)
    assert (other._seed, other.name, other.output_shape) == (model._seed, model.name, model.output_shape)
    for got, value in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, value)
    assert other.optimizer is not model.optimizer and other.optimizer.iterations == 7
    np.testing.assert_array_equal(other.optimizer.slots(other.weights[0])["v"].numpy(), np.full((3, 3, 1, 4), 2))
    assert other.compilation == model.compilation
    other.weights[1].assign(np.ones(4))
    assert not model.weights[1].numpy().any()


def test_seeds_repeat_a_model() -> None:
    set_random_seed(5)
    first = Sequential(_network(input_shape=(8, 8, 1)))
    set_random_seed(5)
    second = Sequential(_network(input_shape=(8, 8, 1)))
    third = Sequential(_network(input_shape=(8, 8, 1)))
    np.testing.assert_array_equal(first.get_weights()[0], second.get_weights()[0])
    assert first._seed == second._seed != third._seed
    assert not np.array_equal(first.get_weights()[0], third.get_weights()[0])


def test_a_seeded_dropout_seeds_the_model() -> None:
    def make(*seeds: int | None) -> int:
        next_seed()
        return Sequential([layers.Dropout(0.5, seed=seed) for seed in seeds])._seed

    assert make(1) == make(1) == make(None, 1)
    assert len({make(1), make(2), make(1, 2), make(2, 1), make(None)}) == 5
    assert 0 <= make(3) < 2**63


def test_lower_goes_through_the_layers() -> None:
    ops: list[str] = []

    class Graph:
        def apply(self, op: str, layer: str, inputs: Any, output_shape: tuple[int, ...], **attributes: Any) -> Tensor:
            ops.append(op)
            return Tensor(op, output_shape)

        def regularize_activity(self, tensor: Tensor, label: str, l1: float, l2: float) -> None:
            raise AssertionError("nothing is penalised here")

    model = Sequential(_network(input_shape=(8, 8, 1)))
    (y,) = model.lower(Graph(), [Tensor("x", (8, 8, 1))])
    assert y.shape == (3,)
    assert ops == [
        "conv2d", "activation", "batch_norm", "max_pool2d", "reshape", "dense", "activation",
    ]  # fmt: skip


def test_two_models_may_share_a_layer() -> None:
    shared = layers.Conv2D(2, 3)
    small = Sequential([layers.Input((8, 8, 1)), shared])
    large = Sequential([layers.Input((16, 16, 1)), shared])
    assert small.weights[0] is large.weights[0]
    assert (small.output_shape, large.output_shape) == ((None, 6, 6, 2), (None, 14, 14, 2))
