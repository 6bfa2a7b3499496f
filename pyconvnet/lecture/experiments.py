"""The lecture's experiments on Fashion-MNIST, as data."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from pyconvnet._suggest import unknown
from pyconvnet.layers import AveragePooling2D, Conv2D, Dense, Dropout, Flatten, Input, Layer, MaxPooling2D
from pyconvnet.models import Sequential

IMAGE_SHAPE = (28, 28, 1)
BATCH_SIZE = 32

Part = Literal["test", "validation"]
Split = Literal["last_quarter", "augmented", "augmented_sound", "random_fifth"]


@dataclass(frozen=True)
class Scores:
    """A loss and an accuracy (0 to 1) on the same images."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class FirstEpoch:
    """What the lecture printed for a first epoch: a better mark than the end, which depends on the stopping."""

    training: Scores
    validation: Scores


@dataclass(frozen=True)
class Experiment:
    """One of the lecture's experiments.

    Attributes:
        name: as on the command line.
        network: makes its layers, without the `Input`.
        summary: the network in a few words.
        parameters: how many numbers it trains.
        split: how the training images are divided ("last_quarter" validates on the last quarter, "random_fifth" on
            scikit-learn's random fifth; for the augmented ones see `data`).
        patience: epochs without a better validation loss that are endured.
        epochs: the most.
        restore_best: give the model the weights of its best epoch at the end.
        compared_on: the images of which the figures were published.
        published: the lecture's figures, best last; one run each.
        first_epoch: the lecture's first epoch, where it was printed.
        quick_epochs: epochs in the quick preset.
        remark: what the reader of the result must know.
    """

    name: str
    network: Callable[[], list[Layer]]
    summary: str
    parameters: int
    split: Split = "last_quarter"
    patience: int = 5
    epochs: int = 500
    restore_best: bool = False
    compared_on: Part = "test"
    published: tuple[Scores, ...] = ()
    first_epoch: FirstEpoch | None = None
    quick_epochs: int = 2
    remark: str = ""

    def model(self, device: str = "auto") -> Sequential:
        """The network with fresh weights, compiled as in the lecture for a device."""
        model = Sequential([Input(IMAGE_SHAPE), *self.network()], name=self.name)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], device=device)
        return model


def _conv(filters: int, padding: str = "valid", activation: str | None = None) -> Conv2D:
    return Conv2D(filters, 3, padding=padding, activation=activation)


def _mlp() -> list[Layer]:
    return [Flatten(), Dense(128, activation="relu"), Dense(10, activation="softmax")]


def _conv_only() -> list[Layer]:
    return [_conv(16), _conv(32), _conv(64), *_mlp()]


def _pool() -> list[Layer]:
    return [
        _conv(32),
        MaxPooling2D(2),
        _conv(64),
        AveragePooling2D(2),
        _conv(128),
        Flatten(),
        Dense(128, activation="relu"),
        Dropout(0.3),
        Dense(10, activation="softmax"),
    ]


def _vgg() -> list[Layer]:
    return [
        _conv(32, "same", "relu"),
        _conv(64, "same", "relu"),
        MaxPooling2D(2),
        Dropout(0.5),
        _conv(128, "same", "relu"),
        _conv(256, "valid", "relu"),
        MaxPooling2D(2),
        Dropout(0.5),
        Flatten(),
        Dense(512, activation="relu"),
        Dropout(0.5),
        Dense(256, activation="relu"),
        Dropout(0.5),
        Dense(10, activation="softmax"),
    ]


def _book() -> list[Layer]:
    return [
        _conv(32, "same", "relu"),
        MaxPooling2D(2),
        _conv(64, "same", "relu"),
        MaxPooling2D(2),
        Flatten(),
        Dense(100, activation="relu"),
        Dropout(0.4),
        Dense(10, activation="softmax"),
    ]


_ALL = (
    Experiment(
        "mlp",
        _mlp,
        "Flatten, Dense 128, Dense 10",
        101_770,
        published=(Scores(0.5899, 0.8197),),
        first_epoch=FirstEpoch(Scores(0.5195, 0.8185), Scores(0.4345, 0.8454)),
        quick_epochs=5,
    ),
    Experiment(
        "conv",
        _conv_only,
        "Conv 16-32-64 (linear), Dense 128, Dense 10",
        3_989_642,
        published=(Scores(0.5002, 0.8683),),
        first_epoch=FirstEpoch(Scores(0.4677, 0.8336), Scores(0.3893, 0.8583)),
        quick_epochs=3,
    ),
    Experiment(
        "pool",
        _pool,
        "Conv 32, MaxPool, Conv 64, AvgPool, Conv 128 (linear), Dense 128, Dropout .3, Dense 10",
        241_546,
        published=(Scores(0.3248, 0.8921),),
        first_epoch=FirstEpoch(Scores(0.5654, 0.7961), Scores(0.3987, 0.8565)),
        quick_epochs=5,
    ),
    Experiment(
        "vgg",
        _vgg,
        "Conv 32-64, MaxPool, Conv 128-256, MaxPool, Dense 512-256-10, Dropout .5",
        5_240_842,
        published=(Scores(0.2306, 0.9175),),
        first_epoch=FirstEpoch(Scores(0.5945, 0.7826), Scores(0.3222, 0.8816)),
    ),
    Experiment(
        "vgg_augmented",
        _vgg,
        "vgg, half as many augmented images appended",
        5_240_842,
        split="augmented",
        patience=10,
        published=(Scores(0.2097, 0.9262),),
        first_epoch=FirstEpoch(Scores(0.5772, 0.7860), Scores(0.5670, 0.7875)),
        remark="as published: its validation set consists of augmented copies of training images",
    ),
    Experiment(
        "vgg_augmented_sound",
        _vgg,
        "vgg, split first, then half of the training part augmented",
        5_240_842,
        split="augmented_sound",
        patience=10,
        remark="the sound split: validated on originals that it never trained on",
    ),
    Experiment(
        "book",
        _book,
        "Conv 32, MaxPool, Conv 64, MaxPool, Dense 100, Dropout .4, Dense 10",
        333_526,
        split="random_fifth",
        patience=2,
        epochs=50,
        restore_best=True,
        compared_on="validation",
        published=(Scores(0.2211, 0.9210), Scores(0.2132, 0.9234)),
        quick_epochs=5,
        remark="compared on its validation set, as published (an earlier run 0.2211 / 0.9210); at most 50 epochs, best "
        "weights restored",
    ),
)

EXPERIMENTS: dict[str, Experiment] = {experiment.name: experiment for experiment in _ALL}


def get(who: str, name: str) -> Experiment:
    """The experiment of this name.

    Raises:
        ValueError: there is none; the message names the nearest.
    """
    if name not in EXPERIMENTS:
        raise ValueError(unknown(who, "experiment", name, EXPERIMENTS))
    return EXPERIMENTS[name]


def selected(names: Sequence[str]) -> list[Experiment]:
    """The experiments of these names in the lecture's order, each once; all where there are none.

    The sound split of `vgg_augmented` always comes with it.

    Raises:
        ValueError: an unknown name.
    """
    wanted = {get("lecture", name).name for name in names} or set(EXPERIMENTS)
    if "vgg_augmented" in wanted:
        wanted.add("vgg_augmented_sound")
    return [experiment for name, experiment in EXPERIMENTS.items() if name in wanted]


def keras_runs(name: str) -> list[dict[str, Any]]:
    """Keras 3's own runs of an experiment with the same settings: a dictionary for each seed, maybe none."""
    text = resources.files("pyconvnet.lecture").joinpath("keras_runs.json").read_text(encoding="utf-8")
    return [run for run in json.loads(text)["runs"] if run["name"] == name]
