"""Convolution and max pooling in one call: the same bits as one by one, and only where nobody else reads the map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from pyconvnet import _core
from pyconvnet.layers import (
    Activation,
    AveragePooling2D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Input,
    MaxPooling2D,
    Reshape,
)
from pyconvnet.models import Model, Sequential
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.conv2d import conv2d_geometry
from pyconvnet.ops.pool2d import pool2d_geometry
from pyconvnet.plan import build
from pyconvnet.plan.emit import Call
from pyconvnet.plan.fuse import fuse_pooling
from pyconvnet.utils import set_random_seed


@dataclass(frozen=True)
class Layer:
    """A convolution of `image` [n, h, w, c_in] that is pooled; tile: of Winograd's algorithm, 0 for the direct one."""

    image: tuple[int, int, int, int]
    filters: int
    kernel: int = 3
    padding: str = "valid"
    tile: int = 0
    strides: int = 1
    groups: int = 1

    def __str__(self) -> str:
        how = f"F{self.tile}" if self.tile else "direct"
        return f"{'x'.join(map(str, self.image))}-{self.filters}-{self.padding}-{how}"

    def kernel_name(self, direction: str, pooled: bool = False) -> str:
        return "_".join(["conv2d", *["winograd"] * bool(self.tile), *["pool"] * pooled, direction])

    def attributes(self) -> dict[str, int]:
        shape, rest = self.image[1:], (self.strides, self.padding, 1, self.groups)
        g = conv2d_geometry("test", shape, self.kernel, self.filters, *rest)
        return {**g, "tile": self.tile} if self.tile else g


PLANES = (  # few filters
    Layer((9, 28, 28, 1), 6, 5, padding="same"),
    Layer((2, 41, 37, 3), 8, 5),  # several strips, an odd row and an odd column
    Layer((1, 80, 400, 1), 3, padding="same"),  # bands of 6 rows, strips of 4
    Layer((2, 12, 14, 2), 7, 4),
    Layer((1, 50, 60, 2), 3, 4, padding="same"),  # one image: bands of rows
    Layer((2, 9, 36, 1), 1),
)
LAYERS = (
    Layer((3, 6, 8, 1), 5, padding="same"),
    Layer((2, 7, 9, 3), 17),  # an odd row is in no window
    Layer((2, 9, 8, 2), 33, 2),  # 8 x 7 outputs: an odd column is in none
    Layer((2, 28, 28, 1), 32, padding="same"),
    Layer((1, 40, 21, 7), 40, 5),  # one image: bands of rows
    Layer((1, 64, 65, 1), 40, padding="same"),  # strips of two rows
    Layer((1, 60, 70, 7), 70, 5),  # a kernel and strips that take a megabyte
    Layer((2, 11, 10, 20), 33, padding="same"),  # a kernel that goes over the image whole
    Layer((2, 9, 9, 6), 12, strides=2, padding="same"),
    Layer((2, 6, 6, 6), 8, groups=2),
    Layer((33, 6, 6, 5), 9),
    Layer((0, 4, 4, 3), 4, padding="same"),
    Layer((2, 9, 7, 16), 32, padding="same", tile=2),
    Layer((2, 9, 7, 16), 32, padding="same", tile=4),
    Layer((3, 14, 14, 32), 64, tile=4),
    Layer((5, 14, 14, 32), 64, padding="same", tile=4),  # narrow tiles
    Layer((2, 8, 10, 72), 133, padding="same", tile=4),  # rows of positions, columns of weights
    Layer((13, 16, 16, 65), 3, padding="same", tile=4),
    Layer((1, 3, 3, 16), 16, padding="same", tile=4),
    Layer((0, 4, 4, 16), 16, padding="same", tile=4),
    *PLANES,
)


def _run(kernel_name: str, attributes: dict[str, Any], rows: int, **arrays: Any) -> dict[str, Any]:
    """Run a kernel; outputs are given as shapes and filled with what may not stay."""
    made = {}
    for name, array in arrays.items():
        if isinstance(array, tuple):
            dtype, value = ("u2", 7) if name == "argmax" else ("f4", np.nan)
            arrays[name] = made[name] = np.full(array, value, dtype)
    run_kernel(kernel_name, attributes, rows=rows, **arrays)
    return made


def _step(layer: Layer, relu: bool, pooled: bool) -> dict[str, Any]:
    """Forward and backward, pooled on the way or one by one."""
    rng = np.random.default_rng(0)
    a, n, name = layer.attributes(), layer.image[0], layer.kernel_name
    x = rng.normal(size=layer.image).astype("f4")
    kernel = rng.normal(size=(a["kernel_h"], a["kernel_w"], a["c_in"] // a["groups"], a["c_out"])).astype("f4")
    bias = rng.normal(size=a["c_out"]).astype("f4")
    map_shape = (n, a["oh"], a["ow"], a["c_out"])
    small = (n, a["oh"] // 2, a["ow"] // 2, a["c_out"])
    dy = rng.normal(size=small).astype("f4")
    conv = {"x": x, "kernel": kernel, "bias": bias}
    if pooled:
        found = _run(name("forward", True), {**a, "relu": relu}, n, **conv, y=small, argmax=small)
        found["inference"] = _run(name("forward", True), {**a, "relu": relu}, n, **conv, y=small)["y"]
        behind = {"dy": dy, "argmax": found["argmax"]}
    else:
        whole = _run(name("forward"), {**a, "relu": relu}, n, **conv, y=map_shape)["y"]
        g = pool2d_geometry("test", map_shape[1:], 2)
        found = _run("max_pool2d_forward", g, n, x=whole, y=small, argmax=small)
        found["inference"] = found["y"]
        behind = _run("max_pool2d_backward", g, n, dy=dy, argmax=found["argmax"], dx=map_shape)
        behind["dy"] = behind.pop("dx")
    if layer.tile or (layer.groups == 1 and a["c_in"] < 8):
        gradients = {"dkernel": kernel.shape, "dbias": bias.shape}
        found |= _run(name("backward_weights", pooled), a, n, x=x, **behind, **gradients)
    if layer.tile:
        found |= _run(name("backward_data", pooled), a, n, kernel=kernel, **behind, dx=x.shape)
    return found


@pytest.mark.parametrize("isa", _core.available_isas())
@pytest.mark.parametrize("relu", [False, True], ids=["linear", "relu"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_one_call_gives_the_bits_of_two_kernels(layer: Layer, relu: bool, isa: str) -> None:
    before = _core.active_isa()
    _core.set_isa(isa)
    try:
        expected, got = _step(layer, relu, pooled=False), _step(layer, relu, pooled=True)
    finally:
        _core.set_isa(before)
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array, err_msg=name)


@pytest.mark.parametrize("layer", [LAYERS[3], LAYERS[4], *LAYERS[12:17], *PLANES], ids=str)
def test_bits_do_not_depend_on_threads(layer: Layer) -> None:
    before, results = _core.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 8):
            _core.set_num_threads(threads)
            results.append(_step(layer, True, pooled=True))
    finally:
        _core.set_num_threads(before)
    for other in results[1:]:
        for name, array in results[0].items():
            np.testing.assert_array_equal(other[name], array, err_msg=name)


@pytest.mark.parametrize("tile", [0, 4])
def test_a_nan_reaches_the_output(tile: int) -> None:
    layer = Layer((1, 8, 8, 7), 16, padding="same", tile=tile)
    a = {**layer.attributes(), "relu": True}
    x, kernel = np.zeros(layer.image, "f4"), np.ones((3, 3, 7, 16), "f4")
    x[0, 5, 2, 0] = np.nan
    shape = (1, 4, 4, 16)
    found = _run(layer.kernel_name("forward", True), a, 1, x=x, kernel=kernel, y=shape, argmax=shape)
    assert np.isnan(found["y"][0, 2:4, 0:2]).all()  # the windows whose cells see it


@pytest.mark.parametrize(
    ("kernel", "changed", "rule"),
    [
        ("conv2d_pool_forward", {"oh": 1}, "two rows and two columns"),
        ("conv2d_pool_forward", {"groups": 3, "c_out": 3}, "depthwise"),
        ("conv2d_pool_backward_weights", {"c_in": 8}, "fewer than 8 input channels"),
        ("conv2d_pool_backward_weights", {"groups": 3}, "fewer than 8 input channels"),
        ("conv2d_winograd_pool_forward", {"ow": 1}, "two rows and two columns"),
        ("conv2d_winograd_pool_backward_data", {"ow": 1}, "two rows and two columns"),
        ("conv2d_winograd_pool_backward_weights", {"oh": 1}, "two rows and two columns"),
        ("conv2d_winograd_pool_forward", {"tile": 3}, "whole windows"),
        ("conv2d_winograd_pool_backward_data", {"tile": 3}, "whole windows"),
        ("conv2d_winograd_pool_backward_weights", {"tile": 3}, "whole windows"),
    ],
)
def test_what_cannot_be_pooled_is_refused(kernel: str, changed: dict[str, int], rule: str) -> None:
    attributes: dict[str, Any] = conv2d_geometry("test", (6, 6, 3), 3, 6)
    attributes |= {"tile": 4} if "winograd" in kernel else {}
    attributes |= changed
    attributes |= {"relu": False} if kernel.endswith("forward") else {}
    with pytest.raises(ValueError, match=rule):
        _core.describe_kernel(kernel, attributes)


# ---- the plan ----


def _model(*middle: Any, image: tuple[int, ...] = (12, 12, 1)) -> Sequential:
    model = Sequential([Input(image), *middle, Flatten(), Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def _kernels(model: Any, training: bool = True) -> list[str]:
    return [call.kernel for call in model.plan(training=training).calls]


def _trained() -> list[Any]:
    set_random_seed(5)
    layers = [Conv2D(8, 3, activation="relu", padding="same"), MaxPooling2D(), Conv2D(16, 3, activation="relu")]
    model = _model(*layers, MaxPooling2D(), Conv2D(16, 1, activation="tanh"), MaxPooling2D(), image=(20, 22, 1))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(70, 20, 22, 1)).astype("f4"), rng.integers(0, 3, 70)
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    return [*model.get_weights(), model.predict(x, verbose=0), sorted(_kernels(model))]


def test_training_gives_the_same_bits_with_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    *fused, kernels = _trained()
    assert kernels.count("conv2d_pool_forward") == 2
    assert kernels.count("max_pool2d_forward") == 1  # behind the tanh
    monkeypatch.setattr(build, "fuse_pooling", lambda calls, watched, backend: calls)
    *alone, kernels = _trained()
    assert kernels.count("max_pool2d_forward") == 3
    for got, expected in zip(fused, alone, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_a_step_of_two_layers_pools_on_the_way() -> None:
    layers = [Conv2D(16, 3, activation="relu"), MaxPooling2D(), Conv2D(32, 3, activation="relu", padding="same")]
    model = _model(*layers, MaxPooling2D(), image=(26, 26, 1))
    kernels = _kernels(model)
    assert not [name for name in kernels if name.startswith("max_pool2d")]
    for name in ("conv2d_pool_forward", "conv2d_pool_backward_weights", "conv2d_winograd_pool_forward"):
        assert kernels.count(name) == 1, name
    assert kernels.count("conv2d_winograd_pool_backward_weights") == 1
    assert kernels.count("conv2d_winograd_pool_backward_data") == 1
    assert kernels.count("activation_backward") == 1  # of the last; Winograd's kernel masks for the first
    predicting = _kernels(model, training=False)
    assert predicting.count("conv2d_pool_forward") == predicting.count("conv2d_winograd_pool_forward") == 1


@pytest.mark.parametrize(
    "middle",
    [
        [Conv2D(8, 3), MaxPooling2D(3)],
        [Conv2D(8, 3), MaxPooling2D(2, strides=1)],
        [Conv2D(8, 4), MaxPooling2D(padding="same")],  # 9 x 9: the last windows hang over
        [Conv2D(8, 3), AveragePooling2D()],
        [Conv2D(8, 3, activation="sigmoid"), MaxPooling2D()],
        [DepthwiseConv2D(3, depth_multiplier=1), MaxPooling2D()],
    ],
    ids=["3x3", "overlapping", "hanging over", "average", "sigmoid", "depthwise"],
)
def test_other_layers_stay_as_they_are(middle: list[Any]) -> None:
    image = (12, 12, 5)
    assert not [name for name in _kernels(_model(*middle, image=image)) if "pool_" in name and name.startswith("conv")]


def test_a_map_that_others_read_is_kept() -> None:
    x = Input((12, 12, 1))
    conv = Conv2D(8, 3, activation="relu")(x)
    pooled = MaxPooling2D()(conv)
    both = Model(x, [conv, pooled])
    assert "conv2d_forward" in _kernels(both, training=False)
    assert "max_pool2d_forward" in _kernels(both, training=False)
    images = np.random.default_rng(0).normal(size=(3, 12, 12, 1)).astype("f4")
    maps, small = both.predict(images, verbose=0)
    np.testing.assert_array_equal(small, maps[:, 0::2, 0::2].clip(maps[:, 1::2, 0::2]).clip(
        np.maximum(maps[:, 0::2, 1::2], maps[:, 1::2, 1::2])))  # fmt: skip
    np.testing.assert_array_equal(Model(x, pooled).predict(images, verbose=0), small)


@pytest.mark.parametrize("filters", [8, 32])
@pytest.mark.parametrize("shape", [(16, 4), (4, 16), (8, 8)], ids=str)
def test_a_reshaped_map_is_pooled_as_it_is_read(
    shape: tuple[int, int], filters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(0).normal(size=(9, 8, 8, 16)).astype("f4")

    def answers() -> list[Any]:
        set_random_seed(1)
        layers = [Conv2D(filters, 3, padding="same"), Reshape((*shape, filters)), MaxPooling2D()]
        model = _model(*layers, image=images.shape[1:])
        model.fit(images, np.arange(9) % 3, verbose=0)
        return [*model.get_weights(), model.predict(images, verbose=0)]

    got = answers()
    monkeypatch.setattr(build, "fuse_pooling", lambda calls, watched, backend: calls)
    for one, other in zip(got, answers(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_activations_behind_the_pooling_are_not_taken_for_the_convolution_s() -> None:
    model = _model(Conv2D(8, 3), MaxPooling2D(), Activation("relu"))
    assert "conv2d_pool_forward" in _kernels(model)
    assert "conv2d_pool_backward_weights" in _kernels(model)
    x, y = np.random.default_rng(0).normal(size=(9, 12, 12, 1)).astype("f4"), np.arange(9) % 3
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=30, verbose=0)
    assert model.evaluate(x, y, verbose=0) < 0.7 * before


def test_a_gradient_that_changes_in_between_is_unpooled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Call] = []
    monkeypatch.setattr(build, "fuse_pooling", lambda calls, watched, backend: seen.extend(calls) or calls)
    _kernels(_model(Conv2D(8, 3, activation="relu"), MaxPooling2D()))
    pool = next(call for call in seen if call.kernel == "max_pool2d_backward")
    assert pool.kernel not in [call.kernel for call in fuse_pooling(seen, set())]
    pooled = pool.buffers["dy"]
    seen.insert(seen.index(pool) + 1, Call("rescale_forward", {}, {"x": pooled, "y": pooled}, "in place"))
    kernels = [call.kernel for call in fuse_pooling(seen, set())]
    assert pool.kernel in kernels
    assert "conv2d_backward_weights" in kernels
