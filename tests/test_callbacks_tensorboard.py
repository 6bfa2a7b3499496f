"""TensorBoard: the event files that Keras writes, under Keras's names."""

from __future__ import annotations

import builtins
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconvnet
from pyconvnet.callbacks import TensorBoard
from pyconvnet.callbacks.tensorboard import as_images

try:
    import PIL  # noqa: F401
    from tensorboardX.proto.event_pb2 import Event
except ImportError as error:
    pytest.skip(f"needs the extra 'tensorboard': {error}", allow_module_level=True)

Values = dict[str, list[tuple[int, Any]]]


def read(folder: Path) -> Values:
    """Every summary value of a folder's event files: tag to (step, value)."""
    found: Values = {}
    for path in sorted(folder.glob("events.out.tfevents.*.v2")):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value))
    return found


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    return {
        tag: [(step, value.simple_value) for step, value in values]
        for tag, values in read(folder).items()
        if values[0][1].HasField("simple_value")
    }


def fit(*callbacks: Any, epochs: int = 2) -> Any:
    random = np.random.default_rng(0)
    x, y = random.standard_normal((20, 5, 5, 1)).astype(np.float32), random.integers(0, 3, 20)
    layers = pyconvnet.layers
    model = pyconvnet.Sequential([layers.Input((5, 5, 1)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)])
    loss = pyconvnet.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(pyconvnet.optimizers.SGD(0.25), loss, metrics=["accuracy"])
    model.fit(x, y, batch_size=5, epochs=epochs, validation_split=0.25, verbose=0, callbacks=list(callbacks))
    return model


def test_scalars_have_keras_names_and_the_histories_numbers(tmp_path: Path) -> None:
    history = fit(TensorBoard(tmp_path)).history.history
    trained, tested = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    assert sorted(trained) == ["epoch_accuracy", "epoch_learning_rate", "epoch_loss"]
    assert sorted(tested) == [
        "epoch_accuracy",
        "epoch_loss",
        "evaluation_accuracy_vs_iterations",
        "evaluation_loss_vs_iterations",
    ]
    assert trained["epoch_learning_rate"] == [(0, 0.25), (1, 0.25)]
    for name in ("loss", "accuracy"):
        for folder, key in ((trained, name), (tested, f"val_{name}")):
            steps, values = zip(*folder[f"epoch_{name}"], strict=True)
            assert steps == (0, 1)
            np.testing.assert_allclose(values, history[key], rtol=1e-6)
        assert [step for step, _ in tested[f"evaluation_{name}_vs_iterations"]] == [3, 6]


def test_numbers_of_batches(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path, update_freq=2, write_steps_per_second=True)
    fit(board)
    trained = scalars(tmp_path / "train")
    for tag in ("batch_loss", "batch_accuracy", "batch_steps_per_second"):
        assert [step for step, _ in trained[tag]] == [2, 4, 6]
    assert [step for step, _ in trained["epoch_steps_per_second"]] == [0, 1]
    assert all(value > 0 for _, value in trained["epoch_steps_per_second"])


def test_only_numbers_of_batches_slow_the_steps_down(tmp_path: Path) -> None:
    assert not TensorBoard(tmp_path).watches_batches("train")
    assert TensorBoard(tmp_path, update_freq="batch").watches_batches("train")
    assert not TensorBoard(tmp_path, update_freq=3).watches_batches("test")


def test_weights_as_histograms_and_images(tmp_path: Path) -> None:
    model = fit(TensorBoard(tmp_path, histogram_freq=2, write_images=True), epochs=3)
    found = read(tmp_path / "train")
    for layer in model.layers:
        for weight in layer.weights:
            steps = [step for step, _ in found[f"{weight.path}/histogram"]]
            assert steps == [0, 2]
            histogram = found[f"{weight.path}/histogram"][-1][1].histo
            assert (histogram.num, sum(histogram.bucket)) == (weight.size, weight.size)
            assert histogram.max == pytest.approx(float(weight.numpy().max()))
            image = found[f"{weight.path}/image"][0][1]
            assert image.metadata.plugin_data.plugin_name == "images"
            width, height, *files = image.tensor.string_val
            shape = as_images(weight.numpy()).shape  # type: ignore[union-attr]
            assert (int(height), int(width), len(files)) == (shape[1], shape[2], min(3, shape[0]))
            assert all(file.startswith(b"\x89PNG") for file in files)


def test_the_graph(tmp_path: Path) -> None:
    model = fit(TensorBoard(tmp_path))
    ((step, value),) = read(tmp_path / "train")["keras"]
    assert (step, value.metadata.plugin_data.plugin_name) == (0, "graph_keras_model")
    assert json.loads(value.tensor.string_val[0])["config"]["name"] == model.name
    fit(TensorBoard(tmp_path / "without", write_graph=False))
    assert "keras" not in read(tmp_path / "without" / "train")


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((7,), (1, 7, 1, 1)),
        ((9, 4), (1, 4, 9, 1)),
        ((4, 9), (1, 4, 9, 1)),
        ((3, 3, 1, 8), (8, 3, 3, 1)),
        ((5, 5, 3, 1), (3, 5, 5, 1)),
        ((3, 3, 2, 3), (3, 3, 2, 3)),
    ],
)
def test_images_are_laid_out_as_in_keras(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    images = as_images(np.zeros(shape, np.float32))
    assert images is not None and images.shape == expected
    assert as_images(np.zeros((3, 3, 8, 16), np.float32)) is None


def test_an_evaluation_outside_fit(tmp_path: Path) -> None:
    model = fit()
    model.evaluate(np.zeros((4, 5, 5, 1)), [0, 1, 2, 0], verbose=0, callbacks=[TensorBoard(tmp_path)])
    assert [step for step, _ in scalars(tmp_path / "validation")["evaluation_loss_vs_iterations"]] == [6]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (dict(update_freq="step"), "update_freq must be 'epoch', 'batch' or a number, got 'step'"),
        (dict(histogram_freq=-1), "histogram_freq must be at least 0, got -1"),
        (dict(profile_batch=2), "profile_batch must be 0"),
        (dict(embeddings_freq=1), "embeddings_freq must be 0"),
        (dict(embeddings_metadata="words.tsv"), "embeddings_metadata must be None"),
    ],
)
def test_settings_are_checked(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"TensorBoard: {message}"):
        TensorBoard("logs", **config)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def fake(name: str, *arguments: Any, **more: Any) -> Any:
        if name == "tensorboardX":
            raise ImportError("No module named 'tensorboardX'", name=name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", fake)
    with pytest.raises(ImportError, match=r'tensorboardX is not installed; pip install "pyconvnet\[tensorboard\]"'):
        TensorBoard("logs")
