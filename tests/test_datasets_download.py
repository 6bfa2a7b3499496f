"""Downloading: resumed, checked, several mirrors, nothing half-written. The server is on this machine."""

from __future__ import annotations

import hashlib
import http.server
import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyconvnet.datasets import _download, _progress
from pyconvnet.datasets._download import fetch
from pyconvnet.datasets._errors import DownloadError
from pyconvnet.datasets._files import PublishedFile

CONTENT = bytes(range(256)) * 3000
FILE = PublishedFile("data.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), ())


class Server(http.server.ThreadingHTTPServer):
    """Serves files by path; ``cuts`` maps a path to the bytes after which its next answers break off."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cuts: dict[str, list[int]] = {}
        self.ranges = True
        self.requests: list[tuple[str, str | None]] = []

    def mirror(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}/"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.requests.append((self.path, wanted))
        data = self.server.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        cuts = self.server.cuts.get(self.path)
        end = start + cuts.pop(0) if cuts else len(data)
        self.wfile.write(data[start:end])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_whole_file(server, tmp_path):
    server.files["/a/data.gz"] = CONTENT
    target = tmp_path / "made" / "data.gz"
    fetch(FILE, (server.mirror("a"),), target)
    assert target.read_bytes() == CONTENT
    assert names(target.parent) == ["data.gz"]
    assert server.requests == [("/a/data.gz", None)]


def test_replaces_a_wrong_file_and_leaves_a_right_one(server, tmp_path):
    server.files["/a/data.gz"] = CONTENT
    target = tmp_path / "data.gz"
    target.write_bytes(b"wrong")
    fetch(FILE, (server.mirror("a"),), target)
    assert target.read_bytes() == CONTENT
    fetch(FILE, (server.mirror("a"),), target)  # as after waiting for another process
    assert len(server.requests) == 1
    assert names(tmp_path) == ["data.gz"]


def test_a_cut_connection_is_gone_on_with(server, tmp_path):
    server.files["/a/data.gz"] = CONTENT
    server.cuts["/a/data.gz"] = [300_001, 7]
    fetch(FILE, (server.mirror("a"),), tmp_path / "data.gz")
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert [wanted for _, wanted in server.requests] == [None, "bytes=300001-", "bytes=300008-"]


def test_an_earlier_run_is_gone_on_with(server, tmp_path):
    server.files["/a/data.gz"] = CONTENT
    (tmp_path / "data.gz.part").write_bytes(CONTENT[:500_000])
    fetch(FILE, (server.mirror("a"),), tmp_path / "data.gz")
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert server.requests == [("/a/data.gz", "bytes=500000-")]
    assert names(tmp_path) == ["data.gz"]


def test_a_whole_part_needs_no_request(server, tmp_path):
    (tmp_path / "data.gz.part").write_bytes(CONTENT)
    fetch(FILE, (server.mirror("a"),), tmp_path / "data.gz")
    assert (tmp_path / "data.gz").read_bytes() == CONTENT and server.requests == []


@pytest.mark.parametrize("part", [b"rubbish", CONTENT[:-5] + b"rubbish", b"\1" * len(CONTENT)])
def test_a_wrong_part_is_thrown_away(server, tmp_path, part):
    server.files["/a/data.gz"] = CONTENT
    (tmp_path / "data.gz.part").write_bytes(part)
    fetch(FILE, (server.mirror("a"),), tmp_path / "data.gz")
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert server.requests[-1] == ("/a/data.gz", None)


def test_a_mirror_without_ranges_starts_again(server, tmp_path):
    server.files["/a/data.gz"] = CONTENT
    server.ranges = False
    (tmp_path / "data.gz.part").write_bytes(b"other bytes")
    fetch(FILE, (server.mirror("a"),), tmp_path / "data.gz")
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (CONTENT[:-1] + b"!", f"sha256 {FILE.sha256}, got sha256 "),
        (CONTENT + b"!", f"expected {len(CONTENT)} bytes of sha256 .*, got more bytes"),
        (CONTENT[:9], f"expected {len(CONTENT)} bytes, got 9"),
        (b"", f"expected {len(CONTENT)} bytes, got 0"),
    ],
)
def test_wrong_content_is_refused_and_the_next_mirror_asked(server, tmp_path, wrong, message):
    server.files["/a/data.gz"] = wrong
    with pytest.raises(DownloadError, match=f"/a/data.gz: .*{message}"):
        fetch(FILE, (server.mirror("a"),), tmp_path / "data.gz")
    assert not (tmp_path / "data.gz").exists()
    server.files["/b/data.gz"] = CONTENT
    fetch(FILE, (server.mirror("a"), server.mirror("none"), server.mirror("b")), tmp_path / "data.gz")
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert names(tmp_path) == ["data.gz"]


def test_wrong_content_leaves_nothing(server, tmp_path):
    server.files["/a/data.gz"] = b"?" * len(CONTENT)
    with pytest.raises(DownloadError):
        fetch(FILE, (server.mirror("a"),), tmp_path / "data.gz")
    assert names(tmp_path) == []


def test_a_file_without_end_is_not_read_to_its_end(server, tmp_path):
    server.files["/a/data.gz"] = CONTENT * 100
    with pytest.raises(DownloadError, match=r"got more bytes"):
        fetch(FILE, (server.mirror("a"),), tmp_path / "data.gz")
    assert names(tmp_path) == []


def test_all_failures_are_named(server, tmp_path):
    server.files["/a/data.gz"] = CONTENT
    server.cuts["/a/data.gz"] = [9] * 9
    dead = "http://127.0.0.1:9/"  # nothing listens on the discard port
    with pytest.raises(DownloadError) as caught:
        fetch(FILE, (server.mirror("a"), server.mirror("none"), dead), tmp_path / "data.gz")
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert lines[0].endswith("/a/data.gz: the connection was cut 5 times, at 45 of 768000 bytes")
    assert lines[1].endswith("/none/data.gz: HTTP 404 Not Found")
    assert lines[2].startswith("http://127.0.0.1:9/data.gz: ") and "refused" in lines[2]
    assert (tmp_path / "data.gz.part").read_bytes() == CONTENT[:45]  # for the next run


def test_a_range_that_was_not_asked_for_is_refused(server, tmp_path, monkeypatch):
    server.files["/a/data.gz"] = CONTENT
    (tmp_path / "data.gz.part").write_bytes(CONTENT[:100])
    monkeypatch.setattr(Handler, "send_header", lambda *_: None)
    with pytest.raises(DownloadError, match=r"expected the bytes from 100 on, got Content-Range None"):
        fetch(FILE, (server.mirror("a"),), tmp_path / "data.gz")
    assert (tmp_path / "data.gz.part").read_bytes() == CONTENT[:100]


def test_two_at_once_give_one_whole_file(server, tmp_path):
    server.files["/a/data.gz"] = CONTENT
    failures: list[BaseException] = []

    def get() -> None:
        try:
            fetch(FILE, (server.mirror("a"),), tmp_path / "data.gz")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=get) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert len(server.requests) == 1 and names(tmp_path) == ["data.gz"]


def test_an_interrupt_keeps_the_part(server, tmp_path, monkeypatch):
    server.files["/a/data.gz"] = CONTENT
    whole_read = _download._read
    calls = iter([False, True])

    def interrupted(response, at_most):
        if next(calls):
            raise KeyboardInterrupt
        return whole_read(response, at_most)

    monkeypatch.setattr(_download, "_read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(FILE, (server.mirror("a"),), tmp_path / "data.gz")
    assert names(tmp_path) == ["data.gz.part"]
    part = (tmp_path / "data.gz.part").read_bytes()
    assert part and part == CONTENT[: len(part)]


def test_progress_in_a_pipe_is_a_few_plain_lines_on_stderr(server, tmp_path, capsys):
    server.files["/a/data.gz"] = CONTENT
    server.cuts["/a/data.gz"] = [400_000]
    fetch(FILE, (server.mirror("a"),), tmp_path / "data.gz")
    out, err = capsys.readouterr()
    host = server.mirror("a").split("/")[2]
    assert out == ""
    assert err.splitlines() == [
        f"Downloading data.gz (0.8 MB) from {host}",
        "data.gz: 25%",
        "data.gz: 50%",
        f"Downloading data.gz (0.8 MB) from {host}, going on at 0.4 MB",
        "data.gz: 75%",
        "data.gz: 100%",
    ]


def test_progress_on_a_terminal_is_one_line_that_is_rewritten(server, tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(_progress, "_SECONDS_BETWEEN_UPDATES", 0.0)
    server.files["/a/data.gz"] = CONTENT
    fetch(FILE, (server.mirror("a"),), tmp_path / "data.gz")
    first, second, rest = terminal.getvalue().split("\n")
    assert first.startswith("Downloading data.gz (0.8 MB) from 127.0.0.1") and rest == ""
    assert second.count("\r") > 3
    assert second.split("\r")[-1] == f"data.gz [{'=' * 24}] 100%  0.8/0.8 MB"
    assert len({len(part) for part in second.split("\r")[1:]}) == 1  # nothing of a longer line is left standing
    assert terminal.getvalue().isascii()
