"""The lessons: the numbers that the lecture prints, the same from other code, pictures, refusals."""

from __future__ import annotations

import doctest
import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import LANGUAGES, assert_nothing_is_cut, speak

from pyconvnet import edu, ops, regularizers

DOCS = Path(__file__).resolve().parents[1] / "docs"
RANDOM = np.random.default_rng(5)


def by_ops(image: Any, weights: Any, strides: int = 1) -> Any:
    """The same by the kernels: [oh, ow]."""
    x, kernel = np.asarray(image, np.float32)[None, :, :, None], np.asarray(weights, np.float32)[:, :, None, None]
    return ops.conv2d(x, kernel, strides=strides)[0, :, :, 0]


def test_the_four_filters_are_those_of_the_lecture() -> None:
    assert edu.HORIZONTAL.tolist() == [[1, 1, 1], [0, 0, 0], [-1, -1, -1]]
    assert edu.VERTICAL.tolist() == edu.HORIZONTAL.T.tolist()
    assert edu.BLUR.tolist() == [[0.11] * 3] * 3
    assert edu.SHARPEN.tolist() == [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
    with pytest.raises(ValueError, match="read-only"):
        edu.BLUR[0, 0] = 1


@pytest.mark.parametrize("weights", [edu.HORIZONTAL, edu.VERTICAL, edu.SHARPEN, np.arange(25.0).reshape(5, 5)])
def test_conv2d_simple_is_the_kernels_convolution(weights: Any) -> None:
    image = RANDOM.integers(0, 256, (28, 28), np.uint8)  # bytes, as MNIST has them: 5 * 255 must not overflow
    result = edu.conv2d_simple(image, weights, len(weights))
    assert result.shape == (29 - len(weights), 29 - len(weights)) and result.dtype == np.float64
    np.testing.assert_array_equal(result, by_ops(image, weights))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.ones((4, 4)), edu.BLUR, 2), ValueError, r"filter must have shape \(2, 2\), as size says, got \(3, 3\)"),
        (
            (np.ones((2, 9)), edu.BLUR, 3),
            ValueError,
            r"the filter has 3 rows and columns, more than the image \(2, 9\)",
        ),
        ((np.ones((4, 4, 1)), edu.BLUR, 3), ValueError, r"image must have shape \(rows, columns\), got \(4, 4, 1\)"),
        (([[1, 2], [3]], edu.BLUR, 3), ValueError, "image must be a table, and its rows have different lengths"),
        (([["a"]], edu.BLUR, 3), TypeError, "image must hold real numbers, got dtype <U1"),
        (([[np.nan]], edu.BLUR, 3), ValueError, "image must hold finite numbers, got infinity or NaN"),
        ((np.ones((4, 4)), edu.BLUR, 3.0), TypeError, "size must be a whole number, got 3.0"),
    ],
)
def test_conv2d_simple_refuses(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"conv2d_simple: {message}"):
        edu.conv2d_simple(*arguments)


def test_the_worked_convolution_of_the_lecture() -> None:
    worked = edu.worked_convolution()
    assert worked.padded.tolist() == [[1, 2, 3, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1]]
    assert worked.filter.tolist() == [[2, 0, 1], [0, 1, 2], [1, 0, 2]]
    assert [step.value for step in worked.steps][:3] == [15, 16, 6]
    assert worked.result.tolist() == [[15, 16], [6, 15]]
    assert [(step.row, step.column) for step in worked.steps] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert worked.steps[2].window.tolist() == [[0, 1, 2], [3, 0, 1], [2, 3, 0]]
    assert all(step.products.sum() == step.value for step in worked.steps)


@pytest.mark.parametrize(("padding", "stride"), list(itertools.product((0, 2), (1, 2, 3))))
def test_a_worked_convolution_is_the_kernels(padding: int, stride: int) -> None:
    image, weights = RANDOM.integers(-4, 5, (7, 9)), RANDOM.integers(-4, 5, (2, 3))
    worked = edu.worked_convolution(image, weights, padding=padding, stride=stride)
    np.testing.assert_array_equal(worked.result, by_ops(np.pad(image, padding), weights, stride))
    assert worked.result.shape == edu.output_size((7, 9), (2, 3), padding, stride)


def test_the_three_output_sizes_of_the_lecture() -> None:
    assert edu.output_size((4, 4), (3, 3), 1, 1) == (4, 4)
    assert edu.output_size((7, 7), (3, 3), 0, 2) == (3, 3)
    assert edu.output_size((28, 31), (5, 5), 2, 3) == (10, 11)
    assert edu.output_size(28, 3) == (26, 26)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            (4, 5),
            ValueError,
            r"the filter covers 5 rows, more than the 4 of .*\(4 \+ 2 \* 0\); .* padding of at least 1",
        ),
        (((9, 2), 7, 2), ValueError, "the filter covers 7 columns, more than the 6 .* padding of at least 3"),
        ((4, 3, -1), ValueError, "padding must be at least 0, got -1"),
        ((4, 3, 0, 0), ValueError, "stride must be positive, got 0"),
        ((0, 3), ValueError, "input_size must be positive, got 0"),
        ((4, (3, 3, 3)), ValueError, r"filter_size must be one number or two .* got \(3, 3, 3\)"),
        ((4, 1.5), TypeError, "filter_size must be a whole number or two of them, got 1.5"),
    ],
)
def test_output_size_refuses(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"output_size: {message}"):
        edu.output_size(*arguments)


@pytest.mark.parametrize("digit", [1, 2, 3])
def test_the_features_of_a_digit_are_a_convolution_layer_and_a_pooling_layer(digit: int) -> None:
    features = edu.digit_features(edu.DIGITS[digit])
    assert [feature.name for feature in features] == ["horizontal", "diagonal", "vertical"]
    image = edu.DIGITS[digit].astype(np.float32)[None, :, :, None]
    kernel = np.stack([feature.filter for feature in features], -1)[:, :, None, :].astype(np.float32)
    maps = ops.activation(ops.conv2d(image, kernel, np.full(3, -1, np.float32)), "relu")
    pooled = ops.max_pool2d(maps, maps.shape[1:3])
    for i, feature in enumerate(features):
        np.testing.assert_array_equal(feature.activated, maps[0, :, :, i])
        assert feature.pooled == pooled[0, 0, 0, i]
    assert all((feature.feature_map >= -1).all() for feature in features)


@pytest.mark.parametrize("table", [edu.DIGITS, edu.STROKES, edu.FIVE_FILTERS, edu.FIVE_FILTERS[3]])
def test_the_tables_cannot_be_changed(table: Any) -> None:
    with pytest.raises(TypeError, match="does not support item assignment"):
        table[next(iter(table))] = np.zeros((3, 3))


def test_the_digits_differ_in_their_features() -> None:
    pooled = {digit: [feature.pooled for feature in edu.digit_features(image)] for digit, image in edu.DIGITS.items()}
    assert pooled == {1: [2, 1, 2], 2: [2, 2, 1], 3: [2, 1, 1]}


def test_the_exercise_has_five_filters_for_each_digit_and_a_best_one() -> None:
    for digit, best in ((3, "bow"), (1, "vertical")):
        scores = edu.compare_filters(digit)
        assert len(scores) == 5 and scores[0].feature.name == best
        assert scores[0].found == 1.0 and scores[0].margin > max(score.margin for score in scores[1:])
        assert [score.margin for score in scores] == sorted((score.margin for score in scores), reverse=True)
    own = edu.compare_filters(2, {"dot and dot": [[1, 0], [0, 1]]})
    assert [score.feature.name for score in own] == ["dot and dot"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: edu.compare_filters(7), ValueError, "compare_filters: unknown digit 7. Known: 1, 2, 3"),
        (lambda: edu.compare_filters([3]), ValueError, r"unknown digit \[3\]. Known: 1, 2, 3"),  # type: ignore[arg-type]
        (lambda: edu.compare_filters(2), ValueError, "there are five filters for 3, 1; pass filters for 2"),
        (lambda: edu.compare_filters(3, {"grey": [[0.5, 1]]}), ValueError, "filter 'grey' must be drawn with 0 and 1"),
        (lambda: edu.compare_filters(3, {"one": [[1]]}), ValueError, "filter 'one' .* at least two cells of 1"),
        (lambda: edu.digit_features(filters={"wide": [[1, 1]]}), ValueError, r"filter must have shape \(1, 1\)"),
        (lambda: edu.digit_features(bias="low"), TypeError, "digit_features: bias must be a number, got 'low'"),
    ],
)
def test_digits_refuse(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("t", [0, 1, 2, 0.37])
def test_the_integrals_of_the_ramp_are_those_on_paper(t: float) -> None:
    convolution = edu.convolution_integral(edu.ramp, edu.ramp, t, 0, 3)
    correlation = edu.correlation_integral(edu.ramp, edu.ramp, t, 0, 3)
    # Where the ramp ends between two pieces of the rule, that piece is not exact.
    exact = 1e-12 if float(t).is_integer() else 1e-5
    assert convolution == pytest.approx(t**3 / 6, abs=exact)
    assert correlation == pytest.approx(9 - t**3 / 3 - t * (9 - t**2) / 2, abs=exact)


def test_the_second_integral_is_a_correlation() -> None:
    def f(x: Any) -> Any:
        return np.exp(-(x**2)) * (1 + x)

    def g(x: Any) -> Any:
        return np.cos(x) + 0.3 * x

    for t in (0, 1, 2):
        first = edu.convolution_integral(f, g, t, -8, 8)
        second = edu.correlation_integral(f, g, t, -8, 8)
        turned = edu.convolution_integral(f, lambda x: g(-x), t, -8, 8)
        assert second == pytest.approx(turned, abs=1e-12) and abs(first - second) > 0.05
    # f(x) = x and g(x - t) = x - t, as printed, from 0 to 3: a function of t.
    line = [edu.correlation_integral(lambda x: x, lambda x: x, t, 0, 3) for t in (0, 1, 2)]
    assert line == pytest.approx([9, 4.5, 0])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((edu.ramp, edu.ramp, 0, 3, 3), ValueError, "low must be below high, got 3 and 3"),
        ((edu.ramp, edu.ramp, np.inf, 0, 3), ValueError, "t must be finite, got inf"),
        ((edu.ramp, lambda x: x[:5], 0, 0, 3), ValueError, "g must answer a number for each of 9600 numbers, got 5"),
        ((lambda x: 1.0, edu.ramp, 0, 0, 3), ValueError, r"the answer of f must be a row of numbers, got shape \(\)"),
    ],
)
def test_integrals_refuse(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"convolution_integral: {message}"):
        edu.convolution_integral(*arguments)


def test_without_a_penalty_the_fit_is_least_squares() -> None:
    x, y = edu.polynomial_points()
    assert x.shape == y.shape == (20,)
    fit = edu.fit_polynomial(x, y, degree=5)
    np.testing.assert_allclose(fit.weights[::-1], np.polyfit(x, y, 5), rtol=1e-7)


@pytest.mark.parametrize(("l1", "l2"), [(0, 1e-4), (0, 0.1), (1e-5, 0), (1e-3, 0), (0.3, 0), (1e-3, 1e-2), (5.0, 0)])
def test_no_step_makes_the_penalized_loss_smaller(l1: float, l2: float) -> None:
    """The slope is zero where a weight is not, and no steeper than the L1 penalty where it is."""
    x, y = edu.polynomial_points()
    fit = edu.fit_polynomial(x, y, l1=l1, l2=l2)
    rest = y - fit(x)
    slopes = -2 * (x[:, None] ** np.arange(13)).T @ rest / len(x) + 2 * l2 * fit.weights * (np.arange(13) > 0)
    assert abs(slopes[0]) < 1e-12
    used = fit.weights[1:] != 0
    np.testing.assert_allclose(slopes[1:][used], -l1 * np.sign(fit.weights[1:][used]), atol=1e-11)
    assert (np.abs(slopes[1:][~used]) <= l1 * (1 + 1e-6)).all()
    assert l1 or used.all()
    assert fit.zeros == 12 - used.sum()


def test_the_polynomial_of_the_lecture() -> None:
    """Degree 12, 20 points, weights in the millions; L2 makes them small, L1 makes most of them 0."""
    study = edu.polynomial_study()
    plain, l2, l1 = (study.fits[name] for name in ("no penalty", "L2", "L1"))
    assert len(study.x) == 20 and len(plain.weights) == 13
    assert plain.largest > 1e6 and plain.zeros == 0
    assert l2.largest < 20 and l2.zeros == 0
    assert l1.largest < 20 and l1.zeros > 6
    assert study.training_error["no penalty"] < min(study.training_error["L1"], study.training_error["L2"])
    assert study.true_error["no penalty"] > 3 * max(study.true_error["L1"], study.true_error["L2"])


def test_decay_is_gradient_descent_on_the_librarys_penalties() -> None:
    l2, l1 = regularizers.L2(0.3), regularizers.L1(0.3)
    w = 2.0
    for expected in edu.decay(2.0, l2=l2.l2, rate=0.1, steps=20):
        assert expected == pytest.approx(w)
        w -= 0.1 * 2 * l2.l2 * w
    path = edu.decay(-1.0, l1=l1.l1, rate=0.1, steps=60)
    np.testing.assert_allclose(path[:34], -1 + 0.03 * np.arange(34), atol=1e-12)
    assert (path[34:] == 0).all() and (edu.decay(1.0, l2=0.3) > 0).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: edu.fit_polynomial([1, 2], [1]), ValueError, "x and y must have the same length, got 2 and 1"),
        (lambda: edu.fit_polynomial([1], [1], 0), ValueError, "degree must be positive, got 0"),
        (lambda: edu.fit_polynomial([1], [1], l1=-1), ValueError, "l1 must be at least 0, got -1"),
        (lambda: edu.fit_polynomial([[1]], [1]), ValueError, r"x must be a row of numbers, got shape \(1, 1\)"),
        (lambda: edu.polynomial_points(noise=-1), ValueError, "polynomial_points: noise must be at least 0"),
        (lambda: edu.decay(1.0, l2=5.0), ValueError, "decay: rate must be above 0 and 2 \\* rate \\* l2 below 1"),
        (lambda: edu.decay(1.0, rate=0), ValueError, "rate must be above 0 .* got rate 0"),
    ],
)
def test_polynomials_refuse(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


PICTURES: dict[str, Callable[[], Any]] = {
    "filters": lambda: edu.conv2d_simple_picture(np.eye(8), title="eye"),
    "convolution": edu.worked_convolution_picture,
    "padded": lambda: edu.worked_convolution_picture(edu.worked_convolution(np.eye(2), padding=1, stride=2), title="t"),
    "output_size": lambda: edu.output_size_picture((28, 31), 5, 2, 3),
    "one_cell": lambda: edu.output_size_picture(1, 1),
    "digit": edu.digit_features_picture,
    "filters_of_3": lambda: edu.compare_filters_picture(3),
    "filters_of_1": lambda: edu.compare_filters_picture(1),
    "integral": edu.integral_picture,
    "polynomial": edu.polynomial_picture,
    "decay": edu.decay_picture,
}


@pytest.mark.filterwarnings("error::UserWarning")  # matplotlib warns of a character without a glyph
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_whole(name: str, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    speak(language, monkeypatch)
    assert_nothing_is_cut(PICTURES[name]())


def test_the_picture_of_a_convolution_shows_its_numbers() -> None:
    pytest.importorskip("matplotlib")
    axes = edu.worked_convolution_picture().axes
    outputs = [[text.get_text() for text in axes[7 * step + 6].texts] for step in range(4)]
    assert outputs == [["15"], ["15", "16"], ["15", "16", "6"], ["15", "16", "6", "15"]]
    assert [text.get_text() for text in axes[4].texts] == ["2", "0", "3", "0", "1", "4", "3", "0", "2"]


def test_the_pictures_of_functions_show_their_numbers() -> None:
    pytest.importorskip("matplotlib")
    titles = [axes.get_title(loc="left").split(":")[-1].strip() for axes in edu.integral_picture().axes]
    assert titles == ["0", "0.1667", "1.333", "9", "4.667", "1.333"]
    first, last = edu.decay_picture(1.0, l1=0.4, l2=0.4).axes[0].lines[:2]
    assert list(first.get_ydata())[:2] == pytest.approx([1, 0.96]) and last.get_ydata()[1] == pytest.approx(0.92)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: edu.worked_convolution_picture(edu.worked_convolution(np.eye(9))), "at most 16 steps .* got 49"),
        (lambda: edu.output_size_picture(60, 3, 3), "output_size_picture: at most 64 rows and columns .* got 66"),
        (lambda: edu.digit_features_picture(filters={}), "digit_features_picture: filters must not be empty"),
        (lambda: edu.integral_picture(times=()), "integral_picture: times must be 1 to 6 numbers, got 0"),
    ],
)
def test_pictures_refuse(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_numbers_need_no_matplotlib_and_pictures_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert edu.worked_convolution().result[0, 0] == 15
    for name, draw in PICTURES.items():
        with pytest.raises(ImportError, match=r'pip install "pyconvnet\[plot\]"'):
            draw()
            pytest.fail(name)


def test_importing_costs_no_matplotlib(tmp_path: Path) -> None:
    code = "import sys; from pyconvnet import edu; edu.output_size(4, 3); assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_the_page_in_docs_is_true_and_whole() -> None:
    page = (DOCS / "edu.md").read_text(encoding="utf-8")
    failed, tried = doctest.testfile(str(DOCS / "edu.md"), module_relative=False, encoding="utf-8")
    assert failed == 0 and tried > 15
    functions = [name for name in edu.__all__ if name[0].islower() and name != "polynomial_points"]
    assert [name for name in functions if f"{name}(" not in page and f"`{name}`" not in page] == []
    pictures = {picture.name for picture in (DOCS / "images").glob("edu_*.png")}
    assert pictures == {f"edu_{name}.png" for name in PICTURES if name not in ("padded", "one_cell")}
    assert all(f"images/{name}" in page for name in pictures)
