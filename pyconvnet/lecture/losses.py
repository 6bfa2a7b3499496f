"""How a validation loss is spread over its images: what the mean hides when the loss rises and the accuracy stays."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyconvnet.callbacks import Callback
from pyconvnet.callbacks.base import Logs
from pyconvnet.lecture.data import Labels, Rows

# The classes of the histogram: losses 0 to 0.5, 0.5 to 1, ...; the last one has no end.
BIN_WIDTH = 0.5
BINS = 32

_SMALLEST = float(np.finfo(np.float32).tiny)  # what softmax underflows to


@dataclass(frozen=True)
class Spread:
    """The loss of each image, in sum.

    Attributes:
        images: how many there are.
        wrong: how many of them are taken for another class.
        loss_of_right, loss_of_wrong: what each part adds to the mean loss of all; their sum is that mean.
        confidence: the mean probability that the wrong ones give to the class they are taken for; 0 if none is wrong.
        counts: how many images have a loss of 0 to 0.5, 0.5 to 1, ...; 32 numbers, the last without an end.
    """

    images: int
    wrong: int
    loss_of_right: float
    loss_of_wrong: float
    confidence: float
    counts: list[int]

    @property
    def loss(self) -> float:
        """The mean over all images."""
        return self.loss_of_right + self.loss_of_wrong

    @property
    def share_of_wrong(self) -> float:
        """The part of the loss that the wrong ones carry, 0 to 1."""
        return self.loss_of_wrong / self.loss if self.loss else 0.0

    @property
    def cost_of_wrong(self) -> float:
        """The mean loss of a wrong one; 0 where none is wrong."""
        return self.loss_of_wrong * self.images / self.wrong if self.wrong else 0.0


def spread(probabilities: npt.NDArray[np.float32], classes: npt.NDArray[Any]) -> Spread:
    """Measures predictions.

    Args:
        probabilities: [n, classes], from `predict`.
        classes: [n], the true ones.

    Returns:
        The sums. A loss is -log of the true class's probability.

    Example:
        >>> found = spread(np.array([[0.5, 0.5], [0.9, 0.1]], np.float32), np.array([0, 1]))
        >>> found.wrong, round(found.confidence, 2), round(found.share_of_wrong, 2)
        (1, 0.9, 0.77)
    """
    n = len(classes)
    given = probabilities[np.arange(n), classes].astype(np.float64)
    losses = -np.log(np.maximum(given, _SMALLEST))
    wrong = probabilities.argmax(axis=1) != classes
    bins = np.minimum(np.nan_to_num(losses / BIN_WIDTH, nan=BINS), BINS - 1).astype(np.int64)
    return Spread(
        images=n,
        wrong=int(wrong.sum()),
        loss_of_right=float(losses[~wrong].sum()) / n,
        loss_of_wrong=float(losses[wrong].sum()) / n,
        confidence=float(probabilities[wrong].max(axis=1).mean(dtype=np.float64)) if wrong.any() else 0.0,
        counts=np.bincount(bins, minlength=BINS).tolist(),
    )


class LossWatch(Callback):
    """Measures after every epoch how the validation loss is spread.

    Args:
        x, y: the validation images and labels.
        batch_size: for `predict`.

    Attributes:
        spreads: a dictionary of `Spread`'s fields for each epoch.
    """

    def __init__(self, x: Rows, y: Labels, batch_size: int) -> None:
        self._x = x
        self._classes = y if y.ndim == 1 else y.argmax(axis=1)
        self._batch_size = batch_size
        self.spreads: list[dict[str, Any]] = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Predicts the validation images once more."""
        probabilities = self.model.predict(self._x, self._batch_size, verbose=0)
        self.spreads.append(asdict(spread(probabilities, self._classes)))
