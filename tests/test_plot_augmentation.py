"""Previews of what an ImageDataGenerator makes of images, and the scale on which images are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pictures import LANGUAGES, assert_nothing_is_cut, speak

from pyconvnet import plot
from pyconvnet.datasets import cifar10
from pyconvnet.plot import style
from pyconvnet.preprocessing.image import ImageDataGenerator

COLOUR = np.random.default_rng(6).random((12, 8, 8, 3)).astype("f4")
NAMES = list(cifar10.CLASS_NAMES)


def shown(figure: Any) -> list[np.ndarray]:
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


def test_a_hundred_copies_of_one_image() -> None:
    """S0's cell: flow over 100 copies in one batch, in a grid of 10 x 10."""
    pytest.importorskip("matplotlib")
    image = np.random.default_rng(1).integers(0, 256, (9, 9), dtype=np.uint8)
    generator = ImageDataGenerator(rotation_range=10, zoom_range=0.1, horizontal_flip=True)
    np.random.seed(3)
    figure = plot.augmentation(generator, image)
    np.random.seed(3)
    copies = np.tile(image.reshape(81), 100).reshape(-1, 9, 9, 1)
    expected = generator.flow(copies, np.zeros(100), batch_size=100, shuffle=False).next()[0]
    pictures = shown(figure)
    assert len(pictures) == len(figure.axes) == 100
    for picture, changed in zip(pictures, expected, strict=True):
        np.testing.assert_allclose(picture, changed[..., 0] / 255.0, rtol=1e-6)
    grid = figure.axes[0].get_subplotspec().get_gridspec()
    assert (grid.nrows, grid.ncols) == (10, 10)
    assert figure.axes[0].images[0].get_clim() == (0, 1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("language", LANGUAGES)
def test_twelve_images_in_batches_of_six_above_their_changed_copies(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(language, monkeypatch)
    labels = np.arange(12)[:, None] % 10
    np.random.seed(8)
    figure = plot.augmentation(ImageDataGenerator(horizontal_flip=True), COLOUR, labels, class_names=NAMES)
    pictures, titles = shown(figure), [axes.get_title() for axes in figure.axes]
    assert len(pictures) == 24
    flipped = 0
    for i in range(12):
        above = i % 6 + 12 * (i // 6)
        np.testing.assert_allclose(pictures[above], COLOUR[i], rtol=1e-6)
        flipped += bool((pictures[above + 6] != pictures[above]).any())
        unchanged = np.allclose(pictures[above + 6], COLOUR[i])
        assert unchanged or np.allclose(pictures[above + 6], COLOUR[i, :, ::-1])
        assert titles[above] == titles[above + 6] == NAMES[i % 10]
    assert 0 < flipped < 12
    sides = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    assert sides == 2 * list({"korean": ("원본", "보강"), "english": ("original", "augmented")}[language])
    assert_nothing_is_cut(figure)


def test_a_last_batch_that_is_shorter_and_images_without_labels() -> None:
    pytest.importorskip("matplotlib")
    figure = plot.augmentation(ImageDataGenerator(), COLOUR[:5], batch_size=3, title="t")
    pictures = shown(figure)
    assert len(figure.axes) == 12 and len(pictures) == 10
    for above, below, image in zip([0, 1, 2, 6, 7], [3, 4, 5, 8, 9], COLOUR, strict=False):
        np.testing.assert_allclose(pictures[below], image, rtol=1e-6)
        np.testing.assert_allclose(pictures[above], image, rtol=1e-6)
    assert {axes.get_title() for axes in figure.axes} == {""} and figure.get_suptitle() == "t"


def test_labels_without_names_are_numbers() -> None:
    pytest.importorskip("matplotlib")
    figure = plot.augmentation(ImageDataGenerator(), COLOUR[:2], [7, 3])
    assert [axes.get_title() for axes in figure.axes] == ["7", "3", "7", "3"]


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (np.array([[[0, 255]]], "u1"), [0, 255]),
        (np.array([[[0, 255]]], "i4"), [0.0, 1.0]),
        (np.array([[[0.0, 0.5]]]), [0.0, 0.5]),
        (np.array([[[0.0, 51.0]]]), [0.0, 0.2]),
        (np.array([[[-1.0, 3.0]]]), [0.0, 1.0]),
        (np.array([[[False, True]]]), [0.0, 1.0]),
    ],
)
def test_images_of_every_range_are_drawn_on_one_scale(images: np.ndarray, expected: list[float]) -> None:
    pytest.importorskip("matplotlib")
    axes = plot.predictions(images, [[1.0]]).axes[0]
    np.testing.assert_allclose(np.asarray(axes.images[0].get_array())[0], expected)
    assert axes.images[0].get_clim() == (0, 255 if images.dtype == np.uint8 else 1)


GENERATOR = ImageDataGenerator()


@pytest.mark.parametrize(
    ("given", "options", "error", "message"),
    [
        ((3, COLOUR), {}, TypeError, "generator must be an ImageDataGenerator, got int"),
        ((GENERATOR, COLOUR[0]), {"labels": [1]}, ValueError, "labels are for several images"),
        ((GENERATOR, COLOUR[0]), {"copies": 101}, ValueError, "copies must be at most 100, got 101"),
        ((GENERATOR, COLOUR[0]), {"copies": 0}, ValueError, "copies must be positive, got 0"),
        ((GENERATOR, np.zeros((4, 4, 2))), {}, ValueError, r"images must be \[n, h, w\] or .*got shape \(1, 4, 4, 2\)"),
        ((GENERATOR, np.zeros((49, 4, 4, 1))), {}, ValueError, "must hold 1 to 48 images, got 49; pass a slice"),
        ((GENERATOR, np.zeros((0, 4, 4, 1))), {}, ValueError, "must hold 1 to 48 images, got 0"),
        ((GENERATOR, np.zeros(4)), {}, ValueError, r"got shape \(4,\)"),
        ((GENERATOR, np.full((1, 4, 4, 1), np.nan)), {}, ValueError, "images must hold finite numbers"),
        ((GENERATOR, np.full((1, 4, 4, 1), "a")), {}, TypeError, "images must hold numbers, got dtype <U1"),
        ((GENERATOR, COLOUR), {"labels": [1, 2]}, ValueError, r"labels must be 12 class numbers, got shape \(2,\)"),
        ((GENERATOR, COLOUR), {"labels": np.zeros(12)}, ValueError, "class numbers, got .* of dtype float64"),
        (
            (GENERATOR, COLOUR[:1]),
            {"labels": [10], "class_names": NAMES},
            ValueError,
            "labels must be from 0 to 9, got 10 to 10",
        ),
        ((GENERATOR, COLOUR), {"batch_size": 0}, ValueError, "batch_size must be positive, got 0"),
    ],
)
def test_what_does_not_fit_is_refused(
    given: tuple[Any, Any], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"plot.augmentation: .*{message}"):
        plot.augmentation(*given, **options)


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "import_matplotlib", style.import_matplotlib)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "pyconvnet\[plot\]"'):
        plot.augmentation(GENERATOR, COLOUR[0])
