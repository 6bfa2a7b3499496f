"""Four IDX files in a folder -> ``(x_train, y_train), (x_test, y_test)``; also the checks that every format shares."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ._errors import NotHere
from ._files import PublishedFile, PublishedSet, title_of_payload
from ._idx import UInt8Array, read_idx_file

Split = tuple[UInt8Array, UInt8Array]
Splits = tuple[Split, Split]

CLASSES = 10
IMAGE_SHAPE = (28, 28)
# for files that the user names and that are not the published ones
MAX_IMAGES = 1_000_000


def read_idx_set(folder: Path, published: PublishedSet, trusted: bool) -> tuple[Splits, bool]:
    """Reads the four files of a set of 28 x 28 images from a folder, each compressed or not.

    Args:
        folder: where they lie.
        published: their names and checksums.
        trusted: take other files of the same form, too.

    Returns:
        The arrays, and whether they are the published ones (always true when not `trusted`).

    Raises:
        NotHere: the folder has none of the files, or not all, or those of another data set.
        ValueError: a file is damaged, or not the published one where it has to be.
    """
    paths = _find(folder, published, trusted)
    arrays: list[UInt8Array] = []
    genuine = True
    for path, file in zip(paths, published.files, strict=True):
        payload = file.payloads[0]
        is_images = "images" in payload.name
        limit = 16 + MAX_IMAGES * IMAGE_SHAPE[0] * IMAGE_SHAPE[1] if trusted else payload.size
        array, sha256 = read_idx_file(path, ndim=3 if is_images else 1, max_bytes=limit)
        if sha256 != payload.sha256:
            owner = title_of_payload(sha256)
            if owner is not None and owner != published.title:
                raise NotHere(f"{path.name} is the file of {owner}")
            if not trusted:
                raise ValueError(wrong_sha256(path, published.title, payload.sha256, sha256))
            genuine = False
        arrays.append(array)
    x_train, y_train, x_test, y_test = arrays
    check_split(x_train, y_train, f"{paths[0]}", f"{paths[1]}")
    check_split(x_test, y_test, f"{paths[2]}", f"{paths[3]}")
    return ((x_train, y_train), (x_test, y_test)), genuine


def wrong_sha256(path: Path, title: str, expected: str, got: str) -> str:
    """Returns the message for a file that is whole and yet not the published one."""
    return f"{path}: not the published file of {title}: sha256 must be {expected}, got {got}"


def check_split(images: UInt8Array, labels: UInt8Array, images_name: str, labels_name: str) -> None:
    """Checks images [n, 28, 28] and labels [n] against each other; ValueError names the file."""
    if images.shape[1:] != IMAGE_SHAPE:
        raise ValueError(f"{images_name}: images must be 28 x 28, got {images.shape[1]} x {images.shape[2]}")
    if len(images) == 0:
        raise ValueError(f"{images_name}: expected at least one image, got none")
    if len(images) != len(labels):
        raise ValueError(
            f"{labels_name}: expected a label for each of the {len(images)} images of {images_name}, got {len(labels)}"
        )
    check_labels(labels, labels_name)


def check_labels(labels: UInt8Array, who: str) -> None:
    """Checks that labels [n] are classes 0 to 9; ValueError names the file and the first wrong one."""
    wrong = np.flatnonzero(labels >= CLASSES)
    if wrong.size:
        raise ValueError(f"{who}: labels must be 0 to {CLASSES - 1}, got {labels[wrong[0]]} at index {wrong[0]}")


def _find(folder: Path, published: PublishedSet, trusted: bool) -> list[Path]:
    found = {file.name: _first_file(folder, file) for file in published.files}
    missing = [name for name, path in found.items() if path is None]
    if len(missing) == len(found):
        raise NotHere("not there")
    if missing and trusted:
        raise ValueError(
            f"{folder}: {published.title} must have {len(found)} files, got none named {', '.join(missing)}"
        )
    if missing:
        raise NotHere(f"incomplete, without {', '.join(missing)}")
    return [path for path in found.values() if path is not None]


def _first_file(folder: Path, file: PublishedFile) -> Path | None:
    for name in (file.name, file.payloads[0].name):
        if (folder / name).is_file():
            return folder / name
    return None
