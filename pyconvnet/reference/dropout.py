"""Dropout, and the counter-based random numbers (Philox4x32-10) that decide which cells it drops.

A counter-based generator has no state: block number c of the random numbers is a function of c and of the key. The mask
of a training step can therefore be made again at any time, for any cell, by any number of threads, on any device.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pyconvnet.reference.shape import Array

_MASK_32 = np.uint64(0xFFFFFFFF)
_SHIFT_32 = np.uint64(32)
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)  # golden ratio and sqrt(3) - 1, as 32-bit fractions
_ROUNDS = 10


def philox4x32(counter: Array, key: tuple[int, int]) -> npt.NDArray[np.uint32]:
    """Turn each counter into four random words.

    Args:
        counter: [blocks, 4] of any integer type with values in 0 .. 2^32 - 1.
        key: two numbers in 0 .. 2^32 - 1, the same for all blocks.

    Returns:
        words: uint32 [blocks, 4].

    Example:
        >>> [f"{word:08x}" for word in philox4x32(np.zeros((1, 4), np.uint32), (0, 0))[0]]
        ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']

    Formula: Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011).
    """
    c0, c1, c2, c3 = (counter[:, word].astype(np.uint64) for word in range(4))
    k0, k1 = key
    for _ in range(_ROUNDS):
        product0 = _MULTIPLIERS[0] * c0  # 32 x 32 bits make 64
        product1 = _MULTIPLIERS[1] * c2
        high0, low0 = product0 >> _SHIFT_32, product0 & _MASK_32
        high1, low1 = product1 >> _SHIFT_32, product1 & _MASK_32
        c0, c1, c2, c3 = high1 ^ c1 ^ np.uint64(k0), low1, high0 ^ c3 ^ np.uint64(k1), low0
        k0 = (k0 + _KEY_STEPS[0]) % 2**32
        k1 = (k1 + _KEY_STEPS[1]) % 2**32
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def uniform(size: int, *, seed: int, iteration: int, instance: int) -> npt.NDArray[np.float64]:
    """Draw the numbers in [0, 1) that belong to the cells of one dropout layer in one training step.

    Args:
        size: cells in the batch; cell e (row-major) takes word e % 4 of block e // 4.
        seed: 64 bits: the key of the generator.
        iteration: number of the training step.
        instance: number of the dropout layer in the model.

    Returns:
        u: float64 [size], multiples of 2^-24, so that a float32 holds them exactly.

    Example:
        >>> uniform(1, seed=0, iteration=0, instance=0).tolist()
        [0.3990464210510254]
    """
    block = np.arange(-(-size // 4), dtype=np.uint64)
    counter = np.zeros((len(block), 4), np.uint64)
    counter[:, 0] = block & _MASK_32
    counter[:, 1] = block >> _SHIFT_32
    counter[:, 2] = instance
    counter[:, 3] = iteration
    words = philox4x32(counter, (seed % 2**32, seed >> 32)).ravel()[:size]
    return (words >> np.uint32(8)).astype(np.float64) * 2.0**-24


def dropout(x: Array, rate: float, *, seed: int, iteration: int = 0, instance: int = 0) -> Array:
    """Drop cells at random and make the others larger, so that the expected sum stays.

    Args:
        x: a batch of any shape.
        rate: probability of dropping a cell, 0 <= rate <= 1.
        seed: 64 bits.
        iteration: number of the training step.
        instance: number of the dropout layer in the model.

    Returns:
        y: like x; 0 where u < rate, x / (1 - rate) elsewhere, with the factor rounded to float32.

    Raises:
        ValueError: if the rate is not a probability.

    Example:
        >>> dropout(np.ones(6), 0.5, seed=3).tolist()
        [2.0, 0.0, 2.0, 2.0, 0.0, 2.0]

    Formula: Srivastava et al., "Dropout" (JMLR 2014), in the inverted form of Keras `Dropout`.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"dropout: rate must lie in 0 .. 1, got {rate}")
    if rate == 1:
        return np.zeros_like(x)
    u = uniform(x.size, seed=seed, iteration=iteration, instance=instance).reshape(x.shape)
    scale = np.float32(1 / (1 - rate)).astype(x.dtype)
    return np.where(u >= rate, x * scale, 0).astype(x.dtype)


def dropout_backward(dy: Array, rate: float, *, seed: int, iteration: int = 0, instance: int = 0) -> Array:
    """Drop and scale the gradient as the cells were dropped and scaled: the mask is simply made again.

    Args:
        dy: gradient of the output, of the shape of the batch.
        rate: as in `dropout`; so are seed, iteration and instance.
        seed: 64 bits.
        iteration: number of the training step.
        instance: number of the dropout layer in the model.

    Returns:
        dx: like dy.

    Raises:
        ValueError: if the rate is not a probability.

    Example:
        >>> dropout_backward(np.ones(6), 0.5, seed=3).tolist()
        [2.0, 0.0, 2.0, 2.0, 0.0, 2.0]
    """
    return dropout(dy, rate, seed=seed, iteration=iteration, instance=instance)
