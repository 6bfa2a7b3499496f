"""What `compile` was told, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyconvnet import losses, metrics, optimizers

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Compiled:
    """The answer to `compile`.

    Attributes:
        loss: what is minimised, or None when `compile` was given none.
        metric_names: as given, each once.
    """

    loss: losses.LossSpec | None
    metric_names: tuple[str, ...]

    def metrics(self, output_shape: Shape) -> dict[str, str]:
        """The kernel's name of each metric, by the name under which it is reported."""
        assert self.loss is not None
        return dict(metrics.resolve(name, self.loss.sparse, output_shape) for name in self.metric_names)


def check_device(device: Any) -> None:
    """Refuses a device that this build has not.

    Raises:
        ValueError: neither None, "auto" nor "cpu".
    """
    if device in (None, "auto", "cpu"):
        return
    if isinstance(device, str) and device.partition(":")[0] in ("cuda", "gpu"):
        raise ValueError(
            f"compile: device {device!r} needs pyconvnet's CUDA module, which was not built; use device='cpu'"
        )
    raise ValueError(f"compile: device must be 'auto' or 'cpu', got {device!r}")


def refuse(who: str, **arguments: tuple[Any, Any, str]) -> None:
    """Refuses arguments of Keras that would change the result here without being obeyed.

    Args:
        who: for messages.
        arguments: by name: what was given, the only value that is taken, what to do instead.

    Raises:
        ValueError: one of them has another value.
    """
    for name, (given, accepted, instead) in arguments.items():
        if given is not accepted and given != accepted:
            raise ValueError(f"{who}: {name}={given!r} is not supported; {instead}")


def resolve(optimizer: Any, loss: Any, metric_names: Any) -> tuple[optimizers.Optimizer, Compiled]:
    """The optimizer and the rest of what `compile` was told.

    Raises:
        TypeError: something of the wrong kind.
        ValueError: an unknown name.
    """
    return optimizers.get(optimizer), Compiled(None if loss is None else losses.get(loss), metrics.names(metric_names))
