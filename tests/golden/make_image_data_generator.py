"""Golden batches of ImageDataGenerator, from real Keras.

    python tests/golden/make_image_data_generator.py [OUT]

For each case: the images x, what three calls of next() give, the drawn parameters of one more image, and the number
that np.random.random() gives after all that (it shows whether as many numbers were drawn). Needs scipy and pillow
too.
"""

from __future__ import annotations

import zlib
from typing import Any

import PIL
import scipy
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from record import np, output_path, save_arrays

LECTURE = {
    "rotation_range": 10,
    "zoom_range": 0.10,
    "shear_range": 0.5,
    "width_shift_range": 0.10,
    "height_shift_range": 0.10,
    "horizontal_flip": True,
}
CIFAR = {"rotation_range": 30, "width_shift_range": 0.2, "height_shift_range": 0.2, "horizontal_flip": True}
WIDE = {"rotation_range": 60, "width_shift_range": 0.7, "height_shift_range": 0.7, "zoom_range": [0.5, 1.6]}
SAMPLEWISE = {"samplewise_center": True, "samplewise_std_normalization": True, "horizontal_flip": True}
FEATUREWISE = {"featurewise_center": True, "featurewise_std_normalization": True, "rescale": 1 / 255.0}


def case(name: str, settings: dict[str, Any], shape: tuple[int, ...] = (5, 9, 8, 3), **more: Any) -> dict[str, Any]:
    """One row of the table: settings of the generator, arguments of flow, and of fit where it is called."""
    flow = {"batch_size": 3, "shuffle": True, **more.get("flow", {})}
    return {"name": name, "settings": settings, "shape": list(shape), "flow": flow, "fit": more.get("fit")}


def table() -> list[dict[str, Any]]:
    """The lecture's two settings, and every other argument on small images."""
    modes = ("nearest", "constant", "reflect", "wrap")
    return [
        case("lecture", LECTURE, (7, 28, 28, 1), flow={"batch_size": 4}),
        case("cifar", CIFAR, (4, 32, 32, 3)),
        case("nothing", {}, flow={"shuffle": False}),
        case("flips", {"horizontal_flip": True, "vertical_flip": True}),
        case("shifts_of_whole_pixels", {"width_shift_range": 3, "height_shift_range": 2}),
        case("shifts_in_pixels", {"width_shift_range": 2.5, "height_shift_range": 1.0}),
        case("shifts_from_lists", {"width_shift_range": [-2, 1, 3], "height_shift_range": [0.1, 0.2], **SAMPLEWISE}),
        case("channel_shift", {"channel_shift_range": 40.0, "rotation_range": 20}),
        case("brightness", {"brightness_range": [0.3, 1.9], "rotation_range": 20, "vertical_flip": True}),
        case("brightness_alpha", {"brightness_range": [0.3, 1.9], "channel_shift_range": 30.0}, (5, 6, 5, 4)),
        case("samplewise", SAMPLEWISE),
        case("samplewise_moved", {**SAMPLEWISE, "rotation_range": 9.0, "rescale": 0.5}),
        case("featurewise", {**FEATUREWISE, "shear_range": 20.0}, fit={}),
        case("featurewise_augmented", {**FEATUREWISE, **CIFAR}, fit={"augment": True, "rounds": 2, "seed": 4}),
        case("seed", LECTURE, flow={"seed": 5}),
        case("validation", {**LECTURE, "validation_split": 0.4}, (10, 6, 5, 1), flow={"subset": "validation"}),
        case("training", {**LECTURE, "validation_split": 0.4}, (10, 6, 5, 1), flow={"subset": "training"}),
        *(case(f"fill_{mode}", {**WIDE, "fill_mode": mode, "cval": 9.5}) for mode in modes),
    ]


def main() -> None:
    """Make every case and write the file."""
    cases, arrays = table(), {}
    for row in cases:
        row["versions"] = {"scipy": scipy.__version__, "pillow": PIL.__version__}
        np.random.seed(zlib.crc32(row["name"].encode()))
        x = np.random.randint(0, 256, row["shape"]).astype(np.uint8)
        y = np.arange(len(x)) if "subset" not in row["flow"] else np.arange(len(x)) % 2
        np.random.seed(17)
        generator = ImageDataGenerator(**row["settings"])
        if row["fit"] is not None:
            generator.fit(x, **row["fit"])
        batches = generator.flow(x, y, **row["flow"])
        found = {"x": x, "y": y}
        for i in range(3):
            found[f"batch{i}_x"], found[f"batch{i}_y"] = next(batches)
        parameters = generator.get_random_transform(x.shape[1:])
        row["parameters"] = {name: None if value is None else float(value) for name, value in parameters.items()}
        row["next_random"] = np.random.random()
        arrays.update({f"{row['name']}/{name}": value for name, value in found.items()})
    save_arrays(output_path("image_data_generator.npz"), "make_image_data_generator.py", cases, arrays)


if __name__ == "__main__":
    main()
