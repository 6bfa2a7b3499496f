"""What the C++ of a call refuses by itself, whatever Python has let through: no memory is read or written by then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyconvnet import _core, ops
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.ops.conv2d import conv2d_geometry
from pyconvnet.ops.pool2d import pool2d_geometry

HUGE = 2**47  # of which two make more than memory holds, and four more than 64 bits count

POOL = pool2d_geometry("test", (6, 6, 2), 2, None, "valid")
CONV = conv2d_geometry("test", (6, 6, 4), 3, 8, 1, "valid", 1, 1)


def run(kernel: str, attributes: dict[str, Any], rows: int = 1, /, **buffers: np.ndarray) -> None:
    """One call whose buffers have a single element wherever none is given."""
    for name, dtype, _, _, role in _core.describe_kernel(kernel, attributes):
        if role != "scratch" and not role.startswith("optional"):
            buffers.setdefault(name, np.zeros(1, dtype))
    run_kernel(kernel, attributes, rows=rows, **buffers)


@pytest.mark.parametrize("kernel", ["max_pool2d_forward", "avg_pool2d_forward", "avg_pool2d_backward"])
@pytest.mark.parametrize("wrong", [{"oh": 10**6}, {"ow": 4}, {"pad_top": 2}, {"stride_w": 2**40}])
def test_a_pool_refuses_windows_beside_the_map(kernel: str, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{kernel}: every window must cover a cell of the map"):
        run(kernel, {**POOL, **wrong})


def test_argmax_has_to_tell_all_cells_apart() -> None:
    cells = {**POOL, "h": 257, "w": 257, "pool_h": 257, "pool_w": 257, "oh": 1, "ow": 1}
    with pytest.raises(ValueError, match="max_pool2d_backward: a window must have at most 65536 cells"):
        run("max_pool2d_backward", cells)
    x, y, argmax = np.zeros((1, 257, 257, 2), np.float32), np.zeros((1, 2), np.float32), np.zeros((1, 2), np.uint16)
    with pytest.raises(ValueError, match="a window with argmax must have at most 65536 cells"):
        run("max_pool2d_forward", cells, x=x, y=y, argmax=argmax)
    x[0, 256, 256] = 3.0
    run("max_pool2d_forward", cells, x=x, y=y)
    np.testing.assert_array_equal(y, [[3.0, 3.0]])


@pytest.mark.parametrize("wrong", [{"groups": 3}, {"groups": 8}])
def test_groups_divide_both_channels(wrong: dict[str, int]) -> None:
    for kernel in ("conv2d_forward", "conv2d_backward_data", "conv2d_backward_weights"):
        with pytest.raises(ValueError, match="groups must divide c_in and c_out"):
            _core.describe_kernel(kernel, {**CONV, **wrong, **({"relu": False} if kernel == "conv2d_forward" else {})})


@pytest.mark.parametrize("wrong", [{"pad_top": 3}, {"pad_left": 3}, {"pad_left": 2**40}])
def test_a_convolution_pads_less_than_its_kernel_spans(wrong: dict[str, int]) -> None:
    geometry = {**CONV, "kernel_h": 2, "kernel_w": 2, "dilation_h": 2, "dilation_w": 2}
    _core.describe_kernel("conv2d_backward_data", {**geometry, "pad_top": 2, "pad_left": 2})
    with pytest.raises(ValueError, match="padding must be smaller than what the kernel spans"):
        _core.describe_kernel("conv2d_backward_data", {**geometry, **wrong})


def test_features_divide_a_row_and_functions_have_a_number() -> None:
    relu = {"function": 1, "parameter": 0.0, "size": 7, "features": 2}
    with pytest.raises(ValueError, match="activation_forward: features must divide size"):
        run("activation_forward", relu)
    for number in (-1, 0, 11):
        with pytest.raises(ValueError, match="activation_backward: function must be from 1 to 10"):
            run("activation_backward", {**relu, "features": 7, "function": number})
    with pytest.raises(ValueError, match="batch_norm_inference: features must divide size"):
        run("batch_norm_inference", {"features": 2, "size": 7, "epsilon": 1e-3})


@pytest.mark.parametrize(
    ("kernel", "attributes"),
    [
        ("zero_pad2d_forward", {"h": HUGE, "w": HUGE, "c": HUGE, "top": HUGE, "bottom": 0, "left": 0, "right": HUGE}),
        ("multiply_forward", {"size": HUGE}),
        ("max_pool2d_forward", {**POOL, "h": HUGE, "w": HUGE, "c": HUGE}),
        ("conv2d_forward", {**CONV, "h": HUGE, "w": HUGE, "c_in": HUGE, "oh": HUGE, "ow": HUGE, "relu": False}),
        ("dense_forward", {"vectors": HUGE, "k": HUGE, "m": HUGE, "relu": False}),
        ("sparse_categorical_accuracy", {"features": HUGE, "vectors": HUGE}),
    ],
)
def test_sizes_whose_product_overflows_find_no_buffer(kernel: str, attributes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{kernel} '[a-z]+': must hold [0-9]+ bytes, got [0-9]+"):
        _core.run_kernel(
            kernel,
            attributes,
            {name: np.zeros(4, dtype) for name, dtype, *_ in _core.describe_kernel(kernel, attributes)},
            4,
            0,
            0,
            0.0,
            [],
            np.arange(0),
        )


def test_a_size_beyond_all_memory_is_refused() -> None:
    with pytest.raises(ValueError, match=r"multiply_forward: size must be at most 2\^48, got 2305843009213693952"):
        run("multiply_forward", {"size": 2**61})


def test_a_dilation_beyond_all_memory_is_refused() -> None:
    wide = {**CONV, "dilation_h": 2**40, "dilation_w": 2**40, "relu": False}
    arrays = {"x": np.zeros((1, 6, 6, 4), np.float32), "kernel": np.zeros((3, 3, 4, 8), np.float32)}
    arrays["y"] = np.zeros((1, CONV["oh"], CONV["ow"], 8), np.float32)
    with pytest.raises(ValueError, match="conv2d_forward: would need more working memory than there can be"):
        run("conv2d_forward", wide, **arrays)


@pytest.mark.parametrize("label", [-1, 3, 2**30, -(2**31)])
def test_top_k_of_a_label_that_is_no_class_is_no_match(label: int) -> None:
    sums = np.zeros(2)
    predictions = np.array([[0.2, 0.5, 0.3]], np.float32)
    attributes = {"features": 3, "vectors": 1, "k": 3}
    labels = np.array([label], np.int32)
    run("sparse_top_k_categorical_accuracy", attributes, predictions=predictions, labels=labels, sums=sums)
    np.testing.assert_array_equal(sums, [0.0, 1.0])


def test_feeds_and_indices_have_to_fit_the_kernel() -> None:
    attributes, y = {"feed": 0, "size": 3}, np.empty((2, 3), np.float32)
    with pytest.raises(ValueError, match="gather: needs feed 0, got 0 feeds"):
        run("gather", attributes, 2, out=y)
    with pytest.raises(ValueError, match="gather: rows of feed 0 must hold 3 numbers, got 4"):
        run_kernel("gather", attributes, rows=2, feed=np.ones((5, 4)), indices=np.array([0, 1]), out=y)
    with pytest.raises(ValueError, match="gather: needs 2 row indices for its feeds, got 1"):
        run_kernel("gather", attributes, rows=2, feed=np.ones((5, 3)), indices=np.array([0]), out=y)
    run_kernel("gather", attributes, rows=2, feed=np.arange(15).reshape(5, 3), indices=np.array([4, 0]), out=y)
    np.testing.assert_array_equal(y, [[12, 13, 14], [0, 1, 2]])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.arange(256.0), "a table must be a C-contiguous float32 array"),
        (np.arange(512, dtype=np.float32)[::2], "a table must be a C-contiguous float32 array"),
        (np.arange(255, dtype=np.float32), "a table of 256 values goes with uint8"),
    ],
)
def test_a_table_of_a_feed_is_read_where_it_lies(table: np.ndarray, message: str) -> None:
    y, feed = np.empty((1, 3), np.float32), np.full((2, 3), 7, np.uint8)
    rest = (1, 0, 0, 0.0)
    with pytest.raises(ValueError, match=f"gather: feed 0: {message}"):
        _core.run_kernel("gather", {"feed": 0, "size": 3}, {"out": y}, *rest, [(feed, table)], np.array([1]))
    halves = np.arange(256, dtype=np.float32) / 2
    _core.run_kernel("gather", {"feed": 0, "size": 3}, {"out": y}, *rest, [(feed, halves)], np.array([1]))
    np.testing.assert_array_equal(y, [[3.5, 3.5, 3.5]])


def test_strides_far_beyond_the_image_cost_nothing() -> None:
    """Every stride beyond the image is the same: one output. With classes for each stride this would take hours."""
    g = conv2d_geometry("test", (5, 7, 3), (3, 2), 4, 1, "valid", 1, 1)
    rng = np.random.default_rng(0)
    kernel, dy = rng.normal(size=(3, 2, 3, 4)).astype(np.float32), rng.normal(size=(2, 1, 1, 4)).astype(np.float32)
    results = []
    for stride in (8, 2**33):
        dx = np.full((2, 5, 7, 3), np.nan, np.float32)
        run(
            "conv2d_backward_data",
            {**g, "oh": 1, "ow": 1, "stride_h": stride, "stride_w": stride},
            2,
            dy=dy,
            kernel=kernel,
            dx=dx,
        )
        results.append(dx)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_allclose(results[0][:, :3, :2], np.einsum("nijo,hwio->nhwi", dy, kernel), rtol=1e-5)


def test_numbers_in_the_machines_byte_order_are_taken_whatever_their_name() -> None:
    foreign = np.arange(6, dtype=np.dtype(np.float32).newbyteorder("S")).reshape(2, 3)
    native = foreign.byteswap().view(foreign.dtype.newbyteorder())  # its dtype says '<' on a little-endian machine
    np.testing.assert_array_equal(ops.dense(native, np.eye(3, dtype=np.float32)), [[0, 1, 2], [3, 4, 5]])
