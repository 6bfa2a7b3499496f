"""The forms of data that fit and predict read where they lie, and the order of predictions."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from small_models import SPARSE, images, network

from pyconvnet.datasets import ScaledArray
from pyconvnet.layers import Dense, Flatten, Input
from pyconvnet.models import Sequential
from pyconvnet.utils import set_random_seed


@pytest.mark.parametrize("form", ["uint8", "int16", "float16", "float32", "float64", ">f8", "strided", "list", "rank4"])
def test_any_form_of_the_same_data_gives_the_same_bits(form: str) -> None:
    x, y = images()
    forms: dict[str, Any] = {
        "strided": np.repeat(x, 2, axis=0)[::2],
        "list": x.tolist(),
        "rank4": x[..., None].astype(np.float32),
    }
    given = forms[form] if form in forms else x.astype(form)
    plain, other = network(), network()
    labels = y.tolist() if form == "list" else y[:, None].astype(np.float64)
    assert plain.fit(x, y, 16, verbose=0).history == other.fit(given, labels, 16, verbose=0).history
    np.testing.assert_array_equal(plain.predict(x, verbose=0), other.predict(given, verbose=0))


def test_scaled_data_equals_dividing_first() -> None:
    x, y = images()
    plain, scaled = network(), network()
    plain.fit(x / 255.0, y, 16, verbose=0, validation_split=0.2)
    scaled.fit(ScaledArray(x, 255.0), y, 16, verbose=0, validation_split=0.2)
    np.testing.assert_array_equal(plain.get_weights()[0], scaled.get_weights()[0])


def test_the_data_set_is_never_copied() -> None:
    x = np.zeros((4000, 40, 40))  # 51 MB
    y = np.zeros(4000, np.int64)
    set_random_seed(0)
    model = Sequential([Input((40, 40, 1)), Flatten(), Dense(2, activation="softmax")])
    model.compile("sgd", SPARSE, metrics=["accuracy"])
    tracemalloc.start()
    model.fit(x, y, verbose=0, validation_split=0.5)
    model.predict(x, verbose=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6


def test_predictions_come_in_order_whatever_the_batch() -> None:
    x, _ = images(45)
    model = network()
    whole = model.predict(x, batch_size=45, verbose=0)
    assert (whole.shape, whole.dtype) == ((45, 3), np.float32)
    for batch_size in (1, 7, 32, 1000):
        np.testing.assert_allclose(model.predict(x, batch_size, verbose=0), whole, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(x), whole, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model(x[:1]), whole[:1], rtol=1e-5, atol=1e-6)


def test_training_mode_drops_other_elements_each_time() -> None:
    x, _ = images(8)
    model = network()
    assert (model(x) == model(x)).all()
    assert (model(x, training=True) != model(x, training=True)).any()
    assert (network()(x, training=True) == network()(x, training=True)).all()
