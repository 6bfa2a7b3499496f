"""The methods of models that write and read files, and `load_model`; `pyconvnet.saving` does the work."""

from __future__ import annotations

import os
from typing import Any

FilePath = str | os.PathLike[str]


class Files:
    """`save`, `save_weights` and `load_weights` of a model."""

    def save(self, filepath: FilePath, overwrite: bool = True, include_optimizer: bool = True) -> None:
        """Saves network, weights, training settings and the optimizer's state.

        Args:
            filepath: ends in ".keras" (Keras 3) or ".h5" (Keras 3 and Keras 2); a file that is there is replaced as a
                whole, or left as it is where saving fails.
            overwrite: False asks before it replaces a file.
            include_optimizer: False leaves out the training settings and the optimizer's state.

        Raises:
            ValueError: another ending, a model that is not built.
            OSError: the file cannot be written.

        Example:
            >>> model.save("model.keras")  # doctest: +SKIP
        """
        from pyconvnet import saving

        saving.save_model(self, filepath, overwrite, include_optimizer)

    def save_weights(self, filepath: FilePath, overwrite: bool = True) -> None:
        """Saves the weights; `load_weights` reads them into a model of the same network.

        Args:
            filepath: ends in ".weights.h5" (Keras 3; with the optimizer's state), ".h5" (Keras 2's layout) or
                ".safetensors".
            overwrite: False asks before it replaces a file.

        Raises:
            ValueError: another ending, a model that is not built.
            OSError: the file cannot be written.
        """
        from pyconvnet import saving

        saving.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: FilePath) -> None:
        """Reads weights of a file of the same network; on an error no weight is changed.

        Where the model is compiled and a `.weights.h5` file has an optimizer's state, that is restored too.

        Args:
            filepath: a `.weights.h5`, `.h5`, `.keras` or `.safetensors` file.

        Raises:
            ValueError: a damaged or suspicious file, or one of another network.
            OSError: the file cannot be opened.
        """
        from pyconvnet import saving

        saving.load_weights(self, filepath)


def save_model(model: Any, filepath: FilePath, overwrite: bool = True, include_optimizer: bool = True) -> None:
    """As `model.save`."""
    model.save(filepath, overwrite, include_optimizer)


def load_model(filepath: FilePath, custom_objects: None = None, compile: bool = True, safe_mode: bool = True) -> Any:
    """A model from a file of pyconvnet, Keras 3 or Keras 2; no code of the file is ever run.

    Args:
        filepath: a `.keras` or `.h5` file, or a `.safetensors` file that pyconvnet saved.
        custom_objects: only None; classes of your own cannot be loaded.
        compile: whether the model gets the file's training settings and optimizer state.
        safe_mode: only True.

    Returns:
        The model with its weights, compiled where the file has training settings.

    Raises:
        ValueError: a file that is damaged or suspicious, or a network that pyconvnet does not offer; the message says
            what and where.
        OSError: the file cannot be opened.

    Example:
        >>> model = load_model("model.keras")  # doctest: +SKIP
    """
    from pyconvnet import saving

    return saving.load_model(filepath, custom_objects, compile, safe_mode)
