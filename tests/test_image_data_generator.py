"""ImageDataGenerator: the batches of real Keras bit for bit, and the same algorithm written with scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden import load_arrays

from pyconvnet.preprocessing.image import ImageDataGenerator

CASES, ARRAYS = load_arrays("image_data_generator")
LECTURE: dict[str, Any] = next(row["settings"] for row in CASES if row["name"] == "lecture")


def gray(n: int = 6, height: int = 12, width: int = 10, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, height, width, channels)).astype(np.uint8)


@pytest.mark.parametrize("row", CASES, ids=lambda row: row["name"])
def test_batches_are_those_of_keras(row: dict[str, Any]) -> None:
    x, y = ARRAYS[f"{row['name']}/x"], ARRAYS[f"{row['name']}/y"]
    np.random.seed(17)
    generator = ImageDataGenerator(**row["settings"])
    if row["fit"] is not None:
        generator.fit(x, **row["fit"])
    batches = generator.flow(x, y, **row["flow"])
    for i in range(3):
        images, labels = next(batches)
        assert images.dtype == np.float32
        np.testing.assert_array_equal(images, ARRAYS[f"{row['name']}/batch{i}_x"])
        np.testing.assert_array_equal(labels, ARRAYS[f"{row['name']}/batch{i}_y"])
    parameters = generator.get_random_transform(x.shape[1:])
    assert {name: None if value is None else float(value) for name, value in parameters.items()} == row["parameters"]
    assert np.random.random() == row["next_random"]


def keras_matrix(p: dict[str, Any], height: int, width: int) -> np.ndarray:
    """The 3 x 3 matrix of one image as the description of the algorithm has it, with np.dot on single matrices."""
    a, s = np.deg2rad(p["theta"]), np.deg2rad(p["shear"])
    y, x = height / 2 - 0.5, width / 2 - 0.5
    factors = [
        np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]),
        np.array([[1, 0, p["tx"]], [0, 1, p["ty"]], [0, 0, 1]]),
        np.array([[1, -np.sin(s), 0], [0, np.cos(s), 0], [0, 0, 1]]),
        np.array([[p["zx"], 0, 0], [0, p["zy"], 0], [0, 0, 1]]),
    ]
    product = factors[0]
    for factor in factors[1:]:
        product = np.dot(product, factor)
    product = np.dot(np.array([[1, 0, y], [0, 1, x], [0, 0, 1]]), product)
    product = np.dot(product, np.array([[1, 0, -y], [0, 1, -x], [0, 0, 1]]))
    swap = np.array([1, 0, 2])
    return product[swap][:, swap]


@pytest.mark.parametrize("mode", ["nearest", "constant", "reflect", "wrap"])
def test_pixels_are_those_of_scipy(mode: str) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    x = gray(40, 17, 13, 3)
    generator = ImageDataGenerator(**LECTURE, vertical_flip=True, fill_mode=mode, cval=3.0)
    np.random.seed(2)
    batch = next(generator.flow(x, batch_size=40, shuffle=False))
    after = np.random.random()
    np.random.seed(2)
    for image, actual in zip(x.astype(np.float32), batch, strict=True):
        p = generator.get_random_transform(image.shape)
        m = keras_matrix(p, 17, 13)
        planes = [
            ndimage.affine_transform(image[:, :, c], m[:2, :2], m[:2, 2], order=1, mode=mode, cval=3.0)
            for c in range(3)
        ]
        expected = np.stack(planes, axis=-1)
        expected = expected[:, ::-1] if p["flip_horizontal"] else expected
        expected = expected[::-1] if p["flip_vertical"] else expected
        np.testing.assert_array_equal(actual, expected)
    assert np.random.random() == after


def test_single_images_are_those_of_the_batch() -> None:
    x = gray(8, 12, 10, 3)
    generator = ImageDataGenerator(**LECTURE, channel_shift_range=20.0, brightness_range=(0.5, 1.5))
    np.random.seed(3)
    batch = next(generator.flow(x, batch_size=8, shuffle=False))
    np.random.seed(3)
    singles = [generator.random_transform(image) for image in x]
    np.testing.assert_array_equal(batch, singles)
    np.testing.assert_array_equal(generator.random_transform(x[0], seed=9), generator.random_transform(x[0], seed=9))


def test_draws_of_preprocessing_functions_stay_in_keras_order() -> None:
    x = gray(5)
    seen: list[float] = []

    def noise(image: np.ndarray) -> np.ndarray:
        seen.append(np.random.random())
        return image + seen[-1]

    np.random.seed(4)
    generator = ImageDataGenerator(rotation_range=20, rescale=0.5, preprocessing_function=noise)
    batch = next(generator.flow(x, batch_size=5, shuffle=False))
    np.random.seed(4)
    plain = ImageDataGenerator(rotation_range=20)
    for i, image in enumerate(x):
        moved = plain.random_transform(image)
        number = np.random.random()
        assert number == seen[i]
        np.testing.assert_array_equal(batch[i], (moved + number) * np.float32(0.5))


def test_images_that_nothing_happens_to_are_untouched() -> None:
    x = np.random.default_rng(0).normal(size=(4, 5, 6, 3)).astype(np.float32)
    kept = x.copy()
    generator = ImageDataGenerator()
    assert generator.apply_transform(x[0], generator.get_random_transform(x[0].shape)).base is x
    batch = next(generator.flow(x, shuffle=False))
    np.testing.assert_array_equal(batch, x)
    changing = ImageDataGenerator(**LECTURE, rescale=2.0, samplewise_center=True)
    next(changing.flow(x))
    changing.fit(x, augment=True)
    changing.apply_transform(x[0], {"flip_vertical": True, "channel_shift_intensity": 2.0})
    np.testing.assert_array_equal(x, kept)  # neither flow nor fit writes into the caller's data


def test_a_height_shift_moves_columns_as_in_keras() -> None:
    x = np.random.default_rng(1).normal(size=(40, 6, 6, 1)).astype(np.float32)
    np.random.seed(8)
    batch = next(ImageDataGenerator(height_shift_range=2).flow(x, shuffle=False, batch_size=40))
    shifts = [shift_of_columns(before, after) for before, after in zip(x, batch, strict=True)]
    assert set(shifts) == {-1, 0, 1}


def shift_of_columns(before: np.ndarray, after: np.ndarray) -> int | None:
    """The shift by -1, 0 or 1 columns with repeated edges that made `after`, None if it was another."""
    for shift in (-1, 0, 1):
        columns = np.clip(np.arange(before.shape[1]) + shift, 0, before.shape[1] - 1)
        if np.array_equal(before[:, columns], after):
            return shift
    return None


def test_passes_batches_and_shuffling() -> None:
    x = gray(7)
    batches = ImageDataGenerator().flow(x, np.arange(7), batch_size=3, sample_weight=np.arange(7) * 0.5, seed=None)
    assert (len(batches), batches.n, batches.batch_size, batches.shuffle) == (3, 7, 3, True)
    assert iter(batches) is batches
    np.random.seed(6)
    orders = []
    for _ in range(2):
        labels = []
        for size in (3, 3, 1):
            images, y, weights = batches.next()
            assert images.shape == (size, 12, 10, 1)
            np.testing.assert_array_equal(images, x[y])
            np.testing.assert_array_equal(weights, y * 0.5)
            labels += y.tolist()
        orders.append(labels)
    np.random.seed(6)
    first = np.random.permutation(7)
    np.random.random((7, 2))  # the flips of 7 images
    assert orders == [first.tolist(), np.random.permutation(7).tolist()]


def test_one_batch_as_large_as_the_data() -> None:
    x = gray(5)
    batches = ImageDataGenerator(horizontal_flip=True).flow(x, np.arange(5), batch_size=500, shuffle=False)
    for _ in range(2):
        assert next(batches)[1].tolist() == [0, 1, 2, 3, 4]
    assert isinstance(next(ImageDataGenerator().flow(x)), np.ndarray)


def test_indexing_and_reset() -> None:
    batches = ImageDataGenerator().flow(gray(5), np.arange(5), batch_size=2, shuffle=False)
    assert batches[2][1].tolist() == [4]
    assert next(batches)[1].tolist() == [0, 1]
    assert next(batches)[1].tolist() == [2, 3]
    batches.reset()
    assert next(batches)[1].tolist() == [0, 1]
    shuffled = ImageDataGenerator().flow(gray(50), np.arange(50), batch_size=50)
    before = shuffled[0][1].tolist()
    assert shuffled[0][1].tolist() == before
    shuffled.on_epoch_end()
    assert shuffled[0][1].tolist() != before


def test_subsets_split_images_labels_and_weights() -> None:
    x, y, weights = gray(10), np.arange(10) % 2, np.arange(10) * 0.1
    generator = ImageDataGenerator(validation_split=0.4)
    for subset, rows in (("validation", slice(4)), ("training", slice(4, None))):
        batches = generator.flow(x, y, shuffle=False, sample_weight=weights, subset=subset)
        images, labels, given = next(batches)
        np.testing.assert_array_equal(images, x[rows])
        np.testing.assert_array_equal(labels, y[rows])
        np.testing.assert_array_equal(given, weights[rows])


@pytest.mark.parametrize("dtype", [np.uint8, np.float64, np.bool_, ">f4", np.int64])
def test_any_numeric_dtype_and_layout(dtype: Any) -> None:
    x = (gray(4, 6, 5, 3) % 2).astype(dtype)
    layouts = (x, np.asfortranarray(x), np.concatenate([x, x])[::2], np.concatenate([x, x], axis=2)[:, :, :5])
    for given in layouts:
        np.random.seed(1)
        actual = next(ImageDataGenerator(**LECTURE).flow(given, shuffle=False))
        np.random.seed(1)
        expected = next(ImageDataGenerator(**LECTURE).flow(np.array(given, np.float32), shuffle=False))
        np.testing.assert_array_equal(actual, expected)


def test_a_seed_makes_batches_repeat() -> None:
    first, second = (ImageDataGenerator(**LECTURE).flow(gray(), batch_size=4, seed=12) for _ in range(2))
    for _ in range(3):
        np.testing.assert_array_equal(next(first), next(second))
