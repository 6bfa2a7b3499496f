"""What ImageDataGenerator refuses, and how it says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyconvnet.preprocessing.image import ImageDataGenerator

X = np.zeros((6, 4, 5, 3), np.uint8)
Y = np.arange(6)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"rotation_range": -1}, ValueError, "rotation_range must be at least 0, got -1"),
        ({"rotation_range": float("nan")}, ValueError, "rotation_range must be finite, got nan"),
        ({"rotation_range": "10"}, TypeError, "rotation_range must be a number, got '10'"),
        ({"rotation_range": True}, TypeError, "rotation_range must be a number, got True"),
        ({"shear_range": float("inf")}, ValueError, "shear_range must be finite"),
        ({"channel_shift_range": -2.0}, ValueError, "channel_shift_range must be at least 0"),
        ({"width_shift_range": -0.1}, ValueError, "width_shift_range must be at least 0"),
        ({"width_shift_range": []}, ValueError, "width_shift_range must name at least one shift"),
        ({"height_shift_range": [1, float("nan")]}, ValueError, r"height_shift_range\[1\] must be finite"),
        ({"height_shift_range": "0.1"}, TypeError, "height_shift_range must be a number or a list of numbers"),
        ({"zoom_range": 1.5}, ValueError, "zoom_range must be from 0 to 1, got 1.5"),
        ({"zoom_range": (0.9, 1.0, 1.1)}, ValueError, "zoom_range must be a pair of numbers"),
        ({"zoom_range": (-0.5, 1.0)}, ValueError, r"zoom_range\[0\] must be at least 0"),
        ({"zoom_range": None}, TypeError, "zoom_range must be a number or a list of numbers"),
        ({"brightness_range": 0.5}, TypeError, "brightness_range"),
        ({"brightness_range": (0.5,)}, ValueError, "brightness_range must be a pair"),
        ({"fill_mode": ["reflect"]}, ValueError, r"unknown fill_mode \['reflect'\]; did you mean 'reflect'"),
        ({"fill_mode": "reflekt"}, ValueError, "unknown fill_mode 'reflekt'; did you mean 'reflect'"),
        ({"cval": float("nan")}, ValueError, "cval must be finite"),
        ({"horizontal_flip": "yes"}, TypeError, "horizontal_flip must be True or False, got 'yes'"),
        ({"vertical_flip": 2}, TypeError, "vertical_flip must be True or False"),
        ({"rescale": float("inf")}, ValueError, "rescale must be finite"),
        ({"preprocessing_function": 3}, TypeError, "preprocessing_function must be callable, got 3"),
        ({"validation_split": 1.0}, ValueError, r"validation_split must be from 0 to 1 \(1 excluded\), got 1.0"),
        ({"validation_split": -0.1}, ValueError, "validation_split must be from 0 to 1"),
        ({"data_format": "channels_first"}, ValueError, "data_format must be 'channels_last'.*moveaxis"),
        ({"interpolation_order": 3}, ValueError, r"interpolation_order must be 1 \(linear\), got 3"),
        ({"dtype": "float64"}, ValueError, "dtype must be 'float32', got 'float64'"),
        ({"dtype": "flot32"}, ValueError, "dtype must be 'float32', got 'flot32'"),
        ({"zca_whitening": True}, ValueError, "zca_whitening is not offered; use featurewise_center"),
    ],
)
def test_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"ImageDataGenerator: .*{message}"):
        ImageDataGenerator(**arguments)


def test_arguments_that_change_nothing_are_accepted() -> None:
    generator = ImageDataGenerator(zca_whitening=False, zca_epsilon=1e-6, data_format="channels_last", dtype=np.float32)
    np.testing.assert_array_equal(next(generator.flow(X + 7, shuffle=False)), np.full(X.shape, 7, np.float32))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"x": X[..., 0]}, ValueError, r"x must have rank 4 .* got shape \(6, 4, 5\); add the axis of channels"),
        ({"x": X[0, 0, 0]}, ValueError, "x must have rank 4"),
        ({"x": np.ma.masked_less(X, 1)}, ValueError, "x has masked values; fill or drop masked values"),
        ({"x": X[:0]}, ValueError, r"x must not be empty, got shape \(0, 4, 5, 3\)"),
        ({"x": X.astype(object)}, TypeError, "x must be numeric, got dtype object"),
        ({"x": X.astype(complex)}, TypeError, "x must be numeric, got dtype complex128"),
        ({"x": [X, X]}, TypeError, "x must be one array .* got a list"),
        ({"x": X, "y": Y[:5]}, ValueError, r"y must have one entry for each of the 6 images, got shape \(5,\)"),
        ({"x": X, "y": 3}, ValueError, "y must have one entry for each of the 6 images"),
        ({"x": X, "y": Y, "sample_weight": Y[:2]}, ValueError, "sample_weight must have one entry"),
        ({"x": X, "sample_weight": Y}, ValueError, "sample_weight needs y"),
        ({"x": X, "batch_size": 0}, ValueError, "batch_size must be positive, got 0"),
        ({"x": X, "batch_size": 2.5}, TypeError, "batch_size must be a whole number, got 2.5"),
        ({"x": X, "batch_size": True}, TypeError, "batch_size must be a whole number, got True"),
        ({"x": X, "shuffle": "no"}, TypeError, "shuffle must be True or False"),
        ({"x": X, "seed": -1}, ValueError, "seed must be at least 0"),
        ({"x": X, "seed": 2**32}, ValueError, r"seed must be below 2\*\*32, got 4294967296"),
        ({"x": X, "subset": "test"}, ValueError, "unknown subset 'test'"),
        ({"x": X, "subset": "training"}, ValueError, "validation_split that leaves images on both sides, got 0.0"),
    ],
)
def test_flow(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"ImageDataGenerator.flow: .*{message}"):
        ImageDataGenerator().flow(**arguments)


def test_subsets_need_the_same_classes() -> None:
    with pytest.raises(ValueError, match="both subsets must hold the same classes"):
        ImageDataGenerator(validation_split=0.5).flow(X, Y, subset="training")


@pytest.mark.parametrize(("index", "error"), [(2, ValueError), (-1, ValueError), ("0", TypeError)])
def test_batch_numbers(index: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="batch number"):
        ImageDataGenerator().flow(X, batch_size=3)[index]


def test_single_images() -> None:
    generator = ImageDataGenerator()
    with pytest.raises(ValueError, match=r"x must have rank 3 .* got shape \(4, 5\); add the axis of channels"):
        generator.random_transform(X[0, ..., 0])
    with pytest.raises(ValueError, match=r"img_shape must be \(height, width, channels\), got \(4, 5\)"):
        generator.get_random_transform((4, 5))
    with pytest.raises(ValueError, match="unknown parameter 'thetta'; did you mean 'theta'"):
        generator.apply_transform(X[0], {"thetta": 3.0})
    with pytest.raises(ValueError, match="matrices must be finite"):
        generator.apply_transform(X[0], {"theta": float("nan")})


def test_fit() -> None:
    generator = ImageDataGenerator(featurewise_center=True)
    with pytest.raises(ValueError, match="x must have rank 4"):
        generator.fit(X[0])
    with pytest.raises(ValueError, match="rounds must be positive, got 0"):
        generator.fit(X, augment=True, rounds=0)
    assert generator.mean is None


def test_preprocessing_functions_must_keep_the_shape() -> None:
    generator = ImageDataGenerator(preprocessing_function=lambda image: image[:2])
    with pytest.raises(ValueError, match=r"preprocessing_function must answer shape \(4, 5, 3\), got \(2, 5, 3\)"):
        next(generator.flow(X))


def test_unknown_argument() -> None:
    with pytest.raises(TypeError, match="unknown argument 'rotaton_range'; did you mean 'rotation_range'"):
        ImageDataGenerator(rotaton_range=3)


def test_warnings() -> None:
    with pytest.warns(UserWarning, match="featurewise_std_normalization also sets featurewise_center"):
        generator = ImageDataGenerator(featurewise_std_normalization=True)
    with pytest.warns(UserWarning, match="is left out, because fit"):
        next(generator.flow(X))
    with pytest.warns(UserWarning, match=r"should have 1, 3 or 4 channels in its last axis, got \(6, 4, 5, 2\)"):
        ImageDataGenerator().flow(X[..., :2])
