"""The methods that make a model a thing that learns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyconvnet import devices
from pyconvnet._answer import Answer
from pyconvnet._suggest import suggests_arguments
from pyconvnet.callbacks import Callback, CallbackList, History
from pyconvnet.ops._check import integer
from pyconvnet.plan.profile import Profile

from . import loop, runs
from .arguments import batch_rows, fit_feeds, one_batch, open_feed, validated_epochs
from .fitting import Fit
from .learner import Learner
from .profiling import profile_steps
from .progress import verbosity

Callbacks = Callback | Iterable[Callback] | None


class Trainer(Learner):
    """compile, fit, evaluate and predict for a model that has layers and can be lowered to a plan."""

    @suggests_arguments
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
        validation_freq: int | list[int] = 1,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
    ) -> History:
        """Trains the model.

        The arrays are read where they lie: any numeric dtype, any strides, never copied as a whole. An epoch visits
        every row once; its last batch may be smaller. Ctrl-C ends after a whole step and the model stays usable.

        Instead of arrays, `x` may give batches ``(x, y)`` or ``(x, y, sample_weight)``, of any sizes. A Sequence
        (`pyconvnet.utils.Sequence`, or what `ImageDataGenerator.flow` answers) is gone through once an epoch. A
        generator or another iterator is gone through once in all: give `steps_per_epoch` where it has no end or where
        there are several epochs. Where it ends too soon, the training ends too, with a warning (Keras 3 repeats the
        generator's first two batches for the epochs that are left).

        Args:
            x: [samples, *input shape]; a last axis of length 1 may be missing. For several inputs a list or a
                dictionary of such. Or what gives batches.
            y: labels, [samples] class numbers or [samples, *output shape], as the loss wants them; a list or a
                dictionary of such for several outputs.
            batch_size: rows a step; 32 if None.
            epochs: number of the last epoch; 0 trains nothing.
            verbose: 0 silent, 1 a progress bar, 2 a line an epoch, "auto" a bar on a terminal and lines elsewhere.
            callbacks: called in the order given.
            validation_split: share of the samples, the last ones, that validate instead of training.
            validation_data: ``(x, y)`` or ``(x, y, sample_weight)``, or what gives batches; goes before
                `validation_split`.
            shuffle: a new order every epoch, of the rows or of a Sequence's batches, from the model's seed and the
                steps done so far; an iterator's order stays.
            class_weight: weight of each class in the loss; 1 where it is not named.
            sample_weight: [samples], weight of each sample in the loss.
            initial_epoch: where to go on counting.
            steps_per_epoch: steps of an epoch; None: all there are. The next epoch goes on where this one ended, and
                begins anew when all were seen.
            validation_steps: steps of a validation, always the first; None: all there are.
            validation_freq: validate after every so many epochs, or after these (the first is 1).
            validation_batch_size: `batch_size` if None.
            max_queue_size, workers, use_multiprocessing: Keras 2's; taken and ignored.

        Returns:
            The losses and metrics of every epoch.

        Raises:
            TypeError: not numbers, or something of the wrong kind.
            ValueError: shapes, lengths, labels or settings that do not fit; the message says which.
            RuntimeError: `compile` was not called.

        Example:
            >>> history = model.fit(x, y, epochs=2, validation_split=0.25)  # doctest: +SKIP
        """
        last = integer("fit", "epochs", epochs, minimum=0)
        first = integer("fit", "initial_epoch", initial_epoch, minimum=0)
        validated = validated_epochs("fit", validation_freq)
        shown = verbosity("fit", verbose)
        training, validation = fit_feeds(
            self,
            (x, y, sample_weight),
            batch_size=batch_size,
            steps=steps_per_epoch,
            shuffle=bool(shuffle),
            class_weight=class_weight,
            validation_split=validation_split,
            validation_data=validation_data,
            validation_batch_size=validation_batch_size,
            validation_steps=validation_steps,
        )
        params = {"verbose": verbose, "epochs": last, "steps": training.steps}
        watchers = CallbackList("fit", callbacks, self, params)
        return Fit(self, training, validation, shown, watchers, validated).run(first, last)

    @suggests_arguments
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
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
    ) -> Any:
        """The loss and the metrics on given samples, in inference mode.

        Args:
            x, y, sample_weight, batch_size, verbose, callbacks: as for `fit`.
            steps: how many, from the front; None: all there are.
            return_dict: answer a dict by name.
            max_queue_size, workers, use_multiprocessing: as for `fit`.

        Returns:
            ``[loss, metric, ...]``, or the loss alone where there are no metrics.

        Raises:
            TypeError, ValueError, RuntimeError: as `fit`.

        Example:
            >>> loss, accuracy = model.evaluate(x_test, y_test, verbose=0)  # doctest: +SKIP
        """
        rows, shown = batch_rows("evaluate", batch_size), verbosity("evaluate", verbose)
        feed = open_feed(self, "evaluate", (x, y, sample_weight), batch_size=rows, steps=steps)
        watchers = CallbackList("evaluate", callbacks, self, {"verbose": verbose, "epochs": 1, "steps": feed.steps})
        with runs.shown(feed.steps, shown) as progress:
            watch = runs.Watch("test", watchers, progress)
            logs = runs.evaluate(self, feed, watch, watch.pace())
            progress.finish(logs)
        return logs if return_dict else self._in_order(logs)

    @suggests_arguments
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Callbacks = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
    ) -> Any:
        """The model's output for given samples, in inference mode.

        Args:
            x: as for `fit`; of batches ``(x, y)`` the labels are left out.
            batch_size: rows at a time; 32 if None.
            verbose, callbacks: as for `fit`.
            steps: how many, from the front; None: all there are.
            max_queue_size, workers, use_multiprocessing: as for `fit`.

        Returns:
            float32 [samples, *output shape]; a list or a dictionary where the model has several outputs.

        Raises:
            TypeError, ValueError: `x` does not fit the model, or a setting is wrong.

        Example:
            >>> model.predict(x_test[:1]).argmax(axis=-1)  # doctest: +SKIP
            array([9])
        """
        rows, shown = batch_rows("predict", batch_size), verbosity("predict", verbose)
        feed = open_feed(self, "predict", (x, None, None), batch_size=rows, steps=steps, labelled=False)
        watchers = CallbackList("predict", callbacks, self, {"verbose": verbose, "epochs": 1, "steps": feed.steps})
        with runs.shown(feed.steps, shown) as progress:
            out = runs.predict(self, feed, runs.Watch("predict", watchers, progress))
            progress.finish()
        return out

    @suggests_arguments
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
        data = runs.weigh_classes(self, "train_on_batch", data, class_weight)
        logs = runs.train(self, one_batch("train_on_batch", data), runs.Watch("train"), loop.Pace())
        return logs if return_dict else self._in_order(logs)

    @suggests_arguments
    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and the metrics of exactly these samples, in inference mode; arguments as `train_on_batch`.

        Example:
            >>> loss, accuracy = model.test_on_batch(x[:32], y[:32])  # doctest: +SKIP
        """
        data = runs.read_labelled(self, "test_on_batch", x, y, sample_weight)
        logs = runs.evaluate(self, one_batch("test_on_batch", data), runs.Watch("test"), loop.Pace())
        return logs if return_dict else self._in_order(logs)

    @suggests_arguments
    def profile(self, x: Any, y: Any = None, batch_size: int | None = None, steps: int = 20) -> Profile:
        """Where the time of a step goes: print the answer, or draw it with `pyconvnet.plot.roofline`.

        Training steps run on a copy: the model stays as it is.

        Args:
            x: as for `fit`; few samples will do, they are gone through again and again.
            y: labels, for a training step; None: a step of `predict`.
            batch_size: rows of a step, at most as many as there are samples; 32 if None.
            steps: how many are timed, behind one that is not.

        Returns:
            Each kernel call with the median of its seconds, GFLOP/s, GB/s and its share of the machine's peak.

        Raises:
            TypeError, ValueError, RuntimeError: as `fit`.

        Example:
            >>> print(model.profile(x, y))  # doctest: +SKIP
        """
        return profile_steps(self, x, y, batch_size, steps)

    @suggests_arguments
    def predict_on_batch(self, x: Any) -> Any:
        """The model's output for these samples as one batch, float32 [samples, *output shape].

        Example:
            >>> model.predict_on_batch(x[:2]).shape  # doctest: +SKIP
            (2, 10)
        """
        data = runs.read_data(self, "predict_on_batch", x)
        return runs.predict(self, one_batch("predict_on_batch", data), runs.Watch("predict"))

    def _of_arrays(self, x: Any, training: bool) -> Any:
        """What a model answers when it is called with arrays; see `Model.__call__`."""
        data = runs.read_data(self, self.name, x)
        iteration = self._calls_in_training_mode
        if training:
            self._calls_in_training_mode += 1
        feed, watch = one_batch(self.name, data), runs.Watch("predict")
        found = runs.predict(self, feed, watch, training=bool(training), iteration=iteration)
        outputs = self._output_form.unpack(self.name, "outputs", found, self.output_names)
        return self._output_form.pack([output if devices.on_gpu(output) else output.view(Answer) for output in outputs])
