"""What a model is told by `compile`, and the plans that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyconvnet import config, devices
from pyconvnet import metrics as metric_rules
from pyconvnet._suggest import suggests_arguments
from pyconvnet.callbacks import History
from pyconvnet.ops._check import integer

from .compiled import Compiled, refuse, resolve
from .plans import PlanCache, plan_for

if TYPE_CHECKING:
    from pyconvnet.devices import Device
    from pyconvnet.layers import Layer
    from pyconvnet.layers.symbolic import Structure
    from pyconvnet.optimizers import Optimizer
    from pyconvnet.plan import Plan
    from pyconvnet.variables import Variable


class Learner:
    """A model that can be compiled and lowered to plans; `Trainer` adds what runs them.

    Attributes:
        optimizer: set by `compile`.
        loss: as given to `compile`.
        compilation: what `compile` was told, checked; None before.
        history: the `History` of the last `fit`.
        stop_training: set it to True in a callback to end the training.
        gradient_hook: called in each step of training between the backward pass and the update, with the gradients of
            all trainable weights: float32 [weights], side by side in the order of `trainable_weights`, penalties
            included, before clipping; NumPy's array, or CuPy's on a GPU, whose work belongs on its current stream. It
            may change them in place, which is how several workers add theirs up. It is the same array in every step;
            what no loss reaches keeps its place there. Steps run one by one and dense layers without their fused
            update; by itself a hook changes no bit. Set it between epochs; None: no hook. Files, copies and `profile`
            leave it out.
    """

    optimizer: Optimizer | None = None
    loss: Any = None
    compilation: Compiled | None = None
    history: History | None = None
    stop_training: bool = False
    _gradient_hook: Callable[[Any], None] | None = None
    _plans: PlanCache | None = None
    _device: Device | None = None  # that `compile` was told; None: the default
    _initial_epoch: int = 0  # where `fit` goes on counting; BackupAndRestore sets it
    _calls_in_training_mode: int = 0  # so that each call of model(x, training=True) drops other elements

    if TYPE_CHECKING:  # what the model brings
        name: str
        _seed: int
        _input_form: Structure
        _output_form: Structure

        @property
        def built(self) -> bool: ...
        @property
        def weights(self) -> list[Variable]: ...
        @property
        def trainable_weights(self) -> list[Variable]: ...
        @property
        def input_names(self) -> list[str]: ...
        @property
        def output_names(self) -> list[str]: ...
        @property
        def sample_shapes(self) -> list[tuple[int, ...]]: ...
        @property
        def sample_output_shapes(self) -> list[tuple[int, ...]]: ...
        @property
        def layers(self) -> list[Layer]: ...
        def all_layers(self) -> list[Layer]: ...
        def build(self, input_shape: Any) -> None: ...

    @suggests_arguments
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        loss_weights: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        *,
        device: str | None = None,
    ) -> None:
        """Says how the model is trained and measured.

        Args:
            optimizer: an optimizer or its name.
            loss: a loss or its name; for several outputs one for all, a list (None: no loss), or a dictionary by the
                outputs' names.
            metrics: a name or a list of names, such as "accuracy", objects of `pyconvnet.metrics`, or functions of
                ``(y_true, y_pred)`` on NumPy arrays; for several outputs a list or a dictionary of such.
            loss_weights: factors of the losses of several outputs in the whole one, a list or a dictionary.
            weighted_metrics, run_eagerly: as in Keras, but must ask for nothing.
            steps_per_execution, jit_compile, auto_scale_loss: taken and ignored; they change nothing here.
            device: "cpu", "cuda" or "cuda:N"; None or "auto": what `pyconvnet.config.device` says, by itself a GPU
                where there is one ready and else the processor. The weights move there with the first step.

        Raises:
            TypeError: something of the wrong kind.
            ValueError: an unknown name, a device that is not there, or a default that must stay.

        Example:
            >>> model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
            ... # doctest: +SKIP
        """
        refuse(
            "compile",
            weighted_metrics=(weighted_metrics, "metrics are not weighted; the loss is"),
            run_eagerly=(run_eagerly, "print(model.plan()) shows every kernel call of a step"),
        )
        integer("compile", "steps_per_execution", steps_per_execution)
        where = None if device in (None, "auto") else devices.get(device)
        names = self.output_names if self.built else [layer.name for layer in self.layers[-1:]] or [self.name]
        self.optimizer, self.compilation = resolve(optimizer, loss, metrics, loss_weights, names)
        self.loss, self._device = loss, where
        self.stop_training = False
        self.plans.clear()

    @property
    def device(self) -> Device:
        """Where it runs: as compiled; else where its weights are on a GPU, and else `pyconvnet.config.device`."""
        if self._device is not None:
            return self._device
        default = config.default_device()
        if config.device != "auto" or default.is_host:
            return default
        return next((variable.device for variable in self.weights if not variable.device.is_host), default)

    @property
    def gradient_hook(self) -> Callable[[Any], None] | None:
        """What looks at the gradients of each step before the weights move."""
        return self._gradient_hook

    @gradient_hook.setter
    def gradient_hook(self, hook: Callable[[Any], None] | None) -> None:
        if hook is not None and not callable(hook):
            raise TypeError(f"gradient_hook: must be a function of the gradients, or None, got {hook!r}")
        self._gradient_hook = hook

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self.compilation is not None

    @property
    def metrics_names(self) -> list[str]:
        """What `evaluate` answers, in order: "loss" and the metrics."""
        return ["loss", *(self.compilation.metric_names if self.compilation else ())]

    def metric_direction(self, name: str) -> str | None:
        """Whether the loss or a metric of `compile` should fall ("min") or rise ("max"); None for another name."""
        if name == "loss":
            return "min"
        if self.compilation is None or name not in self.compilation.metric_names:
            return None
        if name in self.compilation.functions:
            return None
        kernels = self.compilation.kernels(self.sample_output_shapes)
        return metric_rules.direction(kernels[name]) if name in kernels else "min"

    @property
    def plans(self) -> PlanCache:
        """The plans made so far."""
        if self._plans is None:
            self._plans = PlanCache()
        return self._plans

    def plan(self, batch_size: int = 32, training: bool = True) -> Plan:
        """The list of kernel calls of a step; print it.

        Args:
            batch_size: the largest batch.
            training: the plan of a training step where the model is compiled with a loss; otherwise of `predict`.

        Raises:
            ValueError: the model does not know its input shape yet.

        Example:
            >>> print(model.plan())  # doctest: +SKIP
        """
        rows = integer("plan", "batch_size", batch_size)
        if not self.built:
            raise ValueError(
                f"plan: {type(self).__name__} {self.name!r} does not know its input shape; "
                "begin it with Input(shape) or call build(input_shape)"
            )
        compiled = self.compilation is not None and self.compilation.loss is not None
        return plan_for(self, "train" if training and compiled else "predict", rows)

    def _in_order(self, logs: dict[str, float]) -> float | list[float]:
        values = [logs[name] for name in self.metrics_names]
        return values if len(values) > 1 else values[0]
