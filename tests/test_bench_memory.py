"""The memory bench looks at processes, beside a peer too, and writes what it found."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyconvnet.bench import memory
from pyconvnet.bench.networks import NETWORKS
from pyconvnet.bench.peers import PEERS
from pyconvnet.bench.turns import OURS

BENCH = Path(__file__).resolve().parents[1] / "bench"
MEBIBYTE = 2**20

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="/proc is Linux's")

FAKE = """
import sys
sys.path.insert(0, {folder!r})
import numpy as np
import worker

kept = []

def load(input_shape, rows):
    kept.append(np.ones(8 << 20, np.uint8))
    return {{}}

def build(input_shape, rows, parameters, batch):
    if sys.argv[1] == "failing":
        raise RuntimeError("out of luck")
    kept.append(np.ones(16 << 20, np.uint8))
    return {{}}

def fit(epochs):
    np.ones(32 << 20, np.uint8)  # gone when it returns
    return {{"seconds": []}}

start = lambda threads: {{"versions": {{"fake": "1.0"}}}}
worker.serve({{"start": start, "load": load, "build": build, "fit": fit}})
"""


@pytest.fixture
def described() -> dict[str, Any]:
    return {"threads": 1, "isa": "scalar", "versions": {}}


def with_fake(folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """Put a peer in PyTorch's place that holds 8 MiB of data, 16 of weights, and 32 for a moment."""
    (folder / "fake.py").write_text(FAKE.format(folder=str(BENCH / "peers")))
    monkeypatch.setitem(PEERS, memory.PEER, ("fake.py", kind))
    return folder, sys.executable


def stages_of_a_fresh_process() -> dict[str, int]:
    """In a process that has freed much, new arrays would take what it still holds."""
    kept = []
    held = np.ones(64 * MEBIBYTE, np.uint8)
    del held  # an earlier peak

    def load() -> None:
        kept.append(np.ones(8 * MEBIBYTE, np.uint8))

    def train() -> None:
        kept.append(np.ones(16 * MEBIBYTE, np.uint8))
        np.ones(32 * MEBIBYTE, np.uint8)

    return memory.stages(os.getpid(), load, train)


def test_stages_tell_data_from_work() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        found = fresh.submit(stages_of_a_fresh_process).result()
    assert found["imported"] > 10 * MEBIBYTE
    assert found["data"] == pytest.approx(8 * MEBIBYTE, abs=2 * MEBIBYTE)
    assert found["increment"] == pytest.approx(48 * MEBIBYTE, abs=3 * MEBIBYTE)


def test_a_network_and_its_peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, described: dict[str, Any]) -> None:
    result = memory.measure(NETWORKS["mlp"], 2, described, with_fake(tmp_path, "good", monkeypatch))
    plan = NETWORKS["mlp"].model().plan(2).memory
    assert result["plan"]["needed"] == plan.needed and result["plan"]["total"] == plan.total + plan.thread  # of one
    assert result["sides"][OURS]["increment"] > 4 * 3 * 101_770  # weights and both of Adam's moments
    assert result["sides"][memory.PEER]["increment"] == pytest.approx(48 * MEBIBYTE, abs=3 * MEBIBYTE)
    assert described["versions"] == {"fake": "1.0"}
    head, rows = memory.table([result])
    assert head[-2:] == ["torch", "ours / torch"] and rows[0][:2] == ["mlp", "2"]


def test_a_peer_that_fails_does_not_end_the_bench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, described: dict[str, Any]
) -> None:
    monkeypatch.setattr(memory, "measure_ours", lambda *_: None)
    monkeypatch.setattr(memory, "ProcessPoolExecutor", Here)
    result = memory.measure(NETWORKS["mlp"], 2, described, with_fake(tmp_path, "failing", monkeypatch))
    assert list(result["sides"]) == [OURS] and result["failed"] == "RuntimeError: out of luck"


class Here:
    """What answers made-up figures in place of a fresh process."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def submit(self, *_: Any) -> Here:
        return self

    def result(self) -> dict[str, Any]:
        plan = {"needed": 2 * MEBIBYTE, "total": 3 * MEBIBYTE}
        return {"imported": 40 * MEBIBYTE, "data": MEBIBYTE, "increment": 5 * MEBIBYTE, "plan": plan}


def test_bench_writes_what_it_found(
    tmp_path: Path, capsys: Any, threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "ProcessPoolExecutor", Here)
    out, markdown = tmp_path / "memory.json", tmp_path / "memory.md"
    options = ["--nets", "mlp,book", "--out", str(out), "--table", str(markdown)]
    assert memory.main([*options, "--peers", "--peer-python", "no_such_python"], BENCH / "peers") == 0
    content = json.loads(out.read_text())
    assert [(case["network"], case["batch"]) for case in content["cases"]] == [
        (name, batch) for batch in (32, 128) for name in ("mlp", "book")
    ]
    assert content["skipped"].startswith("no_such_python cannot be run")
    text = markdown.read_text()
    assert "| mlp | 32 | 2.0 | 3.0 | 1.50 | 5.0 | 2.50 |" in text
    assert "- resident after the import of pyconvnet: 40.0 MiB\n- torch was skipped: no_such_python" in text
    assert "torch was skipped" in capsys.readouterr().out


def test_script_has_a_usage_text(tmp_path: Path) -> None:
    script = BENCH / "memory_bench.py"
    done = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.startswith("usage: memory_bench.py") and "--peer-python" in done.stdout
