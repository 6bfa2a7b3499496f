"""The networks that are made better step by step on Fashion-MNIST, from a dense one to VGG, and that of the book."""

from __future__ import annotations

from pyconvnet.lecture import networks
from pyconvnet.lecture.description import Experiment, FirstEpoch, Scores

ALL = (
    Experiment(
        "mlp",
        networks.mlp,
        "Flatten, Dense 128, Dense 10",
        101_770,
        published=(Scores(0.5899, 0.8197),),
        first_epoch=FirstEpoch(Scores(0.5195, 0.8185), Scores(0.4345, 0.8454)),
        quick_epochs=5,
    ),
    Experiment(
        "conv",
        networks.conv_only,
        "Conv 16-32-64 (linear), Dense 128, Dense 10",
        3_989_642,
        published=(Scores(0.5002, 0.8683),),
        first_epoch=FirstEpoch(Scores(0.4677, 0.8336), Scores(0.3893, 0.8583)),
        quick_epochs=3,
    ),
    Experiment(
        "pool",
        networks.pool,
        "Conv 32, MaxPool, Conv 64, AvgPool, Conv 128 (linear), Dense 128, Dropout .3, Dense 10",
        241_546,
        published=(Scores(0.3248, 0.8921),),
        first_epoch=FirstEpoch(Scores(0.5654, 0.7961), Scores(0.3987, 0.8565)),
        quick_epochs=5,
    ),
    Experiment(
        "vgg",
        networks.vgg,
        "Conv 32-64, MaxPool, Conv 128-256, MaxPool, Dense 512-256-10, Dropout .5",
        5_240_842,
        published=(Scores(0.2306, 0.9175),),
        first_epoch=FirstEpoch(Scores(0.5945, 0.7826), Scores(0.3222, 0.8816)),
        quick_epochs=2,
    ),
    Experiment(
        "vgg_augmented",
        networks.vgg,
        "vgg, half as many augmented images appended",
        5_240_842,
        split="augmented",
        patience=10,
        published=(Scores(0.2097, 0.9262),),
        first_epoch=FirstEpoch(Scores(0.5772, 0.7860), Scores(0.5670, 0.7875)),
        quick_epochs=2,
        remark="as published: its validation set consists of augmented copies of training images",
    ),
    Experiment(
        "vgg_augmented_sound",
        networks.vgg,
        "vgg, split first, then half of the training part augmented",
        5_240_842,
        split="augmented_sound",
        patience=10,
        quick_epochs=2,
        remark="the sound split: validated on originals that it never trained on",
    ),
    Experiment(
        "book",
        networks.book,
        "Conv 32, MaxPool, Conv 64, MaxPool, Dense 100, Dropout .4, Dense 10",
        333_526,
        split="random_fifth",
        patience=2,
        epochs=50,
        restore_best=True,
        saves="best",
        compared_on="validation",
        published=(Scores(0.2211, 0.9210), Scores(0.2132, 0.9234)),
        quick_epochs=5,
        remark="compared on its validation set, as published (an earlier run 0.2211 / 0.9210); at most 50 epochs, best "
        "weights restored",
    ),
)
