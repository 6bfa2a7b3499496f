"""The start of a model: the shape of its samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyconvnet.layers._check import check_shape
from pyconvnet.layers.base import Graph, Layer, Shape
from pyconvnet.layers.symbolic import Call, KerasTensor, call_layer
from pyconvnet.ops._check import integer
from pyconvnet.ops.rule import Tensor


class InputLayer(Layer):
    """Says what shape the samples of a model have.

    Args:
        shape: of one sample, such as (28, 28, 1).
        batch_shape: the same with the batch's size in front, instead of `shape`.
        options: `name`; also Keras 2's `input_shape` and `batch_input_shape`.

    Raises:
        ValueError, TypeError: no shape, or sizes that are not positive whole numbers.

    Example:
        >>> from pyconvnet import layers
        >>> layers.InputLayer((28, 28, 1)).shape
        (28, 28, 1)
    """

    def __init__(self, shape: Any = None, batch_shape: Any = None, **options: Any) -> None:
        super().__init__(**options)
        if shape is not None:
            self.shape = check_shape(self.label, "shape", shape)
        elif batch_shape is not None:
            self.shape = check_shape(self.label, "batch_shape", batch_shape, batched=True)
        elif self.given_input_shape is not None:
            self.shape = self.given_input_shape
        else:
            raise ValueError(f"{self.label}: shape must be given, such as (28, 28, 1)")
        self.given_input_shape = self.shape
        self.build(self.shape)
        self._tensor_name = options.get("name")

    @property
    def tensor(self) -> KerasTensor:
        """The symbolic tensor that stands for the samples."""
        return self._first_call().outputs[0]

    def output_shapes(self, input_shapes: Sequence[Shape]) -> list[Shape]:
        """The shape it was made for."""
        return [self.shape]

    def _first_call(self) -> Call:
        try:
            return super()._first_call()
        except AttributeError:  # nobody holds one, so a new one is as good
            (tensor,) = call_layer(self, [], [self._tensor_name])
            return tensor.call

    def get_config(self) -> dict[str, Any]:
        """Name, type, and the shape as Keras 2 writes it."""
        return {"batch_input_shape": (None, *self.shape), "dtype": self.dtype, "name": self.name}

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """Nothing: the samples themselves."""
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape it was made for; others are refused."""
        if tuple(input_shape) != self.shape:
            raise ValueError(f"{self.label}: samples must have shape {self.shape}, got {tuple(input_shape)}")
        return self.shape


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    name: str | None = None,
    batch_shape: Any = None,
) -> KerasTensor:
    """Where a model begins: the shape of its samples. The first entry of a `Sequential`, or what layers are called on.

    Args:
        shape: of one sample, such as (28, 28, 1).
        batch_size: taken for Keras's sake; batches of every size are fine.
        dtype: only "float32"; samples of any numeric type may be fed, they are converted.
        name: made if None.
        batch_shape: the shape with the batch's size in front, instead of `shape`.

    Returns:
        The symbolic output of an `InputLayer`.

    Raises:
        ValueError, TypeError: as `InputLayer`.

    Example:
        >>> from pyconvnet import layers
        >>> layers.Input(shape=(28, 28, 1)).shape
        (None, 28, 28, 1)
    """
    if batch_size is not None:
        integer("Input", "batch_size", batch_size)
    return InputLayer(shape, batch_shape, dtype=dtype, name=name).tensor
