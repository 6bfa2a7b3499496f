"""JSON of files that are not trusted."""

from __future__ import annotations

import json
from typing import Any

MOST_BYTES = 8 * 2**20  # a layer takes about 1,300
_MOST_DEPTH = 100  # lists and dictionaries in each other; a network inside a network takes about 8


def read_json(who: str, what: str, text: str | bytes) -> dict[str, Any]:
    """A dictionary from JSON.

    Args:
        who: who loads what, for messages.
        what: which text it is.
        text: the JSON.

    Raises:
        ValueError: no JSON, no dictionary, too long, or nested too deep.
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"{who}: {what} must have at most {MOST_BYTES} bytes, got {len(text)}")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{who}: {what} is no JSON that can be read: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{who}: {what} must be a dictionary, got {type(value).__name__}")
    level: list[Any] = [value]
    for _ in range(_MOST_DEPTH):
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
        level = [item for item in level if isinstance(item, (dict, list))]
        if not level:
            return value
    raise ValueError(f"{who}: {what} is nested more than {_MOST_DEPTH} levels deep")
