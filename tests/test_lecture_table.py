"""The lecture's table: rows, notes, their order, and what is said below it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyconvnet.lecture import EXPERIMENTS, records
from pyconvnet.lecture.records import Record
from pyconvnet.lecture.table import first_epochs, made_with, note, order_remarks, table


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
        "config": {"pyconvnet": "0.1.0", "processor": "one", "threads": "1"},
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
        (record("mlp", 0, 0.86, epochs_cap=1), "seed 0, at most 1 epoch"),
        (record("mlp", 0, 0.1, loss=None), "seed 0, diverged"),
        (record("cifar10", 0, 0.1, loss=None, saved={"loss": None, "accuracy": 0.1}), "seed 0, diverged"),
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
    records.write(path, record("mlp", 0, 0.1, loss=float("nan")))
    assert "NaN" not in path.read_text()
    diverged = records.read_all(tmp_path)
    assert row("mlp", *diverged)[3] == "nan / 0.1000"
    both = records.grouped([*diverged, record("mlp", 1, 0.88)])
    assert note(both[0]) == "2 seeds, 1 of them diverged"
    at_once = {"loss": [None], "accuracy": [0.1], "val_loss": [None], "val_accuracy": [0.1]}
    assert "nan / 0.1000, nan / 0.1000" in first_epochs(records.grouped([record("mlp", 0, 0.1, history=at_once)]))
    assert order_remarks(records.grouped([*diverged, record("conv", 0, 0.85)])) == []
    lost = record("mlp", 2, 0.1, test={"loss": None, "accuracy": None})
    assert row("mlp", lost, record("mlp", 0, 0.88), record("mlp", 1, 0.86))[3] == "nan / nan (0.8600-0.8800)"


def test_a_record_that_lacks_something_is_none(tmp_path: Path) -> None:
    whole = record("mlp", 0, 0.88)
    for name in ("ms_per_step", "config"):
        records.write(tmp_path / "finished" / f"{name}.json", {key: whole[key] for key in whole if key != name})
    assert records.read_all(tmp_path) == []


def test_it_is_said_what_made_the_rows() -> None:
    config = {"pyconvnet": "0.2.0", "processor": "two", "threads": "8"}
    made = [record("mlp", 0, 0.88), record("mlp", 1, 0.88, config=config), record("conv", 0, 0.88, config=config)]
    assert made_with(records.grouped(made[:1])) == "pyconvnet 0.1.0, one, 1 thread"
    assert made_with(records.grouped(made)) == (
        "pyconvnet 0.1.0, one, 1 thread (mlp); pyconvnet 0.2.0, two, 8 threads (mlp, conv)"
    )


def test_the_images_of_the_figures_are_named() -> None:
    assert "on the test images; means" in table(records.grouped([record("mlp", 0, 0.88)]))
    both = table(records.grouped([record("mlp", 0, 0.88), record("book", 0, 0.9)]))
    assert "on the test images, of `book` on validation images; means" in both


def test_remarks_are_below_the_table() -> None:
    text = table(records.grouped([record("vgg_augmented", 0, 0.92)]))
    assert "- vgg_augmented: as published: its validation set consists of augmented copies of training images." in text
