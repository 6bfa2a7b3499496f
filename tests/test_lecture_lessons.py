"""The lecture's lessons without an experiment: their pictures, their data, and the network that is looked into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_lecture import few_images

from pyconvnet import lecture, plot
from pyconvnet.datasets import DatasetNotFoundError, cifar10, mnist
from pyconvnet.lecture import job, lessons
from pyconvnet.models import load_model

pytest.importorskip("matplotlib")

IMAGES = few_images(dataset="cifar10")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = few_images()
    monkeypatch.setattr(mnist, "load_data", lambda: ((digits.x[..., 0], digits.y), (digits.x_test[..., 0], None)))
    monkeypatch.setattr(cifar10, "load_data", lambda: ((IMAGES.x, IMAGES.y[:, None]), (IMAGES.x_test, None)))
    monkeypatch.setattr(lessons, "load_images", lambda source: few_images())
    monkeypatch.setattr(job, "load_images", lambda source, dataset: few_images(dataset=dataset))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.*"))


def test_names() -> None:
    assert lessons.selected(["seeing", "mlp", "convolution"]) == ["convolution", "seeing"]
    assert lessons.selected(["lessons"]) == list(lessons.LESSONS)
    assert lessons.selected([]) == []
    assert not lessons.LESSONS.keys() & (lecture.EXPERIMENTS.keys() | lecture.STUDIES.keys())
    with pytest.raises(ValueError, match="unknown experiment 'seing'; did you mean 'seeing'"):
        lecture.run_lecture(["seing"])


@pytest.mark.long
@pytest.mark.usefixtures("small")
def test_lessons_write_pictures_and_train_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["convolution", "filters", "digit_features", "regularization", "augmentation"]
    assert lecture.run_lecture(wanted, out=tmp_path) == []
    assert names(tmp_path) == [
        "augmentation_batches.png",
        "augmentation_copies.png",
        "convolution_integral.png",
        "convolution_size_28x31.png",
        "convolution_size_4x4.png",
        "convolution_size_7x7.png",
        "convolution_steps.png",
        "digit_features_1.png",
        "digit_features_2.png",
        "digit_features_3.png",
        "filters.png",
        "regularization_polynomial.png",
        "regularization_weight.png",
    ]
    said = capsys.readouterr().out
    assert [line.split(":")[0] for line in said.splitlines()] == wanted


@pytest.mark.usefixtures("small")
def test_missing_data_keep_no_other_lesson_from_being_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> None:
        raise DatasetNotFoundError("MNIST is not on this machine. Put ...")

    monkeypatch.setattr(mnist, "load_data", nowhere)
    with pytest.raises(DatasetNotFoundError, match="MNIST is not on this machine"):
        lecture.run_lecture(["filters", "digit_features"], out=tmp_path)
    assert names(tmp_path) == ["digit_features_1.png", "digit_features_2.png", "digit_features_3.png"]


@pytest.mark.long
@pytest.mark.usefixtures("small")
def test_seeing_looks_into_the_trained_network_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[Any] = []
    kernels = plot.kernels
    monkeypatch.setattr(plot, "kernels", lambda model, **options: shown.append(model) or kernels(model, **options))
    lecture.run_lecture(["book", "seeing"], epochs=1, out=tmp_path, verbose=0)
    saved = tmp_path / "models" / "book-sample-epochs1-seed0.h5"
    assert f"looks into {saved}" in capsys.readouterr().out
    trained, untrained = shown
    np.testing.assert_array_equal(trained.get_weights()[0], load_model(str(saved)).get_weights()[0])
    assert not np.array_equal(trained.get_weights()[0], untrained.get_weights()[0])
    assert {name for name in names(tmp_path) if name.startswith("seeing")} == {
        "seeing_histogram.png",
        "seeing_kernels_trained.png",
        "seeing_kernels_untrained.png",
        "seeing_layers.txt",
        "seeing_maps_1.png",
        "seeing_maps_2.png",
        "seeing_model.png",
        "seeing_model_shapes.png",
    }
    layers = (tmp_path / "seeing_layers.txt").read_text()
    assert layers.count("(Conv2D)") == 2 and "Total params: 333,526" in layers


@pytest.mark.usefixtures("small")
def test_seeing_trains_where_the_folder_has_no_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = lessons._trained(tmp_path), lessons._trained(tmp_path)
    assert "it is trained on the sample for a few epochs" in capsys.readouterr().out
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
