"""Runs the tests of this folder and writes what they saw: ``python tests/interop/table.py``.

Writes docs/data/interop.json (every comparison with its largest difference, and the programs' versions) and
docs/interop.md (the same as tables). Needs Keras 3, TensorFlow, tf-keras, onnx, onnxruntime, tensorboard and pytest.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent.parent / "docs"
TESTS = ["test_programs.py", "test_onnxruntime.py", "test_tensorboard.py"]
PACKAGES = {
    "pyconvnet": "pyconvnet",
    "Keras 3": "keras",
    "TensorFlow": "tensorflow",
    "Keras 2 (tf-keras)": "tf_keras",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "TensorBoard": "tensorboard",
    "tensorboardX": "tensorboardX",
    "NumPy": "numpy",
    "h5py": "h5py",
}
HEAD = """# What other programs make of the files

Written by `python tests/interop/table.py` from {count} tests in `tests/interop/`, all of which passed; do not edit.
Each comparison is in `data/interop.json`. The programs, on Python {python}:

{versions}

Every network below is about one type of layer. A program trains it for two steps, saves it, and the other opens the
file. The first number is the largest absolute difference between what the two predict (probabilities); the second,
where there is one, the largest difference between any of their weights after both made one further training step, with
the optimizer's state from the file. "·" means that the step is not compared. With Adam; the convolution also with SGD
and RMSprop, of which the largest is shown.

No step is compared behind dropout, whose draws differ; where Keras takes no optimizer state from a file of pyconvnet,
which is every file for Keras 2 and `.h5` for Keras 3 (see [files](files.md)); for weights in Keras 2's layout, beside
which there is none; and for Keras 2's batch normalization, whose moving variance follows another rule.
"""
SECTIONS = (
    ("pyconvnet writes, others open", "pyconvnet", ("Keras 3", "Keras 2", "onnxruntime")),
    ("Keras 3 writes, pyconvnet opens", "Keras 3", ("pyconvnet", "onnxruntime")),
    ("Keras 2 (tf-keras) writes, pyconvnet opens", "Keras 2", ("pyconvnet", "onnxruntime")),
)


class Recorder:
    """A plugin of pytest that keeps what the tests compared and how they ended."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.passed = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes the properties of a test that has run."""
        if report.when == "call" and report.passed:
            self.passed += 1
            self.seen += [dict(value) for name, value in report.user_properties if name == "seen"]


def main() -> int:
    """Runs the tests; writes both files where all of them passed."""
    recorder = Recorder()
    code = pytest.main(["-q", "-rs", *[str(HERE / name) for name in TESTS]], plugins=[recorder])
    readers = {entry["reader"] for entry in recorder.seen}
    missing = {"pyconvnet", "Keras 3", "Keras 2", "onnxruntime", "TensorBoard"} - readers
    if code != pytest.ExitCode.OK or missing:
        sys.stderr.write(
            f"nothing is written: tests failed, or were skipped for {', '.join(sorted(missing)) or 'none'}\n"
        )
        return 1
    found = {
        "python": platform.python_version(),
        "versions": {name: _version(package) for name, package in PACKAGES.items()},
        "tests": recorder.passed,
        "seen": recorder.seen,
    }
    write(found)
    return 0


def write(found: dict[str, Any]) -> None:
    """Writes both files."""
    lines = ",\n".join(f"    {json.dumps(entry)}" for entry in found["seen"])
    rest = json.dumps({name: value for name, value in found.items() if name != "seen"}, indent=2)
    (DOCS / "data" / "interop.json").write_text(f'{rest[:-2]},\n  "seen": [\n{lines}\n  ]\n}}\n', encoding="utf-8")
    (DOCS / "interop.md").write_text(page(found), encoding="utf-8")


def page(found: dict[str, Any]) -> str:
    """The page, from what is in the JSON file."""
    versions = "\n".join(f"- {name}: {number}" for name, number in found["versions"].items())
    parts = [HEAD.format(count=found["tests"], versions=versions, python=found["python"])]
    for title, writer, readers in SECTIONS:
        entries = [e for e in found["seen"] if e["writer"] == writer and e["reader"] in readers and "layer" in e]
        parts.append(f"## {title}\n\n{_table(entries, readers)}")
    what = list(dict.fromkeys(entry["what"] for entry in found["seen"] if "what" in entry))
    parts.append(
        "## Event files\n\nTensorBoard's own readers found what the `TensorBoard` callback had written: "
        f"{', '.join(what)}.\n"
    )
    return "\n".join(parts)


def _table(entries: Sequence[dict[str, Any]], readers: Sequence[str]) -> str:
    """Layers down, files across."""
    routes = sorted({(e["reader"], e["file"]) for e in entries}, key=lambda r: (readers.index(r[0]), _place(r[1])))
    names = {
        ".keras converted to .onnx": "`.keras`, converted to `.onnx`",
        ".h5 converted to .onnx": "`.h5`, converted",
    }
    heads = [f"{reader}: {names.get(file, _quoted(file))}" for reader, file in routes]
    lines = [f"| layer | {' | '.join(heads)} |", f"|---|{'---|' * len(routes)}"]
    for layer in sorted({entry["layer"] for entry in entries}, key=lambda name: (name[0].islower(), name)):
        cells = [[e for e in entries if (e["reader"], e["file"], e["layer"]) == (*route, layer)] for route in routes]
        lines.append(f"| {layer} | {' | '.join(map(_cell, cells))} |")
    return "\n".join(lines) + "\n"


def _cell(entries: Sequence[dict[str, Any]]) -> str:
    numbers = [max(entry["predictions"] for entry in entries)]
    steps = [entry["weights"] for entry in entries if "weights" in entry]
    if entries[0]["reader"] == "onnxruntime":
        return _short(numbers[0])
    return f"{_short(numbers[0])} / {_short(max(steps)) if steps else '·'}"


def _short(number: float) -> str:
    return "0" if number == 0 else f"{number:.0e}".replace("e-0", "e-")


def _quoted(file: str) -> str:
    return "weights in `.h5`" if file == "weights .h5" else f"`{file}`"


def _place(file: str) -> int:
    return [".keras", ".h5", ".weights.h5", "weights .h5"].index(file) if "onnx" not in file else 9


def _version(package: str) -> str:
    if package == "pyconvnet":
        import pyconvnet

        return pyconvnet.__version__
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


if __name__ == "__main__":
    sys.exit(main())
