"""What describes an experiment and a study of several: plain data, without the experiments themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pyconvnet import optimizers
from pyconvnet.layers import Input, Layer
from pyconvnet.losses import CategoricalCrossentropy
from pyconvnet.models import Sequential

BATCH_SIZE = 32

DataSet = Literal["fashion_mnist", "mnist", "cifar10"]
Part = Literal["test", "validation"]
Split = Literal["last_quarter", "last_fifth", "random_fifth", "test_set", "augmented", "augmented_sound"]
Saves = Literal["nothing", "best", "last"]

IMAGE_SHAPE = (28, 28, 1)
_SHAPES: dict[DataSet, tuple[int, int, int]] = {
    "fashion_mnist": IMAGE_SHAPE,
    "mnist": IMAGE_SHAPE,
    "cifar10": (32, 32, 3),
}


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
    """One of the lecture's experiments: one network, trained in one way on one data set.

    Attributes:
        name: as on the command line.
        network: makes its layers, without the `Input`.
        summary: the network in a few words.
        parameters: how many numbers it holds, as `summary()` counts them.
        dataset: what it is trained on.
        one_hot: the labels are rows of zeros and a one, and the loss is the categorical cross-entropy; else class
            numbers and the sparse one.
        label_smoothing: share of each one-hot label that is spread over the classes.
        optimizer: its name; or what makes it for a run of so many steps, for a schedule of its own.
        learning_rate: the optimizer's default if None; of one that is named.
        batch_size: images a step.
        split: what trains and what validates ("last_quarter" and "last_fifth" validate on the end of the training
            images, "random_fifth" on scikit-learn's random fifth, "test_set" on the test images; for the augmented
            ones see `data`).
        patience: epochs without a better validation loss that are endured; None: no early stopping.
        epochs: the most.
        restore_best: give the model the weights of its best epoch at the end.
        saves: what is saved as .h5, loaded and evaluated again: the model of the lowest validation loss
            (`ModelCheckpoint`), or that of the last epoch.
        watches_losses: measure after each epoch how the validation loss is spread over the images.
        lists_mistakes: write down which test images are taken for what, and draw some.
        compared_on: the images of which the figures were published.
        published: the lecture's figures, best last; one run each.
        first_epoch: the lecture's first epoch, where it was printed.
        quick_epochs: epochs in the quick preset; None: not part of it.
        remark: what the reader of the result must know.
    """

    name: str
    network: Callable[[], list[Layer]]
    summary: str
    parameters: int
    dataset: DataSet = "fashion_mnist"
    one_hot: bool = False
    label_smoothing: float = 0.0
    optimizer: str | Callable[[int], optimizers.Optimizer] = "adam"
    learning_rate: float | None = None
    batch_size: int = BATCH_SIZE
    split: Split = "last_quarter"
    patience: int | None = 5
    epochs: int = 500
    restore_best: bool = False
    saves: Saves = "nothing"
    watches_losses: bool = False
    lists_mistakes: bool = False
    compared_on: Part = "test"
    published: tuple[Scores, ...] = ()
    first_epoch: FirstEpoch | None = None
    quick_epochs: int | None = None
    remark: str = ""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of its images."""
        return _SHAPES[self.dataset]

    def model(self, device: str = "auto", steps: int = 1) -> Sequential:
        """The network with fresh weights, compiled as in the lecture for a device and a run of so many steps."""
        model = Sequential([Input(self.input_shape), *self.network()], name=self.name)
        model.compile(self._optimizer(steps), self._loss(), metrics=["accuracy"], device=device)
        return model

    def _optimizer(self, steps: int) -> optimizers.Optimizer:
        if not isinstance(self.optimizer, str):
            return self.optimizer(steps)
        optimizer = optimizers.get(self.optimizer)
        if self.learning_rate is not None:
            optimizer.learning_rate = self.learning_rate
        return optimizer

    def _loss(self) -> str | CategoricalCrossentropy:
        if self.label_smoothing:
            return CategoricalCrossentropy(label_smoothing=self.label_smoothing)
        return "categorical_crossentropy" if self.one_hot else "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class Study:
    """Experiments that are looked at side by side.

    Attributes:
        name: as on the command line.
        question: what the comparison is to show.
        members: the experiments' names, each with its caption in the picture, in order.
    """

    name: str
    question: str
    members: dict[str, str]
