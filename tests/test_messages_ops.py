"""What bad input is told by ops: who, which rule, expected, got; never a bare error from below."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyconvnet import layers, ops

X, KERNEL, VECTOR = np.ones((1, 4, 4, 1)), np.ones((2, 2, 1, 1)), [1.0]
FAR = 2**63  # beyond the int64 of the kernels

CASES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: ops.activation(VECTOR, ["relu"]), ValueError, "activation: unknown activation function ['relu']; did you"),  # type: ignore[arg-type]
    (
        lambda: ops.activation_backward(VECTOR, VECTOR, {}),  # type: ignore[arg-type]
        ValueError,
        "activation_backward: unknown activation function {}. Known: clipped_relu",
    ),
    (lambda: ops.conv2d(X, KERNEL, algorithm=["direct"]), ValueError, "conv2d: unknown algorithm ['direct']; did you"),  # type: ignore[arg-type]
    (
        lambda: layers.deserialize({"class_name": ["Dense"], "config": {}}),
        ValueError,
        "deserialize: unknown layer class ['Dense']; did you mean 'Dense'?",
    ),
    (lambda: ops.concatenate([[1]], [[2]], axis="a"), TypeError, "concatenate: axis must be a whole number, got 'a'"),  # type: ignore[arg-type]
    (
        lambda: ops.concatenate([[1]], [[2]], axis=2),
        ValueError,
        "concatenate: axis must be from -2 to 1 for shape (1, 1), got 2",
    ),
    (
        lambda: ops.concatenate_backward([[1, 2]], (1, 1), axis=None),  # type: ignore[arg-type]
        TypeError,
        "concatenate_backward: axis must be a whole number, got None",
    ),
    (
        lambda: ops.concatenate_backward([[1, 2]], 2),  # type: ignore[arg-type]
        TypeError,
        "concatenate_backward: sizes must be a tuple of whole numbers, got 2",
    ),
    (
        lambda: ops.concatenate_backward([[1, 2]], (-1, 3)),
        ValueError,
        "concatenate_backward: sizes[0] must be at least 0, got -1",
    ),
    (
        lambda: ops.concatenate_backward([[1, 2]], (1, 2)),
        ValueError,
        "concatenate_backward: sizes (1, 2) must add up to axis -1 of dy, got shape (1, 2)",
    ),
    (
        lambda: ops.flatten_backward([[1, 2]], ()),
        ValueError,
        "flatten_backward: input_shape must have at least one axis (the rows), got ()",
    ),
    (
        lambda: ops.flatten_backward([[1, 2]], (1, 2.0)),  # type: ignore[arg-type]
        TypeError,
        "flatten_backward: input_shape[1] must be a whole number, got 2.0",
    ),
    (
        lambda: ops.conv2d_backward_data(X, KERNEL, 5),  # type: ignore[arg-type]
        TypeError,
        "conv2d_backward_data: input_shape must be a tuple of whole numbers, got 5",
    ),
    (lambda: ops.conv2d(X, KERNEL, strides=FAR), ValueError, f"conv2d: strides must be below 2**63, got {FAR}"),
    (lambda: ops.max_pool2d(X, 2, strides=FAR), ValueError, f"max_pool2d: strides must be below 2**63, got {FAR}"),
    (
        lambda: layers.Conv2D(FAR, 3, name="c").compute_output_shape((4, 4, 1)),
        ValueError,
        f"Conv2D 'c': filters must be below 2**63, got {FAR}",
    ),
    (lambda: ops.zero_pad2d(X, 2**31), ValueError, f"zero_pad2d: padding must be below 2**20, got {2**31}"),
    (
        lambda: ops.conv2d(X, KERNEL, padding="same", dilation_rate=2**19),
        ValueError,
        "conv2d: the window covers 524289 x 524289 cells, at most 16777216; use a smaller one or less dilation",
    ),
    (
        lambda: ops.adam(VECTOR, VECTOR, VECTOR, VECTOR, iteration=FAR),
        ValueError,
        f"adam: iteration must be below 2**63, got {FAR}",
    ),
    (
        lambda: ops.average_weights(VECTOR, VECTOR, iteration=FAR),
        ValueError,
        f"average_weights: iteration must be below 2**63, got {FAR}",
    ),
    (lambda: ops.dropout(VECTOR, 0.5, seed=2**64), ValueError, f"dropout: seed must be below 2**64, got {2**64}"),
    (
        lambda: ops.clip_by_global_norm(3, limit=1.0),  # type: ignore[arg-type]
        TypeError,
        "clip_by_global_norm: gradients must be a list of arrays, got 3",
    ),
    (
        lambda: ops.multiply_backward(VECTOR, VECTOR, [1, 2]),
        ValueError,
        "multiply_backward: b must have shape (1,), got (2,)",
    ),
    (
        lambda: ops.global_max_pool2d(np.ones((1, 0, 3, 1))),
        ValueError,
        "global_max_pool2d: input height must be positive, got 0",
    ),
    (
        lambda: ops.global_avg_pool2d(np.ones((1, 3, 0, 1))),
        ValueError,
        "global_avg_pool2d: input width must be positive, got 0",
    ),
    (
        lambda: ops.global_max_pool2d_backward([VECTOR], np.ones((1, 2, 2, 3))),
        ValueError,
        "global_max_pool2d_backward: dy must have shape (1, 3), got (1, 1)",
    ),
    (
        lambda: ops.global_avg_pool2d_backward([VECTOR], (1, 2, 2, 3)),
        ValueError,
        "global_avg_pool2d_backward: dy must have shape (1, 3), got (1, 1)",
    ),
    (
        lambda: ops.global_avg_pool2d_backward([VECTOR], ()),
        ValueError,
        "global_avg_pool2d_backward: input_shape must be (height, width, channels) or (1, ...), got ()",
    ),
    (
        lambda: ops.max_pool2d_backward(np.ones((1, 1, 1, 1)), np.ones((1, 1, 65537, 1)), (1, 65537)),
        ValueError,
        "max_pool2d_backward: for a gradient pool_size may have at most 65536 cells, got 1 x 65537; put two pools",
    ),
]


@pytest.mark.parametrize(("wrong", "error", "message"), CASES, ids=[message[:60] for _, _, message in CASES])
def test_message(wrong: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match="^" + re.escape(message)):
        wrong()
