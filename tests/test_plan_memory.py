"""What a plan says of its memory, beside what was added up by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn
from pyconvnet import layers
from pyconvnet.bench.networks import NETWORKS
from pyconvnet.plan.memory import Interval, Memory, most_live, pack


def two_layers() -> pcn.Sequential:
    """4 > 3 > 2 with tanh in between, and momentum."""
    model = pcn.Sequential([layers.Input((4,)), layers.Dense(3), layers.Activation("tanh"), layers.Dense(2)])
    model.compile(pcn.optimizers.SGD(momentum=0.9), "mse")
    return model


def test_memory_of_a_training_step_by_hand() -> None:
    memory = two_layers().plan(8).memory
    weights = 4 * (4 * 3 + 3 + 3 * 2 + 2)
    assert memory.weights == weights
    assert memory.slots == weights + 16  # velocities, and the sum and the count of the loss
    # At the loss: x [8, 4], what tanh answered [8, 3], predictions, labels and gradient [8, 2], losses [8].
    assert memory.kept == 4 * 8 * (4 + 3 + 3 * 2 + 1)
    # With scratch, at the second layer: x, its input, dy [8, 2] and once more in panels of 16, its gradients.
    assert memory.live == 4 * 8 * (4 + 3 + 2 + 16) + 4 * (3 * 2 + 2)
    assert memory.total == memory.weights + memory.slots + memory.arena
    assert memory.needed == memory.weights + memory.slots + memory.kept


def test_predicting_by_hand() -> None:
    memory = two_layers().plan(8, training=False).memory
    assert memory.kept == memory.live == 4 * 8 * (4 + 3)  # the first layer: in and out
    assert memory.slots == 0
    assert memory.thread == 4 * 128 * 64  # a panel of weights


def test_threads_work_in_the_most_that_any_call_asks_for() -> None:
    memory = two_layers().plan(8).memory
    assert memory.thread == 4 * 512 * 64  # the gradient of a dense kernel packs its inputs
    assert f"each thread works in {memory.thread / 2**20:.1f} MiB more" in str(two_layers().plan(8)).splitlines()[1]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 12), st.integers(0, 6)), max_size=24))
@settings(max_examples=200, deadline=None)
def test_most_live_is_the_worst_call_and_no_more_than_any_arena(blocks: list[tuple[int, int, int]]) -> None:
    intervals = [Interval(nbytes, first, first + length) for nbytes, first, length in blocks]
    of_calls = [sum(block.nbytes for block in intervals if block.first <= call <= block.last) for call in range(20)]
    assert most_live(intervals) == max(of_calls)
    assert most_live(intervals) <= pack(intervals)[1]


def test_the_printed_plan_says_it() -> None:
    memory = NETWORKS["book"].model().plan(32).memory
    head, second = str(NETWORKS["book"].model().plan(32)).splitlines()[:2]
    assert head.endswith(f"arena {memory.arena / 2**20:.1f} MiB ({memory.live / 2**20:.1f} MiB live at once)")
    assert second.startswith("Memory: ") and "weights 1.3, optimizer 2.5, arena" in second
    assert f"{memory.total / memory.needed:.2f} times the {memory.needed / 2**20:.1f} MiB that must be live" in second


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "lenet5"])  # its packed kernels are larger
def test_a_step_of_the_lecture_takes_little_more_than_it_must(name: str) -> None:
    memory: Memory = NETWORKS[name].model().plan(32).memory
    assert memory.total <= 1.5 * memory.needed
