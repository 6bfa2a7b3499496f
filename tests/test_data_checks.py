"""What may be fed to a model: shapes, dtypes, labels, weights, splits. Views where possible, errors that help."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyconvnet.datasets import ScaledArray
from pyconvnet.training import data
from pyconvnet.training.data import Dataset

IMAGE = (4, 5, 1)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 4, 5, 1), (3, 4, 5), (3, 4, 5, 1, 1)])
def test_input_stays_where_it_is(dtype: str, shape: tuple[int, ...]) -> None:
    x = np.ones(shape, dtype)
    fitted = data.fit_input("fit", x, IMAGE)
    assert isinstance(fitted, np.ndarray)
    assert (fitted.shape, fitted.dtype) == ((3, *IMAGE), x.dtype)
    assert np.shares_memory(fitted, x)


def test_any_strides_stay() -> None:
    x = np.arange(6 * 5 * 4.0).reshape(6, 5, 4).transpose(0, 2, 1)[::-2]
    fitted = data.fit_input("fit", x, IMAGE)
    assert np.shares_memory(fitted, x) and fitted.strides[0] < 0  # type: ignore[arg-type, union-attr]


@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 4, 5, 1), (3, 4, 5, 1, 1)])
def test_scaled_input_stays_lazy(shape: tuple[int, ...]) -> None:
    x = ScaledArray(np.full(shape, 51, np.uint8), 255.0)
    fitted = data.fit_input("fit", x, IMAGE)
    assert isinstance(fitted, ScaledArray)
    assert (fitted.shape, fitted.divisor) == ((3, *IMAGE), 255.0)
    assert np.shares_memory(fitted.array, x.array)


@pytest.mark.parametrize("dtype", [">f4", ">i2", "longdouble"])
def test_foreign_numbers_are_converted(dtype: str) -> None:
    x = np.arange(40).reshape(2, *IMAGE).astype(dtype)
    fitted = np.asarray(data.fit_input("fit", x, IMAGE))
    assert fitted.dtype.isnative and fitted.dtype.itemsize <= 8
    np.testing.assert_array_equal(fitted, x)


def test_list_is_converted() -> None:
    np.testing.assert_array_equal(data.fit_input("fit", [[1, 2], [3, 4]], (2,)), [[1, 2], [3, 4]])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.zeros((3, 4, 6, 1)), ValueError, r"x must have shape \(samples, 4, 5, 1\), got \(3, 4, 6, 1\)"),
        (np.zeros((3, 1, 4, 5)), ValueError, r"x must have shape \(samples, 4, 5, 1\), got \(3, 1, 4, 5\)"),
        (np.zeros((4, 5, 1)), ValueError, r"got \(4, 5, 1\); for a single sample add an axis in front: x\[None\]"),
        (np.zeros((3, 20)), ValueError, r"got \(3, 20\)"),
        (np.zeros((0, 4, 5, 1)), ValueError, r"x is empty \(shape \(0, 4, 5, 1\)\); at least one sample"),
        ([], ValueError, "x is empty"),
        (3.0, TypeError, "x must be an array or a list with one entry for each sample, got 3.0"),
        (None, TypeError, "x must be a NumPy array or a list of numbers, got NoneType"),
        (iter([1]), TypeError, r"x must be a NumPy array .*, got list_iterator"),
        (np.ma.masked_equal(np.ones((3, 4, 5)), 1), ValueError, "x has masked values; fill or drop masked values"),
        (ScaledArray(np.ma.masked_equal(np.ones((3, 4, 5), np.uint8), 1), 255.0), ValueError, "x has masked values"),
        ([[1, 2], [3]], ValueError, "x must be a regular array of numbers"),
        (np.zeros(3, object), TypeError, "x must hold real numbers, got ndarray of dtype object"),
        (["a", "b"], TypeError, "x must hold real numbers, got list of dtype <U1"),
        (np.zeros(3, complex), TypeError, "x must hold real numbers, got ndarray of dtype complex128"),
        (np.zeros(3, "datetime64[s]"), TypeError, "x must hold real numbers, got ndarray of dtype datetime64"),
        ({"a": 1}, TypeError, "x must hold real numbers, got dict of dtype object"),
    ],
)
def test_wrong_input_is_refused(x: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match="fit: .*" + message):
        data.fit_input("fit", x, IMAGE)


@pytest.mark.parametrize("y", [[0, 2, 1], [[0], [2], [1]], [0.0, 2.0, 1.0], np.array([0, 2, 1], np.uint8)])
def test_class_numbers(y: Any) -> None:
    fitted = data.fit_labels("fit", y, 3, True, (3,))
    np.testing.assert_array_equal(fitted, [0, 2, 1])


@pytest.mark.parametrize(
    ("y", "output", "shape"),
    [
        (np.zeros((3, 4)), (4,), (3, 4)),
        (np.zeros(3), (1,), (3, 1)),
        (np.zeros((3, 4, 1)), (4,), (3, 4)),
        (np.zeros((3, 2, 4)), (2, 4), (3, 2, 4)),
        (np.zeros((3, 2)), (2, 1), (3, 2, 1)),
    ],
)
def test_labels_of_the_outputs_shape(y: Any, output: tuple[int, ...], shape: tuple[int, ...]) -> None:
    fitted = data.fit_labels("fit", y, 3, False, output)
    assert fitted.shape == shape and np.shares_memory(fitted, y)


def test_class_numbers_for_every_place() -> None:
    y = np.zeros((3, 2, 2, 1), np.int64)
    assert data.fit_labels("fit", y, 3, True, (2, 2, 5)).shape == (3, 2, 2)


@pytest.mark.parametrize(
    ("y", "sparse", "message"),
    [
        ([0, 1], True, "y must have as many entries as x: 3, got 2"),
        ([0, 1, 4], True, r"labels must be from 0 to 3 \(the model has 4 outputs\), got 4 at sample 2"),
        ([0, -1, 1], True, "labels must be from 0 to 3 .* got -1 at sample 1"),
        ([0, np.nan, 1], True, "labels must be from 0 to 3 .* got nan at sample 1"),
        ([0, 1, 0.5], True, "labels must be whole numbers, got 0.5 at sample 2"),
        (np.eye(4)[:3], True, r"y must be class numbers of shape \(samples,\), got shape \(3, 4\); for one-hot labels"),
        (np.zeros((3, 2)), True, r"y must be class numbers of shape \(samples,\), got shape \(3, 2\)$"),
        ([0, 1, 2], False, "for class numbers use loss='sparse_categorical_crossentropy' or .*to_categorical"),
        (np.eye(3), False, r"\(samples, 4\), got \(3, 3\); the model has 4 outputs and y has 3"),
        ([], True, "y is empty"),
    ],
)
def test_wrong_labels_are_refused(y: Any, sparse: bool, message: str) -> None:
    with pytest.raises(ValueError, match="fit: .*" + message):
        data.fit_labels("fit", y, 3, sparse, (4,))


@pytest.mark.parametrize(
    ("y", "sparse", "message"),
    [
        ([0, 1, 4], True, r"labels y\['a'\] must be from 0 to 3"),
        ([0, 1, 0.5], True, r"labels y\['a'\] must be whole numbers"),
        (np.eye(4)[:3], True, r"y\['a'\] must be class numbers .* or y\['a'\].argmax\(-1\)"),
        ([0, 1, 2], False, r"y\['a'\] must have the shape .*to_categorical\(y\['a'\], 4\)"),
        (np.eye(3), False, r"the model has 4 outputs and y\['a'\] has 3"),
    ],
)
def test_messages_name_the_output_whose_labels_are_wrong(y: Any, sparse: bool, message: str) -> None:
    with pytest.raises(ValueError, match="fit: .*" + message):
        data.fit_labels("fit", y, 3, sparse, (4,), "y['a']")
    with pytest.raises(ValueError, match=r"a cross-entropy takes labels y\['a'\] from 0 to 1"):
        data.check_probabilities("fit", np.full(3, 3.0), "y['a']")


def test_labels_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(TypeError, match="fit: y must hold real numbers"):
        data.fit_labels("fit", ["cat", "dog"], 2, True, (2,))


@pytest.mark.parametrize("weights", [[1, 2, 3], [[1.0], [2.0], [3.0]]])
def test_sample_weights(weights: Any) -> None:
    np.testing.assert_array_equal(data.fit_weights("fit", weights, 3), [1, 2, 3])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2], r"one number a sample, shape \(3,\), got \(2,\)"),
        (np.ones((3, 2)), r"one number a sample, shape \(3,\), got \(3, 2\)"),
        ([1, np.nan, 1], "must be finite, got nan"),
    ],
)
def test_wrong_sample_weights_are_refused(weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match="fit: sample_weight .*" + message):
        data.fit_weights("fit", weights, 3)


@pytest.mark.parametrize(
    ("y", "output"),
    [
        (np.array([0, 2, 1, 2]), (3,)),
        (np.eye(3)[[0, 2, 1, 2]], (3,)),
        (np.array([0.0, 2.0, 1.0, 2.0]), (3,)),
    ],
)
def test_class_weights(y: Any, output: tuple[int, ...]) -> None:
    weights = data.weights_of_classes("fit", y, {0: 3.0, 2: 0.5}, output)
    assert weights.dtype == np.float32
    np.testing.assert_array_equal(weights, [3, 0.5, 1, 0.5])


def test_class_weights_of_one_output() -> None:
    weights = data.weights_of_classes("fit", np.array([[0.0], [1.0]]), {1: 5}, (1,))
    np.testing.assert_array_equal(weights, [1, 5])


@pytest.mark.parametrize(
    ("class_weight", "output", "error", "message"),
    [
        ([1, 2], (3,), TypeError, "class_weight must be a dict"),
        ({"cat": 1.0}, (3,), TypeError, "a class of class_weight must be a whole number, got 'cat'"),
        ({3: 1.0}, (3,), ValueError, "class_weight names class 3, but the classes are 0 to 2"),
        ({0: np.nan}, (3,), ValueError, r"class_weight\[0\] must be finite"),
        ({0: 1.0}, (2, 3), ValueError, r"one label a sample, but the model's output is \(2, 3\)"),
    ],
)
def test_wrong_class_weights_are_refused(
    class_weight: Any, output: tuple[int, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match="fit: .*" + message):
        data.weights_of_classes("fit", np.array([0, 1]), class_weight, output)


@pytest.mark.parametrize(("rows", "share", "first"), [(10, 0.25, 7), (60000, 0.25, 45000), (10, 0.1, 9), (7, 0.5, 3)])
def test_the_last_part_validates(rows: int, share: float, first: int) -> None:
    x = np.arange(rows)
    training, validation = data.split(Dataset((x,), (x + 1,), x + 2), share)
    assert validation is not None and validation.weights is not None
    np.testing.assert_array_equal(training.x[0], x[:first])
    np.testing.assert_array_equal(validation.x[0], x[first:])
    np.testing.assert_array_equal(training.y[0], x[:first] + 1)
    np.testing.assert_array_equal(validation.weights, x[first:] + 2)
    assert np.shares_memory(training.x[0], x)


def test_a_share_of_0_leaves_everything() -> None:
    whole = Dataset((np.arange(3),))
    assert data.split(whole, 0) == (whole, None)


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5, float("nan")])
def test_wrong_share_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="fit: validation_split must be"):
        data.split(Dataset((np.arange(10),)), share)


@pytest.mark.parametrize(("rows", "share", "left"), [(3, 0.9, "leaves 0 for training and 3"), (1, 0.5, "leaves 0")])
def test_a_split_that_leaves_nothing_is_refused(rows: int, share: float, left: str) -> None:
    with pytest.raises(ValueError, match=f"fit: validation_split={share} of {rows} samples {left}"):
        data.split(Dataset((np.arange(rows),)), share)
