"""Layers with Keras's names, defaults and arithmetic. A layer declares what is computed; the plan decides how.

base                 Layer: name, weights, shapes, config
symbolic             what a layer answers when it is called on `Input` or on another layer's output
conv2d, depthwise_conv2d, dense    trained products, each with an optional activation
pooling, flatten, reshape, zero_padding2d    shapes
activation, dropout, batch_normalization, rescaling
merge                sums, products, side by side
input                the shape of a model's samples
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyconvnet._suggest import known
from pyconvnet.layers.activation import Activation, ReLU, Softmax
from pyconvnet.layers.base import Layer
from pyconvnet.layers.batch_normalization import BatchNormalization
from pyconvnet.layers.conv2d import Conv2D
from pyconvnet.layers.dense import Dense
from pyconvnet.layers.depthwise_conv2d import DepthwiseConv2D
from pyconvnet.layers.dropout import Dropout
from pyconvnet.layers.flatten import Flatten
from pyconvnet.layers.input import Input, InputLayer
from pyconvnet.layers.merge import Add, Concatenate, Multiply, add, concatenate, multiply
from pyconvnet.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D
from pyconvnet.layers.rescaling import Rescaling
from pyconvnet.layers.reshape import Reshape
from pyconvnet.layers.symbolic import KerasTensor
from pyconvnet.layers.zero_padding2d import ZeroPadding2D

# Keras's second names.
Convolution2D = Conv2D
MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalMaxPool2D = GlobalMaxPooling2D

_CLASSES: dict[str, type[Layer]] = {
    cls.__name__: cls
    for cls in (
        Activation,
        Add,
        AveragePooling2D,
        BatchNormalization,
        Concatenate,
        Conv2D,
        Dense,
        DepthwiseConv2D,
        Dropout,
        Flatten,
        GlobalAveragePooling2D,
        GlobalMaxPooling2D,
        InputLayer,
        MaxPooling2D,
        Multiply,
        ReLU,
        Rescaling,
        Reshape,
        Softmax,
        ZeroPadding2D,
    )
}


def deserialize(config: Mapping[str, Any]) -> Layer:
    """A layer from {"class_name": ..., "config": ...}; only pyconvnet's own classes are made.

    Args:
        config: the class's name and the dictionary of `Layer.get_config`.

    Returns:
        A new layer with the same settings and no weights.

    Raises:
        ValueError, TypeError: an unknown class or argument, or no such dictionary.

    Example:
        >>> deserialize({"class_name": "Dense", "config": {"units": 3}}).units
        3
    """
    if not isinstance(config, Mapping) or not {"class_name", "config"} <= set(config):
        raise TypeError(f"deserialize: a layer must be a dictionary with class_name and config, got {config!r}")
    name = known("deserialize", "layer class", config["class_name"], _CLASSES)
    return _CLASSES[name].from_config(config["config"])


__all__ = [
    "Activation",
    "Add",
    "AveragePooling2D",
    "AvgPool2D",
    "BatchNormalization",
    "Concatenate",
    "Conv2D",
    "Convolution2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalAvgPool2D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling2D",
    "Input",
    "InputLayer",
    "KerasTensor",
    "Layer",
    "MaxPool2D",
    "MaxPooling2D",
    "Multiply",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
    "ZeroPadding2D",
    "add",
    "concatenate",
    "deserialize",
    "multiply",
]
