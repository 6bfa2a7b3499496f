"""Every op, forward and backward, in plain NumPy: written to be read, and the oracle of the tests.

The functions have the names and signatures of `pyconvnet.ops`, but compute in the dtype that they are given. Images are
[n, h, w, c], kernels [kh, kw, c_in, c_out]. Start with `shape.py` (where windows lie) and `conv2d.py`.
"""

from __future__ import annotations

from pyconvnet.reference.activation import activation, activation_backward
from pyconvnet.reference.batch_norm import batch_norm, batch_norm_backward, batch_norm_training
from pyconvnet.reference.clip import clip_by_global_norm, clip_by_norm, clip_by_value
from pyconvnet.reference.concatenate import concatenate, concatenate_backward
from pyconvnet.reference.conv2d import conv2d, conv2d_backward_data, conv2d_backward_weights
from pyconvnet.reference.dense import dense, dense_backward_data, dense_backward_weights
from pyconvnet.reference.dropout import dropout, dropout_backward, philox4x32
from pyconvnet.reference.elementwise import add, multiply, multiply_backward, rescale
from pyconvnet.reference.flatten import flatten, flatten_backward
from pyconvnet.reference.loss import (
    binary_cross_entropy,
    categorical_cross_entropy,
    mean_absolute_error,
    mean_squared_error,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)
from pyconvnet.reference.optimizer import adam, average_weights, decay_weights, rmsprop, sgd
from pyconvnet.reference.pool2d import (
    avg_pool2d,
    avg_pool2d_backward,
    global_avg_pool2d,
    global_avg_pool2d_backward,
    global_max_pool2d,
    global_max_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
)
from pyconvnet.reference.regularizer import l1_l2
from pyconvnet.reference.shape import output_size, same_padding
from pyconvnet.reference.zero_pad2d import zero_pad2d, zero_pad2d_backward

__all__ = [
    "activation",
    "activation_backward",
    "adam",
    "add",
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
    "output_size",
    "philox4x32",
    "rescale",
    "rmsprop",
    "same_padding",
    "sgd",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "zero_pad2d",
    "zero_pad2d_backward",
]
