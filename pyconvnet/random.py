"""Where seeds come from: one generator for the process, from the operating system until the user seeds it."""

from __future__ import annotations

import random

import numpy as np

from pyconvnet.ops._check import integer

_generator = np.random.Generator(np.random.Philox())


def set_random_seed(seed: int) -> None:
    """Makes all that follows repeatable: weights, dropout, shuffling, and Python's and NumPy's own numbers.

    Args:
        seed: from 0 to 2**32 - 1.

    Raises:
        ValueError, TypeError: a seed that is no such number.

    Example:
        >>> from pyconvnet.utils import set_random_seed
        >>> set_random_seed(42)
    """
    global _generator
    seed = integer("set_random_seed", "seed", seed, minimum=0, bits=32)
    random.seed(seed)
    np.random.seed(seed)
    _generator = np.random.Generator(np.random.Philox(seed))


def next_seed() -> int:
    """A fresh seed, from 0 to 2**63 - 1, for whoever needs a stream of numbers of its own."""
    return int(_generator.integers(2**63, dtype=np.uint64))
