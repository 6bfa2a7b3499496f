"""The optimizers by Keras's names: their settings."""

from __future__ import annotations

from typing import Any

from pyconvnet.ops._check import rate, real

from .base import Optimizer
from .schedules import LearningRateSchedule

Rate = float | LearningRateSchedule


class SGD(Optimizer):
    """Gradient descent, with momentum if wanted.

    Args:
        learning_rate: length of a step, or a schedule.
        momentum: share of the last step that is kept, from 0 to 1.
        nesterov: take the gradient as if the kept share were walked already.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name: see
            `Optimizer`.

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
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            options,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            name=name,
        )
        self.momentum = rate("SGD", "momentum", momentum)
        self.nesterov = bool(nesterov)


class Adam(Optimizer):
    """Steps measured by running means of the gradient and of its square.

    Args:
        learning_rate: length of a step, or a schedule.
        beta_1: share of the gradient's mean that is kept, below 1.
        beta_2: share of the square's mean that is kept, below 1.
        epsilon: added to the root of the square's mean.
        amsgrad: only False.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name: see
            `Optimizer`.

    Raises:
        ValueError, TypeError: negative, NaN or unknown settings.

    Example:
        >>> Adam().get_config()
        {'learning_rate': 0.001, 'beta_1': 0.9, 'beta_2': 0.999, 'epsilon': 1e-07}

    Formula: Kingma and Ba 2015 in Keras's form: epsilon is added outside the bias correction.
    """

    kind = "adam"
    settings = ("beta_1", "beta_2", "epsilon")
    amsgrad = False

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            {**options, "amsgrad": amsgrad},
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            name=name,
        )
        self.beta_1 = rate("Adam", "beta_1", beta_1, below_one=True)
        self.beta_2 = rate("Adam", "beta_2", beta_2, below_one=True)
        self.epsilon = real("Adam", "epsilon", epsilon, minimum=0)


class AdamW(Adam):
    """`Adam` whose weights decay by themselves, not through the gradient.

    Args:
        learning_rate: length of a step, or a schedule.
        weight_decay: share of each weight, times the learning rate, that is taken off before each step.
        beta_1, beta_2, epsilon, amsgrad: see `Adam`.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name: see `Optimizer`.

    Raises:
        ValueError, TypeError: negative, NaN or unknown settings.

    Formula: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), in Keras's form.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        if weight_decay is None:
            raise TypeError("AdamW: weight_decay must be a number, got None; use Adam for none")
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            name=name,
            **options,
        )


class RMSprop(Optimizer):
    """Steps measured by a running mean of the gradient's square.

    Args:
        learning_rate: length of a step, or a schedule.
        rho: share of the square's mean that is kept, from 0 to 1.
        momentum: share of the last step that is kept, from 0 to 1.
        epsilon: added to the square's mean under the root.
        centered: only False.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name: see
            `Optimizer`.

    Raises:
        ValueError, TypeError: negative, NaN or unknown settings.

    Formula: Keras `RMSprop` with centered=False.
    """

    kind = "rmsprop"
    settings = ("rho", "momentum", "epsilon")
    centered = False

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            {**options, "centered": centered},
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            name=name,
        )
        self.rho = rate("RMSprop", "rho", rho)
        self.momentum = rate("RMSprop", "momentum", momentum)
        self.epsilon = real("RMSprop", "epsilon", epsilon, minimum=0)
