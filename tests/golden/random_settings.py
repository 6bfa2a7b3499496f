"""Random configurations of losses, metrics, optimizers and schedules: drawn from a seed, written as plain JSON, so that
real Keras and pyconvnet build the same ones. The make_*.py scripts add them to the rows that were chosen by hand.

Only what pyconvnet offers is drawn; what it refuses is in tests/test_golden_coverage.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from random_configurations import Config, Draw, Row

_FOREIGN = ["softplus", "relu", "softmax", "sigmoid"]  # outputs that a loss takes for probabilities
_ANY = ["linear", "relu", "tanh", "sigmoid", "softmax", "elu"]


def _many(prefix: str, count: int, draw_one: Callable[[Draw], Row]) -> list[Row]:
    names = [f"random_{prefix}_{number:02d}" for number in range(count)]
    return [{"name": name, **draw_one(Draw(name)), "random": True} for name in names]


def loss_rows() -> list[Row]:
    """Single training steps for make_random_losses.py: every loss and regularizer, weighted or not."""
    return [row for name, count in _LOSSES.items() for row in _many(name, count, partial(_loss, name=name))]


_LOSSES = {
    "SparseCategoricalCrossentropy": 16,
    "CategoricalCrossentropy": 20,
    "BinaryCrossentropy": 16,
    "MeanSquaredError": 12,
    "MeanAbsoluteError": 12,
}


def _loss(draw: Draw, name: str) -> Row:
    config: Config = draw.some({"reduction": "sum_over_batch_size"}, 0.2)
    units, classes = draw.number(2, 6), name.endswith("CategoricalCrossentropy")
    labels = {"Sparse": ["sparse", "sparse_column"], "Catego": ["one_hot", "soft"], "Binary": ["many"]}
    if name.endswith("Crossentropy"):
        config["from_logits"] = draw.yes(0.35)
        activation = draw.one(["linear", "softmax", "sigmoid"] if config["from_logits"] else _FOREIGN)
        if not classes and activation in ("softplus", "relu"):  # 1 - p would have no bits left
            activation = "sigmoid"
        if name.startswith("Categorical") and activation == "relu":  # rows of zeros have no shares
            activation = "softplus"
        if not name.startswith("Sparse"):
            config |= draw.some({"label_smoothing": draw.real(0, 1)})
    else:
        units, activation = draw.number(1, 6), draw.one(_ANY)
    rules = {f"{kind}_regularizer": draw.regularizer() for kind in ("kernel", "bias", "activity")}
    head = ["Dense", {"units": units, "activation": activation, **draw.some(rules, 0.15)}]
    hidden = ["Dense", {"units": 5, "activation": draw.one(_ANY), **draw.some(rules)}]
    row: Row = {
        "layers": [hidden, head] if draw.yes() else [head],
        "loss": [name, config],
        "labels": draw.one(labels.get(name[:6], ["real"])),
        "rows": draw.number(1, 7),
        "scale": draw.one([1.0, 1.0, 4.0]),
        "input_shape": [*(draw.number(1, 4) for _ in range(draw.one([0, 0, 1, 2]))), draw.number(1, 5)],
        "accuracy": classes and draw.yes(),
        "weighted": False,
        "class_weight": None,
    }
    rank = len(row["input_shape"])
    if rank == 1 and draw.yes(0.4):  # with more axes Keras wants weights of a loss's positions
        row["weighted"] = True
    elif rank == 1 and classes and row["labels"] != "soft" and draw.yes():
        row["class_weight"] = {str(number): draw.real(0, 3) for number in range(units)}
    return row


def metric_rows() -> list[Row]:
    """Evaluations in batches for metric_rows.py: every metric, by object and by name."""
    kinds = {"sparse": 30, "one_hot": 30, "many": 25, "real": 20}
    return [row for labels, count in kinds.items() for row in _many(labels, count, partial(_metrics, labels=labels))]


_OF_LABELS: dict[str, list[str]] = {
    "sparse": ["SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "SparseCategoricalCrossentropy"],
    "one_hot": ["CategoricalAccuracy", "TopKCategoricalAccuracy", "CategoricalCrossentropy"],
    "many": ["BinaryAccuracy", "BinaryCrossentropy"],
    "real": ["MeanSquaredError", "MeanAbsoluteError"],
}
_NAMES: dict[str, list[str]] = {
    "sparse": ["accuracy", "acc", "sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy"],
    "one_hot": ["accuracy", "acc", "categorical_accuracy", "top_k_categorical_accuracy", "mse"],
    "many": ["binary_accuracy", "binary_crossentropy", "bce", "BCE", "mae"],
    "real": ["mse", "MSE", "mean_squared_error", "mae", "MAE", "mean_absolute_error"],
}


def _metrics(draw: Draw, labels: str) -> Row:
    chosen: list[list[Any]] = []
    for number, name in enumerate(_OF_LABELS[labels]):
        config = draw.some({"name": f"number_{number}"}, 0.3)
        if "TopK" in name:
            config |= draw.some({"k": draw.number(1, 7)}, 0.8)
        chosen += [[name, config]] if draw.yes(0.7) else []
    chosen += [["MeanMetricWrapper", {"fn": "product", "name": "product"}]] if labels == "real" else []
    return {
        "labels": labels,
        "metrics": chosen or [[_OF_LABELS[labels][0], {}]],
        "named": draw.one(_NAMES[labels]),
        "shape": [*(draw.number(1, 4) for _ in range(draw.one([0, 0, 1, 2]))), draw.number(2, 8)],
        "rows": draw.number(3, 17),
        "batch": draw.number(1, 6),
        "few": draw.yes(0.3),  # few different values, so that predictions tie
    }


def optimizer_rows() -> list[Row]:
    """Ten steps for make_optimizers.py."""
    return [row for name in _OPTIMIZERS for row in _many(name.lower(), 25, partial(_optimizer, name=name))]


_OPTIMIZERS: dict[str, Callable[[Draw], Config]] = {
    "SGD": lambda draw: {"momentum": draw.real(0, 1), "nesterov": draw.yes()},
    "Adam": lambda draw: _moments(draw),
    "AdamW": lambda draw: _moments(draw),
    "RMSprop": lambda draw: {
        "rho": draw.real(0, 0.99),
        "momentum": draw.real(0, 0.95),
        "epsilon": draw.one([1e-7, 1e-3, 0.1]),
    },
}


def _moments(draw: Draw) -> Config:
    epsilon = draw.one([1e-8, 1e-7, 1e-4, 0.1])
    return {"beta_1": draw.real(0, 0.99), "beta_2": draw.real(0.5, 0.9999), "epsilon": epsilon}


def _optimizer(draw: Draw, name: str) -> Row:
    config = draw.some({"learning_rate": draw.one([1e-3, 0.05, 0.3]), **_OPTIMIZERS[name](draw)}, 0.7)
    row: Row = {"optimizer": name, "config": config}
    config |= draw.some({"weight_decay": draw.one([0.0, 0.01, 0.5])}, 0.4)
    if draw.yes(0.4):
        config[draw.one(["clipnorm", "clipvalue", "global_clipnorm"])] = draw.one([0.05, 0.3, 20.0])
    if draw.yes(0.25):
        average = {"ema_momentum": draw.real(0, 0.99), "ema_overwrite_frequency": draw.number(1, 4)}
        config |= {"use_ema": True, **draw.some(average, 0.7)}
    if draw.yes(0.25):
        config.pop("learning_rate", None)
        kind = draw.one(sorted(SCHEDULES))
        row["schedule"] = [kind, SCHEDULES[kind](draw, 12)]
    if draw.yes(0.4):
        row["bias"] = True
        row |= draw.some({"exclude": draw.one([["bias"], ["kernel", "gamma"]])} if "weight_decay" in config else {})
    return row


def schedule_rows() -> list[Row]:
    """Schedules for make_schedules.py, over a few thousand steps."""
    return [row for kind in SCHEDULES for row in _many(kind, 12, partial(_schedule, kind=kind))]


def _schedule(draw: Draw, kind: str) -> Row:
    return {"schedule": kind, "config": SCHEDULES[kind](draw, draw.one([40, 3000]))}


def _decay(draw: Draw, length: int) -> Config:
    steps = draw.one([draw.number(1, length), draw.real(0.5, length)])
    return {"initial_learning_rate": draw.real(0.001, 0.5), "decay_steps": steps}


def _geometric(draw: Draw, length: int) -> Config:
    return {**_decay(draw, length), "decay_rate": min(draw.real(0.1, 1.1), 1.0), **draw.some({"staircase": draw.yes()})}


def _pieces(draw: Draw, length: int) -> Config:
    edges = sorted({draw.number(0, length) for _ in range(draw.number(1, 5))})
    return {"boundaries": edges, "values": [draw.real(0, 0.5) for _ in range(len(edges) + 1)]}


def _polynomial(draw: Draw, length: int) -> Config:
    more = {"end_learning_rate": draw.real(0, 0.1), "power": draw.one([0.5, 1.0, 2.0, draw.real(0.2, 3)])}
    return {**_decay(draw, length), **draw.some({**more, "cycle": draw.yes()})}


def _cosine(draw: Draw, length: int) -> Config:
    config = {**_decay(draw, length), **draw.some({"alpha": draw.real(0, 1)})}
    warm = {"warmup_target": draw.real(0.01, 1), "warmup_steps": draw.number(0, length // 2)}
    return {**config, **(warm if draw.yes() else {})}


def _restarts(draw: Draw, length: int) -> Config:
    config = {"initial_learning_rate": draw.real(0.001, 0.5), "first_decay_steps": draw.number(2, length)}
    more = {"t_mul": draw.one([1.0, 1.5, 2.0, 3.0]), "m_mul": draw.real(0.3, 1.2), "alpha": draw.real(0, 0.5)}
    return {**config, **draw.some(more)}


SCHEDULES: dict[str, Callable[[Draw, int], Config]] = {
    "CosineDecay": _cosine,
    "CosineDecayRestarts": _restarts,
    "ExponentialDecay": _geometric,
    "InverseTimeDecay": _geometric,
    "PiecewiseConstantDecay": _pieces,
    "PolynomialDecay": _polynomial,
}
