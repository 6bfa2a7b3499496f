"""What scripts ask of TensorFlow itself: answers that are true of pyconvnet on the CPU."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pyconvnet.layers._check import forget_names


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


def is_gpu_available() -> Literal[False]:
    """Whether TensorFlow would train on a GPU."""
    return False


def enable_op_determinism() -> None:
    """Does nothing: the same seed gives the same bits here without being asked."""


def backend() -> str:
    """The name of the backend, as Keras prints it."""
    return "pyconvnet"


def clear_session() -> None:
    """Lets the automatic names of layers start anew: the next `Conv2D` is called "conv2d"."""
    forget_names()


def epsilon() -> float:
    """The small number that keeps logarithms and quotients finite."""
    return 1e-7


def floatx() -> str:
    """The dtype of weights and activations."""
    return "float32"


def image_data_format() -> str:
    """The order of an image's axes: height, width, channels."""
    return "channels_last"
