"""Every op once: callable on NumPy arrays here, and as a rule of the plan in RULES.

Arrays are NHWC, kernels HWIO, results float32. The same functions in plain NumPy, written to be read,
are in `pyconvnet.reference`.
"""

from __future__ import annotations

from pyconvnet.ops.activation import ActivationRule, activation, activation_backward, emit_activation_backward
from pyconvnet.ops.batch_norm import BatchNormRule, batch_norm, batch_norm_backward, batch_norm_training
from pyconvnet.ops.conv2d import Conv2dRule, conv2d, conv2d_backward_data, conv2d_backward_weights
from pyconvnet.ops.dense import DenseRule, dense, dense_backward_data, dense_backward_weights
from pyconvnet.ops.dropout import DropoutRule, dropout, dropout_backward
from pyconvnet.ops.flatten import flatten, flatten_backward
from pyconvnet.ops.loss import (
    binary_cross_entropy,
    categorical_cross_entropy,
    mean_absolute_error,
    mean_squared_error,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)
from pyconvnet.ops.optimizer import adam, rmsprop, sgd
from pyconvnet.ops.pool2d import (
    AvgPool2dRule,
    MaxPool2dRule,
    avg_pool2d,
    avg_pool2d_backward,
    global_avg_pool2d,
    global_avg_pool2d_backward,
    global_max_pool2d,
    global_max_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
)
from pyconvnet.ops.regularizer import l1_l2
from pyconvnet.ops.rule import Rule

RULES: dict[str, Rule] = {
    "conv2d": Conv2dRule(),
    "dense": DenseRule(),
    "max_pool2d": MaxPool2dRule(),
    "avg_pool2d": AvgPool2dRule(),
    "activation": ActivationRule(),
    "dropout": DropoutRule(),
    "batch_norm": BatchNormRule(),
}

__all__ = [
    "activation",
    "activation_backward",
    "adam",
    "avg_pool2d",
    "avg_pool2d_backward",
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_training",
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "conv2d",
    "conv2d_backward_data",
    "conv2d_backward_weights",
    "dense",
    "dense_backward_data",
    "dense_backward_weights",
    "dropout",
    "dropout_backward",
    "emit_activation_backward",
    "flatten",
    "flatten_backward",
    "global_avg_pool2d",
    "global_avg_pool2d_backward",
    "global_max_pool2d",
    "global_max_pool2d_backward",
    "l1_l2",
    "max_pool2d",
    "max_pool2d_backward",
    "mean_absolute_error",
    "mean_squared_error",
    "rmsprop",
    "sgd",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
]
