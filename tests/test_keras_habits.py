"""What Keras users try that works otherwise here, or not yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyconvnet import Sequential, layers, ops
from pyconvnet.preprocessing.image import ImageDataGenerator
from pyconvnet.variables import Variable


def network() -> Sequential:
    model = Sequential([layers.Input((4,)), layers.Dense(3, name="first"), layers.Dense(2, name="last")], name="m")
    model.compile("sgd", "mse")
    return model


def test_variables_compute_like_arrays() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    v, other = Variable(values, name="v"), Variable(values + 1, name="w")
    for got, expected in [
        (v * 2, values * 2),
        (1 - v, 1 - values),
        (v + other, 2 * values + 1),
        (v @ values.T, values @ values.T),
        (-v, -values),
        (v > 2, values > 2),
        (v == values, values == values),
        (np.sqrt(v), np.sqrt(values)),
        (np.sum(v, axis=0), values.sum(0)),
        *((getattr(v, name)(axis=1), getattr(values, name)(1)) for name in ("mean", "std", "min", "max")),
        *((getattr(np, name)(v, keepdims=True), getattr(np, name)(values, keepdims=True)) for name in ("mean", "max")),
    ]:
        assert type(got) is np.ndarray
        np.testing.assert_array_equal(got, expected)
    assert {v: 1}[v] == 1 and other not in {v: 1}


def _add_in_place(v: Variable) -> None:
    v += 1


@pytest.mark.parametrize(
    "write",
    [
        lambda v: v.__setitem__(0, 1),
        _add_in_place,
        lambda v: np.add(v, 1, out=v),
        lambda v: np.add.at(v, 0, 1),
    ],
)
def test_variables_are_not_written_in_place(write: Callable[[Variable], Any]) -> None:
    v = Variable([1.0, 2.0], name="v", path="d/v")
    with pytest.raises(TypeError, match=r"Variable 'd/v': cannot be written in place; .* variable.assign\(value\)"):
        write(v)
    np.testing.assert_array_equal(v, [1, 2])


def test_get_layer() -> None:
    model = network()
    assert model.get_layer("last") is model.get_layer(index=-1) is model.get_layer(index=1) is model.layers[1]


def test_pop() -> None:
    model = network()
    layer = model.pop()
    assert layer.name == "last" and model.output_shape == (None, 3) and not model.compiled
    assert model.predict(np.zeros((2, 4)), verbose=0).shape == (2, 3)
    model.add(layer)
    model.compile("sgd", "mse")
    model.fit(np.zeros((2, 4)), np.zeros((2, 2)), verbose=0)
    model.pop()
    model.pop()
    assert not model.built
    with pytest.raises(ValueError, match="Sequential 'm': it has no layers; there is none to pop"):
        model.pop()


IMAGES = np.zeros((4, 8, 8, 1))


def test_fit_of_a_generator_and_of_flow() -> None:
    model = Sequential([layers.Input((8, 8, 1)), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    batches = ImageDataGenerator().flow(IMAGES, np.zeros(4), batch_size=2)
    assert len(model.fit(batches, epochs=2, verbose=0).history["loss"]) == 2
    assert model.optimizer is not None and model.optimizer.iterations == 4
    model.fit((next(batches) for _ in range(3)), verbose=0)
    assert model.optimizer.iterations == 7


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: layers.Dense(3, name="d")(IMAGES), TypeError, "Dense 'd': a layer is called on Input.shape. or on"),
        (lambda: network().get_layer(), ValueError, "Sequential 'm': get_layer needs a name or an index"),
        (lambda: network().get_layer("last", 1), ValueError, "get_layer needs a name or an index"),
        (lambda: network().get_layer("fist"), ValueError, "unknown layer 'fist'; did you mean 'first'"),
        (lambda: network().get_layer(index=2), ValueError, "index must be below its 2 layers, got 2"),
        (lambda: network().get_layer(index=-3), ValueError, "index must be at least -2, got -3"),
        (lambda: Sequential(layers.Dense(3), layers.Dense(4)), TypeError, r"pass a list: Sequential\(\[layer, ...\]\)"),  # type: ignore[arg-type]
        (lambda: Sequential(*network().layers, layers.Flatten()), TypeError, "pass a list"),  # type: ignore[arg-type]
        (lambda: ops.flatten(np.ma.masked_less(IMAGES, 1)), ValueError, "fill or drop masked values"),
    ],
)
def test_refusals(wrong: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        wrong()
