"""The exercises: dropout, batch normalization, callbacks, networks of one convolution, Fashion-MNIST against MNIST."""

from __future__ import annotations

from functools import partial

from pyconvnet.lecture import networks
from pyconvnet.lecture.description import Experiment, Study

# wherever the exercises print a `fit`, it has 50 epochs and the last fifth validates
_exercise = partial(Experiment, split="last_fifth", patience=None, epochs=50)
_sgd = partial(_exercise, dataset="mnist", optimizer="sgd")
_five_by_five = partial(
    _exercise,
    network=networks.five_by_five,
    parameters=63_562,
    dataset="mnist",
    batch_size=50,
    lists_mistakes=True,
)

ALL = (
    _sgd(
        "dropout_0",
        networks.dense_100,
        "Flatten, Dense 100, Dense 10, SGD",
        79_510,
        remark="without dropout, for comparison; the last fifth validates here too, which the exercise does not print",
    ),
    _sgd("dropout_25", networks.dense_100_dropout_25, "dropout_0 with Dropout .25", 79_510),
    _sgd("dropout_50", networks.dense_100_dropout_50, "dropout_0 with Dropout .5", 79_510),
    _sgd("dropout_75", networks.dense_100_dropout_75, "dropout_0 with Dropout .75", 79_510),
    _sgd("batchnorm", networks.dense_100_batchnorm, "dropout_0 with BatchNormalization", 79_910),
    _exercise(
        "callback_checkpoint",
        networks.dense_100,
        "Flatten, Dense 100, Dense 10, SGD .1, ModelCheckpoint",
        79_510,
        optimizer="sgd",
        learning_rate=0.1,
        saves="best",
        remark="measured after its last epoch; the model of the lowest validation loss is saved as .h5",
    ),
    _exercise(
        "callback_stopping",
        networks.dense_100,
        "callback_checkpoint with EarlyStopping, patience 5",
        79_510,
        optimizer="sgd",
        learning_rate=0.1,
        saves="best",
        patience=5,
    ),
    _exercise(
        "one_conv",
        networks.one_conv,
        "Conv 32, MaxPool (same), Dense 10",
        63_050,
        dataset="mnist",
        batch_size=50,
        remark="batch 50",
    ),
    _five_by_five(name="five_by_five_labels", summary="Conv 32 5x5, MaxPool, Dense 10", remark="trained as one_conv"),
    _five_by_five(
        name="five_by_five_one_hot",
        summary="five_by_five_labels with one-hot labels",
        one_hot=True,
        remark="one-hot labels and the loss for them instead of class numbers",
    ),
    _exercise(
        "dense_mnist",
        networks.dense_100,
        "Flatten, Dense 100, Dense 10",
        79_510,
        dataset="mnist",
        watches_losses=True,
        remark="Adam, 50 epochs, the last fifth validates: the exercise prints no training",
    ),
    _exercise(
        "dense_fashion",
        networks.dense_100,
        "dense_mnist on Fashion-MNIST",
        79_510,
        watches_losses=True,
        quick_epochs=30,
    ),
)

STUDIES = (
    Study(
        "dropout_study",
        "How much overfitting is left with more and more dropout.",
        {
            "dropout_0": "without dropout",
            "dropout_25": "Dropout 0.25",
            "dropout_50": "Dropout 0.5",
            "dropout_75": "Dropout 0.75",
        },
    ),
    Study(
        "batchnorm_study",
        "BatchNormalization in place of Dropout.",
        {"dropout_0": "without dropout", "dropout_25": "Dropout 0.25", "batchnorm": "BatchNormalization"},
    ),
    Study(
        "callback_study",
        "Keeping the best model, and stopping when nothing improves.",
        {"callback_checkpoint": "ModelCheckpoint", "callback_stopping": "with EarlyStopping"},
    ),
    Study(
        "five_by_five",
        "Class numbers against one-hot labels.",
        {"five_by_five_labels": "class numbers", "five_by_five_one_hot": "one-hot labels"},
    ),
    Study(
        "fashion_vs_mnist",
        "The same network on digits and on clothes.",
        {"dense_mnist": "MNIST", "dense_fashion": "Fashion-MNIST"},
    ),
)
