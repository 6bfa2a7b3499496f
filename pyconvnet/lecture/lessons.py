"""The lecture's lessons without an experiment: convolutions worked out, augmentation, a look into a trained network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyconvnet import edu, plot, utils
from pyconvnet._terminal import say
from pyconvnet.datasets import DatasetNotFoundError, cifar10, mnist
from pyconvnet.layers import Conv2D
from pyconvnet.lecture import records
from pyconvnet.lecture._files import write_text
from pyconvnet.lecture.data import augmenting, load_images
from pyconvnet.lecture.experiments import EXPERIMENTS
from pyconvnet.lecture.pictures import class_names, save
from pyconvnet.lecture.runner import train
from pyconvnet.models import load_model
from pyconvnet.plot import style
from pyconvnet.preprocessing.image import ImageDataGenerator
from pyconvnet.random import set_random_seed

ALL = "lessons"  # stands for all of them

# input, filter, padding, stride
_SIZES = (((4, 4), 3, 1, 1), ((7, 7), 3, 0, 2), ((28, 31), 5, 2, 3))


@dataclass(frozen=True)
class Lesson:
    """A lesson.

    Attributes:
        shows: what its pictures show.
        give: writes them to a folder.
    """

    shows: str
    give: Callable[[Path], None]


def selected(names: Sequence[str]) -> list[str]:
    """The lessons among these names, in the order of `LESSONS`."""
    return [name for name in LESSONS if name in names or ALL in names]


def give(names: Sequence[str], folder: Path) -> None:
    """Writes the pictures of some lessons; one whose data are missing does not keep the others from being given.

    Raises:
        DatasetNotFoundError: for one of them data are missing; the message says which files to put where.
        ImportError: matplotlib is missing.
    """
    style.import_matplotlib()
    missing: DatasetNotFoundError | None = None
    for name in names:
        try:
            LESSONS[name].give(folder)
        except DatasetNotFoundError as error:
            missing = missing or error
        else:
            say(f"{name}: {LESSONS[name].shows} ({folder}/{name}*)")
    if missing is not None:
        raise missing


def _convolution(folder: Path) -> None:
    save(folder / "convolution_steps.png", edu.worked_convolution_picture())
    for size, window, padding, stride in _SIZES:
        name = f"convolution_size_{size[0]}x{size[1]}.png"
        save(folder / name, edu.output_size_picture(size, window, padding, stride))
    save(folder / "convolution_integral.png", edu.integral_picture())


def _filters(folder: Path) -> None:
    (x_train, _), _ = mnist.load_data()
    save(folder / "filters.png", edu.conv2d_simple_picture(x_train[2]))


def _digit_features(folder: Path) -> None:
    save(folder / "digit_features_2.png", edu.digit_features_picture())
    for digit in (3, 1):
        save(folder / f"digit_features_{digit}.png", edu.compare_filters_picture(digit))


def _regularization(folder: Path) -> None:
    save(folder / "regularization_polynomial.png", edu.polynomial_picture())
    save(folder / "regularization_weight.png", edu.decay_picture())


def _augmentation(folder: Path) -> None:
    set_random_seed(0)  # the same pictures every time
    images = load_images("whole")
    save(folder / "augmentation_copies.png", plot.augmentation(augmenting(), images.x[0] / 255.0))
    (x_train, y_train), _ = cifar10.load_data()
    generator = ImageDataGenerator(
        rotation_range=30.0, width_shift_range=0.2, height_shift_range=0.2, horizontal_flip=True
    )
    batches = plot.augmentation(generator, x_train[:12] / 255.0, y_train[:12], class_names=class_names("cifar10"))
    save(folder / "augmentation_batches.png", batches)


def _seeing(folder: Path) -> None:
    images = load_images("sample")
    model = _trained(folder)
    first, second = (layer for layer in model.layers if isinstance(layer, Conv2D))
    set_random_seed(0)
    fresh = EXPERIMENTS["book"].model()
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    write_text(folder / "seeing_layers.txt", "\n".join(lines) + "\n")
    limit = float(abs(first.weights[0].numpy()).max())
    for name, shown in (("trained", model), ("untrained", fresh)):
        kernels = plot.kernels(shown, limit=limit, title=style.word(name))
        save(folder / f"seeing_kernels_{name}.png", kernels)
    save(folder / "seeing_histogram.png", plot.kernel_histogram(model, fresh))
    for number, layer in enumerate((first, second), 1):
        maps = plot.feature_maps(model, images.x_test[0] / 255.0, layer)
        save(folder / f"seeing_maps_{number}.png", maps)
    for name, shapes in (("model", False), ("model_shapes", True)):
        utils.plot_model(model, folder / f"seeing_{name}.png", show_shapes=shapes)


def _trained(folder: Path) -> Any:
    """The network of the book: what the most faithful run in the folder saved, else trained on the sample."""
    book = EXPERIMENTS["book"]
    for group in records.grouped(records.read_all(folder)):
        for record in group.records if group.experiment is book else ():
            name = records.stem(book, records.data_of(record), group.epochs_cap, record["seed"])
            if records.model_of(folder, name).exists():
                say(f"seeing: looks into {records.model_of(folder, name)}")
                return load_model(str(records.model_of(folder, name)))
    say("seeing: there is no trained `book` in the folder; it is trained on the sample for a few epochs")
    assert book.quick_epochs is not None
    return train(book, load_images("sample"), seed=0, epochs=book.quick_epochs, verbose=0).model


LESSONS = {
    "convolution": Lesson("a convolution step by step, the size of its output, the integral", _convolution),
    "filters": Lesson("an MNIST image under four filters", _filters),
    "digit_features": Lesson("what filters find in the digits 2, 3 and 1", _digit_features),
    "regularization": Lesson("a polynomial with too many weights, and what L1 and L2 do", _regularization),
    "augmentation": Lesson("100 copies of an image, and 12 CIFAR-10 images in batches of 6", _augmentation),
    "seeing": Lesson("layers, kernels and feature maps of the book's network", _seeing),
}
