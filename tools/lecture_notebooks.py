"""The lecture's scripts as notebooks, and these notebooks executed for the documentation.

    python tools/lecture_notebooks.py                                  writes examples/lecture/*.ipynb
    python tools/lecture_notebooks.py --execute NAME ... --mnist DIR --cifar10 FILE    writes docs/notebooks/NAME.ipynb

The scripts are the source; the notebooks are never edited by hand (tests/test_lecture_notebooks.py compares them).
Executing needs the extra `notebook`, scikit-learn for the notebooks that import it, and the whole Fashion-MNIST.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from pyconvnet.datasets._idx import UInt8Array, read_idx_file, write_idx

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "examples" / "lecture"
EXECUTED = ROOT / "docs" / "notebooks"
MARKER = "# %%"

# what a trial of each takes: (--max-epochs, --max-steps)
CAPS: dict[str, tuple[int, int | None]] = {"part3_cnn": (5, 200), "dropout": (15, None), "callbacks": (5, None)}
USUAL_CAPS = (3, None)

Notebook = dict[str, Any]


def notebook_of(script: Path) -> Notebook:
    """A script as a notebook: its header and its markdown cells as text, the rest as code, without outputs."""
    header, *parts = re.split(rf"^{MARKER}", script.read_text(encoding="utf-8"), flags=re.MULTILINE)
    title = "# " + _text(header).replace(script.name, f"{script.stem}.ipynb")
    cells = [_cell("markdown", title)]
    for part in parts:
        kind, _, body = part.partition("\n")
        cells.append(_cell("markdown", _text(body)) if "[markdown]" in kind else _cell("code", body.strip("\n")))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number:02}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def written(notebook: Notebook) -> str:
    """The file of a notebook."""
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def _text(comments: str) -> str:
    """Comment lines without their marks."""
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in comments.strip().splitlines())


def _cell(kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)}
    return cell if kind == "markdown" else cell | {"execution_count": None, "outputs": []}


# executing


def repeated_mnist(source: Path, target: Path) -> tuple[int, int]:
    """Fills a folder with MNIST's four files at their full size, out of fewer images, again and again in their order.

    The last fifth for training, with which `validation_split=0.2` validates, repeats the last fifth of the images, so
    that no image both trains and validates.

    Args:
        source: a folder with the four IDX files, with any number of images.
        target: the folder to write.

    Returns:
        How many different images there are for training and for testing.
    """
    target.mkdir(parents=True)
    counts = []
    for part, size in (("train", 60_000), ("t10k", 10_000)):
        for name, ndim in ((f"{part}-images-idx3-ubyte.gz", 3), (f"{part}-labels-idx1-ubyte.gz", 1)):
            array, _ = read_idx_file(source / name, ndim=ndim, max_bytes=1 << 30)
            parts = [(array, size)] if part == "t10k" else _fifths(array, size)
            whole = np.concatenate([np.resize(few, (count, *few.shape[1:])) for few, count in parts])
            (target / name).write_bytes(gzip.compress(write_idx(whole), 1))
        counts.append(len(array))
    return counts[0], counts[1]


def _fifths(array: UInt8Array, size: int) -> list[tuple[UInt8Array, int]]:
    """The first four fifths and the last one, each with its share of `size`."""
    first = len(array) * 4 // 5
    return [(array[:first], size * 4 // 5), (array[first:], size - size * 4 // 5)]


def execute(name: str, data: Path, note: str) -> None:
    """Executes one notebook with `pyconvnet run` and writes it to the documentation.

    Args:
        name: of the script.
        data: what PYCONVNET_DATA is to name.
        note: text for the top of the page.
    """
    epochs, steps = CAPS.get(name, USUAL_CAPS)
    caps = ["--max-epochs", str(epochs), *([] if steps is None else ["--max-steps", str(steps)])]
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / f"{name}.ipynb", Path(folder) / "executed.ipynb"
        source.write_text(written(notebook_of(SCRIPTS / f"{name}.py")), encoding="utf-8")
        (Path(folder) / "matplotlibrc").write_text("figure.dpi: 60\n")
        environment = {
            **os.environ,
            "PYCONVNET_DATA": str(data),
            "MATPLOTLIBRC": folder,
            # the note says it; the warning would name this machine's folders
            "PYTHONWARNINGS": "ignore:MNIST:UserWarning,ignore:CIFAR-10:UserWarning",
        }
        command = [sys.executable, "-m", "pyconvnet", "run", *caps, "--out", str(out), str(source)]
        subprocess.run(command, env=environment, check=True)
        notebook = json.loads(out.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["metadata"] = {}  # when it ran
    command_shown = f"pyconvnet run {' '.join(caps)} examples/lecture/{name}.ipynb"
    text = f"Executed with `{command_shown}`, on two busy cores, so that its times say nothing about speed. {note}"
    notebook["cells"].insert(1, _cell("markdown", text) | {"id": "executed"})
    notebook["metadata"] = notebook_of(SCRIPTS / f"{name}.py")["metadata"]
    EXECUTED.mkdir(exist_ok=True)
    (EXECUTED / f"{name}.ipynb").write_text(written(notebook), encoding="utf-8")


def _execute_all(names: list[str], mnist: Path | None, cifar10: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data, notes = Path(folder), {}
        if mnist is not None:
            training, testing = repeated_mnist(mnist, data / "mnist")
            notes["mnist"] = (
                f"Not the whole MNIST: {training:,} of its images for training and {testing:,} for testing, repeated "
                "to 60,000 and 10,000, so that an epoch sees each several times (the last fifth, with which "
                "`validation_split=0.2` validates, has images of its own). MNIST: Yann LeCun and Corinna Cortes, "
                "[CC BY-SA 3.0](https://creativecommons.org/licenses/by-sa/3.0/)."
            )
        if cifar10 is not None:
            (data / "cifar-10").mkdir()
            shutil.copy(cifar10, data / "cifar-10")
            notes["cifar10"] = (
                "Not the whole CIFAR-10: 10,000 of its images for training and 2,000 for testing. CIFAR-10: Alex "
                "Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009."
            )
        for name in names:
            source = (SCRIPTS / f"{name}.py").read_text(encoding="utf-8")
            used = [note for data_set, note in notes.items() if re.search(rf"\b{data_set}\b", source)]
            execute(name, data, " ".join(used))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--execute", nargs="+", metavar="NAME", help="execute these scripts' notebooks")
    parser.add_argument("--mnist", type=Path, metavar="DIR", help="MNIST's four files with any number of images")
    parser.add_argument("--cifar10", type=Path, metavar="FILE", help="CIFAR-10's binary archive with 12,000 images")
    given = parser.parse_args()
    if given.execute:
        _execute_all(given.execute, given.mnist, given.cifar10)
        return
    for script in sorted(SCRIPTS.glob("*.py")):
        script.with_suffix(".ipynb").write_text(written(notebook_of(script)), encoding="utf-8")


if __name__ == "__main__":
    main()
