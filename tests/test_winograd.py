"""Winograd convolutions: how much they round on the layers of the lecture, and when the plan takes them."""

from __future__ import annotations

import numpy as np
import pytest

import pyconvnet
from pyconvnet import config, ops, reference
from pyconvnet.layers import Conv2D, Dense, Flatten, Input
from pyconvnet.models import Sequential
from pyconvnet.ops.conv2d import conv2d_geometry
from pyconvnet.ops.conv2d_algorithm import choose_algorithm, cost, multiplied

# Layers of vgg, conv and pool: height and width, channels in and out, padding.
LAYERS = (
    (28, 32, 64, "same"),
    (14, 64, 128, "same"),
    (14, 128, 256, "valid"),
    (24, 32, 64, "valid"),
    (13, 32, 64, "valid"),
    (12, 64, 64, "valid"),
)

# Root mean square of the error over that of the exact result. Measured over these layers and passes: F(2x2) up to
# 4.9e-7 (it adds fewer products one by one than a direct kernel), F(3x3) up to 1.8e-6 and F(4x4) up to 3.1e-6 (all in
# backward_data, 256 channels).
WORST = {"winograd_2x2": 1e-6, "winograd_3x3": 2e-6, "winograd_4x4": 4e-6}


def _error(got: np.ndarray, exact: np.ndarray) -> float:
    return float(np.sqrt(np.mean((got - exact) ** 2) / np.mean(exact**2)))


@pytest.mark.parametrize("algorithm", WORST)
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: "-".join(map(str, layer)))
def test_rounding_of_each_pass(layer: tuple[int, int, int, str], algorithm: str) -> None:
    size, c_in, c_out, padding = layer
    rng = np.random.default_rng(7)
    x = rng.normal(size=(2, size, size, c_in)).astype(np.float32)
    kernel = (rng.normal(size=(3, 3, c_in, c_out)) / np.sqrt(9 * c_in)).astype(np.float32)
    y = reference.conv2d(x.astype(float), kernel.astype(float), padding=padding)
    dy = rng.normal(size=y.shape).astype(np.float32)
    x64, kernel64, dy64 = x.astype(float), kernel.astype(float), dy.astype(float)
    dx = reference.conv2d_backward_data(dy64, kernel64, x.shape, padding=padding)
    dkernel, dbias = reference.conv2d_backward_weights(x64, dy64, 3, padding=padding)

    options = {"padding": padding, "algorithm": algorithm}
    got_dkernel, got_dbias = ops.conv2d_backward_weights(x, dy, 3, **options)
    errors = {
        "forward": _error(ops.conv2d(x, kernel, **options), y),
        "backward_data": _error(ops.conv2d_backward_data(dy, kernel, x.shape, **options), dx),
        "backward_weights": _error(got_dkernel, dkernel),
        "bias": _error(got_dbias, dbias),
    }
    assert max(errors.values()) <= WORST[algorithm], errors


def test_the_plan_takes_the_cheapest_algorithm() -> None:
    def chosen(shape: tuple[int, int, int], filters: int, kernel_size: int = 3, **options: object) -> str:
        return choose_algorithm(conv2d_geometry("test", shape, kernel_size, filters, **options), winograd=True)

    assert chosen((28, 28, 32), 64, padding="same") == "winograd_4x4"
    assert chosen((14, 14, 128), 256) == "winograd_4x4"
    assert chosen((5, 5, 64), 128) == "winograd_3x3"  # one tile, and no cell too many
    assert chosen((28, 28, 1), 32) == "direct"  # one channel in
    assert chosen((28, 28, 32), 8) == "direct"
    assert chosen((28, 28, 32), 64, kernel_size=5) == "direct"
    assert chosen((28, 28, 32), 64, strides=2) == "direct"
    assert chosen((28, 28, 32), 64, dilation_rate=2) == "direct"
    assert chosen((28, 28, 32), 64, groups=2) == "direct"
    assert chosen((3, 3, 64), 64) == "gemm"  # the kernel covers the input
    assert chosen((4, 3, 64), 64) == "direct"  # two output pixels in a tile


def test_cost_counts_positions() -> None:
    def price(size: int) -> float:
        return cost(conv2d_geometry("test", (size, size, 32), 3, 32), "winograd_4x4")

    assert price(6) == price(3)  # one tile
    assert price(10) == price(9) == 4 * price(6)
    assert price(8) == price(7) == price(6) * (6 + 4) ** 2 / 36  # a whole tile and a narrow one each way
    assert multiplied({"oh": 14, "ow": 14}, "winograd_4x4") == 22 * 22 / (9 * 14 * 14)
    assert multiplied({"oh": 2, "ow": 2}, "winograd_4x4") == 1.0  # no whole tile, so no narrow one


def _algorithms() -> set[str]:
    model = Sequential([Input((12, 12, 16)), Conv2D(16, 3), Conv2D(16, 3), Flatten(), Dense(2)])
    model.compile("sgd", "mse")
    text = str(model.plan())
    return {name for name in ("direct", "winograd_4x4") if name in text}


def test_switches_turn_winograd_off(switches: None) -> None:
    assert _algorithms() == {"winograd_4x4"}
    config.winograd = False
    assert _algorithms() == {"direct"}
    config.winograd, config.strict = True, True
    assert _algorithms() == {"direct"}


def test_a_model_follows_the_switch_from_call_to_call(switches: None) -> None:
    model = Sequential([Input((12, 12, 16)), Conv2D(16, 3)])
    x = np.random.default_rng(0).normal(size=(3, 12, 12, 16)).astype(np.float32)
    kernel, bias = model.get_weights()
    np.testing.assert_array_equal(model.predict(x, verbose=0), ops.conv2d(x, kernel, bias, algorithm="winograd_4x4"))
    config.strict = True
    np.testing.assert_array_equal(model.predict(x, verbose=0), ops.conv2d(x, kernel, bias))


def test_show_config_names_the_switch(switches: None) -> None:
    assert config.describe()["winograd"] == "on"
    config.winograd = False
    assert config.describe()["winograd"] == "off"
    config.strict = True
    assert config.describe()["winograd"] == "off (strict)"


def test_winograd_refuses_what_it_cannot_do() -> None:
    x, kernel = np.ones((1, 8, 8, 4)), np.ones((3, 3, 4, 4))
    with pytest.raises(ValueError, match=r"conv2d: 'winograd_4x4' needs a 3x3 kernel, strides=1, .*algorithm='direct'"):
        ops.conv2d(x, kernel, strides=2, algorithm="winograd_4x4")
    with pytest.raises(ValueError, match=r"conv2d: unknown algorithm 'winograd'.*'winograd_"):
        ops.conv2d(x, kernel, algorithm="winograd")
    g = conv2d_geometry("test", (8, 8, 4), 3, 4)
    with pytest.raises(ValueError, match="tile must be 2, 3 or 4"):
        pyconvnet._core.describe_kernel("conv2d_winograd_forward", {**g, "tile": 6, "relu": False})
