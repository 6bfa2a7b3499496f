"""TensorBoard reads the callback's event files, in the way its server does: scalars, histograms, images, the graph."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconvnet
from pyconvnet.callbacks.tensorboard import as_images

from .networks import NETWORKS, build, data

pytest.importorskip("tensorboardX", reason='tensorboardX is not installed: pip install "pyconvnet[tensorboard]"')
images = pytest.importorskip("PIL.Image", reason='Pillow is not installed: pip install "pyconvnet[tensorboard]"')
_NEEDED = "TensorBoard is not installed: pip install tensorboard"
_EVENTS = "tensorboard.backend.event_processing"
by_kind = pytest.importorskip(f"{_EVENTS}.event_accumulator", reason=_NEEDED)
by_plugin = pytest.importorskip(f"{_EVENTS}.plugin_event_accumulator", reason=_NEEDED)  # the server's
keras_util = pytest.importorskip("tensorboard.plugins.graph.keras_util", reason=_NEEDED)
tensor_util = pytest.importorskip("tensorboard.util.tensor_util", reason=_NEEDED)

EPOCHS = 3


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Path]:
    """A trained model, its history, and the folder of its event files."""
    folder = tmp_path_factory.mktemp("logs")
    model = build(pyconvnet, NETWORKS["Conv2D"])
    x, y = data(NETWORKS["Conv2D"])
    callback = pyconvnet.callbacks.TensorBoard(folder, histogram_freq=1, write_images=True, update_freq=1)
    history = model.fit(
        x, y, batch_size=4, epochs=EPOCHS, validation_data=(x, y), verbose=0, callbacks=[callback], shuffle=False
    )
    return model, history.history, folder


def read(folder: Path, module: Any = by_kind) -> Any:
    accumulator = module.EventAccumulator(str(folder), size_guidance={"histograms": 0, "tensors": 0})  # all of them
    accumulator.Reload()
    return accumulator


def note(record: Callable[[str, Any], None], what: str) -> None:
    record("seen", {"writer": "pyconvnet", "file": "event file", "reader": "TensorBoard", "what": what})


@pytest.mark.parametrize(("part", "prefix"), [("train", ""), ("validation", "val_")])
def test_scalars(board: Any, part: str, prefix: str, record_property: Callable[[str, Any], None]) -> None:
    _, history, folder = board
    read_by = read(folder / part)
    for name in ("loss", "accuracy"):
        events = read_by.Scalars(f"epoch_{name}")
        assert [event.step for event in events] == list(range(EPOCHS))
        np.testing.assert_allclose([event.value for event in events], history[prefix + name], rtol=1e-6)
    note(record_property, "scalars")


def test_numbers_of_batches(board: Any) -> None:
    events = read(board[2] / "train").Scalars("batch_loss")
    assert [event.step for event in events] == list(range(1, 3 * EPOCHS + 1))


def test_histograms(board: Any, record_property: Callable[[str, Any], None]) -> None:
    model, _, folder = board
    read_by = read(folder / "train")
    for weight in model.weights:
        events = read_by.Histograms(f"{weight.path}/histogram")
        assert [event.step for event in events] == list(range(EPOCHS))
        last, values = events[-1].histogram_value, weight.numpy()
        assert (last.num, sum(last.bucket)) == (values.size, values.size)
        np.testing.assert_allclose(
            [last.min, last.max, last.sum], [values.min(), values.max(), values.sum()], rtol=1e-5
        )
    note(record_property, "histograms")


def test_images(board: Any, record_property: Callable[[str, Any], None]) -> None:
    model, _, folder = board
    read_by = read(folder / "train", by_plugin)
    tags = read_by.PluginTagToContent("images")
    expected = {f"{w.path}/image": as_images(w.numpy()) for w in model.weights}
    assert set(tags) == {tag for tag, pictures in expected.items() if pictures is not None}
    for tag in tags:
        width, height, *files = tensor_util.make_ndarray(read_by.Tensors(tag)[-1].tensor_proto)
        assert len(files) == min(3, len(expected[tag]))
        for file in files:
            assert images.open(io.BytesIO(file)).size == (int(width), int(height))
    note(record_property, "images")


def test_the_graph(board: Any, record_property: Callable[[str, Any], None]) -> None:
    model, _, folder = board
    read_by = read(folder / "train", by_plugin)
    assert list(read_by.PluginTagToContent("graph_keras_model")) == ["keras"]
    text = tensor_util.make_ndarray(read_by.Tensors("keras")[0].tensor_proto).item()
    drawn = keras_util.keras_model_to_graph_def(json.loads(text))
    names = {node.name.rpartition("/")[2] for node in drawn.node}
    assert {layer.name for layer in model.layers} <= names
    note(record_property, "graph")
