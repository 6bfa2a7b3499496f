"""The hooks of a training run, and the list that calls them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pyconvnet.training.trainer import Trainer

Logs = dict[str, float]
Phase = Literal["train", "test", "predict"]

_BATCH_HOOKS = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


class Callback:
    """Base class: override the hooks you need and pass an instance to ``fit(callbacks=[...])``.

    Steps run many at a time; a callback that overrides a hook of a batch makes them run one at a time. Set
    ``self.model.stop_training = True`` to end the training after this step and its validation.

    Attributes:
        model: the model in training; None before.
        params: ``{"verbose": ..., "epochs": ..., "steps": ...}``.

    Example:
        >>> class Losses(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(epoch, logs["loss"])
        >>> history = model.fit(x, y, callbacks=[Losses()], verbose=0)  # doctest: +SKIP
    """

    params: dict[str, Any] | None = None
    _model: Trainer | None = None

    @property
    def model(self) -> Any:
        """The model in training."""
        return self._model

    def set_model(self, model: Trainer) -> None:
        """Called with the model before anything else."""
        self._model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called with ``verbose``, ``epochs`` and ``steps`` before the training."""
        self.params = params

    def watches_batches(self, phase: Phase) -> bool:
        """Whether it wants to see every batch of a phase: it has a hook of them."""
        return has_batch_hooks(self, phase)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """`fit` begins."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """`fit` ends; `logs` are those of the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch begins; the first is 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch ends; `logs` hold its loss and metrics, those of the validation as ``val_...``."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Older name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A training step begins; the first of an epoch is 0."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A training step ends; `logs` are the means of this epoch so far."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """`evaluate`, or the validation of an epoch, begins."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """`evaluate`, or the validation of an epoch, ends; `logs` hold its loss and metrics."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of `evaluate` or of the validation begins."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of `evaluate` or of the validation ends; `logs` are the means so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """`predict` begins."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """`predict` ends."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of `predict` begins."""

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """A batch of `predict` ends; ``logs["outputs"]`` are its predictions."""


class CallbackList:
    """The callbacks of one run in the order given, called together.

    Args:
        who: for messages, such as "fit".
        callbacks: None, one callback or several.
        model: the model they get.
        params: what `set_params` gets.

    Raises:
        TypeError: something among them is not a `Callback`.
    """

    def __init__(
        self, who: str, callbacks: Callback | Iterable[Callback] | None, model: Trainer, params: dict[str, Any]
    ) -> None:
        given = [callbacks] if isinstance(callbacks, Callback) else callbacks
        if given is not None and (isinstance(given, (str, type)) or not isinstance(given, Iterable)):
            raise TypeError(f"{who}: callbacks must be a list of callbacks, got {given!r}")
        self.callbacks: list[Callback] = list(given or ())
        for callback in self.callbacks:
            if isinstance(callback, type):
                raise TypeError(
                    f"{who}: callbacks must hold instances, got the class {callback.__name__}; "
                    f"write {callback.__name__}(...)"
                )
            if not isinstance(callback, Callback):
                raise TypeError(
                    f"{who}: callbacks must derive from pyconvnet.callbacks.Callback, got {type(callback).__name__}"
                )
        self._model = model
        self._params = params
        for callback in self.callbacks:
            self._introduce(callback)

    def append(self, callback: Callback) -> None:
        """Adds a callback behind the others."""
        self.callbacks.append(callback)
        self._introduce(callback)

    def notify(self, hook: str, *arguments: Any) -> None:
        """Calls one hook of every callback, in their order; they share the logs and may add to them.

        Args:
            hook: its name.
            arguments: what it takes; logs that are missing or None become an empty dictionary, as in Keras.
        """
        numbered = "_batch_" in hook or "_epoch_" in hook
        number, logs = arguments[:numbered], arguments[numbered:]
        shared = logs[0] if logs and logs[0] is not None else {}
        for callback in self.callbacks:
            getattr(callback, hook)(*number, shared)

    def watches_batches(self, phase: Phase) -> bool:
        """Whether a callback wants to see every batch of this phase."""
        return any(callback.watches_batches(phase) for callback in self.callbacks)

    def _introduce(self, callback: Callback) -> None:
        callback.set_model(self._model)
        callback.set_params(self._params)


def has_batch_hooks(callback: Callback, phase: Phase, beyond: type[Callback] = Callback) -> bool:
    """Whether a callback has a hook of the batches of a phase that `beyond` has not."""
    return any(
        hook in vars(callback) or getattr(type(callback), hook) is not getattr(beyond, hook)
        for hook in _BATCH_HOOKS[phase]
    )
