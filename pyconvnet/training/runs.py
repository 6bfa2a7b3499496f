"""What happens inside `fit`, `evaluate` and `predict` once their arguments are checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from pyconvnet._terminal import say
from pyconvnet.callbacks import CallbackList, History
from pyconvnet.callbacks.base import Phase
from pyconvnet.plan import Plan, PlanSpec, build_plan

from . import data as checks
from . import loop
from .data import Dataset, Shape
from .plans import capacity
from .progress import Progress

if TYPE_CHECKING:
    from pyconvnet.models import Sequential

    from .trainer import Trainer

Logs = dict[str, float]
FloatArray = npt.NDArray[np.float32]


def sample_shape(shape: tuple[int | None, ...]) -> Shape:
    """A shape without its batch axis."""
    return tuple(int(length) for length in shape[1:] if length is not None)


def read_data(model: Trainer, who: str, x: Any) -> Dataset:
    """Samples that fit the model, which is built from them where it has not been."""
    if not model.built:
        model.build((None, *checks.rows_of(who, "x", x).shape[1:]))
    return Dataset(checks.fit_input(who, x, sample_shape(model.input_shape)))


def read_labelled(model: Trainer, who: str, x: Any, y: Any, sample_weight: Any) -> Dataset:
    """Samples and labels that fit the model and its loss.

    Raises:
        RuntimeError: `compile` was not called, or without a loss.
    """
    if model.compilation is None:
        raise RuntimeError(f"{who}: compile the model first: model.compile(optimizer, loss, metrics)")
    if model.compilation.loss is None:
        raise RuntimeError(f"{who}: compile the model with a loss: model.compile(optimizer, loss='...')")
    data = read_data(model, who, x)
    loss = model.compilation.loss
    labels = checks.fit_labels(who, y, len(data), loss.sparse, sample_shape(model.output_shape))
    if loss.kind.endswith("cross_entropy") and not loss.sparse:
        checks.check_probabilities(who, labels)
    weights = None if sample_weight is None else checks.fit_weights(who, sample_weight, len(data))
    return Dataset(data.x, labels, weights)


def weigh_classes(model: Trainer, who: str, data: Dataset, class_weight: Any) -> Dataset:
    """The data with a weight for each sample by its class.

    Raises:
        ValueError: there are sample weights as well.
    """
    if class_weight is None:
        return data
    if data.weights is not None:
        raise ValueError(f"{who}: class_weight and sample_weight exclude each other; multiply them together")
    assert data.y is not None
    weights = checks.weights_of_classes(who, data.y, class_weight, sample_shape(model.output_shape))
    return Dataset(data.x, data.y, weights)


def plan_for(model: Trainer, mode: str, rows: int, *, weighted: bool = False, training: bool | None = None) -> Plan:
    """The plan for batches of up to `rows`, from the model's cache or built now.

    Args:
        model: built, and compiled unless `mode` is "predict".
        mode: "train", "evaluate" or "predict".
        rows: the largest batch.
        weighted: whether samples have weights.
        training: whether dropout is on and batches are normalised by themselves; None: in mode "train" only.
    """
    output_shape = sample_shape(model.output_shape)
    settings: dict[str, Any] = {"loss": None, "metrics": (), "labels": None, "label_shape": ()}
    compilation = model.compilation
    if mode != "predict":
        assert compilation is not None and compilation.loss is not None
        sparse = compilation.loss.sparse
        settings = {
            "loss": compilation.loss,
            "metrics": tuple(dict.fromkeys(compilation.metrics(output_shape).values())),
            "labels": "int" if sparse else "float",
            "label_shape": output_shape[:-1] if sparse else output_shape,
        }
    spec = PlanSpec(
        mode=mode,
        capacity=rows,
        training=mode == "train" if training is None else training,
        weighted=weighted,
        **settings,
    )
    optimizer = model.optimizer if mode == "train" else None
    layers = tuple((layer, layer.trainable) for layer in model.layers)
    variables = tuple((variable, variable.trainable) for variable in model.weights)
    settings_of_optimizer = () if optimizer is None else tuple(optimizer.attributes.items())
    key = (spec, layers, variables, optimizer, settings_of_optimizer)
    return model.plans.get(key, lambda: build_plan(cast("Sequential", model), spec, optimizer))


def means(model: Trainer, plan: Plan) -> Logs:
    """Loss and metrics since the plan's totals were last reset, sorted by name as Keras 3 does."""
    assert model.compilation is not None
    totals = plan.totals()
    kernels = {"loss": "loss", **model.compilation.metrics(sample_shape(model.output_shape))}
    return {name: float(totals[kernel][0] / totals[kernel][1]) for name, kernel in sorted(kernels.items())}


@contextmanager
def shown(steps: int, verbose: int) -> Iterator[Progress]:
    """A progress line that is ended whatever happens."""
    progress = Progress(steps, verbose)
    try:
        yield progress
    finally:
        progress.close()


@dataclass
class Watch:
    """Who looks on while steps of one phase run."""

    phase: Phase
    callbacks: CallbackList | None = None
    progress: Progress | None = None
    each_batch: bool = field(init=False)

    def __post_init__(self) -> None:
        self.each_batch = self.callbacks is not None and self.callbacks.watches_batches(self.phase)

    def pace(self) -> loop.Pace:
        """One step at a time where a callback wants to see each."""
        return loop.Pace(step_by_step=self.each_batch)

    def notify(self, hook: str, *arguments: Any) -> None:
        """Calls ``on_<phase>_<hook>``."""
        if self.callbacks is not None:
            self.callbacks.notify(f"on_{self.phase}_{hook}", *arguments)

    def before(self, step: int) -> None:
        """A chunk of steps begins."""
        if self.each_batch:
            self.notify("batch_begin", step)

    def after(self, done: int, logs: Callable[[], dict[str, Any]]) -> None:
        """`done` steps are done."""
        if self.each_batch:
            self.notify("batch_end", done - 1, logs())
        if self.progress is not None:
            self.progress.update(done, logs() if self.phase != "predict" else None)


def evaluate(model: Trainer, data: Dataset, batch_size: int, watch: Watch, pace: loop.Pace) -> Logs:
    """Loss and metrics in inference mode."""
    rows = capacity(batch_size, len(data))
    plan = plan_for(model, "evaluate", rows, weighted=data.weights is not None)
    watch.notify("begin")
    plan.reset_totals()
    for done in loop.test_steps(plan, data, rows, pace, seed=model._seed, before=watch.before):
        watch.after(done, partial(means, model, plan))
    logs = means(model, plan)
    watch.notify("end", logs)
    return logs


def predict(
    model: Trainer, data: Dataset, batch_size: int, watch: Watch, *, training: bool = False, iteration: int = 0
) -> FloatArray:
    """The model's output, float32 [rows, *output shape]."""
    rows = capacity(batch_size, len(data))
    plan = plan_for(model, "predict", rows, training=training)
    out = np.empty((len(data), *sample_shape(model.output_shape)), np.float32)
    watch.notify("begin")
    for done in loop.predict_steps(
        plan, data, out, rows, watch.pace(), seed=model._seed, iteration=iteration, before=watch.before
    ):
        outputs = out[(done - 1) * rows : done * rows]
        watch.after(done, partial(dict, outputs=outputs))
    watch.notify("end")
    return out


def train_once(model: Trainer, data: Dataset) -> Logs:
    """One step on all rows together."""
    assert model.optimizer is not None
    plan = plan_for(model, "train", len(data), weighted=data.weights is not None)
    plan.reset_totals()
    order = loop.data_order(model._seed, 0, len(data), shuffle=False)
    for _ in loop.train_steps(plan, data, order, len(data), loop.Pace(), seed=model._seed, optimizer=model.optimizer):
        pass
    return means(model, plan)


@dataclass
class Fit:
    """One run of `fit`.

    Attributes:
        training: rows to learn from.
        validation: rows to measure on after each epoch, or None.
        batch_size, validation_batch_size: rows a step.
        shuffle: a new order each epoch.
        verbose: 0, 1 or 2.
        callbacks: among them a `History`.
    """

    model: Trainer
    training: Dataset
    validation: Dataset | None
    batch_size: int
    validation_batch_size: int
    shuffle: bool
    verbose: int
    callbacks: CallbackList

    def run(self, first: int, last: int) -> History:
        """The epochs from `first` up to `last` (excluded), or until a callback stops them."""
        history = next((callback for callback in self.callbacks.callbacks if isinstance(callback, History)), None)
        if history is None:
            history = History()
            self.callbacks.append(history)
        self.model.stop_training = False
        self._pace = Watch("train", self.callbacks).pace()
        self._test_pace = Watch("test", self.callbacks).pace()
        logs: Logs | None = None
        self.callbacks.notify("on_train_begin")
        for epoch in range(first, last):
            self.callbacks.notify("on_epoch_begin", epoch)
            if self.verbose and last > 1:
                say(f"Epoch {epoch + 1}/{last}")
            with shown(loop.steps_of(len(self.training), self.batch_size), self.verbose) as progress:
                logs = self._epoch(progress)
                self.callbacks.notify("on_epoch_end", epoch, logs)
                progress.finish(logs)
            if self.model.stop_training:
                break
        self.callbacks.notify("on_train_end", logs)
        return history

    def _epoch(self, progress: Progress) -> Logs:
        model, data = self.model, self.training
        assert model.optimizer is not None
        # Looked up each epoch: a callback may have frozen a layer.
        plan = plan_for(model, "train", capacity(self.batch_size, len(data)), weighted=data.weights is not None)
        plan.reset_totals()
        watch = Watch("train", self.callbacks, progress)
        order = loop.data_order(model._seed, model.optimizer.iterations, len(data), self.shuffle)
        for done in loop.train_steps(
            plan,
            data,
            order,
            min(self.batch_size, len(data)),
            self._pace,
            seed=model._seed,
            optimizer=model.optimizer,
            before=watch.before,
        ):
            watch.after(done, partial(means, model, plan))
            if model.stop_training:
                break
        logs = means(model, plan)
        if self.validation is not None:
            watching = Watch("test", self.callbacks)
            tested = evaluate(model, self.validation, self.validation_batch_size, watching, self._test_pace)
            logs.update({f"val_{name}": value for name, value in tested.items()})
        return logs
