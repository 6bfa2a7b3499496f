"""ONNX files say what `predict` says: every layer, graphs of all kinds, and networks that hypothesis thinks of."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason='the package onnx is not installed: pip install "pyconvnet[onnx]"')

from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from onnx_runs import assert_runs_alike

from pyconvnet import activations, layers, ops
from pyconvnet.models import Model, Sequential
from pyconvnet.saving.onnx_ops import OPS

IMAGE = (7, 6, 4)


def samples(*shapes: tuple[int, ...], rows: int = 3, seed: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.normal(0, 2, (rows, *shape)).astype(np.float32) for shape in shapes]


def filled(model: Any) -> Any:
    """The model with weights none of which is what it began with; variances are positive."""
    random = np.random.default_rng(1)
    for weight in model.weights:
        low = 0.5 if weight.name == "moving_variance" else -0.7
        weight.assign(random.uniform(low, 0.9, weight.shape))
    return model


def row(*parts: Any, shape: tuple[int, ...] = IMAGE) -> Any:
    return filled(Sequential([layers.Input(shape), *parts]))


def operators(made: Any) -> list[str]:
    return [node.op_type for node in made.graph.node]


def test_every_op_can_be_written() -> None:
    assert set(OPS) == set(ops.RULES) | {"reshape"}


LAYERS: list[tuple[Any, dict[str, Any]]] = [
    (layers.Conv2D, dict(filters=6, kernel_size=3)),
    (layers.Conv2D, dict(filters=6, kernel_size=(3, 2), strides=(1, 2), padding="same", groups=2)),
    (layers.Conv2D, dict(filters=6, kernel_size=3, strides=2, padding="same", use_bias=False)),
    (layers.Conv2D, dict(filters=6, kernel_size=1, strides=3, padding="same")),
    (layers.Conv2D, dict(filters=6, kernel_size=2, strides=3)),
    (layers.Conv2D, dict(filters=6, kernel_size=(2, 3), dilation_rate=(3, 2), padding="same", groups=2)),
    (layers.Conv2D, dict(filters=6, kernel_size=2, dilation_rate=(2, 1))),
    (layers.DepthwiseConv2D, dict(kernel_size=3, depth_multiplier=2)),
    (layers.DepthwiseConv2D, dict(kernel_size=(2, 4), strides=2, padding="same", use_bias=False)),
    (layers.DepthwiseConv2D, dict(kernel_size=2, dilation_rate=2, padding="same", depth_multiplier=3)),
    (layers.MaxPooling2D, dict(pool_size=2)),
    (layers.MaxPooling2D, dict(pool_size=(3, 2), strides=(2, 1), padding="same")),
    (layers.MaxPooling2D, dict(pool_size=2, strides=3)),
    (layers.MaxPooling2D, dict(pool_size=(7, 6))),
    (layers.MaxPooling2D, dict(pool_size=(7, 6), strides=1, padding="same")),
    (layers.AveragePooling2D, dict(pool_size=3, strides=2, padding="same")),
    (layers.AveragePooling2D, dict(pool_size=(2, 3), strides=1)),
    (layers.AveragePooling2D, dict(pool_size=(7, 6), padding="same")),
    (layers.GlobalMaxPooling2D, {}),
    (layers.GlobalMaxPooling2D, dict(keepdims=True)),
    (layers.GlobalAveragePooling2D, {}),
    (layers.GlobalAveragePooling2D, dict(keepdims=True)),
    (layers.BatchNormalization, dict(epsilon=0.01)),
    (layers.BatchNormalization, dict(center=False)),
    (layers.BatchNormalization, dict(scale=False)),
    (layers.Dense, dict(units=5, activation="tanh")),  # along the last axis of an image
    (layers.Dense, dict(units=5, use_bias=False)),
    (layers.Flatten, {}),
    (layers.Reshape, dict(target_shape=(3, -1))),
    (layers.Reshape, dict(target_shape=IMAGE)),
    (layers.ZeroPadding2D, dict(padding=((1, 0), (2, 3)))),
    (layers.Rescaling, dict(scale=1 / 127.5, offset=-1)),
    (layers.Dropout, dict(rate=0.5)),
    (layers.Softmax, {}),
    (layers.ReLU, {}),
    (layers.ReLU, dict(max_value=1.5)),
    (layers.ReLU, dict(negative_slope=0.1)),
    *((layers.Activation, dict(activation=name)) for name in sorted(activations._TABLE)),
    (layers.Activation, dict(activation=activations.ActivationFunction("elu", "alpha", 0.3))),
]


@pytest.mark.parametrize(("kind", "options"), LAYERS, ids=lambda value: getattr(value, "__name__", None))
@pytest.mark.parametrize("behind", [False, True], ids=["alone", "behind a convolution"])
def test_layers(kind: Any, options: dict[str, Any], behind: bool, tmp_path: Path) -> None:
    """At the start of a network, and where ONNX's values have their channels in front already."""
    before = [layers.Conv2D(4, 3, padding="same", activation="tanh")] if behind else []
    assert_runs_alike(row(*before, kind(**options)), tmp_path / "m.onnx", samples(IMAGE))


def test_every_layer_is_among_them() -> None:
    assert {kind.__name__ for kind, _ in LAYERS} == set(layers._CLASSES) - {
        "InputLayer",
        "Add",
        "Multiply",
        "Concatenate",
    }


VECTORS: dict[str, Callable[[], list[Any]]] = {
    "dense": lambda: [layers.Dense(3)],
    "softmax": lambda: [layers.Dense(3, activation="softmax", use_bias=False)],
    "norm": lambda: [layers.BatchNormalization()],
    "table": lambda: [layers.Reshape((3, 4)), layers.BatchNormalization(), layers.Dense(2), layers.Softmax()],
    "image": lambda: [layers.Reshape((2, 3, 2)), layers.Conv2D(3, 2), layers.GlobalMaxPooling2D(), layers.Dense(2)],
    "film": lambda: [layers.Reshape((2, 1, 3, 2)), layers.BatchNormalization(), layers.ReLU(), layers.Dense(2)],
}


@pytest.mark.parametrize("parts", VECTORS)
def test_vectors(parts: str, tmp_path: Path) -> None:
    assert_runs_alike(row(*VECTORS[parts](), shape=(12,)), tmp_path / "m.onnx", samples((12,)))


@pytest.mark.parametrize("rows", [1, 3, 17])
def test_any_number_of_rows(rows: int, tmp_path: Path) -> None:
    model = row(layers.Conv2D(3, 3), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(2))
    made = assert_runs_alike(model, tmp_path / "m.onnx", samples(IMAGE, rows=rows))
    (given,), (answer,) = made.graph.input, made.graph.output
    assert [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim] == ["N", *IMAGE]
    assert [d.dim_param or d.dim_value for d in answer.type.tensor_type.shape.dim] == ["N", 2]


class TestGraphs:
    """Models that are no rows of layers."""

    def test_merges(self, tmp_path: Path) -> None:
        x = layers.Input(IMAGE)
        y = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
        z = layers.Multiply()([layers.Add()([x, y, y]), x])
        joined = [layers.Concatenate(axis=axis)([x, z, y]) for axis in (1, 2, 3, -1)]
        plain = layers.Concatenate(axis=-2)([x, layers.Rescaling(2.0)(x)])
        assert_runs_alike(filled(Model(x, [*joined, plain])), tmp_path / "m.onnx", samples(IMAGE))

    def test_concatenation_along_an_axis_of_one(self, tmp_path: Path) -> None:
        x = layers.Input((1, 1, 4))
        y = layers.Conv2D(4, 1)(x)
        outputs = [layers.Concatenate(axis=axis)([x, y]) for axis in (1, 2, 3)]
        assert_runs_alike(filled(Model(x, outputs)), tmp_path / "m.onnx", samples((1, 1, 4)))

    def test_several_inputs_and_outputs(self, tmp_path: Path) -> None:
        a, b = layers.Input(IMAGE, name="picture"), layers.Input((5,), name="numbers")
        seen = layers.GlobalAveragePooling2D()(layers.Conv2D(5, 3)(a))
        first = layers.Dense(3, name="first")(layers.Add()([seen, b]))
        second = layers.Dense(2, name="second")(layers.Concatenate()([b, seen]))
        model = filled(Model([a, b], [first, second]))
        made = assert_runs_alike(model, tmp_path / "m.onnx", samples(IMAGE, (5,)))
        assert [value.name for value in made.graph.input] == ["picture", "numbers"]
        assert [value.name for value in made.graph.output] == ["first", "second"]

    def test_outputs_by_name(self, tmp_path: Path) -> None:
        x = layers.Input((4,), name="x")
        model = filled(Model(x, {"small": layers.Dense(2)(x), "large": layers.Dense(5)(x)}))
        made = assert_runs_alike(model, tmp_path / "m.onnx", samples((4,)))
        assert [value.name for value in made.graph.output] == ["small", "large"]

    def test_an_output_that_is_the_input_or_another_output(self, tmp_path: Path) -> None:
        x = layers.Input((4,), name="x")
        y = layers.Dense(3)(x)
        z = layers.Dropout(0.5)(y)
        inner = layers.Dense(2)(z)
        made = assert_runs_alike(filled(Model(x, [x, y, z, inner])), tmp_path / "m.onnx", samples((4,)))
        assert operators(made).count("Identity") == 2

    def test_shared_layers_and_models_inside(self, tmp_path: Path) -> None:
        inner_input = layers.Input(IMAGE)
        inner = Model(inner_input, layers.BatchNormalization(name="same")(layers.Conv2D(4, 1)(inner_input)))
        line = Sequential([layers.Input(IMAGE), layers.DepthwiseConv2D(3, padding="same", name="same")])
        twice = layers.Conv2D(4, 1, name="twice")
        a, b = layers.Input(IMAGE), layers.Input(IMAGE)
        x = layers.Add()([inner(twice(a)), twice(b)])
        model = filled(Model([a, b], layers.Flatten()(line(inner(x)))))
        made = assert_runs_alike(model, tmp_path / "m.onnx", samples(IMAGE, IMAGE))
        assert len(made.graph.initializer) == len(model.weights)  # each once

    def test_a_part_of_a_model(self, tmp_path: Path) -> None:
        model = row(layers.Conv2D(3, 3), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(2))
        model.predict(samples(IMAGE)[0], verbose=0)
        assert_runs_alike(Model(model.input, model.layers[1].output), tmp_path / "m.onnx", samples(IMAGE))


class TestFile:
    """What is in the file."""

    def test_images_are_turned_once_on_the_way_in_and_once_on_the_way_out(self, tmp_path: Path) -> None:
        parts = []
        for filters in (4, 6):
            parts += [layers.Conv2D(filters, 3, padding="same"), layers.BatchNormalization(), layers.ReLU()]
            parts += [layers.ZeroPadding2D(1), layers.MaxPooling2D(), layers.Dropout(0.3)]
        model = row(*parts, layers.Flatten(), layers.Dense(3, activation="softmax"))
        made = assert_runs_alike(model, tmp_path / "m.onnx", samples(IMAGE))
        block = ["Conv", "BatchNormalization", "Relu", "Pad", "MaxPool"]
        assert operators(made) == ["Transpose", *block, *block, "Transpose", "Flatten", "Gemm", "Softmax"]

    def test_one_pixel_or_one_channel_is_not_turned_back(self, tmp_path: Path) -> None:
        pooled = row(layers.Conv2D(3, 3), layers.GlobalMaxPooling2D(keepdims=True), layers.Flatten())
        made = assert_runs_alike(pooled, tmp_path / "m.onnx", samples(IMAGE))
        assert operators(made) == ["Transpose", "Conv", "GlobalMaxPool", "Flatten"]
        grey = row(layers.Conv2D(1, 3), layers.Reshape((5, -1)))
        assert operators(assert_runs_alike(grey, tmp_path / "m.onnx", samples(IMAGE))) == [
            "Transpose",
            "Conv",
            "Reshape",
        ]

    def test_it_says_who_wrote_it_and_what_it_needs(self, tmp_path: Path) -> None:
        made = assert_runs_alike(row(layers.Conv2D(3, 3)), tmp_path / "m.onnx", samples(IMAGE))
        assert (made.producer_name, made.ir_version) == ("pyconvnet", 8)
        assert [(opset.domain, opset.version) for opset in made.opset_import] == [("", 17)]

    def test_weights_are_the_models(self, tmp_path: Path) -> None:
        model = row(layers.Conv2D(6, (3, 2), groups=2, name="first"), layers.Dense(3, name="last"))
        made = assert_runs_alike(model, tmp_path / "m.onnx", samples(IMAGE))
        stored = {array.name: numpy_helper.to_array(array) for array in made.graph.initializer}
        kernel, bias, last, _ = model.get_weights()
        np.testing.assert_array_equal(stored["first/kernel"], kernel.transpose(3, 2, 0, 1))
        np.testing.assert_array_equal(stored["first/bias"], bias)
        np.testing.assert_array_equal(stored["last/kernel"], last)

    def test_the_same_model_gives_the_same_bytes(self, tmp_path: Path) -> None:
        model = row(layers.Conv2D(3, 3), layers.Flatten(), layers.Dense(2))
        for name in ("a", "b"):
            model.export(tmp_path / name, format="onnx")
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_a_trained_model(self, tmp_path: Path) -> None:
        """Moving statistics are taken, dropout does nothing, and training can go on."""
        parts = [layers.Conv2D(3, 3, padding="same"), layers.BatchNormalization(momentum=0.5), layers.Dropout(0.5)]
        model = row(*parts, layers.Flatten(), layers.Dense(2, activation="softmax"))
        model.compile("sgd", "sparse_categorical_crossentropy")
        (x,) = samples(IMAGE, rows=8)
        model.fit(x, np.arange(8) % 2, epochs=2, verbose=0)
        assert_runs_alike(model, tmp_path / "m.onnx", [x])
        model.fit(x, np.arange(8) % 2, epochs=1, verbose=0)
        assert_runs_alike(model, tmp_path / "m.onnx", [x])


@st.composite
def networks(draw: Any) -> Any:
    """A graph that begins with an image: layers of random settings, branches that meet again, several outputs."""
    shape = (draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.integers(1, 4)))
    x = layers.Input(shape)
    here, seen = x, [x]
    for _ in range(draw(st.integers(1, 6))):
        here = draw(st.sampled_from([_step, _step, _meeting]))(draw, here, seen)
        seen.append(here)
    return filled(Model(x, [here, *draw(st.lists(st.sampled_from(seen), max_size=2))]))


def _step(draw: Any, x: Any, _seen: list[Any]) -> Any:
    size, activation = x.shape[1:], draw(st.sampled_from(["linear", "relu", "silu", "gelu", "softmax", "softplus"]))
    anywhere = [
        lambda: layers.Dense(draw(st.integers(1, 4)), activation=activation),
        lambda: layers.BatchNormalization(epsilon=draw(st.sampled_from([1e-3, 0.1]))),
        lambda: layers.Activation(activation),
        lambda: layers.Flatten(),
        lambda: layers.Reshape((1, math.prod(size[:-1]), size[-1])),
        lambda: layers.Rescaling(0.5, 0.25),
    ]
    return draw(st.sampled_from(anywhere + (_of_images(draw, size, activation) if len(size) == 3 else [])))()(x)


def _of_images(draw: Any, size: tuple[int, ...], activation: str) -> list[Any]:
    def window() -> dict[str, Any]:
        padding = draw(st.sampled_from(["same", "valid"]))
        most = [4, 4] if padding == "same" else [min(4, length) for length in size[:2]]
        return dict(padding=padding, strides=draw(st.integers(1, 3))), tuple(draw(st.integers(1, m)) for m in most)

    def conv() -> Any:
        options, kernel = window()
        groups = draw(st.sampled_from([g for g in range(1, size[2] + 1) if size[2] % g == 0]))
        if options["padding"] == "same" and options["strides"] == 1:
            options["dilation_rate"] = draw(st.integers(1, 2))
        return layers.Conv2D(groups * draw(st.integers(1, 3)), kernel, groups=groups, activation=activation, **options)

    def depthwise() -> Any:
        options, kernel = window()
        return layers.DepthwiseConv2D(kernel, depth_multiplier=draw(st.integers(1, 2)), **options)

    def pool() -> Any:
        options, kernel = window()
        return draw(st.sampled_from([layers.MaxPooling2D, layers.AveragePooling2D]))(kernel, **options)

    def of_maps() -> Any:
        kind = draw(st.sampled_from([layers.GlobalMaxPooling2D, layers.GlobalAveragePooling2D]))
        return kind(keepdims=draw(st.booleans()))

    def padding() -> Any:
        return layers.ZeroPadding2D(tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(2)))

    return [conv, conv, depthwise, pool, of_maps, padding]


def _meeting(draw: Any, x: Any, seen: list[Any]) -> Any:
    other = draw(st.sampled_from([tensor for tensor in seen if tensor.shape == x.shape]))
    kinds = [layers.Add, layers.Multiply, *(lambda a=axis: layers.Concatenate(axis=a) for axis in range(1, x.ndim))]
    return draw(st.sampled_from(kinds))()([x, other])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(model=networks(), seed=st.integers(0, 99))
def test_random_networks(model: Any, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "random.onnx"
    assert_runs_alike(model, path, [sample / 4 for sample in samples(*model.sample_shapes, rows=2, seed=seed)])
