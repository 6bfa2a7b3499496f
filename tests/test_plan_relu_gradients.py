"""Gradients of a layer's input and of a dropout masked by the ReLU before it: the same bits as one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyconvnet import config, devices
from pyconvnet.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPooling2D,
    Reshape,
)
from pyconvnet.models import Model, Sequential
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.activation import kernel_attributes
from pyconvnet.ops.conv2d import conv2d_geometry
from pyconvnet.ops.dropout import kernel_attributes as dropout_attributes
from pyconvnet.plan import build
from pyconvnet.utils import set_random_seed

SHAPES = (
    ((2, 14, 14, 16), "valid", 4),  # nine tiles of an image, one of them in the middle
    ((2, 13, 17, 20), "same", 4),  # tiles beyond the border
    ((3, 9, 12, 33), "same", 3),
    ((2, 7, 8, 16), "valid", 2),
    ((1, 3, 3, 16), "valid", 4),  # one tile
    ((0, 6, 6, 16), "same", 4),
)


# Tiles of three outputs cut windows of two, and a map of one pixel has no window.
POOLED = [(*shape, True) for shape in SHAPES if shape[2] != 3 and shape[0][1] != 3]


@pytest.mark.parametrize(("image", "padding", "tile", "pooled"), [*((*shape, False) for shape in SHAPES), *POOLED])
def test_the_kernel_gives_the_bits_of_both(
    image: tuple[int, int, int, int], padding: str, tile: int, pooled: bool, isa: str
) -> None:
    random = np.random.default_rng(1)
    g = {**conv2d_geometry("test", image[1:], 3, 24, 1, padding, 1, 1), "tile": tile}
    rows, outputs = image[0], (g["oh"] // 2, g["ow"] // 2) if pooled else (g["oh"], g["ow"])
    dy = random.normal(size=(rows, *outputs, 24)).astype(np.float32)
    kernel = random.normal(size=(3, 3, image[3], 24)).astype(np.float32)
    activated = np.maximum(random.normal(size=image), 0).astype(np.float32)
    activated.reshape(-1)[:1] = np.nan  # lets nothing through
    more = {"argmax": random.integers(0, 4, dy.shape).astype(np.uint16)} if pooled else {}
    name = f"conv2d_winograd_{'pool_' * pooled}backward_data"

    apart, together = np.full(image, np.nan, np.float32), np.full(image, np.nan, np.float32)
    run_kernel(name, g, rows=rows, dy=dy, kernel=kernel, dx=apart, **more)
    relu = kernel_attributes("relu", 0.0, activated[0:1].size if rows else int(np.prod(image[1:])), image[3])
    run_kernel("activation_backward", relu, rows=rows, dy=apart, saved=activated, dx=apart)
    run_kernel(name, g, rows=rows, dy=dy, kernel=kernel, activated=activated, dx=together, **more)
    assert apart.tobytes() == together.tobytes()
    assert rows == 0 or 0.3 < np.mean(together == 0) < 0.7


@pytest.mark.parametrize(
    ("outputs", "side"),
    [(4, 16), (12, 8), (6, 10)],
    ids=["pixels that no tile has", "tiles beyond the image", "pixels that no narrow tile has"],
)
@pytest.mark.parametrize("masked", [False, True])
def test_maps_of_unusual_size(outputs: int, side: int, masked: bool, isa: str) -> None:
    """The core takes any size of the outputs; what no tile reaches is zero."""
    random = np.random.default_rng(4)
    g = {**conv2d_geometry("test", (side, side, 16), 3, 16, 1, "valid", 1, 1), "oh": outputs, "ow": outputs}
    dy = random.normal(size=(2, outputs, outputs, 16)).astype(np.float32)
    kernel = random.normal(size=(3, 3, 16, 16)).astype(np.float32)
    x = random.normal(size=(2, side, side, 16)).astype(np.float32)
    expected, got = np.full_like(x, np.nan), np.full_like(x, np.nan)
    run_kernel("conv2d_backward_data", g, rows=2, dy=dy, kernel=kernel, dx=expected)
    mask = {"activated": x} if masked else {}
    run_kernel("conv2d_winograd_backward_data", {**g, "tile": 4}, rows=2, dy=dy, kernel=kernel, dx=got, **mask)
    np.testing.assert_allclose(got, np.where(x > 0, expected, 0) if masked else expected, atol=2e-4)


def _dropout_and_relu(
    x: np.ndarray, dy: np.ndarray, rate: float, where: devices.Device
) -> tuple[np.ndarray, np.ndarray]:
    """The gradient behind a dropout of ReLU(x), by two calls and by one."""
    attributes, numbers = dropout_attributes(rate, x.shape[1], 3), dict(rows=len(x), seed=2**63 + 5, iteration=7)
    activated, dropped, apart, together = (where.put(np.full(x.shape, np.nan, np.float32)) for _ in range(4))
    x, dy = where.put(x), where.put(dy)
    relu = kernel_attributes("relu", 0.0, x.shape[1], 1)
    run_kernel("activation_forward", relu, rows=len(x), x=x, y=activated)
    run_kernel("dropout_forward", attributes, **numbers, x=activated, y=dropped)
    run_kernel("dropout_backward", attributes, **numbers, dy=dy, dx=apart)
    run_kernel("activation_backward", relu, rows=len(x), dy=apart, saved=activated, dx=apart)
    run_kernel("dropout_backward", attributes, **numbers, dy=dy, activated=dropped, dx=together)
    return devices.to_numpy(apart), devices.to_numpy(together)


@pytest.mark.parametrize("shape", [(5, 7), (64, 1000), (0, 4)])
@pytest.mark.parametrize("rate", [0.25, 0.5, 1.0])
def test_a_dropout_masks_by_what_it_gave(shape: tuple[int, int], rate: float, where: devices.Device) -> None:
    random = np.random.default_rng(5)
    x, dy = (random.normal(size=shape).astype(np.float32) for _ in range(2))
    for array in (x, dy):  # most of them dropped or below zero somewhere
        array.reshape(-1)[::9][:20] = np.nan
        array.reshape(-1)[::7][:20] = np.inf
    x.reshape(-1)[1::5][:9] = np.finfo(np.float32).tiny
    x.reshape(-1)[2::5][:9] = 1e-39  # flushed to zero, or not, wherever it is read
    apart, together = _dropout_and_relu(x, dy, rate, where)
    assert apart.tobytes() == together.tobytes()
    assert x.size < 100 or np.mean(together != 0) == pytest.approx((1 - rate) / 2, abs=0.02)


def _layers() -> list[Any]:
    return [
        Input((16, 16, 16)),
        Conv2D(16, 3, activation="relu"),
        Conv2D(32, 3, padding="same", activation="relu"),
        Conv2D(16, 3, padding="same", activation="relu"),
        MaxPooling2D(2),
        Flatten(),
        Dense(4),
    ]


def _kernels(model: Model) -> list[str]:
    return [call.kernel for call in model.plan(8).calls]


def _compiled(model: Model) -> Model:
    model.compile("adam", "mse")
    return model


def test_a_step_masks_on_the_way(switches: None) -> None:
    # That of the pooled layer is applied behind the pooling, on a quarter of the numbers.
    assert _kernels(_compiled(Sequential(_layers()))).count("activation_backward") == 1
    config.strict = True
    assert _kernels(_compiled(Sequential(_layers()))).count("activation_backward") == 3


def _pooled() -> list[Any]:
    convolutions = [Conv2D(filters, 3, activation="relu") for filters in (16, 32)]
    return [*convolutions, MaxPooling2D(), Conv2D(16, 3)]


def _apart() -> list[Any]:
    return [Conv2D(16, 3), BatchNormalization(), Activation("relu"), Conv2D(16, 3, padding="same")]


def _two_in_a_row() -> list[Any]:
    return [Conv2D(16, 3, activation="relu"), Activation("relu"), Conv2D(16, 3)]


def _dense_before() -> list[Any]:
    return [Flatten(), Dense(576, activation="relu"), Reshape((6, 6, 16)), Conv2D(16, 3)]


def _penalty() -> list[Any]:
    return [Conv2D(16, 3, activation="relu", activity_regularizer="l2"), Conv2D(16, 3)]


def _dropouts() -> list[Any]:
    """Behind a pooled ReLU, behind another dropout, and behind a ReLU of its own."""
    dense = [Flatten(), Dense(40, activation="relu"), Dropout(0.4)]
    return [Conv2D(16, 3, activation="relu"), MaxPooling2D(), Dropout(0.25), Dropout(0.5), *dense]


def _not_joined() -> list[Any]:
    """A dropout without a ReLU before it, and one before whose ReLU a penalty asks for the gradient."""
    return [Conv2D(16, 3), Dropout(0.25), Conv2D(16, 3, activation="relu", activity_regularizer="l2"), Dropout(0.5)]


@pytest.mark.parametrize("hooked", [False, True])
@pytest.mark.parametrize("layers", [_pooled, _apart, _two_in_a_row, _dense_before, _penalty, _dropouts, _not_joined])
def test_training_gives_the_same_bits_with_and_without(
    layers: Callable[[], list[Any]], hooked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(2)
    x, y = random.normal(size=(16, 16, 16, 16)), random.normal(size=(16, 4))

    def weights() -> list[bytes]:
        set_random_seed(3)
        model = _compiled(Sequential([Input((16, 16, 16)), *layers(), Flatten(), Dense(4)]))
        model.gradient_hook = (lambda gradients: None) if hooked else None
        model.fit(x, y, batch_size=8, epochs=2, verbose=0)
        return [array.tobytes() for array in model.get_weights()]

    together = weights()
    monkeypatch.setattr(build, "fuse_relu_gradients", list)
    assert together == weights()


@pytest.mark.parametrize(("layers", "masks"), [(_dropouts, 0), (_not_joined, 1)])
def test_a_dropout_joins_the_relu_before_it(layers: Callable[[], list[Any]], masks: int) -> None:
    kernels = _kernels(_compiled(Sequential([Input((16, 16, 16)), *layers(), Flatten(), Dense(4)])))
    assert kernels.count("activation_backward") == masks


@pytest.mark.parametrize("judged", [(True, True), (True, False), (False, True)])
def test_dropouts_of_one_relu_are_told_apart(judged: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a mask of its own; with a loss behind one of them, only that one passes a gradient on."""
    random = np.random.default_rng(6)
    x, y = random.normal(size=(16, 12)), random.normal(size=(16, 2))

    def weights(masks: int) -> list[bytes]:
        set_random_seed(3)
        inputs = Input((12,))
        hidden = Dense(40, activation="relu")(inputs)
        model = Model(inputs, [Dense(2)(Dropout(0.5)(hidden)) for _ in judged])
        model.compile("adam", ["mse" if asked else None for asked in judged])
        assert _kernels(model).count("activation_backward") == masks
        model.fit(x, [y, y], batch_size=8, epochs=2, verbose=0)
        return [array.tobytes() for array in model.get_weights()]

    together = weights(masks=int(all(judged)))  # a gradient of two parts is masked behind their sum
    monkeypatch.setattr(build, "fuse_relu_gradients", list)
    assert together == weights(masks=1)


def test_a_gradient_with_two_parts_is_masked_behind_their_sum() -> None:
    inputs = Input((8, 8, 16))
    shared = Conv2D(16, 3, padding="same", activation="relu")(inputs)
    out = Add()([Conv2D(16, 3, padding="same")(shared), Conv2D(16, 3, padding="same")(shared)])
    model = _compiled(Model(inputs, Dense(2)(Flatten()(out))))
    assert _kernels(model).count("activation_backward") == 1


@pytest.mark.parametrize("activation", ["elu", "tanh"])
def test_other_activations_stay_as_they_are(activation: str) -> None:
    layers = [Input((8, 8, 16)), Conv2D(16, 3), Activation(activation), Conv2D(16, 3), Flatten(), Dense(2)]
    assert _kernels(_compiled(Sequential(layers))).count("activation_backward") == 1
