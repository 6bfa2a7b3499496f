"""What looks in on the training: Keras's callbacks.

Who does what:
    base                ``Callback``: the hooks; ``CallbackList``: who is called, in which order
    history             ``History``: the numbers of every epoch
    monitor             ``Monitor``: what those that look at one number share
    early_stopping      ``EarlyStopping``
    model_checkpoint    ``ModelCheckpoint``
    learning_rate       ``ReduceLROnPlateau``, ``LearningRateScheduler``
    backup              ``BackupAndRestore``
    csv_logger          ``CSVLogger``
    tensorboard         ``TensorBoard``
    terminate_on_nan    ``TerminateOnNaN``
    lambda_callback     ``LambdaCallback``
"""

from __future__ import annotations

from .backup import BackupAndRestore
from .base import Callback, CallbackList
from .csv_logger import CSVLogger
from .early_stopping import EarlyStopping
from .history import History
from .lambda_callback import LambdaCallback
from .learning_rate import LearningRateScheduler, ReduceLROnPlateau
from .model_checkpoint import ModelCheckpoint
from .tensorboard import TensorBoard
from .terminate_on_nan import TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
]
