"""First values of weights: distributions, fans, seeds, names."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pyconvnet import initializers
from pyconvnet.random import next_seed, set_random_seed

CONV, DENSE = (3, 3, 64, 128), (300, 200)  # fans 576, 1152 and 300, 200
FANS = {CONV: (576, 1152), DENSE: (300, 200)}
# name: variance times n, and what n is
SCALED = {
    "glorot_uniform": (1, "avg"),
    "glorot_normal": (1, "avg"),
    "he_uniform": (2, "in"),
    "he_normal": (2, "in"),
    "lecun_uniform": (1, "in"),
    "lecun_normal": (1, "in"),
}


def test_glorot_kernel_of_the_book() -> None:
    # The book's untrained first layer: 3x3x1 -> 32, limit sqrt(6 / (9 + 288)).
    kernel = initializers.GlorotUniform(seed=1)((3, 3, 1, 32))
    limit = math.sqrt(6 / (9 + 288))
    assert kernel.dtype == np.float32
    assert np.abs(kernel).max() <= limit
    assert kernel.std() == pytest.approx(limit / math.sqrt(3), rel=0.1)
    assert abs(kernel.mean()) < 0.02


@pytest.mark.parametrize("shape", [CONV, DENSE])
@pytest.mark.parametrize("name", SCALED)
def test_variance(name: str, shape: tuple[int, ...]) -> None:
    fan_in, fan_out = FANS[shape]
    assert initializers.compute_fans(shape) == (fan_in, fan_out)
    scale, mode = SCALED[name]
    variance = scale / (fan_in if mode == "in" else (fan_in + fan_out) / 2)
    set_random_seed(3)
    values = initializers.get(name)(shape)
    assert values.std() == pytest.approx(math.sqrt(variance), rel=0.02)
    assert abs(values.mean()) < 0.02 * math.sqrt(variance) * 2
    # A uniform distribution ends at sqrt(3) deviations; a normal one is cut at two and widened by 1 / .8796.
    end = math.sqrt(3 * variance) if name.endswith("uniform") else 2 * math.sqrt(variance) / 0.87962566
    assert 0.98 * end < np.abs(values).max() <= end * (1 + 1e-6)


@pytest.mark.parametrize(
    ("shape", "fans"),
    [((), (1, 1)), ((5,), (5, 5)), ((5, 7), (5, 7)), ((3, 3, 1, 32), (9, 288)), ((5, 3, 2, 4), (30, 60))],
)
def test_fans(shape: tuple[int, ...], fans: tuple[int, int]) -> None:
    assert initializers.compute_fans(shape) == fans


def test_plain_distributions() -> None:
    shape = (100, 100)
    uniform = initializers.RandomUniform(-1, 3, seed=0)(shape)
    assert uniform.min() >= -1 and uniform.max() <= 3 and uniform.mean() == pytest.approx(1, abs=0.05)
    normal = initializers.RandomNormal(2, 0.5, seed=0)(shape)
    assert normal.mean() == pytest.approx(2, abs=0.02) and normal.std() == pytest.approx(0.5, rel=0.03)
    assert np.abs(normal - 2).max() > 1.5
    truncated = initializers.TruncatedNormal(2, 0.5, seed=0)(shape)
    assert np.abs(truncated - 2).max() <= 1 + 1e-6 and truncated.std() == pytest.approx(0.5 * 0.8796, rel=0.03)
    wide = initializers.VarianceScaling(3, "fan_out", "untruncated_normal", seed=0)(shape)
    assert wide.std() == pytest.approx(math.sqrt(3 / 100), rel=0.03)
    np.testing.assert_array_equal(initializers.Zeros()((2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(initializers.Ones()((2,)), np.ones(2))
    np.testing.assert_array_equal(initializers.Constant(0.25)((2,)), [0.25, 0.25])


def test_seeds() -> None:
    seeded = initializers.HeNormal(seed=5)
    np.testing.assert_array_equal(seeded(DENSE), seeded(DENSE))
    np.testing.assert_array_equal(seeded(DENSE), initializers.HeNormal(seed=5)(DENSE))
    assert not np.array_equal(seeded(DENSE), initializers.HeNormal(seed=6)(DENSE))
    fresh = initializers.HeNormal()
    assert not np.array_equal(fresh(DENSE), fresh(DENSE))
    set_random_seed(42)
    first, seed = fresh(DENSE), next_seed()
    set_random_seed(42)
    np.testing.assert_array_equal(fresh(DENSE), first)
    assert next_seed() == seed
    assert 0 <= seed < 2**63


@pytest.mark.parametrize("name", sorted(initializers._TABLE))
def test_names_and_configs(name: str) -> None:
    made = initializers.get(name)
    again = initializers.get({"class_name": type(made).__name__, "config": made.get_config()})
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()
    assert initializers.get(made) is made
    assert type(initializers.get(type(made))) is type(made)


def test_lower_case_names_are_the_classes() -> None:
    assert initializers.he_normal(seed=1).get_config() == {"seed": 1}
    assert initializers.constant(2).get_config() == {"value": 2.0}
