"""The benches measure, and write what they measured. No timings are asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyconvnet import _core
from pyconvnet.bench import conv, machine, train, train_report
from pyconvnet.bench.networks import NETWORKS
from pyconvnet.bench.work import work_of
from pyconvnet.ops._kernel import run_kernel

BENCH = Path(__file__).resolve().parents[1] / "bench"
PEERS_FOLDER = BENCH / "peers"


@pytest.fixture
def settings_restored() -> Any:
    """Put threads and ISA back after a command that sets them."""
    threads, isa = _core.get_num_threads(), _core.active_isa()
    yield
    _core.set_num_threads(threads)
    _core.set_isa(isa)


def test_peak_counts_the_work_that_was_done(isa: str) -> None:
    sums, flops = np.zeros(3, np.float32), np.zeros(1)
    run_kernel("fma_peak", dict(tasks=3, repetitions=50_000), rows=1, sums=sums, flops=flops)
    # Every lane of every chain tends to 1: their sum says how many there are.
    lanes = flops[0] / (2 * 3 * 50_000)
    np.testing.assert_allclose(sums, lanes, rtol=1e-3)
    assert lanes >= 48


def test_limits_are_positive() -> None:
    limits = machine.measure_limits(0.01)
    assert limits.gflops > 0
    assert limits.gigabytes > 0


@pytest.mark.parametrize("seconds", [0.0, -1.0, np.inf, np.nan])
def test_measuring_for_no_time_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"measure_fma_peak: seconds must be positive"):
        _core.measure_fma_peak(seconds)


def test_time_kernel_runs_the_kernel() -> None:
    x, kernel, y = np.full(6, 2.0, np.float32), np.ones(6, np.float32), np.zeros(4, np.float32)
    buffers = dict(x=x, kernel=kernel, y=y, partial=np.zeros(0, np.float32))
    samples = _core.time_kernel("dense_forward", dict(vectors=1, k=3, m=2, relu=False), buffers, 2, 1e-9)
    assert len(samples) == 1
    np.testing.assert_array_equal(y, 6.0)


def test_conv_bench_writes_every_layer(tmp_path: Path, capsys: Any, settings_restored: None) -> None:
    out = tmp_path / "conv.json"
    assert conv.main(["--batch", "1", "--seconds", "0.01", "--threads", "1", "--out", str(out)], PEERS_FOLDER) == 0
    content = json.loads(out.read_text())
    assert content["bench"] == "conv"
    assert content["machine"]["threads"] == 1
    assert content["peak_gflops"] > 0
    works = work_of(NETWORKS.values(), 1)
    assert [(row["layer"], row["direction"]) for row in content["rows"]] == [(w.layer, w.direction) for w in works]
    assert all(row["ms"] > 0 for row in content["rows"])
    for row, work in zip(content["rows"], works, strict=True):
        if work.flops:
            assert row["gflops"] * row["ms"] == pytest.approx(work.flops / 1e6)
            turns = zip(row["gflops_of_turns"], row["peak_gflops_of_turns"], strict=True)
            assert row["share_of_peak"] == pytest.approx(sorted(rate / peak for rate, peak in turns)[2])  # of five
        else:
            assert "gflops" not in row
    table = capsys.readouterr().out
    assert all(work.layer in table for work in works)


def test_train_bench_writes_what_it_measured(tmp_path: Path, capsys: Any, settings_restored: None) -> None:
    out, markdown = tmp_path / "train.json", tmp_path / "train.md"
    options = ["--nets", "mlp,lenet5", "--batch", "4", "--seconds", "0.01", "--rounds", "2", "--threads", "2"]
    assert train.main([*options, "--out", str(out), "--table", str(markdown)], PEERS_FOLDER) == 0
    content = json.loads(out.read_text())
    assert content["config"] == {"batch": 4, "seconds": 0.01, "rounds": 2, "peers": []}
    assert [result["network"] for result in content["networks"]] == ["mlp", "lenet5"]
    for result in content["networks"]:
        ours = result["sides"]["pyconvnet"]
        assert len(ours["train_ms_of_turns"]) == len(ours["predict_ms_of_turns"]) == 2
        assert ours["train_ms"] == pytest.approx(np.median(ours["train_ms_of_turns"]))
        assert "train_ratio" not in result
    said = capsys.readouterr()
    assert "round 2/2: pyconvnet" in said.err
    assert "| lenet5 | 61,706 |" in markdown.read_text()
    assert "lenet5" in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nets", "nothing"], "unknown network 'nothing'"),
        (["--seconds", "0"], "must be seconds above 0, got '0'"),
        (["--seconds", "nan"], "must be seconds above 0, got 'nan'"),
        (["--batch", "0"], "must be a whole number from 1, got '0'"),
        (["--rounds", "1.5"], "must be a whole number from 1, got '1.5'"),
        (["--isa", "sse"], "unknown instruction set 'sse'"),
        (["--threads", "1000"], "threads must be from 1 to 256, got 1000"),
        (["--out", "no/such/folder/x.json"], "--out: the folder of 'no/such/folder/x.json' does not exist"),
        (["--table", "no/such/folder/x.md"], "--table: the folder of 'no/such/folder/x.md' does not exist"),
    ],
)
def test_wrong_options_say_what_is_wrong(arguments: list[str], message: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        train.main(arguments, PEERS_FOLDER)
    assert ended.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("script", ["conv_bench.py", "train_bench.py"])
def test_scripts_have_a_usage_text(script: str) -> None:
    done = subprocess.run([sys.executable, BENCH / script, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"usage: {script}")
    assert "--peer-python" in done.stdout


def test_tables_show_peers_and_remarks() -> None:
    content = {
        "machine": {**machine.describe(), "load": 0.0},
        "config": {"batch": 32, "rounds": 3},
        "skipped": {"torch": "No module named 'torch'"},
        "networks": [
            {
                "network": "mlp",
                "parameters": 101770,
                "sides": {
                    "pyconvnet": {"train_ms": 0.1, "predict_ms": 0.05},
                    "keras-jax": {"train_ms": 0.25, "predict_ms": 0.2},
                },
                "failed": {"keras-tf": "RuntimeError: no"},
                "train_ratio": 2.5,
                "predict_ratio": 4.0,
            }
        ],
    }
    markdown = train_report.as_markdown(content)
    assert "| network | parameters | pyconvnet | keras-jax | fastest peer / ours |" in markdown
    assert "| mlp | 101,770 | 0.100 | 0.250 | 2.50 |" in markdown
    assert "| mlp | 101,770 | 0.050 | 0.200 | 4.00 |" in markdown
    assert markdown.endswith("- torch was skipped: No module named 'torch'\n- mlp: keras-tf failed: RuntimeError: no\n")
    busy = {**content, "machine": {**content["machine"], "load": 100.0}}
    assert "the machine was busy at the start (load 100.0" in train_report.as_text(busy)
