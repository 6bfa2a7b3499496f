"""ScaledArray: a uint8 array that reads as float32(v / divisor)."""

from __future__ import annotations

import numpy as np
import pytest

from pyconvnet.datasets import ScaledArray, scaled

ARRAY = np.random.default_rng(3).integers(0, 256, (7, 5, 4), np.uint8)


@pytest.mark.parametrize("divisor", [255, 255.0, 3.0, 1.0, 0.7])
def test_values_equal_dividing_first(divisor):
    every = np.arange(256, dtype=np.uint8)
    x = ScaledArray(every, divisor)
    expected = (every / divisor).astype(np.float32)
    np.testing.assert_array_equal(x.table, expected)
    np.testing.assert_array_equal(np.asarray(x), expected)
    assert np.asarray(x).dtype == x.table.dtype == x.dtype == np.float32


def test_describes_itself():
    x = ScaledArray(ARRAY, 255)
    assert x.shape == (7, 5, 4) and x.ndim == 3 and len(x) == 7 and x.array is ARRAY and x.divisor == 255.0
    assert repr(x) == "ScaledArray(shape=(7, 5, 4), divisor=255.0)"
    with pytest.raises(ValueError, match=r"read-only"):
        x.table[0] = 1


@pytest.mark.parametrize("key", [slice(None), slice(2, 5), slice(None, None, -2), slice(9, 20)])
def test_slices_are_views(key):
    view = ScaledArray(ARRAY, 255)[key]
    assert isinstance(view, ScaledArray) and view.array.base is ARRAY and view.shape == ARRAY[key].shape
    np.testing.assert_array_equal(np.asarray(view), (ARRAY[key] / 255).astype(np.float32))


@pytest.mark.parametrize(
    "key",
    [3, -1, np.int64(2), [0, 3, 3], np.array([6, 1]), np.arange(7) % 2 == 0, (1, 2), (slice(1, 3), 0), ..., (2, 1, 0)],
)
def test_other_indices_give_float32(key):
    value = ScaledArray(ARRAY, 255)[key]
    assert not isinstance(value, ScaledArray) and value.dtype == np.float32
    np.testing.assert_array_equal(value, (ARRAY[key] / 255).astype(np.float32))


def test_index_out_of_range_and_iteration():
    x = ScaledArray(ARRAY, 255)
    with pytest.raises(IndexError):
        x[7]
    np.testing.assert_array_equal(np.stack(list(x)), np.asarray(x))


def test_array_protocol():
    x = ScaledArray(ARRAY, 255)
    assert np.asarray(x, np.float64).dtype == np.float64
    np.testing.assert_array_equal(np.asarray(x, np.float64), np.asarray(x))
    with pytest.raises(ValueError, match=r"ScaledArray: NumPy asked for a view"):
        x.__array__(copy=False)


def test_large_arrays_are_read_in_blocks(monkeypatch):
    monkeypatch.setattr(scaled, "_ELEMENTS_AT_A_TIME", 45)  # two rows of 20
    np.testing.assert_array_equal(np.asarray(ScaledArray(ARRAY, 9)), (ARRAY / 9).astype(np.float32))
    monkeypatch.setattr(scaled, "_ELEMENTS_AT_A_TIME", 1)
    np.testing.assert_array_equal(
        np.asarray(ScaledArray(ARRAY[::2, ::-1], 9)), (ARRAY[::2, ::-1] / 9).astype(np.float32)
    )
    assert np.asarray(ScaledArray(ARRAY[:0], 9)).shape == (0, 5, 4)


@pytest.mark.parametrize(
    ("array", "divisor", "error", "message"),
    [
        (ARRAY.astype(np.float32), 255, TypeError, "array must be a NumPy array of uint8, got float32"),
        ([1, 2], 255, TypeError, "array must be a NumPy array of uint8, got list"),
        (np.array(3, np.uint8), 255, ValueError, "array must have at least one dimension, got a scalar"),
        (ARRAY, 0, ValueError, "divisor must be finite and positive, got 0"),
        (ARRAY, -1.0, ValueError, "divisor must be finite and positive, got -1.0"),
        (ARRAY, float("nan"), ValueError, "divisor must be finite and positive, got nan"),
        (ARRAY, float("inf"), ValueError, "divisor must be finite and positive, got inf"),
    ],
)
def test_refuses(array, divisor, error, message):
    with pytest.raises(error, match=f"ScaledArray: {message}"):
        ScaledArray(array, divisor)
