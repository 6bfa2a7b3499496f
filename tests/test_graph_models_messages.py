"""What bad input is told by graphs of layers: who, which rule, expected, got, what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyconvnet import layers
from pyconvnet.models import Model, Sequential

A, B = layers.Input((4,), name="a"), layers.Input((3,), name="b")
IMAGE = layers.Input((8, 8, 2), name="image")


def two(**settings: Any) -> Any:
    outputs = [layers.Dense(2, name="first")(A), layers.Dense(1, name="second")(B)]
    model = Model([A, B], outputs, name="m")
    model.compile(**{"loss": "mse", **settings})
    return model


ROWS = np.zeros((5, 4)), np.zeros((5, 3))

WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: A + 1,
        TypeError,
        "KerasTensor 'a' of shape (None, 4) stands for values that are not there yet: '+' is "
        "not defined on it; use layers.Add()([a, b])",
    ),
    (lambda: 2 * A, TypeError, "use layers.Multiply()([a, b]), or layers.Rescaling(factor)(a) for a number"),
    (lambda: A - A, TypeError, "'-' is not defined on it; there is no layer for it"),
    (lambda: np.ones(4) * A, TypeError, "'*' is not defined on it"),
    (lambda: np.asarray(A), TypeError, "it cannot become an array; predict with Model(inputs, this)"),
    (lambda: bool(A), TypeError, "it is neither true nor false"),
    (lambda: A[0], TypeError, "it cannot be cut"),
    (
        lambda: layers.Dense(3, name="d")(np.ones((2, 4))),
        TypeError,
        "Dense 'd': a layer is called on Input(shape) or on another layer's output, got ndarray; to compute with "
        "numbers put it into a model: Sequential([...]).predict(x)",
    ),
    (
        lambda: layers.Dense(3, name="d")([A, B]),
        TypeError,
        "Dense 'd': takes one tensor, got a list of 2; join them first, with Concatenate() for example",
    ),
    (lambda: layers.Add(name="s")(A), TypeError, "Add 's': takes a list of tensors, Add()([a, b]), got one alone"),
    (
        lambda: layers.Add(name="s")([A, np.ones(3)]),
        TypeError,
        "Add 's': a list of symbolic tensors must hold nothing else, got ndarray",
    ),
    (
        lambda: layers.Add(name="s")([A, B]),
        ValueError,
        "Add 's': all inputs must have the same shape, got (4,) and (3,); bring them to one with",
    ),
    (
        lambda: Sequential([A, layers.Add(name="s")], name="m"),
        TypeError,
        "Sequential 'm': Add 's' takes several tensors; use Model(inputs, outputs) instead",
    ),
    (lambda: layers.Concatenate(axis=0, name="c"), ValueError, "Concatenate 'c': axis must not be 0"),
    (lambda: layers.Concatenate(axis=1.5, name="c"), TypeError, "Concatenate 'c': axis must be a whole number"),
    (
        lambda: layers.Concatenate(axis=2, name="c")([A, B]),
        ValueError,
        "Concatenate 'c': axis must be from -1 to 1 for shape (4,), got 2",
    ),
    (
        lambda: layers.Concatenate(name="c")([IMAGE, layers.ZeroPadding2D()(IMAGE)]),
        ValueError,
        "Concatenate 'c': all sizes but those of axis 2 must be equal, got (8, 8, 2), (10, 10, 2)",
    ),
    (
        lambda: Model(A, layers.Dense(2, name="d")(B), name="m"),
        ValueError,
        "needs InputLayer 'b', which is not among the inputs: a",
    ),
    (lambda: Model([A, A], layers.Dense(2)(A), name="m"), ValueError, "every input must be given once, got a, a"),
    (lambda: Model(A, name="m"), TypeError, "Functional 'm': inputs and outputs must be given, Model(inputs, outputs)"),
    (
        lambda: Model(A, "dense", name="m"),
        TypeError,
        "Functional 'm': outputs must be what Input(shape) or a layer called on it answers, or a list of such, got",
    ),
    (
        lambda: Model(A, layers.Dense(2, name="x")(layers.Dense(2, name="x")(A)), name="m"),
        ValueError,
        "Functional 'm': there are two layers named 'x'; give one another name",
    ),
    (lambda: layers.Dense(3, name="alone").output, AttributeError, "Dense 'alone' is in no model"),
    (lambda: Sequential([layers.Dense(3)], name="m").input, AttributeError, "Sequential 'm': not built"),
    (
        lambda: Sequential([layers.Dense(3)(A)], name="m"),
        TypeError,
        "Sequential 'm': add needs a layer or Input(shape)",
    ),
    (
        lambda: Sequential([two(), layers.Dense(1)], name="s"),
        ValueError,
        "Functional 'm': has 2 inputs, and a layer in a row must have one",
    ),
    (
        lambda: Sequential([A, Model(A, [A, A])], name="s"),
        ValueError,
        "has 2 outputs, and a layer in a row must have one",
    ),
    (
        lambda: Sequential([A, layers.Dense(3)], name="s")(B),
        ValueError,
        "Sequential 's': takes samples of shape (4,), got (3,)",
    ),
    (
        lambda: layers.Reshape((3, 3), name="r")(A),
        ValueError,
        "Reshape 'r': an input of shape (4,) has 4 values and cannot become (3, 3)",
    ),
    (lambda: layers.Reshape((-1, -1), name="r"), ValueError, "one of them may be -1, got (-1, -1)"),
    (lambda: layers.Reshape(4, name="r"), TypeError, "Reshape 'r': target_shape must be a tuple such as"),
    (lambda: layers.ReLU(max_value=0, name="r"), ValueError, "ReLU 'r': max_value must be positive or None, got 0"),
    (lambda: layers.ReLU(max_value=6, negative_slope=0.1, name="r"), ValueError, "exclude each other, got 6 and 0.1"),
    (lambda: layers.ReLU(threshold=1, name="r"), ValueError, "ReLU 'r': threshold must be 0, got 1"),
    (
        lambda: layers.Softmax(axis=2, name="s").compute_output_shape((4,)),
        ValueError,
        "Softmax 's': axis must be -1 or 1, the last one, got 2",
    ),
    (lambda: layers.Rescaling("a", name="r"), TypeError, "Rescaling 'r': scale must be a number, got 'a'"),
    (
        lambda: layers.ZeroPadding2D((1, 2, 3), name="z"),
        ValueError,
        "ZeroPadding2D 'z': padding must be a number, (rows, columns), or ((top, bottom), (left, right)), got "
        "(1, 2, 3)",
    ),
    (lambda: layers.ZeroPadding2D(-1, name="z"), ValueError, "ZeroPadding2D 'z': padding must be at least 0, got -1"),
    (lambda: layers.ZeroPadding2D(name="z")(A), ValueError, "ZeroPadding2D 'z': an image has 3 axes"),
    (lambda: layers.GlobalAveragePooling2D(name="g")(A), ValueError, "GlobalAveragePooling2D 'g': an image has 3 axes"),
    (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0, name="d"), ValueError, "depth_multiplier must be positive"),
    (lambda: layers.DepthwiseConv2D(9, name="d")(IMAGE), ValueError, "the window covers 9 rows, more than the 8"),
    (
        lambda: two().predict(ROWS[0], verbose=0),
        TypeError,
        "predict: x must be a list or a dictionary with an entry for each of a, b, got ndarray",
    ),
    (lambda: two().predict([ROWS[0]], verbose=0), ValueError, "predict: x must have 2 entries, one for each of a, b"),
    (
        lambda: two().predict({"a": ROWS[0], "c": ROWS[1]}, verbose=0),
        ValueError,
        "predict: x has no entry called 'c'; ",
    ),
    (lambda: two().predict({"a": ROWS[0]}, verbose=0), ValueError, "predict: x lacks 'b'"),
    (
        lambda: two().predict([ROWS[0], ROWS[1][:3]], verbose=0),
        ValueError,
        "predict: x['b'] must have as many samples as x['a']: 5, got 3",
    ),
    (
        lambda: two().predict([ROWS[0], ROWS[0]], verbose=0),
        ValueError,
        "predict: x['b'] must have shape (samples, 3), got (5, 4)",
    ),
    (lambda: two().fit(ROWS, np.zeros((5, 2)), verbose=0), TypeError, "fit: y must be a list or a dictionary with an"),
    (
        lambda: two().fit(ROWS, [np.zeros((5, 2)), np.zeros(4)], verbose=0),
        ValueError,
        "fit: y['second'] must have as many entries as x: 5, got 4",
    ),
    (
        lambda: two().fit(ROWS, [np.zeros((5, 2)), np.zeros(5)], class_weight={0: 1}, verbose=0),
        ValueError,
        "fit: class_weight needs a model with one output; give sample_weight instead",
    ),
    (lambda: two(loss=["mse"]), ValueError, "compile: loss must have 2 entries, one for each of first, second, got 1"),
    (lambda: two(loss={"frist": "mse"}), ValueError, "compile: loss: unknown output 'frist'; did you mean 'first'?"),
    (lambda: two(metrics=["mae"]), ValueError, "compile: metrics must have 2 entries, one for each of first, second"),
    (lambda: two(metrics="mae"), ValueError, "compile: metrics must be a list or a dictionary with an entry for each"),
    (
        lambda: two(loss=["mse", None], metrics={"second": "mae"}),
        ValueError,
        "compile: output 'second' has metrics but no loss",
    ),
    (lambda: two(loss_weights=[1, "a"]), TypeError, "compile: a weight of loss_weights must be a number, got 'a'"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), WRONG, ids=range(len(WRONG)))
def test_message(wrong: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        wrong()
