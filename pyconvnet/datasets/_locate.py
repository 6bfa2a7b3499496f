"""The folders in which a data set is looked for, in order."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ._files import PublishedSet

DATA_VARIABLE = "PYCONVNET_DATA"
DEBIAN_DATASETS = Path("/usr/share/datasets")


@dataclass(frozen=True)
class Place:
    """A folder, and whether the user named it (then files other than the published ones are taken as well)."""

    folder: Path
    trusted: bool


def home() -> Path:
    """Returns the user's home folder; ``~`` itself where the system knows none."""
    return Path(os.path.expanduser("~"))


def cache_folder(published: PublishedSet) -> Path:
    """Returns this package's own folder for a data set: ``$XDG_CACHE_HOME`` or ``~/.cache``, then the set's name."""
    variable = os.environ.get("XDG_CACHE_HOME", "")
    # the XDG standard says that a relative path is to be ignored
    root = Path(variable) if os.path.isabs(variable) else home() / ".cache"
    return root / "pyconvnet" / "datasets" / published.name


def data_folder() -> Path | None:
    """Returns the folder that ``PYCONVNET_DATA`` names, or None.

    Raises:
        ValueError: it names something that is not a folder.
    """
    variable = os.environ.get(DATA_VARIABLE, "")
    if not variable:
        return None
    folder = Path(os.path.expanduser(variable))
    if not folder.is_dir():
        raise ValueError(f"{DATA_VARIABLE} must name a folder, got {variable!r}: make the folder or unset the variable")
    return folder


def places(published: PublishedSet) -> list[Place]:
    """Returns every folder in which ``published`` may lie, the first to be tried first.

    The order: ``PYCONVNET_DATA`` (the set's own folder in it before the folder itself), the cache of this package,
    Debian's package, Keras's cache, torchvision's usual roots ``./data`` and ``~/data``.
    """
    found: list[Place] = []
    named = data_folder()
    if named is not None:
        inside = (published.name, published.torchvision_folder)
        found += [Place(named / folder, trusted=True) for folder in inside if folder]
        found.append(Place(named, trusted=True))
    folders = [cache_folder(published)]
    if published.debian_folder is not None:
        folders.append(DEBIAN_DATASETS / published.debian_folder)
    keras = Path(os.environ.get("KERAS_HOME") or home() / ".keras")
    folders.append(keras / "datasets" / published.keras_folder)
    folders += [root / published.torchvision_folder for root in (Path("data"), home() / "data")]
    return found + [Place(folder, trusted=False) for folder in folders]
