"""Every convolution, pooling and dense layer of the lecture in each pass, against what the machine can do."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyconvnet import _core
from pyconvnet.bench import machine, options, report
from pyconvnet.bench.networks import NETWORKS
from pyconvnet.bench.peers import KERNEL_PEER, Peer, PeerFailed, PeerMissing
from pyconvnet.bench.work import Work, timer, work_of

_DESCRIPTION = """\
Measures the machine first (multiply-adds in registers, a large copy; all threads), then every convolution, pooling
and dense layer of the lecture's networks in each pass of a training step, caches warm, as the median of many runs.

GFLOP/s counts a multiply-add of a direct convolution as two, whatever the algorithm; "no pad" leaves out those on
padding and "of peak" is its share of the peak that was measured beside it, in turns, as machines change their speed
from second to second; Winograd's algorithm may pass it. Behind each Winograd kernel stands the direct one.
backward_adam is both gradients of a dense layer and the optimizer's step in one. GB/s counts each buffer once, as if it
lay in memory; the machine's figure counts bytes read plus written.
With --peers: PyTorch's channels-last kernels with as many threads; the ratio is its time by ours."""

_TURNS, _PEAK_SECONDS = 5, 0.01  # of a kernel and the peak; how long one of the peak's takes


def measure(work: Work, seconds: float) -> dict[str, Any]:
    """Times one kernel call; what goes into the table and into JSON.

    Args:
        work: the call.
        seconds: how long to repeat it, in turns with the multiply-add peak.
    """
    run = timer(work)
    samples: list[float] = []
    peaks: list[float] = []
    medians: list[float] = []
    for _ in range(_TURNS):
        peaks.append(_core.measure_fma_peak(_PEAK_SECONDS))
        part = run(seconds / _TURNS)
        samples += part
        medians.append(statistics.median(part))
    median = statistics.median(samples)
    row: dict[str, Any] = {
        "layer": work.layer,
        "op": work.op,
        "direction": work.direction,
        "algorithm": work.algorithm,
        "networks": list(work.networks),
        "attributes": work.attributes,
        "runs": len(samples),
        "ms": median * 1e3,
        "ms_fastest": min(samples) * 1e3,
        "gigabytes_per_second": work.nbytes() / median * 1e-9,
    }
    if work.flops:
        row["gflops"] = work.flops / median * 1e-9
        row["gflops_without_padding"] = work.flops_without_padding / median * 1e-9
        rates = [work.flops_without_padding / each * 1e-9 for each in medians]
        row["share_of_peak"] = statistics.median(rate / peak for rate, peak in zip(rates, peaks, strict=True))
        row |= {"gflops_of_turns": rates, "peak_gflops_of_turns": peaks}
    return row


def add_peer(row: dict[str, Any], peer: Peer, work: Work, seconds: float) -> None:
    """Adds PyTorch's time and the ratio to a row, or why there is none; it has no fused gradient and Adam."""
    if work.direction == "backward_adam":
        return
    try:
        answer = peer.ask(
            "time",
            op=work.op,
            direction=work.direction,
            attributes=work.attributes,
            batch=work.batch,
            seconds=seconds,
        )
    except PeerFailed as error:
        row["torch_failed"] = str(error)
        report.progress(f"  torch: {error}")
        return
    row["torch_ms"] = answer["seconds"] * 1e3
    row["ratio"] = row["torch_ms"] / row["ms"]


def run(works: Sequence[Work], seconds: float, peer: Peer | None = None) -> list[dict[str, Any]]:
    """All rows; ours and the peer's time of a layer are taken one after the other."""
    rows = []
    for number, work in enumerate(works, 1):
        report.progress(f"[{number}/{len(works)}] {work.layer} {work.direction}")
        row = measure(work, seconds)
        if peer is not None:
            add_peer(row, peer, work, seconds)
        rows.append(row)
    return rows


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as text."""
    with_peer = any("torch_ms" in row or "torch_failed" in row for row in rows)
    head = ["layer", "pass", "algorithm", "networks", "ms", "GFLOP/s", "no pad", "of peak", "GB/s"]
    head += ["torch ms", "ratio"] if with_peer else []
    cells = []
    for row in rows:
        line = [row["layer"], row["direction"], row["algorithm"], ",".join(row["networks"]) or "-", f"{row['ms']:.3f}"]
        if "gflops" in row:
            line += [f"{row['gflops']:.0f}", f"{row['gflops_without_padding']:.0f}", f"{row['share_of_peak']:.0%}"]
        else:
            line += ["", "", ""]
        line.append(f"{row['gigabytes_per_second']:.1f}")
        if with_peer:
            line += [f"{row['torch_ms']:.3f}", f"{row['ratio']:.2f}"] if "torch_ms" in row else ["-", "-"]
        cells.append(line)
    return report.text_table(head, cells, left=4)


def main(
    arguments: Sequence[str] | None, peers_folder: Path, new_parser: options.NewParser = options.script_parser
) -> int:
    """The command.

    Args:
        arguments: of the command line; None reads them.
        peers_folder: where the peers' scripts lie.
        new_parser: the parser whose options these are.

    Returns:
        0.
    """
    parser = options.step_parser(new_parser("conv"), _DESCRIPTION, 0.2, "how long each measurement lasts")
    given = parser.parse_args(arguments)
    try:
        options.prepare(given, peers_folder)
    except ValueError as error:
        parser.error(str(error))

    described = machine.describe()
    limits = machine.measure_limits(max(given.seconds, 0.05))
    print(machine.headline(described))
    if (warning := machine.busy(described)) is not None:
        print(warning)
    print(
        f"multiply-add peak {limits.gflops:.0f} GFLOP/s, copy {limits.gigabytes:.1f} GB/s, "
        f"batch {given.batch}, float32",
        flush=True,
    )
    works = work_of(NETWORKS.values(), given.batch)
    peer = _start_peer(given, described, peers_folder) if given.peers else None
    try:
        rows = run(works, given.seconds, peer)
    finally:
        if peer is not None:
            peer.close()
    print(table(rows))
    if given.out is not None:
        content = {
            "bench": "conv",
            "machine": described,
            "config": {"batch": given.batch, "seconds": given.seconds, "peers": given.peers},
            "peak_gflops": limits.gflops,
            "copy_gigabytes_per_second": limits.gigabytes,
            "rows": rows,
        }
        report.write_json(given.out, content)
    return 0


def _start_peer(given: argparse.Namespace, described: dict[str, Any], folder: Path) -> Peer | None:
    try:
        peer = Peer(KERNEL_PEER, folder, given.peer_python, described["threads"])
    except (PeerMissing, PeerFailed) as error:
        print(f"torch is skipped: {error}", flush=True)
        return None
    described["versions"].update(peer.versions)
    return peer
