"""Ends a training whose loss is no number any more."""

from __future__ import annotations

import math

from pyconvnet._terminal import say

from .base import Callback, Logs


class TerminateOnNaN(Callback):
    """Stops after the first batch behind which the loss is NaN or infinite; steps run one at a time for it.

    Args:
        raise_error: raise instead, so that no callback cleans up (`on_train_end` is not called).

    Raises:
        RuntimeError: while training with `raise_error`.

    Example:
        >>> history = model.fit(x, y, callbacks=[TerminateOnNaN()])  # doctest: +SKIP
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Looks at the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"TerminateOnNaN: the loss is {loss} after batch {batch}; training ends at once")
        say(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
