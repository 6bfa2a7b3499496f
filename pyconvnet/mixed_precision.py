"""Which numbers layers compute with: float32, or products of bfloat16 numbers where the device has them fast.

A layer takes the policy that is set when it is made. Under "mixed_bfloat16" the convolutions' images, kernels and
gradients are rounded to bfloat16 (8 bits of a float32's 24) where they are multiplied, and the products are summed in
float32. Weights, activations, optimizers, losses, metrics and every other layer stay float32, and so does a
convolution that would be no faster on the device of its model; `print(model.plan())` names each call's algorithm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyconvnet import _core, devices

_COMPUTE = {"float32": "float32", "mixed_bfloat16": "bfloat16"}


def offered() -> bool:
    """Whether a device of this machine multiplies bfloat16 numbers faster than float32 ones."""
    return any(devices.get(name).bfloat16 != "plain" for name in devices.available())


def _checked(who: str, what: str, name: Any) -> str:
    if not isinstance(name, str) or name not in _COMPUTE:
        more = ""
        if name in ("mixed_float16", "float16"):
            more = "; float16 would need its losses scaled, bfloat16 has the range of float32"
        raise ValueError(f"{who}: {what} must be 'float32' or 'mixed_bfloat16', got {name!r}{more}")
    if _COMPUTE[name] == "bfloat16" and not offered():
        raise ValueError(f"{who}: {what} 'mixed_bfloat16' {_WANTS}; {missing()}; use 'float32'")
    return name


_WANTS = (
    "needs a processor with a fast dot product of bfloat16 numbers (AMX_BF16 or AVX512_BF16) "
    "or a GPU of compute capability 8.0"
)


def missing() -> str:
    """What this processor, or its choice of kernels, lacks."""
    isa = _core.active_isa()
    if isa != "avx512" and "avx512" in _core.available_isas():
        return f"the kernels for {isa}, which are active, have none"
    return f"{_core.cpu_model_name()} (kernels for {isa}) has none"


class DTypePolicy:
    """A policy by its name.

    Args:
        name: "float32" or "mixed_bfloat16".

    Raises:
        ValueError: another name, or "mixed_bfloat16" where no device is faster with it.

    Attributes:
        name: as given.
        compute_dtype: of the numbers that are multiplied, "float32" or "bfloat16".
        variable_dtype: of the weights, "float32".

    Example:
        >>> DTypePolicy("float32").compute_dtype
        'float32'
    """

    variable_dtype = "float32"

    def __init__(self, name: str = "float32") -> None:
        self.name = _checked("DTypePolicy", "name", name)
        self.compute_dtype = _COMPUTE[self.name]

    def get_config(self) -> dict[str, str]:
        """The name in a dictionary."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> DTypePolicy:
        """An equal policy from `get_config()`'s dictionary."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


Policy = DTypePolicy

_global = DTypePolicy("float32")


def set_global_policy(policy: str | DTypePolicy) -> None:
    """Sets the policy of the layers that are made from now on; those that are there keep theirs.

    Args:
        policy: "float32", "mixed_bfloat16" or a `DTypePolicy`.

    Raises:
        ValueError: another name, or "mixed_bfloat16" where neither the processor nor a GPU multiplies bfloat16 numbers
            fast.

    Example:
        >>> set_global_policy("float32")
        >>> global_policy()
        <DTypePolicy "float32">
    """
    global _global
    if policy is None:
        raise ValueError("set_global_policy: policy must be 'float32' or 'mixed_bfloat16', got None")
    _global = policy_of("set_global_policy", policy, "policy")


def global_policy() -> DTypePolicy:
    """The policy that layers take which are made now."""
    return _global


set_dtype_policy, dtype_policy = set_global_policy, global_policy  # Keras 3's other names for them


def policy_of(who: str, dtype: Any, what: str = "dtype") -> DTypePolicy:
    """The policy that a layer's `dtype` stands for; None is the global one.

    Args:
        who: who asks, for messages.
        dtype: a name, a `DTypePolicy`, or the dictionary that Keras writes for one.
        what: the argument's name, for messages.

    Raises:
        ValueError: as `set_global_policy`.
    """
    if dtype is None:
        return _global
    if isinstance(dtype, DTypePolicy):
        dtype = dtype.name
    elif isinstance(dtype, Mapping) and isinstance(dtype.get("config"), Mapping):
        dtype = dtype["config"].get("name")
    elif dtype is np.float32 or isinstance(dtype, np.dtype):
        dtype = np.dtype(dtype).name
    name = _checked(who, what, dtype)
    return _global if name == _global.name else DTypePolicy(name)


__all__ = [
    "DTypePolicy",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]
