"""Adam's root and quotient, which AVX-512 takes from estimates: two units in the last place at most, and the edges."""

from __future__ import annotations

import numpy as np
import pytest

from pyconvnet.ops._kernel import run_kernel

pytestmark = pytest.mark.usefixtures("isa")


def step(
    m: np.ndarray, v: np.ndarray, epsilon: float, gradient: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One step of rate 1 from w = 0; the new m, the new v, and m / (sqrt(v) + epsilon) as it came out."""
    m, v, w = m.astype(np.float32), v.astype(np.float32), np.zeros(m.size, np.float32)
    rates = {"beta_1": 0.5, "beta_2": 0.5, "epsilon": epsilon, "size": m.size}
    g = np.full(m.size, gradient, np.float32)
    run_kernel("adam", rates, rows=1, iteration=10_000, learning_rate=1.0, w=w, gradient=g, m=m, v=v)
    return m, v, -w


@pytest.mark.parametrize("epsilon", [0.0, 1e-7, 1.0])
def test_root_and_quotient_are_within_two_units_in_the_last_place(epsilon: float) -> None:
    """v through its whole range but for the smallest, all mantissas alike; m / sqrt(v) is at most 100 in training."""
    rng = np.random.default_rng(3)
    v = np.exp2(rng.uniform(-96.0, 120.0, 200_003))
    m = np.sqrt(v) * rng.uniform(-100.0, 100.0, v.size)
    m, v, quotient = step(m, v, epsilon)
    divisor = np.float64(np.sqrt(np.float64(v)).astype(np.float32) + np.float32(epsilon))
    exact = m / divisor
    assert (np.abs(quotient - exact) <= 2 * np.spacing(np.abs(exact).astype(np.float32))).all()


def test_the_edges_of_the_range() -> None:
    """m and v are halved by the step: its gradient is zero."""
    table = np.array(
        [  # m, v, m / (sqrt(v) + 1/2) with the new ones
            (0.0, 0.0, 0.0),
            (0.0, 1e-40, 0.0),
            (1.0, 0.0, 1.0),
            (1.0, 1e-40, 1.0),
            (2.0, 0.5, 1.0),
            (np.nan, 1.0, np.nan),
            (1.0, np.nan, np.nan),
        ]
    )
    for count in (3, len(table)):  # not all lanes, and some that are not in use
        m, v, expected = table[:count].T
        np.testing.assert_array_equal(step(m, v, 0.5)[2], expected)


def test_a_square_that_overflows_stops_the_step() -> None:
    _, v, quotient = step(np.zeros(20), np.ones(20), 1e-7, gradient=3e19)
    np.testing.assert_array_equal(v, np.full(20, np.inf))
    np.testing.assert_array_equal(quotient, np.zeros(20))


def test_without_epsilon_nothing_divided_by_nothing_is_no_number() -> None:
    np.testing.assert_array_equal(step(np.zeros(20), np.zeros(20), 0.0)[2], np.full(20, np.nan))
    np.testing.assert_array_equal(step(np.ones(20), np.zeros(20), 0.0)[2], np.full(20, np.inf))
