"""`fashion_speedrun`: 93.0 % of Fashion-MNIST's test images in as little training time as we know how.

Most of the time goes into convolutions, which Winograd computes in tiles of 4x4 cells. Without a border the maps have
12x12 and 4x4 cells, whole tiles, so that a layer more on the last map costs little. Each convolution with its ReLU and
its pooling is one pass over memory; the normalization comes behind, where the map is smallest. The learning rate rises
once and falls to zero, so that a few epochs are enough. `docs/speedrun.md` has the figures, what else was tried, and
the same in 30 lines.
"""

from __future__ import annotations

from pyconvnet.layers import BatchNormalization, Conv2D, Dense, Flatten, Layer, MaxPooling2D
from pyconvnet.lecture.description import Experiment
from pyconvnet.optimizers import Adam
from pyconvnet.optimizers.schedules import CosineDecay

_PEAK = 0.008


def layers() -> list[Layer]:
    """The network, without its `Input`; the comments are the maps' sizes."""
    return [
        Conv2D(32, 3, padding="same", activation="relu"),  # 28 x 28
        MaxPooling2D(2),
        BatchNormalization(momentum=0.9),
        Conv2D(64, 3, activation="relu"),  # 12 x 12
        MaxPooling2D(2),
        BatchNormalization(momentum=0.9),
        Conv2D(128, 3, activation="relu"),  # 4 x 4
        BatchNormalization(momentum=0.9),
        Conv2D(128, 3, padding="same", activation="relu"),
        BatchNormalization(momentum=0.9),
        Flatten(),
        Dense(10, activation="softmax"),
    ]


def one_cycle(steps: int) -> Adam:
    """Adam whose learning rate rises for a quarter of so many steps and falls to zero along half a cosine."""
    rising = steps // 4
    return Adam(CosineDecay(0.1 * _PEAK, max(steps - rising, 1), warmup_target=_PEAK, warmup_steps=rising))


ALL = (
    Experiment(
        "fashion_speedrun",
        layers,
        "Conv 32, MaxPool, Conv 64, MaxPool, Conv 128-128, Dense 10, BatchNormalization behind each",
        262_154,
        one_hot=True,
        label_smoothing=0.1,
        optimizer=one_cycle,
        batch_size=128,
        split="test_set",
        patience=None,
        epochs=4,
        remark="not of the lecture: 93.0 % in the shortest time (docs/speedrun.md); trained on all 60,000 images",
    ),
)
