"""The plans of a model: printed, kept within bounds, made in few sizes."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from small_models import network

from pyconvnet.layers import Dense
from pyconvnet.models import Sequential
from pyconvnet.training.plans import PlanCache, capacity


def test_plan_can_be_printed() -> None:
    model = network()
    assert "conv2d" in str(model.plan())
    assert str(model.plan(training=True)) != str(model.plan(training=False))
    with pytest.raises(ValueError, match="plan: batch_size must be positive, got 0"):
        model.plan(0)
    with pytest.raises(ValueError, match="does not know its input shape"):
        Sequential([Dense(3)]).plan()


def test_plans_are_kept_within_bounds() -> None:
    class Plan:
        def __init__(self, nbytes: int) -> None:
            self.nbytes = nbytes

    cache, built = PlanCache(100), []

    def get(key: str, nbytes: int) -> None:
        def build() -> Any:
            built.append(key)
            return Plan(nbytes)

        cache.get(key, build)

    for key, nbytes in [("a", 40), ("b", 40), ("a", 40), ("c", 40), ("a", 40), ("b", 40), ("d", 500)]:
        get(key, nbytes)
    assert built == ["a", "b", "c", "b", "d"]
    assert len(cache) == 1
    assert len(copy.deepcopy(cache)) == 0


@pytest.mark.parametrize(
    ("batch_size", "rows", "expected"), [(32, 1, 32), (64, 33, 64), (1000, 40, 64), (50, 9, 32), (7, 100, 7)]
)
def test_plans_have_few_sizes(batch_size: int, rows: int, expected: int) -> None:
    assert capacity(batch_size, rows) == expected
