"""The peer's end of the pipe, and what the peers have in common. Needs nothing but NumPy."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

CLASSES = 10


def serve(handlers: dict[str, Callable[..., dict[str, Any]]]) -> None:
    """Answers requests, a line of JSON each, until the input ends.

    Args:
        handlers: by the request's name; an ImportError in one means that the library is not there.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints goes to stderr
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = handlers[request.pop("do")](**request)
        except ImportError as error:
            answer = {"missing": str(error)}
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def random_data(shape: list[int], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Images float32 [rows, *shape] in [0, 1) and class numbers: the same as for the library that is measured."""
    random = np.random.default_rng(0)
    return random.random((rows, *shape), np.float32), random.integers(0, CLASSES, rows)


def check_parameters(expected: int, got: int) -> None:
    """A network that is not the lecture's would make a comparison worthless."""
    if expected != got:
        raise ValueError(f"the network must have {expected} parameters, got {got}")
