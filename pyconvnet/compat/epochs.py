"""A cap on the epochs of ``fit``, so that long code can be tried."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyconvnet.models import Model
from pyconvnet.ops._check import integer


def check_epochs(count: int) -> int:
    """A number of epochs from 1.

    Raises:
        ValueError, TypeError: no such number.
    """
    return integer("run", "--max-epochs", count)


@contextmanager
def at_most(count: int | None) -> Iterator[None]:
    """While it lasts, each `fit` trains no more than `count` epochs; None leaves `fit` as it is.

    `fit` is replaced for all models: the user's code may get its models from anywhere, from a file for instance.
    """
    if count is None:
        yield
        return
    most = check_epochs(count)
    fit = Model.fit
    signature = inspect.signature(fit)

    @functools.wraps(fit)
    def shortened(*args: Any, **options: Any) -> Any:
        try:
            given = signature.bind(*args, **options)
        except TypeError:
            return fit(*args, **options)  # which says what is wrong
        given.apply_defaults()
        epochs, first = given.arguments["epochs"], given.arguments["initial_epoch"]
        if isinstance(epochs, int) and isinstance(first, int):
            given.arguments["epochs"] = min(epochs, first + most)
        return fit(*given.args, **given.kwargs)

    here = "fit" in vars(Model)
    Model.fit = shortened  # type: ignore[method-assign]
    try:
        yield
    finally:
        if here:
            Model.fit = fit  # type: ignore[method-assign]
        else:
            del Model.fit
