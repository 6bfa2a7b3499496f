"""First values of weights, with Keras's names and distributions.

A seeded initializer answers the same numbers at every call. One without a seed draws a new seed at every call from
`pyconvnet.random`, so that weights repeat after `set_random_seed` and two layers that share an initializer differ.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyconvnet._identifiers import Configurable, resolve
from pyconvnet.ops._check import integer, real
from pyconvnet.random import next_seed

FloatArray = NDArray[np.float32]

# Standard deviation of a standard normal number that is drawn again until it lies within two of them.
_TRUNCATED_STDDEV = 0.87962566103423978


class Initializer(Configurable):
    """Makes the first values of a weight: `initializer(shape)` answers a float32 array."""

    def __call__(self, shape: tuple[int, ...]) -> FloatArray:
        """Float32 values of the given shape."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to make values")


class Zeros(Initializer):
    """All zeros."""

    def __call__(self, shape: tuple[int, ...]) -> FloatArray:
        """Float32 zeros of the given shape."""
        return np.zeros(shape, np.float32)


class Ones(Initializer):
    """All ones."""

    def __call__(self, shape: tuple[int, ...]) -> FloatArray:
        """Float32 ones of the given shape."""
        return np.ones(shape, np.float32)


class Constant(Initializer):
    """One value everywhere.

    Args:
        value: the value.
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = real("Constant", "value", value)

    def __call__(self, shape: tuple[int, ...]) -> FloatArray:
        """Float32 array of the value."""
        return np.full(shape, self.value, np.float32)


class _RandomInitializer(Initializer):
    def __init__(self, seed: int | None = None) -> None:
        self.seed = None if seed is None else integer(type(self).__name__, "seed", seed, minimum=0)

    def _generator(self) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(next_seed() if self.seed is None else self.seed))

    def _uniform(self, shape: tuple[int, ...], low: float, high: float) -> FloatArray:
        values = self._generator().random(shape, dtype=np.float32)
        return values * np.float32(high - low) + np.float32(low)

    def _truncated_normal(self, shape: tuple[int, ...], mean: float, stddev: float) -> FloatArray:
        generator = self._generator()
        values = generator.standard_normal(shape, dtype=np.float32)
        while (outside := np.abs(values) > 2).any():
            values[outside] = generator.standard_normal(np.count_nonzero(outside), dtype=np.float32)
        return values * np.float32(stddev) + np.float32(mean)


class RandomUniform(_RandomInitializer):
    """Numbers spread evenly from `minval` to `maxval`.

    Args:
        minval: lower end.
        maxval: upper end, not below the lower one.
        seed: a whole number for the same numbers at every call, or None.
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.minval = real("RandomUniform", "minval", minval)
        self.maxval = real("RandomUniform", "maxval", maxval)
        if self.maxval < self.minval:
            raise ValueError(f"RandomUniform: maxval must be at least minval={minval}, got {maxval}")

    def __call__(self, shape: tuple[int, ...]) -> FloatArray:
        """Float32 numbers of the given shape."""
        return self._uniform(shape, self.minval, self.maxval)


class RandomNormal(_RandomInitializer):
    """Normally distributed numbers.

    Args:
        mean: their mean.
        stddev: their standard deviation.
        seed: a whole number for the same numbers at every call, or None.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = real(type(self).__name__, "mean", mean)
        self.stddev = real(type(self).__name__, "stddev", stddev, minimum=0)

    def __call__(self, shape: tuple[int, ...]) -> FloatArray:
        """Float32 numbers of the given shape."""
        values = self._generator().standard_normal(shape, dtype=np.float32)
        return values * np.float32(self.stddev) + np.float32(self.mean)


class TruncatedNormal(RandomNormal):
    """Normally distributed numbers, drawn again where they lie more than two standard deviations from the mean.

    Args:
        mean: the mean.
        stddev: the standard deviation before the ends are cut off.
        seed: a whole number for the same numbers at every call, or None.
    """

    def __call__(self, shape: tuple[int, ...]) -> FloatArray:
        """Float32 numbers of the given shape."""
        return self._truncated_normal(shape, self.mean, self.stddev)


def compute_fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many inputs feed one output of a weight, and how many outputs one input feeds.

    Args:
        shape: of a dense kernel [inputs, outputs], a convolution kernel [kh, kw, c_in / groups, c_out], or a vector.

    Returns:
        (fan_in, fan_out); a convolution counts every cell of its window.

    Example:
        >>> compute_fans((3, 3, 1, 32))
        (9, 288)
    """
    if len(shape) < 2:
        return (math.prod(shape),) * 2
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


class VarianceScaling(_RandomInitializer):
    """Numbers whose variance is scale / n, so that signals keep their size from layer to layer.

    Args:
        scale: a positive number.
        mode: what n is: "fan_in", "fan_out", or "fan_avg", their mean.
        distribution: "uniform", "truncated_normal" (also "normal"), or "untruncated_normal".
        seed: a whole number for the same numbers at every call, or None.

    Raises:
        ValueError, TypeError: a scale that is not positive, an unknown mode or distribution.

    Formula: Glorot and Bengio 2010 (glorot), He et al. 2015 (he), LeCun et al. 1998 (lecun), as in Keras: the limit of
    the uniform distribution is sqrt(3 * scale / n); a truncated one is widened to keep its variance.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        super().__init__(seed)
        who = "VarianceScaling"
        self.scale = real(who, "scale", scale)
        if self.scale <= 0:
            raise ValueError(f"{who}: scale must be positive, got {scale}")
        self.mode = _choice(who, "mode", mode, ("fan_in", "fan_out", "fan_avg"))
        distribution = "truncated_normal" if distribution == "normal" else distribution
        known = ("uniform", "truncated_normal", "untruncated_normal")
        self.distribution = _choice(who, "distribution", distribution, known)

    def __call__(self, shape: tuple[int, ...]) -> FloatArray:
        """Float32 numbers of the given shape."""
        fan_in, fan_out = compute_fans(shape)
        fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        variance = self.scale / max(1.0, fans[self.mode])
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return self._uniform(shape, -limit, limit)
        if self.distribution == "truncated_normal":
            return self._truncated_normal(shape, 0.0, math.sqrt(variance) / _TRUNCATED_STDDEV)
        return self._generator().standard_normal(shape, dtype=np.float32) * np.float32(math.sqrt(variance))


def _choice(who: str, name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(f"{who}: {name} must be one of {', '.join(known)}, got {value!r}")
    return value


class GlorotUniform(VarianceScaling):
    """Even spread within sqrt(6 / (fan_in + fan_out)): Keras's default for kernels.

    Args:
        seed: a whole number for the same numbers at every call, or None.

    Example:
        >>> kernel = GlorotUniform(seed=0)((3, 3, 1, 32))
        >>> kernel.shape, bool(abs(kernel).max() < 0.1422)
        ((3, 3, 1, 32), True)
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed)


class GlorotNormal(VarianceScaling):
    """Truncated normal numbers of variance 2 / (fan_in + fan_out); `seed` as above."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed)


class HeUniform(VarianceScaling):
    """Even spread within sqrt(6 / fan_in), for layers with ReLU; `seed` as above."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed)


class HeNormal(VarianceScaling):
    """Truncated normal numbers of variance 2 / fan_in, for layers with ReLU; `seed` as above."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed)


class LecunUniform(VarianceScaling):
    """Even spread within sqrt(3 / fan_in); `seed` as above."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed)


class LecunNormal(VarianceScaling):
    """Truncated normal numbers of variance 1 / fan_in; `seed` as above."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed)


class Orthogonal(_RandomInitializer):
    """A random orthogonal matrix: signals keep their length. A weight of more axes is laid out as [all but last, last].

    Args:
        gain: what the matrix is multiplied with.
        seed: a whole number for the same numbers at every call, or None.

    Raises:
        ValueError: (when called) a shape of less than two axes.

    Example:
        >>> kernel = Orthogonal(seed=0)((5, 3))
        >>> (kernel.T @ kernel).round(5) + 0
        array([[1., 0., 0.],
               [0., 1., 0.],
               [0., 0., 1.]], dtype=float32)

    Formula: Saxe et al. 2014, in Keras's form: Q of a QR factorisation of normal numbers, R's diagonal made positive.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = real("Orthogonal", "gain", gain)

    def __call__(self, shape: tuple[int, ...]) -> FloatArray:
        """Float32 numbers of the given shape."""
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: a weight must have at least 2 axes, got shape {tuple(shape)}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(self._generator().standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.where(np.diag(r) < 0, -1.0, 1.0)
        return (self.gain * (q if rows >= columns else q.T)).reshape(shape).astype(np.float32)


# Keras's names in lower case stand for the classes.
zeros, ones, constant = Zeros, Ones, Constant
random_uniform, random_normal, truncated_normal = RandomUniform, RandomNormal, TruncatedNormal
variance_scaling = VarianceScaling
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal
orthogonal = OrthogonalInitializer = Orthogonal

_TABLE: dict[str, type[Initializer]] = {
    "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal,
    "he_uniform": HeUniform,
    "he_normal": HeNormal,
    "lecun_uniform": LecunUniform,
    "lecun_normal": LecunNormal,
    "orthogonal": Orthogonal,
    "zeros": Zeros,
    "zero": Zeros,
    "ones": Ones,
    "one": Ones,
    "constant": Constant,
    "random_uniform": RandomUniform,
    "uniform": RandomUniform,
    "random_normal": RandomNormal,
    "normal": RandomNormal,
    "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling,
}
_TABLE |= {cls.__name__: cls for cls in _TABLE.values()} | {"OrthogonalInitializer": Orthogonal}


def get(identifier: Any, who: str = "initializers.get") -> Initializer:
    """The initializer that a name, a class, an instance or a config dictionary stands for.

    Args:
        identifier: such as "he_normal", `HeNormal`, `HeNormal(seed=1)`, or {"class_name": ..., "config": ...}.
        who: who asks, for messages.

    Returns:
        The initializer.

    Raises:
        ValueError, TypeError: an unknown name, or no initializer.

    Example:
        >>> get("he_normal")
        HeNormal(seed=None)
    """
    return resolve(who, "initializer", identifier, _TABLE, Initializer)
