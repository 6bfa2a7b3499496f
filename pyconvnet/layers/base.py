"""What all layers share: names, weights, shapes, configs. A layer declares; it computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol
from weakref import ReferenceType, ref

from pyconvnet import regularizers
from pyconvnet._identifiers import Configurable, argument_names, refuse_methods, serialize
from pyconvnet._suggest import unknown_argument
from pyconvnet.layers._check import auto_name, check_flag, check_name, check_shape
from pyconvnet.layers._first_values import WeightSpec, new_variable
from pyconvnet.layers._weights import HasWeights
from pyconvnet.layers.symbolic import Call, KerasTensor, call_layer, tensors_in
from pyconvnet.mixed_precision import DTypePolicy, policy_of
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


class Layer(HasWeights, Configurable):
    """A step of a model: its settings, the shapes of its weights, and the ops that it stands for.

    Args:
        name: its name in the model, made from the class if None.
        trainable: whether training changes its weights.
        dtype: "float32" or "mixed_bfloat16", or a policy; None is the global one (see `pyconvnet.mixed_precision`).
        activity_regularizer: penalty on the layer's output, divided by the batch's size, or None.
        input_shape: shape of one sample where this is the first layer of a model; ignored elsewhere.
        batch_input_shape: the same with the batch's size in front.
        input_dim: the same for vectors: input_shape=(input_dim,).

    Raises:
        TypeError, ValueError: an unknown argument or a wrong value.
    """

    def __init_subclass__(cls) -> None:
        """Refuses a class that computes in Python, which nothing would call."""
        super().__init_subclass__()
        refuse_methods(cls, ("call",), "build it of the layers that there are: Model(inputs, outputs)")

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
            known = [*argument_names(type(self)), *argument_names(Layer)]
            raise TypeError(unknown_argument(self.label, next(iter(unknown)), known))
        self._dtype_policy = policy_of(self.label, dtype)
        self.activity_regularizer = regularizers.get(activity_regularizer, self.label)
        self.given_input_shape = self._given_shape(input_shape, batch_input_shape, input_dim)
        self._trainable = check_flag(self.label, "trainable", trainable)
        self._input_shape: Shape | None = None
        self._variables: dict[str, Variable] = {}
        self._calls: list[ReferenceType[Call]] = []

    @property
    def label(self) -> str:
        """Class and name, for messages."""
        return f"{type(self).__name__} '{self.name}'"

    @property
    def dtype_policy(self) -> DTypePolicy:
        """Which numbers the layer computes with; may be set, to a policy or its name."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._dtype_policy = policy_of(self.label, value, "dtype_policy")

    @property
    def dtype(self) -> str:
        """The dtype of the weights, "float32"."""
        return self.dtype_policy.variable_dtype

    variable_dtype = dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype of the numbers that are multiplied, of the layer's policy."""
        return self.dtype_policy.compute_dtype

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
    def input(self) -> Any:
        """The symbolic input of the layer's first use in a model; a list where it takes several.

        Raises:
            AttributeError: the layer is in no model yet.
        """
        tensors = self._first_call().inputs
        return tensors[0] if len(tensors) == 1 else list(tensors)

    @property
    def output(self) -> Any:
        """The symbolic output of the layer's first use in a model, for `Model(model.input, layer.output)`.

        Raises:
            AttributeError: the layer is in no model yet.
        """
        tensors = self._first_call().outputs
        return tensors[0] if len(tensors) == 1 else list(tensors)

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

    def lower(self, graph: Graph, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Adds this layer's ops and the penalty on its output to the graph; answers the outputs."""
        y = self.declare_all(graph, inputs)
        if self.activity_regularizer is not None:
            graph.regularize_activity(y, self.name, self.activity_regularizer.l1, self.activity_regularizer.l2)
        return [y]

    def declare_all(self, graph: Graph, inputs: Sequence[Tensor]) -> Tensor:
        """`declare` for the inputs that this layer takes: one, unless a class says otherwise."""
        (x,) = inputs
        return self.declare(graph, x)

    def output_shapes(self, input_shapes: Sequence[Shape]) -> list[Shape]:
        """Builds the layer for inputs of these shapes (of one sample) and answers those of its outputs.

        Raises:
            ValueError, TypeError: inputs that this layer cannot take.
        """
        if len(input_shapes) != 1:
            raise TypeError(
                f"{self.label}: takes one tensor, got a list of {len(input_shapes)}; join them first, "
                "with Concatenate() for example"
            )
        self.build(input_shapes[0])
        return [self.compute_output_shape(input_shapes[0])]

    def remember(self, call: Call) -> None:
        """Takes note of a use of this layer; `input` and `output` are those of the first."""
        self._calls = [known for known in self._calls if known() is not None]
        self._calls.append(ref(call))

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
                self._variables[spec.name] = new_variable(self.label, self.name, spec, self._trainable)
        self._input_shape = tuple(input_shape)

    def __call__(self, inputs: Any, *_more: Any, **_options: Any) -> Any:
        """The symbolic output of this layer for the symbolic input of a model.

        Args:
            inputs: what `Input` or another layer answered; a list of such for layers that take several.

        Returns:
            A `KerasTensor`; several in a list.

        Raises:
            ValueError, TypeError: inputs that this layer cannot take; arrays, which only models compute with.

        Example:
            >>> from pyconvnet import layers
            >>> x = layers.Input((4,))
            >>> layers.Dense(3)(x).shape
            (None, 3)
        """
        tensors = self._symbolic(inputs)
        if tensors is None:
            raise TypeError(
                f"{self.label}: a layer is called on Input(shape) or on another layer's output, got "
                f"{type(inputs).__name__}; to compute with numbers put it into a model: Sequential([...]).predict(x)"
            )
        outputs = call_layer(self, tensors)
        return outputs[0] if len(outputs) == 1 else outputs

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
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype_policy.name}
        if self.given_input_shape is not None:
            config["batch_input_shape"] = (None, *self.given_input_shape)
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = serialize(self.activity_regularizer)
        return config | super().get_config()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_calls": []}

    def _symbolic(self, inputs: Any) -> list[KerasTensor] | None:
        try:
            return tensors_in(inputs)
        except TypeError as reason:
            raise TypeError(f"{self.label}: {reason}") from None

    def _first_call(self) -> Call:
        for known in self._calls:
            call = known()
            if call is not None:
                return call
        raise AttributeError(
            f"{self.label} is in no model with a known input shape yet, and so has neither input nor output"
        )

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
