"""Models: graphs of layers, their weights, and the table that `summary()` prints. Training is a mixin from
`pyconvnet.training`.

model       ``Model(inputs, outputs)``: what all models share
network     the layers between some inputs and outputs, in Keras's order
sequential  layers in a row
inner       the values at any layer, and the gradient of the scores by them
summary     the printed table
files       saving and loading, which `pyconvnet.saving` does
"""

from __future__ import annotations

from pyconvnet.models.files import load_model, model_from_json, save_model
from pyconvnet.models.model import Functional, Model
from pyconvnet.models.sequential import Sequential

__all__ = ["Functional", "Model", "Sequential", "load_model", "model_from_json", "save_model"]
