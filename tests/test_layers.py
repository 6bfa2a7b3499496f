"""Layers: names, defaults, shapes, weights, configs, and which ops they declare. Nothing here computes."""

from __future__ import annotations

import copy
import json
import pickle
from collections import Counter
from typing import Any

import numpy as np
import pytest

from pyconvnet import activations, initializers, layers, regularizers
from pyconvnet.layers import _check
from pyconvnet.ops.rule import Tensor
from pyconvnet.variables import Variable


class Recorder:
    """A graph that only remembers what was declared."""

    def __init__(self) -> None:
        self.nodes: list[tuple[str, str, dict[str, Any], tuple[int, ...], dict[str, Any]]] = []
        self.penalties: list[tuple[str, str, float, float]] = []

    def apply(
        self, op: str, layer_name: str, inputs: dict[str, Any], output_shape: tuple[int, ...], **attributes: Any
    ) -> Tensor:
        self.nodes.append((op, layer_name, inputs, output_shape, attributes))
        return Tensor(op, output_shape)

    def regularize_activity(self, tensor: Tensor, label: str, l1: float, l2: float) -> None:
        self.penalties.append((tensor.name, label, l1, l2))


def _lowered(layer: layers.Layer, shape: tuple[int, ...]) -> tuple[Recorder, Tensor]:
    layer.build(shape)
    graph = Recorder()
    (y,) = layer.lower(graph, [Tensor("x", shape)])
    return graph, y


# One of each, with settings that are not the defaults, and an input.
LAYERS: dict[str, tuple[layers.Layer, tuple[int, ...]]] = {
    "conv2d": (
        layers.Conv2D(
            8, (3, 5), strides=(1, 2), padding="SAME", groups=2, activation="relu", use_bias=False,
            kernel_initializer=initializers.HeNormal(seed=3), kernel_regularizer="l2", name="c",
        ),
        (12, 11, 4),
    ),
    "dense": (layers.Dense(7, "elu", bias_initializer="ones", bias_regularizer=regularizers.l1(0.5), name="d"), (5,)),
    "max": (layers.MaxPooling2D(3, strides=(2, 1), padding="same", name="m"), (9, 8, 2)),
    "average": (layers.AveragePooling2D((2, 3), name="a"), (9, 8, 2)),
    "flatten": (layers.Flatten(name="f"), (3, 4, 5)),
    "dropout": (layers.Dropout(0.25, seed=9, name="o"), (6,)),
    "batch_normalization": (layers.BatchNormalization(momentum=0.9, epsilon=0.01, center=False, name="b"), (4, 4, 3)),
    "activation": (layers.Activation(activations.leaky_relu, activity_regularizer="l1", name="x"), (4,)),
    "input": (layers.InputLayer((4, 4, 1), name="i"), (4, 4, 1)),
}  # fmt: skip
OUTPUTS = {
    "conv2d": (12, 6, 8), "dense": (7,), "max": (5, 8, 2), "average": (4, 2, 2), "flatten": (60,), "dropout": (6,),
    "batch_normalization": (4, 4, 3), "activation": (4,), "input": (4, 4, 1),
}  # fmt: skip


@pytest.mark.parametrize("key", LAYERS)
def test_shape_and_config(key: str) -> None:
    layer, shape = copy.deepcopy(LAYERS[key])
    assert layer.compute_output_shape(shape) == OUTPUTS[key]
    config = json.loads(json.dumps(layer.get_config()))
    again = layers.deserialize({"class_name": type(layer).__name__, "config": config})
    assert type(again) is type(layer)
    assert json.loads(json.dumps(again.get_config())) == config
    layer.build(shape)
    assert (layer.input_shape, layer.output_shape) == ((None, *shape), (None, *OUTPUTS[key]))
    assert layer.count_params() == sum(w.size for w in layer.get_weights())


def test_conv2d_defaults() -> None:
    config = layers.Conv2D(32, 3, name="c").get_config()
    assert config == {
        "name": "c", "trainable": True, "dtype": "float32", "filters": 32, "kernel_size": (3, 3), "strides": (1, 1),
        "padding": "valid", "data_format": "channels_last", "dilation_rate": (1, 1), "groups": 1,
        "activation": "linear", "use_bias": True,
        "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
        "bias_initializer": {"class_name": "Zeros", "config": {}},
        "kernel_regularizer": None, "bias_regularizer": None,
    }  # fmt: skip


def test_other_defaults() -> None:
    pool, norm = layers.MaxPooling2D(), layers.BatchNormalization()
    assert (pool.pool_size, pool.strides, pool.padding) == ((2, 2), (2, 2), "valid")
    assert layers.AvgPool2D(3).strides == (3, 3)
    assert (norm.axis, norm.momentum, norm.epsilon, norm.center, norm.scale) == (-1, 0.99, 1e-3, True, True)
    dense = layers.Dense(2)
    assert (dense.activation, dense.use_bias) == (activations.linear, True)


def test_second_names() -> None:
    assert layers.MaxPool2D is layers.MaxPooling2D
    assert layers.AvgPool2D is layers.AveragePooling2D
    assert layers.Convolution2D is layers.Conv2D


def test_names_are_counted_as_in_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_check, "_made", Counter())
    made = [
        type("MyVGGNet", (layers.Dense,), {})(1), type("VGG16Block", (layers.Dense,), {})(1), layers.ReLU(),
        layers.Conv2D(1, 1), layers.Conv2D(1, 1), layers.MaxPool2D(), layers.AvgPool2D(), layers.Dense(1),
        layers.BatchNormalization(), layers.Flatten(), layers.Dropout(0), layers.Activation("relu"),
        layers.Conv2D(1, 1), layers.Dense(1, name="mine"), layers.Dense(1), layers.InputLayer((1,)),
    ]  # fmt: skip
    assert [layer.name for layer in made] == [
        "my_vgg_net", "vgg16_block", "re_lu",
        "conv2d", "conv2d_1", "max_pooling2d", "average_pooling2d", "dense", "batch_normalization", "flatten",
        "dropout", "activation", "conv2d_2", "mine", "dense_1", "input_layer",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "shape", "expected"),
    [
        (dict(kernel_size=3), (28, 28, 1), (26, 26, 4)),
        (dict(kernel_size=3, padding="same"), (28, 28, 1), (28, 28, 4)),
        (dict(kernel_size=3, padding="same", strides=2), (28, 29, 1), (14, 15, 4)),
        (dict(kernel_size=5, strides=3), (28, 31, 1), (8, 9, 4)),
        (dict(kernel_size=2, padding="same", strides=2), (7, 7, 1), (4, 4, 4)),
        (dict(kernel_size=3, dilation_rate=2), (7, 8, 1), (3, 4, 4)),
        (dict(kernel_size=(1, 7)), (1, 7, 3), (1, 1, 4)),
    ],
)
def test_conv2d_shapes(arguments: dict[str, Any], shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert layers.Conv2D(4, **arguments).compute_output_shape(shape) == expected


def test_weights_are_keras_weights() -> None:
    conv = layers.Conv2D(32, 3, name="c")
    conv.build((28, 28, 1))
    assert [(w.path, w.shape) for w in conv.weights] == [("c/kernel", (3, 3, 1, 32)), ("c/bias", (32,))]
    assert conv.kernel is conv.weights[0] and conv.bias is conv.weights[1]
    np.testing.assert_array_equal(conv.get_weights()[1], np.zeros(32))
    depthwise = layers.Conv2D(6, 3, groups=3, use_bias=False)
    depthwise.build((5, 5, 3))
    assert [w.shape for w in depthwise.weights] == [(3, 3, 1, 6)] and depthwise.bias is None
    norm = layers.BatchNormalization()
    norm.build((4, 4, 3))
    assert [w.name for w in norm.weights] == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert [w.name for w in norm.trainable_weights] == ["gamma", "beta"]
    assert [float(w[0]) for w in norm.weights] == [1, 0, 0, 1]
    assert norm.count_params() == 12


def test_regularizers_and_initializers_reach_the_weights() -> None:
    dense = layers.Dense(3, kernel_regularizer="l2", bias_regularizer="l1", bias_initializer="ones")
    dense.build((4,))
    kernel, bias = dense.weights
    assert isinstance(kernel.regularizer, regularizers.L2) and isinstance(bias.regularizer, regularizers.L1)
    np.testing.assert_array_equal(bias, np.ones(3))


def test_trainable_can_be_switched() -> None:
    norm = layers.BatchNormalization(trainable=False)
    norm.build((3,))
    assert [w.trainable for w in norm.weights] == [False] * 4
    norm.trainable = True
    assert [w.trainable for w in norm.weights] == [True, True, False, False]
    norm.trainable = False
    assert norm.trainable_weights == [] and len(norm.non_trainable_weights) == 4
    assert [w.name for w in norm.weights] == ["gamma", "beta", "moving_mean", "moving_variance"]


def test_set_weights_is_all_or_nothing() -> None:
    dense = layers.Dense(3)
    dense.build((4,))
    before = dense.get_weights()
    with pytest.raises(ValueError, match="bias must have shape"):
        dense.set_weights([np.ones((4, 3)), np.ones(4)])
    for old, now in zip(before, dense.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)
    versions = [w.version for w in dense.weights]
    dense.set_weights([np.full((4, 3), 2, np.float64), [1, 2, 3]])
    np.testing.assert_array_equal(dense.kernel, np.full((4, 3), 2))
    np.testing.assert_array_equal(dense.bias, [1, 2, 3])
    assert [w.version for w in dense.weights] == [v + 1 for v in versions]


def test_masked_weights_are_refused() -> None:
    dense = layers.Dense(3, name="d")
    dense.build((4,))
    before, masked = dense.get_weights(), np.ma.masked_equal([1.0, 2.0, 3.0], 2.0)
    with pytest.raises(ValueError, match=r"^Dense 'd': weights\[1\] has masked values; fill or drop masked values"):
        dense.set_weights([np.ones((4, 3)), masked])
    with pytest.raises(ValueError, match=r"^Variable 'd/bias': value has masked values; fill or drop masked values"):
        dense.weights[1].assign(masked)
    for old, now in zip(before, dense.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)
    dense.set_weights([np.ones((4, 3)), masked.filled(0)])
    np.testing.assert_array_equal(dense.bias, [1, 0, 3])


def test_get_weights_are_copies() -> None:
    dense = layers.Dense(3)
    dense.build((4,))
    dense.get_weights()[0][:] = 5
    dense.kernel.numpy()[:] = 5
    dense.kernel[0][:] = 5
    np.asarray(dense.kernel)[:] = 5
    assert np.abs(dense.kernel.numpy()).max() < 2


def test_building_again_keeps_the_weights() -> None:
    conv = layers.Conv2D(2, 3)
    conv.build((8, 8, 1))
    kernel = conv.kernel
    conv.build((16, 9, 1))
    assert conv.kernel is kernel and conv.input_shape == (None, 16, 9, 1)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_have_buffers_of_their_own(twin: Any) -> None:
    conv = layers.Conv2D(5, 3, kernel_regularizer="l2", name="c")
    conv.build((8, 8, 1))
    other = twin(conv)
    np.testing.assert_array_equal(other.kernel, conv.kernel)
    assert other.kernel.array.ctypes.data % 64 == 0
    assert other.name == "c" and other.kernel.regularizer.l2 == 0.01 and other.get_config() == conv.get_config()
    other.kernel.assign(np.zeros((3, 3, 1, 5)))
    assert conv.kernel.numpy().any()


def test_input_shape_arguments() -> None:
    assert layers.Dense(3, input_dim=64).given_input_shape == (64,)
    assert layers.Dense(3, input_shape=(64,)).given_input_shape == (64,)
    assert layers.Flatten(batch_input_shape=(None, 28, 28)).given_input_shape == (28, 28)
    assert layers.Flatten(input_shape=[28, np.int64(28)]).given_input_shape == (28, 28)
    assert layers.InputLayer(input_shape=(2, 3)).shape == (2, 3)
    for made in (layers.Input((2, 3)), layers.Input(batch_shape=(8, 2, 3))):
        assert made.shape == (None, 2, 3)
    assert layers.Input(shape=(), batch_size=3).shape == (None,)


def test_conv2d_declares_its_ops() -> None:
    conv = layers.Conv2D(8, (3, 5), strides=(1, 2), padding="SAME", activation="relu", name="c")
    graph, y = _lowered(conv, (12, 11, 4))
    (op, name, inputs, shape, g), (second, _, _, second_shape, attributes) = graph.nodes
    assert (op, name, shape, second, second_shape) == ("conv2d", "c", (12, 6, 8), "activation", (12, 6, 8))
    assert inputs["kernel"] is conv.kernel and inputs["bias"] is conv.bias
    assert (g["h"], g["w"], g["c_in"], g["oh"], g["ow"], g["c_out"]) == (12, 11, 4, 12, 6, 8)
    assert (g["stride_h"], g["stride_w"], g["pad_top"], g["pad_left"], g["groups"]) == (1, 2, 1, 2, 1)
    assert attributes == {"function": "relu", "parameter": 0.0, "features": 8}
    assert y.shape == (12, 6, 8) and graph.penalties == []


def test_dense_declares_its_ops() -> None:
    dense = layers.Dense(7, use_bias=False, activity_regularizer=regularizers.l1_l2(0.25, 0.5), name="d")
    graph, _ = _lowered(dense, (3, 5))
    assert graph.nodes[0][0] == "dense" and len(graph.nodes) == 1  # linear is no op
    assert graph.nodes[0][2]["bias"] is None
    assert graph.nodes[0][3:] == ((3, 7), {"vectors": 3, "k": 5, "m": 7})
    assert graph.penalties == [("dense", "d", 0.25, 0.5)]


def test_activity_is_penalised_after_the_activation() -> None:
    graph, _ = _lowered(layers.Dense(7, activation="relu", activity_regularizer="l2", name="d"), (5,))
    assert graph.penalties == [("activation", "d", 0.0, 0.01)]


@pytest.mark.parametrize(
    ("layer", "shape", "op", "attributes"),
    [
        (layers.Flatten(), (3, 4, 5), "reshape", {}),
        (layers.Dropout(0.25), (6,), "dropout", {"rate": 0.25}),
        (layers.Activation("elu"), (2, 6), "activation", {"function": "elu", "parameter": 1.0, "features": 6}),
        (
            layers.BatchNormalization(momentum=0.5, trainable=False),
            (4, 3),
            "batch_norm",
            {"features": 3, "epsilon": 1e-3, "momentum": 0.5, "trainable": False},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_declared_attributes(layer: Any, shape: tuple[int, ...], op: str, attributes: dict[str, Any]) -> None:
    graph, y = _lowered(layer, shape)
    assert (graph.nodes[0][0], graph.nodes[0][4]) == (op, attributes)
    assert y.shape == layer.compute_output_shape(shape)


@pytest.mark.parametrize(("cls", "op"), [(layers.MaxPooling2D, "max_pool2d"), (layers.AveragePooling2D, "avg_pool2d")])
def test_pooling_declares_its_op(cls: Any, op: str) -> None:
    graph, y = _lowered(cls((3, 2), strides=2, padding="same"), (7, 8, 5))
    g = graph.nodes[0][4]
    assert graph.nodes[0][0] == op and y.shape == (4, 4, 5)
    assert (g["pool_h"], g["pool_w"], g["stride_h"], g["pad_top"], g["pad_left"]) == (3, 2, 2, 1, 0)


def test_batch_normalization_without_its_weights() -> None:
    graph, _ = _lowered(layers.BatchNormalization(scale=False, center=False), (3,))
    inputs = graph.nodes[0][2]
    assert inputs["gamma"] is None and inputs["beta"] is None and inputs["moving_mean"].shape == (3,)


def test_batch_normalization_takes_the_last_axis_by_both_numbers() -> None:
    assert layers.BatchNormalization(axis=3).compute_output_shape((4, 4, 2)) == (4, 4, 2)
    assert layers.BatchNormalization(axis=[3]).compute_output_shape((4, 4, 2)) == (4, 4, 2)


def test_variable() -> None:
    variable = Variable(np.arange(6).reshape(2, 3), name="v", path="layer/v")
    assert (variable.shape, variable.ndim, variable.size, variable.dtype, len(variable)) == ((2, 3), 2, 6, "float32", 2)
    assert variable.array.ctypes.data % 64 == 0 and variable.array.flags.c_contiguous
    assert variable[1, 2] == 5
    assert np.asarray(variable, dtype=np.float64).dtype == np.float64
    assert (np.ones((2, 3)) - variable)[0, 0] == 1
    assert repr(variable).startswith("<Variable path=layer/v, shape=(2, 3), dtype=float32, value=[[0. 1. 2.]")
    address = variable.array.ctypes.data
    variable.assign(np.zeros((2, 3), np.int64))
    assert (variable.version, variable.array.ctypes.data, variable.numpy().sum()) == (1, address, 0)
    assert Variable(3.0, name="scalar").shape == ()
