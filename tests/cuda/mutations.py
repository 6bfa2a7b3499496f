"""Mistakes that can be planted into the CUDA kernels, and the tests that must notice them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One mistake.

    Attributes:
        name: what is wrong.
        file: in csrc/cuda.
        old, new: what is replaced, once.
        stem: the kernels that are built with it, for the emulator; none for what only nvcc sees.
        tests: an expression for pytest -k.
    """

    name: str
    file: str
    old: str
    new: str
    stem: str = ""
    tests: str = ""


_DENSE = "dense and not 10007 and not 52500 and not 2101"
_REPLAYED = "replayed or sequence"
_BARRIER = "  __syncthreads();\n"

MUTATIONS = (
    # ---- copies and barriers of a product
    Mutation(
        "product: no barrier", "product.h", "    __syncthreads();  // the tile", "    // the tile", "dense", _DENSE
    ),
    Mutation("product: waits for one group too few", "product.h", "<kStages - 2>", "<kStages - 1>", "dense", _DENSE),
    Mutation(
        "product: refills a tile before the barrier",
        "product.h",
        "    wait_for_copies<kStages - 2>();\n",
        "    wait_for_copies<kStages - 2>();\n    load(tile + kStages - 1);\n",
        "dense",
        _DENSE,
    ),
    Mutation("product: no end of a slice", "product.h", "&& depth < end_depth", "", "dense", _DENSE),
    Mutation("product: no edge at the bottom", "product.h", "first_row + row < m && ", "", "dense", _DENSE),
    Mutation("product: no edge at the right", "product.h", " && first_column + column < n", "", "dense", _DENSE),
    Mutation("product: copies rows beyond the last", "product.h", "inside_[i] = outer < outers", "inside_[i] = true"),
    Mutation(
        "product: slices of odd lengths",
        "product.h",
        "return ((k + slices - 1) / slices + kDepth - 1) / kDepth * kDepth;",
        "return (k + slices - 1) / slices;",
        "dense",
        "order and dense-5x52500x20",
    ),
    Mutation(
        "product: a slice is not added",
        "product.h",
        "for (int slice = 1; slice < slices",
        "for (int slice = 2; slice < slices",
        "conv2d_backward_weights",
        "conv2d_backward_weights",
    ),
    # ---- fragments of the tensor cores
    Mutation(
        "tf32: first factor's registers in another order",
        "product_math.h",
        "lane / 4 + 8 * (i % 2), k + lane % 4 + 4 * (i / 2)",
        "lane / 4 + 8 * (i / 2), k + lane % 4 + 4 * (i % 2)",
        "dense",
        _DENSE,
    ),
    Mutation(
        "tf32: second factor's lanes in the first one's order",
        "product_math.h",
        "column + lane / 16 * 8 + lane % 8][k + lane / 8 % 2 * 4]",
        "column + lane % 16][k + lane / 16 * 4]",
        "dense",
        _DENSE,
    ),
    Mutation(
        "tf32: rows of the sums in another order",
        "product_math.h",
        "row() + 16 * i + g + 8 * (r / 2), column() + 8 * j + 2 * t + r % 2",
        "row() + 16 * i + g + 8 * (r % 2), column() + 8 * j + 2 * t + r / 2",
        "dense",
        _DENSE,
    ),
    Mutation(
        "bfloat16: first factor's registers in another order",
        "product_math.h",
        "row() + 16 * i + g + 8 * (r % 2), k + 2 * t + 8 * (r / 2)",
        "row() + 16 * i + g + 8 * (r / 2), k + 2 * t + 8 * (r % 2)",
        "conv2d_forward",
        "conv2d-bfloat16",
    ),
    Mutation(
        "bfloat16: the same number twice",
        "product_math.h",
        "panel.at(outer, depth + 1)",
        "panel.at(outer, depth)",
        "conv2d_backward_data",
        "conv2d_backward_data-bfloat16",
    ),
    # ---- assembly, which the emulator does not see
    Mutation("ptx: registers of mma swapped", "ptx.h", '"r"(a[1]), "r"(a[2])', '"r"(a[2]), "r"(a[1])'),
    Mutation("ptx: registers of ldmatrix reversed", "ptx.h", "{%0,%1,%2,%3}, [%4];", "{%3,%2,%1,%0}, [%4];"),
    Mutation("ptx: nothing becomes zero", "ptx.h", "[%0], [%1], 16, %2;", "[%0], [%1], 16;"),
    Mutation("ptx: the sums before are not read", "ptx.h", '"+f"(d[0])', '"=f"(d[0])'),
    Mutation("ptx: halves of a word swapped", "ptx.h", '"f"(high), "f"(low)', '"f"(low), "f"(high)'),
    Mutation("ptx: four bytes from the wrong place", "ptx.h", "[%0], [%1], 4, %2;", "[%0], [%1+4], 4, %2;"),
    # ---- convolutions
    Mutation(
        "conv2d: reads a row below the image",
        "kernels/conv2d_forward.cuh",
        "row >= g.h || column < 0",
        "row > g.h || column < 0",
        "conv2d_forward",
        "conv2d and not backward",
    ),
    Mutation(
        "conv2d: strides do not skip",
        "kernels/conv2d_backward_data.cuh",
        "distance >= 0 && distance % stride == 0 && ",
        "distance >= 0 && ",
        "conv2d_backward_data",
        "conv2d_backward_data and stride",
    ),
    Mutation(
        "conv2d: taps and channels mixed up",
        "kernels/conv2d_backward_weights.cuh",
        "group * channels + i % channels",
        "i % channels",
        "conv2d_backward_weights",
        "conv2d_backward_weights and groups",
    ),
    # ---- sums
    Mutation("sum: no barrier", "sum.h", _BARRIER + "  T sum{};", "  T sum{};", "clip", "clip"),
    Mutation(
        "sum: half of a warp",
        "sum.h",
        "for (int distance = 16; distance > 0; distance /= 2) value = value +",
        "for (int distance = 8; distance > 0; distance /= 2) value = value +",
        "loss",
        "entropy",
    ),
    Mutation("columns: no barrier", "columns.h", _BARRIER, "", "dense", "backward_weights and dense"),
    Mutation("batch_norm: no barrier", "kernels/batch_norm.cuh", _BARRIER, "", "batch_norm", "batch_norm"),
    Mutation(
        "batch_norm: the first slice is left out",
        "kernels/batch_norm.cuh",
        "int64_t slice = 0; slice < slices",
        "int64_t slice = 1; slice < slices",
        "batch_norm",
        "batch_norm",
    ),
    Mutation("adam: no barrier", "adam.h", _BARRIER, "", "optimizer", "adam"),
    # ---- elements
    Mutation(
        "dropout: words of a block reversed", "kernels/dropout.cuh", "(c[word]", "(c[3 - word]", "dropout", "dropout"
    ),
    Mutation("dropout: no end", "kernels/dropout.cuh", "if (i < end) ", "", "dropout", "dropout"),
    Mutation(
        "pool2d: the last of equal maxima", "kernels/pool2d.cuh", "cell > best ||", "cell >= best ||", "pool2d", "ties"
    ),
    Mutation(
        "gather: axes in another order",
        "feed.h",
        "for (int axis = feed.rank - 1; axis >= 0; --axis)",
        "for (int axis = 0; axis < feed.rank; ++axis)",
        "gather",
        "gather",
    ),
    Mutation(
        "affine_warp: a weight of the wrong tap",
        "kernels/affine_warp.cuh",
        "rows.weight[j] * columns.weight[k]",
        "rows.weight[j] * columns.weight[j]",
        "affine_warp",
        "affine_warp and emu",
    ),
    Mutation(
        "affine_warp: mirrored the other way",
        "kernels/affine_warp.cuh",
        "if (changes[1]) row",
        "if (changes[2]) row",
        "affine_warp",
        "affine_warp and emu",
    ),
    # ---- captured steps
    Mutation(
        "step: always the first rows", "kernels/step.cuh", "step.indices += block->batch_size;", "", "step", _REPLAYED
    ),
    Mutation("step: always the first iteration", "kernels/step.cuh", "++step.iteration;", "", "step", _REPLAYED),
    Mutation(
        "step: the last batch is full",
        "kernels/step.cuh",
        "block->rows_left < block->batch_size ? block->rows_left : ",
        "",
        "step",
        _REPLAYED,
    ),
    Mutation(
        "step: always the first rate",
        "kernels/step.cuh",
        "block->learning_rates += block->rates_step;",
        "",
        "step",
        _REPLAYED,
    ),
    Mutation(
        "gather: always the first feed",
        "feed.h",
        "step.feeds[number]",
        "step.feeds[0]",
        "gather",
        _REPLAYED,
    ),
)
