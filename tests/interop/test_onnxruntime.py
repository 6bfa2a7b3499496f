"""onnxruntime runs our ONNX files: of what pyconvnet trained, and of Keras's files turned by `pyconvnet convert`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pyconvnet.saving import convert

from .networks import NETWORKS, data
from .runs import CASES, FILES, TOLERANCE, Record, largest, note, trained

pytest.importorskip("onnx", reason='the package onnx is not installed: pip install "pyconvnet[onnx]"')
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install onnxruntime")
pytestmark = pytest.mark.filterwarnings("ignore")


def run(path: Path, layer: str) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    x, _ = data(NETWORKS[layer])
    feeds = x if isinstance(x, list) else [x]
    return session.run(None, {given.name: feed for given, feed in zip(session.get_inputs(), feeds, strict=True)})


@pytest.mark.parametrize(("layer", "optimizer"), CASES)
def test_it_predicts_what_we_do(
    layer: str, optimizer: str, tmp_path_factory: pytest.TempPathFactory, record_property: Record
) -> None:
    made = trained("pyconvnet", layer, optimizer, tmp_path_factory)
    found = run(made.path(".onnx"), layer)
    for ours, theirs in zip(found, made.predictions, strict=True):
        np.testing.assert_allclose(ours, theirs, **TOLERANCE)
    difference = largest(found, made.predictions)
    note(record_property, "pyconvnet", ".onnx", "onnxruntime", (layer, optimizer), predictions=difference)


@pytest.mark.parametrize(("writer", "file"), [("Keras 3", ".keras"), ("Keras 2", ".h5")])
@pytest.mark.parametrize(("layer", "optimizer"), CASES)
def test_it_predicts_what_keras_does(
    layer: str,
    optimizer: str,
    writer: str,
    file: str,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    record_property: Record,
) -> None:
    assert file in FILES[writer]
    made = trained(writer, layer, optimizer, tmp_path_factory)
    convert(made.path(file), tmp_path / "m.onnx")
    found = run(tmp_path / "m.onnx", layer)
    for ours, theirs in zip(found, made.predictions, strict=True):
        np.testing.assert_allclose(ours, theirs, **TOLERANCE)
    difference = largest(found, made.predictions)
    note(
        record_property, writer, f"{file} converted to .onnx", "onnxruntime", (layer, optimizer), predictions=difference
    )
