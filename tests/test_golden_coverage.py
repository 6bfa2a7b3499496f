"""Nothing is offered without golden data from real Keras: classes in random configurations, and every constructor."""

from __future__ import annotations

import importlib
import inspect
import json
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from golden import load_arrays, load_table
from golden.callback_rows import ROWS as CALLBACK_ROWS

from pyconvnet import activations, layers

CONSTRUCTORS = load_table("constructors")
MODULES = (
    "callbacks",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "optimizers.schedules",
    "regularizers",
)

# Classes that compute nothing of their own: bases, and what only says a shape.
BARE = {
    "callbacks": {"Callback", "CallbackList"},
    "initializers": {"Initializer"},
    "layers": {"InputLayer", "KerasTensor", "Layer"},
    "losses": {"Loss", "LossSpec"},
    "metrics": {"Metric"},
    "optimizers": {"Optimizer"},
    "optimizers.schedules": {"LearningRateSchedule"},
    "regularizers": {"Regularizer"},
}
# Callbacks that only run in a whole fit: the file in which they are compared, and by which words.
ELSEWHERE = {
    "History": ("test_golden_training.py", "history.epoch"),
    "LambdaCallback": ("golden/metric_rows.py", "callbacks.LambdaCallback("),
    "TensorBoard": ("test_callbacks_tensorboard.py", "TensorBoard("),
}
RICH = {"Conv2D", "DepthwiseConv2D", "MaxPooling2D", "AveragePooling2D", "BatchNormalization", "Dense"}

# Arguments of Keras's that are not offered; README and docs/keras_names.md say what there is instead.
NOT_OFFERED: dict[str, set[str]] = {
    "callbacks": {"add_history", "add_progbar"},
    "initializers": {"input_axes", "output_axes"},
    "layers": {
        *("kernel_constraint", "bias_constraint", "depthwise_constraint", "beta_constraint", "gamma_constraint"),
        *("renorm", "renorm_clipping", "renorm_momentum", "synchronized"),
        *("lora_rank", "lora_alpha", "quantization_config"),
        *("batch_size", "sparse", "ragged", "input_tensor", "optional"),
    },
    "losses": set(),
    "metrics": {"from_sorted_ids"},
    "optimizers": {"gradient_accumulation_steps", "loss_scale_factor"},
    "optimizers.schedules": set(),
    "regularizers": set(),
}
OTHER_DEFAULT = {"pool_size"}  # may be left out, as in Keras 2


def _public(name: str) -> dict[str, type]:
    """The public classes of a module of pyconvnet, by all their names in capitals."""
    module: ModuleType = importlib.import_module(f"pyconvnet.{name}")
    names = getattr(module, "__all__", None) or [n for n in vars(module) if n[0].isupper()]
    found = {n: vars(module)[n] for n in names}
    return {n: c for n, c in found.items() if inspect.isclass(c) and c.__module__.startswith(f"pyconvnet.{name}")}


def _configurations() -> dict[str, set[str]]:
    """The configurations of each class in the golden files, by "module.class"."""
    found: dict[str, set[str]] = defaultdict(set)

    def note(name: str, *config: Any) -> None:
        found[name].add(json.dumps(config, sort_keys=True))

    for file in ("layers", "random_layers"):
        for row in load_arrays(file)[0]:
            note(f"layers.{row['layer']}", row["config"], row.get("shapes"), row.get("input_shape"))
    for file in ("losses", "random_losses"):
        for row in load_arrays(file)[0]:
            if isinstance(row["loss"], list):
                note(f"losses.{row['loss'][0]}", row["loss"], row["layers"], row["input_shape"])
            for _, config in row["layers"]:
                for rule, factors in (value for key, value in config.items() if key.endswith("_regularizer")):
                    note(f"regularizers.{rule}", factors, row["name"])
    for row in load_arrays("metrics")[0]:
        for name, config in row.get("metrics", []):
            note(f"metrics.{name}", config, row["shape"], row["batch"])
    for row in load_arrays("optimizers")[0]:
        note(f"optimizers.{row['optimizer']}", row["config"], row.get("schedule"))
    for row in load_arrays("schedules")[0]:
        note(f"optimizers.schedules.{row['schedule']}", row["config"])
    for row in CALLBACK_ROWS + load_table("callbacks")["random_rows"]:
        note(f"callbacks.{row['class']}", row["config"], row["values"])
    for row in CONSTRUCTORS["initializers"]:
        note(f"initializers.{row['class']}", row["config"], row["shape"])
    return found


FOUND = _configurations()
CLASSES = [(module, cls) for module in MODULES for cls in sorted({c.__name__ for c in _public(module).values()})]


@pytest.mark.parametrize(("module", "cls"), [(m, c) for m, c in CLASSES if c not in BARE[m]], ids=lambda value: value)
def test_every_class_has_golden_configurations(module: str, cls: str) -> None:
    if cls in ELSEWHERE:
        file, words = ELSEWHERE[cls]
        assert words in (Path(__file__).parent / file).read_text(encoding="utf-8")
        return
    assert len(FOUND[f"{module}.{cls}"]) >= (25 if cls in RICH else 10), f"{module}.{cls}: see tests/golden/make_*.py"


def test_every_activation_has_golden_configurations() -> None:
    offered = {f.name for f in vars(activations).values() if isinstance(f, activations.ActivationFunction)}
    rows = load_arrays("random_layers")[0]
    seen = {activations.get(row["config"]["activation"]).name for row in rows if row["layer"] == "Activation"}
    assert seen == offered


def _arguments(cls: type) -> dict[str, Any]:
    """Names and defaults of a constructor's arguments, with those that every layer has."""
    parameters = inspect.signature(cls).parameters
    if issubclass(cls, layers.Layer):
        parameters = {**parameters, **inspect.signature(layers.Layer).parameters}
    return {n: p.default for n, p in parameters.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}


@pytest.mark.parametrize("module", MODULES)
def test_constructors_are_keras_but_for_arguments_that_are_listed(module: str) -> None:
    missing = set()
    for name, cls in _public(module).items():
        if name in BARE[module] - {"InputLayer", "CallbackList"}:
            continue
        ours, golden = _arguments(cls), CONSTRUCTORS["arguments"][f"{module}.{name}"]
        missing |= {argument for argument, _ in golden if argument not in ours}
        common = [argument for argument, _ in golden if argument in ours]
        own = [argument for argument in inspect.signature(cls).parameters if argument in common]
        assert own == [argument for argument in common if argument in own], f"order of the arguments of {name}"
        for argument, default in golden:
            if argument in ours and argument not in OTHER_DEFAULT | {"name"} and name != "CallbackList":
                got = "required" if ours[argument] is inspect.Parameter.empty else ours[argument]
                got = list(got) if isinstance(got, tuple) else got
                assert got == default, f"default of {argument} of {name}"
    assert missing == NOT_OFFERED[module]
