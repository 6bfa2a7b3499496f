"""What a case of the table in `cases.py` is, how its inputs are made, and how far a float32 result may be off."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Inputs = dict[str, Any]  # arrays by argument name
Data = Literal["integer", "real"]
Shape = tuple[int, ...]
Size = Literal["small", "medium"]


@dataclass(frozen=True)
class Spec:
    """What one input looks like.

    Attributes:
        shape: its shape.
        kind: "signed" (normal numbers or -4 .. 4), "positive" (0.5 .. 2 or 1 .. 4), "ties" (0, 1 or 2: windows with
            several maxima), "bfloat16" (as "signed", cut to what bfloat16 holds), "shifted" (normal numbers around
            100), "unit" (0 .. 1), "probabilities" (rows that sum to 1), "one_hot" (rows with a single 1), "binary" (0
            or 1), "weights" (0 .. 2, some of them 0), "zeros", or an integer dtype for class numbers.
        classes: number of classes, for class numbers.
    """

    shape: Shape
    kind: str = "signed"
    classes: int = 0


@dataclass(frozen=True)
class Case:
    """One call of one op.

    Attributes:
        id: unique name.
        op: name in `pyconvnet.ops` and `pyconvnet.reference`.
        arrays: the array arguments by name.
        kwargs: the other arguments by name.
        macs_only: made of multiply-add, maximum and copy: exact on integers.
        size: "small" for gradients by finite differences, "medium" for enough work for several threads.
        reduction: products that are summed in float32 for one number of the output (1 where the sum is in double).
        condition: by how much the op magnifies the rounding of its input (1 unless its formula cancels).
        algorithm: for the op alone, as the reference has but one.
    """

    id: str
    op: str
    arrays: dict[str, Spec]
    kwargs: dict[str, Any] = field(default_factory=dict)
    macs_only: bool = False
    size: Size = "small"
    reduction: int = 1
    condition: float = 1.0
    algorithm: str = ""

    @property
    def op_kwargs(self) -> dict[str, Any]:
        """What the op gets beside its arrays."""
        return {**self.kwargs, "algorithm": self.algorithm} if self.algorithm else self.kwargs


def inputs(case: Case, data: Data) -> Inputs:
    """Make the array arguments of a case: float32, or the dtype of the class numbers."""
    rng = np.random.default_rng(zlib.crc32(case.id.encode()))
    return {name: _fill(spec, rng, data) for name, spec in case.arrays.items()}


def error_bound(case: Case) -> float:
    """Bound the error of a float32 op: max |got - exact| / max |exact|, of one whole output array.

    A sum of K rounded products has an error that grows like a random walk, eps sqrt(K), and the last rounding adds one
    more eps. The factor of 4 is for the largest of many outputs, for functions such as exp that are good to a few units
    in the last place, and for sums that are added in another order.
    """
    return 4 * float(np.finfo(np.float32).eps) * (1 + math.sqrt(case.reduction)) * case.condition


def relative_error(got: npt.ArrayLike, exact: npt.ArrayLike) -> float:
    """Measure max |got - exact| / max |exact|; where all is exactly zero, any difference is infinite."""
    got, exact = np.asarray(got), np.asarray(exact)
    assert got.shape == exact.shape, f"shape {got.shape} instead of {exact.shape}"
    if exact.size == 0:
        return 0.0
    difference, scale = float(np.abs(got - exact).max()), float(np.abs(exact).max())
    if np.isnan(difference):
        return math.inf
    return difference / scale if scale else (0.0 if difference == 0 else math.inf)


def outputs(result: Any) -> list[npt.NDArray[Any]]:
    """List the arrays that an op answers, whether one or several; optional ones that are not there are left out."""
    results = result if isinstance(result, tuple) else (result,)
    return [np.asarray(array) for array in results if array is not None]


def _fill(spec: Spec, rng: np.random.Generator, data: Data) -> npt.NDArray[Any]:
    """Fill one input."""
    shape, kind = spec.shape, spec.kind
    if spec.classes:
        return rng.integers(0, spec.classes, shape).astype(kind)
    values: npt.NDArray[Any]
    if kind == "ties":
        values = rng.integers(0, 3, shape)
    elif kind == "zeros":
        values = np.zeros(shape)
    elif kind == "binary":
        values = rng.integers(0, 2, shape)
    elif kind == "one_hot":
        values = np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
    elif kind == "unit":
        values = rng.uniform(0.01, 0.99, shape)
    elif kind == "probabilities":
        values = rng.dirichlet(np.full(shape[-1], 2.0), shape[:-1])
    elif kind == "weights":
        values = np.maximum(rng.uniform(-0.5, 2, shape), 0)
    elif kind == "positive":
        values = rng.uniform(0.5, 2, shape) if data == "real" else rng.integers(1, 5, shape)
    elif kind == "bfloat16":
        values = _bfloat16(rng.normal(0, 1, shape)) if data == "real" else rng.integers(-4, 5, shape)
    elif kind == "shifted":
        values = rng.normal(100, 1, shape)
    elif kind == "signed":
        values = rng.normal(0, 1, shape) if data == "real" else rng.integers(-4, 5, shape)
    else:
        raise ValueError(f"unknown kind of input {kind!r}")
    return values.astype(np.float32)


def _bfloat16(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Cut 16 bits off: numbers that bfloat16 holds."""
    return (values.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
