"""A model: layers between inputs and outputs, their weights, and what can be asked of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pyconvnet._identifiers import refuse_methods
from pyconvnet._suggest import unknown
from pyconvnet.layers import Dropout, KerasTensor, Layer
from pyconvnet.layers._check import check_flag
from pyconvnet.layers.base import Graph, Shape, WeightSpec
from pyconvnet.layers.symbolic import Structure, call_layer, tensors_in
from pyconvnet.models.files import Files
from pyconvnet.models.network import Network, connect
from pyconvnet.models.summary import default_width, summary_lines
from pyconvnet.ops._check import integer
from pyconvnet.ops.rule import Tensor
from pyconvnet.random import next_seed
from pyconvnet.training.compiled import refuse
from pyconvnet.training.trainer import Trainer
from pyconvnet.variables import Variable


class Model(Files, Trainer, Layer):
    """The layers between some inputs and outputs: branches, shared layers, several inputs and outputs.

    A model is a layer too: called on a symbolic tensor it becomes a part of another model, with the same weights. So
    `Model(model.input, model.layers[2].output)` shows what a trained model sees behind its third layer.

    Args:
        inputs: what `Input` answered, or the symbolic tensor behind any layer; several in a list or a dictionary.
        outputs: symbolic tensors that follow from the inputs.
        name: the model's name, made if None.
        trainable: False freezes all layers.

    Raises:
        ValueError, TypeError: no symbolic tensors, an output that needs another input, two layers of one name.

    Example:
        >>> from pyconvnet import layers, models
        >>> x = layers.Input((8, 8, 3))
        >>> y = layers.Conv2D(3, 3, padding="same", activation="relu")(x)
        >>> y = layers.GlobalAveragePooling2D()(layers.Add()([x, y]))
        >>> model = models.Model(x, layers.Dense(10, activation="softmax")(y))
        >>> model.output_shape, model.count_params()
        ((None, 10), 124)
    """

    _network: Network | None = None

    def __init_subclass__(cls) -> None:
        """Refuses a class with steps written in Python, which nothing would call."""
        super().__init_subclass__()
        names = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics")
        refuse_methods(cls, names, "use compile's losses, metrics and callbacks, or train_on_batch in a loop")

    def __new__(cls, *_arguments: Any, **_options: Any) -> Any:
        """An instance; that of `Model` itself is a `Functional`, as in Keras."""
        return super().__new__(Functional if cls is Model else cls)

    def __init__(
        self, inputs: Any = None, outputs: Any = None, name: str | None = None, trainable: bool = True
    ) -> None:
        self._start(name)
        if inputs is None or outputs is None:
            raise TypeError(
                f"{self.label}: inputs and outputs must be given, Model(inputs, outputs); a model whose call() is "
                "written in Python is not offered, since its kernels are planned before it runs"
            )
        self._input_form, self._output_form = Structure.of(inputs), Structure.of(outputs)
        self._network = connect(self.label, self._tensors("inputs", inputs), self._tensors("outputs", outputs))
        self._seed_from_layers()
        if not check_flag(self.label, "trainable", trainable):
            self.trainable = False

    def _start(self, name: str | None) -> None:
        Layer.__init__(self, name=name)
        self._seed = next_seed()

    @property
    def built(self) -> bool:
        """Whether the inputs' shapes are known and the weights are there."""
        return self._network is not None

    @property
    def network(self) -> Network:
        """The layers between the inputs and the outputs, and how they are connected.

        Raises:
            AttributeError: the model is not built.
        """
        if self._network is None:
            raise AttributeError(
                f"{self.label}: not built, so its shapes are not known; begin it with Input(shape) or call build"
            )
        return self._network

    @property
    def layers(self) -> list[Layer]:
        """The layers in the order of their weights, the `InputLayer`s among them; the list is a copy."""
        return list(self.network.layers)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs."""
        return list(self.network.inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs."""
        return list(self.network.outputs)

    @property
    def input(self) -> Any:
        """The symbolic input; a list or a dictionary where the model was made with one."""
        return self._input_form.pack(self.inputs)

    @property
    def output(self) -> Any:
        """The symbolic output; a list or a dictionary where the model was made with one."""
        return self._output_form.pack(self.outputs)

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs: those of their layers."""
        return [tensor.call.layer.name for tensor in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs: the keys of a dictionary, else those of the layers that make them."""
        keys = self._output_form.keys
        return [tensor.call.layer.name for tensor in self.outputs] if keys is None else list(keys)

    @property
    def input_shape(self) -> Any:
        """Shape of the input with None for the batch; a list or a dictionary where there are several."""
        return self._input_form.pack([tensor.shape for tensor in self.inputs])

    @property
    def output_shape(self) -> Any:
        """Shape of the output with None for the batch; a list or a dictionary where there are several."""
        return self._output_form.pack([tensor.shape for tensor in self.outputs])

    @property
    def sample_shapes(self) -> list[Shape]:
        """Shape of one sample of each input."""
        return [tensor.sample_shape for tensor in self.inputs]

    @property
    def sample_output_shapes(self) -> list[Shape]:
        """Shape of one sample of each output."""
        return [tensor.sample_shape for tensor in self.outputs]

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it sets it for every layer."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = check_flag(self.label, "trainable", value)
        for layer in self.layers:
            layer.trainable = self._trainable

    @property
    def weights(self) -> list[Variable]:
        """All weights, layer by layer, in Keras's order; those of a shared layer once."""
        found = {id(variable): variable for layer in self.layers for variable in layer.weights}
        return list(found.values())

    def all_layers(self) -> list[Layer]:
        """The layers of this model and of the models in it, in order."""
        found: list[Layer] = []
        for layer in self.layers:
            found.append(layer)
            if isinstance(layer, Model):
                found += layer.all_layers()
        return found

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """One layer by its name or its place in `layers`.

        Args:
            name: the layer's name.
            index: its place; the first is 0, the last also -1.

        Raises:
            ValueError, TypeError: both or neither given, or no such layer.

        Example:
            >>> from pyconvnet import layers, models
            >>> models.Sequential([layers.Dense(3, name="first")]).get_layer("first").units
            3
        """
        if (name is None) == (index is None):
            raise ValueError(f"{self.label}: get_layer needs a name or an index, one of the two")
        layers = self.layers
        if index is not None:
            place = integer(self.label, "index", index, minimum=-len(layers))
            if place >= len(layers):
                raise ValueError(f"{self.label}: index must be below its {len(layers)} layers, got {index!r}")
            return layers[place]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(unknown(self.label, "layer", name, [layer.name for layer in layers]))

    def build(self, input_shape: Any = None) -> None:
        """Nothing: a graph of layers is built from the start."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Shape of one sample of the output, for models with one input and one output.

        Raises:
            ValueError, TypeError: another shape than the model's, several outputs.
        """
        shapes = self.output_shapes([input_shape])
        if len(shapes) != 1:
            raise TypeError(f"{self.label}: has {len(shapes)} outputs, and a layer in a row must have one")
        return shapes[0]

    def check_build(self, input_shape: Shape) -> list[WeightSpec]:
        """As `compute_output_shape`, which see for errors; a model brings its weights along."""
        self.compute_output_shape(input_shape)
        return []

    def output_shapes(self, input_shapes: Sequence[Shape]) -> list[Shape]:
        """Shapes of the outputs for inputs of these shapes (of one sample), which must be the model's own.

        Raises:
            ValueError: other shapes.
        """
        expected = self.sample_shapes
        if [tuple(shape) for shape in input_shapes] != expected:
            got = ", ".join(str(tuple(shape)) for shape in input_shapes)
            raise ValueError(f"{self.label}: takes samples of shape {', '.join(map(str, expected))}, got {got}")
        return self.sample_output_shapes

    def lower(self, graph: Graph, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Declares the ops of all layers to the graph; answers the outputs."""
        network = self.network
        values = {id(symbol): tensor for symbol, tensor in zip(network.inputs, inputs, strict=True)}
        for call in network.calls:
            made = call.layer.lower(graph, [values[id(symbol)] for symbol in call.inputs])
            values.update((id(symbol), tensor) for symbol, tensor in zip(call.outputs, made, strict=True))
        return [values[id(symbol)] for symbol in network.outputs]

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        """The model's output for these samples as one batch, or its symbolic output for symbolic tensors.

        Args:
            inputs: as for `predict`, or symbolic tensors, which make the model a part of another one.
            training: switch dropout on and normalize by the batch's own statistics. The moving statistics stay;
                every call drops other elements.

        Returns:
            float32 [samples, *output shape]; a list or a dictionary where the model has several outputs.

        Raises:
            TypeError, ValueError: inputs that do not fit the model.

        Example:
            >>> model(x[:2]).shape  # doctest: +SKIP
            (2, 10)
        """
        tensors = self._symbolic(inputs)
        if tensors is None:
            return self._of_arrays(inputs, training)
        if self.built and isinstance(inputs, dict):
            tensors = self._input_form.unpack(self.label, "inputs", inputs, self.input_names)
        outputs = call_layer(self, tensors)
        return self._output_form.pack(outputs)

    def get_config(self) -> dict[str, Any]:
        """Layers and connections as plain Python values, as Keras 3 writes them; the weights are not in it."""
        from pyconvnet.saving.write_config import graph_config

        return graph_config(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """A new model from `get_config()`'s dictionary, with fresh weights.

        Raises:
            ValueError, TypeError: an unknown layer, connections that lead nowhere, or no such dictionary.

        Example:
            >>> from pyconvnet import layers, models
            >>> x = layers.Input((4,))
            >>> model = models.Model(x, layers.Dense(3)(x))
            >>> models.Model.from_config(model.get_config()).output_shape
            (None, 3)
        """
        from pyconvnet.saving.read_config import read_model

        return read_model(f"{cls.__name__}.from_config", {"class_name": "Functional", "config": config})

    def count_params(self) -> int:
        """How many numbers the weights hold."""
        _ = self.network  # a model that is not built has nothing to count
        return sum(variable.size for variable in self.weights)

    def summary(
        self,
        line_length: int | None = None,
        positions: None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: None = None,
    ) -> None:
        """Prints the table of layers, output shapes and parameters, as Keras 2 does.

        Args:
            line_length: characters a line; 65, or 98 where the layers do not stand in a row, if None.
            print_fn: called with each line; `print` if None.
            expand_nested: must be False where there are models in the model.
            positions, show_trainable, layer_range: as in Keras, but must ask for nothing.

        Raises:
            ValueError: the model is not built, or an argument that asks for what is not offered.
        """
        inner = [layer.name for layer in self.layers if isinstance(layer, Model)] if self.built else []
        refuse(
            "summary",
            positions=(positions, "give line_length"),
            expand_nested=(expand_nested and inner, f"call get_layer({inner[0]!r}).summary() too" if inner else ""),
            show_trainable=(show_trainable, "print layer.trainable of model.layers"),
            layer_range=(layer_range, "the table has all layers"),
        )
        if not self.built:
            raise ValueError(
                f"{self.label}: not built, so its shapes are not known; begin it with Input(shape), "
                "or call build((None, 28, 28, 1)) with the shape of your data, or fit it first"
            )
        width = default_width(self) if line_length is None else integer(self.label, "line_length", line_length, 20)
        for line in summary_lines(self, width):
            (print_fn or print)(line)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_gradient_hook": None}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    def _tensors(self, what: str, value: Any) -> list[KerasTensor]:
        found = tensors_in(value)
        if not found:
            raise TypeError(
                f"{self.label}: {what} must be what Input(shape) or a layer called on it answers, or a list of such, "
                f"got {value!r}"
            )
        return found

    def _seed_from_layers(self) -> None:
        """The model draws from one seed; where dropout layers were given seeds, these make it."""
        seeds = [layer.seed for layer in self.all_layers() if isinstance(layer, Dropout) and layer.seed is not None]
        if seeds:
            self._seed = int(np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0] >> np.uint64(1))


class Functional(Model):
    """What `Model(inputs, outputs)` makes: a graph of layers. Keras's name for it, in files and in summaries."""
