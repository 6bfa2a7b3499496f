"""The lecture's experiments as data: networks, published figures, selection; and the images they train on."""

from __future__ import annotations

import json
import statistics
from importlib import resources
from typing import Any

import numpy as np
import pytest
from small_lecture import IMAGES, few_images

from pyconvnet.datasets import DatasetNotFoundError, ScaledArray, cifar10, fashion_mnist, mnist
from pyconvnet.lecture import EXPERIMENTS, STUDIES, experiments
from pyconvnet.lecture import data as lecture_data
from pyconvnet.lecture.experiments import Experiment, keras_runs
from pyconvnet.random import set_random_seed


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_networks_have_the_published_number_of_parameters(experiment: Experiment) -> None:
    model = experiment.model()
    assert model.count_params() == experiment.parameters
    assert (model.input_shape, model.output_shape) == ((None, *experiment.input_shape), (None, 10))
    assert experiment.input_shape == ((32, 32, 3) if experiment.dataset == "cifar10" else (28, 28, 1))


def test_keras_runs_are_the_measured_ones() -> None:
    means = {name: statistics.fmean(run["test"][1] for run in keras_runs(name)) for name in ("mlp", "conv", "pool")}
    means["book"] = statistics.fmean(run["val"][1] for run in keras_runs("book"))
    assert {name: round(mean, 4) for name, mean in means.items()} == pytest.approx(
        {"mlp": 0.8734, "conv": 0.8469, "pool": 0.8906, "book": 0.9160}, abs=1e-4
    )
    assert keras_runs("vgg") == []


def test_keras_runs_say_the_experiments_settings() -> None:
    text = resources.files("pyconvnet.lecture").joinpath("keras_runs.json").read_text(encoding="utf-8")
    most, book = (f"at most {EXPERIMENTS[name].epochs} epochs" for name in ("mlp", "book"))
    whole, of_book = json.loads(text)["about"].split("; book: ")
    assert most in whole and f"patience={EXPERIMENTS['mlp'].patience}" in whole
    assert book in of_book and f"patience={EXPERIMENTS['book'].patience}, restore_best_weights=True" in of_book


def test_selection_keeps_the_lectures_order_and_adds_the_sound_split() -> None:
    assert [one.name for one in experiments.selected(["vgg_augmented", "mlp", "mlp"])] == [
        "mlp",
        "vgg_augmented",
        "vgg_augmented_sound",
    ]
    with pytest.raises(ValueError, match="lecture: unknown experiment 'vg'; did you mean 'vgg'"):
        experiments.selected(["mlp", "vg"])


def test_without_names_the_preset_is_what_the_sample_can_train() -> None:
    quick = experiments.selected([])
    assert [one.name for one in quick] == [
        *("mlp", "conv", "pool", "vgg", "vgg_augmented", "vgg_augmented_sound", "book", "dense_fashion"),
    ]
    assert {one.dataset for one in quick} == {"fashion_mnist"}


def test_a_study_stands_for_its_members() -> None:
    assert [one.name for one in experiments.selected(["fashion_vs_mnist", "lenet5"])] == [
        "lenet5",
        "dense_mnist",
        "dense_fashion",
    ]
    assert not STUDIES.keys() & EXPERIMENTS.keys()
    for study in STUDIES.values():
        assert study.members.keys() <= EXPERIMENTS.keys() and len(study.members) > 1
        assert all(study in experiments.studies_of(name) for name in study.members)
    with pytest.raises(ValueError, match="did you mean 'dropout_study'"):
        experiments.selected(["dropout_studi"])
    with pytest.raises(ValueError, match="train: 'callback_study' is a study of several experiments; take one of them"):
        experiments.get("train", "callback_study")
    with pytest.raises(ValueError, match=r"train: unknown experiment \['mlp'\]; did you mean"):
        experiments.get("train", ["mlp"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "optimizer", "rate", "loss", "batch", "split", "epochs", "patience"),
    [
        ("lenet5", "Adam", 0.001, "categorical_crossentropy", 128, "test_set", 30, None),
        ("ccp", "Adam", 0.001, "categorical_crossentropy", 128, "test_set", 30, None),
        ("cifar10", "Adam", 0.001, "categorical_crossentropy", 128, "test_set", 30, None),
        ("dropout_50", "SGD", 0.01, "sparse_categorical_crossentropy", 32, "last_fifth", 50, None),
        ("batchnorm", "SGD", 0.01, "sparse_categorical_crossentropy", 32, "last_fifth", 50, None),
        ("callback_checkpoint", "SGD", 0.1, "sparse_categorical_crossentropy", 32, "last_fifth", 50, None),
        ("callback_stopping", "SGD", 0.1, "sparse_categorical_crossentropy", 32, "last_fifth", 50, 5),
        ("one_conv", "Adam", 0.001, "sparse_categorical_crossentropy", 50, "last_fifth", 50, None),
        ("five_by_five_one_hot", "Adam", 0.001, "categorical_crossentropy", 50, "last_fifth", 50, None),
    ],
)
def test_settings_are_the_lectures(
    name: str, optimizer: str, rate: float, loss: str, batch: int, split: str, epochs: int, patience: int | None
) -> None:
    experiment = EXPERIMENTS[name]
    model = experiment.model()
    assert (type(model.optimizer).__name__, model.loss) == (optimizer, loss)
    assert model.optimizer is not None and model.optimizer.learning_rate == pytest.approx(rate)
    assert (experiment.batch_size, experiment.split) == (batch, split)
    assert (experiment.epochs, experiment.patience) == (epochs, patience)


def test_weight_decay_is_the_printed_layer() -> None:
    layer = EXPERIMENTS["dense_64_decay"].model().layers[1]
    assert (layer.units, float(layer.kernel_regularizer.l2), float(layer.activity_regularizer.l1)) == (64, 0.01, 0.01)


def test_random_fifth_is_scikit_learns() -> None:
    sklearn = pytest.importorskip("sklearn.model_selection")
    for n in (60_000, 6_000, 203):
        training, validating = sklearn.train_test_split(np.arange(n), test_size=0.2, random_state=42)
        ours = lecture_data.random_fifth(n)
        np.testing.assert_array_equal(ours[0], training)
        np.testing.assert_array_equal(ours[1], validating)


def test_random_fifth_starts_with_the_known_rows() -> None:
    training, validating = lecture_data.random_fifth(60_000)
    assert (len(training), len(validating)) == (48_000, 12_000)
    assert validating[:4].tolist() == [12628, 37730, 39991, 8525]  # printed by scikit-learn 1.9


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
@pytest.mark.parametrize("count", [200, 57])
def test_announced_sizes_are_those_of_the_data(experiment: Experiment, count: int) -> None:
    images = few_images(count, dataset=experiment.dataset)
    data = lecture_data.training_data(experiment, images)
    if data.validation is None:
        training = int(len(data.x) * (1 - data.validation_split))
        sizes = training, len(data.x) - training
    else:
        sizes = len(data.x), len(data.validation[0])
        assert len(data.validation[0]) == len(data.validation[1])
    assert len(data.x) == len(data.y)
    assert lecture_data.split_sizes(experiment, images) == sizes
    assert (len(data.training()[0]), len(data.validating()[0])) == sizes
    for x, y in (data.training(), data.validating()):
        assert y.shape == ((len(x), 10) if experiment.one_hot else (len(x),))


def test_images_stay_bytes_until_they_are_fed() -> None:
    for name in ("mlp", "book"):
        x = lecture_data.training_data(EXPERIMENTS[name], IMAGES).x
        assert isinstance(x, ScaledArray) and x.array.dtype == np.uint8 and x.divisor == 255.0


def test_published_augmentation_validates_on_copies_of_training_images() -> None:
    set_random_seed(0)
    data = lecture_data.training_data(EXPERIMENTS["vgg_augmented"], IMAGES)
    x = np.asarray(data.x)
    assert x.dtype == np.float32 and x.shape == (300, 28, 28, 1)
    np.testing.assert_array_equal(x[:200], (IMAGES.x / 255.0).astype(np.float32))
    assert x.min() >= 0 and x.max() <= 1
    set_random_seed(0)
    chosen = np.random.choice(200, size=100, replace=False)
    np.testing.assert_array_equal(data.y[200:], IMAGES.y[chosen])
    assert not (x[200:] == x[chosen]).all(axis=(1, 2, 3)).any()
    assert data.validation is None and int(300 * (1 - data.validation_split)) >= 200


def test_sound_augmentation_validates_on_originals_that_it_never_trains_on() -> None:
    data = lecture_data.training_data(EXPERIMENTS["vgg_augmented_sound"], IMAGES)
    assert data.validation is not None
    np.testing.assert_array_equal(np.asarray(data.validation[0]), (IMAGES.x[150:] / 255.0).astype(np.float32))
    x = np.asarray(data.x)
    assert x.shape == (225, 28, 28, 1)
    np.testing.assert_array_equal(x[:150], (IMAGES.x[:150] / 255.0).astype(np.float32))


def test_without_the_whole_set_the_sample_is_taken_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> None:
        raise DatasetNotFoundError("nowhere")

    monkeypatch.setattr(fashion_mnist, "load_data", nowhere)
    images = lecture_data.load_images("whole")
    assert images.source == "sample" and images.x.shape == (6000, 28, 28, 1)
    assert "training on the embedded sample" in images.note and "\n" not in images.note
    assert lecture_data.load_images("sample").note == ""


@pytest.mark.parametrize(("name", "module", "shape"), [("mnist", mnist, (28, 28)), ("cifar10", cifar10, (32, 32, 3))])
def test_other_sets_are_there_or_the_error_is_the_loaders(
    name: Any, module: Any, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.arange(30, dtype=np.uint8) % 10

    def given() -> Any:
        y = labels[:, None] if name == "cifar10" else labels
        return (np.zeros((30, *shape), np.uint8), y), (np.zeros((30, *shape), np.uint8), y)

    def nowhere() -> None:
        raise DatasetNotFoundError("put these files there")

    monkeypatch.setattr(module, "load_data", given)
    images = lecture_data.load_images("whole", name)
    assert (images.source, images.dataset) == ("other", name)
    assert images.x.shape == (30, *EXPERIMENTS["cifar10" if name == "cifar10" else "lenet5"].input_shape)
    np.testing.assert_array_equal(images.y, labels)
    assert str(images).startswith("files of your own for ")
    monkeypatch.setattr(module, "load_data", nowhere)
    with pytest.raises(DatasetNotFoundError, match="put these files there"):
        lecture_data.load_images("whole", name)


def test_damaged_files_of_the_user_are_no_reason_for_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged() -> None:
        raise ValueError("damaged")

    monkeypatch.setattr(fashion_mnist, "load_data", damaged)
    with pytest.raises(ValueError, match="damaged"):
        lecture_data.load_images("whole")
