"""Pictures of what a layer makes of an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import LANGUAGES, assert_nothing_is_cut, speak

from pyconvnet import Model, Sequential, layers, plot
from pyconvnet.models import load_model
from pyconvnet.models.inner import values_at

IMAGE = np.random.default_rng(4).random((10, 8, 1)).astype("f4")


def network() -> Sequential:
    return Sequential(
        [
            layers.Conv2D(32, 3, padding="same", activation="relu", name="first", input_shape=(10, 8, 1)),
            layers.MaxPooling2D(2, name="pool"),
            layers.BatchNormalization(name="normal"),
            layers.Conv2D(66, 3, padding="same", name="second"),
            layers.Dropout(0.5, name="dropped"),
            layers.Flatten(name="flat"),
            layers.Dense(10, activation="softmax", name="end"),
        ]
    )


def assert_shows(figure: Any, maps: np.ndarray) -> None:
    """The pictures are the channels of maps [h, w, channels], in their order."""
    assert len(figure.axes) == maps.shape[-1]
    for channel, axes in enumerate(figure.axes):
        np.testing.assert_array_equal(axes.images[0].get_array(), maps[:, :, channel])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_maps_of_the_first_convolution_are_those_of_the_submodel(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(language, monkeypatch)
    model = network()
    maps = Model(model.input, model.layers[0].output).predict(IMAGE[None], verbose=0)
    figure = plot.feature_maps(model, IMAGE)
    assert_shows(figure, maps[0])
    grid = figure.axes[0].get_subplotspec().get_gridspec()
    assert (grid.nrows, grid.ncols) == (4, 8)
    assert figure.get_suptitle() == "first · 10 x 8 x 32"
    assert_nothing_is_cut(figure)


@pytest.mark.parametrize("layer", [3, "second", -4])
def test_any_layer_by_place_or_name_and_the_first_channels_only(layer: int | str) -> None:
    pytest.importorskip("matplotlib")
    model = network()
    maps = Model(model.inputs, model.get_layer("second").output).predict(IMAGE[None], verbose=0)
    figure = plot.feature_maps(model, IMAGE[None, ..., 0], layer)
    assert_shows(figure, maps[0, :, :, :64])
    assert figure.get_suptitle() == "second · 5 x 4 x 66 · 64 / 66"
    assert_shows(plot.feature_maps(model, IMAGE[..., 0], layer, most=3, columns=2, title="t"), maps[0, :, :, :3])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_vector_is_drawn_as_bars(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    speak(language, monkeypatch)
    model = network()
    figure = plot.feature_maps(model, IMAGE, "end")
    (axes,) = figure.axes
    (steps,) = axes.patches
    np.testing.assert_array_equal(steps.get_data().values, model.predict(IMAGE[None], verbose=0)[0])
    assert axes.get_xlabel() == {"korean": "유닛", "english": "unit"}[language]
    assert_nothing_is_cut(figure)
    assert len(plot.feature_maps(model, IMAGE, "flat").axes[0].patches[0].get_data().values) == 5 * 4 * 66


def test_trained_and_just_loaded_models_stay_as_they_are(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = np.random.default_rng(0).random((8, 10, 8, 1), "f4"), np.arange(8)
    model.fit(x, y, verbose=0)
    before, plans = model.get_weights(), len(model.plans)
    model.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras")
    for layer in ("normal", "dropped"):
        figures = [plot.feature_maps(each, IMAGE, layer, most=5) for each in (model, loaded)]
        maps = Model(model.inputs, model.get_layer(layer).output).predict(IMAGE[None], verbose=0)[0]
        for figure in figures:
            assert_shows(figure, maps[:, :, :5])
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.compiled and len(model.plans) == plans
    assert loaded.compiled and len(loaded.plans) == 0


def test_a_matrix_is_one_map_and_a_shared_layer_shows_its_first_use() -> None:
    pytest.importorskip("matplotlib")
    image = layers.Input((4, 6))
    twice = layers.Dense(6, name="twice")
    model = Model(image, twice(twice(image)))
    x = np.random.default_rng(1).random((4, 6))
    figure = plot.feature_maps(model, x, "twice")
    assert_shows(figure, (x.astype("f4") @ twice.kernel.numpy())[..., None].astype("f4"))
    np.testing.assert_array_equal(values_at("test", model, x[None], model.layers[0])[0], x.astype("f4"))


def test_values_come_batch_by_batch_and_are_those_of_one_batch() -> None:
    model = network()
    x = np.random.default_rng(1).random((37, 10, 8, 1), "f4")
    whole = values_at("test", model, x, model.layers[1], batch_size=37)
    assert whole.shape == (37, 5, 4, 32)
    np.testing.assert_array_equal(values_at("test", model, x, model.layers[1], batch_size=8), whole)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"model": "m"}, TypeError, "plot.feature_maps: expected a model of pyconvnet.models, got str"),
        ({"model": Sequential([layers.Dense(2)])}, ValueError, "is not built"),
        ({"layer": "frist"}, ValueError, "unknown layer 'frist'; did you mean 'first'"),
        ({"layer": layers.Dense(1, name="other")}, ValueError, "Dense 'other' is not a layer of Sequential"),
        ({"x": np.zeros((2, 10, 8, 1))}, ValueError, r"x must hold one sample, got 2; pass x\[:1\]"),
        ({"x": np.zeros((0, 10, 8, 1))}, ValueError, "x is empty"),
        ({"x": np.zeros((1, 8))}, ValueError, r"x must have shape \(samples, 10, 8, 1\), got \(1, 8\)"),
        ({"x": np.zeros((1, 7, 8, 1))}, ValueError, r"x must have shape \(samples, 10, 8, 1\), got \(1, 7, 8, 1\)"),
        ({"x": 3.0}, TypeError, "x must be an array or a list with one entry for each sample, got 3.0"),
        ({"x": [["a"]]}, TypeError, "x must hold real numbers"),
        ({"most": 0}, ValueError, "most must be positive, got 0"),
        ({"most": 300}, ValueError, "most must be at most 256, got 300"),
        ({"columns": 2.5}, TypeError, "columns must be a whole number, got 2.5"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        plot.feature_maps(**{"model": network(), "x": IMAGE, **options})


def test_outputs_that_are_no_maps_and_several_inputs_are_refused() -> None:
    image = layers.Input((8,))
    deep = Model(image, layers.Reshape((2, 2, 2, 1), name="deep")(image))
    with pytest.raises(ValueError, match=r"the output of Reshape 'deep' has shape .2, 2, 2, 1.; maps have 1 to 3 axes"):
        plot.feature_maps(deep, np.zeros(8), "deep")
    other = layers.Input((8,))
    two = Model([image, other], layers.Add(name="sum")([image, other]))
    with pytest.raises(ValueError, match="must have one input, it has 2"):
        plot.feature_maps(two, np.zeros(8), "sum")
