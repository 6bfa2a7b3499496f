"""What happens inside `fit`, `evaluate` and `predict` once their arguments are checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyconvnet import devices
from pyconvnet.callbacks import CallbackList
from pyconvnet.callbacks.base import Phase

from . import data as checks
from . import loop
from .data import Dataset
from .feeds import Feed
from .plans import plan_for
from .progress import Progress
from .tally import Logs, Tally

if TYPE_CHECKING:
    from .learner import Learner

FloatArray = npt.NDArray[np.float32]
Labels = tuple[checks.Array, ...]


def read_data(model: Learner, who: str, x: Any) -> Dataset:
    """Samples that fit the model, which is built from them where it has not been.

    Args:
        model: of any number of inputs.
        who: for messages.
        x: an array; for several inputs a list, a tuple, or a dictionary by their names.
    """
    if not model.built:
        model.build((None, *checks.rows_of(who, "x", x).shape[1:]))
    names, shapes = model.input_names, model.sample_shapes
    if len(shapes) == 1 and _is_list_of_one(x, len(shapes[0]) + 1):
        (x,) = x
    items = model._input_form.unpack(who, "x", x, names)
    labels = ["x"] if len(items) == 1 else [f"x['{name}']" for name in names]
    arrays = [
        checks.fit_input(who, item, shape, label) for item, shape, label in zip(items, shapes, labels, strict=True)
    ]
    for label, array in zip(labels, arrays, strict=True):
        if len(array) != len(arrays[0]):
            raise ValueError(
                f"{who}: {label} must have as many samples as {labels[0]}: {len(arrays[0])}, got {len(array)}"
            )
    return Dataset(tuple(arrays))


def _is_list_of_one(value: Any, rank: int) -> bool:
    """Whether this is a list around the one array, as Keras takes it."""
    return isinstance(value, (list, tuple)) and len(value) == 1 and np.ndim(value[0]) == rank


def check_compiled(model: Learner, who: str) -> None:
    """Refuses a model that cannot be trained or measured.

    Raises:
        RuntimeError: `compile` was not called, or without a loss.
    """
    if model.compilation is None:
        raise RuntimeError(f"{who}: compile the model first: model.compile(optimizer, loss, metrics)")
    if model.compilation.loss is None:
        raise RuntimeError(f"{who}: compile the model with a loss: model.compile(optimizer, loss='...')")


def read_labelled(model: Learner, who: str, x: Any, y: Any, sample_weight: Any) -> Dataset:
    """Samples and labels that fit the model and its losses.

    Raises:
        RuntimeError: as `check_compiled`.
    """
    check_compiled(model, who)
    data = read_data(model, who, x)
    given, labels = _read_labels(model, who, y, len(data))
    weights = None if sample_weight is None else checks.fit_weights(who, sample_weight, len(data))
    return Dataset(data.x, labels, weights, given)


def _read_labels(model: Learner, who: str, y: Any, rows: int) -> tuple[Labels, Labels]:
    """The labels of each output that has a loss: as they were given, and in the shape that the loss takes."""
    assert model.compilation is not None
    judged = model.compilation.outputs
    names = model.output_names
    if len(names) > 1 and isinstance(y, dict):  # outputs without a loss need no labels
        unjudged = {name: None for name, output in zip(names, judged, strict=True) if output.loss is None}
        y = {**unjudged, **y}
    given: list[checks.Array] = []
    found: list[checks.Array] = []
    items = model._output_form.unpack(who, "y", y, names)
    for name, item, output, shape in zip(names, items, judged, model.sample_output_shapes, strict=True):
        if output.loss is None:
            continue
        label = "y" if len(names) == 1 else f"y['{name}']"
        given.append(np.asarray(checks.rows_of(who, label, devices.to_numpy(item))))
        found.append(checks.fit_labels(who, given[-1], rows, output.loss.sparse, shape, label))
        if output.loss.kind.endswith("cross_entropy") and not output.loss.sparse:
            checks.check_probabilities(who, found[-1], label)
    return tuple(given), tuple(found)


def weigh_classes(model: Learner, who: str, data: Dataset, class_weight: Any) -> Dataset:
    """The data with a weight for each sample by its class.

    Raises:
        ValueError: there are sample weights as well, or several outputs.
    """
    if class_weight is None:
        return data
    if data.weights is not None:
        raise ValueError(f"{who}: class_weight and sample_weight exclude each other; multiply them together")
    if len(data.y) != 1:
        raise ValueError(f"{who}: class_weight needs a model with one output; give sample_weight instead")
    weights = checks.weights_of_classes(who, data.y[0], class_weight, model.sample_output_shapes[0])
    return replace(data, weights=weights)


def cut(model: Learner, rows: FloatArray) -> Any:
    """The outputs of a plan, which lie side by side in each row, in the form of the model's output."""
    return model._output_form.pack(checks.apart(rows, model.sample_output_shapes))


@contextmanager
def shown(steps: int | None, verbose: int) -> Iterator[Progress]:
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


def evaluate(model: Learner, feed: Feed, watch: Watch, pace: loop.Pace) -> Logs:
    """Loss and metrics in inference mode."""
    feed.reset()
    watch.notify("begin")
    tally = Tally(model, "evaluate")
    for stretch in feed.epoch(model._seed, 0):
        plan = tally.plan(stretch)
        for chunk in loop.run(plan, stretch, pace, seed=model._seed, before=watch.before, totals=tally.totals):
            tally.add(stretch, chunk)
            watch.after(chunk.done, tally.means)
    logs = tally.means()
    watch.notify("end", logs)
    return logs


def predict(model: Learner, feed: Feed, watch: Watch, *, training: bool = False, iteration: int = 0) -> Any:
    """The model's output, float32 [rows, *output shape], in the memory of the samples.

    Several are answered in the form in which the model was given them.
    """
    watch.notify("begin")
    pace, parts = watch.pace(), []
    for stretch in feed.epoch(model._seed, 0):
        plan = plan_for(model, "predict", stretch.capacity, training=training)
        parts.append(stretch.data.beside((len(stretch.order), plan.output_size)))
        for chunk in loop.run(
            plan, stretch, pace, seed=model._seed, iteration=iteration, before=watch.before, out=parts[-1]
        ):
            assert chunk.outputs is not None
            watch.after(chunk.done, partial(_outputs, model, chunk.outputs))
    watch.notify("end")
    first = devices.of(parts[0])
    with first.current():
        return cut(model, parts[0] if len(parts) == 1 else np.concatenate([first.put(part) for part in parts]))


def _outputs(model: Learner, rows: FloatArray) -> dict[str, Any]:
    """What a callback is told of a batch of `predict`."""
    return {"outputs": cut(model, rows)}


def train(model: Learner, feed: Feed, watch: Watch, pace: loop.Pace) -> Logs:
    """The steps of an epoch, or those until the training is stopped."""
    optimizer = model.optimizer
    assert optimizer is not None
    optimizer.check_trains(model.trainable_weights)
    tally = Tally(model, "train")  # asks for plans anew: a callback may have frozen a layer
    for stretch in feed.epoch(model._seed, optimizer.iterations):
        plan, hook = tally.plan(stretch), model.gradient_hook
        for chunk in loop.run(
            plan, stretch, pace, seed=model._seed, optimizer=optimizer, before=watch.before, totals=tally.totals,
            gradient_hook=hook,
        ):  # fmt: skip
            tally.add(stretch, chunk)
            watch.after(chunk.done, tally.means)
            if model.stop_training:
                return tally.means()
    return tally.means()
