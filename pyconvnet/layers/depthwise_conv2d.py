"""Convolution of every channel for itself."""

from __future__ import annotations

from typing import Any

from pyconvnet import activations, initializers, regularizers
from pyconvnet.layers._check import check_data_format, check_flag, check_strides_and_dilation
from pyconvnet.layers.activation import declare_activation
from pyconvnet.layers.base import Graph, Layer, Shape, WeightSpec
from pyconvnet.ops._check import integer, padding_name, pair
from pyconvnet.ops.conv2d import conv2d_geometry
from pyconvnet.ops.rule import Tensor
from pyconvnet.variables import Variable


class DepthwiseConv2D(Layer):
    """Convolves each channel with kernels of its own: [h, w, c] to [oh, ow, c * depth_multiplier].

    Args:
        kernel_size: height and width of the window, one number or two.
        strides: steps of the window, one number or two.
        padding: "valid" or "same".
        depth_multiplier: kernels for each channel; the outputs of a channel stand side by side.
        data_format: only "channels_last".
        dilation_rate: distance of the window's cells, one number or two; above 1 only with strides 1.
        activation: a name, one of `pyconvnet.activations`, or None for linear.
        use_bias: whether a bias is added.
        depthwise_initializer, bias_initializer: first values of the weights.
        depthwise_regularizer, bias_regularizer: penalties on the weights, or None.
        options: `name`, `trainable`, `activity_regularizer`, `input_shape`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments.

    Weights: kernel [kernel_h, kernel_w, c, depth_multiplier], bias [c * depth_multiplier].

    Example:
        >>> from pyconvnet import layers
        >>> layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2).compute_output_shape((28, 28, 8))
        (28, 28, 16)
    """

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        who = self.label
        self.kernel_size = pair(who, "kernel_size", kernel_size)
        self.strides = pair(who, "strides", strides)
        self.padding = padding_name(who, padding)
        self.depth_multiplier = integer(who, "depth_multiplier", depth_multiplier)
        self.data_format = check_data_format(who, data_format)
        self.dilation_rate = pair(who, "dilation_rate", dilation_rate)
        self.activation = activations.get(activation, who)
        self.use_bias = check_flag(who, "use_bias", use_bias)
        self.depthwise_initializer = initializers.get(depthwise_initializer, who)
        self.bias_initializer = initializers.get(bias_initializer, who)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer, who)
        self.bias_regularizer = regularizers.get(bias_regularizer, who)
        check_strides_and_dilation(who, self.strides, self.dilation_rate)

    @property
    def kernel(self) -> Variable:
        """Weights [kernel_h, kernel_w, c, depth_multiplier]."""
        return self._variable("kernel")

    @property
    def bias(self) -> Variable | None:
        """Weights [c * depth_multiplier], or None without a bias."""
        return self._variable("bias") if self.use_bias else None

    def weight_specs(self, input_shape: Shape) -> list[WeightSpec]:
        """The kernel, and the bias where there is one."""
        channels = input_shape[-1]
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        specs = [WeightSpec("kernel", shape, self.depthwise_initializer, self.depthwise_regularizer)]
        if self.use_bias:
            wide = (channels * self.depth_multiplier,)
            specs.append(WeightSpec("bias", wide, self.bias_initializer, self.bias_regularizer))
        return specs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(oh, ow, c * depth_multiplier) of an image (h, w, c)."""
        geometry = self._geometry(input_shape)
        return geometry["oh"], geometry["ow"], geometry["c_out"]

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """A convolution with a group for each channel, whose kernel lies in memory as ours does; and its activation."""
        inputs: dict[str, Tensor | Variable | None] = {"x": x, "kernel": self.kernel, "bias": self.bias}
        geometry, shape = self._geometry(x.shape), self.compute_output_shape(x.shape)
        y = graph.apply("conv2d", self.name, inputs, shape, **geometry, bfloat16=False)
        return declare_activation(graph, self.name, y, self.activation)

    def _geometry(self, input_shape: Shape) -> dict[str, int]:
        channels = input_shape[-1] if input_shape else 1
        return conv2d_geometry(
            self.label,
            input_shape,
            self.kernel_size,
            channels * self.depth_multiplier,
            self.strides,
            self.padding,
            self.dilation_rate,
            groups=channels,
        )
