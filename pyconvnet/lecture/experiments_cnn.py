"""The networks of the chapter on convolution: LeNet-5, one of another structure, CIFAR-10, and weight decay."""

from __future__ import annotations

from functools import partial

from pyconvnet.lecture import networks
from pyconvnet.lecture.description import Experiment, Study

# how the chapter trains: one-hot labels, batch 128, 30 epochs, validated on the test images
_chapter = partial(Experiment, one_hot=True, batch_size=128, split="test_set", patience=None, epochs=30)

ALL = (
    _chapter(
        "lenet5",
        networks.lenet5,
        "Conv 6 5x5, MaxPool, Conv 16 5x5, MaxPool, Conv 120 5x5, Dense 84, Dense 10",
        61_706,
        dataset="mnist",
        remark="one-hot labels, batch 128, 30 epochs, validated on the test images, as published",
    ),
    _chapter(
        "ccp",
        networks.ccp,
        "Conv 32-64, MaxPool, Dropout .25, Dense 128, Dropout .25, Dense 10",
        1_199_882,
        dataset="mnist",
        remark="trained as lenet5",
    ),
    _chapter(
        "cifar10",
        networks.cifar10,
        "Conv 32-32, MaxPool, Dropout .25, Conv 64-64, MaxPool, Dropout .25, Dense 512, Dropout .5, Dense 10",
        890_410,
        dataset="cifar10",
        saves="last",
        remark="trained as lenet5; then saved as .h5, loaded and evaluated again",
    ),
    _chapter(
        "dense_64",
        networks.dense_64,
        "Flatten, Dense 64 (linear), Dense 10",
        50_890,
        remark="trained as lenet5, for comparison with dense_64_decay",
    ),
    _chapter(
        "dense_64_decay",
        networks.dense_64_decaying,
        "dense_64 with kernel_regularizer=l2(.01) and activity_regularizer=l1(.01)",
        50_890,
        remark="only this layer is printed: trained as lenet5, on Fashion-MNIST; its losses contain the penalties",
    ),
)

STUDIES = (
    Study(
        "weight_decay",
        "What penalties on the weights and on the outputs of a layer do.",
        {"dense_64": "without penalties", "dense_64_decay": "l2(.01), l1(.01)"},
    ),
)
