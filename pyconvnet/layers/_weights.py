"""The weights of a layer or a model as lists: what is trained, copies of all, writing all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyconvnet.ops._check import refuse_masked
from pyconvnet.variables import Variable


class HasWeights:
    """Lists and copies of `weights`, which the layer or model brings in Keras's order."""

    if TYPE_CHECKING:  # what the layer or model brings

        @property
        def label(self) -> str: ...
        @property
        def built(self) -> bool: ...
        @property
        def weights(self) -> list[Variable]: ...

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [variable for variable in self.weights if variable.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that the optimizer leaves alone."""
        return [variable for variable in self.weights if not variable.trainable]

    @property
    def variables(self) -> list[Variable]:
        """The same as `weights`."""
        return self.weights

    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Copies of all weights, in the order of `weights`."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Writes all weights; on an error nothing is changed.

        Args:
            weights: arrays in the order of `get_weights`.

        Raises:
            ValueError, TypeError: a wrong number of arrays, a wrong shape, no numbers, or masked ones.
        """
        who, variables = self.label, self.weights
        if isinstance(weights, (str, Mapping)) or not isinstance(weights, (Sequence, np.ndarray)):
            raise TypeError(f"{who}: weights must be a list of arrays, got {type(weights).__name__}")
        if not self.built and not variables and len(weights):
            raise ValueError(f"{who}: has no weights yet; build the model before you set {len(weights)} arrays")
        if len(weights) != len(variables):
            expected = ", ".join(f"{variable.path} {variable.shape}" for variable in variables)
            raise ValueError(f"{who}: needs {len(variables)} arrays ({expected or 'none'}), got {len(weights)}")
        for index, value in enumerate(weights):
            refuse_masked(who, f"weights[{index}]", value)
        arrays = [np.asarray(value) for value in weights]
        for variable, array in zip(variables, arrays, strict=True):
            if array.dtype.kind not in "fiub":
                raise TypeError(f"{who}: {variable.path} must hold numbers, got dtype {array.dtype}")
            if array.shape != variable.shape:
                raise ValueError(f"{who}: {variable.path} must have shape {variable.shape}, got {array.shape}")
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
