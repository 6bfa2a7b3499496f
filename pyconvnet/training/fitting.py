"""One run of `fit`: its epochs, their validation, and who looks on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyconvnet._terminal import say
from pyconvnet.callbacks import CallbackList, History

from .feeds import Feed
from .progress import Progress
from .runs import Logs, Watch, evaluate, shown, train

if TYPE_CHECKING:
    from .learner import Learner


@dataclass
class Fit:
    """One run of `fit`.

    Attributes:
        training: what to learn from.
        validation: what to measure on after each epoch, or None.
        verbose: 0, 1 or 2.
        callbacks: among them a `History`.
        validated: whether an epoch (the first is 1) is validated.
    """

    model: Learner
    training: Feed
    validation: Feed | None
    verbose: int
    callbacks: CallbackList
    validated: Callable[[int], bool]

    def run(self, first: int, last: int) -> History:
        """The epochs from `first` up to `last` (excluded), or until a callback or the end of the data stops them."""
        history = next((callback for callback in self.callbacks.callbacks if isinstance(callback, History)), None)
        if history is None:
            history = History()
            self.callbacks.append(history)
        self.model.stop_training = False
        self._pace = Watch("train", self.callbacks).pace()
        self._test_pace = Watch("test", self.callbacks).pace()
        logs: Logs | None = None
        self.model._initial_epoch = first
        self.training.reset()
        self.callbacks.notify("on_train_begin")
        for epoch in range(self.model._initial_epoch, last):  # BackupAndRestore may have set it
            if not self.training.ready():
                self.training.ran_out(0)
                break
            self.callbacks.notify("on_epoch_begin", epoch)
            if self.verbose and last > 1:
                say(f"Epoch {epoch + 1}/{last}")
            with shown(self.training.steps, self.verbose) as progress:
                logs = self._epoch(progress, epoch + 1)
                seen = dict(logs)  # callbacks add to it, for the epoch and not for the end of the training
                self.callbacks.notify("on_epoch_end", epoch, seen)
                progress.finish(seen)
            if self.model.stop_training:
                break
        assert self.model.optimizer is not None
        self.model.optimizer.finalize_variable_values(self.model.trainable_weights)
        self.callbacks.notify("on_train_end", logs)
        return history

    def _epoch(self, progress: Progress, number: int) -> Logs:
        logs = train(self.model, self.training, Watch("train", self.callbacks, progress), self._pace)
        if self.validation is not None and self.validated(number):
            if not self.validation.ready():
                self.validation.ran_out(0)
                return logs
            tested = evaluate(self.model, self.validation, Watch("test", self.callbacks), self._test_pace)
            logs.update({f"val_{name}": value for name, value in tested.items()})
        return logs
