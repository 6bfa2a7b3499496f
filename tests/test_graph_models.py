"""Models as graphs: branches, shared layers, sub-models, nested models, several inputs and outputs, summaries."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import pyconvnet as pcn
from pyconvnet import layers
from pyconvnet.layers.symbolic import KerasTensor
from pyconvnet.models import Functional, Model, Sequential

SPARSE = "sparse_categorical_crossentropy"
RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.standard_normal((12, 8, 8, 3)).astype(np.float32)
LABELS = np.arange(12) % 4


def chain() -> Sequential:
    return Sequential(
        [
            layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 3)),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(4, activation="softmax"),
        ]
    )


def branches() -> Any:
    image = layers.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same")(image)
    y = layers.BatchNormalization()(x)
    y = layers.Conv2D(6, 3, padding="same", activation="relu")(y)
    x = layers.Activation("relu")(layers.Add()([x, y]))
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)])
    return Model(image, layers.Dense(4, activation="softmax")(x))


@pytest.mark.parametrize("state", ["untrained", "trained", "copied"])
def test_sub_models_share_the_weights_of_a_row(state: str) -> None:
    model = chain()
    model.compile("sgd", SPARSE)
    if state == "trained":
        model.fit(IMAGES, LABELS, epochs=2, verbose=0)
    if state == "copied":
        model = pickle.loads(pickle.dumps(model))
    maps = Model(model.input, model.layers[1].output)
    assert maps.output_shape == (None, 3, 3, 4) and len(maps.weights) == 2
    assert all(a is b for a, b in zip(maps.weights, model.weights[:2], strict=True))
    pooled = maps.predict(IMAGES, verbose=0)
    rest = Model(model.layers[1].output, model.output)
    np.testing.assert_allclose(rest.predict(pooled, verbose=0), model.predict(IMAGES, verbose=0), rtol=2e-6)
    both = Model(model.inputs, [model.layers[0].output, model.layers[1].output, model.layers[1].output])
    first, second, third = both.predict(IMAGES, verbose=0)
    assert first.shape == (12, 6, 6, 4)
    np.testing.assert_array_equal(second, pooled)
    np.testing.assert_array_equal(third, pooled)
    model.fit(IMAGES, LABELS, verbose=0)
    assert not np.array_equal(maps.predict(IMAGES, verbose=0), pooled)


def test_a_feature_map_is_not_fused_away() -> None:
    """The convolution itself is asked for, and what follows its ReLU too."""
    image = layers.Input((8, 8, 3))
    raw = layers.Conv2D(4, 3)(image)
    bright = layers.ReLU()(raw)
    got = Model(image, [raw, bright]).predict(IMAGES, verbose=0)
    np.testing.assert_array_equal(np.maximum(got[0], 0), got[1])
    assert (got[0] < 0).any()


def test_a_model_may_answer_its_input() -> None:
    image = layers.Input((8, 8, 3))
    same, flat = Model(image, [image, layers.Flatten()(image)]).predict(IMAGES, verbose=0)
    np.testing.assert_array_equal(same, IMAGES)
    np.testing.assert_array_equal(flat, IMAGES.reshape(12, -1))


def gradients(model: Any, x: Any, y: Any) -> list[np.ndarray]:
    before = model.get_weights()
    model.train_on_batch(x, y)
    return [a.astype(np.float64) - b for a, b in zip(before, model.get_weights(), strict=True)]


def reused() -> Any:
    """Everything that sends several gradients to one place."""
    image = layers.Input((4, 4, 2))
    x = layers.Conv2D(3, 3, padding="same", activation="relu", activity_regularizer="l2")(image)
    pooled = layers.MaxPooling2D()(x)
    twice = layers.Add()([pooled, pooled])
    plain, penalised = (
        layers.Conv2D(3, 1)(pooled),
        layers.Conv2D(3, 1, activity_regularizer=pcn.regularizers.l2(2.0))(pooled),
    )
    pooled = layers.Add()([plain, penalised])
    x = layers.Flatten()(layers.Add()([twice, layers.Multiply()([pooled, twice]), pooled]))
    dense = layers.Dense(12, activation="relu", kernel_regularizer="l2")
    x = layers.Add()([dense(x), dense(dense(x))])
    x = layers.Concatenate()([x, layers.ReLU(max_value=0.5)(x), layers.Rescaling(0.5, 0.25)(x)])
    return Model(image, layers.Dense(3)(x))


def cut() -> Any:
    """A penalty on an output that no loss reads, frames, and reshapes."""
    image = layers.Input((4, 4, 2))
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, activation="tanh")(layers.ZeroPadding2D(((0, 1), (2, 0)))(image))
    side = layers.Conv2D(2, 1, activity_regularizer=pcn.regularizers.l1_l2(0.02, 0.1))(x)
    y = layers.Dense(5, activation="relu")(layers.Reshape((-1, 8))(x))
    return Model(image, [layers.Dense(3)(layers.Flatten()(y)), side])


@pytest.mark.parametrize("make", [reused, cut, branches], ids=lambda make: make.__name__)
def test_gradients_against_finite_differences(make: Any) -> None:
    pcn.utils.set_random_seed(1)
    model = make()
    random = np.random.default_rng(0)
    x = random.normal(size=(6, *model.sample_shapes[0])).astype(np.float32)
    y: Any = random.normal(size=(6, *model.sample_output_shapes[0]))
    loss: Any = "mse"
    if len(model.outputs) > 1:
        loss, y = ["mse", None], [y, np.zeros((6, *model.sample_output_shapes[1]))]
    for layer in model.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)  # whose batch statistics evaluate lacks
    model.compile(pcn.optimizers.SGD(1.0), loss)
    start = model.get_weights()
    analytic = gradients(model, x, y)
    assert all(np.abs(g).max() > 0 for g, v in zip(analytic, model.weights, strict=True) if v.trainable)
    for index, weights in enumerate(start):
        if not model.weights[index].trainable:
            continue
        flat = weights.reshape(-1)
        direction = random.normal(size=flat.size) / np.sqrt(flat.size)
        losses = []
        for sign in (1, -1):
            moved = [w.copy() for w in start]
            moved[index] = (flat + sign * 2e-3 * direction).reshape(weights.shape)
            model.set_weights(moved)
            losses.append(model.evaluate(x, y, verbose=0))
        slope = float((analytic[index].reshape(-1) * direction).sum())
        assert slope == pytest.approx((losses[0] - losses[1]) / 4e-3, rel=2e-2, abs=2e-3), model.weights[index].path


def test_one_gradient_for_several_readers_is_changed_in_a_copy() -> None:
    """Add hands one gradient to both branches; each has a ReLU of its own to mask it with."""
    image = layers.Input((5,))
    a = layers.Dense(4, activation="relu", name="a")(image)
    b = layers.Dense(4, activation="relu", name="b")(image)
    model = Model(image, layers.Add()([a, b]))
    model.compile(pcn.optimizers.SGD(1.0), "mse")
    x, y = RANDOM.standard_normal((9, 5)).astype(np.float32), RANDOM.standard_normal((9, 4)).astype(np.float32)
    ka, _, kb, _ = model.get_weights()
    dy = 2 * (np.maximum(x @ ka, 0) + np.maximum(x @ kb, 0) - y) / y.size
    da, _, db, _ = gradients(model, x, y)
    np.testing.assert_allclose(da, x.T @ (dy * (x @ ka > 0)), atol=1e-6)
    np.testing.assert_allclose(db, x.T @ (dy * (x @ kb > 0)), atol=1e-6)


def test_a_residual_network_learns_small_images() -> None:
    pcn.utils.set_random_seed(3)
    model = branches()
    model.compile("adam", SPARSE, metrics=["accuracy"])
    y = np.arange(64) % 4
    x = np.random.RandomState(1).standard_normal((64, 8, 8, 3)) + y[:, None, None, None]
    history = model.fit(x, y, epochs=25, batch_size=16, verbose=0, validation_split=0.25).history
    assert history["loss"][-1] < 0.5 * history["loss"][0] and history["val_accuracy"][-1] > 0.6


def test_a_shared_layer_has_its_weights_once() -> None:
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    tower = layers.Dense(3, name="tower")
    model = Model([a, b], layers.Concatenate()([tower(a), tower(b)]))
    assert model.count_params() == 15 and [w.path for w in model.weights] == ["tower/kernel", "tower/bias"]
    assert [layer.name for layer in model.layers[:3]] == ["a", "b", "tower"]
    assert tower.input is a and model.input_shape == [(None, 4), (None, 4)]


def test_inputs_by_list_tuple_and_name() -> None:
    a, b = layers.Input((2,), name="a"), layers.Input((3,), name="b")
    model = Model([a, b], layers.Concatenate()([a, b]))
    x, y = np.ones((5, 2)), np.arange(15.0).reshape(5, 3)
    expected = np.concatenate([x, y], 1)
    for given in ([x, y], (x, y), {"b": y, "a": x}):
        np.testing.assert_array_equal(model.predict(given, verbose=0), expected)
    np.testing.assert_array_equal(model([x, y]), expected)
    model.compile("sgd", "mse")
    assert model.evaluate({"a": x, "b": y}, expected, verbose=0) == 0.0
    model.fit([x, y], expected, validation_split=0.4, batch_size=2, verbose=0)
    named = Model({"left": a, "right": b}, {"joined": layers.Concatenate()([b, a])})
    np.testing.assert_array_equal(named.predict({"right": y, "left": x}, verbose=0)["joined"][:, :3], y)


def test_losses_and_metrics_of_several_outputs() -> None:
    def make(**settings: Any) -> Any:
        pcn.utils.set_random_seed(2)
        x = layers.Input((4,))
        h = layers.Dense(5, activation="tanh")(x)
        model = Model(x, [layers.Dense(3, activation="softmax", name="kind")(h), layers.Dense(2, name="size")(h)])
        model.compile("sgd", **settings)
        return model

    x, kind, size = RANDOM.standard_normal((10, 4)), np.arange(10) % 3, RANDOM.standard_normal((10, 2))
    whole = make(loss=[SPARSE, "mse"], loss_weights={"size": 0.25}, metrics={"kind": "accuracy", "size": ["mae"]})
    logs = whole.evaluate(x, {"size": size, "kind": kind}, verbose=0, return_dict=True)
    assert list(logs) == ["kind_accuracy", "kind_loss", "loss", "size_loss", "size_mae"]
    assert logs["loss"] == pytest.approx(logs["kind_loss"] + 0.25 * logs["size_loss"], rel=1e-6)
    assert whole.evaluate(x, [kind, size], verbose=0) == [
        logs[n] for n in ("loss", "kind_loss", "size_loss", "kind_accuracy", "size_mae")
    ]
    for index, alone in enumerate((make(loss=[SPARSE, None]), make(loss={"size": "mse"}))):
        name = ("kind", "size")[index]
        y = kind if index == 0 else size
        assert alone.evaluate(x, {name: y}, verbose=0) == pytest.approx(logs[f"{name}_loss"], rel=1e-6)
    # One step of the whole is the steps of both losses, weighted.
    steps = [make(loss=[SPARSE, "mse"], loss_weights=weights) for weights in ([1, 0.25], [1, 0], [0, 0.25])]
    total, first, second = (gradients(model, x, [kind, size]) for model in steps)
    for a, b, c in zip(total, first, second, strict=True):
        np.testing.assert_allclose(a, b + c, atol=2e-7)


def test_a_model_is_a_layer() -> None:
    inner = chain()
    image = layers.Input((8, 8, 3))
    outer = Model(image, layers.Add()([inner(image), inner(image)]))
    assert outer.layers[1] is inner and len(outer.weights) == len(inner.weights)
    np.testing.assert_allclose(outer.predict(IMAGES, verbose=0), 2 * inner.predict(IMAGES, verbose=0), rtol=1e-6)
    row = Sequential([inner, layers.Dense(2)])
    assert row.input_shape == (None, 8, 8, 3) and row.output_shape == (None, 2)
    row.compile("sgd", "mse")
    before = inner.get_weights()[0]
    row.fit(IMAGES, np.zeros((12, 2)), verbose=0)
    assert not np.array_equal(before, inner.get_weights()[0])
    late = Sequential([Sequential([layers.Dense(3), layers.ReLU()]), layers.Dense(1)])
    late.build((None, 5))
    assert late.count_params() == 22


def test_frozen_layers_stay_as_they_are() -> None:
    model = branches()
    frozen = [layer for layer in model.layers if isinstance(layer, (layers.Conv2D, layers.BatchNormalization))]
    for layer in frozen:
        layer.trainable = False
    model.compile("adam", SPARSE)
    before = [weights for layer in frozen for weights in layer.get_weights()]
    last = model.layers[-1].get_weights()[0]
    model.fit(IMAGES, LABELS, verbose=0)
    for old, new in zip(before, [w for layer in frozen for w in layer.get_weights()], strict=True):
        np.testing.assert_array_equal(old, new)
    assert not np.array_equal(last, model.layers[-1].get_weights()[0])
    assert "conv2d_backward" not in str(model.plan())  # nothing in front of the last layer wants a gradient
    outer = Sequential([model, layers.Dense(2)])
    outer.trainable = False
    assert not model.layers[-1].trainable and outer.trainable_weights == []


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_of_graphs(twin: Any) -> None:
    model = branches()
    model.compile("adam", SPARSE)
    model.fit(IMAGES, LABELS, verbose=0)
    other = twin(model)
    np.testing.assert_array_equal(other.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))
    inside = Model(other.input, other.layers[1].output)
    assert inside.weights[0] is other.weights[0] and inside.weights[0] is not model.weights[0]


def test_a_deep_graph_is_copied_and_built() -> None:
    x = start = layers.Input((2,))
    for _ in range(1500):
        x = layers.ReLU()(x)
    model = pickle.loads(pickle.dumps(Model(start, x)))
    np.testing.assert_array_equal(model.predict([[-1.0, 2.0]], verbose=0), [[0.0, 2.0]])


def test_partial_batches_and_threads_give_the_same_bits() -> None:
    def train(threads: int) -> list[np.ndarray]:
        pcn.set_num_threads(threads)
        pcn.utils.set_random_seed(4)
        model = branches()
        model.compile("adam", SPARSE)
        model.fit(IMAGES, LABELS, batch_size=5, epochs=2, verbose=0)
        return model.get_weights()

    before = pcn.get_num_threads()
    try:
        for one, three in zip(train(1), train(3), strict=True):
            np.testing.assert_array_equal(one, three)
    finally:
        pcn.set_num_threads(before)


def test_names_types_and_pop() -> None:
    model = branches()
    assert isinstance(model, Functional) and isinstance(model, Model) and model.name.startswith("functional")
    assert isinstance(model.output, KerasTensor) and model.get_layer(index=0).output is model.input
    row = chain()
    assert row.pop().units == 4 and row.output_shape == (None, 36) and row.output is row.layers[-1].output


def test_a_loss_behind_a_reshape_sees_the_new_shape() -> None:
    x = layers.Input((3,))
    flat = layers.Dense(8, name="d")(x)
    model = Model(x, layers.Softmax()(layers.Reshape((4, 2))(flat)))
    model.compile("sgd", SPARSE, metrics=["accuracy"])
    data, labels = RANDOM.standard_normal((6, 3)).astype(np.float32), RANDOM.randint(0, 2, (6, 4))
    p = model.predict(data, verbose=0)
    loss, accuracy = model.evaluate(data, labels, verbose=0)
    assert loss == pytest.approx(-np.log(np.take_along_axis(p, labels[..., None], -1)).mean(), rel=1e-5)
    assert accuracy == pytest.approx((p.argmax(-1) == labels).mean())
    late = Model(x, layers.Reshape((4, 2))(layers.Softmax()(flat)))
    late.compile("sgd", SPARSE)
    q = late.predict(data, verbose=0)
    picked = np.take_along_axis(q / q.sum(-1, keepdims=True), labels[..., None], -1)
    assert late.evaluate(data, labels, verbose=0) == pytest.approx(-np.log(picked).mean(), rel=1e-5)


# Widths and rules of Keras 2.11; "Connected to" is what tf-keras 2.21 prints.
SUMMARY = """\
Model: "graph"|
__________________________________________________________________________________________________|
 Layer (type)                   Output Shape         Param #     Connected to                     |
==================================================================================================|
 photo (InputLayer)             [(None, 8, 8, 3)]    0           []                               |
                                                                                                  |
 conv (Conv2D)                  (None, 8, 8, 6)      168         ['photo[0][0]']                  |
                                                                                                  |
 norm (BatchNormalization)      (None, 8, 8, 6)      24          ['conv[0][0]']                   |
                                                                                                  |
 add (Add)                      (None, 8, 8, 6)      0           ['conv[0][0]',                   |
                                                                  'norm[0][0]']                   |
                                                                                                  |
 pool (GlobalAveragePooling2D)  (None, 6)            0           ['add[0][0]']                    |
                                                                                                  |
 shared (Dense)                 (None, 6)            42          ['pool[0][0]',                   |
                                                                  'shared[0][0]']                 |
                                                                                                  |
 inner (Sequential)             (None, 3)            21          ['shared[1][0]']                 |
                                                                                                  |
==================================================================================================|
Total params: 255|
Trainable params: 243|
Non-trainable params: 12|
__________________________________________________________________________________________________|
""".replace("|\n", "\n")


def test_summary_of_a_graph() -> None:
    photo = layers.Input((8, 8, 3), name="photo")
    x = layers.Conv2D(6, 3, padding="same", name="conv")(photo)
    x = layers.Add(name="add")([x, layers.BatchNormalization(name="norm")(x)])
    shared = layers.Dense(6, name="shared")
    x = shared(shared(layers.GlobalAveragePooling2D(name="pool")(x)))
    inner = Sequential([layers.Input((6,)), layers.Dense(3, name="i")], name="inner")
    lines: list[str] = []
    Model(photo, inner(x), name="graph").summary(print_fn=lines.append)
    assert "\n".join(lines) + "\n" == SUMMARY


def test_summary_of_a_graph_without_branches_is_that_of_a_row() -> None:
    photo = layers.Input((8, 8, 3), name="photo")
    lines: list[str] = []
    Model(photo, layers.Flatten(name="f")(photo)).summary(print_fn=lines.append)
    assert lines[4] == " photo (InputLayer)          [(None, 8, 8, 3)]         0         "
    assert lines[6] == " f (Flatten)                 (None, 192)               0         "
