"""2-D convolution as a layer."""

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


class Conv2D(Layer):
    """Convolves images with trained kernels: [h, w, c_in] to [oh, ow, filters].

    Args:
        filters: channels of the output.
        kernel_size: height and width of the window, one number or two.
        strides: steps of the window, one number or two.
        padding: "valid" or "same".
        data_format: only "channels_last".
        dilation_rate: distance of the window's cells, one number or two; above 1 only with strides 1.
        groups: channels are cut into so many groups that do not see each other.
        activation: a name, one of `pyconvnet.activations`, or None for linear.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, bias_regularizer: penalties on the weights, or None.
        options: `name`, `trainable`, `activity_regularizer`, `input_shape`; see `Layer`.

    Raises:
        ValueError, TypeError: wrong or unknown arguments.

    Weights: kernel [kernel_h, kernel_w, c_in / groups, filters], bias [filters].

    Example:
        >>> from pyconvnet import layers
        >>> layers.Conv2D(32, 3, padding="same").compute_output_shape((28, 28, 1))
        (28, 28, 32)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        who = self.label
        self.filters = integer(who, "filters", filters)
        self.kernel_size = pair(who, "kernel_size", kernel_size)
        self.strides = pair(who, "strides", strides)
        self.padding = padding_name(who, padding)
        self.data_format = check_data_format(who, data_format)
        self.dilation_rate = pair(who, "dilation_rate", dilation_rate)
        self.groups = integer(who, "groups", groups)
        self.activation = activations.get(activation, who)
        self.use_bias = check_flag(who, "use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer, who)
        self.bias_initializer = initializers.get(bias_initializer, who)
        self.kernel_regularizer = regularizers.get(kernel_regularizer, who)
        self.bias_regularizer = regularizers.get(bias_regularizer, who)
        if self.filters % self.groups:
            raise ValueError(f"{who}: filters must be a multiple of groups={self.groups}, got {self.filters}")
        check_strides_and_dilation(who, self.strides, self.dilation_rate)

    @property
    def kernel(self) -> Variable:
        """Weights [kernel_h, kernel_w, c_in / groups, filters]."""
        return self._variable("kernel")

    @property
    def bias(self) -> Variable | None:
        """Weights [filters], or None without a bias."""
        return self._variable("bias") if self.use_bias else None

    def weight_specs(self, input_shape: Shape) -> list[WeightSpec]:
        """The kernel, and the bias where there is one."""
        shape = (*self.kernel_size, input_shape[-1] // self.groups, self.filters)
        specs = [WeightSpec("kernel", shape, self.kernel_initializer, self.kernel_regularizer)]
        if self.use_bias:
            specs.append(WeightSpec("bias", (self.filters,), self.bias_initializer, self.bias_regularizer))
        return specs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(oh, ow, filters) of an image (h, w, c_in)."""
        geometry = self._geometry(input_shape)
        return geometry["oh"], geometry["ow"], self.filters

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """A convolution and its activation."""
        inputs: dict[str, Tensor | Variable | None] = {"x": x, "kernel": self.kernel, "bias": self.bias}
        geometry, shape = self._geometry(x.shape), self.compute_output_shape(x.shape)
        y = graph.apply("conv2d", self.name, inputs, shape, **geometry, bfloat16=self.compute_dtype == "bfloat16")
        return declare_activation(graph, self.name, y, self.activation)

    def _geometry(self, input_shape: Shape) -> dict[str, int]:
        return conv2d_geometry(
            self.label,
            input_shape,
            self.kernel_size,
            self.filters,
            self.strides,
            self.padding,
            self.dilation_rate,
            self.groups,
        )
