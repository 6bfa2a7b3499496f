"""What all layers share: names, weights, shapes, configs. A layer declares; it computes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from pyconvnet import initializers, regularizers
from pyconvnet._identifiers import Configurable, argument_names, serialize
from pyconvnet._suggest import nearest
from pyconvnet.layers._check import auto_name, check_flag, check_name, check_shape
from pyconvnet.ops.rule import Tensor
from pyconvnet.variables import Variable

Shape = tuple[int, ...]


class Graph(Protocol):
    """Where a layer declares its ops; the plan makes kernel calls of them."""

    def apply(
        self,
        op: str,
        layer_name: str,
        inputs: dict[str, Tensor | Variable | None],
        output_shape: Shape,
        **attributes: Any,
    ) -> Tensor:
        """Adds an op and answers its output."""

    def regularize_activity(self, tensor: Tensor, label: str, l1: float, l2: float) -> None:
        """Adds the penalty of a layer's output to the loss."""


@dataclass(frozen=True)
class WeightSpec:
    """A weight before it is made."""

    name: str
    shape: Shape
    initializer: initializers.Initializer
    regularizer: regularizers.Regularizer | None = None
    trainable: bool = True


class Layer(Configurable):
    """A step of a model: its settings, the shapes of its weights, and the ops that it stands for.

    Args:
        name: its name in the model, made from the class if None.
        trainable: whether training changes its weights.
        dtype: only "float32".
        activity_regularizer: penalty on the layer's output, divided by the batch's size, or None.
        input_shape: shape of one sample where this is the first layer of a model; ignored elsewhere.
        batch_input_shape: the same with the batch's size in front.
        input_dim: the same for vectors: input_shape=(input_dim,).

    Raises:
        TypeError, ValueError: an unknown argument or a wrong value.
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
        activity_regularizer: Any = None,
        input_shape: Any = None,
        batch_input_shape: Any = None,
        input_dim: Any = None,
        **unknown: Any,
    ) -> None:
        self.name = auto_name(type(self)) if name is None else check_name(type(self).__name__, name)
        if unknown:
            raise TypeError(self._unknown_argument(next(iter(unknown))))
        if dtype is not None and (dtype != "float32" and dtype is not np.float32):
            raise ValueError(f"{self.label}: dtype must be 'float32', the only one there is, got {dtype!r}")
        self.dtype = "float32"
        self.activity_regularizer = regularizers.get(activity_regularizer, self.label)
        self.given_input_shape = self._given_shape(input_shape, batch_input_shape, input_dim)
        self._trainable = check_flag(self.label, "trainable", trainable)
        self._input_shape: Shape | None = None
        self._variables: dict[str, Variable] = {}

    @property
    def label(self) -> str:
        """Class and name, for messages."""
        return f"{type(self).__name__} '{self.name}'"

    @property
    def built(self) -> bool:
        """Whether the layer knows its input's shape and has its weights."""
        return self._input_shape is not None

    @property
    def trainable(self) -> bool:
        """Whether training changes the layer's weights; may be set."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = check_flag(self.label, "trainable", value)
        if self.built:
            for spec in self.weight_specs(self._known(self._input_shape)):
                self._variables[spec.name].trainable = self._trainable and spec.trainable

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the input with None for the batch."""
        return (None, *self._known(self._input_shape))

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape of the output with None for the batch."""
        return (None, *self.compute_output_shape(self._known(self._input_shape)))

    @property
    def weights(self) -> list[Variable]:
        """All weights in Keras's order: those made to be trained first, then statistics."""
        return list(self._variables.values())

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [variable for variable in self.weights if variable.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves to the layer itself, or alone."""
        return [variable for variable in self.weights if not variable.trainable]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def weight_specs(self, input_shape: Shape) -> list[WeightSpec]:
        """The weights for an input of this shape (one sample), trained ones first."""
        return []

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Shape of one sample of the output.

        Args:
            input_shape: of one sample, without the batch.

        Returns:
            The shape, without the batch.

        Raises:
            ValueError: an input that this layer cannot take.
        """
        return tuple(input_shape)

    def declare(self, graph: Graph, x: Tensor) -> Tensor:
        """Adds this layer's ops to the graph; answers their output."""
        raise NotImplementedError(f"{self.label} does not say which ops it stands for")

    def lower(self, graph: Graph, x: Tensor) -> Tensor:
        """Adds this layer's ops and the penalty on its output to the graph; answers the output."""
        y = self.declare(graph, x)
        if self.activity_regularizer is not None:
            graph.regularize_activity(y, self.name, self.activity_regularizer.l1, self.activity_regularizer.l2)
        return y

    def check_build(self, input_shape: Shape) -> list[WeightSpec]:
        """The weights for this input, checked against those that are there; changes nothing.

        Raises:
            ValueError: an input that this layer cannot take, or not with the weights it has.
        """
        self.compute_output_shape(input_shape)
        specs = self.weight_specs(input_shape)
        for spec in specs:
            if self.built and self._variables[spec.name].shape != spec.shape:
                raise ValueError(
                    f"{self.label}: its {spec.name} {self._variables[spec.name].shape} was made for an input of shape "
                    f"{self._input_shape}, got {input_shape}; make a new layer for it"
                )
        return specs

    def build(self, input_shape: Shape) -> None:
        """Makes the weights, if they are not there yet.

        Args:
            input_shape: of one sample, without the batch.

        Raises:
            ValueError: as `check_build`.
        """
        for spec in self.check_build(tuple(input_shape)):
            if spec.name not in self._variables:
                self._variables[spec.name] = Variable(
                    spec.initializer(spec.shape),
                    name=spec.name,
                    path=f"{self.name}/{spec.name}",
                    trainable=self._trainable and spec.trainable,
                    regularizer=spec.regularizer,
                )
        self._input_shape = tuple(input_shape)

    def __call__(self, *_inputs: Any, **_options: Any) -> NoReturn:
        """Refused: a layer computes as part of a model only."""
        raise TypeError(
            f"{self.label}: a layer cannot be called; put it into Sequential([...]) and call the model. "
            "Calling layers comes with functional models"
        )

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Copies of all weights."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Writes all weights; on an error nothing is changed.

        Args:
            weights: arrays in the order of `weights`.

        Raises:
            ValueError, TypeError: a wrong number of arrays or a wrong shape.
        """
        assign_all(self.label, self.weights, weights, self.built)

    def count_params(self) -> int:
        """How many numbers the weights hold.

        Raises:
            ValueError: the layer is not built.
        """
        if not self.built:
            raise ValueError(f"{self.label}: its weights are counted once it is built; build the model first")
        return sum(variable.size for variable in self.weights)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain Python values."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}
        if self.given_input_shape is not None:
            config["batch_input_shape"] = (None, *self.given_input_shape)
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = serialize(self.activity_regularizer)
        return config | super().get_config()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    def _variable(self, name: str) -> Variable:
        self._known(self._input_shape)
        return self._variables[name]

    def _known(self, shape: Shape | None) -> Shape:
        if shape is None:
            raise AttributeError(f"{self.label} has no shape and no weights yet: add it to a model and build the model")
        return shape

    def _given_shape(self, input_shape: Any, batch_input_shape: Any, input_dim: Any) -> Shape | None:
        if batch_input_shape is not None:
            return check_shape(self.label, "batch_input_shape", batch_input_shape, batched=True)
        if input_shape is not None:
            return check_shape(self.label, "input_shape", input_shape)
        return None if input_dim is None else check_shape(self.label, "input_dim", (input_dim,))

    def _unknown_argument(self, name: str) -> str:
        known = [*argument_names(type(self)), *argument_names(Layer)]
        near = nearest(name, known)
        hint = f"; did you mean '{near}'?" if near else f"; known are {', '.join(known)}"
        return f"{self.label}: unknown argument '{name}'{hint}"


def assign_all(who: str, variables: Sequence[Variable], values: Any, built: bool) -> None:
    """Writes all variables, or none of them where a value does not fit."""
    if isinstance(values, (str, Mapping)) or not isinstance(values, (Sequence, np.ndarray)):
        raise TypeError(f"{who}: weights must be a list of arrays, got {type(values).__name__}")
    if not built and not variables and len(values):
        raise ValueError(f"{who}: has no weights yet; build the model before you set {len(values)} arrays")
    if len(values) != len(variables):
        expected = ", ".join(f"{variable.path} {variable.shape}" for variable in variables)
        raise ValueError(f"{who}: needs {len(variables)} arrays ({expected or 'none'}), got {len(values)}")
    arrays = [np.asarray(value) for value in values]
    for variable, array in zip(variables, arrays, strict=True):
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{who}: {variable.path} must hold numbers, got dtype {array.dtype}")
        if array.shape != variable.shape:
            raise ValueError(f"{who}: {variable.path} must have shape {variable.shape}, got {array.shape}")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
