"""Pictures of kernels, and how their weights are spread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pictures import LANGUAGES, assert_nothing_is_cut, speak

from pyconvnet import Sequential, layers, plot
from pyconvnet.plot import style


def network() -> Sequential:
    return Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(32, 3, name="first"),
            layers.DepthwiseConv2D((3, 2), depth_multiplier=2, name="depthwise"),
            layers.Conv2D(5, 2, name="second"),
            layers.Flatten(),
            layers.Dense(3, name="end"),
        ]
    )


def drawn(figure: Any) -> np.ndarray:
    """The pictures in their order, without the scale of greys."""
    return np.stack([axes.images[0].get_array() for axes in figure.axes[:-1]])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pictures_are_the_kernels_in_two_rows_of_sixteen(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    speak(language, monkeypatch)
    model = network()
    weights = model.layers[0].kernel.numpy()
    figure = plot.kernels(model)
    np.testing.assert_array_equal(drawn(figure), np.moveaxis(weights[:, :, 0], -1, 0))
    grid = figure.axes[0].get_subplotspec().get_gridspec()
    assert (grid.nrows, grid.ncols) == (2, 16)
    limits = {axes.images[0].get_clim() for axes in figure.axes[:-1]}
    assert limits == {(-float(np.abs(weights).max()), float(np.abs(weights).max()))}
    assert figure.axes[0].images[0].get_cmap().name == "gray"
    assert figure.get_suptitle() == f"first · {style.word('kernels')} 32"
    assert_nothing_is_cut(figure)


def test_trained_and_untrained_on_one_scale_of_greys() -> None:
    pytest.importorskip("matplotlib")
    for layer in (network().layers[0], network().layers[2]):
        figure = plot.kernels(layer, limit=0.5)
        assert {axes.images[0].get_clim() for axes in figure.axes[:-1]} == {(-0.5, 0.5)}


def test_several_input_channels_are_averaged_or_chosen() -> None:
    pytest.importorskip("matplotlib")
    model = network()
    weights = model.get_layer("second").kernel.numpy()
    assert weights.shape == (2, 2, 64, 5)
    figure = plot.kernels(model, "second", columns=2)
    np.testing.assert_allclose(drawn(figure), np.moveaxis(weights.mean(axis=2), -1, 0))
    assert figure.get_suptitle().endswith(f"5 · {style.word('mean over input channels')} (64)")
    chosen = plot.kernels(model, model.get_layer("second"), channel=63, title="one")
    np.testing.assert_array_equal(drawn(chosen), np.moveaxis(weights[:, :, 63], -1, 0))
    assert chosen.get_suptitle() == "one"
    assert plot.kernels(model, 2, channel=7).get_suptitle().endswith(f"{style.word('input channel')} 7")


def test_depthwise_filters_come_in_the_order_of_the_outputs() -> None:
    pytest.importorskip("matplotlib")
    model = network()
    weights = model.get_layer("depthwise").weights[0].numpy()
    assert weights.shape == (3, 2, 32, 2)
    pictures = drawn(plot.kernels(model.get_layer("depthwise")))
    assert pictures.shape == (64, 3, 2)
    for output in (0, 1, 2, 63):
        np.testing.assert_array_equal(pictures[output], weights[:, :, output // 2, output % 2])


def test_only_the_first_filters_are_drawn() -> None:
    pytest.importorskip("matplotlib")
    figure = plot.kernels(network(), most=3)
    assert len(figure.axes) == 4 and " 3 / 32" in figure.get_suptitle()
    grouped = Sequential([layers.Input((4, 4, 4)), layers.Conv2D(4, 1, groups=2)])
    assert drawn(plot.kernels(grouped)).shape == (4, 1, 1)


def test_kernels_of_zeros_can_be_drawn() -> None:
    pytest.importorskip("matplotlib")
    layer = Sequential([layers.Input((4, 4, 1)), layers.Conv2D(2, 3, kernel_initializer="zeros")]).layers[0]
    assert plot.kernels(layer).axes[0].images[0].get_clim() == (-1.0, 1.0)
    assert sum(bar.get_height() for bar in plot.kernel_histogram(layer).axes[0].patches[:-1]) == 18


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_histogram_counts_and_says_mean_and_deviation(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    speak(language, monkeypatch)
    model, fresh = network(), network()
    weights = [3.0 * model.layers[0].kernel.numpy().ravel(), fresh.layers[0].kernel.numpy().ravel()]
    model.layers[0].set_weights([3.0 * model.layers[0].kernel.numpy(), model.layers[0].bias.numpy()])
    figure = plot.kernel_histogram(model, fresh, bins=12)
    edges = np.histogram_bin_edges(np.concatenate(weights), 12)
    assert figure.get_suptitle() == "first"
    words = {"korean": ("훈련한 층", "훈련하지 않은 층"), "english": ("trained", "untrained")}[language]
    for axes, values, word in zip(figure.axes, weights, words, strict=True):
        heights = [bar.get_height() for bar in axes.patches[:12]]
        np.testing.assert_array_equal(heights, np.histogram(values, edges)[0])
        name, numbers = axes.get_title(loc="left").split("\n")
        assert name == word
        mean, deviation = values.astype("f8").mean(), values.astype("f8").std()
        assert numbers == f"{style.word('mean')} {mean:.4f}, {style.word('standard deviation')} {deviation:.4f}"
        assert axes.lines[0].get_xdata()[0] == pytest.approx(mean)
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()
    assert_nothing_is_cut(figure)


def test_the_histogram_of_one_layer_of_a_model() -> None:
    pytest.importorskip("matplotlib")
    figure = plot.kernel_histogram(network(), layer="second", title="spread")
    assert len(figure.axes) == 1 and figure.get_suptitle() == "spread"
    assert sum(bar.get_height() for bar in figure.axes[0].patches[:30]) == 2 * 2 * 64 * 5
    both = plot.kernel_histogram(network(), network(), "second")
    assert sum(bar.get_height() for bar in both.axes[1].patches[:30]) == 2 * 2 * 64 * 5


BAD: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (3, {}, TypeError, "expected a model, or a Conv2D or DepthwiseConv2D layer, got int"),
    (layers.Conv2D(2, 3, name="c"), {}, ValueError, "Conv2D 'c' has no weights yet"),
    (layers.Dense(2, name="d"), {}, TypeError, "layer, got Dense 'd'"),
    (Sequential([layers.Conv2D(2, 3)]), {}, ValueError, "is not built"),
    (Sequential([layers.Input((4,)), layers.Dense(2)]), {}, ValueError, "has no Conv2D or DepthwiseConv2D layer"),
    (network(), {"layer": "end"}, TypeError, "got Dense 'end'"),
    (network(), {"layer": "frist"}, ValueError, "unknown layer 'frist'; did you mean 'first'"),
    (network().layers[0], {"layer": "first"}, TypeError, "layer chooses one of a model's layers, got a Conv2D"),
]


@pytest.mark.parametrize("draw", [plot.kernels, plot.kernel_histogram])
@pytest.mark.parametrize(("given", "options", "error", "message"), BAD)
def test_what_is_no_convolution_is_refused(
    draw: Any, given: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        draw(given, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channel": 1}, "channel must be below the 1 input channels of a filter, got 1"),
        ({"channel": -1}, "channel must be at least 0"),
        ({"limit": 0.0}, "limit must be positive, got 0.0"),
        ({"most": 257}, "most must be at most 256, got 257"),
        ({"columns": 0}, "columns must be positive, got 0"),
    ],
)
def test_wrong_numbers_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"plot.kernels: {message}"):
        plot.kernels(network(), **options)


def test_a_diverged_layer_is_named() -> None:
    layer = network().layers[0]
    layer.set_weights([np.full((3, 3, 1, 32), np.nan), np.zeros(32)])
    with pytest.raises(
        ValueError, match=r"plot.kernels: the kernel of Conv2D 'first' holds numbers that are not finite"
    ):
        plot.kernels(layer)
    with pytest.raises(ValueError, match=r"plot.kernel_histogram: bins must be positive"):
        plot.kernel_histogram(network(), bins=0)
