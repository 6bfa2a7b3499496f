"""Caps on the epochs of `fit` and on the steps of `fit` and `evaluate`, so that long code can be tried."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from numbers import Integral
from typing import Any

from pyconvnet.models import Model
from pyconvnet.ops._check import integer
from pyconvnet.training.arguments import DEFAULT_BATCH
from pyconvnet.training.data import training_rows
from pyconvnet.training.feeds import is_batches

Arguments = dict[str, Any]


def check_caps(max_epochs: int | None, max_steps: int | None) -> None:
    """Each is None or a number from 1.

    Raises:
        ValueError, TypeError: no such number.
    """
    for name, cap in (("--max-epochs", max_epochs), ("--max-steps", max_steps)):
        if cap is not None:
            integer("run", name, cap)


@contextmanager
def at_most(max_epochs: int | None = None, max_steps: int | None = None) -> Iterator[None]:
    """While it lasts, each `fit` trains for no more epochs, and no epoch, validation or `evaluate` has more steps.

    None caps nothing. What is stepped through may be an iterator whose length nobody knows and for which no number of
    steps is given: it is gone through as it is. `predict` always answers all rows: code goes on to compare them.

    The methods are replaced for all models: the user's code may get its models from anywhere, from a file for instance.
    """
    check_caps(max_epochs, max_steps)

    def shorter_fit(given: Arguments) -> None:
        if max_epochs is not None:
            _cap_epochs(given, max_epochs)
        if max_steps is not None:
            _cap_steps_of_fit(given, max_steps)

    def shorter_evaluate(given: Arguments) -> None:
        assert max_steps is not None
        given["steps"] = _fewer(given["steps"], max_steps, _batches(given["x"], given["batch_size"]))

    with ExitStack() as caps:
        if max_epochs is not None or max_steps is not None:
            caps.enter_context(_replaced("fit", shorter_fit))
        if max_steps is not None:
            caps.enter_context(_replaced("evaluate", shorter_evaluate))
        yield


@contextmanager
def _replaced(name: str, shorten: Callable[[Arguments], None]) -> Iterator[None]:
    """While it lasts, a method of all models is called with arguments that `shorten` changed."""
    method = getattr(Model, name)
    signature = inspect.signature(method)

    @functools.wraps(method)
    def shortened(*args: Any, **options: Any) -> Any:
        try:
            given = signature.bind(*args, **options)
        except TypeError:
            return method(*args, **options)  # which says what is wrong
        given.apply_defaults()
        shorten(given.arguments)
        return method(*given.args, **given.kwargs)

    here = name in vars(Model)
    setattr(Model, name, shortened)
    try:
        yield
    finally:
        if here:
            setattr(Model, name, method)
        else:
            delattr(Model, name)


def _cap_epochs(given: Arguments, most: int) -> None:
    epochs, first = given["epochs"], given["initial_epoch"]
    if isinstance(epochs, Integral) and isinstance(first, Integral):
        given["epochs"] = min(int(epochs), int(first) + most)


def _cap_steps_of_fit(given: Arguments, most: int) -> None:
    x, size, split = given["x"], given["batch_size"], given["validation_split"]
    test_size = given["validation_batch_size"] or size
    validation = given["validation_data"]
    if validation is not None:
        x_test = validation[0] if isinstance(validation, (list, tuple)) and validation else validation
        training, testing = _batches(x, size), _batches(x_test, test_size)
    else:
        training, testing = _batches(x, size, split), _batches(x, test_size, split, rest=True)
    given["steps_per_epoch"] = _fewer(given["steps_per_epoch"], most, training)
    given["validation_steps"] = _fewer(given["validation_steps"], most, testing)


def _fewer(asked: Any, most: int, there_are: int | None) -> Any:
    """How many steps to ask for instead of those that the code asks for."""
    if asked is not None:
        return min(asked, most) if isinstance(asked, Integral) else asked
    return most if there_are is not None and there_are > most else None


def _batches(x: Any, batch_size: Any, split: float = 0.0, rest: bool = False) -> int | None:
    """How many steps the data has; None where nobody knows, or where `fit` will refuse the arguments.

    Of arrays that are split, the steps of the first part, or those of the `rest`.
    """
    try:
        if is_batches(x):
            return len(x)
        if isinstance(x, dict):
            x = next(iter(x.values()))
        elif isinstance(x, (list, tuple)) and hasattr(x[0], "shape"):
            x = x[0]
        first = training_rows(len(x), split)
        return -(-(len(x) - first if rest else first) // (batch_size or DEFAULT_BATCH))
    except (TypeError, ValueError, LookupError, StopIteration):
        return None
