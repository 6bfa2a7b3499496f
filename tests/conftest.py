"""The installed package is tested. `python -m pytest` puts the checkout, which may have no compiled part, first."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_CHECKOUT = Path(__file__).resolve().parent.parent
_BUILT_IN_PLACE = any((_CHECKOUT / "pyconvnet").glob("_core*.so"))

if not _BUILT_IN_PLACE:
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != _CHECKOUT]

from emulated import emulated, emulator  # noqa: E402 - behind the path
from model_files import good_files  # noqa: E402

from pyconvnet import _core, devices  # noqa: E402
from pyconvnet import config as settings  # noqa: E402

if os.environ.get("PYCONVNET_TEST_WITHOUT_POOL"):  # bench/gpu/check.sh: each array on a GPU by itself
    import cupy

    cupy.cuda.set_allocator(None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --device: models and ops of all tests run there, in float32, where a test does not say otherwise."""
    parser.addoption("--device", default="", help="'emu', the CUDA kernels emulated, or 'cuda'; CONTRIBUTING.md")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the device."""
    if chosen := config.getoption("--device"):
        devices.get(chosen, "--device")
        settings.device, settings.tf32 = chosen, False


@contextmanager
def _active(isa: str) -> Iterator[None]:
    """Work with the kernels of an instruction set."""
    previous = _core.active_isa()
    _core.set_isa(isa)
    try:
        yield
    finally:
        _core.set_isa(previous)


@pytest.fixture(params=_core.available_isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run a test once with the kernels of each ISA that this machine has."""
    with _active(request.param):
        yield request.param


@pytest.fixture(params=[*_core.available_isas(), "emu", pytest.param("cuda", marks=pytest.mark.gpu)])
def where(request: pytest.FixtureRequest) -> Iterator[devices.Device]:
    """Run a test once with each of the processor's instruction sets, with the CUDA kernels emulated, and on a GPU."""
    if request.param == "cuda":
        yield devices.get("cuda")
        return
    if request.param == "emu":
        emulator()
    with emulated(order="random") if request.param == "emu" else _active(request.param):
        yield devices.CPU


@pytest.fixture
def threads() -> Iterator[None]:
    """Put the number of threads back after a test that changes it."""
    previous = _core.get_num_threads()
    try:
        yield
    finally:
        _core.set_num_threads(previous)


@pytest.fixture
def switches() -> Iterator[None]:
    """Put `config.winograd` and `config.strict` back after a test that changes them."""
    before = settings.winograd, settings.strict
    try:
        yield
    finally:
        settings.winograd, settings.strict = before


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Good files of one small trained network, by ending."""
    return good_files(tmp_path_factory.mktemp("originals"))
