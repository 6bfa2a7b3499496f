"""What bad input is told by layers and models: who, which rule, expected, got."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyconvnet import layers
from pyconvnet.models import Sequential
from pyconvnet.variables import Variable

NAN = float("nan")


def conv(filters: Any = 4, kernel_size: Any = 3, **options: Any) -> layers.Conv2D:
    return layers.Conv2D(filters, kernel_size, name="c", **options)


def dense(units: Any = 4, **options: Any) -> layers.Dense:
    return layers.Dense(units, name="d", **options)


def pool(pool_size: Any = 2, **options: Any) -> layers.MaxPooling2D:
    return layers.MaxPooling2D(pool_size, name="p", **options)


def built_dense() -> layers.Dense:
    layer = dense(3)
    layer.build((4,))
    return layer


def model(*rest: layers.Layer) -> Sequential:
    return Sequential([layers.Input((8, 8, 1), name="i"), conv(), *rest], name="m")


Case = tuple[Callable[[], Any], type[Exception], str]

LAYERS: list[Case] = [
    (lambda: conv(0), ValueError, "Conv2D 'c': filters must be positive, got 0"),
    (lambda: conv(2.5), TypeError, "Conv2D 'c': filters must be a whole number, got 2.5"),
    (lambda: conv(kernel_size=(0, 3)), ValueError, "Conv2D 'c': kernel_size must be positive, got (0, 3)"),
    (
        lambda: conv(kernel_size=(3, 3, 3)),
        ValueError,
        "Conv2D 'c': kernel_size must be one number or two (rows, columns), got (3, 3, 3)",
    ),
    (lambda: conv(strides=-1), ValueError, "Conv2D 'c': strides must be positive, got -1"),
    (lambda: conv(padding="full"), ValueError, "Conv2D 'c': padding must be 'valid' or 'same', got 'full'"),
    (lambda: conv(dilation_rate=0), ValueError, "Conv2D 'c': dilation_rate must be positive, got 0"),
    (lambda: conv(groups=3), ValueError, "Conv2D 'c': filters must be a multiple of groups=3, got 4"),
    (
        lambda: conv(strides=2, dilation_rate=(1, 2)),
        ValueError,
        "Conv2D 'c': strides and dilation_rate cannot both be above 1, got strides (2, 2) and dilation_rate (1, 2)",
    ),
    (
        lambda: conv(data_format="channels_first"),
        ValueError,
        "Conv2D 'c': data_format must be 'channels_last' ([n, height, width, channels]), got 'channels_first'; "
        "turn images with np.moveaxis(x, 1, -1)",
    ),
    (
        lambda: conv(activation="rellu"),
        ValueError,
        "Conv2D 'c': unknown activation 'rellu'; did you mean 'relu'? Known: elu, gelu, leaky_relu, linear, relu, "
        "sigmoid, silu, softmax, softplus, swish, tanh",
    ),
    (
        lambda: conv(activation=np.tanh),
        TypeError,
        "Conv2D 'c': activation must be a name such as 'relu' or one of pyconvnet.activations, got <ufunc 'tanh'>",
    ),
    (lambda: conv(use_bias="no"), TypeError, "Conv2D 'c': use_bias must be True or False, got 'no'"),
    (
        lambda: conv(kernel_initializer="he_norma"),
        ValueError,
        "Conv2D 'c': unknown initializer 'he_norma'; did you mean 'he_normal'? Known: constant, glorot_normal, "
        "glorot_uniform, he_normal, he_uniform, lecun_normal, lecun_uniform, normal, one, ones, orthogonal, "
        "random_normal, random_uniform, truncated_normal, uniform, variance_scaling, zero, zeros",
    ),
    (
        lambda: conv(kernel_regularizer="l3"),
        ValueError,
        "Conv2D 'c': unknown regularizer 'l3'. Known: l1, l1_l2, l2",
    ),
    (
        lambda: conv(bias_regularizer=0.01),
        TypeError,
        "Conv2D 'c': regularizer must be a name such as 'l2' or an object of pyconvnet's own, got 0.01",
    ),
    (lambda: conv(strdes=2), TypeError, "Conv2D 'c': unknown argument 'strdes'; did you mean 'strides'?"),
    (
        lambda: conv(batch_inputshape=2),
        TypeError,
        "Conv2D 'c': unknown argument 'batch_inputshape'; did you mean 'batch_input_shape'?",
    ),
    (
        lambda: layers.Flatten(name="f", zzz=1),
        TypeError,
        "Flatten 'f': unknown argument 'zzz'; known are data_format, name, trainable, dtype, activity_regularizer, "
        "input_shape, batch_input_shape, input_dim",
    ),
    (
        lambda: conv().compute_output_shape((28, 28)),
        ValueError,
        "Conv2D 'c': an image has 3 axes (height, width, channels), got shape (28, 28)",
    ),
    (
        lambda: conv().build((2, 5, 1)),
        ValueError,
        "Conv2D 'c': the window covers 3 rows, more than the 2 of its input; "
        "use a smaller window, less dilation, or padding='same'",
    ),
    (
        lambda: conv(groups=2).build((5, 5, 3)),
        ValueError,
        "Conv2D 'c': the input channels must be a multiple of groups=2, got 3",
    ),
    (lambda: pool((2, 0)), ValueError, "MaxPooling2D 'p': pool_size must be positive, got (2, 0)"),
    (
        lambda: pool(strides=(1,)),
        ValueError,
        "MaxPooling2D 'p': strides must be one number or two (rows, columns), got (1,)",
    ),
    (lambda: pool(padding=1), ValueError, "MaxPooling2D 'p': padding must be 'valid' or 'same', got 1"),
    (lambda: dense(-3), ValueError, "Dense 'd': units must be positive, got -3"),
    (lambda: dense(True), TypeError, "Dense 'd': units must be a whole number, got True"),
    (
        lambda: dense().build(()),
        ValueError,
        "Dense 'd': a sample must have at least 1 axis, got single numbers; use x[:, None]",
    ),
    (lambda: layers.Dropout(1.5, name="o"), ValueError, "Dropout 'o': rate must be from 0 to 1, got 1.5"),
    (lambda: layers.Dropout(NAN, name="o"), ValueError, "Dropout 'o': rate must be finite, got nan"),
    (lambda: layers.Dropout("a", name="o"), TypeError, "Dropout 'o': rate must be a number, got 'a'"),
    (lambda: layers.Dropout(0.5, seed=-1, name="o"), ValueError, "Dropout 'o': seed must be at least 0, got -1"),
    (
        lambda: layers.Dropout(0.5, noise_shape=(1,), name="o"),  # type: ignore[arg-type]
        ValueError,
        "Dropout 'o': noise_shape must be None, got (1,); masks are not shared",
    ),
    (
        lambda: layers.BatchNormalization(axis=1, name="b").build((4, 4, 3)),
        ValueError,
        "BatchNormalization 'b': axis must be the last one, -1 or 3 for samples of shape (4, 4, 3), got 1",
    ),
    (
        lambda: layers.BatchNormalization(axis=[1, 2], name="b"),
        TypeError,
        "BatchNormalization 'b': axis must be one whole number, got [1, 2]",
    ),
    (
        lambda: layers.BatchNormalization(momentum=2, name="b"),
        ValueError,
        "BatchNormalization 'b': momentum must be from 0 to 1, got 2",
    ),
    (
        lambda: layers.BatchNormalization(epsilon=-1, name="b"),
        ValueError,
        "BatchNormalization 'b': epsilon must be at least 0, got -1",
    ),
    (
        lambda: layers.Input(name="i"),
        ValueError,
        "InputLayer 'i': shape must be given, such as (28, 28, 1)",
    ),
    (
        lambda: layers.Input(784, name="i"),
        TypeError,
        "InputLayer 'i': shape must be a tuple such as (28, 28, 1), got 784",
    ),
    (
        lambda: layers.Input((28, None, 1), name="i"),
        ValueError,
        "InputLayer 'i': shape must give every size but the batch's, such as (28, 28, 1), got (28, None, 1)",
    ),
    (
        lambda: layers.Input((28, 0), name="i"),
        ValueError,
        "InputLayer 'i': shape must hold positive sizes, got (28, 0)",
    ),
    (
        lambda: layers.Input((28, 2.5), name="i"),
        TypeError,
        "InputLayer 'i': shape must hold whole numbers, such as (28, 28, 1), got (28, 2.5)",
    ),
    (
        lambda: layers.Input(batch_shape=(), name="i"),
        ValueError,
        "InputLayer 'i': batch_shape must begin with the batch's size, such as (None, 28, 28, 1), got ()",
    ),
    (lambda: layers.Input((1,), batch_size=0), ValueError, "Input: batch_size must be positive, got 0"),
    (lambda: dense(input_dim=-2), ValueError, "Dense 'd': input_dim must hold positive sizes, got (-2,)"),
    (
        lambda: dense(dtype="float16"),
        ValueError,
        "Dense 'd': dtype must be 'float32' or 'mixed_bfloat16', got 'float16'; float16 would need its losses scaled, "
        "bfloat16 has the range of float32",
    ),
    (lambda: dense(trainable=1), TypeError, "Dense 'd': trainable must be True or False, got 1"),
    (lambda: layers.Dense(3, name="a/b"), ValueError, "Dense: name must be a non-empty string without '/', got 'a/b'"),
    (lambda: layers.Dense(3, name=""), ValueError, "Dense: name must be a non-empty string without '/', got ''"),
    (
        lambda: dense().count_params(),
        ValueError,
        "Dense 'd': its weights are counted once it is built; build the model first",
    ),
    (
        lambda: dense().kernel,
        AttributeError,
        "Dense 'd' has no shape and no weights yet: add it to a model and build the model",
    ),
    (
        lambda: built_dense().build((5,)),
        ValueError,
        "Dense 'd': its kernel (4, 3) was made for an input of shape (4,), got (5,); make a new layer for it",
    ),
    (
        lambda: dense().set_weights([1]),
        ValueError,
        "Dense 'd': has no weights yet; build the model before you set 1 arrays",
    ),
    (
        lambda: built_dense().set_weights([np.ones((4, 3))]),
        ValueError,
        "Dense 'd': needs 2 arrays (d/kernel (4, 3), d/bias (3,)), got 1",
    ),
    (
        lambda: built_dense().set_weights([np.ones((3, 4)), np.ones(3)]),
        ValueError,
        "Dense 'd': d/kernel must have shape (4, 3), got (3, 4)",
    ),
    (
        lambda: built_dense().set_weights([np.full((4, 3), "a"), np.ones(3)]),
        TypeError,
        "Dense 'd': d/kernel must hold numbers, got dtype <U1",
    ),
    (lambda: built_dense().set_weights("ab"), TypeError, "Dense 'd': weights must be a list of arrays, got str"),
    (
        lambda: layers.deserialize({"class_name": "Conv1D", "config": {}}),
        ValueError,
        "deserialize: unknown layer class 'Conv1D'; did you mean 'Conv2D'? Known: Activation, Add, "
        "AveragePooling2D, BatchNormalization, Concatenate, Conv2D, Dense, DepthwiseConv2D, Dropout, Flatten, "
        "GlobalAveragePooling2D, GlobalMaxPooling2D, InputLayer, MaxPooling2D, Multiply, ReLU, Rescaling, Reshape, "
        "Softmax, ZeroPadding2D",
    ),
    (
        lambda: layers.deserialize({"name": "x"}),
        TypeError,
        "deserialize: a layer must be a dictionary with class_name and config, got {'name': 'x'}",
    ),
    (
        lambda: Variable(np.ones(3), name="v", path="a/v").assign(np.ones(4)),
        ValueError,
        "Variable 'a/v': value must have shape (3,), got (4,)",
    ),
    (
        lambda: Variable(["x"], name="v"),
        TypeError,
        "Variable 'v': value must hold numbers, got dtype <U1",
    ),
    (
        lambda: Variable([1.0], name="v").__array__(copy=False),
        ValueError,
        "Variable 'v': an array of it is always a copy, got copy=False",
    ),
]

MODELS: list[Case] = [
    (lambda: Sequential(3, name="m"), TypeError, "Sequential 'm': layers must be a list of layers, got 3"),  # type: ignore[arg-type]
    (
        lambda: Sequential([layers.Flatten], name="m"),  # type: ignore[list-item]
        TypeError,
        "Sequential 'm': Flatten is a class; add a layer: Flatten(...)",
    ),
    (
        lambda: Sequential(["relu"], name="m"),  # type: ignore[list-item]
        TypeError,
        "Sequential 'm': add needs a layer of pyconvnet.layers, got 'relu'",
    ),
    (
        lambda: model(layers.Dense(2, name="c")),
        ValueError,
        "Sequential 'm': there is a layer named 'c' already; give it another name",
    ),
    (
        lambda: (made := model()).add(made.layers[0]),
        ValueError,
        "Sequential 'm': Conv2D 'c' is in the model already; make a new layer",
    ),
    (
        lambda: model(layers.Input((2,), name="j")),
        ValueError,
        "Sequential 'm': InputLayer 'j' must come first and only once",
    ),
    (
        lambda: model(layers.Flatten(), conv(groups=1)),
        ValueError,
        "Sequential 'm': there is a layer named 'c' already; give it another name",
    ),
    (
        lambda: Sequential([layers.Input((8,)), conv()], name="m"),
        ValueError,
        "Conv2D 'c': an image has 3 axes (height, width, channels), got shape (8,)",
    ),
    (
        lambda: Sequential(name="m").build((None, 3)),
        ValueError,
        "Sequential 'm': it has no layers; add some before it is built or trained",
    ),
    (
        lambda: Sequential([dense()], name="m").build(),
        ValueError,
        "Sequential 'm': build needs an input_shape such as (None, 28, 28, 1)",
    ),
    (
        lambda: Sequential([dense()], name="m").build(7),  # type: ignore[arg-type]
        TypeError,
        "Sequential 'm': input_shape must be a tuple such as (None, 28, 28, 1), got 7",
    ),
    (
        lambda: model().build((None, 9, 9, 1)),
        ValueError,
        "InputLayer 'i': samples must have shape (8, 8, 1), got (9, 9, 1)",
    ),
    (
        lambda: Sequential([dense()], name="m").output_shape,
        AttributeError,
        "Sequential 'm': not built, so its shapes are not known; begin it with Input(shape) or call build",
    ),
    (
        lambda: model().set_weights([]),
        ValueError,
        "Sequential 'm': needs 2 arrays (c/kernel (3, 3, 1, 4), c/bias (4,)), got 0",
    ),
    (
        lambda: Sequential([dense()], name="m").set_weights([1, 2]),
        ValueError,
        "Sequential 'm': has no weights yet; build the model before you set 2 arrays",
    ),
    (lambda: model().summary(line_length=3), ValueError, "Sequential 'm': line_length must be at least 20, got 3"),
    (lambda: setattr(model(), "trainable", 0), TypeError, "Sequential 'm': trainable must be True or False, got 0"),
    (
        lambda: Sequential.from_config({"name": "m"}),
        TypeError,
        "Sequential: config must be a dictionary with name and layers, got {'name': 'm'}",
    ),
    (
        lambda: Sequential(name="a/b"),
        ValueError,
        "Sequential: name must be a non-empty string without '/', got 'a/b'",
    ),
]


@pytest.mark.parametrize(("wrong", "error", "message"), LAYERS + MODELS, ids=lambda v: str(v)[:60])
def test_message(wrong: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        wrong()
    assert type(caught.value) is error
    assert str(caught.value) == message


def test_missing_required_argument_names_the_layer() -> None:
    with pytest.raises(TypeError, match=re.escape("Conv2D.__init__() missing 1 required positional argument")):
        layers.Conv2D(32)  # type: ignore[call-arg]
