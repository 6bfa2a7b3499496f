"""Every op once: callable on NumPy arrays here, and as a rule of the plan in RULES.

Arrays are NHWC, kernels HWIO, results float32. The same functions in plain NumPy, written to be read,
are in `pyconvnet.reference`.
"""

from __future__ import annotations

from pyconvnet.ops.activation import ActivationRule, activation, activation_backward, emit_activation_backward
from pyconvnet.ops.affine_warp import affine_warp
from pyconvnet.ops.batch_norm import BatchNormRule, batch_norm, batch_norm_backward, batch_norm_training
from pyconvnet.ops.clip import clip_by_global_norm, clip_by_norm, clip_by_value
from pyconvnet.ops.concatenate import ConcatenateRule, concatenate, concatenate_backward, emit_join
from pyconvnet.ops.conv2d import Conv2dRule, conv2d, conv2d_backward_data, conv2d_backward_weights
from pyconvnet.ops.dense import DenseRule, dense, dense_backward_data, dense_backward_weights
from pyconvnet.ops.dropout import DropoutRule, dropout, dropout_backward
from pyconvnet.ops.elementwise import (
    AddRule,
    MultiplyRule,
    RescaleRule,
    add,
    emit_add,
    emit_multiply,
    emit_rescale,
    multiply,
    multiply_backward,
    rescale,
)
from pyconvnet.ops.flatten import flatten, flatten_backward
from pyconvnet.ops.loss import (
    binary_cross_entropy,
    categorical_cross_entropy,
    mean_absolute_error,
    mean_squared_error,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)
from pyconvnet.ops.optimizer import adam, average_weights, decay_weights, rmsprop, sgd
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
from pyconvnet.ops.zero_pad2d import ZeroPad2dRule, zero_pad2d, zero_pad2d_backward

RULES: dict[str, Rule] = {
    "conv2d": Conv2dRule(),
    "dense": DenseRule(),
    "max_pool2d": MaxPool2dRule(),
    "avg_pool2d": AvgPool2dRule(),
    "activation": ActivationRule(),
    "dropout": DropoutRule(),
    "batch_norm": BatchNormRule(),
    "add": AddRule(),
    "multiply": MultiplyRule(),
    "rescale": RescaleRule(),
    "concatenate": ConcatenateRule(),
    "zero_pad2d": ZeroPad2dRule(),
}

__all__ = [
    "activation",
    "activation_backward",
    "adam",
    "add",
    "affine_warp",
    "average_weights",
    "avg_pool2d",
    "avg_pool2d_backward",
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_training",
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "clip_by_global_norm",
    "clip_by_norm",
    "clip_by_value",
    "concatenate",
    "concatenate_backward",
    "conv2d",
    "conv2d_backward_data",
    "conv2d_backward_weights",
    "decay_weights",
    "dense",
    "dense_backward_data",
    "dense_backward_weights",
    "dropout",
    "dropout_backward",
    "emit_activation_backward",
    "emit_add",
    "emit_join",
    "emit_multiply",
    "emit_rescale",
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
    "multiply",
    "multiply_backward",
    "rescale",
    "rmsprop",
    "sgd",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "zero_pad2d",
    "zero_pad2d_backward",
]
