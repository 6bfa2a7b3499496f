"""The methods that make a model a thing that learns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyconvnet import metrics as metric_rules
from pyconvnet.callbacks import Callback, CallbackList, History
from pyconvnet.ops._check import integer

from . import data as checks
from . import loop, runs
from .compiled import Compiled, check_device, refuse, resolve
from .plans import PlanCache
from .progress import verbosity

if TYPE_CHECKING:
    from pyconvnet.layers import Layer
    from pyconvnet.optimizers import Optimizer
    from pyconvnet.plan import Plan
    from pyconvnet.variables import Variable

FloatArray = npt.NDArray[np.float32]
Callbacks = Callback | Iterable[Callback] | None

_DEFAULT_BATCH = 32


class Trainer:
    """compile, fit, evaluate and predict for a model that has layers and can be lowered to a plan.

    Attributes:
        optimizer: set by `compile`.
        loss: as given to `compile`.
        compilation: what `compile` was told, checked; None before.
        history: the `History` of the last `fit`.
        stop_training: set it to True in a callback to end the training.
    """

    optimizer: Optimizer | None = None
    loss: Any = None
    compilation: Compiled | None = None
    history: History | None = None
    stop_training: bool = False
    _plans: PlanCache | None = None
    _calls_in_training_mode: int = 0  # so that each call of model(x, training=True) drops other elements

    if TYPE_CHECKING:  # what the model brings
        name: str
        built: bool
        _seed: int

        @property
        def layers(self) -> list[Layer]: ...
        @property
        def weights(self) -> list[Variable]: ...
        @property
        def input_shape(self) -> tuple[int | None, ...]: ...
        @property
        def output_shape(self) -> tuple[int | None, ...]: ...
        def build(self, input_shape: tuple[int | None, ...]) -> None: ...

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
        *,
        device: str | None = None,
    ) -> None:
        """Says how the model is trained and measured.

        Args:
            optimizer: an optimizer or its name.
            loss: a loss or its name.
            metrics: a name or a list of names, such as "accuracy".
            loss_weights, weighted_metrics, run_eagerly: as in Keras, but only their defaults are taken.
            steps_per_execution, jit_compile: taken and ignored; they change nothing here.
            device: "auto" or "cpu".

        Raises:
            TypeError: something of the wrong kind.
            ValueError: an unknown name, a device that is not there, or a default that must stay.

        Example:
            >>> model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
            ... # doctest: +SKIP
        """
        refuse(
            "compile",
            loss_weights=(loss_weights, None, "a model has one output and one loss"),
            weighted_metrics=(weighted_metrics, None, "metrics are not weighted; the loss is"),
            run_eagerly=(run_eagerly, False, "print(model.plan()) shows every kernel call of a step"),
        )
        integer("compile", "steps_per_execution", steps_per_execution)
        check_device(device)
        self.optimizer, self.compilation = resolve(optimizer, loss, metrics)
        self.loss = loss
        self.stop_training = False
        self.plans.clear()

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
        return metric_rules.direction(self.compilation.metrics(runs.sample_shape(self.output_shape))[name])

    @property
    def plans(self) -> PlanCache:
        """The plans made so far."""
        if self._plans is None:
            self._plans = PlanCache()
        return self._plans

    def plan(self, batch_size: int = _DEFAULT_BATCH, training: bool = True) -> Plan:
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
        return runs.plan_for(self, "train" if training and compiled else "predict", rows)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Callbacks = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
    ) -> History:
        """Trains the model.

        The arrays are read where they lie: any numeric dtype, any strides, never copied as a whole. An epoch visits
        every row once; its last batch may be smaller. Ctrl-C ends after a whole step and the model stays usable.

        Args:
            x: [samples, *input shape]; a last axis of length 1 may be missing.
            y: labels, [samples] class numbers or [samples, *output shape], as the loss wants them.
            batch_size: rows a step; 32 if None.
            epochs: number of the last epoch.
            verbose: 0 silent, 1 a progress bar, 2 a line an epoch, "auto" a bar on a terminal and lines elsewhere.
            callbacks: called in the order given.
            validation_split: share of the samples, the last ones, that validate instead of training.
            validation_data: ``(x, y)`` or ``(x, y, sample_weight)``; goes before `validation_split`.
            shuffle: a new order every epoch, from the model's seed and the steps done so far.
            class_weight: weight of each class in the loss; 1 where it is not named.
            sample_weight: [samples], weight of each sample in the loss.
            initial_epoch: where to go on counting.
            steps_per_epoch, validation_steps, validation_freq: as in Keras, but only their defaults are taken.
            validation_batch_size: `batch_size` if None.

        Returns:
            The losses and metrics of every epoch.

        Raises:
            TypeError: not numbers, or something of the wrong kind.
            ValueError: shapes, lengths, labels or settings that do not fit; the message says which.
            RuntimeError: `compile` was not called.

        Example:
            >>> history = model.fit(x, y, epochs=2, validation_split=0.25)  # doctest: +SKIP
        """
        refuse(
            "fit",
            steps_per_epoch=(steps_per_epoch, None, "an epoch visits every sample once; pass fewer samples"),
            validation_steps=(validation_steps, None, "every validation sample is used; pass fewer"),
            validation_freq=(validation_freq, 1, "every epoch is validated"),
        )
        rows = _batch("fit", batch_size)
        test_rows = rows if validation_batch_size is None else _batch("fit", validation_batch_size, "validation_")
        last = integer("fit", "epochs", epochs)
        first = integer("fit", "initial_epoch", initial_epoch, minimum=0)
        shown = verbosity("fit", verbose)
        training = runs.read_labelled(self, "fit", x, y, sample_weight)
        validation = None
        if validation_data is not None:
            validation = runs.read_labelled(self, "fit: validation_data", *_validation(validation_data))
        else:
            training, validation = checks.split(training, validation_split)
        training = runs.weigh_classes(self, "fit", training, class_weight)
        params = {"verbose": verbose, "epochs": last, "steps": loop.steps_of(len(training), rows)}
        watchers = CallbackList("fit", callbacks, self, params)
        return runs.Fit(self, training, validation, rows, test_rows, bool(shuffle), shown, watchers).run(first, last)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Callbacks = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and the metrics on given samples, in inference mode.

        Args:
            x, y, sample_weight, batch_size, verbose, callbacks: as for `fit`.
            steps: as in Keras, but only None is taken.
            return_dict: answer a dict by name.

        Returns:
            ``[loss, metric, ...]``, or the loss alone where there are no metrics.

        Raises:
            TypeError, ValueError, RuntimeError: as `fit`.

        Example:
            >>> loss, accuracy = model.evaluate(x_test, y_test, verbose=0)  # doctest: +SKIP
        """
        refuse("evaluate", steps=(steps, None, "every sample is used; pass fewer"))
        rows, shown = _batch("evaluate", batch_size), verbosity("evaluate", verbose)
        data = runs.read_labelled(self, "evaluate", x, y, sample_weight)
        total = loop.steps_of(len(data), rows)
        watchers = CallbackList("evaluate", callbacks, self, {"verbose": verbose, "epochs": 1, "steps": total})
        with runs.shown(total, shown) as progress:
            watch = runs.Watch("test", watchers, progress)
            logs = runs.evaluate(self, data, rows, watch, watch.pace())
            progress.finish(logs)
        return logs if return_dict else self._in_order(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Callbacks = None,
    ) -> FloatArray:
        """The model's output for given samples, in inference mode.

        Args:
            x: [samples, *input shape]; a last axis of length 1 may be missing.
            batch_size: rows at a time; 32 if None.
            verbose, callbacks: as for `fit`.
            steps: as in Keras, but only None is taken.

        Returns:
            float32 [samples, *output shape].

        Raises:
            TypeError, ValueError: `x` does not fit the model, or a setting is wrong.

        Example:
            >>> model.predict(x_test[:1]).argmax(axis=-1)  # doctest: +SKIP
            array([9])
        """
        refuse("predict", steps=(steps, None, "every sample is predicted; pass fewer"))
        rows, shown = _batch("predict", batch_size), verbosity("predict", verbose)
        data = runs.read_data(self, "predict", x)
        total = loop.steps_of(len(data), rows)
        watchers = CallbackList("predict", callbacks, self, {"verbose": verbose, "epochs": 1, "steps": total})
        with runs.shown(total, shown) as progress:
            out = runs.predict(self, data, rows, runs.Watch("predict", watchers, progress))
            progress.finish()
        return out

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One training step on exactly these samples.

        Args:
            x, y, sample_weight, class_weight: as for `fit`.
            return_dict: answer a dict by name.

        Returns:
            ``[loss, metric, ...]`` of this batch, or the loss alone where there are no metrics.

        Raises:
            TypeError, ValueError, RuntimeError: as `fit`.

        Example:
            >>> loss, accuracy = model.train_on_batch(x[:32], y[:32])  # doctest: +SKIP
        """
        data = runs.read_labelled(self, "train_on_batch", x, y, sample_weight)
        logs = runs.train_once(self, runs.weigh_classes(self, "train_on_batch", data, class_weight))
        return logs if return_dict else self._in_order(logs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and the metrics of exactly these samples, in inference mode; arguments as `train_on_batch`.

        Example:
            >>> loss, accuracy = model.test_on_batch(x[:32], y[:32])  # doctest: +SKIP
        """
        data = runs.read_labelled(self, "test_on_batch", x, y, sample_weight)
        logs = runs.evaluate(self, data, len(data), runs.Watch("test"), loop.Pace())
        return logs if return_dict else self._in_order(logs)

    def predict_on_batch(self, x: Any) -> FloatArray:
        """The model's output for these samples as one batch, float32 [samples, *output shape].

        Example:
            >>> model.predict_on_batch(x[:2]).shape  # doctest: +SKIP
            (2, 10)
        """
        data = runs.read_data(self, "predict_on_batch", x)
        return runs.predict(self, data, len(data), runs.Watch("predict"))

    def __call__(self, x: Any, training: bool = False) -> FloatArray:
        """The model's output for these samples as one batch.

        Args:
            x: [samples, *input shape]; a last axis of length 1 may be missing.
            training: switch dropout on and normalise by the batch's own statistics. The moving statistics stay;
                every call drops other elements.

        Returns:
            float32 [samples, *output shape].

        Raises:
            TypeError, ValueError: `x` does not fit the model.

        Example:
            >>> model(x[:2]).shape  # doctest: +SKIP
            (2, 10)
        """
        data = runs.read_data(self, self.name, x)
        iteration = self._calls_in_training_mode
        if training:
            self._calls_in_training_mode += 1
        watch = runs.Watch("predict")
        return runs.predict(self, data, len(data), watch, training=bool(training), iteration=iteration)

    def _in_order(self, logs: dict[str, float]) -> float | list[float]:
        values = [logs[name] for name in self.metrics_names]
        return values if len(values) > 1 else values[0]


def _batch(who: str, batch_size: Any, prefix: str = "") -> int:
    return integer(who, f"{prefix}batch_size", _DEFAULT_BATCH if batch_size is None else batch_size)


def _validation(given: Any) -> tuple[Any, Any, Any]:
    if not isinstance(given, (tuple, list)):
        raise TypeError(f"fit: validation_data must be (x, y) or (x, y, sample_weight), got {type(given).__name__}")
    if len(given) not in (2, 3):
        raise ValueError(f"fit: validation_data must be (x, y) or (x, y, sample_weight), got {len(given)} entries")
    x, y, *weights = given
    return x, y, weights[0] if weights else None
