"""How a convolution is computed: which algorithms there are, and which one the plan takes."""

from __future__ import annotations

from collections.abc import Mapping

from pyconvnet import _core
from pyconvnet._suggest import known

TILES = {"direct": 0, "winograd_2x2": 2, "winograd_4x4": 4}  # outputs of a tile in each direction

# Measured on AVX-512: the transforms of one tile and channel take as long as so many multiply-adds at each position.
_TRANSFORM_COST = {2: 4.0, 4: 8.0}
_PRODUCT_COST = 1.15  # of a multiply-add in the products between the transforms; 1 is one of the direct kernel


def offers_winograd(g: Mapping[str, int]) -> bool:
    """Whether Winograd's algorithm can compute this geometry: 3x3, stride 1, no dilation, no groups."""
    ones = ("stride_h", "stride_w", "dilation_h", "dilation_w", "groups")
    return g["kernel_h"] == g["kernel_w"] == 3 and all(g[name] == 1 for name in ones)


def is_depthwise(g: Mapping[str, int]) -> bool:
    """Whether each channel has a filter of its own; such convolutions have kernels of their own."""
    return g["groups"] > 1 and g["groups"] == g["c_in"] == g["c_out"]


def check_algorithm(who: str, algorithm: str, g: Mapping[str, int]) -> str:
    """An algorithm by name that can compute this geometry.

    Raises:
        ValueError: an unknown name, or Winograd for a geometry that it does not offer.
    """
    if TILES[known(who, "algorithm", algorithm, TILES)] and not offers_winograd(g):
        raise ValueError(
            f"{who}: {algorithm!r} needs a 3x3 kernel, strides=1, dilation_rate=1 and groups=1; "
            "use algorithm='direct' for other convolutions"
        )
    return algorithm


def cost(g: Mapping[str, int], algorithm: str) -> float:
    """What an image costs, in multiply-adds of the direct kernel. Each of the three passes costs about the same.

    F(m x m, 3 x 3) works on tiles of m x m outputs; the last tiles of a row or column reach beyond the image.
    """
    m, c_in, c_out = TILES[algorithm], g["c_in"], g["c_out"]
    if m == 0:
        return float(g["oh"] * g["ow"] * g["kernel_h"] * g["kernel_w"] * (c_in // g["groups"]) * c_out)
    tiles = -(-g["oh"] // m) * -(-g["ow"] // m)
    return tiles * (m + 2) ** 2 * (_PRODUCT_COST * c_in * c_out + _TRANSFORM_COST[m] * (c_in + c_out))


def multiplied(g: Mapping[str, int], algorithm: str) -> float:
    """What an algorithm multiplies, as a share of what the direct one does; transforms are not counted.

    Example:
        >>> multiplied({"oh": 8, "ow": 8}, "winograd_4x4")
        0.25
    """
    m = TILES[algorithm]
    if m == 0:
        return 1.0
    return -(-g["oh"] // m) * -(-g["ow"] // m) * (m + 2) ** 2 / (9 * g["oh"] * g["ow"])


def choose_algorithm(g: Mapping[str, int], *, winograd: bool) -> str:
    """The cheapest algorithm for a geometry.

    Args:
        g: as `conv2d_geometry` answers it.
        winograd: whether Winograd may be taken at all. F(2x2) is never taken: it multiplies more than F(4x4) and rounds
            less, and is there for comparison.
    """
    if not winograd or not offers_winograd(g) or min(g["c_in"], g["c_out"]) < 16:
        return "direct"
    if not _core.offers_kernel("conv2d_winograd_forward"):  # the backend has direct kernels only
        return "direct"
    return min(("direct", "winograd_4x4"), key=lambda algorithm: cost(g, algorithm))


def kernel_call(direction: str, g: Mapping[str, int], algorithm: str) -> tuple[str, dict[str, int]]:
    """The kernel of one pass and its attributes.

    Args:
        direction: "forward", "backward_data" or "backward_weights".
        g: the geometry.
        algorithm: a key of `TILES`.
    """
    if algorithm == "direct":
        return f"conv2d_{direction}", dict(g)
    return f"conv2d_winograd_{direction}", {**g, "tile": TILES[algorithm]}
