"""Grad-CAM and the gradients that it is made of: against real Keras with tf.GradientTape, and against finite
differences of the NumPy reference. Golden data made by tests/golden/make_grad_cam.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden import assert_near, grad_cam_networks, load_arrays

import pyconvnet
from pyconvnet import Model, Sequential, config, layers, plot, reference
from pyconvnet.models.inner import gradients_at, values_at
from pyconvnet.plan import PlanSpec, build_plan
from pyconvnet.plan.gradients import build_gradient_plan
from pyconvnet.plot import style
from pyconvnet.utils import set_random_seed

CASES, ARRAYS = load_arrays("grad_cam")
TOLERANCE = 5e-6  # float32 in both; the largest distance seen is 5e-7


def network(name: str) -> Any:
    """A network of grad_cam_networks.py with its weights."""
    model = grad_cam_networks.CASES[name][0](pyconvnet)
    grad_cam_networks.set_weights(model)
    return model


def one_hot(model: Any) -> np.ndarray:
    scores = model.output_shape[-1]
    return np.eye(scores)[grad_cam_networks.classes(scores)]


@pytest.mark.parametrize("winograd", [True, False])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_maps_and_gradients_are_those_of_keras(case: dict[str, Any], winograd: bool, monkeypatch: Any) -> None:
    monkeypatch.setattr(config, "winograd", winograd)
    model, x = network(case["network"]), grad_cam_networks.images()
    layer = model.get_layer(case["layer"])
    maps, gradients = gradients_at("test", model, x, layer, one_hot(model), batch_size=2)
    assert_near(maps, ARRAYS[f"{case['name']}/maps"], TOLERANCE, "maps")
    assert_near(gradients, ARRAYS[f"{case['name']}/gradients"], TOLERANCE, "gradients")
    np.testing.assert_array_equal(maps, values_at("test", model, x, layer, batch_size=2))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_heat_in_the_picture_is_that_of_keras(case: dict[str, Any]) -> None:
    pytest.importorskip("matplotlib")
    model, x = network(case["network"]), grad_cam_networks.images()
    chosen = grad_cam_networks.classes(model.output_shape[-1])
    for image, index, expected in zip(x, chosen, ARRAYS[f"{case['name']}/heat"], strict=True):
        figure = plot.grad_cam(model, image, case["layer"], int(index))
        assert_near(figure.axes[1].images[1].get_array(), expected, TOLERANCE, "heat")


def test_gradients_are_finite_differences_of_the_reference() -> None:
    """Behind a convolution: its ReLU's output moved in float64, and what the rest of the network makes of it."""
    set_random_seed(2)
    model = Sequential(
        [
            layers.Input((8, 8, 2)),
            layers.Conv2D(3, 3, activation="relu", name="asked"),
            layers.MaxPooling2D(2),
            layers.Conv2D(4, 2, activation="tanh"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 2)).astype("f4")
    weights = np.random.default_rng(1).normal(size=(2, 3))
    maps, gradients = gradients_at("test", model, x, model.get_layer("asked"), weights)
    kernel, bias, dense_kernel, dense_bias = (array.astype(np.float64) for array in model.get_weights()[2:])

    def scores(values: np.ndarray) -> np.ndarray:
        y = reference.conv2d(reference.max_pool2d(values, (2, 2)), kernel, bias)
        return reference.dense(np.tanh(y).reshape(len(y), -1), dense_kernel, dense_bias)

    def total(values: np.ndarray) -> float:
        return float((scores(values) * weights).sum())

    step, moved = 1e-6, maps.astype(np.float64)
    for place in np.ndindex(maps.shape):
        at = moved[place]
        moved[place] = at + step
        above = total(moved)
        moved[place] = at - step
        below = total(moved)
        moved[place] = at
        window = maps[place[0], place[1] // 2 * 2 :, place[2] // 2 * 2 :, place[3]][:2, :2]
        if (window == window.max()).sum() == 1:  # where two are largest there is no derivative
            assert gradients[place] == pytest.approx((above - below) / (2 * step), abs=1e-5), place


def test_the_gradient_by_the_input_and_by_the_scores_themselves() -> None:
    model = network("yes_or_no")
    x = grad_cam_networks.images()
    weights = np.array([[1.0], [-2.0], [0.5]])
    image, gradients = gradients_at("test", model, x, model.inputs[0].call.layer, weights)
    np.testing.assert_array_equal(image, x)
    first = model.get_layer("first")
    _, behind = gradients_at("test", model, x, first, weights)
    d_linear = behind * (1.0 - values_at("test", model, x, first) ** 2)  # tanh
    expected = reference.conv2d_backward_data(d_linear, first.kernel.numpy(), x.shape)
    assert_near(gradients, expected, TOLERANCE, "d image")
    linear = Sequential([layers.Input((4,)), layers.Dense(2)])
    values, gradients = gradients_at("test", linear, np.ones((3, 4)), linear.layers[0], np.arange(6).reshape(3, 2))
    np.testing.assert_array_equal(values, linear.predict(np.ones((3, 4)), verbose=0))
    np.testing.assert_array_equal(gradients, np.arange(6).reshape(3, 2))


def test_the_way_back_stops_at_the_layer() -> None:
    model = network("row")
    part = Model(model.inputs, [model.get_layer("linear").output, model.outputs[0]])
    plan = build_gradient_plan(part, PlanSpec("differentiate", 2))
    assert plan is not None and str(plan).startswith("Plan to differentiate, batches of up to 2")
    kernels = [call.kernel for call in plan.calls]
    assert kernels.count("dense_backward_data") == 2 and kernels.count("avg_pool2d_backward") == 1
    for word in ("weights", "softmax", "conv2d_backward", "max_pool2d_backward", "batch_norm_backward", "adam"):
        assert not [kernel for kernel in kernels if word in kernel], word
    assert "activation_forward" in kernels  # the lone ReLU; the softmax is computed for nobody


def test_penalties_do_not_count() -> None:
    set_random_seed(1)
    x = np.random.default_rng(3).normal(size=(2, 6, 6, 1)).astype("f4")
    found = []
    for penalty in (None, "l1"):
        conv = layers.Conv2D(1, 3, activity_regularizer=penalty, kernel_regularizer="l2")
        model = Sequential([layers.Input((6, 6, 1)), layers.ReLU(), conv, layers.Flatten(), layers.Dense(2)])
        model.set_weights([np.full(weight.shape, 0.25, "f4") for weight in model.weights])
        found.append(gradients_at("test", model, x, model.layers[0], np.eye(2))[1])
    np.testing.assert_array_equal(found[0], found[1])
    assert found[0].max() == 9 * 0.25 * 0.25


def test_looking_leaves_a_compiled_model_and_all_seeds_as_they_are() -> None:
    pytest.importorskip("matplotlib")

    def trained(looks: bool) -> tuple[list[np.ndarray], str, list[np.ndarray]]:
        set_random_seed(5)
        model = Sequential(
            [
                layers.Input((6, 6, 1)),
                layers.Conv2D(3, 3, activation="relu"),
                layers.BatchNormalization(),
                layers.Flatten(),
                layers.Dropout(0.5),
                layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        x, y = np.random.default_rng(0).random((20, 6, 6, 1), "f4"), np.arange(20) % 3
        for _ in range(2):
            model.fit(x, y, batch_size=8, verbose=0)
            if looks:
                plot.grad_cam(model, x[:2])
                plot.feature_maps(model, x[0])
        assert model.compiled and model.optimizer is not None and model.optimizer.iterations == 6
        fresh = Sequential([layers.Input((2,)), layers.Dense(3)])
        return model.get_weights(), fresh.name, fresh.get_weights()

    weights, name, next_weights = trained(looks=False)
    same, next_name, same_next = trained(looks=True)
    for a, b in zip([*weights, *next_weights], [*same, *same_next], strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(next_name.rsplit("_")[-1]) == int(name.rpartition("_")[2] or 0) + 2  # two models more, no third


def test_a_model_that_only_predicts_still_has_no_backward_pass() -> None:
    calls = build_plan(network("row"), PlanSpec("predict", 4)).calls
    assert not [call.kernel for call in calls if "backward" in call.kernel]


def test_the_picture_shows_image_class_and_heat() -> None:
    pytest.importorskip("matplotlib")
    model, x = network("row"), grad_cam_networks.images()
    probabilities = model.predict(x, verbose=0)
    guesses = probabilities.argmax(axis=1)
    names = ["a", "b", "c", "d"]
    figure = plot.grad_cam(model, x, class_names=names)
    assert figure.get_suptitle() == "linear"  # the last convolution
    assert len(figure.axes) == 2 * len(x) + 1  # and the scale
    for i, image in enumerate(x):
        left, right = figure.axes[2 * i : 2 * i + 2]
        np.testing.assert_allclose(left.images[0].get_array(), image, rtol=1e-6)
        assert left.get_title() == f"{names[guesses[i]]}  {probabilities[i].max():.0%}"
        heat = right.images[1]
        assert heat.get_array().shape == (4, 3) and float(heat.get_array().max()) in (0.0, 1.0)
        found = "evidence for" if heat.get_array().any() else "no evidence for"
        assert right.get_title() == f"{style.word(found)}: {names[guesses[i]]}"
        assert list(heat.get_extent()) == [-0.5, 9.5, 11.5, -0.5]
    asked = plot.grad_cam(model, x[1], class_index=3, class_names=names, title="where")
    assert asked.axes[1].get_title() == f"{style.word('evidence for')}: d" and asked.get_suptitle() == "where"
    assert len(asked.axes) == 3


def test_one_score_speaks_for_yes() -> None:
    pytest.importorskip("matplotlib")
    model = network("yes_or_no")
    figure = plot.grad_cam(model, grad_cam_networks.images()[:1], class_names=["no", "yes"])
    probability = float(model.predict(grad_cam_networks.images()[:1], verbose=0)[0, 0])
    expected = f"yes  {probability:.0%}" if probability > 0.5 else f"no  {1 - probability:.0%}"
    assert [axes.get_title() for axes in figure.axes[:2]] == [expected, f"{style.word('evidence for')}: yes"]


def test_nothing_for_a_class_is_no_heat_and_said() -> None:
    pytest.importorskip("matplotlib")
    model = Sequential([layers.Input((4, 4, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)])
    kernel = model.layers[0].kernel
    model.set_weights([np.ones(kernel.shape), np.ones(2), -np.ones((8, 2)), np.zeros(2)])
    figure = plot.grad_cam(model, np.ones((4, 4)), class_index=1)
    np.testing.assert_array_equal(figure.axes[1].images[1].get_array(), np.zeros((2, 2)))
    assert figure.axes[1].get_title() == f"{style.word('no evidence for')}: 1"
    assert style.word("no evidence for") != "no evidence for" or style.korean_font() is None


def test_a_model_inside_a_model_and_one_without_convolutions() -> None:
    pytest.importorskip("matplotlib")
    inner = Sequential([layers.Input((6, 6, 1)), layers.Conv2D(2, 3, name="deep")], name="body")
    outer = Sequential([layers.Input((6, 6, 1)), inner, layers.Flatten(), layers.Dense(2)])
    assert plot.grad_cam(outer, np.ones((6, 6))).get_suptitle() == "body"
    with pytest.raises(ValueError, match=r"plot.grad_cam: Conv2D 'deep' lies in Sequential 'body', .* pass that"):
        plot.grad_cam(outer, np.ones((6, 6)), inner.layers[0])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"layer": "linaer"}, ValueError, "unknown layer 'linaer'; did you mean 'linear'"),
        ({"layer": 99}, ValueError, "index must be below its 10 layers, got 99"),
        ({"layer": -1}, ValueError, r"must be maps \[h, w, channels\], it has shape \(4,\); take a layer before"),
        ({"layer": layers.Flatten(name="f")}, ValueError, "Flatten 'f' is not a layer of Sequential"),
        ({"layer": 1.5}, TypeError, "layer must be a whole number, got 1.5"),
        ({"class_index": 4}, ValueError, "class_index must be below the 4 scores of Sequential '.*', got 4"),
        ({"class_index": -1}, ValueError, "class_index must be at least 0, got -1"),
        ({"class_names": ["a"]}, ValueError, "class_names must hold 4 names, got 1"),
        ({"x": np.zeros((12, 10))}, ValueError, r"x must have shape \(samples, 12, 10, 3\)"),
        ({"x": np.zeros((0, 12, 10, 3))}, ValueError, "x is empty"),
        ({"x": np.zeros((17, 12, 10, 3))}, ValueError, r"x must hold 1 to 16 samples, got 17; pass x\[:16\]"),
        ({"model": 3}, TypeError, "expected a model of pyconvnet.models, got int"),
        ({"model": Sequential([layers.Dense(2)])}, ValueError, r"is not built; begin it with Input\(shape\)"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    given = {"model": network("row"), "x": grad_cam_networks.images(), **options}
    with pytest.raises(error, match=message):
        plot.grad_cam(**given)


def test_models_that_score_no_classes_are_refused() -> None:
    image = layers.Input((5, 5, 1))
    y = layers.Conv2D(2, 3)(image)
    with pytest.raises(ValueError, match="must have one output with a score for each class"):
        plot.grad_cam(Model(image, y), np.zeros((5, 5)))
    flat = layers.Flatten()(y)
    with pytest.raises(ValueError, match="must have one output with a score for each class"):
        plot.grad_cam(Model(image, [flat, layers.Dense(2)(flat)]), np.zeros((5, 5)))
    with pytest.raises(ValueError, match=r"plot.grad_cam: no layer of .* answers maps \[h, w, channels\]"):
        plot.grad_cam(Sequential([layers.Input((5, 5)), layers.Flatten(), layers.Dense(2)]), np.zeros((5, 5)))
    two = Model([image, layers.Input((5, 5, 1))], layers.Dense(2)(flat))
    with pytest.raises(ValueError, match="must have one input, it has 2"):
        plot.grad_cam(two, np.zeros((5, 5)))


def test_gradients_at_names_what_does_not_fit() -> None:
    image = layers.Input((5, 5, 1))
    aside = layers.Flatten(name="aside")(image)
    main = layers.Flatten()(layers.Conv2D(2, 3)(image))
    end = layers.Dense(2, activation="softmax", name="end")
    model = Model(image, end(main))
    x = np.zeros((2, 5, 5, 1), "f4")
    with pytest.raises(ValueError, match=r"test: score_weights must have shape \(2, 2\), got \(2, 3\)"):
        gradients_at("test", model, x, model.layers[1], np.zeros((2, 3)))
    with pytest.raises(
        ValueError,
        match=r"the scores of Functional '.*', before .* at its end, do not depend on the output of Dense 'end'",
    ):
        gradients_at("test", model, x, end, np.zeros((2, 2)))
    with pytest.raises(ValueError, match="must have one output, it has 2"):
        gradients_at("test", Model(image, [main, aside]), x, end, np.zeros((2, 2)))
