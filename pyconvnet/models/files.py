"""What is told to those who look for Keras's model files."""

from __future__ import annotations

from typing import Any, NoReturn

_ADVICE = "pyconvnet cannot write model files yet; keep the weights with numpy.savez(path, *model.get_weights())"

_READ = "model.set_weights(list(numpy.load(path).values()))"


class NoFiles:
    """The methods of Keras that write or read files, each refused with what to do instead."""

    def save(self, *_arguments: Any, **_options: Any) -> NoReturn:
        """Raises a RuntimeError that says how to keep the weights."""
        raise RuntimeError(f"save: {_ADVICE}")

    def save_weights(self, *_arguments: Any, **_options: Any) -> NoReturn:
        """Raises a RuntimeError that says how to keep the weights."""
        raise RuntimeError(f"save_weights: {_ADVICE}")

    def load_weights(self, *_arguments: Any, **_options: Any) -> NoReturn:
        """Raises a RuntimeError that says how to keep the weights and how to get them back."""
        raise RuntimeError(f"load_weights: {_ADVICE} and read them with {_READ}")
