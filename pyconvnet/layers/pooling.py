"""Max and average pooling of images, by windows and of the whole map."""

from __future__ import annotations

from typing import Any, ClassVar

from pyconvnet.layers._check import check_data_format, check_flag
from pyconvnet.layers.base import Graph, Layer, Shape
from pyconvnet.ops._check import padding_name, pair
from pyconvnet.ops.pool2d import pool2d_geometry
from pyconvnet.ops.rule import Tensor


class _Pooling2D(Layer):
    op: ClassVar[str]

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        who = self.label
        self.pool_size = pair(who, "pool_size", pool_size)
        self.strides = self.pool_size if strides is None else pair(who, "strides", strides)
        self.padding = padding_name(who, padding)
        self.data_format = check_data_format(who, data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(oh, ow, c) of an image (h, w, c)."""
        geometry = self._geometry(input_shape)
        return geometry["oh"], geometry["ow"], geometry["c"]

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """One pooling op."""
        shape = self.compute_output_shape(x.shape)
        return graph.apply(self.op, self.name, {"x": x}, shape, **self._geometry(x.shape))

    def _geometry(self, input_shape: Shape) -> dict[str, int]:
        return pool2d_geometry(self.label, input_shape, self.pool_size, self.strides, self.padding)


class MaxPooling2D(_Pooling2D):
    """The largest value of each window of an image: [h, w, c] to [oh, ow, c].

    Args:
        pool_size: height and width of the window, one number or two.
        strides: steps of the window; `pool_size` if None.
        padding: "valid" or "same", in any case.
        data_format: only "channels_last".
        options: `name`, `input_shape`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments.

    Example:
        >>> from pyconvnet import layers
        >>> layers.MaxPooling2D(2).compute_output_shape((28, 28, 32))
        (14, 14, 32)
    """

    op = "max_pool2d"


class AveragePooling2D(_Pooling2D):
    """The mean of each window of an image, [h, w, c] to [oh, ow, c]; cells of padding do not count.

    Args:
        pool_size: height and width of the window, one number or two.
        strides: steps of the window; `pool_size` if None.
        padding: "valid" or "same", in any case.
        data_format: only "channels_last".
        options: `name`, `input_shape`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments.

    Example:
        >>> from pyconvnet import layers
        >>> layers.AveragePooling2D(2, padding="same").compute_output_shape((7, 7, 32))
        (4, 4, 32)
    """

    op = "avg_pool2d"


class _GlobalPooling2D(Layer):
    op: ClassVar[str]

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.data_format = check_data_format(self.label, data_format)
        self.keepdims = check_flag(self.label, "keepdims", keepdims)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(c,) of an image (h, w, c), or (1, 1, c) with `keepdims`."""
        channels = self._geometry(input_shape)["c"]
        return (1, 1, channels) if self.keepdims else (channels,)

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """One pooling op whose window is the map."""
        return graph.apply(self.op, self.name, {"x": x}, self.compute_output_shape(x.shape), **self._geometry(x.shape))

    def _geometry(self, input_shape: Shape) -> dict[str, int]:
        window = tuple(input_shape[:2]) if len(input_shape) == 3 else (1, 1)
        return pool2d_geometry(self.label, input_shape, window)


class GlobalMaxPooling2D(_GlobalPooling2D):
    """The largest value of each channel: [h, w, c] to [c].

    Args:
        data_format: only "channels_last".
        keepdims: whether the output is [1, 1, c].
        options: `name`, `input_shape`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments.

    Example:
        >>> from pyconvnet import layers
        >>> layers.GlobalMaxPooling2D().compute_output_shape((7, 7, 64))
        (64,)
    """

    op = "max_pool2d"


class GlobalAveragePooling2D(_GlobalPooling2D):
    """The mean of each channel: [h, w, c] to [c].

    Args:
        data_format: only "channels_last".
        keepdims: whether the output is [1, 1, c].
        options: `name`, `input_shape`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments.

    Example:
        >>> from pyconvnet import layers
        >>> layers.GlobalAveragePooling2D().compute_output_shape((7, 7, 64))
        (64,)
    """

    op = "avg_pool2d"
