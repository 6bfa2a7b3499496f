"""How a convolution is computed: which algorithms there are, and which one the plan takes."""

from __future__ import annotations

from collections.abc import Mapping

from pyconvnet import _core
from pyconvnet._suggest import known
from pyconvnet.devices import TENSOR_CORES

ALGORITHMS = ("direct", "gemm", "winograd_2x2", "winograd_3x3", "winograd_4x4", "bfloat16")
_TILES = {"winograd_2x2": 2, "winograd_3x3": 3, "winograd_4x4": 4}  # outputs of a tile in each direction

_GEMM_COST = 0.9  # of a multiply-add of the direct kernel, which fills fewer rows of its register tiles

# Measured on AVX-512 (3 lies between its neighbours): the transforms of one tile and channel take as long as so many
# multiply-adds at each position.
_TRANSFORM_COST = {2: 4.0, 3: 6.0, 4: 8.0}
_PRODUCT_COST = 1.15  # of a multiply-add in the products between the transforms; 1 is one of the direct kernel

# Estimated from bare loops, not fitted to kernels: a multiply-add of bfloat16 numbers, by how the processor multiplies
# them, and packing or storing a number of an image.
_BFLOAT16_PRODUCT_COST = {"amx": 0.12, "avx512_bf16": 0.6}
_BFLOAT16_PIXEL_COST = 8.0
_TENSOR_CORES_COST = 0.5  # of the direct kernel's, in TF32 on the same tensor cores; nothing is packed


def offers_winograd(g: Mapping[str, int]) -> bool:
    """Whether Winograd's algorithm can compute this geometry: 3x3, stride 1, no dilation, no groups."""
    ones = ("stride_h", "stride_w", "dilation_h", "dilation_w", "groups")
    return g["kernel_h"] == g["kernel_w"] == 3 and all(g[name] == 1 for name in ones)


def offers_gemm(g: Mapping[str, int]) -> bool:
    """Whether the convolution is one product of matrices: its kernel covers the whole input, without padding."""
    covers = all(g[f"kernel_{axis}"] == g[axis] and g[f"o{axis}"] == 1 for axis in "hw")
    return covers and g["pad_top"] == g["pad_left"] == 0 and g["groups"] == 1


def is_depthwise(g: Mapping[str, int]) -> bool:
    """Whether each channel has a filter of its own; such convolutions have kernels of their own."""
    return g["groups"] > 1 and g["groups"] == g["c_in"] == g["c_out"]


def check_algorithm(who: str, algorithm: str, g: Mapping[str, int]) -> str:
    """An algorithm by name that can compute this geometry.

    Raises:
        ValueError: an unknown name, or an algorithm for a geometry that it does not offer.
    """
    known(who, "algorithm", algorithm, ALGORITHMS)
    if algorithm == "gemm" and not offers_gemm(g):
        raise ValueError(
            f"{who}: 'gemm' needs a kernel as large as its input, padding='valid' and groups=1; "
            "use algorithm='direct' for other convolutions"
        )
    if algorithm in _TILES and not offers_winograd(g):
        raise ValueError(
            f"{who}: {algorithm!r} needs a 3x3 kernel, strides=1, dilation_rate=1 and groups=1; "
            "use algorithm='direct' for other convolutions"
        )
    if algorithm == "bfloat16" and g["groups"] != 1:
        raise ValueError(f"{who}: 'bfloat16' needs groups=1, got {g['groups']}; use algorithm='direct'")
    return algorithm


def cost(g: Mapping[str, int], algorithm: str, dot: str = "amx") -> float:
    """What an image costs, in multiply-adds of the direct kernel. Each of the three passes costs about the same.

    F(m x m, 3 x 3) works on tiles of m x m outputs; the last tiles of a row or column reach beyond the image, or are
    narrow ones of F(4x4). bfloat16 works on whole tiles of 16 pixels, 16 output and 32 input channels, and on what lies
    between the rows' ends.

    Args:
        g: as `conv2d_geometry` answers it.
        algorithm: one of `ALGORITHMS`.
        dot: "amx", "avx512_bf16" or "tensor cores", how bfloat16 numbers are multiplied.
    """
    c_in, c_out, taps = g["c_in"], g["c_out"], g["kernel_h"] * g["kernel_w"]
    if algorithm in ("direct", "gemm"):
        products = float(g["oh"] * g["ow"] * taps * (c_in // g["groups"]) * c_out)
        return products * (_GEMM_COST if algorithm == "gemm" else 1.0)
    if algorithm == "bfloat16" and dot == TENSOR_CORES:
        return _TENSOR_CORES_COST * cost(g, "direct")
    if algorithm == "bfloat16":
        width = g["ow"] + (g["kernel_w"] - 1) * g["dilation_w"] // g["stride_w"]
        pixels = 16 * -(-g["oh"] * width // 16)
        products = pixels * taps * 32 * -(-c_in // 32) * 16 * -(-c_out // 16)
        numbers = g["h"] * g["w"] * c_in + g["oh"] * g["ow"] * c_out
        return _BFLOAT16_PRODUCT_COST[dot] * products + _BFLOAT16_PIXEL_COST * numbers
    m = _TILES[algorithm]
    return _positions(g, m) * (_PRODUCT_COST * c_in * c_out + _TRANSFORM_COST[m] * (c_in + c_out))


def _positions(g: Mapping[str, int], m: int) -> int:
    """How many positions the tiles of an image have in Winograd's algorithm."""

    def points(outputs: int) -> int:
        narrow = m == 4 and outputs > m and 1 <= outputs % m <= 2  # see csrc/kernels/conv2d_winograd.h
        return -(-outputs // m) * (m + 2) - 2 * narrow

    return points(g["oh"]) * points(g["ow"])


def multiplied(g: Mapping[str, int], algorithm: str) -> float:
    """What an algorithm multiplies, as a share of what the direct one does; transforms are not counted.

    Example:
        >>> multiplied({"oh": 8, "ow": 8}, "winograd_4x4")
        0.25
    """
    m = _TILES.get(algorithm)
    if m is None:
        return 1.0
    return _positions(g, m) / (9 * g["oh"] * g["ow"])


def choose_algorithm(g: Mapping[str, int], *, winograd: bool, bfloat16: str = "plain", backend: str = "cpu") -> str:
    """The cheapest algorithm for a geometry.

    Args:
        g: as `conv2d_geometry` answers it.
        winograd: whether Winograd may be taken at all. F(2x2) is never taken: it multiplies more than F(4x4) and rounds
            less, and is there for comparison.
        bfloat16: how bfloat16 numbers are multiplied; "plain", where they are not to be or where it is not fast.
        backend: whose kernels are called; it may have direct ones only.
    """
    candidates = ["direct"]
    if offers_gemm(g):
        candidates += ["gemm"]
    winograd = winograd and _core.offers_kernel("conv2d_winograd_forward", backend)
    if winograd and offers_winograd(g) and min(g["c_in"], g["c_out"]) >= 16:
        candidates += ["winograd_4x4", "winograd_3x3"]
    if bfloat16 != "plain" and g["groups"] == 1 and g["c_in"] >= 8:
        candidates += ["bfloat16"]
    return min(candidates, key=lambda algorithm: cost(g, algorithm, bfloat16))


def kernel_call(direction: str, g: Mapping[str, int], algorithm: str) -> tuple[str, dict[str, int]]:
    """The kernel of one pass and its attributes.

    Args:
        direction: "forward", "backward_data" or "backward_weights".
        g: the geometry.
        algorithm: one of `ALGORITHMS`.
    """
    if algorithm == "direct":
        return f"conv2d_{direction}", dict(g)
    if algorithm == "gemm":
        return f"dense_{direction}", dict(vectors=1, k=g["kernel_h"] * g["kernel_w"] * g["c_in"], m=g["c_out"])
    if algorithm == "bfloat16":
        return f"conv2d_bfloat16_{direction}", dict(g)
    return f"conv2d_winograd_{direction}", {**g, "tile": _TILES[algorithm]}
