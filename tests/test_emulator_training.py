"""Whole trainings on the emulated CUDA kernels follow those on the processor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from emulated import ORDERS, emulated, emulator
from trainings import OPTIMIZERS, train

emulator()


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_training_follows_the_processor(make: Any) -> None:
    expected, weights = train(make())
    with emulated():
        got, emulated_weights = train(make())
    assert got.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-6, err_msg=name)
    for one, other in zip(emulated_weights, weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_training_gives_the_same_bits_in_any_order_of_threads() -> None:
    results = []
    for order in ORDERS:
        with emulated(order=order):
            history, weights = train("adam")
        results.append((history, [array.tobytes() for array in weights]))
    assert results[1] == results[0]
    assert results[2] == results[0]


def test_training_in_tf32_learns_as_well() -> None:
    expected, _ = train("adam")
    with emulated("emu_tf32"):
        got, _ = train("adam")
    np.testing.assert_allclose(got["loss"], expected["loss"], rtol=0.01)
