"""The lecture's notebooks: made from the scripts, and shown executed with their pictures."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from pyconvnet.datasets._idx import read_idx_file, write_idx

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((ROOT / "examples" / "lecture").glob("*.py"))
EXECUTED = ROOT / "docs" / "notebooks"

# pictures that the lecture's cells draw
PICTURES = {
    "augmentation": 3,
    "book_chapter_8": 10,
    "cifar10": 2,
    "convolution": 2,
    "dropout": 2,
    "fashion_cnn": 2,
    "part3_cnn": 12,
}


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lecture_notebooks", ROOT / "tools" / "lecture_notebooks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = tool()


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_notebook_agrees_with_the_script(script: Path) -> None:
    expected = TOOL.written(TOOL.notebook_of(script))
    assert script.with_suffix(".ipynb").read_text(encoding="utf-8") == expected, "python tools/lecture_notebooks.py"


def test_how_a_script_becomes_a_notebook(tmp_path: Path) -> None:
    script = tmp_path / "a.py"
    script.write_text(
        "# Title\n#\n#     run a.py\n\n# %% [markdown]\n# ## 1\n#\n# text\n\n# %%\n# c\nx = 1\n\n\ny = 2\n\n"
    )
    cells = TOOL.notebook_of(script)["cells"]
    assert [(cell["cell_type"], source(cell)) for cell in cells] == [
        ("markdown", "# Title\n\n    run a.ipynb"),
        ("markdown", "## 1\n\ntext"),
        ("code", "# c\nx = 1\n\n\ny = 2"),
    ]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_executed_notebook(script: Path) -> None:
    text = (EXECUTED / f"{script.stem}.ipynb").read_text(encoding="utf-8")
    cells = json.loads(text)["cells"]
    note = source(cells.pop(1))
    assert note.startswith("Executed with `pyconvnet run --max-epochs ")
    made = TOOL.notebook_of(script)["cells"]
    assert [source(cell) for cell in cells] == [source(cell) for cell in made], "python tools/lecture_notebooks.py"
    outputs = [output for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == PICTURES.get(script.stem, 0)
    assert not re.search(r"/(tmp|home|root|work|usr)/", text)
    if re.search(r"\bmnist\b", script.read_text(encoding="utf-8")):
        assert "Yann LeCun and Corinna Cortes, [CC BY-SA 3.0]" in note and "Not the whole MNIST" in note


def test_executed_notebooks_are_small() -> None:
    files = list(EXECUTED.glob("*.ipynb"))
    assert {file.stem for file in files} == {script.stem for script in SCRIPTS}
    assert sum(file.stat().st_size for file in files) < 2_000_000


def test_repeated_mnist(tmp_path: Path) -> None:
    few = np.arange(5, dtype=np.uint8)
    (tmp_path / "few").mkdir()
    for part in ("train", "t10k"):
        images = write_idx(few[:, None, None] + np.zeros((5, 28, 28), np.uint8))
        (tmp_path / "few" / f"{part}-images-idx3-ubyte.gz").write_bytes(images)
        (tmp_path / "few" / f"{part}-labels-idx1-ubyte.gz").write_bytes(write_idx(few))
    assert TOOL.repeated_mnist(tmp_path / "few", tmp_path / "whole") == (5, 5)
    images, _ = read_idx_file(tmp_path / "whole" / "train-images-idx3-ubyte.gz", ndim=3, max_bytes=1 << 30)
    labels, _ = read_idx_file(tmp_path / "whole" / "train-labels-idx1-ubyte.gz", ndim=1, max_bytes=1 << 30)
    assert images.shape == (60_000, 28, 28) and labels.shape == (60_000,)
    np.testing.assert_array_equal(images[:, 0, 0], labels)
    assert labels[:7].tolist() == [0, 1, 2, 3, 0, 1, 2]
    assert set(labels[:48_000]) == {0, 1, 2, 3} and set(labels[48_000:]) == {4}  # nothing validates what it trained
