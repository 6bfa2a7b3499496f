"""Random configurations of callbacks, with random logs to look at, for callback_rows.py."""

from __future__ import annotations

from typing import Any

from random_configurations import Config, Draw, Row

_HARD = ["nan", "inf", None]  # no number, or no monitored number


def callback_rows() -> list[Row]:
    """Rows of every callback that decides, writes or restores something."""
    rows = []
    for class_name, (count, draw_one) in _CALLBACKS.items():
        for number in range(count):
            name = f"random_{number:02d}"
            rows.append({"class": class_name, "sequence": name, **draw_one(Draw(f"{class_name} {name}"))})
    return rows


def _values(draw: Draw, low: int = 3) -> list[Any]:
    """What the monitored number does: it wanders, in steps that may be 0 or near `min_delta`, and has holes."""
    value, values, hard = draw.real(0.2, 2), [], draw.yes(0.4)
    for _ in range(draw.number(low, 14)):
        value = round(value + draw.one([-0.2, -0.1, -0.0001, 0.0, 0.0001, 0.1]), 4)
        values.append(draw.one(_HARD) if hard and draw.yes(0.25) else value)
    return values


def _monitor(draw: Draw) -> Config:
    return draw.some({"mode": draw.one(["min", "max", "auto"]), "verbose": draw.one([0, 1])})


def _early_stopping(draw: Draw) -> Row:
    more = {
        "min_delta": draw.one([0, 0.0001, 0.1, -0.1]),
        "baseline": draw.real(0, 2),
        "start_from_epoch": draw.number(0, 4),
    }
    config = {"patience": draw.number(0, 4), "restore_best_weights": draw.yes(), **draw.some(more, 0.4)}
    return {"config": {**config, **_monitor(draw)}, "values": _values(draw), "runs": draw.one([1, 1, 2])}


def _reduce(draw: Draw) -> Row:
    more = {"min_delta": draw.one([0, 0.0001, 0.1]), "cooldown": draw.number(0, 3), "min_lr": draw.one([0.0, 0.01])}
    config = {"patience": draw.number(0, 3), **draw.some({"factor": draw.real(0.1, 0.9), **more})}
    return {"config": {**config, **_monitor(draw)}, "values": _values(draw, 6), "runs": draw.one([1, 1, 2])}


def _checkpoint(draw: Draw) -> Row:
    weights_only = draw.yes(0.3)
    ending = "weights.h5" if weights_only else draw.one(["keras", "h5"])
    stem = draw.one(["a", "in/{epoch:02d}", "{epoch}-{loss:.3f}", "x/y/{epoch}-{loss:.1e}"])
    config: Config = {"filepath": f"{stem}.{ending}", "save_best_only": draw.yes(0.7), **_monitor(draw)}
    config |= {"save_weights_only": True} if weights_only else {}
    config |= draw.some({"initial_value_threshold": draw.real(0, 2)}, 0.3)
    row: Row = {"config": config, "values": [value for value in _values(draw) if value is not None]}
    if draw.yes(0.3):
        config |= {"save_freq": draw.number(1, 7), "save_best_only": False}  # Keras fails at both in its first epoch
        row["batches"] = draw.number(1, 5)
    return {**row, "runs": draw.one([1, 1, 2])}


def _scheduler(draw: Draw) -> Row:
    config = {"schedule": draw.one(["halve", "of_epoch", "keep"]), "verbose": draw.one([0, 1])}
    return {"config": config, "values": _values(draw), "runs": draw.one([1, 2])}


def _terminate(draw: Draw) -> Row:
    return {"config": draw.some({"raise_error": False}), "values": _values(draw), "batches": draw.number(1, 4)}


def _csv(draw: Draw) -> Row:
    names = ["loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "a_b"]
    config = {"filename": "log.csv", **draw.some({"separator": draw.one([";", "\t", ","]), "append": draw.yes()})}
    values = []
    for _ in range(draw.number(1, 6)):
        logs = {name: draw.one([draw.real(0, 1), "nan", 1e-9, 123456.789]) for name in names if draw.yes(0.7)}
        values.append({"loss": draw.real(0, 1), **logs})
    return {"config": config, "values": values, "runs": draw.one([1, 2, 3])}


def _backup(draw: Draw) -> Row:
    batches = draw.number(1, 4)
    more = {"double_checkpoint": draw.yes(), "delete_checkpoint": draw.yes()}
    config = {"backup_dir": "backup", **draw.some({"save_freq": draw.one(["epoch", draw.number(1, 6)]), **more})}
    interrupted = sorted({draw.number(0, 5) for _ in range(draw.number(1, 3))})
    return {"config": config, "values": [1.0] * 6, "batches": batches, "interrupted": interrupted}


_CALLBACKS = {
    "BackupAndRestore": (15, _backup),
    "CSVLogger": (15, _csv),
    "EarlyStopping": (40, _early_stopping),
    "LearningRateScheduler": (10, _scheduler),
    "ModelCheckpoint": (30, _checkpoint),
    "ReduceLROnPlateau": (30, _reduce),
    "TerminateOnNaN": (12, _terminate),
}
