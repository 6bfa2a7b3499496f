"""compile, fit, evaluate, predict, and the one-call trainer.

Who does what:
    trainer    ``Trainer``: the methods that a model gets
    compiled   what `compile` was told, checked
    runs       what happens inside them once the arguments are checked
    data       what may be fed: checks, rank adjustment, splits, weights; views, never copies
    plans      the plans of a model, kept while they fit into memory
    loop       epochs as chunks of steps; the order of the data; Ctrl-C between steps
    progress   the line that tells how far it is
    one_call   ``train()`` and its ``TrainResult``
"""

from __future__ import annotations

from .one_call import TrainResult, train
from .trainer import Trainer

__all__ = ["TrainResult", "Trainer", "train"]
