"""The one table of cases: every op with the shapes, strides and sizes on which kernels go wrong.

A case says what the inputs look like, not what is in them. `inputs(case, "integer")` fills them with small integers, on
which sums of products are exact in float32; `inputs(case, "real")` fills them with real numbers. Both depend on nothing
but the case's id. The same table drives the tests of the reference, of the kernels on every ISA and thread count, and
the bench.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from case import Case, Shape, Size, Spec
from conv_cases import (
    backward_data_shapes,
    backward_weights_shapes,
    bfloat16_shapes,
    conv_channels,
    conv_shapes,
    conv_widths,
    gemm_shapes,
    planar_shapes,
    winograd_shapes,
)

from pyconvnet.reference import output_size


def dense_cases() -> Iterator[Case]:
    """Rows, columns and sums of every remainder; the last five are read in slices, (3, 8, 131072) is too short."""
    sizes = ((1, 1, 1), (1, 133, 10), (3, 17, 16), (5, 31, 33), (6, 64, 65), (7, 100, 48), (11, 8, 3), (2, 1000, 15))
    sliced = ((3, 8, 131072), (5, 300, 120), (33, 257, 128), (29, 10007, 105), (3, 500, 2101), (5, 52500, 20))
    # pieces of the batch, of columns, of both; panels that are not full
    pieces = ((70, 97, 130), (521, 70, 130), (5, 30, 50), (7, 65, 63), (20, 20, 9000))
    for rows, k, m in (*sizes, *pieces, (0, 5, 4), (64, 300, 100), *sliced):
        x, kernel, dy = Spec((rows, k)), Spec((k, m)), Spec((rows, m))
        name = f"{rows}x{k}x{m}"
        size: Size = "medium" if rows >= 64 or m > 8192 or (rows, k, m) in sliced else "small"
        forward = {"x": x, "kernel": kernel, "bias": Spec((m,))}
        yield Case(f"dense-{name}", "dense", forward, {}, True, size, k)
        yield Case(
            f"dense_backward_data-{name}", "dense_backward_data", {"dy": dy, "kernel": kernel}, {}, True, size, m
        )
        yield Case(f"dense_backward_weights-{name}", "dense_backward_weights", {"x": x, "dy": dy}, {}, True, size, rows)
    x, kernel, dy = Spec((2, 3, 7)), Spec((7, 5)), Spec((2, 3, 5))
    yield Case("dense-rank3-no-bias", "dense", {"x": x, "kernel": kernel}, {}, True, "small", 7)
    yield Case("dense_backward_data-rank3", "dense_backward_data", {"dy": dy, "kernel": kernel}, {}, True, "small", 5)
    yield Case("dense_backward_weights-rank3", "dense_backward_weights", {"x": x, "dy": dy}, {}, True, "small", 6)
    yield from (
        Case(
            "conv2d-no-bias", "conv2d", {"x": Spec((1, 5, 5, 3)), "kernel": Spec((3, 3, 3, 8))}, {}, True, "small", 27
        ),
        Case("flatten", "flatten", {"x": Spec((3, 4, 5, 6))}, {}, True),
        Case("flatten_backward", "flatten_backward", {"dy": Spec((3, 120))}, {"input_shape": (3, 4, 5, 6)}, True),
        Case("flatten-zero-rows", "flatten", {"x": Spec((0, 4, 5, 6))}, {}, True),
    )


def pool_cases() -> Iterator[Case]:
    """Touching, overlapping and gapped windows, both paddings, ties; an average of 2^k cells is exact on integers."""
    shapes: tuple[tuple[str, Shape, int | tuple[int, int], dict[str, Any]], ...] = (
        ("2x2", (2, 6, 8, 3), 2, {}),
        ("2x2-odd", (2, 7, 5, 16), 2, {}),
        ("2x2-odd-same", (2, 7, 5, 17), 2, {"padding": "same"}),
        ("3x3-overlap", (2, 7, 8, 8), 3, {"strides": 1}),
        ("3x3-stride2-same", (1, 8, 8, 31), 3, {"strides": 2, "padding": "same"}),
        ("3x2-stride1x2-same", (1, 6, 7, 33), (3, 2), {"strides": (1, 2), "padding": "SAME"}),
        ("2x2-stride3", (1, 8, 9, 11), 2, {"strides": 3}),
        ("1x1-stride2-same", (1, 5, 6, 4), 1, {"strides": 2, "padding": "same"}),
        ("5x5-same-large", (1, 3, 4, 2), 5, {"strides": 1, "padding": "same"}),
        ("one-row-133", (1, 4, 4, 133), 2, {}),
        ("zero-rows", (0, 4, 4, 3), 2, {}),
        ("medium", (16, 14, 14, 32), 2, {"padding": "same"}),
    )
    for name, image, pool, options in shapes:
        ph, pw = (pool, pool) if isinstance(pool, int) else pool
        strides = np.broadcast_to(options.get("strides", pool), 2)
        out = [
            output_size(image[1 + axis], (ph, pw)[axis], int(strides[axis]), options.get("padding", "valid"))
            for axis in range(2)
        ]
        dy = Spec((image[0], *out, image[3]))
        kwargs = {"pool_size": pool, **options}
        size: Size = "medium" if name == "medium" else "small"
        exact = (ph * pw).bit_count() == 1 and "padding" not in options
        back = {"input_shape": image, **kwargs}
        yield Case(f"max_pool2d-{name}", "max_pool2d", {"x": Spec(image)}, kwargs, True, size)
        for kind in ("signed", "ties"):
            arrays = {"dy": dy, "x": Spec(image, kind)}
            yield Case(f"max_pool2d_backward-{name}-{kind}", "max_pool2d_backward", arrays, kwargs, True, size, ph * pw)
        yield Case(f"avg_pool2d-{name}", "avg_pool2d", {"x": Spec(image)}, kwargs, exact, size, ph * pw)
        yield Case(f"avg_pool2d_backward-{name}", "avg_pool2d_backward", {"dy": dy}, back, exact, size, ph * pw)


def global_pool_cases() -> Iterator[Case]:
    """One window as large as the image."""
    for image in ((2, 5, 7, 17), (1, 1, 1, 133), (3, 4, 8, 10), (0, 3, 3, 5)):
        n, h, w, c = image
        name, x, dy, exact = "x".join(map(str, image)), Spec(image), Spec((n, c)), (h * w).bit_count() == 1
        arrays = {"dy": dy, "x": Spec(image, "ties")}
        back = {"input_shape": image}
        yield Case(f"global_max_pool2d-{name}", "global_max_pool2d", {"x": x}, {}, True)
        yield Case(f"global_max_pool2d_backward-{name}", "global_max_pool2d_backward", arrays, {}, True)
        yield Case(f"global_avg_pool2d-{name}", "global_avg_pool2d", {"x": x}, {}, exact, "small", h * w)
        yield Case(f"global_avg_pool2d_backward-{name}", "global_avg_pool2d_backward", {"dy": dy}, back, exact)


def activation_cases() -> Iterator[Case]:
    """Every activation function, forward and backward."""
    functions = (
        "linear",
        "relu",
        "sigmoid",
        "tanh",
        "softmax",
        "elu",
        "leaky_relu",
        "gelu",
        "silu",
        "softplus",
        "clipped_relu",
    )
    calls: list[tuple[str, Shape, dict[str, Any]]] = [(name, (5, 33), {"function": name}) for name in functions]
    calls += [
        ("elu-alpha", (1, 7), {"function": "elu", "alpha": 0.5}),
        ("leaky_relu-slope", (1, 7), {"function": "leaky_relu", "negative_slope": 0.25}),
        ("clipped_relu-2", (6, 9), {"function": "clipped_relu", "max_value": 2.0}),
        ("softmax-10", (7, 10), {"function": "softmax"}),
        ("softmax-one-class", (3, 1), {"function": "softmax"}),
        ("softmax-images", (2, 3, 4, 17), {"function": "softmax"}),
        ("relu-images-zero-rows", (0, 3, 4, 17), {"function": "relu"}),
        ("relu-medium", (8, 14, 14, 32), {"function": "relu"}),
    ]
    for name, shape, kwargs in calls:
        exact = kwargs["function"] in ("linear", "relu", "clipped_relu") or name == "leaky_relu-slope"
        reduction = shape[-1] if kwargs["function"] == "softmax" else 1
        size: Size = "medium" if name.endswith("medium") else "small"
        arrays = {"dy": Spec(shape), "x": Spec(shape)}
        yield Case(f"activation-{name}", "activation", {"x": Spec(shape)}, kwargs, exact, size, reduction)
        yield Case(f"activation_backward-{name}", "activation_backward", arrays, kwargs, exact, size, reduction)


def _with_size(shape: Shape, axis: int, length: int) -> Shape:
    """Give a shape another length along one axis."""
    return tuple(length if i == axis % len(shape) else other for i, other in enumerate(shape))


def graph_cases() -> Iterator[Case]:
    """What branches of a model need: sums, products, side by side, rescaling, frames of zeros."""
    for shape in ((3, 1), (2, 5, 7, 17), (0, 4), (33, 133), (8, 14, 14, 32)):
        name = "x".join(map(str, shape))
        size: Size = "medium" if math.prod(shape) > 9000 else "small"
        pair = {"a": Spec(shape), "b": Spec(shape)}
        yield Case(f"add-{name}", "add", pair, {}, True, size)
        yield Case(f"multiply-{name}", "multiply", pair, {}, True, size)
        yield Case(f"multiply_backward-{name}", "multiply_backward", {"dy": Spec(shape), **pair}, {}, True, size)
        scale = {"scale": 0.5, "offset": -2.0}
        yield Case(f"rescale-{name}", "rescale", {"x": Spec(shape)}, scale, True, size)
    yield Case("rescale-pixels", "rescale", {"x": Spec((2, 9, 9, 3))}, {"scale": 1 / 127.5, "offset": -1.0})
    joins: tuple[tuple[str, Shape, tuple[int, int], int], ...] = (
        ("rows", (5, 1), (3, 4), -1),
        ("channels", (2, 5, 6, 1), (16, 17), -1),
        ("columns", (2, 5, 1, 3), (1, 8), 2),
        ("lines", (3, 1, 4, 5), (2, 7), 1),
        ("zero-rows", (0, 3, 1), (2, 3), -1),
        ("medium", (16, 14, 14, 1), (32, 64), 3),
    )
    for name, shape, sizes, axis in joins:
        size = "medium" if name == "medium" else "small"
        first, second, joined = (_with_size(shape, axis, length) for length in (*sizes, sum(sizes)))
        arrays = {"first": Spec(first), "second": Spec(second)}
        yield Case(f"concatenate-{name}", "concatenate", arrays, {"axis": axis}, True, size)
        back = {"sizes": sizes, "axis": axis}
        yield Case(f"concatenate_backward-{name}", "concatenate_backward", {"dy": Spec(joined)}, back, True, size)
    frames: tuple[tuple[str, Shape, Any], ...] = (
        ("one", (2, 4, 5, 3), 1),
        ("rows-columns", (1, 3, 4, 17), (0, 2)),
        ("four-sides", (2, 3, 3, 2), ((1, 2), (0, 3))),
        ("nothing", (2, 3, 3, 2), 0),
        ("zero-rows", (0, 3, 3, 2), 1),
        ("medium", (16, 14, 14, 32), 3),
    )
    for name, image, padding in frames:
        # One number, or one a row of this table, stands for both ends.
        (top, bottom), (left, right) = np.broadcast_to(np.reshape(padding, (-1, 1 + (np.ndim(padding) == 2))), (2, 2))
        dy = Spec((image[0], int(image[1] + top + bottom), int(image[2] + left + right), image[3]))
        size = "medium" if name == "medium" else "small"
        yield Case(f"zero_pad2d-{name}", "zero_pad2d", {"x": Spec(image)}, {"padding": padding}, True, size)
        yield Case(f"zero_pad2d_backward-{name}", "zero_pad2d_backward", {"dy": dy}, {"padding": padding}, True, size)


def dropout_cases() -> Iterator[Case]:
    """Rates, sizes with every rest of four, and large seeds; the factor is one float32, so the products are exact."""
    calls: tuple[tuple[Shape, float, dict[str, int]], ...] = (
        ((5, 7), 0.5, {"seed": 0}),
        ((2, 3, 3, 5), 0.25, {"seed": 2**63 + 12345, "iteration": 3}),
        ((1, 6), 0.3, {"seed": 42, "iteration": 2**31, "instance": 5}),
        ((3, 3), 0.0, {"seed": 1}),
        ((3, 3), 1.0, {"seed": 1}),
        ((0, 3), 0.5, {"seed": 1}),
        ((64, 100), 0.4, {"seed": 7, "iteration": 1000, "instance": 2}),
    )
    for shape, rate, numbers in calls:
        name = "x".join(map(str, shape)) + f"-{rate}"
        kwargs = {"rate": rate, **numbers}
        size: Size = "medium" if math.prod(shape) > 1000 else "small"
        yield Case(f"dropout-{name}", "dropout", {"x": Spec(shape)}, kwargs, True, size)
        yield Case(f"dropout_backward-{name}", "dropout_backward", {"dy": Spec(shape)}, kwargs, True, size)


def batch_norm_cases() -> Iterator[Case]:
    """Rows, images, a single row, and a mean far from zero, where a one-pass variance fails."""
    for shape in ((7, 10), (2, 4, 5, 17), (3, 2, 2, 133), (1, 16), (8, 10, 10, 32)):
        name, c, rows = "x".join(map(str, shape)), (shape[-1],), math.prod(shape[:-1])
        size: Size = "medium" if rows > 500 else "small"
        x, mean, variance = Spec(shape), Spec(c), Spec(c, "positive")
        affine = {"gamma": Spec(c), "beta": Spec(c)}
        inference = {"x": x, **affine, "moving_mean": mean, "moving_variance": variance}
        backward = {"dy": Spec(shape), "x": x, "gamma": Spec(c), "mean": mean, "variance": variance}
        yield Case(f"batch_norm-{name}", "batch_norm", inference, {}, False, size)
        training = {"x": x, **affine}
        yield Case(f"batch_norm_training-{name}", "batch_norm_training", training, {}, False, size)
        yield Case(f"batch_norm_backward-{name}", "batch_norm_backward", backward, {}, False, size)
    arrays = {"x": Spec((6, 5, 5, 3), "shifted"), "gamma": Spec((3,)), "beta": Spec((3,))}
    kwargs = {"epsilon": 1e-5}
    yield Case("batch_norm_training-shifted", "batch_norm_training", arrays, kwargs)
    arrays = {name: Spec((3,), "positive") for name in ("gamma", "beta", "moving_mean", "moving_variance")}
    yield Case("batch_norm-zero-rows", "batch_norm", {"x": Spec((0, 2, 2, 3)), **arrays})


def loss_cases() -> Iterator[Case]:
    """Each loss on a few shapes, with and without weights, and each way to write labels."""
    for n, c in ((7, 10), (1, 3), (33, 17), (0, 4)):
        numbers, rows = Spec((n,), "int64", c), Spec((n, c), "one_hot")
        soft, binary, unit = Spec((n, c), "probabilities"), Spec((n, c), "binary"), Spec((n, c), "unit")
        signed = Spec((n, c))
        calls: tuple[tuple[str, str, dict[str, Spec]], ...] = (
            ("softmax_cross_entropy", "numbers", {"logits": signed, "labels": numbers}),
            ("softmax_cross_entropy", "one_hot", {"logits": signed, "labels": rows}),
            ("softmax_cross_entropy", "soft", {"logits": signed, "labels": soft}),
            ("sigmoid_cross_entropy", "", {"logits": signed, "targets": binary}),
            ("categorical_cross_entropy", "numbers", {"probabilities": soft, "labels": numbers}),
            ("categorical_cross_entropy", "one_hot", {"probabilities": soft, "labels": rows}),
            ("categorical_cross_entropy", "unnormalized", {"probabilities": unit, "labels": numbers}),
            ("binary_cross_entropy", "", {"probabilities": unit, "targets": binary}),
            ("mean_squared_error", "", {"predictions": signed, "targets": signed}),
            ("mean_absolute_error", "", {"predictions": signed, "targets": signed}),
        )
        for op, variant, arrays in calls:
            name = "-".join(filter(None, (op, variant, f"{n}x{c}")))
            if n == 7:
                yield Case(f"{name}-weights", op, {**arrays, "sample_weight": Spec((n,), "weights")})
            yield Case(name, op, arrays)
    for dtype in ("uint8", "int32"):
        arrays = {"logits": Spec((5, 10)), "labels": Spec((5,), dtype, 10)}
        yield Case(f"softmax_cross_entropy-{dtype}", "softmax_cross_entropy", arrays)
    arrays = {"predictions": Spec((3, 4, 5)), "targets": Spec((3, 4, 5)), "sample_weight": Spec((3,), "weights")}
    yield Case("mean_squared_error-rank3-weights", "mean_squared_error", arrays)


def optimizer_cases() -> Iterator[Case]:
    """First and later steps; powers of two make SGD exact."""
    shape = (3, 3, 5, 7)
    step = {"weights": Spec(shape), "gradient": Spec(shape)}
    moving, rest = Spec(shape), Spec(shape, "zeros")
    square = Spec(shape, "positive")
    exact = {"learning_rate": 0.5, "momentum": 0.25}
    yield from (
        Case("sgd", "sgd", step, {"learning_rate": 0.5}, True),
        Case("sgd-lecture", "sgd", step, {"learning_rate": 0.1}),
        Case("sgd-momentum", "sgd", {**step, "velocity": moving}, exact, True),
        Case("sgd-nesterov", "sgd", {**step, "velocity": moving}, {**exact, "nesterov": True}, True),
        Case("sgd-momentum-0.9", "sgd", {**step, "velocity": moving}, {"momentum": 0.9}),
        Case("adam-first", "adam", {**step, "m": rest, "v": rest}, {"iteration": 0, "learning_rate": 0.1}),
        Case("adam-later", "adam", {**step, "m": moving, "v": square}, {"iteration": 1000}),
        Case("adam-betas", "adam", {**step, "m": moving, "v": square}, {"iteration": 9, "beta_1": 0.5, "beta_2": 0.9}),
        Case("rmsprop-first", "rmsprop", {**step, "velocity": rest}),
        Case("rmsprop-later", "rmsprop", {**step, "velocity": square}, {"rho": 0.8, "learning_rate": 0.1}),
        Case(
            "rmsprop-momentum",
            "rmsprop",
            {**step, "velocity": square, "momentum_buffer": moving},
            {"momentum": 0.9, "learning_rate": 0.1},
        ),
    )
    for size in (1, 15, 17, 133):
        arrays = {name: Spec((size,), "positive") for name in ("weights", "gradient", "m", "v")}
        yield Case(f"adam-{size}", "adam", arrays, {"iteration": 3})
    yield Case("decay_weights", "decay_weights", {"weights": Spec(shape)}, {"rate": 0.25, "learning_rate": 0.5}, True)
    yield Case("decay_weights-adamw", "decay_weights", {"weights": Spec(shape)}, {"rate": 0.004})
    follow = {"weights": Spec(shape), "average": Spec(shape)}
    for variant, kwargs in {
        "first": {"iteration": 0},
        "later": {"iteration": 4, "momentum": 0.75},
        "overwrites": {"iteration": 5, "momentum": 0.75, "overwrite_frequency": 3},
        "waits": {"iteration": 6, "momentum": 0.75, "overwrite_frequency": 3},
    }.items():
        yield Case(f"average_weights-{variant}", "average_weights", follow, kwargs, variant != "first")
    for size in (1, 133, 70001):
        gradient = {"gradient": Spec((size,))}
        yield Case(f"clip_by_value-{size}", "clip_by_value", gradient, {"limit": 0.5}, True)
        yield Case(f"clip_by_norm-{size}", "clip_by_norm", gradient, {"limit": 0.25})
        yield Case(f"clip_by_norm-long-{size}", "clip_by_norm", gradient, {"limit": 1e6})
    for l1, l2 in ((0.5, 0.0), (0.0, 0.25), (0.5, 0.25)):
        yield Case(f"l1_l2-{l1}-{l2}", "l1_l2", {"weights": Spec((3, 11))}, {"l1": l1, "l2": l2}, True)
    yield Case("l1_l2-book", "l1_l2", {"weights": Spec((65, 100))}, {"l1": 0.01, "l2": 0.01})


CASES: tuple[Case, ...] = (
    *conv_shapes(),
    *planar_shapes(),
    *backward_data_shapes(),
    *backward_weights_shapes(),
    *conv_channels(),
    *conv_widths(),
    *gemm_shapes(),
    *winograd_shapes(),
    *bfloat16_shapes(),
    *dense_cases(),
    *pool_cases(),
    *global_pool_cases(),
    *activation_cases(),
    *graph_cases(),
    *dropout_cases(),
    *batch_norm_cases(),
    *loss_cases(),
    *optimizer_cases(),
)
