"""An ``import`` of its own for the user's code, in which TensorFlow and Keras are pyconvnet.

Python takes ``__import__`` from the ``__builtins__`` of the code that imports. The user's code is given a copy of the
builtins with another ``__import__``; that of all other code, and ``sys.modules``, stay as they are. So a library that
looks for TensorFlow finds the real one or none, whoever imports that library.
"""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from pyconvnet.compat.names import OFFERED
from pyconvnet.compat.tree import ROOTS, not_offered


class UserBuiltins(ModuleType):
    """Python's builtins with our ``__import__``, for the globals of the user's code."""

    def __init__(self) -> None:
        super().__init__("builtins")
        self.refresh()

    def refresh(self) -> None:
        """Takes over what was put into Python's builtins since."""
        vars(self).update(vars(builtins))
        vars(self)["__import__"] = user_import


def user_import(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    """``__import__``, but tensorflow and keras are ``pyconvnet.compat.tensorflow`` and ``.keras``.

    Raises:
        ImportError: a name that is not offered; the message names the nearest one.
    """
    root = name.partition(".")[0]
    if level != 0 or root not in ROOTS:
        return builtins.__import__(name, globals, locals, fromlist or (), level)
    if name not in OFFERED:
        wanted = fromlist[0] if fromlist and fromlist[0] != "*" else None
        raise ModuleNotFoundError(not_offered(f"{name}.{wanted}" if wanted else name), name=name)
    module = import_module(f"pyconvnet.compat.{name}")
    for wanted in fromlist or ():
        if wanted != "*" and not hasattr(module, wanted):
            raise ImportError(not_offered(f"{name}.{wanted}"), name=name)
    return module if fromlist else import_module(f"pyconvnet.compat.{root}")


class UserFolder(MetaPathFinder):
    """Modules that lie beside the user's code are the user's code too, and get the same builtins.

    Args:
        folder: the folder of the script or the notebook.
        given: the builtins for them.
    """

    def __init__(self, folder: Path, given: UserBuiltins) -> None:
        self.folder = str(folder)
        self.given = given

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package = fullname.rpartition(".")[0]
        if path is not None and not self._holds(package, path):
            return None
        spec = PathFinder.find_spec(fullname, [self.folder] if path is None else [self._place(package)])
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            return None  # a folder without __init__.py too: Python finds it where no other package has its name
        spec.loader = _UserLoader(fullname, spec.loader.path, self.given)
        return spec

    def forget(self, but: Collection[str]) -> None:
        """Takes its modules out of ``sys.modules``: another folder may have others with the same names.

        Args:
            but: names of modules that stay.
        """
        for name in [name for name, module in list(sys.modules.items()) if name not in but and self._is_ours(module)]:
            del sys.modules[name]

    def _is_ours(self, module: ModuleType) -> bool:
        inside = getattr(module, "__dict__", {})
        return inside.get("__builtins__") is self.given or self._holds(
            inside.get("__name__", ""), inside.get("__path__", ())
        )

    def _place(self, package: str) -> str:
        return os.path.join(self.folder, *package.split("."))

    def _holds(self, package: str, path: Sequence[str]) -> bool:
        """Whether a package, which lies at `path`, lies in the folder."""
        return self._place(package) in path


class _UserLoader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, given: UserBuiltins) -> None:
        super().__init__(fullname, path)
        self.given = given

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = self.given
        super().exec_module(module)
