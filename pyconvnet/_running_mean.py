"""A mean over batches that come one after another: what a metric is when it is used alone."""

from __future__ import annotations

from collections.abc import Iterable

from numpy.typing import ArrayLike

from pyconvnet._answer import AnsweredNumber


class RunningMean:
    """Keras's `update_state`, `result` and `reset_state`; a class says what a batch adds."""

    _sums: tuple[float, float] = (0.0, 0.0)  # of the samples' values, and how many there are

    def _batch(self, y_true: ArrayLike, y_pred: ArrayLike) -> Iterable[float]:
        """The sum of the samples' values, and how many there are."""
        raise NotImplementedError

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike) -> None:
        """Adds a batch.

        Args:
            y_true: class numbers [n] or [n, 1] for the sparse metrics, else labels like `y_pred`.
            y_pred: [n, ...], what a model answers.

        Raises:
            ValueError, TypeError: shapes that do not fit, class numbers out of range.
        """
        total, count = self._batch(y_true, y_pred)
        self.__dict__["_sums"] = self._sums[0] + float(total), self._sums[1] + float(count)

    def result(self) -> AnsweredNumber:
        """The mean over all samples since the last `reset_state`; 0 without any."""
        total, count = self._sums
        return AnsweredNumber(total / count if count else 0.0)

    def reset_state(self) -> None:
        """Forgets all batches."""
        self.__dict__.pop("_sums", None)

    def __call__(self, y_true: ArrayLike, y_pred: ArrayLike) -> AnsweredNumber:
        """Adds a batch and answers the mean of all."""
        self.update_state(y_true, y_pred)
        return self.result()
