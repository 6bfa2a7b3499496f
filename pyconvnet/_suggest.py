"""Errors for unknown names that offer the nearest known one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known word nearest to `name` whatever its case, or None if all are far away."""
    by_lower = {word.lower(): word for word in known}
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
