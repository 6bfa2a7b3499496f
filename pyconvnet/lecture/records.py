"""The finished runs in a folder: one JSON file for each experiment and seed."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pyconvnet import config
from pyconvnet._plain import json_text, plain
from pyconvnet.lecture._files import write_text
from pyconvnet.lecture.data import Images, split_sizes
from pyconvnet.lecture.description import Experiment, Study
from pyconvnet.lecture.experiments import EXPERIMENTS
from pyconvnet.lecture.runner import SHOWN_IMAGES, Run

Record = dict[str, Any]

_NEEDED = {
    *("name", "seed", "source", "epochs_cap", "quick", "epochs", "ms_per_step"),
    *("config", "history", "validation", "test", "shown"),
}


@dataclass(frozen=True)
class Group:
    """The runs of one experiment with the same settings; one row of the table.

    Attributes:
        experiment: which.
        source: "whole", "sample" or "other".
        epochs_cap: the most epochs.
        quick: whether it was the quick preset.
        records: by seed; NaN where they hold None, the sign of a run that diverged.
    """

    experiment: Experiment
    source: str
    epochs_cap: int
    quick: bool
    records: tuple[Record, ...]

    @property
    def faithful(self) -> bool:
        """Whether these are the lecture's data and settings."""
        return self.source == "whole" and self.epochs_cap == self.experiment.epochs

    def accuracies(self) -> list[float]:
        """Of each run, on the images on which the lecture's figure was published."""
        return [record[self.experiment.compared_on]["accuracy"] for record in self.records]

    def losses(self) -> list[float]:
        """As `accuracies`."""
        return [record[self.experiment.compared_on]["loss"] for record in self.records]

    @property
    def diverged(self) -> int:
        """How many of the runs ended without a finite loss and accuracy."""
        return sum(math.isnan(loss + right) for loss, right in zip(self.losses(), self.accuracies(), strict=True))


def data_of(record: Record) -> str:
    """The data of a record, as `Images.key` names them."""
    return str(record.get("data", record["source"]))


def _with_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_nan(inner) for inner in value]
    return math.nan if value is None else value


def stem(experiment: Experiment, data: str, epochs: int, seed: int) -> str:
    """The name of a run's files: what its result depends on; `data` as `Images.key` names them."""
    return f"{experiment.name}-{data}-epochs{epochs}-seed{seed}"


def path_of(folder: Path, name: str) -> Path:
    """Where the record of a finished run lies."""
    return folder / "finished" / f"{name}.json"


def checkpoint_of(folder: Path, name: str) -> Path:
    """Where the state of an unfinished run lies."""
    return folder / "unfinished" / f"{name}.npz"


def model_of(folder: Path, name: str) -> Path:
    """Where a run saves its model, if it does."""
    return folder / "models" / f"{name}.h5"


def record_of(run: Run, images: Images, quick: bool) -> Record:
    """A finished run as plain values; what is not finite becomes None."""
    training, validating = split_sizes(run.experiment, images)
    record = {
        "name": run.experiment.name,
        "seed": run.seed,
        "source": images.source,
        "data": images.key,
        "quick": quick,
        "epochs_cap": run.epochs_cap,
        "epochs": len(run.history.epoch),
        "stopped_early": run.stopped_early,
        "training_images": training,
        "validation_images": validating,
        "parameters": run.model.count_params(),
        "test": asdict(run.test),
        "validation": asdict(run.validation),
        "ms_per_step": round(1e3 * run.step_seconds, 4),
        "training_seconds": round(run.training_seconds, 3),
        "seconds": round(run.seconds, 3),
        "config": {**config.describe(), "device": str(run.model.device)},
        "history": run.history.history,
        "shown": _shown(run, images, np.arange(min(SHOWN_IMAGES, len(images.y_test)))),
    }
    if run.training is not None:
        record["training"] = asdict(run.training)
    if run.saved is not None:
        record["saved"] = asdict(run.saved)
    if run.spreads:
        record["spreads"] = run.spreads
    if run.experiment.lists_mistakes:
        predicted = run.probabilities.argmax(axis=1)
        wrong = np.flatnonzero(predicted != images.y_test)
        rows = np.stack([wrong, images.y_test[wrong], predicted[wrong]], axis=1)
        record["mistakes"] = {"rows": rows.tolist(), "shown": _shown(run, images, wrong[:SHOWN_IMAGES])}
    finite: Record = plain(record)
    return finite


def _shown(run: Run, images: Images, rows: npt.NDArray[np.int64]) -> Record:
    """Some test images and what they are taken for."""
    pictures = images.x_test[rows]
    return {
        "images": base64.b64encode(pictures.tobytes()).decode("ascii"),
        "shape": list(pictures.shape),
        "labels": images.y_test[rows].tolist(),
        "probabilities": [[round(float(p), 6) for p in row] for row in run.probabilities[rows]],
    }


def shown_images(shown: Record) -> npt.NDArray[np.uint8]:
    """The images of a record's "shown" or of its mistakes, uint8 [up to 16, height, width, channels]."""
    return np.frombuffer(base64.b64decode(shown["images"]), np.uint8).reshape(shown["shape"])


def write(path: Path, record: Record) -> None:
    """Writes a record as a whole."""
    write_text(path, json_text(record))


def read(path: Path) -> Record | None:
    """A record, or None where there is none or the file is no record."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if isinstance(record, dict) and record.keys() >= _NEEDED and record["name"] in EXPERIMENTS:
        return record
    return None


def read_all(folder: Path) -> list[Record]:
    """All records of a folder in the order of their names."""
    found = (read(path) for path in sorted((folder / "finished").glob("*.json")))
    return [record for record in found if record is not None]


def numbers_of(record: Record) -> Record:
    """A record without what only the pictures need."""
    return {key: value for key, value in record.items() if key not in ("shown", "mistakes", "spreads")}


def grouped(records: Iterable[Record]) -> list[Group]:
    """Records as rows of the table: in the lecture's order, for each experiment the most faithful settings first."""
    by_settings: dict[tuple[str, str, int], list[Record]] = {}
    for record in records:
        by_settings.setdefault((record["name"], data_of(record), record["epochs_cap"]), []).append(_with_nan(record))
    groups = [
        Group(
            EXPERIMENTS[name],
            rows[0]["source"],
            cap,
            rows[0]["quick"],
            tuple(sorted(rows, key=lambda row: row["seed"])),
        )
        for (name, _, cap), rows in by_settings.items()
    ]
    order = list(EXPERIMENTS)
    return sorted(
        groups, key=lambda group: (order.index(group.experiment.name), group.source != "whole", -group.epochs_cap)
    )


def compared(study: Study, groups: Iterable[Group]) -> list[Group]:
    """The most faithful group of each member of a study, in the study's order; none where a member was not run."""
    first: dict[str, Group] = {}
    for group in groups:
        first.setdefault(group.experiment.name, group)
    return [first[name] for name in study.members] if study.members.keys() <= first.keys() else []
