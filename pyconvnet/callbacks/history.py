"""The numbers of every epoch."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from .base import Callback, Logs

if TYPE_CHECKING:
    from pyconvnet.training.trainer import Trainer


class History(Callback):
    """What `fit` answers: losses and metrics, one number for each epoch.

    Attributes:
        history: name (``loss``, ``accuracy``, ``val_loss``, ...) to a list of Python floats.
        epoch: the epochs' numbers; the first is 0.
        places: name to the places of its numbers among all epochs, the first 0: not every epoch is validated.
        params: ``{"verbose": ..., "epochs": ..., "steps": ...}``.
        model: the model that was trained, while it is alive.

    Example:
        >>> history = model.fit(x, y, epochs=2, verbose=0)  # doctest: +SKIP
        >>> history.history["loss"]  # doctest: +SKIP
        [0.61, 0.42]
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self.places: dict[str, list[int]] = {}
        # Weak, since model.history is this object: a dropped model frees its memory at once.
        self._trained: weakref.ref[Trainer] | None = None

    @property
    def model(self) -> Any:
        """The model that was trained, or None when it is gone."""
        return self._trained() if self._trained is not None else None

    def set_model(self, model: Trainer) -> None:
        """Remembers the model and becomes its ``history``."""
        self._trained = weakref.ref(model)
        model.history = self

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Starts the list of epochs."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Appends the numbers of an epoch."""
        self.epoch.append(epoch)
        place = max(map(len, self.history.values()), default=0)  # loss is there in every epoch
        for name, value in (logs or {}).items():
            self.places.setdefault(name, []).append(place)
            self.history.setdefault(name, []).append(value)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_trained": None}
