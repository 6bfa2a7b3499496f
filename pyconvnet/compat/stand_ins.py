"""What scripts ask of TensorFlow itself: answers that are true of pyconvnet on the CPU."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pyconvnet.layers._check import forget_names
from pyconvnet.mixed_precision import set_global_policy


class PhysicalDevice(NamedTuple):
    """A device that a script may look for."""

    name: str
    device_type: str


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The devices of one type, or all: the CPU.

    Args:
        device_type: "CPU", "GPU" or None for all.

    Example:
        >>> list_physical_devices("GPU")
        []
    """
    found = [PhysicalDevice("/physical_device:CPU:0", "CPU")]
    return [device for device in found if device_type in (None, device.device_type)]


def is_gpu_available(cuda_only: bool = False, min_cuda_compute_capability: object = None) -> Literal[False]:
    """Whether TensorFlow would train on a GPU; the answer is the same for every kind of them."""
    return False


def enable_op_determinism() -> None:
    """Does nothing: the same seed gives the same bits here without being asked."""


def backend() -> str:
    """The name of the backend, as Keras prints it."""
    return "pyconvnet"


def clear_session(free_memory: bool = True) -> None:
    """Lets the automatic names of layers start anew: the next `Conv2D` is called "conv2d", and has the policy float32.

    Args:
        free_memory: of no effect; the memory of a model is free when nobody holds the model.
    """
    forget_names()
    set_global_policy("float32")


def get_value(x: Any) -> Any:
    """The numbers of a weight or of an optimizer's learning rate.

    Args:
        x: a variable, or ``optimizer.learning_rate``.
    """
    return x.numpy()


def set_value(x: Any, value: Any) -> None:
    """Sets a weight, or an optimizer's learning rate.

    Args:
        x: a variable, or ``optimizer.learning_rate``.
        value: numbers of its shape.

    Raises:
        ValueError, TypeError: as ``x.assign``.

    Example:
        >>> from pyconvnet.optimizers import SGD
        >>> sgd = SGD(0.1)
        >>> set_value(sgd.lr, 0.05)
        >>> sgd.lr
        0.05
    """
    x.assign(value)


def epsilon() -> float:
    """The small number that keeps logarithms and quotients finite."""
    return 1e-7


def floatx() -> str:
    """The dtype of weights and activations."""
    return "float32"


def image_data_format() -> str:
    """The order of an image's axes: height, width, channels."""
    return "channels_last"
