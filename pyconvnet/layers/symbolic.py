"""Tensors without values, and the record of which layer made them from which others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from pyconvnet._suggest import nearest
from pyconvnet.layers._check import auto_name

if TYPE_CHECKING:
    from pyconvnet.layers.base import Layer

Shape = tuple[int, ...]

_INSTEAD = {
    "+": "layers.Add()([a, b])",
    "*": "layers.Multiply()([a, b]), or layers.Rescaling(factor)(a) for a number",
    "/": "layers.Rescaling(1 / divisor)(a) for a number",
}


class KerasTensor:
    """What `Input` and a layer called on such a tensor answer: a shape without values.

    Attributes:
        shape: None for the batch, then the sizes of one sample.
        dtype: "float32".
        name: of an input the input's, otherwise made.
        call: the use of a layer that makes it.

    Example:
        >>> from pyconvnet import layers
        >>> x = layers.Input((28, 28, 1))
        >>> layers.Flatten()(x).shape
        (None, 784)
    """

    dtype = "float32"
    call: Call

    # NumPy asks here before it makes an array of objects of us.
    __array_ufunc__ = None

    def __init__(self, sample_shape: Shape, name: str | None = None) -> None:
        self.shape: tuple[int | None, ...] = (None, *sample_shape)
        self.name = auto_name(KerasTensor) if name is None else name

    @property
    def sample_shape(self) -> Shape:
        """The shape without the batch."""
        return tuple(size for size in self.shape[1:] if size is not None)

    @property
    def ndim(self) -> int:
        """The number of axes, the batch's included."""
        return len(self.shape)

    def __array__(self, *_arguments: Any, **_options: Any) -> NoReturn:
        raise TypeError(self._no_values("it cannot become an array; predict with Model(inputs, this)"))

    def __bool__(self) -> NoReturn:
        raise TypeError(self._no_values("it is neither true nor false"))

    def __float__(self) -> NoReturn:
        raise TypeError(self._no_values("it is no number"))

    def __len__(self) -> NoReturn:
        raise TypeError(self._no_values("it has no length; see its shape"))

    def __iter__(self) -> NoReturn:
        raise TypeError(self._no_values("it cannot be walked through"))

    def __getitem__(self, _index: Any) -> NoReturn:
        raise TypeError(self._no_values("it cannot be cut"))

    def _refuse(self, sign: str) -> NoReturn:
        instead = _INSTEAD.get(sign)
        hint = f"use {instead}" if instead else "there is no layer for it"
        raise TypeError(self._no_values(f"'{sign}' is not defined on it; {hint}"))

    def __add__(self, _other: Any) -> NoReturn:
        self._refuse("+")

    def __mul__(self, _other: Any) -> NoReturn:
        self._refuse("*")

    def __truediv__(self, _other: Any) -> NoReturn:
        self._refuse("/")

    def __sub__(self, _other: Any) -> NoReturn:
        self._refuse("-")

    def __neg__(self) -> NoReturn:
        self._refuse("-")

    def __pow__(self, _other: Any) -> NoReturn:
        self._refuse("**")

    def __matmul__(self, _other: Any) -> NoReturn:
        self._refuse("@")

    __radd__ = __add__
    __rmul__ = __mul__
    __rtruediv__ = __truediv__
    __rsub__ = __sub__
    __rpow__ = __pow__
    __rmatmul__ = __matmul__

    def _no_values(self, rule: str) -> str:
        return f"KerasTensor '{self.name}' of shape {self.shape} stands for values that are not there yet: {rule}"

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


@dataclass(eq=False)
class Call:
    """One use of a layer.

    A layer does not keep its calls alive: they live as long as somebody holds a tensor behind them, as a model does.
    """

    layer: Layer
    inputs: list[KerasTensor]
    outputs: list[KerasTensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        for tensor in self.outputs:
            tensor.call = self
        self.layer.remember(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.layer.remember(self)  # a copy of a layer comes without its calls


def call_layer(layer: Layer, inputs: list[KerasTensor], names: Sequence[str | None] = ()) -> list[KerasTensor]:
    """Notes that `layer` is applied to `inputs`, whose shapes it must take; answers its outputs.

    Args:
        layer: built here where it is not.
        inputs: none for an `InputLayer`.
        names: of the outputs; made where there are none.

    Raises:
        ValueError, TypeError: what the layer cannot take.
    """
    shapes = layer.output_shapes([tensor.sample_shape for tensor in inputs])
    given = names or [None] * len(shapes)
    outputs = [KerasTensor(shape, name) for shape, name in zip(shapes, given, strict=True)]
    return Call(layer, inputs, outputs).outputs


def tensors_in(value: Any) -> list[KerasTensor] | None:
    """The symbolic tensors of a tensor, list, tuple or dictionary of them, in order; None where there is none.

    Raises:
        TypeError: tensors and other things in one list.
    """
    if isinstance(value, KerasTensor):
        return [value]
    if isinstance(value, Mapping):
        return tensors_in(list(value.values()))
    if not isinstance(value, (list, tuple)) or not any(isinstance(item, KerasTensor) for item in value):
        return None
    for item in value:
        if not isinstance(item, KerasTensor):
            raise TypeError(f"a list of symbolic tensors must hold nothing else, got {type(item).__name__}")
    return list(value)


@dataclass(frozen=True)
class Structure:
    """How tensors were handed over: one alone, a list, or a dictionary; results are given back in the same form.

    Attributes:
        alone: whether it was a single tensor.
        keys: of the dictionary; None without one.
    """

    alone: bool = True
    keys: tuple[str, ...] | None = None

    @classmethod
    def of(cls, value: Any) -> Structure:
        """The form of a tensor, a list or a dictionary."""
        return cls(isinstance(value, KerasTensor), tuple(value) if isinstance(value, Mapping) else None)

    def pack(self, items: Sequence[Any]) -> Any:
        """`items` in that form."""
        if self.alone:
            return items[0]
        return list(items) if self.keys is None else dict(zip(self.keys, items, strict=True))

    def unpack(self, who: str, name: str, value: Any, names: Sequence[str]) -> list[Any]:
        """The items of `value`, in the order of the tensors.

        Args:
            who: for messages.
            name: the argument's name.
            value: one item where there is one tensor, else a list or tuple, or a dictionary by name.
            names: of the tensors: a dictionary may use these, or the keys of the model's own.

        Raises:
            ValueError, TypeError: too many, too few, or unknown names.
        """
        if isinstance(value, Mapping):
            return _by_name(who, name, value, names if self.keys is None else self.keys, names)
        if len(names) == 1:
            return [value]
        if not isinstance(value, (list, tuple)):
            raise TypeError(
                f"{who}: {name} must be a list or a dictionary with an entry for each of {', '.join(names)}, "
                f"got {type(value).__name__}"
            )
        if len(value) != len(names):
            raise ValueError(
                f"{who}: {name} must have {len(names)} entries, one for each of {', '.join(names)}, got {len(value)}"
            )
        return list(value)


def _by_name(who: str, name: str, value: Mapping[Any, Any], keys: Sequence[str], names: Sequence[str]) -> list[Any]:
    known = keys if set(value) <= set(keys) else names
    for key in value:
        if key not in known:
            near = nearest(str(key), known)
            hint = f"did you mean '{near}'? " if near else ""
            raise ValueError(f"{who}: {name} has no entry called {key!r}; {hint}Known: {', '.join(known)}")
    missing = [key for key in known if key not in value]
    if missing:
        raise ValueError(f"{who}: {name} lacks {', '.join(map(repr, missing))}")
    return [value[key] for key in known]
