"""A training run that can be stopped at any time and goes on from its last finished epoch, bit for bit.

What a run depends on is its weights, the optimizer's slots and step number, the model's seed, and what its callbacks
have seen; the order of the data and the dropout masks follow from seed and step number.
"""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pyconvnet.callbacks import Callback, EarlyStopping, History, ModelCheckpoint
from pyconvnet.callbacks.base import Logs
from pyconvnet.lecture._files import whole_file
from pyconvnet.lecture.losses import LossWatch
from pyconvnet.models import Sequential

_FORMAT = 1
_STOPPING = ("wait", "stopped_epoch", "best", "best_epoch")


class EpochTimer(Callback):
    """How long the epochs took.

    Attributes:
        training: seconds of the training steps of each epoch, without the validation.
        epochs: seconds of each epoch as a whole.
    """

    def __init__(self) -> None:
        self.training: list[float] = []
        self.epochs: list[float] = []
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Starts the clock."""
        self._start = time.perf_counter()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """The training steps are done and the validation begins."""
        self.training.append(time.perf_counter() - self._start)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Stops the clock."""
        self.epochs.append(time.perf_counter() - self._start)


@dataclass
class Watchers:
    """The callbacks of a run, whose memory a checkpoint keeps; in the order in which they must be called.

    Attributes:
        history, timer: every run has them.
        stopping, saving, losses: None where the experiment has none.
    """

    history: History
    stopping: EarlyStopping | None
    timer: EpochTimer
    saving: ModelCheckpoint | None = None
    losses: LossWatch | None = None

    def __iter__(self) -> Iterator[Callback]:
        everyone = (self.history, self.stopping, self.timer, self.saving, self.losses)
        return (one for one in everyone if one is not None)

    @property
    def stopped_epoch(self) -> int:
        """The epoch after which the early stopping stopped; 0 where it did not."""
        return self.stopping.stopped_epoch if self.stopping else 0

    @property
    def best_weights(self) -> list[Any]:
        """Those that the early stopping keeps, maybe none."""
        return (self.stopping.best_weights if self.stopping else None) or []

    def memory(self) -> dict[str, Any]:
        """What they know, as plain values, without the best weights."""
        return {
            "history": self.history.history,
            "seconds": [self.timer.training, self.timer.epochs],
            "stopping": {name: getattr(self.stopping, name) for name in _STOPPING} if self.stopping else None,
            "best_saved": self.saving.best if self.saving else None,
            "losses": self.losses.spreads if self.losses else [],
        }

    def remember(self, memory: dict[str, Any], epochs_done: int, best: list[Any]) -> None:
        """Takes up what another run's `memory` and its best weights were after so many epochs."""
        self.history.history = {name: list(values) for name, values in memory["history"].items()}
        self.history.places = {name: list(range(len(values))) for name, values in self.history.history.items()}
        self.history.epoch = list(range(epochs_done))
        self.timer.training, self.timer.epochs = memory["seconds"]
        if self.stopping is not None:
            for name in _STOPPING:
                setattr(self.stopping, name, memory["stopping"][name])
            if best:
                self.stopping.best_weights = list(best)
        if self.saving is not None:
            self.saving.best = memory["best_saved"]
        if self.losses is not None:
            self.losses.spreads = list(memory["losses"])


class Checkpoint(Callback):
    """Writes the state of a run after every epoch, and puts a new run into that state.

    Must come behind the other callbacks: it keeps what they learned from the epoch, and gives it back after they
    have forgotten everything at the beginning of `fit`.

    Args:
        path: the .npz file; it is replaced as a whole.
        run: what distinguishes this run from others (name, seed, data, ...); a file of another run is not taken.
        watchers: the callbacks before this one.

    Attributes:
        epochs_done: epochs that `resume` found.
    """

    def __init__(self, path: Path, run: dict[str, Any], watchers: Watchers) -> None:
        self.path = path
        self._run = {"format": _FORMAT, **run}
        self._watchers = watchers
        self.epochs_done = 0
        self._state: dict[str, Any] | None = None  # what on_train_begin gives back
        self._best: list[npt.NDArray[np.float32]] = []

    def resume(self, model: Sequential, last: int) -> int:
        """Puts a model into the state of the file, if there is one of this run.

        Args:
            model: compiled, with the run's network.
            last: how many epochs the run has at most.

        Returns:
            The epoch to begin with: 0 where there is nothing to go on from, `last` where nothing is left to train.
        """
        try:
            with np.load(self.path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            state = json.loads(str(arrays.pop("state")))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return 0  # none, or damaged by a full or failing disk
        if state.get("run") != self._run:
            return 0
        self._take(model, state, arrays)
        self.epochs_done = int(state["epochs_done"])
        stopping = state["stopping"]
        return last if stopping is not None and stopping["stopped_epoch"] else self.epochs_done

    def _take(self, model: Sequential, state: dict[str, Any], arrays: dict[str, Any]) -> None:
        optimizer = model.optimizer
        assert optimizer is not None
        model.set_weights([arrays[f"weight/{i}"] for i in range(len(model.weights))])
        for i, variable in enumerate(model.trainable_weights):
            for name, slot in optimizer.slots(variable).items():
                slot.assign(arrays[f"slot/{i}/{name}"])
        optimizer.iterations = int(state["iterations"])
        model._seed = int(state["model_seed"])
        if "best/0" in arrays:
            self._best = [arrays[f"best/{i}"] for i in range(len(model.weights))]
        self._state = state

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Gives the callbacks back what they knew."""
        if self._state is not None:
            self._watchers.remember(self._state, self.epochs_done, self._best)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes the state of the run."""
        model, watchers = self.model, self._watchers
        state = {
            "run": self._run,
            "epochs_done": epoch + 1,
            "iterations": model.optimizer.iterations,
            "model_seed": model._seed,
            **watchers.memory(),
        }
        arrays: dict[str, Any] = {f"weight/{i}": variable.array for i, variable in enumerate(model.weights)}
        for i, variable in enumerate(model.trainable_weights):
            for name, slot in model.optimizer.slots(variable).items():
                arrays[f"slot/{i}/{name}"] = slot.array
        for i, best in enumerate(watchers.best_weights):
            arrays[f"best/{i}"] = best
        with whole_file(self.path) as beside:
            # numbers as text: json gives every float back to the bit, and nothing is ever unpickled
            np.savez(beside, state=np.array(json.dumps(state)), **arrays)
