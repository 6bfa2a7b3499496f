"""Average pooling before a linear convolution in place of behind it: the same function, fewer multiplications."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyconvnet import config
from pyconvnet.layers import (
    AveragePooling2D,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    Layer,
    MaxPooling2D,
    ReLU,
    Reshape,
)
from pyconvnet.models import Model, Sequential
from pyconvnet.ops.conv2d_algorithm import cost
from pyconvnet.optimizers import SGD
from pyconvnet.plan import average_first
from pyconvnet.plan.graph import Graph
from pyconvnet.utils import set_random_seed

SHAPE = (13, 12, 16)

pytestmark = pytest.mark.usefixtures("switches")


def _model(*layers: Layer) -> Sequential:
    set_random_seed(3)
    # a layer in front, so that the gradient of the input is needed
    model = Sequential([Input(SHAPE), Conv2D(16, 1, activation="relu"), *layers, Flatten(), Dense(3)])
    model.compile(SGD(0.1), "mse")
    return model


def _pools_before_convolving(model: Model) -> bool:
    order = [call.kernel for call in model.plan().calls if call.kernel.startswith(("avg_pool2d", "conv2d", "dense"))]
    return order.index("avg_pool2d_forward") == 1  # behind the first convolution alone


LINEAR: dict[str, tuple[Layer, ...]] = {
    "2x2": (Conv2D(24, 3), AveragePooling2D(2)),
    "overlapping": (Conv2D(24, 3, use_bias=False), AveragePooling2D(3, strides=2)),
    "oblong": (Conv2D(9, (3, 2)), AveragePooling2D((2, 3))),
    "dilated": (Conv2D(24, 3, dilation_rate=2), AveragePooling2D(2)),
    "groups": (Conv2D(64, 3, groups=2), AveragePooling2D(2)),
    "whole-map": (Conv2D(24, 3), GlobalAveragePooling2D()),
}


@pytest.mark.parametrize("name", LINEAR)
def test_predictions_and_gradients_are_those_of_the_layers_as_written(name: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, *SHAPE)).astype("f4"), rng.normal(size=(5, 3)).astype("f4")
    results: list[tuple[np.ndarray, list[np.ndarray]]] = []
    for strict in (True, False):
        config.strict = strict
        config.winograd = False
        model = _model(*(layer.from_config(layer.get_config()) for layer in LINEAR[name]))
        assert _pools_before_convolving(model) is not strict
        predictions = model.predict(x, verbose=0)
        model.fit(x, y, batch_size=5, epochs=1, verbose=0)
        results.append((predictions, model.get_weights()))
    (predictions, weights), (other_predictions, other_weights) = results
    np.testing.assert_allclose(other_predictions, predictions, rtol=0, atol=2e-6 * float(np.abs(predictions).max()))
    for got, expected in zip(other_weights, weights, strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=2e-6 * float(np.abs(expected).max()))


OTHERS: dict[str, tuple[Layer, ...]] = {
    "activation": (Conv2D(24, 3, activation="relu"), AveragePooling2D(2)),
    "padded-convolution": (Conv2D(24, 3, padding="same"), AveragePooling2D(2)),
    "padded-pooling": (Conv2D(24, 3), AveragePooling2D(4, padding="same")),
    "strides": (Conv2D(24, 3, strides=2), AveragePooling2D(2)),
    "penalty-on-the-map": (Conv2D(24, 3, activity_regularizer="l2"), AveragePooling2D(2)),
    "few-products": (Conv2D(16, 1), AveragePooling2D(2)),  # averaging the input takes longer than they do
    "no-gain": (Conv2D(24, 3), AveragePooling2D(2, strides=1)),
    "hanging-window": (Conv2D(24, 3), AveragePooling2D(2, padding="same")),  # 11 rows: padded at the end alone
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_linear_or_gains_nothing_stays(name: str) -> None:
    assert not _pools_before_convolving(_model(*OTHERS[name]))


def test_a_kernel_larger_than_its_padding_stays() -> None:
    model = _model(Conv2D(64, 2, padding="same"), AveragePooling2D(2))  # padded below and to the right alone
    assert not _pools_before_convolving(model)


def test_a_relu_behind_the_pooling_rides_along() -> None:
    model = _model(Conv2D(24, 3), AveragePooling2D(2), ReLU())
    assert _pools_before_convolving(model)
    assert [call.attributes["relu"] for call in model.plan().calls if call.kernel == "conv2d_forward"][-1] is True


def test_a_map_under_another_shape_stays() -> None:
    assert not _pools_before_convolving(_model(Conv2D(24, 3), Reshape((10, 11, 24)), AveragePooling2D(2)))


def test_float32_layers_are_not_priced_as_bfloat16_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    dots: list[str] = []

    def cost_of(g: dict[str, int], algorithm: str, dot: str) -> float:
        dots.append(dot)
        return cost(g, algorithm, dot)

    monkeypatch.setattr(average_first, "cost", cost_of)
    graph = Graph([SHAPE])
    model = _model(Conv2D(24, 3), AveragePooling2D(2))
    graph.finish(model.lower(graph, graph.inputs))
    average_first.average_first(graph, set(), winograd=True, bfloat16="amx", backend="cpu")
    assert set(dots) == {"plain"}


def test_a_map_that_others_read_stays() -> None:
    inputs = Input(SHAPE)
    image = Conv2D(24, 3)(inputs)
    pooled = AveragePooling2D(2)(image)

    def kernels(outputs: Any) -> list[str]:
        model = Model(inputs, outputs)
        model.compile("sgd", "mse")
        return [call.kernel for call in model.plan().calls if call.kernel.startswith(("avg_pool2d", "conv2d"))]

    assert kernels(pooled)[0] == "avg_pool2d_forward"
    assert kernels([pooled, image])[0].startswith("conv2d")
    assert kernels([pooled, MaxPooling2D(3)(image)])[0].startswith("conv2d")


def test_the_strided_convolution_sees_no_cell_that_it_does_not_need() -> None:
    model = _model(Conv2D(24, 3), AveragePooling2D(2))  # 13x12 to 11x10, pooled to 5x5
    pool = next(call for call in model.plan().calls if call.kernel == "avg_pool2d_forward")
    assert (pool.attributes["oh"], pool.attributes["ow"]) == (11, 11)
    assert (pool.attributes["stride_h"], pool.attributes["stride_w"]) == (1, 1)
