"""Code that imports TensorFlow or Keras: what it gets, and that nobody else gets it."""

from __future__ import annotations

import importlib
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconvnet
from pyconvnet.cli import main
from pyconvnet.compat import pages
from pyconvnet.compat.aliases import UserBuiltins
from pyconvnet.compat.names import DIFFERS, INSTEAD, LIST, OFFERED
from pyconvnet.compat.script import run_script
from pyconvnet.compat.tree import not_offered, resolve

DOCS = Path(__file__).resolve().parent.parent / "docs"


def user_code(source: str) -> dict[str, Any]:
    """The globals of the user's code after it ran."""
    names: dict[str, Any] = {"__builtins__": UserBuiltins()}
    exec(source, names)
    return names


@pytest.mark.parametrize("module", OFFERED)
def test_every_row_of_the_table_is_there(module: str) -> None:
    served = importlib.import_module(f"pyconvnet.compat.{module}")
    for name, target in OFFERED[module].items():
        assert getattr(served, name) is resolve(target)
    assert set(dir(served)) >= set(OFFERED[module])


@pytest.mark.parametrize(
    ("module", "without"),
    [
        ("callbacks", set()),
        ("initializers", set()),
        ("layers", {"KerasTensor"}),
        ("losses", {"LossSpec"}),
        ("metrics", set()),
        ("models", set()),
        ("optimizers", {"schedules"}),
        ("optimizers.schedules", set()),
        ("regularizers", set()),
        ("utils", set()),
    ],
)
def test_nothing_that_we_have_is_missing(module: str, without: set[str]) -> None:
    ours = importlib.import_module(f"pyconvnet.{module}")
    classes = [name for name, value in vars(ours).items() if isinstance(value, type) and name[0].isupper()]
    public = getattr(ours, "__all__", None) or [
        name for name in classes if getattr(ours, name).__module__ == ours.__name__ and len(name) > 1
    ]
    assert set(public) - without - set(OFFERED[f"keras.{module}"]) == set()


def test_notes_are_about_names_of_the_table() -> None:
    for path in DIFFERS:
        module, _, name = path.rpartition(".")
        assert name in OFFERED[module], path
    for path in INSTEAD:
        module, _, name = path.rpartition(".")
        assert name not in OFFERED[module], path


def test_page_is_current() -> None:
    page = (DOCS / "keras_names.md").read_text(encoding="utf-8")
    assert page == pages.keras_names(), "python -m pyconvnet.compat.pages docs/keras_names.md"
    assert "| `Conv2D` | `pyconvnet.layers.Conv2D` |" in page


def test_the_page_is_printed_where_messages_say(tmp_path: Path) -> None:
    command = [sys.executable, *LIST.split()[1:]]
    assert subprocess.run(command, capture_output=True, check=True, cwd=tmp_path).stdout.decode() == pages.keras_names()


@pytest.mark.parametrize(
    ("line", "got", "expected"),
    [
        ("import tensorflow as tf", "tf.keras.layers.Conv2D", pyconvnet.layers.Conv2D),
        ("import tensorflow.keras", "tensorflow.keras.Model", pyconvnet.Model),
        ("import tensorflow.keras.layers as L", "L.MaxPool2D", pyconvnet.layers.MaxPooling2D),
        ("import keras", "keras.utils.to_categorical", pyconvnet.utils.to_categorical),
        ("from tensorflow import keras", "keras.datasets.mnist.load_data", pyconvnet.datasets.mnist.load_data),
        ("from tensorflow.keras.layers import Conv2D as C", "C", pyconvnet.layers.Conv2D),
        ("from keras.utils import to_categorical", "to_categorical", pyconvnet.utils.to_categorical),
        ("from tensorflow.keras import *", "layers.Dense", pyconvnet.layers.Dense),
        ("from keras.layers import *", "AvgPool2D", pyconvnet.layers.AveragePooling2D),
        ("import pyconvnet.compat.tensorflow as tf", "tf.keras.Sequential", pyconvnet.Sequential),
        ("import numpy as np", "np.ones", np.ones),
        ("import os.path", "os.path.join", importlib.import_module("os").path.join),
    ],
)
def test_imports(line: str, got: str, expected: object) -> None:
    assert eval(got, user_code(line)) is expected


def test_versions_and_switches() -> None:
    names = user_code(
        "import tensorflow as tf, keras\n"
        "tf.keras.utils.set_random_seed(42)\n"
        "tf.config.experimental.enable_op_determinism()\n"
        "gpus = tf.config.list_physical_devices('GPU')\n"
        "cpus = tf.config.experimental.list_physical_devices('CPU')\n"
        "assert not tf.test.is_gpu_available(cuda_only=True)\n"
    )
    assert [int(part) for part in names["tf"].__version__.split("+")[0].split(".")] >= [2, 16]
    assert names["keras"].__version__ == names["tf"].keras.__version__ == "3.15.1+pyconvnet"
    assert names["gpus"] == [] and len(names["cpus"]) == 1


def test_the_beginners_quickstart_of_tensorflow() -> None:
    rng = np.random.default_rng(0)
    names: dict[str, Any] = {"__builtins__": UserBuiltins(), "x": rng.random((40, 6, 6)), "y": np.arange(40) % 3}
    exec(
        "import tensorflow as tf\n"
        "model = tf.keras.models.Sequential([\n"
        "    tf.keras.layers.Flatten(input_shape=(6, 6)), tf.keras.layers.Dense(8, activation=tf.nn.relu),\n"
        "    tf.keras.layers.Dropout(0.2), tf.keras.layers.Dense(3)])\n"
        "logits = model(x[:1]).numpy()\n"
        "shares = tf.nn.softmax(logits).numpy()\n"
        "loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
        "loss = loss_fn(y[:1], logits).numpy()\n"
        "model.compile(optimizer='adam', loss=loss_fn, metrics=['accuracy'])\n"
        "model.fit(x, y, epochs=2, verbose=0)\n"
        "trained = tf.keras.Sequential([model, tf.keras.layers.Softmax()])(x[:5])\n",
        names,
    )
    exponentials = np.exp(names["logits"].astype(float))
    np.testing.assert_allclose(names["shares"], exponentials / exponentials.sum(), rtol=1e-6)
    assert type(names["shares"]) is np.ndarray and isinstance(names["loss"], np.float32)
    assert names["loss"] == pytest.approx(-np.log(names["shares"][0, 0]), rel=1e-5)
    np.testing.assert_allclose(names["trained"].numpy().sum(axis=1), np.ones(5), rtol=1e-6)


def test_what_losses_and_metrics_answer_can_be_asked_for_numpy() -> None:
    metric = pyconvnet.metrics.SparseCategoricalAccuracy()
    metric.update_state([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    assert metric.result().numpy() == np.float32(0.5) and repr(metric.result()) == "0.5"
    copied = pickle.loads(pickle.dumps(metric.result()))
    assert type(copied) is float


def test_clear_session_starts_names_anew() -> None:
    import pyconvnet.compat.keras as keras  # type: ignore[import-not-found]

    keras.layers.Dense(1)
    keras.backend.clear_session(free_memory=True)
    assert [keras.layers.Dense(1).name, keras.layers.Dense(1).name] == ["dense", "dense_1"]


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        (
            "from tensorflow.keras.layers import Dens",
            ImportError,
            "tensorflow.keras.layers.Dens; did you mean 'Dense'?",
        ),
        ("import keras; keras.layers.Dens", AttributeError, "keras.layers.Dens; did you mean 'Dense'?"),
        ("from keras.layers.core import Dense", ImportError, "core.Dense; it is keras.layers.Dense. "),
        ("import tensorflow.keras.layer", ImportError, "keras.layer; did you mean 'layers'?"),
        ("import tensorflow as tf; tf.GradientTape", AttributeError, "; train with model.compile and model.fit. "),
        ("from tensorflow.keras.layers import Lambda", ImportError, "Lambda; use the layers that there are"),
        ("from keras.layers import LSTM", ImportError, "pyconvnet does not offer keras.layers.LSTM. "),
        ("from keras.layers import serialize", ImportError, "pyconvnet does not offer keras.layers.serialize. "),
        ("import keras; keras.metrics.get", AttributeError, "pyconvnet does not offer keras.metrics.get. "),
        ("from pyconvnet.compat.keras.layers import Dens", ImportError, "keras.layers.Dens; did you mean 'Dense'?"),
        ("import tensorflow.python.framework.ops", ImportError, "does not offer tensorflow.python.framework.ops"),
    ],
)
def test_what_is_not_offered_says_so(line: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        user_code(line)
    assert str(caught.value).startswith("pyconvnet does not offer ") and message in str(caught.value)
    assert str(caught.value).endswith("All names: python -m pyconvnet.compat.pages")


def test_asking_for_names_is_not_an_error() -> None:
    served = importlib.import_module("pyconvnet.compat.keras")
    assert not hasattr(served, "nothing") and not hasattr(served, "_repr_html_") and "layers" in dir(served)
    assert not_offered("keras.layers.zzzz").count("did you mean") == 0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script's folder, and a library elsewhere that looks for TensorFlow; a stand-in for the real one is there."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "tensorflow.py").write_text("REAL = True\n")
    (library / "probing.py").write_text("import tensorflow\nFOUND = tensorflow\n")
    monkeypatch.syspath_prepend(str(library))
    for name in ("tensorflow", "probing", "beside", "package", "package.inner"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    yield scripts  # type: ignore[misc]
    for name in ("tensorflow", "probing", "beside", "package", "package.inner"):
        sys.modules.pop(name, None)


def test_libraries_find_what_is_installed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "beside.py").write_text("from tensorflow.keras.layers import Dense\n")
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").write_text("from . import inner\n")
    (folder / "package" / "inner.py").write_text("import keras\nfrom keras.layers import Flatten\n")
    script = folder / "script.py"
    script.write_text(
        "import sys\nimport tensorflow as tf\nimport probing, beside, package.inner\n"
        "print(tf.__name__, 'tensorflow' in sys.modules and sys.modules['tensorflow'].REAL, probing.FOUND.REAL)\n"
        "print(beside.Dense.__module__, package.inner.Flatten.__module__)\n"
        "print(__name__, sys.argv[1:], sys.modules['__main__'].tf is tf)\n"
    )
    before = sys.argv, sys.path[:], sys.meta_path[:], sys.modules["__main__"]
    assert run_script(script, ["--epochs", "3"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "pyconvnet.compat.tensorflow True True",
        "pyconvnet.layers.dense pyconvnet.layers.flatten",
        "__main__ ['--epochs', '3'] True",
    ]
    assert (sys.argv, sys.path, sys.meta_path, sys.modules["__main__"]) == before
    assert importlib.import_module("tensorflow").REAL


def test_modules_in_a_folder_without_init(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Such a folder is the user's code, but where a package has its name, that is imported, as by Python itself."""
    for name in ("helpers", "probing_package"):
        (folder / name).mkdir()
    (folder / "helpers" / "deep").mkdir()
    (folder / "helpers" / "net.py").write_text("from keras.layers import Dense\n")
    (folder / "helpers" / "deep" / "net.py").write_text("from tensorflow.keras.layers import Flatten\n")
    package = folder.parent / "library" / "probing_package"
    package.mkdir()
    (package / "__init__.py").write_text("import tensorflow\nFOUND = tensorflow.REAL\n")
    (folder / "script.py").write_text(
        "from helpers import net\nimport helpers.deep.net, probing_package\n"
        "print(net.Dense.__name__, helpers.deep.net.Flatten.__name__, probing_package.FOUND)\n"
    )
    assert run_script(folder / "script.py") == 0
    assert capsys.readouterr().out == "Dense Flatten True\n"
    assert sys.modules.pop("probing_package").FOUND
    assert not [name for name in sys.modules if name.partition(".")[0] == "helpers"]


def test_each_script_has_the_modules_of_its_own_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        (folder / name / "package").mkdir(parents=True)
        (folder / name / "beside.py").write_text(f"from package.inner import NAME\nNAME += '{name}'\n")
        (folder / name / "package" / "inner.py").write_text(f"NAME = '{name}-'\n")
        (folder / name / "script.py").write_text("import beside\nprint(beside.NAME)\n")
        assert run_script(folder / name / "script.py") == 0
    assert capsys.readouterr().out.split() == ["one-one", "two-two"]


@pytest.mark.parametrize(
    ("source", "code", "error"),
    [
        ("raise SystemExit", 0, ""),
        ("import sys; sys.exit(7)", 7, ""),
        ("raise SystemExit('no data')", 1, "no data\n"),
        ("def f():\n    1 / 0\nf()", 1, "ZeroDivisionError: division by zero\n"),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt\n"),
        ("for", 1, "SyntaxError: invalid syntax\n"),
    ],
)
def test_a_script_ends_as_it_does_under_python(
    folder: Path, capsys: pytest.CaptureFixture[str], source: str, code: int, error: str
) -> None:
    script = folder / "script.py"
    script.write_text(source)
    assert main(["run", str(script)]) == code
    printed = capsys.readouterr().err
    assert printed.endswith(error) and "pyconvnet" not in printed


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["run", "no.py"], "No such file"),
        (["run", "--max-epochs", "0", "{script}"], "run: --max-epochs must be positive, got 0"),
        (["run", "--max-steps", "0", "{script}"], "run: --max-steps must be positive, got 0"),
        (["run", "a.ipynb", "--max-steps", "0"], "run: --max-steps must be positive, got 0"),
        (["run", "--out", "x.ipynb", "{script}"], "run: --out is for notebooks"),
        (["run", "a.ipynb", "3"], "run: a notebook takes no arguments, got 3"),
        (["run", "a.ipynb", "--max-epochs", "x"], "invalid int value: 'x'"),
        (["run", "a.ipynb", "--out", "a.ipynb"], "run: --out is the notebook itself, a.ipynb"),
        (["migrate", "no.py"], "No such file"),
    ],
)
def test_wrong_use(folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], message: str) -> None:
    script = folder / "script.py"
    script.write_text("")
    assert main([argument.format(script=script) for argument in argv]) == 2
    assert message in capsys.readouterr().err


class Shell:
    """What the extension uses of IPython's shell."""

    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {}
        self.events = self
        self.registered: list[tuple[str, Callable[[], None]]] = []

    def register(self, event: str, function: Callable[[], None]) -> None:
        self.registered.append((event, function))

    def unregister(self, event: str, function: Callable[[], None]) -> None:
        self.registered.remove((event, function))

    def run(self, cell: str) -> None:
        for _, function in self.registered:
            function()
        exec(cell, self.user_ns)


def test_extension(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import builtins

    monkeypatch.chdir(tmp_path)
    shell, finders = Shell(), sys.meta_path[:]
    pyconvnet.load_ipython_extension(shell)
    pyconvnet.load_ipython_extension(shell)
    monkeypatch.setattr(builtins, "added_by_jupyter", 5, raising=False)
    shell.run("import keras\nfrom tensorflow.keras.layers import Dense\nfive = added_by_jupyter")
    assert shell.user_ns["Dense"] is pyconvnet.layers.Dense and shell.user_ns["five"] == 5
    pyconvnet.unload_ipython_extension(shell)
    pyconvnet.unload_ipython_extension(shell)
    assert shell.registered == [] and sys.meta_path == finders
    assert shell.user_ns["__builtins__"] is builtins and "keras" not in sys.modules


def cell(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source}


def write_notebook(path: Path, *sources: str) -> None:
    kernel = {"name": "another", "display_name": "another", "language": "python"}
    content = {"cells": [cell(source) for source in sources], "metadata": {"kernelspec": kernel}}
    path.write_text(json.dumps(content | {"nbformat": 4, "nbformat_minor": 4}))


CELLS = (
    "import sys\nfrom tensorflow import keras\nimport helper\nprint(keras.__name__, 'keras' in sys.modules)",
    "import numpy as np\nmodel = keras.Sequential([helper.Dense(2, input_shape=(3,))])\nmodel.compile('sgd', 'mse')\n"
    "len(model.fit(np.zeros((4, 3)), np.zeros((4, 2)), epochs=50, verbose=0).history['loss'])",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
)


def needs_notebook() -> None:
    for name in ("nbformat", "nbclient", "ipykernel"):
        pytest.importorskip(name, reason=f"{name} is not installed: no notebook is run")


def test_notebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs_notebook()
    write_notebook(tmp_path / "a.ipynb", *CELLS)
    (tmp_path / "helper.py").write_text("from keras.layers import Dense\n")
    before = (tmp_path / "a.ipynb").read_bytes()
    out = tmp_path / "out.ipynb"
    assert main(["run", str(tmp_path / "a.ipynb"), "--max-epochs", "2", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: all cells ran\n"
    first, second, third = (cell["outputs"] for cell in json.loads(out.read_text())["cells"])
    assert "".join(first[0]["text"]) == "pyconvnet.compat.tensorflow.keras False\n"
    assert second[0]["data"]["text/plain"] == ["2"]
    assert any("image/png" in output.get("data", {}) for output in third)
    assert (tmp_path / "a.ipynb").read_bytes() == before


def test_notebook_with_a_cell_that_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs_notebook()
    write_notebook(tmp_path / "a.ipynb", "print(1)", "from keras.layers import Dens", "print(2)")
    assert main(["run", str(tmp_path / "a.ipynb")]) == 1
    printed = capsys.readouterr().out
    assert "a.executed.ipynb: a cell failed" in printed and "did you mean 'Dense'?" in printed
    cells = json.loads((tmp_path / "a.executed.ipynb").read_text())["cells"]
    assert [len(cell["outputs"]) for cell in cells] == [1, 1, 0]
    (tmp_path / "b.ipynb").write_text("[]")
    assert main(["run", str(tmp_path / "b.ipynb")]) == 2
    assert "b.ipynb is no notebook" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ending", "code", "message"),
    [
        ("import os; os._exit(3)", 1, "the process that ran the cells has ended: its memory ran out, or the code"),
        ("import os, time; os.kill(os.getppid(), 2); time.sleep(60)", 130, "stopped"),
    ],
    ids=["dead", "Ctrl-C"],
)
def test_notebook_that_ends_early(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str, code: int, message: str
) -> None:
    needs_notebook()
    write_notebook(tmp_path / "a.ipynb", "print(1)", ending, "print(2)")
    assert main(["run", str(tmp_path / "a.ipynb")]) == code
    assert message in "".join(capsys.readouterr())
    cells = json.loads((tmp_path / "a.executed.ipynb").read_text())["cells"]
    assert cells[0]["outputs"][0]["text"] == ["1\n"] and cells[2]["outputs"] == []


def test_notebook_without_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", None)
    assert main(["run", str(tmp_path / "a.ipynb")]) == 2
    assert 'which is not installed; pip install "pyconvnet[notebook]"' in capsys.readouterr().err
