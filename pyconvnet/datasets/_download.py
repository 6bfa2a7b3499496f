"""Fetching one published file: several mirrors, resumed by HTTP Range, checked, then renamed into place."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from ._errors import DownloadError
from ._files import PublishedFile, sha256_of_file
from ._progress import Progress

TIMEOUT_SECONDS = 10.0
# a mirror that cuts the connection is asked for the rest so many times
_TRIES = 5
_CHUNK = 1 << 16


def fetch(file: PublishedFile, mirrors: tuple[str, ...], target: Path) -> None:
    """Downloads a file to `target`; `target` appears whole and checked, or not at all.

    What has arrived lies in ``target.part`` and is gone on with at the next call when no mirror could give the rest.
    Two processes that want the same file wait for each other.

    Args:
        file: the name, bytes and sha256.
        mirrors: addresses to which the name is appended, tried in order.
        target: where to put it; its folder is made.

    Raises:
        DownloadError: no mirror gave the file; a line for each says why.
        OSError: the file cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    failures: list[str] = []
    progress = Progress(file.name, file.size)
    with _locked(part) as handle:
        if target.is_file() and sha256_of_file(target) == file.sha256:
            part.unlink()
            return
        for mirror in mirrors:
            try:
                _complete(handle, file, mirror + file.name, progress)
            except DownloadError as error:
                failures.append(str(error))
                continue
            finally:
                progress.close()
            os.fsync(handle.fileno())
            os.replace(part, target)
            return
        if _size(handle) == 0:
            part.unlink()
    raise DownloadError("\n".join(failures))


@contextlib.contextmanager
def _locked(part: Path) -> Iterator[IO[bytes]]:
    """Opens `part` (made when it is not there) such that no other process writes to it meanwhile."""
    while True:
        with part.open("a+b") as handle:
            with contextlib.suppress(OSError):  # some network file systems have no locks
                fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_at(handle, part):
                yield handle
                return


def _is_at(handle: IO[bytes], part: Path) -> bool:
    # whoever held the lock may have renamed or removed the file that was opened here
    try:
        return os.path.samestat(os.fstat(handle.fileno()), part.stat())
    except FileNotFoundError:
        return False


def _complete(handle: IO[bytes], file: PublishedFile, url: str, progress: Progress) -> None:
    """Fills `handle` up to the whole file from one mirror and checks it."""
    for _ in range(_TRIES):
        start = _size(handle)
        if start < file.size:
            start = _append(handle, file, url, progress)
        size = _size(handle)
        if size < file.size:
            if size == start:
                raise DownloadError(f"{url}: expected {file.size} bytes, got {size}")
            continue
        sha256 = _sha256(handle)
        if size == file.size and sha256 == file.sha256:
            return
        handle.truncate(0)
        # a wrong beginning may be another mirror's fault: then ask this one for the whole file
        if start == 0:
            got = f"sha256 {sha256}" if size == file.size else "more bytes"
            raise DownloadError(f"{url}: expected {file.size} bytes of sha256 {file.sha256}, got {got}")
    raise DownloadError(f"{url}: the connection was cut {_TRIES} times, at {_size(handle)} of {file.size} bytes")


def _append(handle: IO[bytes], file: PublishedFile, url: str, progress: Progress) -> int:
    """Appends what one request gives, one byte too many at most. Returns the bytes that it began with."""
    start = _size(handle)
    with _open(url, start) as response:
        if start and response.status != http.HTTPStatus.PARTIAL_CONTENT:
            handle.truncate(0)  # the mirror knows no ranges and sends the whole file
            start = 0
        elif start and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            got = response.headers.get("Content-Range")
            raise DownloadError(f"{url}: expected the bytes from {start} on, got Content-Range {got}")
        progress.begin(start, urllib.parse.urlsplit(url).netloc)
        done = start
        while chunk := _read(response, file.size + 1 - done):
            handle.write(chunk)
            done += len(chunk)
            progress.update(min(done, file.size))
    handle.flush()
    return start


def _open(url: str, start: int) -> http.client.HTTPResponse:
    headers = {"User-Agent": "pyconvnet", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        request = urllib.request.Request(url, headers=headers)
        return cast(http.client.HTTPResponse, urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS))
    except urllib.error.HTTPError as error:
        error.close()
        raise DownloadError(f"{url}: HTTP {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"{url}: {getattr(error, 'reason', None) or error}") from error


def _read(response: http.client.HTTPResponse, at_most: int) -> bytes:
    try:
        return response.read(min(_CHUNK, at_most))
    except (OSError, http.client.HTTPException):
        return b""  # cut: the caller sees that the file is short and asks for the rest


def _size(handle: IO[bytes]) -> int:
    return handle.seek(0, os.SEEK_END)


def _sha256(handle: IO[bytes]) -> str:
    digest = hashlib.sha256()
    handle.seek(0)
    while chunk := handle.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
