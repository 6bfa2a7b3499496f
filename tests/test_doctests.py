"""The examples in the docstrings show what happens."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from importlib.util import find_spec

import pytest

import pyconvnet

MODULES = [
    module.name
    for module in pkgutil.walk_packages(pyconvnet.__path__, "pyconvnet.")
    if module.name not in ("pyconvnet.__main__", "pyconvnet._core")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        assert missing.name == "matplotlib" and find_spec("matplotlib") is None
        pytest.skip("needs matplotlib")
    failed, _ = doctest.testmod(module)
    assert failed == 0
