"""`ops.affine_warp` against scipy's affine_transform, bit for bit on every ISA; mirrors, choice of rows, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyconvnet import _core, devices, ops
from pyconvnet.ops.affine_warp import FILL_MODES, RESAMPLED

IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])

every_mode = pytest.mark.parametrize("mode", FILL_MODES)


def warp(
    images: np.ndarray, matrices: np.ndarray, mode: str, cval: float, where: devices.Device = devices.CPU
) -> np.ndarray:
    """All images resampled, none mirrored."""
    result: np.ndarray = devices.to_numpy(ops.affine_warp(where.put(images), matrices, fill_mode=mode, cval=cval))
    return result


def scipy_warp(images: np.ndarray, matrices: np.ndarray, mode: str, cval: float) -> np.ndarray:
    """The same by scipy, one plane after the other."""
    ndimage = pytest.importorskip("scipy.ndimage")
    expected = np.empty_like(images)
    for i, m in enumerate(matrices):
        for channel in range(images.shape[3]):
            plane = images[i, :, :, channel]
            expected[i, :, :, channel] = ndimage.affine_transform(
                plane, m[:, :2], m[:, 2], order=1, mode=mode, cval=cval
            )
    return expected


def assert_same_bits(actual: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(actual.view(np.uint32), expected.view(np.uint32))


@every_mode
@pytest.mark.parametrize(
    "shape", [(3, 28, 28, 1), (2, 40, 17, 3), (2, 11, 3, 3), (2, 1, 7, 2), (2, 7, 1, 4), (1, 1, 1, 1), (1, 133, 2, 5)]
)
def test_random_matrices(where: devices.Device, mode: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(sum(shape))
    for spread in (0.1, 1.0, 30.0):
        images = rng.normal(size=shape).astype(np.float32)
        matrices = IDENTITY + spread * rng.normal(size=(shape[0], 2, 3))
        assert_same_bits(warp(images, matrices, mode, 7.25, where), scipy_warp(images, matrices, mode, 7.25))


@every_mode
@pytest.mark.parametrize(
    "shift", [-1e-17, 1e-17, -1e-15, -1e-14, 0.5, -0.5, 1.0, -1.0, 5.0, 6.0, -6.0, -7.0, 12.0, 35.0, -36.0]
)
def test_positions_on_and_beside_the_edges(where: devices.Device, mode: str, shift: float) -> None:
    images = np.random.default_rng(5).normal(size=(2, 6, 7, 2)).astype(np.float32)
    matrices = np.stack([IDENTITY, -IDENTITY])
    matrices[:, :, 2] = shift
    assert_same_bits(warp(images, matrices, mode, -3.5, where), scipy_warp(images, matrices, mode, -3.5))


@every_mode
def test_tiny_weights_of_large_pixels(where: devices.Device, mode: str) -> None:
    rng = np.random.default_rng(8)
    matrices = np.tile(IDENTITY, (40, 1, 1))
    matrices[:, 0, 2] = rng.choice([1e-10, -1e-10, 3e-13, -1e-17, -4e-16, 1 - 1e-11], 40)
    matrices[:, 1, 2] = rng.choice([0.5, 1e-9, 0.25 + 1e-12], 40)
    images = (10.0 ** rng.uniform(-15, 15, (40, 6, 7, 2))).astype(np.float32)
    assert_same_bits(warp(images, matrices, mode, 0.0, where), scipy_warp(images, matrices, mode, 0.0))


@every_mode
def test_sums_that_nearly_cancel_show_every_rounding(where: devices.Device, mode: str) -> None:
    rng = np.random.default_rng(9)
    images = rng.uniform(1.0, 2.0, (600, 2, 2, 1)).astype(np.float32)
    y, x = rng.uniform(0.2, 0.8, (2, 600))
    y[::2] = -1e-17  # reflected to -1 + 1e-15, between two copies of the first row
    a, b, c = images[:, 0, 0, 0], images[:, 0, 1, 0], images[:, 1, 0, 0]
    images[:, 1, 1, 0] = -((1 - y) * ((1 - x) * a + x * b) + y * (1 - x) * c) / (y * x)
    images[::2, :, 1, 0] = (-a * (1 - x) / x)[::2, np.newaxis]
    matrices = np.tile(IDENTITY, (600, 1, 1))
    matrices[:, 0, 2], matrices[:, 1, 2] = y, x
    assert_same_bits(warp(images, matrices, mode, 0.0, where), scipy_warp(images, matrices, mode, 0.0))


@every_mode
def test_pixels_that_are_not_finite(where: devices.Device, mode: str) -> None:
    images = np.random.default_rng(6).normal(size=(1, 5, 6, 1)).astype(np.float32)
    images[0, 4, 1:4, 0] = np.inf, -np.inf, np.nan
    matrices = IDENTITY[np.newaxis] + np.array([0.0, 0.0, 0.25])
    actual = warp(images, matrices, mode, 0.0, where)
    np.testing.assert_array_equal(actual, scipy_warp(images, matrices, mode, 0.0))
    assert np.isnan(actual).any()


def test_the_identity_and_whole_shifts_move_pixels_exactly() -> None:
    images = np.arange(24, dtype=np.float32).reshape(1, 4, 6, 1)
    np.testing.assert_array_equal(warp(images, IDENTITY[np.newaxis], "nearest", 0.0), images)
    shifted = IDENTITY[np.newaxis] + np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -2.0]])
    expected = np.full_like(images, 99.0)
    expected[:, :3, 2:] = images[:, 1:, :4]
    np.testing.assert_array_equal(warp(images, shifted, "constant", 99.0), expected)


def test_bits_do_not_depend_on_the_number_of_threads(threads: None) -> None:
    rng = np.random.default_rng(7)
    images = rng.normal(size=(67, 28, 28, 1)).astype(np.float32)
    images[::3] *= np.float32(1e-38)  # denormals
    matrices = IDENTITY + 0.2 * rng.normal(size=(67, 2, 3))
    results = []
    for count in (1, 2, 5):
        _core.set_num_threads(count)
        results.append(warp(images, matrices, "reflect", 0.0))
    assert_same_bits(results[1], results[0])
    assert_same_bits(results[2], results[0])


def test_no_images() -> None:
    assert warp(np.empty((0, 4, 4, 1), np.float32), np.empty((0, 2, 3)), "nearest", 0.0).shape == (
        0,
        4,
        4,
        1,
    )


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_rows_are_taken_resampled_or_kept_and_mirrored(where: devices.Device, dtype: type, channels: int) -> None:
    rng = np.random.default_rng(10)
    images = rng.integers(0, 256, (5, 6, 7, channels)).astype(dtype)
    rows = np.array([4, 0, 0, 3, 2, 4, 1, 0])
    matrices = IDENTITY + 0.2 * rng.normal(size=(8, 2, 3))
    chosen = np.array([[i & 4, i & 2, i & 1] for i in range(8)], np.bool_)
    matrices[~chosen[:, RESAMPLED]] = np.nan  # nobody looks at them
    actual = ops.affine_warp(where.put(images), matrices, rows=rows, changes=chosen, fill_mode="reflect")
    actual = devices.to_numpy(actual)
    assert actual.dtype == np.float32
    for image, row, matrix, (resampled, upside_down, left_right) in zip(actual, rows, matrices, chosen, strict=True):
        expected = images[row].astype(np.float32)
        if resampled:
            expected = scipy_warp(expected[np.newaxis], matrix[np.newaxis], "reflect", 0.0)[0]
        expected = expected[::-1] if upside_down else expected
        expected = expected[:, ::-1] if left_right else expected
        np.testing.assert_array_equal(image, expected)


def test_images_that_are_not_resampled_keep_their_bits() -> None:
    pixels = np.array([-0.0, np.inf, np.nan, 1e-40], np.float32)
    nothing = np.zeros((2, 2, 3))
    actual = ops.affine_warp(pixels.reshape(1, 2, 2, 1), nothing, rows=[0, 0], changes=np.zeros((2, 3)))
    assert_same_bits(actual.reshape(2, 4), np.stack([pixels, pixels]))


@pytest.mark.parametrize("dtype", ["float64", "int16", "float16", ">f4", "uint64"])
def test_any_dtype_and_layout_is_read_where_it_lies(where: devices.Device, dtype: str) -> None:
    whole = np.random.default_rng(11).integers(0, 200, (6, 9, 5, 2)).astype(dtype)
    images = whole[::2, ::-1, :, 1:]
    matrices = np.tile(IDENTITY + 0.1, (3, 1, 1))
    expected = warp(images.astype(np.float32), matrices, "nearest", 0.0)
    assert_same_bits(warp(images, matrices, "nearest", 0.0, where), expected)


@every_mode
def test_matrices_that_lead_far_away_stay_in_the_image(where: devices.Device, mode: str) -> None:
    """Where rounding is larger than the image any pixel will do, but it has to be a pixel."""
    images = np.arange(1.0, 43.0).reshape(1, 6, 7, 1)
    shifts = np.concatenate([np.geomspace(1, 2e9, 200), -np.geomspace(1, 2e9, 200)])
    matrices = np.tile(IDENTITY, (400, 1, 1))
    matrices[:, 0, 2], matrices[:, 1, 2] = shifts, shifts[::-1]
    rows = np.zeros(400, np.int64)
    warped = devices.to_numpy(ops.affine_warp(where.put(images), matrices, rows=rows, fill_mode=mode, cval=1.0))
    assert warped.min() >= 1.0 and warped.max() <= 42.0


IMAGES = np.zeros((2, 4, 5, 3), np.float32)
MATRICES = np.stack([IDENTITY, IDENTITY])


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"images": IMAGES.astype(np.complex64)}, TypeError, "images.*dtype complex64"),
        ({"images": IMAGES[0]}, ValueError, "images must have 4 axes.*got shape \\(4, 5, 3\\)"),
        ({"images": IMAGES[:, :0]}, ValueError, "input height must be positive, got 0"),
        ({"rows": [1, 2]}, ValueError, "row indices must be from 0 to 1, got 2"),
        ({"rows": [0, -1]}, ValueError, "row indices must be from 0 to 1, got -1"),
        ({"rows": [[0, 1]]}, ValueError, "rows must have shape"),
        ({"matrices": MATRICES[:1]}, ValueError, r"matrices must have shape \(2, 2, 3\), got \(1, 2, 3\)"),
        ({"matrices": MATRICES * np.nan}, ValueError, "matrices must be finite.*matrix 0"),
        ({"matrices": MATRICES * [[[1.0]], [[1e300]]]}, ValueError, "2\\^31 pixels away, matrix 1"),
        ({"changes": np.ones((2, 2))}, ValueError, r"changes must have shape \(2, 3\), got \(2, 2\)"),
        ({"fill_mode": "mirror"}, ValueError, "unknown fill_mode 'mirror'"),
        ({"cval": np.nan}, ValueError, "cval must be finite"),
    ],
)
def test_bad_input(given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"affine_warp.*{message}"):
        ops.affine_warp(**{"images": IMAGES, "matrices": MATRICES, **given})
