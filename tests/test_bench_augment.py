"""The augmentation bench measures every case, compares with peers, and writes what it measured. No timings asserted."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pyconvnet.bench import augment
from pyconvnet.bench.augment import OURS, PEERS, Ours, cases, measure, table
from pyconvnet.bench.peers import Peer

BENCH = Path(__file__).resolve().parents[1] / "bench"
PEERS_FOLDER = BENCH / "peers"
CASE = cases(5)[0]

FAKE = """
import sys
sys.path.insert(0, {folder!r})
import worker

def prepare(shape, settings, batch, images, seed):
    return {{"images": batch, "seconds": 1.0, "checksum": {checksum}}}

def batches(count):
    if sys.argv[1] == "failing":
        raise RuntimeError("out of luck")
    return {{"images": 2 * count, "seconds": 4.0 * count}}

worker.serve({{"start": lambda threads: {{"versions": {{}}}}, "prepare": prepare, "batches": batches}})
"""


def checksum_of_ours() -> int:
    first = Ours().ask(
        "prepare", shape=CASE.shape, settings=CASE.settings, batch=CASE.batch, images=CASE.images, seed=1
    )
    return int(first["checksum"])


def compare(folder: Path, kind: str, checksum: int) -> dict[str, Any]:
    """Measure the first case beside a peer whose figures are known: half an image a second."""
    (folder / "fake.py").write_text(FAKE.format(folder=str(PEERS_FOLDER), checksum=checksum))
    with Peer(("fake.py", kind), folder, sys.executable, 1) as peer:
        return measure(CASE, {"fake": peer}, 0.001, 2)


def test_cases_are_small_batches_and_the_whole_data_set() -> None:
    assert [(case.name, case.batch) for case in cases(30_000)] == [
        (name, batch) for name in ("fashion_mnist", "cifar10") for batch in (32, 128, 30_000)
    ]
    assert [case.batch for case in cases(100)] == [32, 100] * 2
    assert [case.images for case in cases(5)] == [case.batch for case in cases(5)] == [5, 5]


def test_bench_writes_what_it_measured(tmp_path: Path, capsys: Any, threads: None) -> None:
    out = tmp_path / "augment.json"
    options = ["--images", "40", "--seconds", "0.001", "--rounds", "3", "--threads", "1", "--out", str(out)]
    assert augment.main(options, PEERS_FOLDER) == 0
    content = json.loads(out.read_text())
    assert content["config"] == {"images": 40, "seconds": 0.001, "rounds": 3, "peers": []}
    assert content["machine"]["threads"] == 1
    assert [(row["settings"], row["batch"]) for row in content["cases"]] == [
        (case.name, case.batch) for case in cases(40)
    ]
    for row in content["cases"]:
        ours = row["sides"][OURS]
        assert len(ours["of_turns"]) == 3
        assert ours["images_per_second"] == sorted(ours["of_turns"])[1] > 0
        assert "ratio" not in row
    said = capsys.readouterr()
    assert "cifar10" in said.out
    assert "round 3/3: pyconvnet" in said.err


def test_a_peer_is_compared_in_turns(tmp_path: Path) -> None:
    result = compare(tmp_path, "good", checksum_of_ours())
    assert (len(result["sides"][OURS]["of_turns"]), result["sides"]["fake"]["of_turns"]) == (3, [0.5, 0.5])
    assert result["fastest_peer"] == "fake"
    assert result["ratio"] == result["sides"][OURS]["images_per_second"] / 0.5
    assert result["same_bits"] is True
    head, rows = table([result])
    assert head == ["settings", "batch", OURS, "fake", "ours / fastest peer", "same"]
    assert rows[0][-1] == "yes"


def test_a_peer_with_other_images_is_told(tmp_path: Path) -> None:
    result = compare(tmp_path, "good", 1)
    assert result["same_bits"] is False
    assert table([result])[1][0][-1] == "no"


def test_a_peer_that_fails_does_not_end_the_bench(tmp_path: Path) -> None:
    result = compare(tmp_path, "failing", 1)
    assert result["failed"] == {"fake": "RuntimeError: out of luck"}
    assert list(result["sides"]) == [OURS]
    assert len(result["sides"][OURS]["of_turns"]) == 2
    assert "ratio" not in result


def test_peers_that_are_not_there_are_skipped_with_their_reason(tmp_path: Path, capsys: Any, threads: None) -> None:
    options = ["--images", "2", "--seconds", "0.001", "--rounds", "1", "--peers", "--peer-python", "no_such_python"]
    assert augment.main(options, PEERS_FOLDER) == 0
    said = capsys.readouterr().out
    assert all(f"{name} was skipped: no_such_python cannot be run" in said for name in PEERS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images", "0"], "must be a whole number from 1, got '0'"),
        (["--threads", "1000"], "threads must be from 1 to 256, got 1000"),
        (["--out", "no/such/folder/x.json"], "--out: the folder of 'no/such/folder/x.json' does not exist"),
    ],
)
def test_wrong_options_say_what_is_wrong(arguments: list[str], message: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        augment.main(arguments, PEERS_FOLDER)
    assert ended.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_script_has_a_usage_text(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, BENCH / "augment_bench.py", "--help"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.startswith("usage: augment_bench.py")


def test_the_peer_script_serves_what_is_asked_for() -> None:
    tree = ast.parse((PEERS_FOLDER / "keras_augment.py").read_text())
    tables = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    keys = {key.value for node in tables for key in node.keys if isinstance(key, ast.Constant)}
    assert {"start", "prepare", "batches", "versions", "images", "seconds", "checksum"} <= keys
