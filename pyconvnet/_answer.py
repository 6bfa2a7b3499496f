"""Arrays and numbers that can be asked for `numpy()`, as TensorFlow's tensors can: scripts ask for it everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Answer(np.ndarray):
    """A NumPy array with the `numpy()` of a tensor; what is computed of it is a plain array.

    Example:
        >>> answer = np.zeros(2, np.float32).view(Answer)
        >>> answer.numpy(), type(answer + 1)
        (array([0., 0.], dtype=float32), <class 'numpy.ndarray'>)
    """

    def numpy(self) -> NDArray[Any]:
        """The same as a plain array."""
        return self.view(np.ndarray)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return np.asarray(array)[()]  # a number where it has no axes

    def __repr__(self) -> str:
        return repr(self.numpy())

    def __reduce__(self) -> Any:
        return self.numpy().__reduce__()


class AnsweredNumber(float):
    """A number with the `numpy()` of a tensor.

    Example:
        >>> AnsweredNumber(0.5), AnsweredNumber(0.5).numpy()
        (0.5, np.float32(0.5))
    """

    def numpy(self) -> np.float32:
        """The same as NumPy's number."""
        return np.float32(self)

    def __reduce__(self) -> tuple[type[float], tuple[float]]:
        return float, (float(self),)  # a copy is a number
