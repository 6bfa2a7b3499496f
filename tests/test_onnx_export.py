"""Exporting as a command and as a method: what is refused, what is said, and files that are written whole."""

from __future__ import annotations

import builtins
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_models import images, network

from pyconvnet.cli import main
from pyconvnet.layers import Dense
from pyconvnet.models import Sequential
from pyconvnet.saving import onnx_export

NEEDS_ONNX = 'the package onnx is not installed: pip install "pyconvnet[onnx]"'


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "format must be 'onnx', the only one that pyconvnet writes, got 'tf_saved_model'"),
        ({"format": "openvino"}, "format must be 'onnx', the only one that pyconvnet writes, got 'openvino'"),
        ({"format": "onnx", "opset_version": 9}, "opset_version must be 17 or None, got 9"),
        ({"format": "onnx", "input_signature": [1]}, "input_signature must be None"),
    ],
)
def test_other_wishes_are_refused(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    with pytest.raises(ValueError, match=f"export: '.*m.onnx': {message}"):
        network().export(path, **options)
    assert not path.exists()


def test_a_model_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Sequential 'thin' is not built and has no weights yet; fit it or call build"):
        Sequential([Dense(3)], name="thin").export(tmp_path / "m.onnx", format="onnx")


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def fake(name: str, *arguments: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "onnx":
            raise ImportError("No module named 'onnx'", name="onnx")
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", fake)
    with pytest.raises(ImportError, match=r'm.onnx\': onnx is not installed; pip install "pyconvnet\[onnx\]"'):
        network().export(tmp_path / "m.onnx", format="onnx")
    assert not list(tmp_path.iterdir())


def test_a_model_beyond_protobufs_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx", reason=NEEDS_ONNX)
    monkeypatch.setattr(onnx_export, "_MOST_BYTES", 4 * network().count_params() - 1)
    with pytest.raises(ValueError, match=r"an ONNX file holds at most 2 GiB, Sequential '.*' has 604 bytes of weights"):
        network().export(tmp_path / "m.onnx", format="onnx")


def test_a_failed_export_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx", reason=NEEDS_ONNX)
    path = tmp_path / "m.onnx"
    path.write_bytes(b"old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            network().export(path, format="onnx")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("m.onnx", b"old")]
    network().export(path, format="onnx")
    assert path.stat().st_size > 604
    with pytest.raises(ValueError, match="is not a file but a folder or a device"):
        network().export(tmp_path, format="onnx")
    with pytest.raises(FileNotFoundError):
        network().export(tmp_path / "missing" / "m.onnx", format="onnx")


@pytest.mark.parametrize(("verbose", "said"), [(None, False), (False, False), (True, True)])
def test_it_speaks_when_asked(
    verbose: bool | None, said: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnx", reason=NEEDS_ONNX)
    network().export(tmp_path / "m.onnx", "onnx", verbose, opset_version=17)
    assert capsys.readouterr().out == (f"Saved artifact at '{tmp_path / 'm.onnx'}'.\n" if said else "")


@pytest.mark.parametrize("source", [".keras", ".h5"])
def test_the_command(source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx", reason=NEEDS_ONNX)
    from onnx_runs import assert_close, programs

    model = network()
    model.fit(*images(), epochs=1, verbose=0)
    model.save(tmp_path / f"a{source}")
    pair = [str(tmp_path / f"a{source}"), str(tmp_path / "b.onnx")]
    assert main(["convert", *pair]) == 0
    assert capsys.readouterr().out == f"wrote {tmp_path / 'b.onnx'}\n"
    x = images()[0][..., None].astype(np.float32)
    for run in programs(tmp_path / "b.onnx").values():
        assert_close(run({model.input_names[0]: x})[0], model.predict(x, verbose=0))
    assert main(["convert", *pair]) == 2 and "is there already" in capsys.readouterr().err
    assert main(["convert", pair[1], str(tmp_path / "c.keras")]) == 2
    assert "neither a .keras nor an .h5 file" in capsys.readouterr().err
