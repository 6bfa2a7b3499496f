"""Learning curves and predictions as pictures."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import LANGUAGES, assert_nothing_is_cut, speak

from pyconvnet import plot
from pyconvnet.callbacks import History
from pyconvnet.datasets.fashion_mnist import CLASS_NAMES, CLASS_NAMES_KO
from pyconvnet.layers import Dense, Input
from pyconvnet.models import Sequential
from pyconvnet.plot import _images, style

CURVES = {
    "accuracy": [0.5, 0.7, 0.8],
    "loss": [1.5, 0.8, 0.6],
    "val_accuracy": [0.6, 0.7, 0.7],
    "val_loss": [1.0, 0.7, 0.9],
}


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    speak(request.param, monkeypatch)
    return str(request.param)


@pytest.fixture
def without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)


@pytest.mark.filterwarnings("error")  # matplotlib warns of a character without a glyph
def test_history_draws_loss_and_accuracy_side_by_side(language: str) -> None:
    figure = plot.history(CURVES, title="mlp")
    loss, accuracy = figure.axes
    words = {"korean": ("손실", "정확도", "에포크", "훈련", "검증"), "english": tuple(style._KOREAN)[:5]}[language]
    assert (loss.get_title(loc="left"), accuracy.get_title(loc="left")) == words[:2]
    assert loss.get_xlabel() == words[2]
    np.testing.assert_array_equal(loss.lines[0].get_xydata(), [[1, 1.5], [2, 0.8], [3, 0.6]])
    np.testing.assert_array_equal(accuracy.lines[1].get_ydata(), CURVES["val_accuracy"])
    legend = [text.get_text() for text in loss.get_legend().get_texts()]
    assert legend[:2] == list(words[3:]) and legend[2].endswith("0.7000")
    assert figure.get_suptitle() == "mlp"
    assert_nothing_is_cut(figure)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("epochs", [1, 2, 80])
def test_history_of_any_length(language: str, epochs: int) -> None:
    figure = plot.history({name: np.linspace(0.9, 0.01, epochs).tolist() for name in CURVES})
    low, high = figure.axes[0].get_xlim()
    assert low < 1 and epochs < high
    assert figure.axes[0].get_ylim()[0] >= 0
    assert_nothing_is_cut(figure)


def test_history_takes_what_fit_answers_and_several_runs() -> None:
    pytest.importorskip("matplotlib")
    fitted = History()
    for epoch in range(2):
        fitted.on_epoch_end(epoch, {"loss": 1.0 - 0.5 * epoch})
    assert len(plot.history(fitted).axes) == 1
    figure = plot.history([CURVES, {name: [*values, values[-1]] for name, values in CURVES.items()}])
    assert len(figure.axes[1].lines) == 4
    assert len(figure.axes[1].get_legend().get_texts()) == 2  # the second run has no labels of its own


def test_validations_are_drawn_at_their_epochs() -> None:
    pytest.importorskip("matplotlib")
    model = Sequential([Input((2,)), Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 2)), np.ones(4)
    fitted = model.fit(x, y, epochs=6, validation_data=(x, y), validation_freq=3, verbose=0)
    training, validation = plot.history(fitted).axes[0].lines[:2]
    np.testing.assert_array_equal(training.get_xdata(), range(1, 7))
    np.testing.assert_array_equal(validation.get_xdata(), [3, 6])
    np.testing.assert_array_equal(validation.get_ydata(), fitted.history["val_loss"])
    again = model.fit(x, y, epochs=8, initial_epoch=6, validation_data=(x, y), callbacks=fitted, verbose=0)
    assert again is fitted
    np.testing.assert_array_equal(plot.history(again).axes[0].lines[1].get_xdata(), [3, 6, 7, 8])
    with pytest.raises(ValueError, match=r"val_loss has 4 values for 8 epochs; pass what fit\(\) answers"):
        plot.history(fitted.history)


def test_a_diverged_run_can_be_drawn() -> None:
    pytest.importorskip("matplotlib")
    nothing = [None, float("nan")]
    figure = plot.history({"loss": nothing, "val_loss": nothing})
    figure.savefig(io.BytesIO())
    assert len(figure.axes[0].lines) == 2


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, ValueError, "holds no epochs"),
        ({"loss": []}, ValueError, "holds no epochs"),
        ([], ValueError, "holds no epochs"),
        ({"val_loss": [1.0]}, ValueError, "there is no 'loss' beside val_loss; pass all that fit kept"),
        (3, TypeError, "expected what fit.. answers or its dictionary, got int"),
    ],
)
def test_history_refuses_what_is_none(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"plot.history: .*{message}"):
        plot.history(given)


@pytest.mark.filterwarnings("error")
def test_predictions_mark_wrong_ones(language: str) -> None:
    names = CLASS_NAMES_KO if language == "korean" else CLASS_NAMES
    probabilities = np.full((16, 10), 0.01)
    probabilities[np.arange(16), np.arange(16) % 10] = 0.91
    labels = np.arange(16) % 10
    labels[3] = 0
    figure = plot.predictions(np.zeros((16, 28, 28, 1), np.uint8), probabilities, labels, class_names=names, title="t")
    captions = [axes.get_title() for axes in figure.axes]
    assert len(captions) == 16
    assert captions[0] == f"✓ {names[0]}  91%" and captions[3] == f"✗ {names[3]}  91%"
    assert [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()] == [f"{style.word('actually')}: {names[0]}"]
    assert [axes.spines["left"].get_edgecolor() for axes in figure.axes].count(_rgba(style.WRONG)) == 1
    assert_nothing_is_cut(figure)


def _rgba(colour: str) -> tuple[float, ...]:
    from matplotlib.colors import to_rgba

    return to_rgba(colour)


def test_predictions_without_labels_or_in_colour_mark_nothing() -> None:
    pytest.importorskip("matplotlib")
    figure = plot.predictions(np.zeros((3, 8, 8, 3)), np.eye(3))
    assert [axes.get_title() for axes in figure.axes] == ["0  100%", "1  100%", "2  100%"]


@pytest.mark.parametrize(
    ("scores", "labels", "captions"),
    [
        ([[0.9], [0.25]], [[1], [1]], ["✓ 1  90%", "✗ 0  75%"]),
        ([[0.0, 7.0], [2.0, 1.0]], [[0, 1], [0, 1]], ["✓ 1  100%", "✗ 0  73%"]),
        ([[-1.0], [4.0]], [0, 1], ["✓ 0  73%", "✓ 1  98%"]),
    ],
    ids=["yes or no", "logits, one-hot labels", "logits of yes"],
)
def test_predictions_of_every_kind(scores: list[list[float]], labels: Any, captions: list[str]) -> None:
    pytest.importorskip("matplotlib")
    figure = plot.predictions(np.zeros((2, 8, 8)), scores, labels)
    assert [axes.get_title() for axes in figure.axes] == captions


@pytest.mark.parametrize(
    ("largest", "drawn"), [(1.0, 1.0), (1.01, 1.0), (2.0, 1.0), (51.0, 0.2), (255.0, 1.0), (300.0, 1.0)]
)
def test_floats_a_little_above_one_are_white(largest: float, drawn: float) -> None:
    images = np.linspace(0.0, largest, 16).reshape(1, 4, 4)
    assert _images.check_images("test", images).max() == pytest.approx(drawn)
    np.testing.assert_array_equal(_images.check_images("test", np.minimum(images, 1.0)), np.minimum(images, 1.0))


@pytest.mark.parametrize(
    ("images", "probabilities", "options", "message"),
    [
        ((3, 8), (3, 2), {}, r"images must be \[n, h, w\] or .* got shape \(3, 8\)"),
        ((0, 8, 8), (0, 2), {}, "1 to 100 images, got 0"),
        ((101, 8, 8), (101, 2), {}, "1 to 100 images, got 101; pass a slice"),
        ((3, 8, 8), (2, 2), {}, r"probabilities must be \[3, classes\], a row an image, got shape \(2, 2\)"),
        (
            (3, 8, 8),
            (3, 2),
            {"labels": [0]},
            r"labels must hold a class number for each of the 3 samples, .* got shape \(1,\)",
        ),
        ((3, 8, 8), (3, 2), {"class_names": ["a"]}, "class_names must hold 2 names, got 1"),
        ((3, 8, 8), (3, 2), {"labels": [0, 5, 1]}, "labels must be whole numbers from 0 to 1, got 5 at sample 1"),
        ((3, 8, 8), (3, 2), {"labels": [0, 1, -1]}, "labels must be whole numbers from 0 to 1, got -1 at sample 2"),
        ((3, 8, 8), (3, 0), {}, r"probabilities must be \[3, classes\]"),
    ],
)
def test_predictions_refuse_what_does_not_fit(
    images: tuple[int, ...], probabilities: tuple[int, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"plot.predictions: .*{message}"):
        plot.predictions(np.zeros(images), np.zeros(probabilities), **options)


def test_a_picture_shows_itself_in_a_notebook_and_leaves_the_users_settings() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    before = dict(matplotlib.rcParams)
    png = plot.history(CURVES)._repr_png_()  # type: ignore[attr-defined]
    assert png.startswith(b"\x89PNG")
    assert dict(matplotlib.rcParams) == before


def test_a_picture_can_be_pickled() -> None:
    pytest.importorskip("matplotlib")
    figure = plot.history(CURVES)
    again = pickle.loads(pickle.dumps(figure))
    assert type(again) is type(figure) and again._repr_png_() == figure._repr_png_()


@pytest.mark.usefixtures("without_matplotlib")
def test_without_matplotlib_the_error_says_what_to_install() -> None:
    with pytest.raises(ImportError, match=r'pip install "pyconvnet\[plot\]"'):
        plot.history(CURVES)
    with pytest.raises(ImportError, match=r'pip install "pyconvnet\[plot\]"'):
        plot.predictions(np.zeros((1, 8, 8)), np.eye(1))


def test_importing_costs_no_matplotlib_and_drawing_no_pyplot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    code = (
        "import sys; from pyconvnet import plot; assert 'matplotlib' not in sys.modules\n"
        "plot.history({'loss': [1.0]}); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
