"""A small experiment on few images for the tests of the lecture, and a way to stop its run."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pyconvnet.callbacks import Callback
from pyconvnet.datasets import fashion_mnist
from pyconvnet.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Layer
from pyconvnet.lecture import EXPERIMENTS
from pyconvnet.lecture.data import Images
from pyconvnet.lecture.description import DataSet


def few_images(count: int = 200, note: str = "", dataset: DataSet = "fashion_mnist") -> Images:
    """The first `count` of the embedded sample, and 40 to test on; made to look like another set where asked to."""
    (x, y), (x_test, y_test) = fashion_mnist.load_sample()
    x, x_test = x[:count, ..., None], x_test[:40, ..., None]
    if dataset == "cifar10":
        x, x_test = (np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0))).repeat(3, axis=3) for images in (x, x_test))
    return Images("sample", x, y[:count], x_test, y_test[:40], note, dataset)


IMAGES = few_images()


def tiny_layers() -> list[Layer]:
    return [
        Conv2D(4, 3, strides=2, activation="relu"),
        BatchNormalization(),
        Flatten(),
        Dropout(0.2),
        Dense(10, activation="softmax"),
    ]


TINY = dataclasses.replace(EXPERIMENTS["book"], network=tiny_layers, parameters=6_836, epochs=12)


class StopIn(Callback):
    """Ctrl-C in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.now = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.now = epoch

    def on_test_begin(self, logs: Any = None) -> None:
        if self.now == self.epoch:
            raise KeyboardInterrupt
