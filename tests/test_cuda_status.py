"""What is said of CUDA: a sentence for every way in which it can be missing."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from pyconvnet import _core, config
from pyconvnet._cuda_status import cuda_status, explain
from pyconvnet.cli import doctor

GPU = ("NVIDIA H100", 90, 80 * 2**30)


def probe(status: str = "cudaSuccess", **other: Any) -> dict[str, Any]:
    """Make the answer of a runtime for CUDA 13.0."""
    found = dict(message="it is broken", driver=13000, runtime=13000, architectures="80-real 90-real 90-virtual")
    return {**found, "status": status, "devices": [GPU] if status == "cudaSuccess" else [], **other}


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            probe("cudaErrorInsufficientDriver", driver=0),
            "not available: it needs an NVIDIA GPU, and no NVIDIA driver was found on this machine; "
            "device='cpu' is used",
        ),
        (
            probe("cudaErrorInsufficientDriver", driver=12040),
            "not available: this build needs a driver for CUDA 13.0, and this machine's NVIDIA driver is for "
            "CUDA 12.4; update the driver or install a build for CUDA 12.4; device='cpu' is used",
        ),
        (
            probe("cudaErrorNoDevice"),
            "not available: the NVIDIA driver shows no GPU (does CUDA_VISIBLE_DEVICES hide it?); device='cpu' is used",
        ),
        (
            probe("cudaErrorUnknown"),
            "not available: the CUDA runtime says: it is broken (cudaErrorUnknown); device='cpu' is used",
        ),
        (
            probe(devices=[("NVIDIA T4", 75, 2**34)]),
            "not available: this build has kernels for compute capability 8.0 and newer, and NVIDIA T4 has 7.5; "
            "build pyconvnet from source with CMAKE_CUDA_ARCHITECTURES=75; device='cpu' is used",
        ),
    ],
)
def test_why_there_is_no_cuda(found: dict[str, Any], text: str) -> None:
    status = explain(found)
    assert (status.ready, status.broken, status.text) == (False, False, text)


def test_what_gpu_there_is() -> None:
    status = explain(probe(devices=[("NVIDIA T4", 75, 2**34), GPU, GPU]))
    assert status.ready and not status.broken
    assert status.text.startswith(
        "NVIDIA H100 and 1 more (compute capability 9.0, 80 GiB; driver for CUDA 13.0, build for CUDA 13.0)"
    )


def test_an_architecture_without_a_number_is_any() -> None:
    assert explain(probe(architectures="native")).ready


def module(name: str, tables: object) -> ModuleType:
    """Make a module that stands in for the CUDA module."""
    stand_in = ModuleType(name)
    stand_in.kernel_tables = lambda: tables  # type: ignore[attr-defined]
    return stand_in


def test_a_build_without_the_module_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyconvnet._cuda", None)  # its import fails from now on
    status = cuda_status()
    assert not status.ready and not status.broken
    assert status.text.startswith("not available: this build has no CUDA module (")
    assert config.describe()["cuda"] == status.text


def test_a_module_of_another_build_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(tables: object) -> None:
        raise ValueError("add_backends: this module was built from other sources than pyconvnet._core")

    monkeypatch.setitem(sys.modules, "pyconvnet._cuda", module("pyconvnet._cuda", None))
    monkeypatch.setattr(_core, "add_backends", refuse)
    status = cuda_status()
    assert status.broken and status.text.startswith("broken: add_backends: this module was built from other sources")
    assert not doctor.examine()
    assert "failed  cuda: broken: add_backends" in capsys.readouterr().out


def test_the_module_fits_where_it_was_built() -> None:
    pytest.importorskip("pyconvnet._cuda", reason="this build has no CUDA module")
    assert not cuda_status().broken
    assert {"cuda", "cuda_tf32"} <= set(_core.available_backends())
    rows = np.zeros(1, np.int64)
    with pytest.raises(ValueError, match="'x': is a NumPy array, and these kernels need all arrays in the GPU's"):
        _core.run_kernel("activation_forward", {}, {"x": np.zeros(1)}, 1, 0, 0, 0.0, [], rows, backend="cuda")
