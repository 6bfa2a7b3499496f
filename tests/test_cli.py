"""The command ``pyconvnet``: arguments, messages, exit codes, and the doctor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pyconvnet import __version__, ops
from pyconvnet.bench import train
from pyconvnet.bench.networks import NETWORKS, Network
from pyconvnet.cli import bench, command, doctor, main
from pyconvnet.datasets import fashion_mnist
from pyconvnet.datasets._errors import NotHere
from pyconvnet.datasets._files import MNIST
from pyconvnet.datasets._locate import DATA_VARIABLE
from pyconvnet.lecture import EXPERIMENTS, STUDIES
from pyconvnet.lecture.lessons import ALL, LESSONS


def call(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main(argv)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "--version") == (0, f"pyconvnet {__version__}\n", "")


@pytest.mark.parametrize("argv", [(), ("--help",), ("lecture", "--help"), ("doctor", "--help"), ("bench", "--help")])
def test_help(capsys: pytest.CaptureFixture[str], argv: tuple[str, ...]) -> None:
    code, out, err = call(capsys, *argv)
    assert (code, err) == (0, "") and out.startswith("usage: pyconvnet")


def test_list_shows_every_experiment_and_trains_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "run_lecture", None)
    code, out, _ = call(capsys, "lecture", "--list")
    assert code == 0
    listed = [line.split(":")[0] for line in out.splitlines() if not line.startswith(" ")]
    assert listed == [*EXPERIMENTS, *STUDIES, *LESSONS, ALL]
    assert "test loss / accuracy: published 0.5899 / 0.8197, Keras 3 0.4076" in out and "3,989,642 parameters" in out


def test_arguments_reach_the_job(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(command, "run_lecture", lambda names, **options: calls.append((names, options)))
    assert call(capsys, "lecture")[0] == 0
    assert (
        call(capsys, "lecture", "mlp", "conv", "--epochs", "3", "--seeds", "2", "--out", "x", "--device", "cpu")[0] == 0
    )
    assert calls == [
        ([], dict(epochs=None, seeds=1, out="runs/lecture", device="auto")),
        (["mlp", "conv"], dict(epochs=3, seeds=2, out="x", device="cpu")),
    ]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("lectur",), "unknown command 'lectur'; did you mean 'lecture'?"),
        (("lecture", "mpl"), "unknown experiment 'mpl'; did you mean 'mlp'?"),
        (("lecture", "mlp", "--epochs", "0"), "lecture: epochs must be positive, got 0"),
        (("lecture", "mlp", "--epochs", "many"), "invalid int value: 'many' (see pyconvnet lecture --help)"),
        (("lecture", "mlp", "--seeds", "-1"), "seeds must be positive, got -1"),
        (("lecture", "--speed"), "unrecognized arguments: --speed"),
        (("doctor", "twice"), "unrecognized arguments: twice"),
        (("bench", "trian"), "bench: unknown bench 'trian'; did you mean 'train'?"),
        (("bench", "train", "--nets", "mpl"), "--nets: unknown network 'mpl'; did you mean 'mlp'?"),
        (("bench", "conv", "--batch", "0"), "got '0' (see pyconvnet bench conv --help)"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], message: str
) -> None:
    code, out, err = call(capsys, *argv)
    assert (code, out) == (2, "")
    assert err.startswith("pyconvnet: error: ") and err.count("\n") == 1 and message in err


def test_a_folder_that_cannot_be_made_is_an_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = call(capsys, "lecture", "mlp", "--out", str(tmp_path / "file"))
    assert code == 2 and err.startswith("pyconvnet: error: ") and err.count("\n") == 1


def test_an_error_of_many_lines_becomes_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no space\n  left")

    monkeypatch.setattr(command, "run_lecture", fail)
    assert call(capsys, "lecture") == (2, "", "pyconvnet: error: no space left\n")


def test_ctrl_c_says_how_to_go_on(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run_lecture", stop)
    code, _, err = call(capsys, "lecture")
    assert code == 130 and "stopped; run the same command to go on" in err
    monkeypatch.setattr(doctor, "examine", stop)  # which has nothing to go on from
    assert call(capsys, "doctor") == (130, "", "\npyconvnet: stopped\n")


def test_python_m_is_the_command_and_a_closed_pipe_no_traceback(tmp_path: Path) -> None:
    # Elsewhere than in the checkout: `python -m` looks into the current folder first.
    command = [sys.executable, "-m", "pyconvnet"]
    done = subprocess.run([*command, "nonsense"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("pyconvnet: error: ")
    read, write = os.pipe()
    os.close(read)
    listed = subprocess.run(
        [*command, "lecture", "--list"], stdout=write, stderr=subprocess.PIPE, check=False, cwd=tmp_path
    )
    os.close(write)
    assert listed.returncode == 1 and listed.stderr == b""


def test_an_unknown_instruction_set_is_an_error_not_a_traceback(tmp_path: Path) -> None:
    environment = {**os.environ, "PYCONVNET_ISA": "abacus"}
    command = [sys.executable, "-m", "pyconvnet", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("pyconvnet: error: ") and "abacus" in done.stderr and done.stderr.count("\n") == 1


# ---- the bench


@pytest.mark.parametrize("name", bench.BENCHES)
def test_every_bench_has_a_help_of_its_own(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, err = call(capsys, "bench", name, "--help")
    assert (code, err) == (0, "") and out.startswith(f"usage: pyconvnet bench {name} ") and "--out FILE.json" in out


def test_a_bare_bench_is_a_quick_one_of_training_steps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []

    def measure(network: Network, settings: train.Settings, missing: Any, versions: Any) -> dict[str, Any]:
        measured.append(network.name)
        assert (settings.rounds, settings.seconds, settings.peers) == (1, 0.3, {})
        sides = {"pyconvnet": {"train_ms": 1.0, "predict_ms": 0.5}}
        return {"network": network.name, "parameters": network.parameters, "sides": sides, "failed": {}}

    monkeypatch.setattr(train, "measure", measure)
    code, out, _ = call(capsys, "bench")
    assert code == 0 and measured == list(NETWORKS)
    assert out.startswith("A quick look at training steps") and "A training step (the whole fit), ms" in out


def test_peers_of_an_installation_say_where_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "_PEERS", tmp_path)
    code, out, err = call(capsys, "bench", "train", "--peers")
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert "not part of an installation; they lie in bench/peers of pyconvnet's source" in err


# ---- the doctor


def findings(out: str) -> dict[str, str]:
    """State by name of the check."""
    lines = out.split("\n\n")[1].splitlines()
    return {line[8:].split(":")[0]: line[:8].strip() for line in lines}


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No data set on this machine."""
    monkeypatch.setattr(doctor, "places", lambda published: [])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.usefixtures("nowhere")
def test_doctor_reports_configuration_and_checks(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "doctor")
    states = findings(out)
    assert code == 0 and out.startswith(f"pyconvnet:       {__version__}\n")
    assert states["kernels on scalar"] == states["threads"] == states["sample"] == "ok"
    assert states["fashion_mnist"] == states["mnist"] == states["cifar10"] == "none"


@pytest.mark.usefixtures("nowhere")
def test_doctor_notices_a_kernel_that_computes_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = ops.conv2d
    monkeypatch.setattr(ops, "conv2d", lambda *arrays, **options: right(*arrays, **options) + 1)
    code, out, _ = call(capsys, "doctor")
    assert code == 1 and findings(out)["kernels on scalar"] == "failed"
    assert "a convolution differs from the reference; set PYCONVNET_ISA" in out


@pytest.mark.usefixtures("nowhere")
def test_doctor_goes_on_after_a_failure(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged() -> None:
        raise ValueError("damaged")

    monkeypatch.setattr(fashion_mnist, "load_sample", damaged)
    code, out, _ = call(capsys, "doctor")
    states = findings(out)
    assert code == 1 and states["sample"] == "failed" and states["mnist"] == "none"
    assert "sample: ValueError: damaged; install the package anew" in out


@pytest.mark.usefixtures("nowhere")
def test_doctor_says_that_pictures_need_matplotlib(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, out, _ = call(capsys, "doctor")
    assert code == 0 and findings(out)["matplotlib"] == "none"
    assert 'pip install "pyconvnet[plot]"' in out


def test_doctor_tells_found_from_damaged_data(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))

    def good(folder: Path, published: Any, trusted: bool) -> Any:
        if folder != tmp_path:
            raise NotHere("not there")
        return None, True

    def bad(folder: Path, published: Any, trusted: bool) -> Any:
        raise ValueError(f"{folder} is damaged")

    monkeypatch.setattr(doctor, "_SOURCES", {"good": (MNIST, good), "bad": (MNIST, bad)})
    code, out, _ = call(capsys, "doctor")
    assert code == 1 and findings(out)["good"] == "ok" and findings(out)["bad"] == "failed"
    assert f"good: found in {tmp_path}" in out and f"or change {DATA_VARIABLE}" in out
