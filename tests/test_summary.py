"""summary() prints Keras 2's table, character for character."""

from __future__ import annotations

from collections import Counter

import pytest

from pyconvnet import layers
from pyconvnet.layers import _check
from pyconvnet.models import Sequential

# As the lecture's book printed it (Keras 2.11); the bars keep the spaces at the ends of lines.
BOOK = """\
Model: "sequential"|
_________________________________________________________________|
 Layer (type)                Output Shape              Param #   |
=================================================================|
 conv2d (Conv2D)             (None, 28, 28, 32)        320       |
                                                                 |
 max_pooling2d (MaxPooling2D  (None, 14, 14, 32)       0         |
 )                                                               |
                                                                 |
 conv2d_1 (Conv2D)           (None, 14, 14, 64)        18496     |
                                                                 |
 max_pooling2d_1 (MaxPooling  (None, 7, 7, 64)         0         |
 2D)                                                             |
                                                                 |
 flatten (Flatten)           (None, 3136)              0         |
                                                                 |
 dense (Dense)               (None, 100)               313700    |
                                                                 |
 dropout (Dropout)           (None, 100)               0         |
                                                                 |
 dense_1 (Dense)             (None, 10)                1010      |
                                                                 |
=================================================================|
Total params: 333,526|
Trainable params: 333,526|
Non-trainable params: 0|
_________________________________________________________________|
""".replace("|\n", "\n")

# Keras 2.11 for a frozen layer and moving statistics, 80 characters wide.
WIDE = """\
Model: "wide"|
________________________________________________________________________________|
 Layer (type)                       Output Shape                    Param #     |
================================================================================|
 hidden (Dense)                     (None, 3)                       15          |
                                                                                |
 batch_normalization (BatchNormaliz  (None, 3)                      12          |
 ation)                                                                         |
                                                                                |
================================================================================|
Total params: 27|
Trainable params: 6|
Non-trainable params: 21|
________________________________________________________________________________|
""".replace("|\n", "\n")

# Keras 2.11, 33 characters wide: every cell goes on in the next line.
NARROW = """\
Model: "narrow"|
_________________________________|
 Layer (type)  Output Shape  Param|
                             #   |
=================================|
 hidden (Dens  (None, 300)  30000|
 e)                         0    |
                                 |
=================================|
Total params: 300,000|
Trainable params: 300,000|
Non-trainable params: 0|
_________________________________|
""".replace("|\n", "\n")


@pytest.fixture(autouse=True)
def fresh_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_check, "_made", Counter())


def _book() -> Sequential:
    model = Sequential()
    model.add(layers.Conv2D(32, kernel_size=3, activation="relu", padding="same", input_shape=(28, 28, 1)))
    model.add(layers.MaxPooling2D(2))
    model.add(layers.Conv2D(64, kernel_size=(3, 3), activation="relu", padding="same"))
    model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(100, activation="relu"))
    model.add(layers.Dropout(0.4))
    model.add(layers.Dense(10, activation="softmax"))
    return model


def test_summary_of_the_book(capsys: pytest.CaptureFixture[str]) -> None:
    assert _book().summary() is None
    assert capsys.readouterr().out == BOOK


def test_summary_wide_frozen_and_statistics() -> None:
    model = Sequential([layers.Dense(3, name="hidden", input_dim=4), layers.BatchNormalization()], name="wide")
    model.layers[0].trainable = False
    lines: list[str] = []
    model.summary(line_length=80, print_fn=lines.append)
    assert "\n".join(lines) + "\n" == WIDE


def test_summary_narrow() -> None:
    lines: list[str] = []
    Sequential([layers.Dense(300, name="hidden", input_dim=999)], name="narrow").summary(33, print_fn=lines.append)
    assert "\n".join(lines) + "\n" == NARROW


def test_summary_wants_a_built_model() -> None:
    with pytest.raises(ValueError, match=r"Sequential 'late': not built, .* call build\(\(None, 28, 28, 1\)\)"):
        Sequential([layers.Dense(3)], name="late").summary()
