"""Steps with a clock at every kernel call."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from pyconvnet.ops._check import integer
from pyconvnet.plan.profile import Profile, profile

from . import runs
from .arguments import batch_rows
from .plans import plan_for

if TYPE_CHECKING:
    from .trainer import Trainer


def profile_steps(model: Trainer, x: Any, y: Any, batch_size: int | None, steps: int) -> Profile:
    """What `Trainer.profile` answers: training steps of a copy of the model, or steps of `predict` without labels."""
    rows, steps = batch_rows("profile", batch_size), integer("profile", "steps", steps)
    if y is None:
        data = runs.read_data(model, "profile", x)
    else:
        runs.check_compiled(model, "profile")
        model = copy.deepcopy(model)  # whose weights move
        data = runs.read_labelled(model, "profile", x, y, None)
    rows = min(rows, len(data))
    plan = plan_for(model, "predict" if y is None else "train", rows)
    indices = np.arange((steps + 1) * rows, dtype=np.int64) % len(data)
    seconds = np.zeros((steps + 1, len(plan.calls)))
    rates = model.optimizer.learning_rates(steps + 1) if y is not None and model.optimizer is not None else 0.0
    plan.run(
        data.feeds(), indices, batch_size=rows, seed=model._seed, iteration=0, learning_rate=rates, seconds=seconds
    )
    return profile(plan, seconds[1:], rows)  # the first step fills the caches
