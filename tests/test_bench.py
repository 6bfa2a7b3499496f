"""The benches measure the lecture's networks, count right, and write what they measured. No timings are asserted."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyconvnet import _core
from pyconvnet.bench import conv, machine, train, train_report
from pyconvnet.bench.networks import NETWORKS, Network, selected
from pyconvnet.bench.ours import random_data
from pyconvnet.bench.peers import PEERS, Peer, PeerFailed, PeerMissing, environment
from pyconvnet.bench.work import Work, work_of

BENCH = Path(__file__).resolve().parents[1] / "bench"
PEERS_FOLDER = BENCH / "peers"

PARAMETERS = {
    "mlp": 101_770,
    "conv": 3_989_642,
    "pool": 241_546,
    "vgg": 5_240_842,
    "book": 333_526,
    "lenet5": 61_706,
    "ccp": 1_199_882,
    "cifar10": 890_410,
}


@pytest.fixture
def settings_restored() -> Any:
    """Put threads and ISA back after a command that sets them."""
    threads, isa = _core.get_num_threads(), _core.active_isa()
    yield
    _core.set_num_threads(threads)
    _core.set_isa(isa)


def find(works: list[Work], layer: str, direction: str) -> Work:
    """Pick the one call of a layer that a training step makes."""
    (work,) = [work for work in works if work.networks and work.layer == layer and work.direction == direction]
    return work


# ---- networks ----


def test_networks_have_the_lectures_parameters() -> None:
    assert {name: network.model().count_params() for name, network in NETWORKS.items()} == PARAMETERS
    assert {name: network.parameters for name, network in NETWORKS.items()} == PARAMETERS


def test_a_network_with_other_parameters_is_not_measured() -> None:
    network = NETWORKS["mlp"]
    wrong = Network("mlp", network.input_shape, NETWORKS["book"].layers, network.parameters)
    with pytest.raises(AssertionError, match=r"mlp: the lecture has 101770 parameters, got 333526"):
        wrong.model()


def test_rows_are_plain_values() -> None:
    assert json.loads(json.dumps(NETWORKS["pool"].rows())) == [
        ["Conv2D", {"filters": 32, "kernel_size": [3, 3], "padding": "valid", "activation": "linear"}],
        ["MaxPooling2D", {"pool_size": [2, 2]}],
        ["Conv2D", {"filters": 64, "kernel_size": [3, 3], "padding": "valid", "activation": "linear"}],
        ["AveragePooling2D", {"pool_size": [2, 2]}],
        ["Conv2D", {"filters": 128, "kernel_size": [3, 3], "padding": "valid", "activation": "linear"}],
        ["Flatten", {}],
        ["Dense", {"units": 128, "activation": "relu"}],
        ["Dropout", {"rate": 0.3}],
        ["Dense", {"units": 10, "activation": "softmax"}],
    ]


def test_selected_networks() -> None:
    assert [network.name for network in selected("conv, mlp,conv")] == ["conv", "mlp"]
    assert [network.name for network in selected("")] == list(NETWORKS)
    with pytest.raises(ValueError, match=r"--nets: unknown network 'mpl'; did you mean 'mlp'\?"):
        selected("mlp,mpl")


# ---- counting ----


def test_passes_of_each_network() -> None:
    works = work_of([NETWORKS["book"]], 32)
    second, winograd = "conv2d 3x3 14x14 32>64 same", "winograd_4x4"
    assert [(work.layer, work.direction, work.algorithm) for work in works] == [
        ("conv2d 3x3 28x28 1>32 same relu", "forward", "direct"),
        ("conv2d 3x3 28x28 1>32 same", "backward_weights", "direct"),
        ("max_pool2d 2x2 28x28 32", "forward", ""),
        ("max_pool2d 2x2 28x28 32", "backward", ""),
        *((f"{second} relu", "forward", algorithm) for algorithm in (winograd, "direct")),
        *((second, "backward_data", algorithm) for algorithm in (winograd, "direct")),
        *((second, "backward_weights", algorithm) for algorithm in (winograd, "direct")),
        ("max_pool2d 2x2 14x14 64", "forward", ""),
        ("max_pool2d 2x2 14x14 64", "backward", ""),
        ("dense 3136>100 relu", "forward", "gemm"),
        ("dense 3136>100", "backward_adam", "gemm"),
        ("dense 100>10", "forward", "gemm"),
        ("dense 100>10", "backward_adam", "gemm"),
    ]


def test_direct_kernels_for_comparison_belong_to_no_network() -> None:
    for work in work_of([NETWORKS["book"]], 32):
        compared = work.algorithm == "direct" and "14x14" in work.layer
        assert work.networks == (() if compared else ("book",))
        assert "tile" not in work.attributes or work.algorithm == "winograd_4x4"


def test_equal_layers_of_two_networks_are_measured_once() -> None:
    works = work_of([NETWORKS["vgg"], NETWORKS["book"]], 2)
    assert find(works, "conv2d 3x3 28x28 1>32 same relu", "forward").networks == ("vgg", "book")
    assert find(works, "conv2d 3x3 28x28 32>64 same relu", "forward").networks == ("vgg",)


def test_operations_of_a_convolution_with_and_without_padding() -> None:
    works = work_of([NETWORKS["book"]], 32)
    work = find(works, "conv2d 3x3 14x14 32>64 same", "backward_data")
    assert work.flops == 32 * 2 * 14 * 14 * 9 * 32 * 64
    # 14 positions times 3 taps along an axis, less the tap above the first and the one below the last.
    assert work.flops_without_padding == 32 * 2 * (14 * 3 - 2) ** 2 * 32 * 64


def test_valid_convolutions_have_no_padding_to_leave_out() -> None:
    work = find(work_of([NETWORKS["cifar10"]], 3), "conv2d 3x3 32x32 3>32 valid relu", "forward")
    assert work.flops == work.flops_without_padding == 3 * 2 * 30 * 30 * 9 * 3 * 32


def test_operations_count_strides_dilation_and_groups() -> None:
    geometry = dict(
        h=7, w=6, c_in=4, oh=4, ow=3, c_out=8, kernel_h=3, kernel_w=2, stride_h=2, stride_w=2,
        dilation_h=1, dilation_w=2, pad_top=1, pad_left=0, groups=2,
    )  # fmt: skip
    work = Work("conv2d_backward_weights", "conv2d", "backward_weights", "direct", geometry, (), (), 1)
    assert work.flops == 2 * (4 * 3) * (3 * 2) * 2 * 8
    # Rows -1 and 7 of 12 pairs are not there; columns 0 2 | 2 4 | 4 6: of six pairs one is not.
    assert work.flops_without_padding == 2 * (12 - 2) * (6 - 1) * 2 * 8


def test_operations_of_a_step() -> None:
    # Three passes of each layer, but two of the first one.
    assert sum(work.flops for work in work_of([NETWORKS["mlp"]], 32)) == 32 * 2 * (2 * 784 * 128 + 3 * 128 * 10)


def test_bytes_of_a_pool() -> None:
    works = work_of([NETWORKS["book"]], 2)
    forward, backward = (find(works, "max_pool2d 2x2 14x14 64", way) for way in ("forward", "backward"))
    assert forward.flops == 0
    assert forward.nbytes() == backward.nbytes() == 2 * 64 * (14 * 14 * 4 + 7 * 7 * (4 + 2))  # argmax: 2 bytes


def test_bytes_of_a_convolution_leave_scratch_out() -> None:
    work = find(work_of([NETWORKS["book"]], 2), "conv2d 3x3 14x14 32>64 same relu", "forward")
    assert work.nbytes() == 4 * (2 * 14 * 14 * (32 + 64) + 9 * 32 * 64 + 64)  # x, y, kernel, bias


def test_buffers_are_those_of_the_training_step() -> None:
    work = find(work_of([NETWORKS["book"]], 2), "max_pool2d 2x2 14x14 64", "backward")
    arrays = work.arrays()
    assert {name: (array.dtype.name, array.size) for name, array in arrays.items()} == {
        "dy": ("float32", 2 * 7 * 7 * 64),
        "argmax": ("uint16", 2 * 7 * 7 * 64),
        "dx": ("float32", 2 * 14 * 14 * 64),
    }
    assert arrays["argmax"].max() == 3


# ---- what the module measures ----


@pytest.mark.parametrize("isa", _core.available_isas())
def test_peak_counts_the_work_that_was_done(isa: str, settings_restored: None) -> None:
    _core.set_isa(isa)
    sums, flops = np.zeros(3, np.float32), np.zeros(1)
    _core.run_kernel("fma_peak", dict(tasks=3, repetitions=50_000), dict(sums=sums, flops=flops), 1, 0, 0, 0.0)
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
    buffers = dict(x=x, kernel=kernel, y=y, packed=np.zeros(6, np.float32), partial=np.zeros(0, np.float32))
    samples = _core.time_kernel("dense_forward", dict(vectors=1, k=3, m=2, relu=False), buffers, 2, 1e-9)
    assert len(samples) == 1
    np.testing.assert_array_equal(y, 6.0)


# ---- commands ----


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
            assert row["share_of_peak"] == pytest.approx(row["gflops_without_padding"] / content["peak_gflops"])
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


# ---- peers ----

FAKE = """
import sys
sys.path.insert(0, {folder!r})
import worker

def start(threads):
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
    settings = train.Settings(2, 0.001, 1, 3, peers, folder, sys.executable)
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


def test_a_python_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(PeerMissing, match="cannot be run: No such file or directory"):
        Peer(("fake.py",), tmp_path, str(tmp_path / "python"), 1)


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


def test_peers_are_told_the_threads() -> None:
    told = environment(3)
    assert {told[name] for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "NPROC")} == {"3"}


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
