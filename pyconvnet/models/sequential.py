"""A model whose layers stand in a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyconvnet._suggest import unknown
from pyconvnet.layers import Dropout, InputLayer, Layer, deserialize
from pyconvnet.layers._check import auto_name, check_flag, check_name, check_shape
from pyconvnet.layers.base import Graph, Shape, assign_all
from pyconvnet.models.files import NoFiles
from pyconvnet.models.summary import summary_lines
from pyconvnet.ops._check import integer
from pyconvnet.ops.rule import Tensor
from pyconvnet.random import next_seed
from pyconvnet.training.trainer import Trainer
from pyconvnet.variables import Variable


class Sequential(NoFiles, Trainer):
    """Layers in a row: the output of each is the input of the next.

    The weights are made at once where the first layer is an `Input` or has an `input_shape`; otherwise at the first
    `fit`, `evaluate` or `predict`, or by `build`.

    Args:
        layers: the layers in order; more can be added.
        name: the model's name, made if None.

    Raises:
        ValueError, TypeError: what is no layer, a name twice, or layers whose shapes do not fit.

    Example:
        >>> from pyconvnet import layers, models
        >>> model = models.Sequential([layers.Flatten(input_shape=(28, 28)), layers.Dense(10, activation="softmax")])
        >>> model.output_shape, model.count_params()
        ((None, 10), 7850)
    """

    def __init__(self, layers: Sequence[Layer] | Layer | None = None, name: str | None = None, *more: Layer) -> None:
        if more or isinstance(name, Layer):  # `more` is there for this message only
            raise TypeError(f"{type(self).__name__}: pass a list: {type(self).__name__}([layer, ...])")
        self.name = auto_name(type(self)) if name is None else check_name(type(self).__name__, name)
        self._input: InputLayer | None = None
        self._layers: list[Layer] = []
        self.built = False  # whether the input's shape is known and the weights are there
        self._trainable = True
        self._seed = next_seed()
        if layers is not None and not isinstance(layers, (Layer, list, tuple)):
            raise TypeError(f"{self.label}: layers must be a list of layers, got {layers!r}")
        for layer in [layers] if isinstance(layers, Layer) else layers or []:
            self.add(layer)

    @property
    def label(self) -> str:
        """Class and name, for messages."""
        return f"{type(self).__name__} '{self.name}'"

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, without the `Input`; the list is a copy."""
        return list(self._layers)

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the input with None for the batch."""
        return self._built_input().input_shape

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape of the output with None for the batch."""
        return (None, *self.sample_shapes()[-1])

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it sets it for every layer."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = check_flag(self.label, "trainable", value)
        for layer in self._layers:
            layer.trainable = self._trainable

    @property
    def weights(self) -> list[Variable]:
        """All weights, layer by layer, in Keras's order."""
        return [variable for layer in self._layers for variable in layer.weights]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [variable for variable in self.weights if variable.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that the optimizer leaves alone."""
        return [variable for variable in self.weights if not variable.trainable]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def add(self, layer: Layer) -> None:
        """Puts a layer at the end; on an error the model stays as it was.

        Args:
            layer: a layer that is not in the model yet.

        Raises:
            ValueError, TypeError: no layer, a name twice, or an input that the layer cannot take.
        """
        self._check_new(layer)
        if isinstance(layer, InputLayer):
            self._input = layer
            return
        first = self._input
        if first is None and not self._layers and layer.given_input_shape is not None:
            first = InputLayer(layer.given_input_shape, name=f"{layer.name}_input")
        if first is not None:
            layer.build(self.sample_shapes()[-1] if self._layers else first.shape)
        self._input = first
        self._layers.append(layer)
        self.built = first is not None
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
        self.built = self._input is not None and bool(self._layers)
        self.optimizer = self.loss = self.compilation = None
        self.plans.clear()
        return layer

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """One layer by its name or its place in `layers`.

        Args:
            name: the layer's name.
            index: its place; the first is 0, the last also -1.

        Raises:
            ValueError, TypeError: both or neither given, or no such layer.

        Example:
            >>> from pyconvnet import layers
            >>> Sequential([layers.Dense(3, name="first")]).get_layer("first").units
            3
        """
        if (name is None) == (index is None):
            raise ValueError(f"{self.label}: get_layer needs a name or an index, one of the two")
        if index is not None:
            count = len(self._layers)
            place = integer(self.label, "index", index, minimum=-count)
            if place >= count:
                raise ValueError(f"{self.label}: index must be below its {count} layers, got {index!r}")
            return self._layers[place]
        for layer in self._layers:
            if layer.name == name:
                return layer
        raise ValueError(unknown(self.label, "layer", name, [layer.name for layer in self._layers]))

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
        shapes = [shape]
        for layer in self._layers:  # all are asked before the first is changed
            layer.check_build(shapes[-1])
            shapes.append(layer.compute_output_shape(shapes[-1]))
        for layer, shape in zip(self._layers, shapes[:-1], strict=True):
            layer.build(shape)
        self._input = InputLayer(shapes[0], name=f"{self._layers[0].name}_input")
        self.built = True

    def sample_shapes(self) -> list[Shape]:
        """Shape of one sample before the first layer and after each."""
        shapes = [self._built_input().shape]
        # Asked of the layers each time: a layer that two models share has an input shape in each.
        for layer in self._layers:
            shapes.append(layer.compute_output_shape(shapes[-1]))
        return shapes

    def lower(self, graph: Graph, x: Tensor) -> Tensor:
        """Declares the ops of all layers to the graph; answers the output."""
        self._built_input()
        for layer in self._layers:
            x = layer.lower(graph, x)
        return x

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Copies of all weights, layer by layer, in Keras's order."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Writes all weights; on an error nothing is changed.

        Args:
            weights: arrays in the order of `get_weights`.

        Raises:
            ValueError, TypeError: a wrong number of arrays or a wrong shape.
        """
        assign_all(self.label, self.weights, weights, self.built)

    def count_params(self) -> int:
        """How many numbers the weights hold."""
        self._built_input()
        return sum(variable.size for variable in self.weights)

    def summary(self, line_length: int | None = None, print_fn: Callable[[str], Any] | None = None) -> None:
        """Prints the table of layers, output shapes and parameters, as Keras 2 does.

        Args:
            line_length: characters a line; 65 if None.
            print_fn: called with each line; `print` if None.

        Raises:
            ValueError: the model is not built.
        """
        if not self.built:
            raise ValueError(
                f"{self.label}: not built, so its shapes are not known; begin it with Input(shape), "
                "or call build((None, 28, 28, 1)) with the shape of your data, or fit it first"
            )
        width = 65 if line_length is None else integer(self.label, "line_length", line_length, minimum=20)
        for line in summary_lines(self, width):
            (print_fn or print)(line)

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
        return cls([deserialize(entry) for entry in config["layers"]], name=config.get("name"))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    def _built_input(self) -> InputLayer:
        if self._input is None or not self._layers:
            raise AttributeError(
                f"{self.label}: not built, so its shapes are not known; begin it with Input(shape) or call build"
            )
        return self._input

    def _check_new(self, layer: Any) -> None:
        if isinstance(layer, type) and issubclass(layer, Layer):
            raise TypeError(f"{self.label}: {layer.__name__} is a class; add a layer: {layer.__name__}(...)")
        if isinstance(layer, Sequential):
            raise TypeError(f"{self.label}: a model inside a model is not offered yet; add the layers one by one")
        if not isinstance(layer, Layer):
            raise TypeError(f"{self.label}: add needs a layer of pyconvnet.layers, got {layer!r}")
        if isinstance(layer, InputLayer):
            if self._layers or self._input is not None:
                raise ValueError(f"{self.label}: {layer.label} must come first and only once")
            return
        if any(layer is other for other in self._layers):
            raise ValueError(f"{self.label}: {layer.label} is in the model already; make a new layer")
        if any(layer.name == other.name for other in self._layers):
            raise ValueError(f"{self.label}: there is a layer named '{layer.name}' already; give it another name")

    def _seed_from_layers(self) -> None:
        """The model draws from one seed; where dropout layers were given seeds, these make it."""
        seeds = [layer.seed for layer in self._layers if isinstance(layer, Dropout) and layer.seed is not None]
        if seeds:
            self._seed = int(np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0] >> np.uint64(1))
