"""Looking for a data set: the first folder that has it, else a download, else an error that says what to do."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

from ._errors import DatasetNotFoundError, NotHere
from ._files import PublishedSet, sha256_of_file
from ._idx_set import Splits
from ._locate import DATA_VARIABLE, cache_folder, places

# (folder, published, trusted) -> (arrays, whether they are the published ones)
Reader = Callable[[Path, PublishedSet, bool], tuple[Splits, bool]]
Source = tuple[PublishedSet, Reader]  # what a module's `load_data` looks for, and how it is read


def load(published: PublishedSet, read: Reader) -> Splits:
    """Loads a data set from the first place that has it; called by each module's ``load_data``.

    Files in the folder that the user names in ``PYCONVNET_DATA`` are taken when they are sound, with a warning when
    they are not the published ones. Everywhere else the sha256 must be the published one; a file that fails is passed
    over with a warning.

    Args:
        published: what to look for.
        read: reads it from a folder.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``.

    Raises:
        DatasetNotFoundError: it is nowhere and cannot be downloaded.
        ValueError: a file in ``PYCONVNET_DATA`` is damaged.
    """
    tried: list[str] = []
    for place in places(published):
        try:
            splits, genuine = read(place.folder, published, place.trusted)
        except NotHere as reason:
            tried.append(f"{place.folder}: {reason}")
        except (ValueError, OSError) as error:
            if place.trusted:
                raise
            advice = f"delete it, or name its folder in {DATA_VARIABLE} if you mean it"
            warnings.warn(f"{published.title}: passed over {error}; {advice}", stacklevel=3)
            tried.append(str(error))
        else:
            if not genuine:
                (x_train, _), (x_test, _) = splits
                warnings.warn(
                    f"{published.title}: {place.folder} ({DATA_VARIABLE}) does not hold the published files; "
                    f"its {len(x_train)} training and {len(x_test)} test images are taken as they are",
                    stacklevel=3,
                )
            return splits
    folder = cache_folder(published)
    try:
        _download(published, folder)
    except OSError as error:
        raise DatasetNotFoundError(_how_to_get(published, folder, tried, str(error))) from error
    return read(folder, published, False)[0]


def _download(published: PublishedSet, folder: Path) -> None:
    # here and not above: urllib takes longer to import than the rest of this package together
    from ._download import fetch

    for file in published.files:
        target = folder / file.name
        if not (target.is_file() and sha256_of_file(target) == file.sha256):
            fetch(file, published.mirrors, target)


def _how_to_get(published: PublishedSet, folder: Path, tried: list[str], failure: str) -> str:
    files = [f"    {file.name}  ({file.size} bytes, sha256 {file.sha256})" for file in published.files]
    lines = [
        f"{published.title} is not on this machine and could not be downloaded.",
        "Put",
        *files,
        f"into {folder}, or into any folder that {DATA_VARIABLE} names. They are published at",
        *(f"    {mirror}" for mirror in published.mirrors),
        published.hint,
        "Looked in",
        *(f"    {line}" for line in tried),
        "Download",
        *(f"    {line}" for line in failure.splitlines()),
    ]
    return "\n".join(line for line in lines if line)
