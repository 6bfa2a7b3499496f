"""Model files of real Keras 3 and of tf-keras (Keras 2): read, compared, trained on, saved again.

Files and numbers: tests/golden/make_files.py.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyconvnet.models import Functional, Sequential, load_model, model_from_json
from pyconvnet.saving import inspect_lines

GOLDEN = Path(__file__).parent / "golden" / "files.zip"
TOLERANCE = {"rtol": 2e-5, "atol": 2e-6}
MODELS = [f"{who}_{kind}" for who in ("keras2", "keras3") for kind in ("adam", "rmsprop", "sgd")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden files, unpacked."""
    path = tmp_path_factory.mktemp("golden")
    with zipfile.ZipFile(GOLDEN) as packed:
        packed.extractall(path)
    return path


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, np.ndarray]:
    """What Keras computed."""
    with np.load(folder / "results.npz") as file:
        return {name: file[name] for name in file.files}


def data() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    return random.normal(size=(10, 6, 6, 1)).astype(np.float32), random.integers(0, 3, 10)


def assert_is(model: Any, name: str, results: dict[str, np.ndarray], *, trains: bool = True) -> None:
    x, y = data()
    np.testing.assert_allclose(model.predict(x, verbose=0), results[f"{name}/predict"], **TOLERANCE)
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), results[f"{name}/evaluate"], **TOLERANCE)
    for i, weight in enumerate(model.get_weights()):
        np.testing.assert_array_equal(weight, results[f"{name}/weights/{i}"])
    if trains:
        assert model.optimizer.iterations == 2
        model.fit(x, y, batch_size=10, epochs=1, shuffle=False, verbose=0)
        for i, weight in enumerate(model.get_weights()):
            np.testing.assert_allclose(weight, results[f"{name}/next/{i}"], **TOLERANCE)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("name", MODELS)
def test_read_and_trained_on(name: str, ending: str, folder: Path, results: dict[str, np.ndarray]) -> None:
    model = load_model(folder / f"{name}{ending}")
    assert type(model) is (Functional if name.endswith("sgd") else Sequential)
    assert model.metrics_names == ["loss", "right" if name.endswith("rmsprop") else "accuracy"]
    assert_is(model, name, results)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("name", MODELS)
def test_saved_again(name: str, ending: str, folder: Path, results: dict[str, np.ndarray], tmp_path: Path) -> None:
    load_model(folder / f"{name}.keras").save(tmp_path / f"again{ending}")
    assert_is(load_model(tmp_path / f"again{ending}"), name, results)


@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_the_network_as_text(kind: str, folder: Path) -> None:
    with zipfile.ZipFile(folder / f"keras3_{kind}.keras") as packed:
        model = model_from_json(packed.read("config.json").decode())
    again = model_from_json(model.to_json(indent=1))
    expected = load_model(folder / f"keras3_{kind}.keras")
    for read in (model, again):
        assert read.get_config() == expected.get_config() and type(read) is type(expected)
    with pytest.raises(ValueError, match="model_from_json: the text is no JSON that can be read"):
        model_from_json("{")
    with pytest.raises(ValueError, match="model_from_json: custom_objects are not offered"):
        model_from_json("{}", {"a": int})  # type: ignore[arg-type]


def test_bare_metrics_of_keras_2_11(folder: Path, results: dict[str, np.ndarray]) -> None:
    model = load_model(folder / "keras211.h5")
    assert model.metrics_names == ["loss", "accuracy"]
    assert_is(model, "keras2_adam", results)


@pytest.mark.parametrize("who", ["keras2", "keras3"])
def test_weights_and_optimizer_of_a_weights_file(who: str, folder: Path, results: dict[str, np.ndarray]) -> None:
    model = load_model(folder / f"{who}_adam.h5")
    model.set_weights([np.zeros(weight.shape) for weight in model.get_weights()])
    model.compile(model.optimizer.from_config(model.optimizer.get_config()), model.loss, metrics=["accuracy"])
    model.load_weights(folder / f"{who}.weights.h5")
    assert_is(model, f"{who}_adam", results)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("who", ["keras2", "keras3"])
def test_weights_out_of_a_model_file(who: str, ending: str, folder: Path, results: dict[str, np.ndarray]) -> None:
    other = load_model(folder / f"{'keras2' if who == 'keras3' else 'keras3'}_sgd.keras")
    other.load_weights(folder / f"{who}_sgd{ending}")
    assert_is(other, f"{who}_sgd", results, trains=False)


@pytest.mark.parametrize(
    ("file", "keras3", "keras2"),
    [
        ("keras3_adam.keras", "yes", "no, it is of Keras 3"),
        ("keras3_adam.h5", "yes, to predict and evaluate", "no, it is of Keras 3"),
        ("keras2_adam.keras", "no, it is of Keras 2", "yes"),
        ("keras2_adam.h5", "yes, to predict and evaluate", "yes"),
        ("keras2_sgd.h5", "no, it has models inside the model", "yes"),
        ("keras211.h5", "with compile=False only", "yes"),
        ("keras3.weights.h5", "yes, load_weights", "yes, load_weights"),
    ],
)
def test_who_opens_it(file: str, keras3: str, keras2: str, folder: Path) -> None:
    lines = [line.strip() for line in inspect_lines(folder / file)]
    assert any(line.startswith("pyconvnet: yes") for line in lines)
    assert any(line.startswith(f"Keras 3: {keras3}") for line in lines)
    assert any(line.startswith(f"Keras 2 (tf-keras): {keras2}") for line in lines)
    assert any("optimizer state: after 2 steps" in line for line in lines)
