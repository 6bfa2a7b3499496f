"""``pyconvnet migrate``: what it finds in scripts and notebooks, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from migrate_cases import CASES, HEAD, NOT_REJECTED_HERE

from pyconvnet.cli import main
from pyconvnet.compat.migrate import Finding, findings
from pyconvnet.compat.migrate_tables import NUMPY_GONE

EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "lecture"


def found_in(tmp_path: Path, source: str) -> list[Finding]:
    script = tmp_path / "script.py"
    script.write_text(source, encoding="utf-8")
    return findings(script)


@pytest.mark.parametrize(("rejected", "mended"), CASES + NOT_REJECTED_HERE)
def test_the_line_is_found_and_its_mend_is_not(tmp_path: Path, rejected: str, mended: str) -> None:
    found = found_in(tmp_path, HEAD + rejected)
    reported = {finding.source for finding in found}
    assert reported and reported <= set(rejected.splitlines()), found
    assert all(finding.mend for finding in found)
    assert found_in(tmp_path, HEAD + mended) == []


@pytest.mark.filterwarnings("ignore:In the future:FutureWarning")
@pytest.mark.parametrize("name", NUMPY_GONE)
def test_numpy_names(tmp_path: Path, name: str) -> None:
    [finding] = found_in(tmp_path, f"import numpy\nnumpy.{name}")
    assert finding.what == f"np.{name} is gone" and finding.place == "line 2"
    if np.lib.NumpyVersion(np.__version__) >= "2.4.0":
        assert not hasattr(np, name)


@pytest.mark.parametrize(
    "source",
    [
        "import sklearn.svm\nmodel = sklearn.svm.SVC()\nmodel.predict_proba([[1]])",
        "import mylib as np\nnp.float",
        "class A:\n    def next(self, n):\n        return self.next(n - 1)",
        "optimizer.lr = 1\nhistory['acc']\nx = y[0]\nint(x[0])",
        "np = None\nnp.float\nmetrics = 'accuracy'",
        "z = (7\n% 2)",
        "class Own:\n    def show(self):\n        return [layer.output_shape for layer in self.layers]",
        "import keras\nt = keras.layers.Input((3,))\nt.shape\nfor m in models: m.output_shape\nmodel.output_shape",
        "model.compile('sgd', 'circle', [0.5], ['mae'])\nmodel.compile('sgd', loss='circle')",
        "",
    ],
)
def test_what_is_left_alone(tmp_path: Path, source: str) -> None:
    assert found_in(tmp_path, source) == []


def notebook(path: Path, *cells: tuple[str, Any]) -> Path:
    content = {"cells": [{"cell_type": kind, "source": source} for kind, source in cells], "nbformat": 4}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_notebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = notebook(
        tmp_path / "a.ipynb",
        ("markdown", "# np.float"),
        ("code", ["%matplotlib inline\n", "import numpy as np\n", "!pip install keras\n", "a = !ls\n", "np.float(3)"]),
        ("code", "%%bash\nls np.int ("),
        ("code", "%%time\nnp.int(3)"),
        ("code", "checkpoint(verbose=1.\n   mode='auto')"),
        ("code", "gen.next()[0]"),
        ("code", "plt.plot?\n!pip install a \\\n    b\nw['b'], c = %time f() \\\n\nnp.float(4)\nnp??\n"),
    )
    assert [(finding.place, finding.source) for finding in findings(path)] == [
        ("cell 2, line 5", "np.float(3)"),
        ("cell 4, line 2", "np.int(3)"),
        ("cell 5, line 1", "checkpoint(verbose=1."),
        ("cell 6, line 1", "gen.next()[0]"),
        ("cell 7, line 6", "np.float(4)"),
    ]
    assert main(["migrate", str(path)]) == 1
    out = capsys.readouterr().out
    assert "cell 6, line 1: iterators have no .next()\n    gen.next()[0]\n    mend: next(gen)\n" in out
    assert out.endswith("5 lines to mend for Keras 3 and NumPy 2\n")
    assert main(["migrate", str(notebook(tmp_path / "b.ipynb", ("code", "1")))]) == 0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": 3}', '{"cells": [{"cell_type": "code", "source": 3}]}'])
def test_no_notebook(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"migrate: .*a\.ipynb is no notebook or script"):
        findings(path)


NEXT = "iterators have no .next()"
WARNS = "Keras 3 only warns: input_shape is for the first layer"
METRICS = "metrics must be a list"
LECTURE = {
    "augmentation": [NEXT, NEXT],
    "book_chapter_8": [METRICS, *["a Sequential has no .input, if that is what was loaded"] * 3],
    "fashion_cnn": [METRICS],
    "one_conv": ["padding='SAME' is refused by pooling"],
    "part3_cnn": ["pool_size must be given", WARNS, NEXT, NEXT, NEXT, WARNS],
}


@pytest.mark.parametrize("notebook", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_lectures_code(notebook: Path) -> None:
    assert [finding.what for finding in findings(notebook)] == LECTURE.get(notebook.stem, [])
