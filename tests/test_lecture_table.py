"""The lecture's table: rows, notes, their order, and what is said below it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyconvnet.lecture import EXPERIMENTS, records
from pyconvnet.lecture.records import Record
from pyconvnet.lecture.table import first_epochs, order_remarks, table


def record(name: str, seed: int, accuracy: float, loss: float | None = 0.3, **changes: Any) -> Record:
    scores = {"loss": loss, "accuracy": accuracy}
    history = {"loss": [0.5, loss], "accuracy": [0.8, accuracy], "val_loss": [0.4, loss], "val_accuracy": [0.85, 0.9]}
    made = {
        "name": name,
        "seed": seed,
        "source": "whole",
        "quick": False,
        "epochs_cap": EXPERIMENTS[name].epochs,
        "epochs": 10 + seed,
        "ms_per_step": 1.234,
        "history": history,
        "test": scores,
        "validation": scores,
        "shown": {},
    }
    return {**made, **changes}


def row(name: str, *made: Record) -> list[str]:
    lines = table(records.grouped(made)).splitlines()
    return next([cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith(f"| {name} "))


def test_a_row_shows_published_keras_and_measured() -> None:
    assert row("mlp", record("mlp", 1, 0.88), record("mlp", 0, 0.87), record("mlp", 2, 0.872)) == [
        "mlp",
        "0.5899 / 0.8197",
        "0.4076 / 0.8734 (0.8674-0.8771)",
        "0.3000 / 0.8740 (0.8700-0.8800)",
        "10-12",
        "101,770",
        "1.23",
        "3 seeds, within Keras's range",
    ]


@pytest.mark.parametrize(
    ("made", "note"),
    [
        (record("mlp", 0, 0.86), "seed 0, below Keras's range"),
        (record("mlp", 2, 0.89), "seed 2, above Keras's range"),
        (record("vgg", 0, 0.92), "seed 0, +0.0025 from the published accuracy"),
        (record("mlp", 0, 0.86, epochs_cap=3), "seed 0, at most 3 epochs"),
        (record("mlp", 0, 0.86, source="sample"), "sample, seed 0"),
        (record("mlp", 0, 0.86, source="sample", quick=True, epochs_cap=5), "quick, seed 0"),
        (record("vgg_augmented_sound", 0, 0.9), "seed 0"),
    ],
)
def test_notes_say_what_differs_and_how_it_compares(made: Record, note: str) -> None:
    assert row(made["name"], made)[-1] == note


def test_rows_are_in_the_lectures_order_the_faithful_first() -> None:
    made = [
        record("book", 0, 0.9),
        record("mlp", 0, 0.8, source="sample"),
        record("mlp", 0, 0.8, epochs_cap=2),
        record("mlp", 0, 0.8),
    ]
    groups = records.grouped(made)
    assert [(group.experiment.name, group.source, group.epochs_cap) for group in groups] == [
        ("mlp", "whole", 500),
        ("mlp", "whole", 2),
        ("mlp", "sample", 500),
        ("book", "whole", 50),
    ]
    assert [group.faithful for group in groups] == [True, False, False, True]


def test_it_is_said_where_the_lectures_order_does_not_repeat() -> None:
    groups = records.grouped([record("mlp", 0, 0.87), record("conv", 0, 0.85), record("pool", 0, 0.89)])
    assert order_remarks(groups) == [
        "The lecture's order does not repeat: conv (0.8500) stays below mlp (0.8700), as it does in Keras."
    ]
    assert order_remarks(records.grouped([record("vgg", 0, 0.88), record("pool", 0, 0.89)])) == [
        "The lecture's order does not repeat: vgg (0.8800) stays below pool (0.8900)."
    ]
    assert order_remarks(records.grouped([record("mlp", 0, 0.87), record("conv", 0, 0.85, epochs_cap=2)])) == []


def test_first_epochs_stand_beside_the_published() -> None:
    text = first_epochs(records.grouped([record("mlp", 0, 0.87), record("mlp", 1, 0.87)]))
    assert "0.5195 / 0.8185, 0.4345 / 0.8454" in text
    assert "0.5000 / 0.8000, 0.4000 / 0.8500" in text
    assert first_epochs(records.grouped([record("mlp", 0, 0.87, epochs_cap=2)])) == ""


def test_a_diverged_run_is_still_a_record_and_a_row(tmp_path: Path) -> None:
    path = tmp_path / "finished" / "a.json"
    records.write(path, records.plain(record("mlp", 0, 0.1, loss=float("nan"))))
    assert "NaN" not in path.read_text()
    assert row("mlp", *records.read_all(tmp_path))[3] == "nan / 0.1000"


def test_remarks_are_below_the_table() -> None:
    text = table(records.grouped([record("vgg_augmented", 0, 0.92)]))
    assert "- vgg_augmented: as published: its validation set consists of augmented copies of training images." in text
