"""Mistakes as a list and as pictures, and the confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pictures import LANGUAGES, assert_nothing_is_cut, speak

from pyconvnet import Model, Sequential, layers, plot
from pyconvnet.datasets.fashion_mnist import CLASS_NAMES, CLASS_NAMES_KO
from pyconvnet.datasets.scaled import ScaledArray
from pyconvnet.plot import style


def reader(classes: int = 10, activation: str | None = "softmax") -> Sequential:
    """A model whose scores are the first pixels of an image, so that a test writes what it predicts."""
    model = Sequential([layers.Input((4, 4, 1)), layers.Flatten(), layers.Dense(classes, activation=activation)])
    model.set_weights([np.eye(16, classes, dtype="f4"), np.zeros(classes, "f4")])
    return model


def images(scores: np.ndarray) -> np.ndarray:
    """Images that the reader gives these scores before its softmax."""
    x = np.zeros((len(scores), 16), "f4")
    x[:, : scores.shape[1]] = scores
    return x.reshape(-1, 4, 4, 1)


GUESSES = np.array([3, 1, 2, 9, 4, 0, 6])
SURE = np.array([2.0, 1.0, 9.0, 3.0, 2.0, 5.0, 4.0])
X = images(np.eye(10)[GUESSES] * SURE[:, None])
TRUTH = np.array([3, 2, 2, 8, 4, 6, 7])  # wrong: 1, 3, 5, 6


def test_all_wrong_ones_are_listed_in_order() -> None:
    found = plot.list_mistakes(reader(), X, TRUTH, batch_size=2)
    assert [row[:3] for row in found] == [(1, 2, 1), (3, 8, 9), (5, 6, 0), (6, 7, 6)]
    assert [row.sample for row in plot.list_mistakes(reader(), X, TRUTH, order="confident")] == [5, 6, 3, 1]
    scores = reader().predict(X, verbose=0)
    assert [row.probability for row in found] == pytest.approx([scores[row.sample].max() for row in found])


@pytest.mark.parametrize(
    "y", [TRUTH[:, None], np.eye(10)[TRUTH], TRUTH.astype("u1"), TRUTH.astype("f4"), TRUTH.tolist()]
)
def test_labels_as_every_loss_takes_them(y: Any) -> None:
    assert [row.sample for row in plot.list_mistakes(reader(), X, y)] == [1, 3, 5, 6]


def test_logits_become_probabilities() -> None:
    """A model without softmax says the same as one with."""
    with_softmax, without = (plot.list_mistakes(reader(activation=a), X, TRUTH) for a in ("softmax", None))
    assert [row[:3] for row in with_softmax] == [row[:3] for row in without]
    assert [row[3] for row in with_softmax] == pytest.approx([row[3] for row in without], rel=1e-5)


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_a_single_score_means_yes_or_no(activation: str | None) -> None:
    x = images(np.array([[4.0], [-3.0], [2.0], [-1.0]]))
    found = plot.list_mistakes(reader(1, activation), x, [1, 1, 0, 0])
    assert [row[:3] for row in found] == [(1, 1, 0), (2, 0, 1)]
    assert [row[3] for row in found] == pytest.approx([1 / (1 + np.exp(-3)), 1 / (1 + np.exp(-2))], rel=1e-5)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("language", LANGUAGES)
def test_mistakes_are_drawn_with_what_they_are(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    speak(language, monkeypatch)
    names = CLASS_NAMES_KO if language == "korean" else CLASS_NAMES
    figure = plot.mistakes(reader(), X, TRUTH, order="confident", most=3, class_names=names)
    found = plot.list_mistakes(reader(), X, TRUTH, order="confident")[:3]
    assert len(figure.axes) == 3
    whole = X[[row.sample for row in found], :, :, 0]
    for axes, picture, row in zip(figure.axes, whole, found, strict=True):
        np.testing.assert_allclose(axes.images[0].get_array(), picture / 255.0, rtol=1e-6)  # 5 is beyond 1
        assert axes.get_title() == f"{names[row.prediction]}  {row.probability:.0%}"
        actually = {"korean": "정답", "english": "actually"}[language]
        assert axes.get_xlabel() == f"{actually}: {names[row.label]}\n#{row.sample}"
    assert figure.get_suptitle() == {"korean": "틀림: 4 / 7", "english": "wrong: 4 / 7"}[language]
    assert_nothing_is_cut(figure)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_wrong_is_said(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    speak(language, monkeypatch)
    figure = plot.mistakes(reader(), X, GUESSES)
    assert figure.axes[0].texts[0].get_text() == style.word("nothing is wrong")
    assert figure.get_suptitle().endswith("0 / 7")
    assert plot.list_mistakes(reader(), X, GUESSES) == []
    assert_nothing_is_cut(figure)


def test_a_data_set_is_read_where_it_lies() -> None:
    pytest.importorskip("matplotlib")
    data = ScaledArray((X[..., 0] * 25.5).astype(np.uint8), 25.5)
    assert [row.sample for row in plot.list_mistakes(reader(), data, TRUTH)] == [1, 3, 5, 6]
    assert plot.mistakes(reader(), data, TRUTH).axes[1].images[0].get_array().shape == (4, 4)
    big = np.broadcast_to(X[1:2], (100_000, 4, 4, 1))  # takes no memory of its own
    assert len(plot.list_mistakes(reader(), big, np.full(100_000, 2), batch_size=1000)) == 100_000


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_confusion_matrix_counts(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    speak(language, monkeypatch)
    names = ["가", "나", "다"] if language == "korean" else ["a", "b", "c"]
    guesses, truth = np.array([0, 0, 1, 2, 2, 2, 0]), np.array([0, 1, 1, 2, 2, 0, 0])
    figure = plot.confusion_matrix(reader(3), images(np.eye(3)[guesses]), truth, class_names=names, batch_size=3)
    (axes,) = figure.axes
    counts = {(int(text.get_position()[1]), int(text.get_position()[0])): text.get_text() for text in axes.texts}
    expected = [[2, 0, 1], [1, 1, 0], [0, 0, 2]]  # true class, prediction
    assert counts == {(i, j): str(expected[i][j]) for i in range(3) for j in range(3)}
    right, wrong = (image.get_array() for image in axes.images)
    np.testing.assert_allclose(right.diagonal(), np.sqrt([2 / 3, 1 / 2, 1.0]))
    assert wrong.mask.sum() == 7
    assert wrong[1, 0] == pytest.approx(np.sqrt(0.5)) and wrong[0, 2] == pytest.approx(np.sqrt(1 / 3))
    assert [label.get_text() for label in axes.get_yticklabels()] == names
    words = {"korean": ("예측", "정답", "정확도"), "english": ("prediction", "true class", "accuracy")}[language]
    assert (axes.get_xlabel(), axes.get_ylabel()) == words[:2]
    assert figure.get_suptitle() == f"{words[2]} {5 / 7:.4f} (5 / 7)"
    assert_nothing_is_cut(figure)


def test_a_class_that_never_comes_and_many_classes() -> None:
    pytest.importorskip("matplotlib")
    figure = plot.confusion_matrix(reader(2), images(np.eye(2)[[0, 1]]), [0, 0], title="t")
    assert [text.get_text() for text in figure.axes[0].texts] == ["1", "1", "0", "0"]
    many = Sequential([layers.Input((30,)), layers.Dense(30, activation="softmax")])
    assert not plot.confusion_matrix(many, np.eye(30), np.arange(30)).axes[0].texts


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"model": 1}, TypeError, "expected a model of pyconvnet.models, got int"),
    ({"model": Sequential([layers.Dense(2)])}, ValueError, "is not built"),
    ({"x": X[:3]}, ValueError, r"y must hold a class number for each of the 3 samples, .* got shape \(7,\)"),
    ({"x": X[:0], "y": []}, ValueError, "x is empty"),
    ({"x": np.zeros((7, 5, 5))}, ValueError, r"x must have shape \(samples, 4, 4, 1\), got \(7, 5, 5\)"),
    ({"x": iter([X])}, TypeError, "x must be a NumPy array or a list of numbers"),
    ({"y": TRUTH - 5}, ValueError, "labels must be whole numbers from 0 to 9, got -2 at sample 0"),
    ({"y": TRUTH + 5}, ValueError, "labels must be whole numbers from 0 to 9, got 13 at sample 3"),
    ({"y": TRUTH + 0.5}, ValueError, "labels must be whole numbers from 0 to 9, got 3.5 at sample 0"),
    ({"y": np.zeros((7, 3))}, ValueError, r"rows of 10 numbers, got shape \(7, 3\)"),
    ({"y": ["cat"] * 7}, TypeError, "y must hold real numbers"),
    ({"batch_size": 0}, ValueError, "batch_size must be positive, got 0"),
]


@pytest.mark.parametrize("draw", [plot.list_mistakes, plot.mistakes, plot.confusion_matrix])
@pytest.mark.parametrize(("options", "error", "message"), BAD)
def test_what_does_not_fit_is_refused(draw: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        draw(**{"model": reader(), "x": X, "y": TRUTH, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "frist"}, "plot.mistakes: unknown order 'frist'; did you mean 'first'"),
        ({"most": 101}, "plot.mistakes: most must be at most 100, got 101"),
        ({"most": 0}, "plot.mistakes: most must be positive, got 0"),
        ({"class_names": ["a"]}, "plot.mistakes: class_names must hold 10 names, got 1"),
    ],
)
def test_wrong_settings_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot.mistakes(reader(), X, TRUTH, **options)


def test_models_that_score_no_classes_and_samples_that_are_no_images_are_refused() -> None:
    image = layers.Input((4, 4, 1))
    with pytest.raises(ValueError, match=r"plot.confusion_matrix: .* must have one output with a score for each class"):
        plot.confusion_matrix(Model(image, layers.Conv2D(2, 3)(image)), X, TRUTH)
    wide = Sequential([layers.Input((200,)), layers.Dense(101)])
    with pytest.raises(ValueError, match=r"plot.confusion_matrix: at most 100 classes can be drawn, got 101"):
        plot.confusion_matrix(wide, np.zeros((1, 200)), [0])
    with pytest.raises(ValueError, match=r"plot.mistakes: images must be \[n, h, w\] .* got shape \(1, 200\)"):
        plot.mistakes(wide, np.zeros((1, 200)), [100])
