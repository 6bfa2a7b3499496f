"""The short set that also runs under sanitizers: every op on its small cases, a training, and the pool."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from case import inputs
from cases import CASES

import pyconvnet as pcn
from pyconvnet import _core, layers, ops

_IN_PIECES = ("dense-3x500x2101", "dense-20x20x9000", "dense_backward_weights-521x70x130")
SMALL = [case for case in CASES if case.size == "small" or case.id in _IN_PIECES]


@pytest.mark.parametrize("isa", _core.available_isas())
def test_every_op_runs_on_small_cases(isa: str) -> None:
    before = _core.active_isa()
    try:
        _core.set_isa(isa)
        seen = set()
        for case in SMALL:
            results = getattr(ops, case.op)(**inputs(case, "real"), **case.op_kwargs)
            for result in results if isinstance(results, tuple) else (results,):
                assert result is None or np.isfinite(np.asarray(result)).all(), case.id
            seen.add(case.op)
        assert {"conv2d", "conv2d_backward_data", "conv2d_backward_weights", "max_pool2d", "adam"} <= seen
    finally:
        _core.set_isa(before)


def test_training_with_partial_batches_and_many_threads() -> None:
    before = _core.get_num_threads()
    try:
        _core.set_num_threads(4)
        pcn.utils.set_random_seed(0)
        model = pcn.Sequential(
            [
                layers.Input((7, 7, 3)),
                layers.Conv2D(5, 3, padding="same", activation="relu", kernel_regularizer="l2"),
                layers.MaxPooling2D(),
                layers.BatchNormalization(),
                layers.Flatten(),
                layers.Dropout(0.5),
                layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        x = np.random.default_rng(0).integers(0, 255, (21, 7, 7, 3), np.uint8)
        history = model.fit(x, np.arange(21) % 3, batch_size=8, epochs=2, validation_split=0.25, verbose=0)
        assert np.isfinite(history.history["val_loss"]).all()
        assert len(model.profile(x, np.arange(21) % 3, batch_size=8, steps=2).calls) == len(model.plan().calls)
    finally:
        _core.set_num_threads(before)


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 7, 3), (8, 6, 4)])
@pytest.mark.parametrize("mode", ["nearest", "constant", "reflect", "wrap"])
def test_augmentation_reads_no_pixel_beyond(mode: str, shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (9, *shape), np.uint8)
    generator = pcn.preprocessing.image.ImageDataGenerator(
        rotation_range=180,
        width_shift_range=3.0,
        height_shift_range=3.0,
        shear_range=60,
        zoom_range=0.9,
        horizontal_flip=True,
        fill_mode=mode,
    )
    for given in (images, images.astype(np.float32)):
        batches = generator.flow(given, batch_size=4, seed=1)
        for _ in range(6):
            changed = next(batches)
            assert np.isfinite(changed).all() and changed.min() >= 0 and changed.max() <= 255


def test_two_threads_of_the_caller_take_turns() -> None:
    x = np.random.default_rng(0).normal(size=(4, 9, 9, 3))
    kernel = np.random.default_rng(1).normal(size=(3, 3, 3, 8))
    expected = ops.conv2d(x, kernel)
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(10):
            if not np.array_equal(ops.conv2d(x, kernel), expected):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
