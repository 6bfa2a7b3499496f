"""What goes on inside a model: the values at any layer, and the gradient of its scores by them.

Looking changes nothing: no weight moves, no seed is drawn, no name is taken, and a compiled model stays as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pyconvnet import config
from pyconvnet.layers import InputLayer, KerasTensor, Layer
from pyconvnet.layers.symbolic import Structure
from pyconvnet.models.model import Model
from pyconvnet.models.network import connect
from pyconvnet.ops._check import integer
from pyconvnet.plan import PlanSpec
from pyconvnet.plan.gradients import build_gradient_plan
from pyconvnet.training import runs
from pyconvnet.training.feeds import ArrayFeed
from pyconvnet.training.plans import bring_weights

FloatArray = npt.NDArray[np.float32]


def find_layer(who: str, model: Model, layer: Layer | str | int) -> Layer:
    """One of the layers of a model.

    Args:
        who: for messages.
        model: built.
        layer: itself, its name, or its place in `model.layers`.

    Raises:
        ValueError, TypeError: no such layer, or one of a model inside this one.
    """
    if isinstance(layer, str):
        return model.get_layer(layer)
    if not isinstance(layer, Layer):
        return model.get_layer(index=integer(who, "layer", layer, minimum=-len(model.layers)))
    if any(layer is known for known in model.layers):
        return layer
    for nested in model.all_layers():
        if isinstance(nested, Model) and any(layer is known for known in nested.layers):
            raise ValueError(
                f"{who}: {layer.label} lies in {nested.label}, which is a layer of {model.label}; pass that"
            )
    raise ValueError(f"{who}: {layer.label} is not a layer of {model.label}")


def tensor_behind(model: Model, layer: Layer) -> KerasTensor:
    """The symbolic output of a layer's first use in this model; `layer.output` may be that in another one."""
    if isinstance(layer, InputLayer):
        return layer.tensor
    return model.network.uses(layer)[0].outputs[0]


def values_at(who: str, model: Model, x: Any, layer: Layer, batch_size: int = 32) -> FloatArray:
    """The output of a layer for given samples, in inference mode, as `Model(model.inputs, layer.output).predict(x)`.

    Args:
        who: for messages.
        model: built.
        x: as for `predict`.
        layer: one of the model's; its first use where it has several.
        batch_size: rows at a time.

    Returns:
        float32 [samples, *output shape].

    Raises:
        ValueError, TypeError: samples that do not fit the model.
    """
    part = _with_outputs(model, [tensor_behind(model, layer)])
    data = runs.read_data(part, who, x)
    values: FloatArray = runs.predict(part, ArrayFeed(who, data, batch_size), runs.Watch("predict"))
    return values


def gradients_at(
    who: str, model: Model, x: Any, layer: Layer, score_weights: npt.ArrayLike, batch_size: int = 32
) -> tuple[FloatArray, FloatArray]:
    """The output of a layer, and the gradient of a weighted sum of the model's scores by it, in inference mode.

    The scores are the model's output before its softmax or sigmoid, if it ends in one; one-hot weights choose one
    class. The gradient comes from the backward pass that trains the model.

    Args:
        who: for messages.
        model: built, with one output.
        x: as for `predict`.
        layer: one of the model's; its first use where it has several.
        score_weights: [samples, *shape of the model's output].
        batch_size: rows at a time.

    Returns:
        Values and gradients, both float32 [samples, *output shape of the layer].

    Raises:
        ValueError, TypeError: samples or weights that do not fit the model, a layer that its scores do not depend on.

    Example:
        >>> from pyconvnet import layers, models
        >>> model = models.Sequential([layers.Input((2,)), layers.ReLU(), layers.Dense(1, kernel_initializer="ones")])
        >>> values, gradients = gradients_at("example", model, [[3.0, -1.0]], model.layers[0], [[2.0]])
        >>> values.tolist(), gradients.tolist()
        ([[3.0, 0.0]], [[2.0, 2.0]])
    """
    if len(model.outputs) != 1:
        raise ValueError(f"{who}: {model.label} must have one output, it has {len(model.outputs)}")
    tensor = tensor_behind(model, layer)
    data = runs.read_data(model, who, x)
    weights = np.ascontiguousarray(score_weights, dtype=np.float32)
    expected = (len(data), *model.sample_output_shapes[0])
    if weights.shape != expected:
        raise ValueError(f"{who}: score_weights must have shape {expected}, got {weights.shape}")
    rows = min(batch_size, len(data))
    part = _with_outputs(model, [tensor, *model.outputs])
    plan = build_gradient_plan(part, PlanSpec("differentiate", rows, **config.plan_switches(bring_weights(model))))
    if plan is None:
        raise ValueError(
            f"{who}: the scores of {model.label}, before a softmax or sigmoid at its end, do not depend on the output "
            f"of {layer.label}"
        )
    out = np.empty((len(data), 2, *tensor.sample_shape), np.float32)
    feeds, order = [*data.feeds(), weights], np.arange(len(data), dtype=np.int64)
    flat = out.reshape(len(data), plan.output_size)
    plan.run(feeds, order, batch_size=rows, seed=model._seed, iteration=0, out=flat)
    return out[:, 0], out[:, 1]


def _with_outputs(model: Model, outputs: list[KerasTensor]) -> Model:
    """The same network with other outputs; unlike `Model(...)` it takes neither a new name nor a seed."""
    part: Model = Model.__new__(Model)
    Layer.__init__(part, name=model.name)
    part._seed, part._device = model._seed, model._device
    part._input_form, part._output_form = model._input_form, Structure(alone=len(outputs) == 1)
    part._network = connect(model.label, model.inputs, outputs)
    return part
