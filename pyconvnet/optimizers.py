"""Optimizers with Keras's names, defaults and formulas: their settings and what they remember of each weight."""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import NDArray

from pyconvnet._identifiers import Configurable, argument_names, resolve
from pyconvnet._suggest import nearest
from pyconvnet.ops._check import rate, real
from pyconvnet.ops.optimizer import slot_names
from pyconvnet.variables import Variable, aligned_zeros

# Keras's further arguments: only the value that switches each off is taken.
_NOT_YET = {
    "weight_decay": (None, 0, 0.0),
    "clipnorm": (None,),
    "global_clipnorm": (None,),
    "clipvalue": (None,),
    "amsgrad": (False,),
    "centered": (False,),
    "use_ema": (False,),
    "decay": (0, 0.0),
}


class Optimizer(Configurable):
    """Turns gradients into steps. Subclasses name the kernel and its settings.

    Args:
        learning_rate: length of a step, at least 0; may be set at any time, also as `lr`.
        options: `lr`, and Keras's arguments that pyconvnet does not offer yet at their neutral values.

    Attributes:
        kind: the kernel: "sgd", "adam" or "rmsprop".
        iterations: steps done so far.
    """

    kind: ClassVar[str]
    # The settings that the kernel wants, by the names of attributes.
    settings: ClassVar[tuple[str, ...]]

    def __init__(self, learning_rate: float, options: dict[str, Any]) -> None:
        self._reject(options)
        self.learning_rate = options.get("lr", learning_rate)
        self.iterations = 0
        self._slots: dict[Variable, dict[str, Variable]] = {}

    @property
    def learning_rate(self) -> float:
        """Length of a step."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = real(type(self).__name__, "learning_rate", value, minimum=0)

    lr = learning_rate  # Keras 2's name

    @property
    def attributes(self) -> dict[str, Any]:
        """The settings of the kernel that stay the same from step to step."""
        return {name: getattr(self, name) for name in self.settings}

    def slots(self, variable: Variable) -> dict[str, NDArray[Any]]:
        """What this optimizer remembers of a weight, made of zeros at first use.

        Args:
            variable: the weight.

        Returns:
            By name, float32 arrays of the weight's shape that training changes in place.
        """
        if variable not in self._slots:
            self._slots[variable] = {
                name: Variable(aligned_zeros(variable.shape), name=name, path=f"{variable.path}/{name}")
                for name in slot_names(self.kind, self.attributes)
            }
        return {name: slot.array for name, slot in self._slots[variable].items()}

    def _reject(self, options: dict[str, Any]) -> None:
        who = type(self).__name__
        known = ["lr", *argument_names(type(self))]
        for name, value in options.items():
            if name == "lr" or (name in _NOT_YET and value in _NOT_YET[name]):
                continue
            if name in _NOT_YET:
                raise ValueError(f"{who}: {name} is not offered by pyconvnet yet, got {value!r}; leave it out")
            near = nearest(name, known)
            hint = f"; did you mean '{near}'?" if near else f"; known are {', '.join(known)}"
            raise TypeError(f"{who}: unknown argument '{name}'{hint}")


class SGD(Optimizer):
    """Gradient descent, with momentum if wanted.

    Args:
        learning_rate: length of a step.
        momentum: share of the last step that is kept, from 0 to 1.
        nesterov: take the gradient as if the kept share were walked already.

    Raises:
        ValueError, TypeError: negative, NaN or unknown settings.

    Example:
        >>> SGD(learning_rate=0.1).learning_rate
        0.1

    Formula: v = momentum * v - rate * g; w += v, or w += momentum * v - rate * g with nesterov (Keras `SGD`).
    """

    kind = "sgd"
    settings = ("momentum", "nesterov")

    def __init__(
        self, learning_rate: float = 0.01, momentum: float = 0.0, nesterov: bool = False, **options: Any
    ) -> None:
        super().__init__(learning_rate, options)
        self.momentum = rate("SGD", "momentum", momentum)
        self.nesterov = bool(nesterov)


class Adam(Optimizer):
    """Steps measured by running means of the gradient and of its square.

    Args:
        learning_rate: length of a step.
        beta_1: share of the gradient's mean that is kept, below 1.
        beta_2: share of the square's mean that is kept, below 1.
        epsilon: added to the root of the square's mean.

    Raises:
        ValueError, TypeError: negative, NaN or unknown settings.

    Example:
        >>> Adam().get_config()
        {'learning_rate': 0.001, 'beta_1': 0.9, 'beta_2': 0.999, 'epsilon': 1e-07}

    Formula: Kingma and Ba 2015 in Keras's form: epsilon is added outside the bias correction.
    """

    kind = "adam"
    settings = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, options)
        self.beta_1 = rate("Adam", "beta_1", beta_1, below_one=True)
        self.beta_2 = rate("Adam", "beta_2", beta_2, below_one=True)
        self.epsilon = real("Adam", "epsilon", epsilon, minimum=0)


class RMSprop(Optimizer):
    """Steps measured by a running mean of the gradient's square.

    Args:
        learning_rate: length of a step.
        rho: share of the square's mean that is kept, from 0 to 1.
        momentum: share of the last step that is kept, from 0 to 1.
        epsilon: added to the square's mean under the root.

    Raises:
        ValueError, TypeError: negative, NaN or unknown settings.

    Formula: Keras `RMSprop` with centered=False.
    """

    kind = "rmsprop"
    settings = ("rho", "momentum", "epsilon")

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, options)
        self.rho = rate("RMSprop", "rho", rho)
        self.momentum = rate("RMSprop", "momentum", momentum)
        self.epsilon = real("RMSprop", "epsilon", epsilon, minimum=0)


_TABLE: dict[str, type[Optimizer]] = {"adam": Adam, "sgd": SGD, "rmsprop": RMSprop}
_TABLE |= {cls.__name__: cls for cls in _TABLE.values()}


def get(identifier: Any) -> Optimizer:
    """The optimizer that a name, a class, an instance or a config dictionary stands for.

    Args:
        identifier: such as "adam", `Adam`, `Adam(learning_rate=0.01)`; names in any case.

    Returns:
        The optimizer; a name makes a new one with default settings.

    Raises:
        ValueError, TypeError: an unknown name, or no optimizer.

    Example:
        >>> get("sgd").learning_rate
        0.01
    """
    if isinstance(identifier, str) and identifier.lower() in _TABLE:
        identifier = identifier.lower()
    return resolve("compile", "optimizer", identifier, _TABLE, Optimizer)
