"""Errors for unknown names and keywords that offer the nearest known one."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def nearest(name: str, words: Iterable[str]) -> str | None:
    """The word nearest to `name` whatever its case, or None if all are far away."""
    by_lower = {word.lower(): word for word in words}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else None


def unknown(who: str, what: str, name: object, known: Iterable[str]) -> str:
    """The sentence for a name that nobody knows.

    Args:
        who: the function or object that was given the name.
        what: what it should have been the name of, such as "loss".
        name: what was given.
        known: the names that would have done.

    Returns:
        One line: who, what was got, the nearest known name, all known names.

    Example:
        >>> unknown("compile", "optimizer", "adma", ["adam", "sgd"])
        "compile: unknown optimizer 'adma'; did you mean 'adam'? Known: adam, sgd"
    """
    words = sorted(set(known))
    near = nearest(str(name), words)
    hint = f"; did you mean '{near}'?" if near else "."
    return f"{who}: unknown {what} {name!r}{hint} Known: {', '.join(words)}"


def known(who: str, what: str, name: object, table: Collection[str]) -> str:
    """`name` where `table` has it.

    Args:
        who, what: for the message, as for `unknown`.
        name: what was given.
        table: the names that do.

    Raises:
        ValueError: another name, or no text at all; the sentence is that of `unknown`.

    Example:
        >>> known("train", "order", "first", ["first", "last"])
        'first'
    """
    if not isinstance(name, str) or name not in table:
        raise ValueError(unknown(who, what, name, table))
    return name


def unknown_argument(who: str, name: str, known: Sequence[str]) -> str:
    """The sentence for an argument that a function or constructor does not have.

    Args:
        who: the function or object that was given the argument.
        name: the argument's name.
        known: the names of its arguments, in order.

    Example:
        >>> unknown_argument("fit", "batchsize", ["x", "y", "batch_size"])
        "fit: unknown argument 'batchsize'; did you mean 'batch_size'?"
    """
    near = nearest(name, known)
    hint = f"did you mean '{near}'?" if near else f"known are {', '.join(known)}"
    return f"{who}: unknown argument '{name}'; {hint}"


def suggests_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """Decorates a function or method: a misspelt keyword is told the nearest one, on every version of Python.

    Args:
        function: it must not take any keyword (`**options`).

    Returns:
        The function; a keyword that it does not have raises a TypeError.
    """
    known = [name for name in inspect.signature(function).parameters if name != "self"]

    @functools.wraps(function)
    def checked(*args: P.args, **options: P.kwargs) -> R:
        for name in options:
            if name not in known:
                raise TypeError(unknown_argument(function.__name__, name, known))
        return function(*args, **options)

    return checked
