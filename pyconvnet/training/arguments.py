"""From the arguments of `fit`, `evaluate` and `predict` to the data that they run on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyconvnet.ops._check import integer

from . import data as checks
from . import runs
from .data import Dataset
from .feeds import ArrayFeed, Feed, batches, is_batches

if TYPE_CHECKING:
    from .learner import Learner

Given = tuple[Any, Any, Any]  # x, y, sample_weight

DEFAULT_BATCH = 32


def batch_rows(who: str, batch_size: Any, prefix: str = "") -> int:
    """The rows of a batch, 32 if None."""
    return integer(who, f"{prefix}batch_size", DEFAULT_BATCH if batch_size is None else batch_size)


def validated_epochs(who: str, validation_freq: Any) -> Callable[[int], bool]:
    """Whether an epoch (the first is 1) is validated."""
    if isinstance(validation_freq, (list, tuple, set, range)):
        chosen = {integer(who, "an epoch of validation_freq", epoch) for epoch in validation_freq}
        return lambda epoch: epoch in chosen
    every = integer(who, "validation_freq", validation_freq)
    return lambda epoch: epoch % every == 0


def one_batch(who: str, data: Dataset) -> Feed:
    """All rows as one batch."""
    return ArrayFeed(who, data, len(data))


def open_feed(
    model: Learner,
    who: str,
    given: Given,
    *,
    batch_size: int,
    steps: Any = None,
    shuffle: bool = False,
    class_weight: Any = None,
    labelled: bool = True,
) -> Feed:
    """The data of one run.

    Args:
        model: built from the first batch where it has not been.
        who: for messages.
        given: x (arrays, or what gives batches), y and sample_weight.
        batch_size: of arrays.
        steps: of an epoch, or None.
        shuffle, class_weight: as for `fit`.
        labelled: whether there are labels.

    Raises:
        TypeError, ValueError, RuntimeError: as `fit`.
    """

    def read(who: str, x: Any, y: Any, sample_weight: Any) -> Dataset:
        if not labelled:
            return runs.read_data(model, who, x)
        return runs.weigh_classes(model, who, runs.read_labelled(model, who, x, y, sample_weight), class_weight)

    asked = _steps(who, "steps", steps)
    x, *beside = given
    if not is_batches(x):
        return ArrayFeed(who, read(who, *given), batch_size, asked, shuffle)
    for name, value in zip(("y", "sample_weight"), beside, strict=True):
        if value is not None:
            raise ValueError(f"{who}: {name} must be part of each batch (x, y, sample_weight) of {type(x).__name__}")
    if labelled:
        runs.check_compiled(model, who)
    return batches(who, x, read, steps=asked, shuffle=shuffle, built=model.built)


def fit_feeds(
    model: Learner,
    given: Given,
    *,
    batch_size: Any,
    steps: Any,
    shuffle: bool,
    class_weight: Any,
    validation_split: Any,
    validation_data: Any,
    validation_batch_size: Any,
    validation_steps: Any,
) -> tuple[Feed, Feed | None]:
    """The data to learn from and, where there is some, to validate on; arguments and errors as those of `fit`."""
    rows = batch_rows("fit", batch_size)
    test_rows = rows if validation_batch_size is None else batch_rows("fit", validation_batch_size, "validation_")
    asked = _steps("fit", "steps_per_epoch", steps)
    test_asked = _steps("fit", "validation_steps", validation_steps)
    if validation_data is None and not is_batches(given[0]):
        whole = runs.read_labelled(model, "fit", *given)
        data, rest = checks.split(whole, validation_split)
        data = runs.weigh_classes(model, "fit", data, class_weight)
        training: Feed = ArrayFeed("fit", data, rows, asked, shuffle)
        if rest is None:
            return training, None
        return training, ArrayFeed("fit: validation_split", rest, test_rows, test_asked)
    if validation_data is None and validation_split:
        raise ValueError(
            f"fit: validation_split needs arrays, got {type(given[0]).__name__}; pass validation_data, arrays or "
            "what gives batches"
        )
    training = open_feed(model, "fit", given, batch_size=rows, steps=asked, shuffle=shuffle, class_weight=class_weight)
    if validation_data is None:
        return training, None
    validation = open_feed(
        model,
        "fit: validation_data",
        _validation(validation_data),
        batch_size=test_rows,
        steps=test_asked,
    )
    return training, validation


def _steps(who: str, name: str, steps: Any) -> int | None:
    return None if steps is None else integer(who, name, steps)


def _validation(given: Any) -> Given:
    if is_batches(given):
        return given, None, None
    if not isinstance(given, (tuple, list)):
        raise TypeError(
            "fit: validation_data must be (x, y) or (x, y, sample_weight), a generator or a Sequence, "
            f"got {type(given).__name__}"
        )
    if len(given) not in (2, 3):
        raise ValueError(f"fit: validation_data must be (x, y) or (x, y, sample_weight), got {len(given)} entries")
    x, y, *weights = given
    return x, y, weights[0] if weights else None
