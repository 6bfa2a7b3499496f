"""What all optimizers share: the learning rate, what is remembered of each weight, and what happens around a step."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from pyconvnet._answer import AnsweredNumber
from pyconvnet._identifiers import Configurable, argument_names, refuse_methods, serialize
from pyconvnet._suggest import unknown_argument
from pyconvnet.ops._check import FloatArray, integer, rate, real
from pyconvnet.ops.update import UpdateRule, slot_names
from pyconvnet.variables import Variable

from . import schedules

# Keras's further arguments: only the values that switch each off are taken.
_NOT_YET = {
    "amsgrad": (False,),
    "centered": (False,),
    "decay": (None, 0, 0.0),
    "loss_scale_factor": (None,),
    "gradient_accumulation_steps": (None,),
}
# The settings that every optimizer has, and Keras's defaults, which switch them off and are left out of a config.
_COMMON: dict[str, Any] = {
    "weight_decay": None,
    "clipnorm": None,
    "clipvalue": None,
    "global_clipnorm": None,
    "use_ema": False,
    "amsgrad": False,
    "centered": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "name": None,
}
_CLIPPING = {"clipnorm": "clip_by_norm", "clipvalue": "clip_by_value", "global_clipnorm": "clip_by_global_norm"}


class LearningRate(AnsweredNumber):
    """An optimizer's learning rate: a number that can be asked and set as Keras's variable can.

    Example:
        >>> from pyconvnet.optimizers import SGD
        >>> sgd = SGD(0.1)
        >>> sgd.learning_rate.assign(0.05)
        >>> sgd.learning_rate.numpy()
        np.float32(0.05)
    """

    _optimizer: Optimizer

    @classmethod
    def of(cls, optimizer: Optimizer, value: float) -> LearningRate:
        """The rate `value` of an optimizer."""
        rate = cls(value)
        rate._optimizer = optimizer
        return rate

    def assign(self, value: float) -> None:
        """Sets the optimizer's learning rate.

        Raises:
            TypeError, ValueError: no number, a negative one, or a rate that a schedule gives.
        """
        self._optimizer.learning_rate = value


class Optimizer(Configurable):
    """Turns gradients into steps. Subclasses name the kernel and its settings.

    A step first clips the gradients, then lets the weights decay, then moves them, then takes their average, each
    where asked to.

    Args:
        learning_rate: length of a step, at least 0, or one of `schedules`. A number may be set at any time, also as
            `lr`.
        options: `lr`, and Keras's arguments that pyconvnet does not offer yet at their neutral values.
        weight_decay: share of each weight, times the learning rate, that is taken off before each step.
        clipnorm: the largest norm of the gradient of one weight.
        clipvalue: the largest number in a gradient.
        global_clipnorm: the largest norm of all gradients together. Only one of the three may be given.
        use_ema: keep a moving average of every weight; at the end of `fit` the weights become their average.
        ema_momentum: share of the average that is kept in a step.
        ema_overwrite_frequency: steps after which the weights become their average while training.
        name: kept, and nothing else.

    Attributes:
        kind: the kernel: "sgd", "adam" or "rmsprop".
        iterations: steps done so far.
    """

    kind: ClassVar[str]
    # The settings that the kernel wants, by the names of attributes.
    settings: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls) -> None:
        """Refuses a step written in Python, which nothing would call."""
        refuse_methods(cls, ("update_step", "apply_gradients", "apply"), "use SGD, Adam, AdamW or RMSprop")

    def __init__(
        self,
        learning_rate: Any,
        options: dict[str, Any],
        *,
        weight_decay: float | None,
        clipnorm: float | None,
        clipvalue: float | None,
        global_clipnorm: float | None,
        use_ema: bool,
        ema_momentum: float,
        ema_overwrite_frequency: int | None,
        name: str | None,
    ) -> None:
        who = type(self).__name__
        self._reject(options)
        self._learning_rate: float | schedules.LearningRateSchedule = 0.0
        self.learning_rate = options.get("lr", learning_rate)
        self.weight_decay = None if weight_decay is None else real(who, "weight_decay", weight_decay, minimum=0)
        given = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        limits = {key: real(who, key, value, minimum=0) for key, value in given.items() if value is not None}
        if len(limits) > 1:
            raise ValueError(f"{who}: only one of {', '.join(given)} may be given, got {', '.join(limits)}")
        self.clipnorm, self.clipvalue, self.global_clipnorm = (limits.get(key) for key in given)
        self.use_ema = bool(use_ema)
        self.ema_momentum = rate(who, "ema_momentum", ema_momentum)
        self.ema_overwrite_frequency = (
            integer(who, "ema_overwrite_frequency", ema_overwrite_frequency) if ema_overwrite_frequency else None
        )
        self.name = name
        self.iterations = 0
        self._slots: dict[Variable, dict[str, Variable]] = {}
        self._undecayed: frozenset[Variable] = frozenset()
        self._undecayed_names: str | None = None

    @property
    def learning_rate(self) -> LearningRate:
        """Length of a step; with a schedule that of the next step."""
        rate = self._learning_rate
        if isinstance(rate, schedules.LearningRateSchedule):
            rate = rate(self.iterations)
        return LearningRate.of(self, float(rate))

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        who = type(self).__name__
        if isinstance(value, Mapping):
            value = schedules.deserialize(value)
        if isinstance(value, schedules.LearningRateSchedule):
            self._learning_rate = value
            return
        if callable(value):
            raise TypeError(
                f"{who}: learning_rate must be a number or a schedule, got {value!r}; for a function of the step "
                "derive from optimizers.schedules.LearningRateSchedule"
            )
        number = real(who, "learning_rate", value, minimum=0)
        if isinstance(self._learning_rate, schedules.LearningRateSchedule):
            raise TypeError(
                f"{who}: the learning rate is {type(self._learning_rate).__name__}'s and cannot be set to {value!r}; "
                "compile with a number to set it later"
            )
        self._learning_rate = number

    lr = learning_rate  # Keras 2's name

    @property
    def schedule(self) -> schedules.LearningRateSchedule | None:
        """What gives the learning rate, or None where it is a number."""
        return self._learning_rate if isinstance(self._learning_rate, schedules.LearningRateSchedule) else None

    def learning_rates(self, steps: int) -> float | FloatArray:
        """The learning rate of the next steps: a number for all of them, or float32 [steps].

        Raises:
            ValueError: a schedule's rate that is infinite or NaN.
        """
        if self.schedule is None:
            return float(self.learning_rate)
        with np.errstate(all="ignore"):  # what comes of it is looked at here
            rates = self.schedule.rates(self.iterations, steps)
        finite = np.isfinite(rates)
        if not finite.all():
            bad = int(np.argmin(finite))
            raise ValueError(
                f"{type(self).__name__}: learning_rate must be finite, but {type(self.schedule).__name__} "
                f"gives {rates[bad]} for step {self.iterations + bad}; change its settings or train fewer steps"
            )
        return rates

    @property
    def attributes(self) -> dict[str, Any]:
        """The settings of the kernel that stay the same from step to step."""
        return {name: getattr(self, name) for name in self.settings}

    @property
    def rule(self) -> UpdateRule:
        """Everything that happens in a step but for the decay, which is the weight's own."""
        clipping = next(((_CLIPPING[key], limit) for key in _CLIPPING if (limit := getattr(self, key))), None)
        average = (self.ema_momentum, self.ema_overwrite_frequency or 0) if self.use_ema else None
        return UpdateRule(self.kind, tuple(self.attributes.items()), clipping, average)

    @property
    def structure(self) -> Hashable:
        """What a plan with this optimizer depends on; equal ones may share it."""
        return self.rule, self.weight_decay, self._undecayed, self._undecayed_names

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Says which weights do not decay.

        Args:
            var_list: these weights.
            var_names: patterns; a weight in whose path one of them is found, such as "bias".

        Example:
            >>> from pyconvnet.optimizers import AdamW
            >>> AdamW().exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        """
        self._undecayed = frozenset(var_list or ())
        self._undecayed_names = "|".join(dict.fromkeys(var_names)) if var_names else None

    def decay_of(self, variable: Variable) -> float:
        """The weight decay of a weight; 0 is none."""
        named = self._undecayed_names is not None and re.search(self._undecayed_names, variable.path) is not None
        return 0.0 if self.weight_decay is None or named or variable in self._undecayed else self.weight_decay

    def slots(self, variable: Variable) -> dict[str, Variable]:
        """What this optimizer remembers of a weight, made of zeros at first use; it lies where the weight does.

        Args:
            variable: the weight.

        Returns:
            By name, variables of the weight's shape that training changes.
        """
        if variable not in self._slots:
            names = (*slot_names(self.kind, self.attributes), *(("average",) if self.use_ema else ()))
            self._slots[variable] = {
                name: Variable.zeros(variable.shape, name=name, path=f"{variable.path}/{name}") for name in names
            }
        for slot in self._slots[variable].values():
            slot.move_to(variable.device)
        return self._slots[variable]

    def check_trains(self, variables: Sequence[Variable]) -> None:
        """Refuses the weights of another model than before: its steps and what is remembered would go on for them.

        Raises:
            ValueError: this optimizer has trained weights, and none of these.
        """
        if self._slots and variables and not any(variable in self._slots for variable in variables):
            raise ValueError(
                f"{type(self).__name__}: this optimizer has trained another model; compile each with one of its own"
            )

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """With `use_ema` gives the weights their averages; `fit` does it at its end.

        Args:
            var_list: the trained weights.
        """
        if self.use_ema and self.iterations:
            for variable in var_list:
                variable.assign(self.slots(variable)["average"].array)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain Python values; what is switched off is left out."""
        config = {name: serialize(getattr(self, name)) for name in argument_names(type(self))}
        config["learning_rate"] = (
            float(self.learning_rate) if self.schedule is None else schedules.serialize(self.schedule)
        )
        return {name: value for name, value in config.items() if name not in _COMMON or value != _COMMON[name]}

    def _reject(self, options: dict[str, Any]) -> None:
        who = type(self).__name__
        known = ["lr", *argument_names(type(self))]
        for name, value in options.items():
            if name == "lr" or (name in _NOT_YET and value in _NOT_YET[name]):
                continue
            if name in _NOT_YET:
                raise ValueError(f"{who}: {name} is not offered by pyconvnet yet, got {value!r}; leave it out")
            raise TypeError(unknown_argument(who, name, known))
