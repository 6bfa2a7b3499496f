"""compile, fit, evaluate, predict, and the one-call trainer.

Who does what:
    learner    ``Learner``: `compile`, and the plans that follow
    trainer    ``Trainer``: the methods that a model gets besides
    compiled   what `compile` was told, checked
    arguments  from the arguments of these methods to the data that they run on
    data       what may be fed: checks, rank adjustment, splits, weights; views, never copies
    feeds      where the batches of an epoch come from: arrays, a Sequence, an iterator
    runs       one epoch of training, one evaluation, one prediction
    fitting    the epochs of a `fit` with their validation
    tally      loss and metrics, summed over an epoch; metrics that are Python functions
    plans      the plans of a model, kept while they fit into memory
    loop       steps in chunks; the order of the data; Ctrl-C between steps
    progress   the line that tells how far it is
    one_call   ``train()`` and its ``TrainResult``
"""

from __future__ import annotations

from .one_call import TrainResult, train
from .trainer import Trainer

__all__ = ["TrainResult", "Trainer", "train"]
