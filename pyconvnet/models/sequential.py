"""A model whose layers stand in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyconvnet.layers import InputLayer, KerasTensor, Layer
from pyconvnet.layers._check import check_shape
from pyconvnet.layers.base import Shape
from pyconvnet.layers.merge import Merge
from pyconvnet.layers.symbolic import Call, Structure, call_layer
from pyconvnet.models.model import Model
from pyconvnet.models.network import Network


class Sequential(Model):
    """Layers in a row: the output of each is the input of the next.

    The weights are made at once where the first layer is an `Input` or has an `input_shape`; otherwise at the first
    `fit`, `evaluate` or `predict`, or by `build`.

    Args:
        layers: the layers in order; more can be added. A model with one input and one output is a layer too.
        name: the model's name, made if None.

    Raises:
        ValueError, TypeError: what is no layer, a name twice, or layers whose shapes do not fit.

    Example:
        >>> from pyconvnet import layers, models
        >>> model = models.Sequential([layers.Flatten(input_shape=(28, 28)), layers.Dense(10, activation="softmax")])
        >>> model.output_shape, model.count_params()
        ((None, 10), 7850)
    """

    _input_form = _output_form = Structure()  # one input and one output

    def __init__(self, layers: Sequence[Any] | Layer | None = None, name: str | None = None, *more: Layer) -> None:
        if more or isinstance(name, Layer):  # `more` is there for this message only
            raise TypeError(f"{type(self).__name__}: pass a list: {type(self).__name__}([layer, ...])")
        self._start(name)
        self._input: InputLayer | None = None
        self._layers: list[Layer] = []
        if layers is not None and not isinstance(layers, (Layer, list, tuple)):
            raise TypeError(f"{self.label}: layers must be a list of layers, got {layers!r}")
        for layer in [layers] if isinstance(layers, Layer) else layers or []:
            self.add(layer)

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, without the `Input`; the list is a copy."""
        return list(self._layers)

    def add(self, layer: Layer | KerasTensor) -> None:
        """Puts a layer at the end; on an error the model stays as it was.

        Args:
            layer: a layer that is not in the model yet, or what `Input` answers.

        Raises:
            ValueError, TypeError: no layer, a name twice, or an input that the layer cannot take.
        """
        layer = self._check_new(layer)
        if isinstance(layer, InputLayer):
            self._input = layer
            return
        first = self._input
        if first is None and not self._layers:
            first = _own_input(layer)
        network = None if first is None else self._extended(first, layer)
        self._input, self._network = first, network
        self._layers.append(layer)
        self._seed_from_layers()
        self.plans.clear()

    def pop(self) -> Layer:
        """Takes the last layer away; the model must be compiled again before it is trained.

        Returns:
            The layer, with its weights.

        Raises:
            ValueError: the model has no layers.
        """
        if not self._layers:
            raise ValueError(f"{self.label}: it has no layers; there is none to pop")
        layer = self._layers.pop()
        if self._network is not None:
            calls = self._network.calls[:-1]
            self._network = self._row(self._network.inputs, calls) if calls else None
        self.optimizer = self.loss = self.compilation = None
        self.plans.clear()
        return layer

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Makes the weights, if they are not there yet.

        Args:
            input_shape: with the batch's size (or None) in front, such as (None, 28, 28, 1); not needed where the
                model begins with an `Input` or an `input_shape`.

        Raises:
            ValueError, TypeError: no layers, no shape, a shape that does not fit.
        """
        if not self._layers:
            raise ValueError(f"{self.label}: it has no layers; add some before it is built or trained")
        if input_shape is None:
            if self._input is None:
                raise ValueError(f"{self.label}: build needs an input_shape such as (None, 28, 28, 1)")
            return
        shape = check_shape(self.label, "input_shape", input_shape, batched=True)
        if self._input is not None:
            self._input.compute_output_shape(shape)
            return
        self._build_for(shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Shape of one sample of the output, for one sample of the input.

        Raises:
            ValueError: an input that a layer cannot take, or another than that of a built model.
        """
        if self.built:
            return super().compute_output_shape(input_shape)
        for layer in self._layers:
            layer.check_build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def output_shapes(self, input_shapes: Sequence[Shape]) -> list[Shape]:
        """Builds the model, if it is not yet, and answers the shape of its output."""
        if not self.built and len(input_shapes) == 1:
            self.build((None, *input_shapes[0]))
        return super().output_shapes(input_shapes)

    def get_config(self) -> dict[str, Any]:
        """Name and layers as plain Python values; the weights are not in it."""
        first = [] if self._input is None else [self._input]
        entries = [{"class_name": type(layer).__name__, "config": layer.get_config()} for layer in first + self._layers]
        return {"name": self.name, "layers": entries}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Sequential:
        """A new model with the layers of `get_config()`'s dictionary and fresh weights.

        Raises:
            ValueError, TypeError: an unknown layer, or no such dictionary.
        """
        if not isinstance(config, Mapping) or "layers" not in config:
            raise TypeError(f"{cls.__name__}: config must be a dictionary with name and layers, got {config!r}")
        from pyconvnet.saving.read_config import read_layer

        who = f"{cls.__name__}.from_config"
        return cls([read_layer(who, entry) for entry in config["layers"]], name=config.get("name"))

    def _build_for(self, shape: Shape) -> None:
        self.compute_output_shape(shape)  # all layers are asked before the first is changed
        first = InputLayer(shape, name=f"{self._layers[0].name}_input")
        for layer in self._layers:
            self._network = self._extended(first, layer)
        self._input = first

    def _extended(self, first: InputLayer, layer: Layer) -> Network:
        """The network with one more layer, which is built."""
        before = first.tensor if self._network is None else self._network.outputs[0]
        made = call_layer(layer, [before])
        if len(made) != 1:
            raise ValueError(f"{self.label}: {layer.label} has {len(made)} outputs, and a layer in a row must have one")
        calls = [] if self._network is None else self._network.calls
        return self._row([before] if self._network is None else self._network.inputs, [*calls, made[0].call])

    def _row(self, inputs: list[KerasTensor], calls: list[Call]) -> Network:
        return Network(calls, [call.layer for call in calls], inputs, calls[-1].outputs)

    def _check_new(self, layer: Any) -> Layer:
        if isinstance(layer, KerasTensor):
            layer = layer.call.layer
            if not isinstance(layer, InputLayer):
                raise TypeError(f"{self.label}: add needs a layer or Input(shape), got the output of {layer.label}")
        if isinstance(layer, type) and issubclass(layer, Layer):
            raise TypeError(f"{self.label}: {layer.__name__} is a class; add a layer: {layer.__name__}(...)")
        if not isinstance(layer, Layer):
            raise TypeError(f"{self.label}: add needs a layer of pyconvnet.layers, got {layer!r}")
        if isinstance(layer, InputLayer):
            if self._layers or self._input is not None:
                raise ValueError(f"{self.label}: {layer.label} must come first and only once")
            return layer
        if isinstance(layer, Merge):
            raise TypeError(f"{self.label}: {layer.label} takes several tensors; use Model(inputs, outputs) instead")
        if layer is self or any(layer is other for other in self._layers):
            raise ValueError(f"{self.label}: {layer.label} is in the model already; make a new layer")
        if any(layer.name == other.name for other in self._layers):
            raise ValueError(f"{self.label}: there is a layer named '{layer.name}' already; give it another name")
        return layer


def _own_input(layer: Layer) -> InputLayer | None:
    """The input that a first layer brings along: its `input_shape`, or what a model takes."""
    shape = layer.given_input_shape
    if isinstance(layer, Model) and layer.built:
        shapes = layer.sample_shapes
        if len(shapes) != 1:
            raise ValueError(f"{layer.label}: has {len(shapes)} inputs, and a layer in a row must have one")
        shape = shapes[0]
    return None if shape is None else InputLayer(shape, name=f"{layer.name}_input")
