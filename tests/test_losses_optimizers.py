"""What losses, optimizers, regularizers and activations are set up to be; their arithmetic is tested with the ops."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from pyconvnet import activations, losses, optimizers, regularizers, utils
from pyconvnet.losses import LossSpec
from pyconvnet.variables import Variable

SPECS = {
    "sparse_categorical_crossentropy": LossSpec("cross_entropy", sparse=True),
    "SparseCategoricalCrossentropy": LossSpec("cross_entropy", sparse=True),
    "categorical_crossentropy": LossSpec("cross_entropy"),
    "CategoricalCrossentropy": LossSpec("cross_entropy"),
    "binary_crossentropy": LossSpec("binary_cross_entropy"),
    "BinaryCrossentropy": LossSpec("binary_cross_entropy"),
    "bce": LossSpec("binary_cross_entropy"),
    "BCE": LossSpec("binary_cross_entropy"),
    "mean_squared_error": LossSpec("mean_squared_error"),
    "MeanSquaredError": LossSpec("mean_squared_error"),
    "mse": LossSpec("mean_squared_error"),
    "MSE": LossSpec("mean_squared_error"),
    "mean_absolute_error": LossSpec("mean_absolute_error"),
    "MeanAbsoluteError": LossSpec("mean_absolute_error"),
    "mae": LossSpec("mean_absolute_error"),
    "MAE": LossSpec("mean_absolute_error"),
}


def _fields(loss: LossSpec) -> tuple[str, bool, bool]:
    return loss.kind, loss.sparse, loss.from_logits


def test_every_loss_name() -> None:
    assert set(losses._TABLE) == set(SPECS)
    for name, spec in SPECS.items():
        assert _fields(losses.get(name)) == _fields(spec), name


@pytest.mark.parametrize("cls", sorted(set(losses._TABLE.values()), key=str))
def test_loss_forms(cls: type[losses.Loss]) -> None:
    made = losses.get(cls)
    assert losses.get(made) is made
    assert losses.get({"class_name": cls.__name__, "config": made.get_config()}) == made
    assert losses.get(cls.name) == made
    assert hash(losses.get(cls.name)) == hash(made)
    assert pickle.loads(pickle.dumps(made)) == made
    assert cls(reduction="auto") == made


def test_from_logits() -> None:
    loss = losses.CategoricalCrossentropy(from_logits=True)
    assert _fields(loss) == ("cross_entropy", False, True)
    assert loss != losses.CategoricalCrossentropy()
    assert loss.get_config() == {"from_logits": True, "label_smoothing": 0.0, "reduction": "sum_over_batch_size"}
    assert losses.SparseCategoricalCrossentropy(True).from_logits
    assert losses.BinaryCrossentropy(True).from_logits


KERAS_DEFAULTS: dict[str, dict[str, Any]] = {
    "SGD": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
    "Adam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "RMSprop": {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7},
}


@pytest.mark.parametrize("name", KERAS_DEFAULTS)
def test_optimizer_defaults_and_names(name: str) -> None:
    made = optimizers.get(name)
    assert type(made).__name__ == name
    assert made.get_config() == KERAS_DEFAULTS[name]
    assert made.attributes == {k: v for k, v in KERAS_DEFAULTS[name].items() if k != "learning_rate"}
    assert made.kind == name.lower()
    assert made.iterations == 0
    for other in (name.lower(), name.upper(), type(made), {"class_name": name, "config": made.get_config()}):
        assert type(optimizers.get(other)) is type(made)
    assert optimizers.get(made) is made
    assert optimizers.get(name) is not optimizers.get(name)


def test_learning_rate_has_two_names() -> None:
    optimizer = optimizers.Adam(lr=0.5)
    assert (optimizer.learning_rate, optimizer.lr) == (0.5, 0.5)
    optimizer.lr = 0.25
    assert optimizer.learning_rate == 0.25
    optimizer.learning_rate = np.float32(0.125)
    assert optimizer.lr == 0.125
    with pytest.raises(ValueError, match="learning_rate must be at least 0"):
        optimizer.learning_rate = -1
    assert optimizer.lr == 0.125


def test_neutral_values_of_keras_are_taken() -> None:
    made = optimizers.Adam(weight_decay=None, clipnorm=None, amsgrad=False, use_ema=False)
    assert made.get_config() == KERAS_DEFAULTS["Adam"]


@pytest.mark.parametrize(
    ("optimizer", "names"),
    [
        (optimizers.SGD(), []),
        (optimizers.SGD(momentum=0.9), ["velocity"]),
        (optimizers.Adam(), ["m", "v"]),
        (optimizers.RMSprop(), ["velocity"]),
        (optimizers.RMSprop(momentum=0.5), ["velocity", "momentum_buffer"]),
    ],
)
def test_slots(optimizer: optimizers.Optimizer, names: list[str]) -> None:
    weight, other = Variable(np.ones((3, 5)), name="kernel"), Variable(np.ones(2), name="bias")
    slots = optimizer.slots(weight)
    assert sorted(slots) == sorted(names)
    for name, slot in slots.items():
        assert slot.shape == (3, 5) and slot.buffer.dtype == np.float32 and not slot.numpy().any()
        assert slot.buffer.ctypes.data % 64 == 0
        assert optimizer.slots(weight)[name] is slot
        assert optimizer.slots(other)[name].shape == (2,)


def test_copies_of_an_optimizer_keep_its_state() -> None:
    optimizer, weight = optimizers.Adam(0.5), Variable(np.ones(7), name="kernel")
    optimizer.slots(weight)["m"].assign(np.full(7, 3))
    optimizer.iterations = 11
    for twin_optimizer, twin in (copy.deepcopy((optimizer, weight)), pickle.loads(pickle.dumps((optimizer, weight)))):
        slot = twin_optimizer.slots(twin)["m"]
        np.testing.assert_array_equal(slot.numpy(), np.full(7, 3))
        assert slot.buffer.ctypes.data % 64 == 0 and slot is not optimizer.slots(weight)["m"]
        assert (twin_optimizer.iterations, twin_optimizer.learning_rate) == (11, 0.5)


@pytest.mark.parametrize(
    ("identifier", "l1", "l2"),
    [
        ("l1", 0.01, 0),
        ("l2", 0, 0.01),
        ("l1_l2", 0.01, 0.01),
        ("L1L2", 0, 0),
        (regularizers.l1(0.5), 0.5, 0),
        (regularizers.l2(0.5), 0, 0.5),
        (regularizers.l1_l2(l1=0.5), 0.5, 0.01),
        (regularizers.L2, 0, 0.01),
        ({"class_name": "L1L2", "config": {"l1": 0.25, "l2": 0.5}}, 0.25, 0.5),
    ],
)
def test_regularizers(identifier: Any, l1: float, l2: float) -> None:
    made = regularizers.get(identifier)
    assert made is not None
    assert (made.l1, made.l2) == (l1, l2)
    again = type(made).from_config(made.get_config())
    assert (again.l1, again.l2) == (l1, l2)


def test_no_regularizer() -> None:
    assert regularizers.get(None) is None


def test_activations() -> None:
    names = {"linear", "relu", "sigmoid", "tanh", "softmax", "elu", "leaky_relu", "gelu", "silu", "softplus"}
    assert {activations.get(name).name for name in names} == names
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu is activations.swish
    assert activations.get(activations.relu) is activations.relu
    assert (activations.elu.parameter, activations.leaky_relu.parameter) == (1.0, 0.2)


@pytest.mark.parametrize("name", ["linear", "relu", "elu", "leaky_relu", "softmax", "gelu"])
def test_activations_on_arrays(name: str) -> None:
    from pyconvnet import reference

    x = np.linspace(-3, 3, 12).reshape(3, 4)
    got = activations.get(name)(x)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, reference.activation(x, name), rtol=1e-5, atol=1e-6)


def test_to_categorical() -> None:
    one_hot = utils.to_categorical([[0], [2], [1]])
    np.testing.assert_array_equal(one_hot, [[1, 0, 0], [0, 0, 1], [0, 1, 0]])
    assert one_hot.dtype == np.float64
    assert utils.to_categorical(np.zeros((2, 3), np.uint8), 10).shape == (2, 3, 10)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [0, 0, 0, 5, 10]),
        ({"negative_slope": 0.5}, [-5, -2.5, 0, 5, 10]),
        ({"max_value": 6}, [0, 0, 0, 5, 6]),
        ({"threshold": 5}, [0, 0, 0, 0, 10]),
        ({"threshold": -7.0}, [0, -5, 0, 5, 10]),
        ({"negative_slope": 0.5, "max_value": 6, "threshold": 5}, [-7.5, -5, -2.5, 0, 6]),
    ],
)
def test_relu_of_arrays_has_keras_arguments(given: dict[str, float], expected: list[float]) -> None:
    """Values of Keras 3.15.1."""
    got = activations.relu([-10.0, -5.0, 0.0, 5.0, 10.0], **given)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, np.float32(expected))


def test_activations_of_arrays_take_their_number() -> None:
    np.testing.assert_allclose(activations.elu([-1.0], alpha=0.5), [0.5 * np.expm1(-1.0)], rtol=1e-6)
    np.testing.assert_array_equal(activations.leaky_relu([-2.0], negative_slope=0.5), [-1.0])
    with pytest.raises(TypeError, match="softmax does not know the parameter 'axis'; it has no parameter"):
        activations.softmax([1.0], axis=0)
    with pytest.raises(ValueError, match=r"activations.relu: max_value must be at least 0, got -1"):
        activations.relu([1.0], max_value=-1)
