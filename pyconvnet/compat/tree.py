"""The modules ``pyconvnet.compat.tensorflow`` and ``pyconvnet.compat.keras``, made from the table of names."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from pyconvnet._suggest import nearest
from pyconvnet.compat.names import INSTEAD, LIST, OFFERED

_PREFIX = "pyconvnet.compat."
ROOTS = ("tensorflow", "keras")
_IN_MANY_ROOMS = ("deserialize", "get", "serialize")  # another one in each: that of another module is no hint


class OfferedModule(ModuleType):
    """A module of Keras or TensorFlow whose names are looked up in the table when they are used."""

    def __init__(self, name: str) -> None:
        path = name.removeprefix(_PREFIX)
        super().__init__(name, f"The names of {path} that pyconvnet offers; all of them: {LIST}")
        self.__path__: list[str] = []  # the modules below are imported as those of a package are
        self.__all__ = [*OFFERED[path], *_below(path)]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):  # Python and IPython ask modules for many of these
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        path = self.__name__.removeprefix(_PREFIX)
        if name in _below(path):
            return import_module(f"{self.__name__}.{name}")
        if name not in OFFERED[path]:
            raise AttributeError(not_offered(f"{path}.{name}"))
        found = resolve(OFFERED[path][name])
        setattr(self, name, found)
        return found

    def __dir__(self) -> list[str]:
        return sorted(self.__all__)


class _Finder(MetaPathFinder, Loader):
    """Finds the modules of the table below ``pyconvnet.compat``, and no others."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        offered = fullname.removeprefix(_PREFIX)
        if offered == fullname or offered.partition(".")[0] not in ROOTS:
            return None
        if offered not in OFFERED:
            raise ModuleNotFoundError(not_offered(offered), name=None)  # with a name, `from a import b` hides it
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return OfferedModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        # __version__ is looked for with getattr by some and in the module's dictionary by others
        version = OFFERED[module.__name__.removeprefix(_PREFIX)].get("__version__")
        if version is not None:
            vars(module)["__version__"] = resolve(version)


_FINDER = _Finder()


def install() -> None:
    """Makes ``pyconvnet.compat.tensorflow`` and ``pyconvnet.compat.keras`` importable."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def resolve(target: str) -> Any:
    """Our object that a row of the table names, such as "pyconvnet.layers.Conv2D"."""
    module, _, name = target.rpartition(".")
    return getattr(import_module(module), name)


def not_offered(path: str) -> str:
    """The sentence for a name of Keras or TensorFlow that is not offered.

    Args:
        path: the whole name, such as "tensorflow.keras.layers.Lambda".

    Example:
        >>> not_offered("keras.Modl")
        "pyconvnet does not offer keras.Modl; did you mean 'Model'? All names: python -m pyconvnet.compat.pages"
    """
    module, _, name = path.rpartition(".")
    advice = INSTEAD.get(path) or INSTEAD.get(path.removeprefix("tensorflow."))
    elsewhere = _elsewhere(path)
    near = None if name in _IN_MANY_ROOMS else nearest(name, [*OFFERED.get(module, ()), *_below(module)])
    if advice:
        hint = f"; {advice}. "
    elif elsewhere:
        hint = f"; it is {elsewhere}. "
    elif near:
        hint = f"; did you mean '{near}'? "
    else:
        hint = ". "
    return f"pyconvnet does not offer {path}{hint}All names: {LIST}"


def _elsewhere(path: str) -> str | None:
    """The same name in another module, nearest in spelling: tf.keras.layers.convolutional.Conv2D is in layers."""
    module, _, name = path.rpartition(".")
    if name in _IN_MANY_ROOMS:
        return None
    root = path.partition(".")[0]
    homes = [f"{home}.{name}" for home, names in OFFERED.items() if name in names and home.partition(".")[0] == root]
    return max(homes, key=lambda home: _common(home, module), default=None)


def _common(one: str, other: str) -> int:
    pairs = zip(one.split("."), other.split("."), strict=False)
    return sum(1 for left, right in pairs if left == right)


def _below(path: str) -> Iterable[str]:
    """The names of the modules directly below one."""
    inside = f"{path}."
    return [name[len(inside) :] for name in OFFERED if name.startswith(inside) and "." not in name[len(inside) :]]
