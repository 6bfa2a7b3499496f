"""Other libraries beside this one: in turns, with the same work, and no failure of theirs ends the bench."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pyconvnet.bench import train
from pyconvnet.bench.networks import NETWORKS
from pyconvnet.bench.ours import random_data
from pyconvnet.bench.peers import PEERS, Peer, PeerFailed, PeerMissing, environment

PEERS_FOLDER = Path(__file__).resolve().parents[1] / "bench" / "peers"

# ---- peers ----

FAKE = """
import sys
import time
sys.path.insert(0, {folder!r})
import worker

def start(threads):
    if sys.argv[1] == "hanging":
        time.sleep(3600)
    if sys.argv[1] == "missing":
        raise ModuleNotFoundError("No module named 'fake'")
    return {{"versions": {{"fake": f"1.0 on {{threads}}"}}}}

def prepare(input_shape, rows, parameters, batch, steps):
    worker.check_parameters(parameters, 101770)
    print("noise on stdout")
    global epoch
    epoch = 1000.0 * steps
    return {{"seconds": [epoch]}}

def fit(epochs):
    if sys.argv[1] == "failing":
        raise RuntimeError("out of luck")
    if sys.argv[1] == "dying":
        sys.exit("killed by a fairy")
    return {{"seconds": [epoch] * epochs}}

def predict():
    return {{"seconds": [epoch / 2]}}

worker.serve({{"start": start, "prepare": prepare, "fit": fit, "predict": predict}})
"""


@pytest.fixture
def fake_folder(tmp_path: Path) -> Path:
    """Write a peer whose figures are known: 1000 s a step, 500 s a batch of predict."""
    (tmp_path / "fake.py").write_text(FAKE.format(folder=str(PEERS_FOLDER)))
    return tmp_path


def compare(folder: Path, *kinds: str) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """Measure mlp beside fake peers; answer the result, the missing ones, and the versions."""
    peers = {kind: ("fake.py", kind) for kind in kinds}
    settings = train.Settings(2, 0.001, 1, 3, "cpu", peers, folder, sys.executable)
    missing: dict[str, str] = {}
    versions: dict[str, str] = {}
    return train.measure(NETWORKS["mlp"], settings, missing, versions), missing, versions


def test_peers_take_turns_and_are_compared(fake_folder: Path) -> None:
    result, missing, versions = compare(fake_folder, "good")
    assert versions == {"fake": "1.0 on 3"}
    assert not missing
    assert result["steps"] % 50 == 0
    ours, peer = result["sides"]["pyconvnet"], result["sides"]["good"]
    assert (len(ours["train_ms_of_turns"]), len(peer["train_ms_of_turns"])) == (2, 1)
    assert (peer["train_ms"], peer["predict_ms"]) == (1e6, 5e5)
    assert result["train_fastest_peer"] == "good"
    assert result["train_ratio"] == pytest.approx(1e6 / ours["train_ms"])
    assert result["predict_ratio"] == pytest.approx(5e5 / ours["predict_ms"])


def test_a_peer_that_is_not_there_is_skipped_with_its_reason(fake_folder: Path, capsys: Any) -> None:
    result, missing, _ = compare(fake_folder, "missing")
    assert missing == {"missing": "No module named 'fake'"}
    assert list(result["sides"]) == ["pyconvnet"]
    assert "missing is skipped: No module named 'fake'" in capsys.readouterr().err


def test_a_peer_that_fails_does_not_end_the_bench(fake_folder: Path) -> None:
    result, _, _ = compare(fake_folder, "failing", "dying", "good")
    assert result["failed"] == {
        "failing": "RuntimeError: out of luck",
        "dying": "the process ended with 1: killed by a fairy",
    }
    assert list(result["sides"]) == ["pyconvnet", "good"]


def test_a_peer_with_another_network_is_refused(fake_folder: Path) -> None:
    with (
        Peer(("fake.py", "good"), fake_folder, sys.executable, 1) as peer,
        pytest.raises(PeerFailed, match=r"ValueError: the network must have 5 parameters, got 101770"),
    ):
        peer.ask("prepare", input_shape=[1], rows=[], parameters=5, batch=1, steps=1)


def test_a_peer_that_does_not_answer_is_killed(fake_folder: Path) -> None:
    with pytest.raises(PeerFailed, match=r"^no answer to 'start' within 0\.2 s; the process was killed$"):
        Peer(("fake.py", "hanging"), fake_folder, sys.executable, 1, patience=0.2)


def test_a_python_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(PeerMissing, match="cannot be run: No such file or directory"):
        Peer(("fake.py",), tmp_path, str(tmp_path / "python"), 1)


def test_peers_are_told_the_threads() -> None:
    told = environment(3)
    assert {told[name] for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "NPROC")} == {"3"}
    assert told["CUDA_VISIBLE_DEVICES"] == ""


def test_every_peer_has_a_script_that_answers_the_requests() -> None:
    for script in {command[0] for command in PEERS.values()}:
        tree = ast.parse((PEERS_FOLDER / script).read_text())
        tables = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
        served = {key.value for table in tables for key in table.keys if isinstance(key, ast.Constant)}
        assert {"start", "prepare", "fit", "predict"} <= served


def test_everybody_trains_on_the_same_numbers() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(PEERS_FOLDER)!r}); import worker; "
        "x, y = worker.random_data([2, 3], 4); print(x.tobytes().hex(), y.tolist())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    x, y = random_data((2, 3), 4)
    assert said.split(maxsplit=1) == [x.tobytes().hex(), f"{y.tolist()}\n"]
