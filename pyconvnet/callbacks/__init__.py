"""What looks in on the training: Keras's callbacks.

Who does what:
    base             ``Callback``: the hooks; ``CallbackList``: who is called, in which order
    history          ``History``: the numbers of every epoch
    early_stopping   ``EarlyStopping``
"""

from __future__ import annotations

from .base import Callback, CallbackList
from .early_stopping import EarlyStopping
from .history import History

__all__ = ["Callback", "CallbackList", "EarlyStopping", "History"]
