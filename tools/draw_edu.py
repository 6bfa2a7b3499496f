"""Draws the pictures of docs/edu.md into docs/images.

    python tools/draw_edu.py [FOLDER]

Needs matplotlib. The image that is filtered is the first test image of the Fashion-MNIST sample in the package.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pyconvnet import edu
from pyconvnet.datasets import fashion_mnist

DOTS_PER_INCH = 90


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        "filters": edu.conv2d_simple_picture(fashion_mnist.load_sample()[1][0][0]),
        "convolution": edu.worked_convolution_picture(),
        "output_size": edu.output_size_picture((7, 7), 3, padding=0, stride=2),
        "digit": edu.digit_features_picture(),
        "filters_of_3": edu.compare_filters_picture(3),
        "filters_of_1": edu.compare_filters_picture(1),
        "integral": edu.integral_picture(),
        "polynomial": edu.polynomial_picture(),
        "decay": edu.decay_picture(),
    }
    for name, figure in pictures.items():
        figure.savefig(folder / f"edu_{name}.png", dpi=DOTS_PER_INCH)


if __name__ == "__main__":
    main()
