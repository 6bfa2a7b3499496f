"""What bad settings of losses, optimizers and their kin are told: who, which rule, expected, got."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pyconvnet import activations, initializers, layers, losses, optimizers, regularizers, utils
from pyconvnet._suggest import unknown
from pyconvnet.config import set_num_threads

NAN = float("nan")
Case = tuple[Callable[[], Any], type[Exception], str]

SETTINGS: list[Case] = [
    (
        lambda: losses.get("sparse_categorical_entropy"),
        ValueError,
        "compile: unknown loss 'sparse_categorical_entropy'; did you mean 'sparse_categorical_crossentropy'? Known: "
        "bce, binary_crossentropy, categorical_crossentropy, mae, mean_absolute_error, mean_squared_error, mse, "
        "sparse_categorical_crossentropy",
    ),
    (
        lambda: losses.get(7),
        TypeError,
        "compile: loss must be a name such as 'sparse_categorical_crossentropy' or an object of pyconvnet's own, got 7",
    ),
    (
        lambda: losses.CategoricalCrossentropy(label_smoothing=-0.1),
        ValueError,
        "CategoricalCrossentropy: label_smoothing must be from 0 to 1, got -0.1",
    ),
    (
        lambda: losses.MeanSquaredError(reduction="sum"),
        ValueError,
        "MeanSquaredError: reduction must be 'sum_over_batch_size' (the mean of the batch), got 'sum'; "
        "scale the learning rate instead",
    ),
    (
        lambda: optimizers.get("adma"),
        ValueError,
        "compile: unknown optimizer 'adma'; did you mean 'adam'? Known: adam, adamw, rmsprop, sgd",
    ),
    (
        lambda: optimizers.get(None),
        TypeError,
        "compile: optimizer must be a name such as 'adam' or an object of pyconvnet's own, got None",
    ),
    (lambda: optimizers.SGD(NAN), ValueError, "SGD: learning_rate must be finite, got nan"),
    (lambda: optimizers.SGD(-0.1), ValueError, "SGD: learning_rate must be at least 0, got -0.1"),
    (lambda: optimizers.SGD("fast"), TypeError, "SGD: learning_rate must be a number, got 'fast'"),  # type: ignore[arg-type]
    (lambda: optimizers.Adam("1e-3"), TypeError, "Adam: learning_rate must be a number, got '1e-3'"),  # type: ignore[arg-type]
    (lambda: optimizers.SGD(True), TypeError, "SGD: learning_rate must be a number, got True"),
    (lambda: layers.Dropout(b".5", name="d"), TypeError, "Dropout 'd': rate must be a number, got b'.5'"),  # type: ignore[arg-type]
    (lambda: set_num_threads("a"), TypeError, "set_num_threads: threads must be a whole number, got 'a'"),  # type: ignore[arg-type]
    (lambda: optimizers.SGD(momentum=1.5), ValueError, "SGD: momentum must be from 0 to 1, got 1.5"),
    (lambda: optimizers.Adam(beta_1=1), ValueError, "Adam: beta_1 must be from 0 to 1 (1 excluded), got 1"),
    (lambda: optimizers.Adam(beta_2=NAN), ValueError, "Adam: beta_2 must be finite, got nan"),
    (lambda: optimizers.Adam(epsilon=-1), ValueError, "Adam: epsilon must be at least 0, got -1"),
    (lambda: optimizers.RMSprop(rho=-1), ValueError, "RMSprop: rho must be from 0 to 1, got -1"),
    (
        lambda: optimizers.Adam(amsgrad=True),
        ValueError,
        "Adam: amsgrad is not offered by pyconvnet yet, got True; leave it out",
    ),
    (
        lambda: optimizers.SGD(gradient_accumulation_steps=2),
        ValueError,
        "SGD: gradient_accumulation_steps is not offered by pyconvnet yet, got 2; leave it out",
    ),
    (
        lambda: optimizers.Adam(learning_rat=0.1),
        TypeError,
        "Adam: unknown argument 'learning_rat'; did you mean 'learning_rate'?",
    ),
    (
        lambda: optimizers.SGD(zzz=1),
        TypeError,
        "SGD: unknown argument 'zzz'; known are lr, learning_rate, momentum, nesterov, weight_decay, clipnorm, "
        "clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name",
    ),
    (lambda: regularizers.l2(-1), ValueError, "L2: l2 must be at least 0, got -1"),
    (lambda: regularizers.l1(NAN), ValueError, "L1: l1 must be finite, got nan"),
    (lambda: regularizers.L1L2(l2=-1), ValueError, "L1L2: l2 must be at least 0, got -1"),
    (
        lambda: initializers.get(3),
        TypeError,
        "initializers.get: initializer must be a name such as 'glorot_uniform' or an object of pyconvnet's own, got 3",
    ),
    (lambda: initializers.HeNormal(seed=1.5), TypeError, "HeNormal: seed must be a whole number, got 1.5"),  # type: ignore[arg-type]
    (lambda: initializers.Constant(NAN), ValueError, "Constant: value must be finite, got nan"),
    (lambda: initializers.RandomNormal(stddev=-1), ValueError, "RandomNormal: stddev must be at least 0, got -1"),
    (
        lambda: initializers.RandomUniform(1, 0),
        ValueError,
        "RandomUniform: maxval must be at least minval=1, got 0",
    ),
    (lambda: initializers.VarianceScaling(0), ValueError, "VarianceScaling: scale must be positive, got 0"),
    (
        lambda: initializers.VarianceScaling(mode="fan"),
        ValueError,
        "VarianceScaling: mode must be one of fan_in, fan_out, fan_avg, got 'fan'",
    ),
    (
        lambda: initializers.VarianceScaling(distribution="even"),
        ValueError,
        "VarianceScaling: distribution must be one of uniform, truncated_normal, untruncated_normal, got 'even'",
    ),
    (
        lambda: activations.get("tahn"),
        ValueError,
        "activations.get: unknown activation 'tahn'; did you mean 'tanh'? Known: elu, gelu, leaky_relu, linear, relu, "
        "sigmoid, silu, softmax, softplus, swish, tanh",
    ),
    (lambda: utils.set_random_seed(-1), ValueError, "set_random_seed: seed must be at least 0, got -1"),
    (
        lambda: utils.set_random_seed(2**32),
        ValueError,
        "set_random_seed: seed must be below 2**32, got 4294967296",
    ),
    (lambda: utils.set_random_seed("a"), TypeError, "set_random_seed: seed must be a whole number, got 'a'"),  # type: ignore[arg-type]
    (lambda: utils.to_categorical(["a"]), TypeError, "to_categorical: x must be whole numbers, got dtype <U1"),
    (lambda: utils.to_categorical([]), ValueError, "to_categorical: x must not be empty, got shape (0,)"),
    (
        lambda: utils.to_categorical([0.5]),
        ValueError,
        "to_categorical: x must be whole numbers, got a fraction, infinity or NaN",
    ),
    (
        lambda: utils.to_categorical([-1, 2], 3),
        ValueError,
        "to_categorical: x must be from 0 to 2 (num_classes=3), got -1 to 2",
    ),
    (
        lambda: utils.to_categorical([0, 3], 3),
        ValueError,
        "to_categorical: x must be from 0 to 2 (num_classes=3), got 0 to 3",
    ),
    (lambda: utils.to_categorical([0], 0), ValueError, "to_categorical: num_classes must be positive, got 0"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), SETTINGS, ids=lambda v: str(v)[:60])
def test_message(wrong: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        wrong()
    assert type(caught.value) is error
    assert str(caught.value) == message


def test_unknown_without_anything_near() -> None:
    assert unknown("x", "loss", "qqq", ["mse", "mae"]) == "x: unknown loss 'qqq'. Known: mae, mse"
    assert unknown("x", "loss", "MSE!", ["mse", "mae"]).startswith("x: unknown loss 'MSE!'; did you mean 'mse'?")
