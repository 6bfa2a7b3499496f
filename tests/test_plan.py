"""The plan: its passes, its memory, its determinism, and what it refuses."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn
from pyconvnet import _core, layers, ops
from pyconvnet.losses import LossSpec
from pyconvnet.ops.conv2d import conv2d_geometry
from pyconvnet.plan import Graph, PlanSpec, build_plan, passes
from pyconvnet.plan.memory import ALIGNMENT, Interval, pack

SPARSE = "sparse_categorical_crossentropy"

REST = (0, 0, 0.0, [], np.empty(0, np.int64))  # of run_kernel: seed, iteration, learning rate, no feeds


def small_model(seed: int = 0, **dense: object) -> pcn.Sequential:
    pcn.utils.set_random_seed(seed)
    model = pcn.Sequential(
        [
            layers.Input((9, 9, 2)),
            layers.Conv2D(6, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(5, 3),
            layers.BatchNormalization(),
            layers.AveragePooling2D(),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(7, activation="relu", **dense),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("adam", SPARSE, metrics=["accuracy"])
    return model


def data(rows: int = 50) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    return random.normal(size=(rows, 9, 9, 2)).astype(np.float32), random.integers(0, 4, rows)


def lowered(model: pcn.Sequential) -> Graph:
    graph = Graph(model.sample_shapes)
    graph.finish(model.lower(graph, graph.inputs))
    return graph


def names(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


def test_identities_vanish() -> None:
    graph = lowered(small_model())
    assert "reshape" in names(graph) and "dropout" in names(graph)
    passes.remove_identities(graph, training=False)
    assert "reshape" not in names(graph) and "dropout" not in names(graph)
    graph = lowered(small_model())
    passes.remove_identities(graph, training=True)
    assert "reshape" not in names(graph) and "dropout" in names(graph)


def test_softmax_gives_way_to_a_loss_on_logits() -> None:
    graph = lowered(small_model())
    passes.remove_identities(graph, training=True)
    (head,) = passes.attach_losses(graph, [LossSpec("cross_entropy", sparse=True)])
    assert head is not None and head.kernel == "softmax_cross_entropy"
    assert head.source is graph.nodes[-1].output and names(graph)[-1] == "dense"


def test_relu_is_fused_unless_somebody_watches() -> None:
    graph = lowered(small_model())
    passes.fuse_relu(graph, passes.watched_tensors(graph))
    assert names(graph).count("activation") == 1  # the softmax
    assert [node.attributes["relu"] for node in graph.nodes if "relu" in node.attributes] == [True, False, True, False]
    graph = lowered(small_model())
    passes.fuse_relu(graph, {id(graph.nodes[0].output)})
    assert graph.nodes[0].attributes["relu"] is False


def test_a_relu_before_a_max_pooling_is_masked_behind_it() -> None:
    """Fewer bytes and the same bits: compared with a model whose ReLU is a layer that somebody else reads."""
    pcn.utils.set_random_seed(0)
    body = [layers.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(3, strides=1)]
    tail = [layers.Flatten(), layers.Dense(3, activation="softmax")]
    model = pcn.Sequential([*body, *tail])
    model.compile("sgd", SPARSE)
    pooling = next(layer.name for layer in model.layers if isinstance(layer, layers.MaxPooling2D))
    kernels = {call.kernel for call in model.plan().calls if call.label == pooling}
    assert {"activation_backward", "max_pool2d_backward"} <= kernels

    x, y = np.random.default_rng(0).normal(size=(12, 8, 8, 1)), np.arange(12) % 3
    start = model.get_weights()
    model.train_on_batch(x, y)
    other = pcn.Sequential([*body[:1], layers.Conv2D(4, 3), layers.Activation("relu"), *body[2:], *tail])
    other.compile("sgd", SPARSE)
    # A penalty of zero on the ReLU's output keeps its mask where it is.
    convolution = layers.Conv2D(4, 3, activation="relu", activity_regularizer=pcn.regularizers.l2(0.0))
    watched = pcn.Sequential([*body[:1], convolution, *body[2:], *tail])
    watched.compile("sgd", SPARSE)
    for twin in (other, watched):
        twin.set_weights(start)
        twin.train_on_batch(x, y)
        for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 12), st.integers(0, 6)), max_size=24))
@settings(max_examples=200, deadline=None)
def test_blocks_that_live_together_do_not_overlap(blocks: list[tuple[int, int, int]]) -> None:
    intervals = [Interval(nbytes, first, first + length) for nbytes, first, length in blocks]
    offsets, size = pack(intervals)
    for i, a in enumerate(intervals):
        assert offsets[i] % ALIGNMENT == 0 and offsets[i] + a.nbytes <= size
        for j, b in enumerate(intervals[:i]):
            together = a.first <= b.last and b.first <= a.last
            apart = offsets[i] + a.nbytes <= offsets[j] or offsets[j] + b.nbytes <= offsets[i]
            assert not together or apart


def test_memory_is_reused() -> None:
    plan = small_model().plan(batch_size=64, training=False)
    tensors = {id(t): t for call in plan.calls for t in call.buffers.values() if t.array is None}
    assert plan.nbytes < sum(t.size * 4 * (64 if t.batched else 1) for t in tensors.values())


def test_the_printed_plan_names_every_call() -> None:
    text = str(small_model().plan(batch_size=8))
    for kernel in ("gather", "conv2d_forward", "softmax_cross_entropy", "conv2d_backward_weights", "adam"):
        assert kernel in text
    assert "direct" in text and "MFLOP" in text and "8x9x9x2" in text
    # Nobody wants the gradient of the images.
    lines = [line for line in text.splitlines() if "conv2d_backward_data" in line]
    assert len(lines) == 1


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_training_has_the_same_bits_for_any_number_of_threads(threads: int) -> None:
    x, y = data()
    before = _core.get_num_threads()

    def train(count: int) -> list[np.ndarray]:
        _core.set_num_threads(count)
        model = small_model()
        model.fit(x, y, batch_size=16, epochs=2, verbose=0)
        return model.get_weights()

    try:
        for one, many in zip(train(1), train(threads), strict=True):
            np.testing.assert_array_equal(one, many)
    finally:
        _core.set_num_threads(before)


def test_a_smaller_batch_runs_the_same_plan() -> None:
    """Padding rows of a partial batch must not leak: 50 = 32 + 18 rows give what exact batches give."""
    x, y = data()
    large, exact = small_model(), small_model()
    large.fit(x, y, batch_size=32, epochs=1, shuffle=False, verbose=0)
    exact.train_on_batch(x[:32], y[:32])
    exact.train_on_batch(x[32:], y[32:])
    for a, b in zip(large.get_weights(), exact.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("isa", _core.available_isas())
def test_the_forced_instruction_set_runs(isa: str) -> None:
    before = _core.active_isa()
    try:
        _core.set_isa(isa)
        assert _core.active_isa() == isa
        assert isa in str(small_model().plan())
    finally:
        _core.set_isa(before)


def test_unknown_instruction_sets_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown instruction set 'sse9'.*scalar"):
        _core.set_isa("sse9")


def gradients_of(model: pcn.Sequential, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Through one step of plain gradient descent with rate 1."""
    before = model.get_weights()
    model.train_on_batch(x, y)
    return [a.astype(np.float64) - b for a, b in zip(before, model.get_weights(), strict=True)]


@pytest.mark.parametrize("head", ["softmax", "linear", "sigmoid"])
def test_gradients_against_finite_differences(head: str) -> None:
    """The whole backward pass of a small network, through the reported loss."""
    pcn.utils.set_random_seed(5)
    model = pcn.Sequential(
        [
            layers.Input((6, 6, 1)),
            layers.Conv2D(3, 3, activation="tanh", kernel_regularizer="l2"),
            layers.AveragePooling2D(),
            layers.Flatten(),
            layers.Dense(3, activation=head, activity_regularizer=pcn.regularizers.l1_l2(0.01, 0.02)),
        ]
    )
    model.compile(pcn.optimizers.SGD(1.0), "mse")
    random = np.random.default_rng(0)
    x, y = random.normal(size=(8, 6, 6, 1)), random.normal(size=(8, 3))
    start = model.get_weights()
    analytic = gradients_of(model, x, y)
    step = 1e-2
    for index, weights in enumerate(start):
        for flat in range(0, weights.size, max(1, weights.size // 5)):
            losses = []
            for sign in (1, -1):
                moved = [w.copy() for w in start]
                moved[index].reshape(-1)[flat] += sign * step
                model.set_weights(moved)
                losses.append(model.evaluate(x, y, verbose=0))
            numeric = (losses[0] - losses[1]) / (2 * step)
            assert analytic[index].reshape(-1)[flat] == pytest.approx(numeric, rel=2e-2, abs=2e-4)


def test_the_core_validates_again() -> None:
    """A wrong plan is refused by the C++ side, whatever Python said."""
    attributes = dict(vectors=1, k=4, m=3, relu=False)
    x, w, y = np.zeros((2, 4), np.float32), np.zeros((4, 3), np.float32), np.zeros((2, 3), np.float32)

    def run(**changes: object) -> None:
        scratch = {"partial": np.zeros(0, np.float32)}
        buffers = {"x": x, "kernel": w, "y": y, **scratch, **changes}
        _core.run_kernel("dense_forward", attributes, {k: v for k, v in buffers.items() if v is not None}, 2, *REST)

    run()
    with pytest.raises(ValueError, match="dense_forward: buffer 'kernel' is missing"):
        run(kernel=None)
    with pytest.raises(ValueError, match="dense_forward 'kernel': must be float32, got float64"):
        run(kernel=w.astype(np.float64))
    with pytest.raises(ValueError, match="dense_forward 'x': must hold 32 bytes, got 16"):
        run(x=x[:1])
    with pytest.raises(ValueError, match="must be C-contiguous"):
        run(kernel=np.zeros((3, 4), np.float32).T)
    with pytest.raises(ValueError, match="'x' and 'y' overlap"):
        run(y=x)
    with pytest.raises(ValueError, match="unknown buffer 'z'"):
        run(z=x)
    with pytest.raises(ValueError, match="unknown kernel 'nothing'"):
        _core.run_kernel("nothing", {}, {}, 1, *REST)


def test_rows_outside_the_data_are_refused() -> None:
    model = small_model()
    plan = build_plan(model, PlanSpec("predict", 4))
    x = np.zeros((3, 9, 9, 2), np.float32)
    out = np.empty((1, 4), np.float32)
    with pytest.raises(ValueError, match="feed 0: row indices must be from 0 to 2, got 3"):
        plan.run([x], np.array([3]), batch_size=1, seed=0, iteration=0, out=out)


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "int32", "uint32", "int64", "float16", "float64"]
)
def test_every_dtype_and_stride_is_gathered(dtype: str) -> None:
    model = small_model()
    whole = np.random.default_rng(0).integers(0, 100, (20, 9, 9, 4)).astype(dtype)
    expected = model.predict(whole[::2, :, ::-1, 1:3].astype(np.float32), verbose=0)
    np.testing.assert_array_equal(model.predict(whole[::2, :, ::-1, 1:3], verbose=0), expected)
    np.testing.assert_array_equal(model.predict(np.ascontiguousarray(whole[::2, :, ::-1, 1:3]), verbose=0), expected)


def test_the_rules_cover_what_layers_declare() -> None:
    graph = lowered(small_model())
    assert {node.op for node in graph.nodes} - {"reshape"} <= set(ops.RULES)


def test_sizes_and_feeds_are_checked_before_a_kernel_sees_them() -> None:
    geometry = conv2d_geometry("conv", (4, 4, 2), 3, 2)
    for name in ("stride_h", "groups", "kernel_w", "dilation_w", "oh"):
        with pytest.raises(ValueError, match=f"conv2d_forward: {name} must be positive, got 0"):
            _core.describe_kernel("conv2d_forward", {**geometry, "relu": False, name: 0})
    with pytest.raises(ValueError, match="pad_top must be at least 0, got -1"):
        _core.describe_kernel("conv2d_forward", {**geometry, "relu": False, "pad_top": -1})
    plan = build_plan(small_model(), PlanSpec("predict", 4))
    with pytest.raises(ValueError, match="rows of feed 0 must hold 162 numbers, got 9"):
        plan.run([np.zeros((3, 9), np.float32)], np.arange(3), batch_size=4, seed=0, iteration=0, learning_rate=0.0)
    with pytest.raises(ValueError, match="needs feed 0, got 0 feeds"):
        plan.run([], np.arange(3), batch_size=4, seed=0, iteration=0, learning_rate=0.0)


@pytest.mark.parametrize("layer", ["conv2d", "depthwise", "dense"])
def test_a_fused_relu_passes_nan_on(layer: str) -> None:
    """A diverged network must look diverged, fused or not."""
    x = np.full((1, 3, 3, 2), np.nan, np.float32)
    body = {
        "conv2d": [layers.Conv2D(3, 3, activation="relu")],
        "depthwise": [layers.Conv2D(2, 3, groups=2, activation="relu")],
        "dense": [layers.Flatten(), layers.Dense(3, activation="relu")],
    }[layer]
    assert np.isnan(pcn.Sequential([layers.Input((3, 3, 2)), *body]).predict(x, verbose=0)).all()


def test_byte_orders() -> None:
    """Numbers are numbers in either byte order, and the machine's own has more than one name."""
    model = small_model()
    x, _ = data(4)
    expected = model.predict(x, verbose=0)
    np.testing.assert_array_equal(model.predict(x.astype(">f4"), verbose=0), expected)
    np.testing.assert_array_equal(model.predict(x.astype(">f4").byteswap().view("<f4"), verbose=0), expected)


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"])
def test_from_logits_behind_an_activation_takes_the_logits(loss: str) -> None:
    """As Keras 3: the flag is wrong there, and the loss is that of the logits."""
    head = "sigmoid" if loss.startswith("binary") else "softmax"
    classes = {
        SPARSE: pcn.losses.SparseCategoricalCrossentropy,
        "categorical_crossentropy": pcn.losses.CategoricalCrossentropy,
        "binary_crossentropy": pcn.losses.BinaryCrossentropy,
    }
    x = np.random.default_rng(0).normal(size=(6, 4))
    y = np.arange(6) % 3 if loss == SPARSE else np.eye(3)[np.arange(6) % 3]
    pcn.utils.set_random_seed(0)
    model = pcn.Sequential([layers.Input((4,)), layers.Dense(3, activation=head)])
    model.compile("sgd", loss)
    expected = model.evaluate(x, y, verbose=0)
    model.compile("sgd", classes[loss](from_logits=True))
    with pytest.warns(UserWarning, match="ends in"):
        assert model.evaluate(x, y, verbose=0) == expected


def test_the_interpreter_goes_on_while_a_plan_runs() -> None:
    """The GIL is released: another thread counts during one crossing."""
    model = pcn.Sequential([layers.Input((28, 28, 8)), layers.Conv2D(64, 3), layers.Flatten(), layers.Dense(3)])
    x = np.zeros((200, 28, 28, 8), np.float32)
    plan = build_plan(model, PlanSpec("predict", 32))
    out = np.empty((200, 3), np.float32)
    started, done = threading.Event(), threading.Event()

    def run() -> None:
        started.set()
        plan.run([x], np.arange(200), batch_size=32, seed=0, iteration=0, out=out)
        done.set()

    before = sys.getswitchinterval()
    sys.setswitchinterval(60)  # seconds: without a release of the GIL the main thread would not get it back
    try:
        thread = threading.Thread(target=run)
        thread.start()
        started.wait()
        counted = 0
        while not done.is_set():
            counted += 1
        thread.join()
    finally:
        sys.setswitchinterval(before)
    assert counted > 100


def test_images_of_other_batches_are_refused() -> None:
    kernel, dy = np.zeros((3, 3, 1, 2)), np.zeros((2, 5, 5, 2))
    with pytest.raises(ValueError, match=r"input_shape must be \(height, width, channels\) or \(2, ...\), got \(7, "):
        ops.conv2d_backward_data(dy, kernel, (7, 7, 7, 1))
    with pytest.raises(ValueError, match="the window covers 9223372036854775809 rows"):
        ops.conv2d(np.zeros((1, 9, 9, 1)), kernel, dilation_rate=2**62, padding="same")


def test_labels_of_a_cross_entropy_are_probabilities() -> None:
    model = pcn.Sequential([layers.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy")
    with pytest.raises(ValueError, match="a cross-entropy takes labels from 0 to 1"):
        model.fit(np.zeros((2, 4)), np.full((2, 3), 7.0), verbose=0)
