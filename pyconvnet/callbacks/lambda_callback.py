"""A callback from functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconvnet._suggest import unknown

from .base import Callback

Hook = Callable[..., Any]


class LambdaCallback(Callback):
    """Calls functions at the hooks by whose names they are given.

    Args:
        on_epoch_begin, on_epoch_end: called with the epoch and the logs.
        on_train_begin, on_train_end: called with the logs.
        on_train_batch_begin, on_train_batch_end: called with the batch and the logs; steps run one at a time.
        hooks: any other hook of `Callback` by its name.

    Raises:
        TypeError: no such hook, or something that cannot be called.

    Example:
        >>> tell = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
        >>> history = model.fit(x, y, callbacks=[tell])  # doctest: +SKIP
    """

    def __init__(
        self,
        on_epoch_begin: Hook | None = None,
        on_epoch_end: Hook | None = None,
        on_train_begin: Hook | None = None,
        on_train_end: Hook | None = None,
        on_train_batch_begin: Hook | None = None,
        on_train_batch_end: Hook | None = None,
        **hooks: Hook | None,
    ) -> None:
        given = dict(
            on_epoch_begin=on_epoch_begin,
            on_epoch_end=on_epoch_end,
            on_train_begin=on_train_begin,
            on_train_end=on_train_end,
            on_train_batch_begin=on_train_batch_begin,
            on_train_batch_end=on_train_batch_end,
            **hooks,
        )
        known = [name for name in dir(Callback) if name.startswith("on_")]
        for name, hook in given.items():
            if name not in known:
                raise TypeError(unknown("LambdaCallback", "hook", name, known))
            if hook is None:
                continue
            if not callable(hook):
                raise TypeError(f"LambdaCallback: {name} must be a function, got {hook!r}")
            setattr(self, name, hook)
