"""What `compile` was told, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyconvnet import losses, metrics, optimizers
from pyconvnet._suggest import unknown
from pyconvnet.ops._check import real
from pyconvnet.plan import Target

from .metric_names import names as reported_metrics
from .metric_names import resolve as resolve_metric

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Judged:
    """How one output of a model is judged.

    Attributes:
        loss: what is minimized, or None.
        metric_names: as given, each once.
        weight: factor of the loss in the whole one.
        prefix: of the names under which loss and metrics are reported, "output_"; empty where there is one output.
        own_loss: whether its loss is reported beside the whole one.
    """

    loss: losses.LossSpec | None
    metric_names: tuple[str, ...] = ()
    weight: float = 1.0
    prefix: str = ""
    own_loss: bool = False

    def kernels(self, output_shape: Shape) -> dict[str, str]:
        """The kernel of each metric, by the name as given."""
        if self.loss is None:
            return {}
        named = (name for name in self.metric_names if not isinstance(name, metrics.MeanMetricWrapper))
        return dict(resolve_metric(name, self.loss.sparse, output_shape) for name in named)

    @property
    def functions(self) -> dict[str, metrics.Function]:
        """The metrics that are Python functions, by the name under which they are reported."""
        found = (name for name in self.metric_names if isinstance(name, metrics.MeanMetricWrapper))
        return {self.prefix + name: name.fn for name in found}


@dataclass(frozen=True)
class Compiled:
    """The answer to `compile`.

    Attributes:
        outputs: how each output is judged.
    """

    outputs: tuple[Judged, ...]

    @property
    def loss(self) -> losses.LossSpec | None:
        """The loss of the first output that has one; None when `compile` was given none."""
        return next((output.loss for output in self.outputs if output.loss is not None), None)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """What is reported besides the whole loss: each output's loss, then the metrics, in Keras's order."""
        if len(self.outputs) == 1:
            return self.outputs[0].metric_names
        own = [f"{output.prefix}loss" for output in self.outputs if output.own_loss]
        return *own, *sorted(output.prefix + name for output in self.outputs for name in output.metric_names)

    def kernels(self, output_shapes: Sequence[Shape]) -> dict[str, str]:
        """The kernel of each metric, by the name under which it is reported."""
        return {
            output.prefix + name: kernel
            for output, shape in zip(self.outputs, output_shapes, strict=True)
            for name, kernel in output.kernels(shape).items()
        }

    @property
    def functions(self) -> dict[str, metrics.Function]:
        """The metrics that are Python functions, by the name under which they are reported."""
        return {name: function for output in self.outputs for name, function in output.functions.items()}

    def sums(self, output_shapes: Sequence[Shape]) -> dict[str, str]:
        """The name of the plan's sums for everything that is reported, by that name."""
        found = {"loss": "loss"}
        for output, shape in zip(self.outputs, output_shapes, strict=True):
            if output.own_loss:
                found[f"{output.prefix}loss"] = f"{output.prefix}loss"
            found |= {output.prefix + name: output.prefix + kernel for name, kernel in output.kernels(shape).items()}
        return found

    def targets(self, output_shapes: Sequence[Shape]) -> tuple[Target | None, ...]:
        """What the plan has to know of each output."""
        found: list[Target | None] = []
        for output, shape in zip(self.outputs, output_shapes, strict=True):
            if output.loss is None:
                found.append(None)
                continue
            sparse = output.loss.sparse
            found.append(
                Target(
                    loss=output.loss,
                    metrics=tuple(dict.fromkeys(output.kernels(shape).values())),
                    labels="int" if sparse else "float",
                    label_shape=shape[:-1] if sparse else shape,
                    prefix=output.prefix,
                    weight=output.weight,
                    own_loss=output.own_loss,
                )
            )
        return tuple(found)


def refuse(who: str, **arguments: tuple[Any, str]) -> None:
    """Refuses arguments of Keras that would change the result here without being obeyed.

    Args:
        who: for messages.
        arguments: by name: what was given (None, False and what is empty ask for nothing), what to do instead.

    Raises:
        ValueError: one of them asks for something.
    """
    for name, (given, instead) in arguments.items():
        nothing = isinstance(given, (bool, np.bool_, int, list, tuple, dict)) and not given
        if given is not None and not nothing:
            raise ValueError(f"{who}: {name}={given!r} is not supported; {instead}")


def resolve(
    optimizer: Any, loss: Any, metric_names: Any, loss_weights: Any, outputs: Sequence[str]
) -> tuple[optimizers.Optimizer, Compiled]:
    """The optimizer and the rest of what `compile` was told.

    Args:
        optimizer, loss, metric_names, loss_weights: as given to `compile`.
        outputs: their names.

    Raises:
        TypeError: something of the wrong kind.
        ValueError: an unknown name.
    """
    single = len(outputs) == 1
    if single:
        given_losses = [_only("loss", loss, outputs[0])]
        given_metrics = [_only("metrics", metric_names, outputs[0])]
        if isinstance(given_losses[0], (list, tuple)) and len(given_losses[0]) == 1:
            given_losses = list(given_losses[0])
    else:
        given_losses = _for_each("loss", loss, outputs, shared=True)
        given_metrics = _for_each("metrics", metric_names, outputs, shared=metric_names is None)
    given_weights = _for_each("loss_weights", loss_weights, outputs, shared=loss_weights is None or single)
    specs = [None if given is None else losses.get(given) for given in given_losses]
    several = sum(spec is not None for spec in specs) > 1
    judged = []
    for name, spec, metric, weight in zip(outputs, specs, given_metrics, given_weights, strict=True):
        factor = 1.0 if weight is None else real("compile", "a weight of loss_weights", weight)
        names = reported_metrics(metric)
        if names and spec is None and not single:
            raise ValueError(f"compile: output '{name}' has metrics but no loss, whose labels they would need")
        judged.append(Judged(spec, names, factor, "" if single else f"{name}_", several and spec is not None))
    return optimizers.get(optimizer), Compiled(tuple(judged))


def _only(name: str, value: Any, output: str) -> Any:
    """What a dictionary says of the only output; all else as it is."""
    if isinstance(value, Mapping) and "class_name" not in value:
        return _for_each(name, value, [output], shared=True)[0]
    return value


def _for_each(name: str, value: Any, outputs: Sequence[str], *, shared: bool) -> list[Any]:
    """One entry for each output from a list or a dictionary of them; where `shared`, from one for all."""
    if isinstance(value, Mapping) and "class_name" not in value:
        for key in value:
            if key not in outputs:
                raise ValueError(unknown(f"compile: {name}", "output", key, outputs))
        return [value.get(output) for output in outputs]
    if isinstance(value, (list, tuple)):
        if len(value) != len(outputs):
            raise ValueError(
                f"compile: {name} must have {len(outputs)} entries, one for each of {', '.join(outputs)}, "
                f"got {len(value)}; or give a dictionary by the outputs' names"
            )
        return list(value)
    if not shared:
        raise ValueError(
            f"compile: {name} must be a list or a dictionary with an entry for each of {', '.join(outputs)}, "
            f"got {value!r}"
        )
    return [value] * len(outputs)
