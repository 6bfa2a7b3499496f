"""``--max-epochs`` and ``--max-steps``: how many epochs and steps code does while they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyconvnet
from pyconvnet.compat.caps import at_most


class Steps(pyconvnet.callbacks.Callback):
    """Counts the steps of each epoch, and those of each validation or evaluation."""

    def __init__(self) -> None:
        self.trained: list[int] = []
        self.tested: list[int] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.trained.append(0)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.trained[-1] += 1

    def on_test_begin(self, logs: Any = None) -> None:
        self.tested.append(0)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.tested[-1] += 1


def small_model() -> pyconvnet.Sequential:
    model = pyconvnet.Sequential([pyconvnet.layers.Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    return model


def fit(epochs: Any, **options: Any) -> int:
    history = small_model().fit(np.zeros((4, 3)), np.zeros((4, 2)), 2, epochs, 0, **options)
    return len(history.history["loss"])


def test_capped_epochs() -> None:
    before = pyconvnet.Model.fit, pyconvnet.Model.evaluate
    with at_most(2):
        assert [fit(1), fit(50), fit(50, initial_epoch=7), fit(np.int64(50))] == [1, 2, 2, 2]
        with pytest.raises(TypeError, match="did you mean 'validation_split'"):
            fit(1, validation_splitt=0.5)
        assert pyconvnet.Model.evaluate is before[1]
    assert (pyconvnet.Model.fit, pyconvnet.Model.evaluate) == before and fit(3) == 3
    with at_most():
        assert fit(3) == 3


class Batches(pyconvnet.utils.Sequence):
    """Ten batches of two rows."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((2, 3)), np.zeros((2, 2))


X, Y = np.zeros((20, 3)), np.zeros((20, 2))


@pytest.mark.parametrize(
    ("given", "trained", "tested"),
    [
        ({"x": X, "y": Y}, 3, None),
        ({"x": X[:5], "y": Y[:5]}, 3, None),
        ({"x": X[:4], "y": Y[:4]}, 2, None),
        ({"x": X, "y": Y, "validation_split": 0.25}, 3, 3),
        ({"x": X, "y": Y, "validation_split": 0.1}, 3, 1),
        ({"x": X, "y": Y, "validation_data": (X[:4], Y[:4])}, 3, 2),
        ({"x": X, "y": Y, "validation_data": (X, Y), "validation_batch_size": 10}, 3, 2),
        ({"x": X, "y": Y, "steps_per_epoch": 2, "validation_data": (X, Y), "validation_steps": 9}, 2, 3),
        ({"x": X, "y": Y, "steps_per_epoch": np.int64(9)}, 3, None),
        ({"x": {"a": X}, "y": Y}, 3, None),
        ({"x": [X], "y": Y}, 3, None),
        ({"x": Batches(), "validation_data": Batches()}, 3, 3),
        ({"x": iter([(X[:2], Y[:2])] * 4)}, 4, None),
    ],
)
@pytest.mark.filterwarnings("error")
def test_capped_steps(given: dict[str, Any], trained: int, tested: int | None) -> None:
    steps = Steps()
    x = given["x"]
    inputs = pyconvnet.Input((3,), name="a")
    model = pyconvnet.Model({"a": inputs} if isinstance(x, dict) else inputs, pyconvnet.layers.Dense(2)(inputs))
    model.compile("sgd", "mse")
    batch_size = None if isinstance(x, Batches) or hasattr(x, "__next__") else 2
    with at_most(max_steps=3):
        model.fit(**given, batch_size=batch_size, verbose=0, callbacks=[steps])
    assert (steps.trained, steps.tested) == ([trained], [] if tested is None else [tested])


def test_capped_evaluation() -> None:
    steps, model = Steps(), small_model()
    with at_most(max_steps=3):
        model.evaluate(X, Y, 2, 0, callbacks=[steps])
        model.evaluate(X, Y, 2, 0, steps=1, callbacks=[steps])
        model.evaluate(X, Y, verbose=0, callbacks=[steps])
        assert len(model.predict(X, 2, 0)) == 20
        with pytest.raises(TypeError, match="validation_split must be a number"):
            model.fit(X, Y, validation_split="a", verbose=0)
        with pytest.raises(ValueError, match="batch_size must be positive"):
            model.fit(X, Y, 0, verbose=0)
    assert steps.tested == [3, 1, 1]
