"""Data as numbered batches and from generators: against real Keras, and what is done otherwise."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from golden import load_table
from golden.sequence_rows import ROWS, drive
from small_models import SPARSE, linear, problem

import pyconvnet
from pyconvnet.callbacks import Callback
from pyconvnet.layers import Dense
from pyconvnet.models import Sequential
from pyconvnet.preprocessing.image import ImageDataGenerator
from pyconvnet.training.loop import data_order
from pyconvnet.utils import PyDataset, Sequence

RESULTS = load_table("sequences")["results"]
X, Y = problem()


class Batches(Sequence):
    """Six batches of five rows; remembers which were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        self.asked.append(index)
        return X[5 * index : 5 * index + 5], Y[5 * index : 5 * index + 5]


def generator(sizes: list[int], weighted: bool = False) -> Iterator[tuple[np.ndarray, ...]]:
    """Batches of these sizes, from the front."""
    ends = np.cumsum(sizes)
    for size, end in zip(sizes, ends, strict=True):
        rows = slice(end - size, end)
        yield (X[rows], Y[rows], np.ones(size)) if weighted else (X[rows], Y[rows])


@pytest.mark.parametrize(
    ("row", "expected"),
    list(zip(ROWS, RESULTS, strict=True)),
    ids=lambda value: "-".join(map(str, value.values())) if "source" in value else "",
)
def test_runs_are_keras(row: dict[str, Any], expected: dict[str, Any]) -> None:
    got = drive(pyconvnet, row)
    assert got["seen"] == expected["seen"]
    assert list(got["history"]) == list(expected["history"])
    for what in ("history", "evaluated"):
        for name, values in expected[what].items():
            np.testing.assert_allclose(got[what][name], values, 2e-5, 1e-6, err_msg=name)
    np.testing.assert_allclose(got["predicted"], expected["predicted"], 1e-5, 1e-6)


def test_batches_train_as_the_arrays_they_are_cut_from() -> None:
    arrays, numbered, yielded = linear(), linear(), linear()
    expected = arrays.fit(X, Y, 5, 2, 0, shuffle=False).history
    assert numbered.fit(Batches(), epochs=2, shuffle=False, verbose=0).history == expected
    twice = itertools.chain(generator([5] * 6), generator([5] * 6))
    assert yielded.fit(twice, epochs=2, steps_per_epoch=6, verbose=0).history == expected
    for model in (numbered, yielded):
        np.testing.assert_array_equal(model.get_weights()[0], arrays.get_weights()[0])
        np.testing.assert_array_equal(model.predict(Batches(), verbose=0), arrays.predict(X, 5, 0))
        assert model.evaluate(generator([5] * 6), verbose=0) == arrays.evaluate(X, Y, 5, 0)


def test_sequence_is_shuffled_by_the_seed_of_the_model() -> None:
    first, second = Batches(), Batches()
    model = linear()
    model.fit(first, epochs=2, verbose=0)
    linear().fit(second, epochs=2, verbose=0)
    expected = [*data_order(model._seed, 0, 6, True), *data_order(model._seed, 6, 6, True)]
    assert first.asked == second.asked == expected
    assert sorted(first.asked[:6]) == list(range(6)) and first.asked[:6] != first.asked[6:]


@pytest.mark.parametrize("sizes", [[3, 20, 7], [20, 3, 7], [1, 1, 2, 26]])
def test_batches_of_any_sizes(sizes: list[int]) -> None:
    model, twin = linear(), linear()
    sums = np.zeros(2)
    for (x, y), size in zip(generator(sizes), sizes, strict=True):
        sums += size * np.array(twin.train_on_batch(x, y))
    history = model.fit(generator(sizes), verbose=0).history
    np.testing.assert_array_equal(model.get_weights()[0], twin.get_weights()[0])
    np.testing.assert_allclose([history["loss"][0], history["accuracy"][0]], sums / 30, 1e-6)
    mixed = itertools.chain(generator([30], weighted=True), generator([30]))
    np.testing.assert_allclose(model.evaluate(mixed, verbose=0), model.evaluate(X, Y, verbose=0), 1e-6)


def test_class_weight_of_batches() -> None:
    model, twin = linear(), linear()
    model.fit(Batches(), shuffle=False, verbose=0, class_weight={0: 3.0})
    twin.fit(X, Y, 5, shuffle=False, verbose=0, class_weight={0: 3.0})
    np.testing.assert_array_equal(model.get_weights()[0], twin.get_weights()[0])


def test_the_first_batch_builds_the_model() -> None:
    for source in (Batches(), generator([5, 5])):
        model = Sequential([Dense(3, activation="softmax")])
        model.compile("sgd", SPARSE)
        model.fit(source, verbose=0)
        assert model.input_shape == (None, 6) and model.optimizer is not None
        assert model.optimizer.iterations == (6 if isinstance(source, Batches) else 2)


def test_a_generator_that_ends_too_soon_ends_the_training() -> None:
    epochs: list[int] = []

    class Epochs(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            epochs.append(epoch)

    model = linear()
    with pytest.warns(UserWarning, match="fit: the data ran out after . of 2 steps") as seen:
        history = model.fit(generator([5] * 3), epochs=4, steps_per_epoch=2, verbose=0, callbacks=[Epochs()])
    assert len(history.history["loss"]) == 2 and epochs == [0, 1] and model.optimizer is not None
    assert model.optimizer.iterations == 3
    assert ["after 1" in str(one.message) for one in seen] == [True, False]
    with pytest.warns(UserWarning, match="fit: validation_data: the data ran out after 0 steps"):
        history = model.fit(X, Y, epochs=2, verbose=0, validation_data=generator([5]))
    assert [len(history.history[name]) for name in ("loss", "val_loss")] == [2, 1]


def test_what_suffices_does_not_warn() -> None:
    model = linear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(generator([5] * 6), epochs=3, steps_per_epoch=2, verbose=0)
        model.fit(generator([5] * 6), verbose=0)
        loss, accuracy = model.evaluate(generator([5] * 6), verbose=0)
        predicted = model.predict(((x,) for x, _ in generator([5] * 6)), verbose=0)
    assert model.optimizer.iterations == 12
    assert np.isfinite(loss) and 0 <= accuracy <= 1 and predicted.shape == (30, 3)


def test_a_generator_is_not_read_further_than_asked() -> None:
    source = generator([5] * 6)
    linear().fit(source, steps_per_epoch=4, verbose=0)
    assert len(list(source)) == 2


def test_flow_is_taken_batch_by_batch() -> None:
    images = np.arange(6 * 4 * 4, dtype=np.float32).reshape(6, 4, 4, 1)
    batches = ImageDataGenerator(rescale=1 / 96).flow(images, np.arange(6) % 2, batch_size=4, shuffle=False)
    model = Sequential([pyconvnet.layers.Flatten(), Dense(2, activation="softmax")])
    model.compile("sgd", SPARSE, metrics=["accuracy"])
    history = model.fit(batches, epochs=2, validation_data=batches, verbose=0).history
    assert len(history["val_accuracy"]) == 2
    expected = model.predict(images / np.float32(96), verbose=0)
    np.testing.assert_allclose(model.predict(batches, verbose=0), expected, 1e-6)
    assert model.evaluate(batches, verbose=0) == pytest.approx(
        model.evaluate(images / np.float32(96), np.arange(6) % 2, verbose=0), rel=1e-6
    )


def test_progress_of_an_unknown_number_of_steps(capsys: pytest.CaptureFixture[str]) -> None:
    linear().fit(generator([5] * 6), verbose=2)
    assert capsys.readouterr().out.startswith("6/6 - 0s - ")


class Empty(Batches):
    def __len__(self) -> int:
        return 0


class Endless(Batches):
    @property
    def num_batches(self) -> None:
        return None


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: linear().fit(Batches(), Y), ValueError, r"fit: y must be part of each batch \(x, y, .* of Batches"),
        (
            lambda: linear().evaluate(generator([5]), sample_weight=Y),
            ValueError,
            "evaluate: sample_weight must be part",
        ),
        (lambda: linear().fit(generator([])), ValueError, "fit: generator yields no batch; at least one is needed"),
        (lambda: linear().fit(Empty()), ValueError, r"fit: Empty has no batches \(its length is 0\)"),
        (lambda: linear().fit(Endless()), ValueError, "fit: a Endless without an end needs a number of steps"),
        (
            lambda: linear().fit(Batches(), validation_split=0.5),
            ValueError,
            "validation_split needs arrays, got Batches",
        ),
        (lambda: linear().fit(iter([3])), ValueError, r"fit: batch 0: must be \(x,\), \(x, y\) or .*, got int"),
        (lambda: linear().fit(iter([(1, 2, 3, 4)])), ValueError, "fit: batch 0: must be .*, got 4 entries"),
        (
            lambda: linear().fit(iter([(X, Y), (X, Y[1:])])),
            ValueError,
            "fit: batch 1: y must have as many entries as x",
        ),
        (lambda: linear().fit(X, Y, validation_data=iter([(X,)])), TypeError, "validation_data: batch 0: y must be"),
        (lambda: PyDataset()[0], NotImplementedError, "PyDataset: define __getitem__"),
        (lambda: linear().fit(PyDataset()), NotImplementedError, "PyDataset: define __len__"),
        (lambda: PyDataset(workers=1.5), TypeError, "PyDataset: workers must be a whole number"),  # type: ignore[arg-type]
    ],
)
def test_refusals(wrong: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        wrong()
