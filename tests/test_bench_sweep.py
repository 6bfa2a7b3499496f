"""The sweeps vary one size at a time, and write and draw what they measured. No timings are asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import assert_nothing_is_cut

from pyconvnet.bench import sweep
from pyconvnet.bench.sweep import AXES, DIRECTIONS, STEP, STEPS, Axis, Setting, slope

SCRIPT = Path(__file__).resolve().parents[1] / "bench" / "sweep_bench.py"


@pytest.mark.parametrize("axis", AXES, ids=lambda axis: axis.name)
def test_works_are_the_passes_of_one_convolution(axis: Axis) -> None:
    size = axis.sizes[1]
    works = Setting(**{axis.name: size}).works()
    assert set(works) == set(DIRECTIONS)
    expected = {"batch": 32, "c_in": 64, "c_out": 64, "side": 28, axis.name: size}
    for direction, work in works.items():
        g = work.attributes
        found = {"batch": work.batch, "c_in": g["c_in"], "c_out": g["c_out"], "side": g["h"]}
        assert found == expected and (g["w"], g["oh"], g["ow"]) == (g["h"],) * 3
        assert ("dx" in work.buffers, "dkernel" in work.buffers) == (
            direction == "backward_data",
            direction == "backward_weights",
        )


def test_the_work_grows_with_the_amounts() -> None:
    for axis in AXES:
        flops = [Setting(**{axis.name: size}).works()["forward"].flops for size in axis.sizes[:2]]
        assert flops[1] / flops[0] == axis.amounts()[1] / axis.amounts()[0]


def test_slopes_are_of_the_upper_half() -> None:
    amounts = [1, 2, 4, 8, 16]
    assert slope(amounts, [9, 9, 4, 16, 64]) == pytest.approx(2)  # the first two are left out
    assert slope(amounts, [7.0] * 5) == pytest.approx(0)


def small(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Few small sizes; answers options that measure them quickly."""
    monkeypatch.setattr(sweep, "AXES", (Axis("batch", "batch", (1, 2)), Axis("side", "pixels", (4, 6, 8), power=2)))
    monkeypatch.setattr(sweep, "STEPS", Axis(STEP, "batch", (2, 4)))
    monkeypatch.setattr(sweep, "_ROWS", 4)
    return ["--seconds", "0.0001", "--rounds", "2", "--threads", "1"]


def test_bench_writes_what_it_measured(
    tmp_path: Path, capsys: Any, threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, markdown = tmp_path / "sweep.json", tmp_path / "sweep.md"
    assert sweep.main([*small(monkeypatch), "--out", str(out), "--table", str(markdown)]) == 0
    content = json.loads(out.read_text())
    assert content["config"] == {"seconds": 0.0001, "rounds": 2}
    assert [(swept["over"], swept["amounts"], list(swept["lines"])) for swept in content["sweeps"]] == [
        ("batch", [1, 2], list(DIRECTIONS)),
        ("pixels", [16, 36, 64], list(DIRECTIONS)),
        ("batch", [2, 4], [STEP]),
    ]
    for swept in content["sweeps"]:
        for line in swept["lines"].values():
            assert len(line["ms"]) == len(swept["sizes"]) and min(line["ms"]) > 0
            assert line["slope"] == pytest.approx(slope(swept["amounts"], line["ms"]))
    said = capsys.readouterr().out
    assert "a 3x3 convolution over pixels" in said and "a training step of book over batch" in said
    assert "| ms | 4x4 | 6x6 | 8x8 | slope |" in markdown.read_text()


@pytest.mark.filterwarnings("error::UserWarning")
def test_the_picture_shows_every_figure(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from pyconvnet.bench.sweep_plot import draw

    sweeps = []
    for axis in (*AXES, STEPS):
        times = [0.1 * amount**0.9 for amount in axis.amounts()]
        names = (STEP,) if axis is STEPS else DIRECTIONS
        lines = {name: {"ms": times, "slope": slope(axis.amounts(), times)} for name in names}
        sweeps.append(sweep._swept("a thing", axis, lines))
    described = {"date": "2026-01-02T03:04", "processor": "One of Them", "threads": 1, "isa": "scalar"}
    figure = draw({"machine": described, "config": {"rounds": 1}, "sweeps": sweeps})
    *panels, _ = figure.axes
    assert len(panels) == len(sweeps)
    for axes, swept in zip(panels, sweeps, strict=True):
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        linear, measured = axes.lines[:2]
        first = next(iter(swept["lines"].values()))
        np.testing.assert_allclose(measured.get_xydata(), list(zip(swept["amounts"], first["ms"], strict=True)))
        share = np.asarray(linear.get_ydata()) / swept["amounts"]
        np.testing.assert_allclose(share, first["ms"][0] / swept["amounts"][0])
        assert {text.get_text() for text in axes.texts} == {"slope 0.90"}
    assert_nothing_is_cut(figure)
    figure.savefig(tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes()[:4] == b"\x89PNG"


def test_a_picture_without_matplotlib_is_refused_before_anything_is_measured(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(sweep, "AXES", None)
    with pytest.raises(SystemExit) as ended:
        sweep.main(["--plot", "x.png"])
    assert ended.value.code == 2 and 'pip install "pyconvnet[plot]"' in capsys.readouterr().err


def test_script_has_a_usage_text(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--help"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.startswith("usage: sweep_bench.py") and "--plot" in done.stdout
