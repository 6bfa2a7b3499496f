"""The lecture's code in Keras 2's spelling and in Keras 3's: both run, and to the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyconvnet.compat.aliases import UserBuiltins

HEAD = """
import numpy as np
x, y = np.arange(4 * 8 * 8, dtype='float32').reshape(4, 8, 8, 1) / 256, np.array([0, 1, 2, 1])
"""

KERAS_2 = """
import tensorflow as tf
from tensorflow.keras.layers import AvgPool2D, Conv2D, Dense, Flatten, MaxPool2D
from tensorflow.keras.models import Model, Sequential
from tensorflow.keras.preprocessing.image import ImageDataGenerator
tf.keras.utils.set_random_seed(7)
tf.config.experimental.enable_op_determinism()
assert tf.__version__ > '2.2.0'
"""

KERAS_3 = """
import keras
from keras import Input, Model, Sequential
from keras.layers import AvgPool2D, Conv2D, Dense, Flatten, MaxPool2D
from keras.preprocessing.image import ImageDataGenerator
keras.utils.set_random_seed(7)
"""

TRAINED = """
history = model.fit(x, y, epochs=2, verbose=0)
result = [*history.history.values(), model.predict(x, verbose=0)]
assert sorted(history.history) == ['accuracy', 'loss']
"""

# what is spelled in two ways: (Keras 2, Keras 3); each sets `result`
PAIRS = {
    "metrics": (
        "model = Sequential([Flatten(input_shape=(8, 8, 1)), Dense(3, activation='softmax')])\n"
        "model.compile('adam', 'sparse_categorical_crossentropy', metrics='accuracy')" + TRAINED,
        "model = Sequential([Input((8, 8, 1)), Flatten(), Dense(3, activation='softmax')])\n"
        "model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])" + TRAINED,
    ),
    "input_shape on later layers": (
        "model = Sequential([Conv2D(input_shape=(8, 8, 1), kernel_size=(3, 3), filters=2, padding='same'),\n"
        "                    Conv2D(input_shape=(28, 28, 1), kernel_size=(3, 3), filters=2, padding='same')])\n"
        "result = [model.predict(x)]",
        "model = Sequential([Input((8, 8, 1)), Conv2D(2, 3, padding='same'), Conv2D(2, 3, padding='same')])\n"
        "result = [model.predict(x)]",
    ),
    "input_dim": (
        "model = Sequential()\nmodel.add(Dense(3, input_dim=64))\nresult = [model.predict(x.reshape(4, 64))]",
        "model = Sequential([Input((64,)), Dense(3)])\nresult = [model.predict(x.reshape(4, 64))]",
    ),
    "padding='SAME'": (
        "model = Sequential([Conv2D(input_shape=(8, 8, 1), kernel_size=3, filters=32, strides=1, activation='relu',\n"
        "                           use_bias=True, padding='SAME'), MaxPool2D(pool_size=(2, 2), padding='SAME')])\n"
        "result = [model.predict(x)]",
        "model = Sequential([Input((8, 8, 1)), Conv2D(32, 3, activation='relu', padding='same'),\n"
        "                    MaxPool2D(2, padding='same')])\nresult = [model.predict(x)]",
    ),
    "pool_size left out": (
        "result = [Sequential([AvgPool2D(strides=(2, 2), input_shape=(8, 8, 1))]).predict(x)]",
        "result = [Sequential([Input((8, 8, 1)), AvgPool2D(pool_size=(2, 2), strides=(2, 2))]).predict(x)]",
    ),
    "model.input": (
        "model = Sequential([Conv2D(2, 3, input_shape=(8, 8, 1)), MaxPool2D(2)])\n"
        "assert model.input.shape == (None, 8, 8, 1)\n"
        "result = [Model(model.input, model.layers[0].output).predict(x)]",
        "model = Sequential([Input((8, 8, 1)), Conv2D(2, 3), MaxPool2D(2)])\n"
        "result = [Model(model.inputs[0], model.layers[0].output).predict(x)]",
    ),
    ".next()": (
        "batches = ImageDataGenerator(rotation_range=10, horizontal_flip=True).flow(x, y, batch_size=2)\n"
        "result = [*batches.next(), *batches.next()]",
        "batches = ImageDataGenerator(rotation_range=10, horizontal_flip=True).flow(x, y, batch_size=2)\n"
        "result = [*next(batches), *next(batches)]",
    ),
}


def result_of(*sources: str) -> list[np.ndarray]:
    names: dict[str, Any] = {"__builtins__": UserBuiltins()}
    exec("\n".join((HEAD, *sources)), names)
    return [np.asarray(value) for value in names["result"]]


@pytest.mark.parametrize("what", PAIRS)
def test_both_spellings_give_the_same(what: str) -> None:
    old, new = PAIRS[what]
    first, second = result_of(KERAS_2, old), result_of(KERAS_3, new)
    assert len(first) == len(second) and any(np.ptp(value) for value in first)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
