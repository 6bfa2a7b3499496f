"""Layers that make one tensor of several: sums, products, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from pyconvnet.layers.base import Graph, Layer, Shape
from pyconvnet.layers.symbolic import KerasTensor
from pyconvnet.ops.concatenate import concatenate_shape
from pyconvnet.ops.rule import Tensor


class Merge(Layer):
    """What `Add`, `Multiply` and `Concatenate` share: they take a list of tensors."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._input_shapes: list[Shape] = []

    @property
    def input_shape(self) -> Any:
        """Shapes of the inputs with None for the batch, a list."""
        self._known(self._input_shape)
        return [(None, *shape) for shape in self._input_shapes]

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape of the output with None for the batch."""
        self._known(self._input_shape)
        return (None, *self.compute_output_shape(self._input_shapes))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Shape of one sample of the output.

        Args:
            input_shape: a list of shapes, each of one sample without the batch.

        Raises:
            ValueError, TypeError: shapes that do not fit together, or no list of shapes.
        """
        shapes = [tuple(shape) for shape in input_shape if isinstance(shape, (tuple, list))]
        if not shapes or len(shapes) != len(input_shape):
            raise TypeError(f"{self.label}: takes a list of tensors, {type(self).__name__}()([a, b]), got one alone")
        return self.merged_shape(shapes)

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The shape of the output; here all inputs must have that shape."""
        for shape in shapes[1:]:
            if shape != shapes[0]:
                raise ValueError(
                    f"{self.label}: all inputs must have the same shape, got {shapes[0]} and {shape}; "
                    "bring them to one with Conv2D(channels, 1), Reshape or ZeroPadding2D"
                )
        return shapes[0]

    def output_shapes(self, input_shapes: Sequence[Shape]) -> list[Shape]:
        """Notes the inputs' shapes and answers the output's."""
        shape = self.compute_output_shape(input_shapes)
        self._input_shapes, self._input_shape = list(input_shapes), tuple(input_shapes[0])
        return [shape]

    def build(self, input_shape: Any) -> None:
        """Notes the inputs' shapes, a list; there are no weights."""
        self.output_shapes(input_shape)

    def __call__(self, inputs: Any, *more: Any, **options: Any) -> Any:
        """The symbolic output for a list of symbolic tensors.

        Raises:
            ValueError, TypeError: no such list, or shapes that do not fit together.
        """
        if self._symbolic(inputs) is not None and not isinstance(inputs, (list, tuple)):
            raise TypeError(f"{self.label}: takes a list of tensors, {type(self).__name__}()([a, b]), got one alone")
        return super().__call__(inputs, *more, **options)


class _Fold(Merge):
    """Two inputs at a time, from the first to the last."""

    op: ClassVar[str]

    def declare_all(self, graph: Graph, inputs: Sequence[Tensor]) -> Tensor:
        """One op for each input behind the first."""
        y = inputs[0]
        for x in inputs[1:]:
            y = graph.apply(self.op, self.name, {"a": y, "b": x}, y.shape)
        return y


class Add(_Fold):
    """The sum of tensors of one shape.

    Args:
        options: `name`; see `Layer`.

    Example:
        >>> from pyconvnet import layers
        >>> x = layers.Input((8, 8, 4))
        >>> layers.Add()([x, layers.ReLU()(x)]).shape
        (None, 8, 8, 4)
    """

    op = "add"


class Multiply(_Fold):
    """The product of tensors of one shape, element by element.

    Args:
        options: `name`; see `Layer`.

    Example:
        >>> from pyconvnet import layers
        >>> x = layers.Input((8,))
        >>> layers.Multiply()([x, layers.Dense(8, activation="sigmoid")(x)]).shape
        (None, 8)
    """

    op = "multiply"


class Concatenate(Merge):
    """Tensors side by side; all their sizes but those along `axis` are equal.

    Args:
        axis: along which, the batch's axis counted: -1 or 3 for the channels of images.
        options: `name`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments.

    Example:
        >>> from pyconvnet import layers
        >>> x = layers.Input((8, 8, 4))
        >>> layers.Concatenate()([x, layers.Conv2D(6, 3, padding="same")(x)]).shape
        (None, 8, 8, 10)
    """

    def __init__(self, axis: int = -1, **options: Any) -> None:
        super().__init__(**options)
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise TypeError(f"{self.label}: axis must be a whole number, got {axis!r}")
        if axis == 0:
            raise ValueError(f"{self.label}: axis must not be 0, which is that of the batch")
        self.axis = axis

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The sizes along the axis added up."""
        return concatenate_shape(self.label, shapes, self._sample_axis(shapes[0]))

    def declare_all(self, graph: Graph, inputs: Sequence[Tensor]) -> Tensor:
        """One op for all."""
        if len(inputs) == 1:
            return inputs[0]
        shape = self.merged_shape([x.shape for x in inputs])
        outer = math.prod(shape[: self._sample_axis(shape) % len(shape)])
        parts: dict[str, Any] = {f"x{i}": x for i, x in enumerate(inputs)}
        return graph.apply("concatenate", self.name, parts, shape, outer=outer)

    def _sample_axis(self, shape: Shape) -> int:
        rank = len(shape)
        if not -rank <= self.axis <= rank:
            raise ValueError(f"{self.label}: axis must be from {-rank} to {rank} for shape {shape}, got {self.axis}")
        return self.axis - 1 if self.axis > 0 else self.axis


def add(inputs: Sequence[KerasTensor], **options: Any) -> KerasTensor:
    """The sum of a list of tensors: ``Add(**options)(inputs)``."""
    return Add(**options)(inputs)


def multiply(inputs: Sequence[KerasTensor], **options: Any) -> KerasTensor:
    """The product of a list of tensors: ``Multiply(**options)(inputs)``."""
    return Multiply(**options)(inputs)


def concatenate(inputs: Sequence[KerasTensor], axis: int = -1, **options: Any) -> KerasTensor:
    """A list of tensors side by side: ``Concatenate(axis, **options)(inputs)``.

    Example:
        >>> from pyconvnet import layers
        >>> x = layers.Input((8, 8, 4))
        >>> layers.concatenate([x, layers.Conv2D(6, 3, padding="same")(x)]).shape
        (None, 8, 8, 10)
    """
    return Concatenate(axis, **options)(inputs)
