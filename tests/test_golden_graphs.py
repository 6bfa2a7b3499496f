"""Graphs of layers against real Keras: outputs of layers, order of layers and weights, ten training steps of a network
with branches, two inputs and two outputs, and of a small residual network. Made by tests/golden/make_graphs.py.

Tolerance, of the largest value: four times the distance of Keras's float32 run from its float64 run, at least FLOOR.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from golden import assert_near, graph_networks, load_table
from golden.networks import sample_positions

import pyconvnet
from pyconvnet.layers import _check

GOLDEN = load_table("graphs")
FLOOR = 2e-5


@pytest.mark.parametrize("row", GOLDEN["layers"], ids=lambda row: row["name"])
def test_outputs_of_layers_are_keras(row: dict[str, Any]) -> None:
    config = {key: tuple(value) if isinstance(value, list) else value for key, value in row["config"].items()}
    shape = tuple(row["input_shape"])
    layer = getattr(pyconvnet.layers, row["layer"])(**config)
    x = pyconvnet.Input(shape[1:])
    model = pyconvnet.Model(x, layer(x))
    assert [[w.name, list(w.shape)] for w in layer.weights] == row["weights"]
    random = np.random.RandomState(zlib.crc32(row["name"].encode()))
    model.set_weights([random.standard_normal(w.shape).astype(np.float32) for w in layer.weights])
    y = model.predict(random.standard_normal(shape).astype(np.float32), verbose=0)
    assert list(y.shape) == row["output_shape"]
    assert_near(y.ravel(), row["y"], 2e-6, row["name"])


@pytest.fixture(params=list(graph_networks.GRAPHS))
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of each network; names of layers begin anew, as in the script."""
    monkeypatch.setattr(_check, "_made", type(_check._made)())
    return str(request.param)


def test_order_of_layers_and_weights_is_keras(name: str) -> None:
    golden, model = GOLDEN["networks"][name], graph_networks.GRAPHS[name](pyconvnet)
    assert [layer.name for layer in model.layers] == golden["layers"]
    assert [list(w.shape) for w in model.weights] == [row["shape"] for row in golden["weights"]]
    # Keras writes the path of a layer in a model with the model's name in front.
    assert [w.path.split("/")[-2:] for w in model.weights] == [r["path"].split("/")[-2:] for r in golden["weights"]]
    assert model.count_params() == golden["parameters"]


def test_ten_training_steps_are_keras(name: str) -> None:
    golden, model = GOLDEN["networks"][name], graph_networks.GRAPHS[name](pyconvnet)
    graph_networks.set_first_weights(model)
    result = graph_networks.train(model, name)
    allowed = {kind: max(FLOOR, 4.0 * value) for kind, value in golden["float64_error"].items()}
    assert list(result["history"]) == list(golden["history"])
    for key, values in golden["history"].items():
        assert_near(result["history"][key], values, allowed["history"], key)
    assert set(result["evaluate"]) == set(golden["evaluate"])
    for key, value in golden["evaluate"].items():
        assert result["evaluate"][key] == pytest.approx(value, rel=allowed["predict"]), key
    for index, (got, expected) in enumerate(zip(result["predict"], golden["predict"], strict=True)):
        assert_near(got, expected, allowed["predict"], f"output {index}")
    got = [w.numpy().ravel()[sample_positions(w.size)] for w in model.weights]
    expected = [row["samples"] for row in golden["weights"]]
    assert_near(np.concatenate(got), np.concatenate(expected), allowed["weights"], "weights")


def test_metrics_of_several_outputs_are_named_as_in_keras() -> None:
    model = graph_networks.branched(pyconvnet)
    assert model.metrics_names == ["loss", "main_loss", "side_loss", "main_accuracy", "side_mae"]
    assert model.metric_direction("main_accuracy") == "max" and model.metric_direction("side_loss") == "min"
