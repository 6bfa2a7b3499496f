"""Random configurations of layers: drawn from a seed, written as plain JSON, so that real Keras and pyconvnet build the
same ones. Those of losses, optimizers, schedules, callbacks and initializers are in random_settings.py.

Only what pyconvnet offers is drawn; what it refuses is in tests/test_golden_coverage.py.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

Config = dict[str, Any]
Row = dict[str, Any]

ACTIVATIONS = ["linear", "relu", "sigmoid", "tanh", "softmax", "elu", "leaky_relu", "gelu", "silu", "swish", "softplus"]
_INITIALIZERS = ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "ones"]
_REGULARIZERS = {"l1": ["l1"], "l2": ["l2"], "l1_l2": ["l1", "l2"], "L1": ["l1"], "L2": ["l2"], "L1L2": ["l1", "l2"]}


class Draw:
    """Choices from a stream of numpy.random.RandomState, which NumPy keeps as it is."""

    def __init__(self, name: str) -> None:
        self.random = np.random.RandomState(zlib.crc32(name.encode()))

    def one(self, choices: Sequence[Any]) -> Any:
        """One of several."""
        return choices[self.random.randint(len(choices))]

    def number(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self.random.randint(low, high + 1))

    def real(self, low: float, high: float) -> float:
        """A number of three digits behind the point."""
        return round(float(self.random.uniform(low, high)), 3)

    def yes(self, share: float = 0.5) -> bool:
        """True in such a share of the cases."""
        return bool(self.random.uniform() < share)

    def some(self, config: Config, share: float = 0.5) -> Config:
        """Some of the settings; what is left out keeps its default."""
        return {key: value for key, value in config.items() if self.yes(share)}

    def window(self, low: int, high: int) -> Any:
        """One number for both directions, or two."""
        return self.number(low, high) if self.yes() else [self.number(low, high), self.number(low, high)]

    def regularizer(self) -> list[Any]:
        """A rule and its factors, some of them left out; not of l1_l2, whose defaults are Keras 2's here."""
        rule = self.one(sorted(_REGULARIZERS))
        factors = {key: self.real(0.01, 0.3) for key in _REGULARIZERS[rule]}
        return [rule, factors if rule == "l1_l2" else self.some(factors, 0.8)]


def made(library: ModuleType, row: Row) -> Any:
    """The layer of a row, of `library` (keras or pyconvnet)."""
    config = {key: _tuples(value) for key, value in row["config"].items()}
    for key in config:
        if key.endswith("_regularizer"):
            rule, factors = row["config"][key]
            config[key] = getattr(library.regularizers, rule)(**factors)
    return getattr(library.layers, row["layer"])(**config)


def layer_rows() -> list[Row]:
    """Every layer that computes something, with random settings and shapes."""
    rows = []
    for class_name, (count, draw_one) in LAYERS.items():
        for number in range(count):
            name = f"{class_name}_{number:02d}"
            rows.append({"name": name, "layer": class_name, **draw_one(Draw(name))})
    return rows


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _image(draw: Draw, low: int = 1, high: int = 9, channels: Sequence[int] = (1, 2, 3, 4, 5, 6)) -> list[int]:
    return [draw.number(1, 4), draw.number(low, high), draw.number(low, high), draw.one(channels)]


def _any_rank(draw: Draw, low: int = 1, rows: int = 1) -> list[int]:
    """A batch of vectors, or of up to four axes."""
    return [draw.number(rows, 5), *(draw.number(low, 5) for _ in range(draw.number(0, 3))), draw.number(low, 9)]


def _trained(draw: Draw, kernel: str) -> Config:
    """Settings that all layers with a kernel share."""
    config = {
        "activation": draw.one(ACTIVATIONS),
        "use_bias": draw.yes(),
        f"{kernel}_initializer": draw.one(_INITIALIZERS),
        "bias_initializer": draw.one(["zeros", "ones"]),
    }
    rare = {key: draw.regularizer() for key in (f"{kernel}_regularizer", "bias_regularizer", "activity_regularizer")}
    return {**draw.some(config, 0.7), **draw.some(rare, 0.2), **draw.some({"trainable": False}, 0.15)}


def _sliding(draw: Draw, shape: list[int], kernel: Any, equal: bool) -> Config:
    """Padding and either strides or dilation, such that the window fits."""
    rows, columns = (kernel, kernel) if isinstance(kernel, int) else kernel
    config: Config = {"padding": draw.one(["valid", "same"])}
    if draw.yes(0.35):
        config["dilation_rate"] = draw.window(1, 3)
    elif draw.yes(0.6):
        config["strides"] = draw.number(1, 3) if equal else draw.window(1, 4)
    dilation = config.get("dilation_rate", 1)
    down, across = (dilation, dilation) if isinstance(dilation, int) else dilation
    shape[1] = max(shape[1], down * (rows - 1) + 1)
    shape[2] = max(shape[2], across * (columns - 1) + 1)
    return config


def _conv2d(draw: Draw) -> Row:
    shape, kernel, groups = _image(draw), draw.window(1, 5), draw.one([1, 1, 1, 2, 3])
    shape[3] = groups * draw.number(1, 6 // groups)
    config = {"filters": groups * draw.one([1, 2, 3, 5]), "kernel_size": kernel, **_sliding(draw, shape, kernel, False)}
    config |= {"groups": groups} if groups > 1 else {}
    return {"shapes": [shape], "config": {**config, **_trained(draw, "kernel")}}


def _depthwise_conv2d(draw: Draw) -> Row:
    # TensorFlow's depthwise convolution takes only equal strides.
    shape, kernel = _image(draw), draw.window(1, 4)
    config = {"kernel_size": kernel, **_sliding(draw, shape, kernel, True)}
    return {
        "shapes": [shape],
        "config": {**config, **draw.some({"depth_multiplier": draw.number(1, 3)}), **_trained(draw, "depthwise")},
    }


def _dense(draw: Draw) -> Row:
    return {"shapes": [_any_rank(draw)], "config": {"units": draw.one([1, 2, 3, 7, 17]), **_trained(draw, "kernel")}}


def _pooling(draw: Draw) -> Row:
    size = draw.window(1, 4)
    shape = _image(draw, 4, 11)
    config = {"pool_size": size, **draw.some({"padding": draw.one(["valid", "same"])}, 0.8)}
    # Few different values, so that windows have several maxima.
    return {
        "shapes": [shape],
        "unit": draw.one([1 / 32, 1 / 2]),
        "config": {**config, **draw.some({"strides": draw.window(1, 5)}, 0.7)},
    }


def _global_pooling(draw: Draw) -> Row:
    # All different, since TensorFlow shares the gradient among equal maxima of a whole map, unlike those of a window.
    return {"shapes": [_image(draw)], "config": draw.some({"keepdims": draw.yes(0.7)}, 0.7), "distinct": True}


def _batch_normalization(draw: Draw) -> Row:
    shape = _any_rank(draw, rows=3)
    config = {
        "axis": draw.one([-1, len(shape) - 1]),
        "momentum": draw.one([0.0, 0.5, 0.9, 0.999, 1.0]),
        "epsilon": draw.one([1e-5, 1e-3, 0.1, 1.0]),
        "center": draw.yes(),
        "scale": draw.yes(),
        "gamma_initializer": draw.one(["ones", "he_normal"]),
        "beta_initializer": draw.one(["zeros", "ones"]),
    }
    rare = {"gamma_regularizer": draw.regularizer(), "beta_regularizer": draw.regularizer(), "trainable": False}
    return {"shapes": [shape], "config": {**draw.some(config), **draw.some(rare, 0.2)}}


def _activation(draw: Draw) -> Row:
    config = {"activation": draw.one(ACTIVATIONS)}
    return {"shapes": [_any_rank(draw)], "unit": draw.one([1 / 32, 1 / 8, 1 / 2]), "config": config}


def _relu(draw: Draw) -> Row:
    config = draw.one([{}, {"max_value": draw.real(0.1, 2)}, {"negative_slope": draw.real(0, 1)}, {"max_value": 6}])
    return {"shapes": [_any_rank(draw)], "unit": draw.one([1 / 32, 1 / 4]), "config": config}


def _softmax(draw: Draw) -> Row:
    config = draw.some({"axis": -1})
    return {"shapes": [_any_rank(draw)], "unit": draw.one([1 / 32, 1 / 8, 1 / 2]), "config": config}


def _rescaling(draw: Draw) -> Row:
    config = {"scale": draw.one([1 / 255, 1 / 127.5, draw.real(-3, 3)]), **draw.some({"offset": draw.real(-2, 2)})}
    return {"shapes": [_any_rank(draw)], "config": config}


def _dropout(draw: Draw) -> Row:
    config = {"rate": draw.one([0.0, 1.0, *(draw.real(0.05, 0.95) for _ in range(6))]), **draw.some({"seed": 7})}
    return {"shapes": [[8, *(draw.number(3, 7) for _ in range(draw.number(1, 3)))]], "config": config}


def _flatten(draw: Draw) -> Row:
    return {"shapes": [_any_rank(draw)], "config": {}}


def _reshape(draw: Draw) -> Row:
    sizes = [draw.number(1, 4) for _ in range(draw.number(1, 4))]
    target: list[int] = []
    for size in sizes:  # joined or cut anew
        if target and draw.yes():
            target[-1] *= size
        else:
            target.insert(draw.number(0, len(target)), size)
    if draw.yes():
        target[draw.number(0, len(target) - 1)] = -1
    return {"shapes": [[draw.number(1, 4), *sizes]], "config": {"target_shape": target}}


def _zero_padding2d(draw: Draw) -> Row:
    sides = [[draw.number(0, 3), draw.number(0, 3)] for _ in range(2)]
    padding = draw.one([draw.number(0, 3), [draw.number(0, 3), draw.number(0, 3)], sides])
    return {"shapes": [_image(draw, 1, 6)], "config": draw.some({"padding": padding}, 0.9)}


def _fold(draw: Draw) -> Row:
    return {"shapes": [_any_rank(draw)] * draw.number(2, 4), "config": {}}


def _concatenate(draw: Draw) -> Row:
    shape = _any_rank(draw)
    axis = draw.number(1, len(shape) - 1)
    shapes = [[*shape[:axis], draw.number(1, 5), *shape[axis + 1 :]] for _ in range(draw.number(2, 4))]
    last = axis == len(shape) - 1
    return {"shapes": shapes, "config": {} if last and draw.yes() else {"axis": draw.one([axis, axis - len(shape)])}}


# How many of each, and how one is drawn.
LAYERS: dict[str, tuple[int, Callable[[Draw], Row]]] = {
    "Activation": (24, _activation),
    "Add": (10, _fold),
    "AveragePooling2D": (25, _pooling),
    "BatchNormalization": (30, _batch_normalization),
    "Concatenate": (12, _concatenate),
    "Conv2D": (40, _conv2d),
    "Dense": (30, _dense),
    "DepthwiseConv2D": (30, _depthwise_conv2d),
    "Dropout": (12, _dropout),
    "Flatten": (10, _flatten),
    "GlobalAveragePooling2D": (10, _global_pooling),
    "GlobalMaxPooling2D": (10, _global_pooling),
    "MaxPooling2D": (25, _pooling),
    "Multiply": (10, _fold),
    "ReLU": (12, _relu),
    "Rescaling": (10, _rescaling),
    "Reshape": (12, _reshape),
    "Softmax": (12, _softmax),
    "ZeroPadding2D": (12, _zero_padding2d),
}
