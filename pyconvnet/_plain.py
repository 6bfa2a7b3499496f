"""Values as JSON holds them."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Nested values as lists, dictionaries and what JSON holds: NumPy's numbers as Python's, None for NaN and infinity,
    text for all else.

    Example:
        >>> plain({"loss": np.float32(0.5), "best": [float("nan"), 1]})
        {'loss': 0.5, 'best': [None, 1]}
    """
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int)) else str(value)


def json_text(value: Any) -> str:
    """`plain` values as JSON."""
    return json.dumps(plain(value), indent=1, allow_nan=False) + "\n"
