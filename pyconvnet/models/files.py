"""The methods of models that write and read files, and `load_model`; `pyconvnet.saving` does the work."""

from __future__ import annotations

import json
import os
import warnings
from typing import Any

from pyconvnet._identifiers import Configurable
from pyconvnet.training.compiled import refuse

FilePath = str | os.PathLike[str]


class Files:
    """`save`, `save_weights`, `load_weights`, `export` and `to_json` of a model."""

    def save(
        self,
        filepath: FilePath,
        overwrite: bool = True,
        include_optimizer: bool = True,
        save_format: str | None = None,
    ) -> None:
        """Saves network, weights, training settings and the optimizer's state.

        Args:
            filepath: ends in ".keras" (Keras 3) or ".h5" (Keras 3 and Keras 2); a file that is there is replaced as a
                whole, or left as it is where saving fails.
            overwrite: False asks before it replaces a file.
            include_optimizer: False leaves out the training settings and the optimizer's state.
            save_format: Keras 2's; ignored with a warning, since the ending says it.

        Raises:
            ValueError: another ending, a model that is not built or has layers of the user's own classes.
            OSError: the file cannot be written.

        Example:
            >>> model.save("model.keras")  # doctest: +SKIP
        """
        if save_format is not None:
            warnings.warn(f"save: save_format={save_format!r} is ignored; the ending says the format", stacklevel=2)
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

    def load_weights(self, filepath: FilePath, skip_mismatch: bool = False, by_name: bool = False) -> None:
        """Reads weights of a file of the same network; on an error no weight is changed.

        Where the model is compiled and a `.weights.h5` file has an optimizer's state, that is restored too.

        Args:
            filepath: a `.weights.h5`, `.h5`, `.keras` or `.safetensors` file.
            skip_mismatch, by_name: only False.

        Raises:
            ValueError: a damaged or suspicious file, or one of another network.
            OSError: the file cannot be opened.
        """
        instead = "load the other model and give its weights to each layer: layer.set_weights(other.get_weights())"
        refuse("load_weights", skip_mismatch=(skip_mismatch, instead), by_name=(by_name, instead))
        from pyconvnet import saving

        saving.load_weights(self, filepath)

    def export(
        self,
        filepath: FilePath,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: None = None,
        opset_version: int | None = None,
    ) -> None:
        """Writes what the model predicts as an ONNX file, for onnxruntime and other programs that run such files.

        Inputs and outputs are those of `predict`, float32: images are [rows, height, width, channels], any number of
        rows. Needs the extra "onnx".

        Args:
            filepath: where; a file that is there is replaced as a whole, or left as it is where writing fails.
            format: "onnx", the only one that is offered; Keras's default is another.
            verbose: True says that the file is written; None and False say nothing.
            input_signature: only None: the shapes are the model's own.
            opset_version: only 17, or None for the same.

        Raises:
            ValueError: another format, signature or opset, a model that is not built or too large.
            ImportError: the package onnx is not installed.
            OSError: the file cannot be written.

        Example:
            >>> model.export("model.onnx", format="onnx")  # doctest: +SKIP
        """
        from pyconvnet import saving

        saving.export_model(self, filepath, format, verbose, input_signature, opset_version)

    def to_json(self, **options: Any) -> str:
        """The network as Keras 3 writes it, without weights and training settings; `model_from_json` reads it.

        Args:
            options: as for ``json.dumps``, such as ``indent=2``.

        Raises:
            ValueError: a model that is not built.

        Example:
            >>> from pyconvnet import layers, models
            >>> model = models.Sequential([layers.Input((4,)), layers.Dense(3)])
            >>> models.model_from_json(model.to_json()).output_shape
            (None, 3)
        """
        from pyconvnet.saving.write_config import keras3_object

        assert isinstance(self, Configurable)  # a model is one
        return json.dumps(keras3_object(self), **options)


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


def model_from_json(json_string: str, custom_objects: None = None) -> Any:
    """A new model with fresh weights, not compiled, from what `to_json` of pyconvnet, Keras 3 or Keras 2 wrote.

    Args:
        json_string: the text.
        custom_objects: only None; classes of your own cannot be made.

    Raises:
        ValueError, TypeError: no such text, or a network that pyconvnet does not offer.
    """
    from pyconvnet.saving.json_text import read_json
    from pyconvnet.saving.read_config import read_model

    who = "model_from_json"
    if custom_objects:
        raise ValueError(f"{who}: custom_objects are not offered; no code of a text is ever run")
    return read_model(who, read_json(who, "the text", json_string))
