"""The training settings of a model (optimizer, losses, metrics) as Keras writes and reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyconvnet import losses, metrics
from pyconvnet._identifiers import argument_names, snake_case
from pyconvnet.saving.read_config import plain_object
from pyconvnet.saving.write_config import Config, keras2_object, keras3_object
from pyconvnet.training import metric_names

_ACCURACY = ("accuracy", "acc")


def keras3_settings(model: Any) -> Config:
    """`compile_config` of a `.keras` file."""
    return {"optimizer": keras3_object(model.optimizer), **_judged(model, keras3_object)}


def keras2_settings(model: Any) -> Config:
    """`training_config` of an `.h5` file.

    Keras 2 takes the optimizer for one of TensorFlow's old ones, which know neither None nor moving averages.
    """
    optimizer = keras2_object(model.optimizer)
    config = {name: value for name, value in optimizer["config"].items() if value is not None}
    if not model.optimizer.use_ema:
        config = {name: value for name, value in config.items() if not name.startswith("ema_")}
    return {**_judged(model, keras2_object), "optimizer_config": {**optimizer, "config": config}}


def compile_arguments(who: str, config: Config, outputs: int) -> dict[str, Any]:
    """What to call `model.compile` with.

    Args:
        who: who loads what, for messages.
        config: `compile_config` or `training_config`.
        outputs: how many the model has.

    Raises:
        ValueError, TypeError: a class that is not Keras's own, or settings that pyconvnet does not offer.
    """
    if config.get("weighted_metrics"):
        raise ValueError(f"{who}: weighted_metrics={config['weighted_metrics']!r} is not offered by pyconvnet")
    given = config.get("metrics")
    if outputs == 1:
        found: Any = _metrics(who, list(given.values()) if isinstance(given, Mapping) and len(given) == 1 else given)
    else:
        found = _each(given, lambda one: _metrics(who, one))
    return {
        "optimizer": plain_object(who, "the optimizer", _own(config.get("optimizer", config.get("optimizer_config")))),
        "loss": _each(config.get("loss"), lambda one: _loss(who, one)),
        "metrics": found,
        "loss_weights": config.get("loss_weights"),
    }


def _judged(model: Any, write: Callable[[Any], Config]) -> Config:
    """Losses and metrics: alone for one output, else in a list, or by name where the outputs have names."""
    judged = model.compilation.outputs
    shapes = model.sample_output_shapes
    losses_of: Any = [None if one.loss is None else _written_loss(one.loss, write) for one in judged]
    metrics_of: Any = [
        [
            _written_metric(name, one.kernels(shape), write)
            for name in one.metric_names
            if not isinstance(name, metrics.MeanMetricWrapper)  # a function of the user's: files hold no code
        ]
        for one, shape in zip(judged, shapes, strict=True)
    ]
    if len(judged) == 1:
        return {"loss": losses_of[0], "metrics": metrics_of[0], "loss_weights": None, "weighted_metrics": None}
    weights: Any = [one.weight for one in judged]
    if isinstance(model.output, dict):
        losses_of, metrics_of, weights = (
            dict(zip(model.output_names, values, strict=True)) for values in (losses_of, metrics_of, weights)
        )
    return {"loss": losses_of, "metrics": metrics_of, "loss_weights": weights, "weighted_metrics": None}


def _written_loss(loss: Any, write: Callable[[Any], Config]) -> Any:
    """By its name, which every version knows, where nothing is set."""
    return loss.name if loss == losses.get(loss.name) else write(loss)


def _written_metric(name: str, kernels: Mapping[str, str], write: Callable[[Any], Config]) -> Any:
    if isinstance(name, metrics.Metric):
        return write(name)
    if write is keras2_object and name.lower() in _ACCURACY and name in kernels:
        # Keras 2 takes the bare word for the function of that name, which compares labels with outputs one by one.
        return {"class_name": _camel_case(kernels[name]), "config": {"name": name, "dtype": "float32"}}
    return name


def _each(value: Any, read: Callable[[Any], Any]) -> Any:
    """What is given for one output or for all, read: one, a list, or a dictionary by name."""
    if isinstance(value, list):
        return [read(one) for one in value]
    if isinstance(value, Mapping) and "class_name" not in value:
        return {name: read(one) for name, one in value.items()}
    return read(value)


def _own(optimizer: Any) -> Any:
    """Without the prefix that Keras 2.11 to 2.15 gave to its own optimizers."""
    if not isinstance(optimizer, dict):
        return optimizer
    names = {key: optimizer.get(key) for key in ("class_name", "registered_name")}
    return {**optimizer, **{key: n.removeprefix("Custom>") if isinstance(n, str) else n for key, n in names.items()}}


def _loss(who: str, entry: Any) -> Any:
    plain = plain_object(who, "a loss", entry)
    return losses.get(plain) if isinstance(plain, dict) else plain


def _metrics(who: str, value: Any) -> list[str]:
    """Metrics of one output as one list: Keras 2 writes a bare name, or lists in a list."""
    if value is None:
        return []
    if isinstance(value, list):
        return [metric for one in value for metric in _metrics(who, one)]
    return [value if isinstance(value, str) else _metric(who, value)]


def _metric(who: str, entry: Any) -> str:
    """The name or the object that a metric's config stands for."""
    plain = plain_object(who, "a metric", entry)
    if isinstance(plain, str):
        return plain  # a function, by its name
    if not isinstance(plain, dict):
        raise ValueError(f"{who}: a metric must be a name or an object, got {type(plain).__name__}")
    config = entry["config"]
    # Keras 2 wraps functions: {"class_name": "MeanMetricWrapper", "config": {"name": ..., "fn": ...}}
    function = plain_object(who, "a metric", config.get("fn"))
    class_name = _camel_case(function) if isinstance(function, str) else plain["class_name"]
    cls = vars(metrics).get(class_name)
    if not (isinstance(cls, type) and issubclass(cls, metrics.Metric)):
        return snake_case(class_name)  # `compile` says that it does not know it
    settings = {key: value for key, value in plain["config"].items() if value is not None} | {
        "name": config.get("name")
    }
    for key, value in settings.items():
        if key not in argument_names(cls):
            raise ValueError(f"{who}: the metric {class_name} has {key}={value!r}, which is not offered by pyconvnet")
    metric = cls(**settings)
    return str(metric) if _stands_for(str(metric), metric.kernel) else metric


def _stands_for(name: str, kernel: str) -> bool:
    """Whether a name such as "accuracy" or "mse" can mean this metric."""
    sparse = kernel.startswith("sparse_")
    try:
        return any(metric_names.resolve(name, sparse, shape)[1] == kernel for shape in ((2,), (1,)))
    except (ValueError, KeyError, AttributeError):
        return False


def _camel_case(name: str) -> str:
    return "".join(word.title() for word in name.split("_"))
