"""Ten training steps of the lecture's networks, and the rules of fit and its callbacks, against real Keras.

Files: tests/golden/make_training.py and make_semantics.py. Tolerance of the training runs: four times the distance of
Keras from itself (float32 from float64, and with XLA from without, both stored), but at least FLOOR. For mlp, conv,
pool and book that distance is at most 4e-6 in a loss. In vgg rounding grows (see SEEDS in golden/networks.py), and
its tolerance with it; the first CALM_STEPS losses of every network are held to FLOOR.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden import load_table, networks

import pyconvnet

TRAINING = load_table("training")["networks"]
SEMANTICS = load_table("semantics")
# Least tolerance: losses, spreads and norms relative, means and single weights absolute (ten steps move one by 0.01).
FLOOR = {
    "loss": 2e-5,
    "accuracy": 1e-6,
    "evaluate_loss": 2e-5,
    "evaluate_accuracy": 1e-6,
    "std": 1e-5,
    "norm": 1e-5,
    "mean": 1e-7,
    "sample": 2e-6,
}
CALM_STEPS = 6


def _tolerance(golden: dict[str, Any], kind: str) -> float:
    return max(FLOOR[kind], 4.0 * golden["float64_error"][kind], 4.0 * golden["no_jit_error"][kind])


@pytest.fixture(params=list(networks.NETWORKS))
def network(request: pytest.FixtureRequest) -> str:
    """The name of each of the lecture's networks."""
    return str(request.param)


def _losses(network: str) -> tuple[Any, list[float], list[float]]:
    """Train ten steps from the golden weights: the model, and each step's loss and accuracy."""
    x, y, _, _ = networks.training_data()
    model = networks.build(pyconvnet, networks.NETWORKS[network], networks.INPUT_SHAPE)
    assert model.count_params() == networks.PARAMETERS[network]
    model.set_weights(networks.initial_weights([w.shape for w in model.get_weights()], networks.SEEDS[network]))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    losses, accuracies = [], []
    for step in range(networks.STEPS):
        rows = slice(step * networks.BATCH, (step + 1) * networks.BATCH)
        history = model.fit(x[rows], y[rows], batch_size=networks.BATCH, shuffle=False, verbose=0).history
        losses += history["loss"]
        accuracies += history["accuracy"]
    return model, losses, accuracies


def test_ten_training_steps_are_keras(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyconvnet.config, "strict", True)  # Winograd rounds in its own way
    golden = TRAINING[network]
    _, _, x_test, y_test = networks.training_data()
    model, losses, accuracies = _losses(network)
    np.testing.assert_allclose(losses[:CALM_STEPS], golden["losses"][:CALM_STEPS], rtol=FLOOR["loss"], atol=0)
    np.testing.assert_allclose(losses, golden["losses"], rtol=_tolerance(golden, "loss"), atol=0)
    np.testing.assert_allclose(accuracies, golden["accuracies"], rtol=0, atol=_tolerance(golden, "accuracy"))
    for index, (weight, expected) in enumerate(zip(model.get_weights(), golden["weights"], strict=True)):
        _assert_summary(golden, weight, expected, f"weight {index} of {network}")
    loss, accuracy = model.evaluate(x_test, y_test, batch_size=networks.BATCH, verbose=0)
    assert loss == pytest.approx(golden["evaluate"][0], rel=_tolerance(golden, "evaluate_loss"))
    assert accuracy == pytest.approx(golden["evaluate"][1], abs=_tolerance(golden, "evaluate_accuracy"))


@pytest.mark.parametrize("winograd_network", ["conv", "pool"])
def test_ten_training_steps_with_winograd_are_keras(winograd_network: str) -> None:
    # Not book and vgg: cells of a max pooling that are equal over a black background stop being equal when each rounds
    # by its place in a tile, so that another of them takes the gradient.
    _, losses, _ = _losses(winograd_network)
    np.testing.assert_allclose(losses, TRAINING[winograd_network]["losses"], rtol=FLOOR["loss"], atol=0)


def _assert_summary(golden: dict[str, Any], weight: np.ndarray, expected: dict[str, Any], what: str) -> None:
    flat = weight.astype(np.float64).ravel()
    assert list(weight.shape) == expected["shape"], what
    assert flat.mean() == pytest.approx(expected["mean"], rel=0, abs=_tolerance(golden, "mean")), f"mean of {what}"
    assert flat.std() == pytest.approx(expected["std"], rel=_tolerance(golden, "std")), f"std of {what}"
    assert np.linalg.norm(flat) == pytest.approx(expected["norm"], rel=_tolerance(golden, "norm")), f"norm of {what}"
    samples = flat[networks.sample_positions(flat.size)]
    np.testing.assert_allclose(samples, expected["samples"], rtol=0, atol=_tolerance(golden, "sample"), err_msg=what)


class _FakeModel:
    """What EarlyStopping may use of a model; its one weight is the epoch."""

    compiled = False

    def __init__(self) -> None:
        self.stop_training = False
        self.weights = [np.zeros(1, np.float32)]

    def metric_direction(self, name: str) -> str | None:
        return "min" if name == "loss" else None

    def get_weights(self) -> list[np.ndarray]:
        return [weight.copy() for weight in self.weights]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.weights = [np.array(weight) for weight in weights]


@pytest.mark.filterwarnings("ignore")  # the monitor is missing on purpose in some rows
@pytest.mark.parametrize(
    "row", SEMANTICS["early_stopping"], ids=[f"{i}-{r['sequence']}" for i, r in enumerate(SEMANTICS["early_stopping"])]
)
def test_early_stopping_is_keras(row: dict[str, Any]) -> None:
    model: Any = _FakeModel()
    callback = pyconvnet.callbacks.EarlyStopping(monitor="val_loss", **row["config"])
    callback.set_model(model)
    callback.on_train_begin()
    epochs = 0
    for epoch, value in enumerate(row["values"]):
        model.weights = [np.full(1, epoch, np.float32)]
        logs = {"loss": 0.1} if value is None else {"loss": 0.1, "val_loss": float(value)}
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, logs)
        epochs += 1
        if model.stop_training:
            break
    callback.on_train_end()
    assert (epochs, model.stop_training) == (row["epochs"], row["stopped"]), row["config"]
    assert callback.stopped_epoch == row["stopped_epoch"], row["config"]
    assert int(model.weights[0][0]) == row["weights_of_epoch"], row["config"]


def _tiny_data(rows: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.RandomState(rows)
    return random.standard_normal((rows, 3)).astype(np.float32), random.randint(0, 2, rows)


def _tiny_model(metrics: Any, learning_rate: float) -> Any:
    model = networks.build(pyconvnet, [networks.dense(2, "softmax")], (3,))
    model.set_weights(networks.random_weights([(3, 2), (2,)], 3))
    optimizer = pyconvnet.optimizers.SGD(learning_rate=learning_rate)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=metrics)
    return model


@pytest.mark.parametrize("row", SEMANTICS["splits"], ids=lambda row: f"{row['rows']}-{row['split']}")
def test_validation_split_is_keras(row: dict[str, Any]) -> None:
    """The learning rate is 0, so that the two losses tell which rows went where."""
    x, y = _tiny_data(row["rows"])
    model = _tiny_model(["accuracy"], 0.0)
    if "error" in row:
        with pytest.raises(ValueError, match="validation_split"):
            model.fit(x, y, validation_split=row["split"], batch_size=row["rows"], verbose=0)
        return
    history = model.fit(x, y, validation_split=row["split"], batch_size=row["rows"], verbose=0).history
    assert {key: values[0] for key, values in history.items()} == pytest.approx(row["history"], rel=2e-6, abs=1e-6)


@pytest.mark.parametrize("row", SEMANTICS["logs"], ids=lambda row: f"{row['metrics']}-{row['validation']}")
def test_logs_and_history_are_keras(row: dict[str, Any]) -> None:
    x, y = _tiny_data(10)
    batches: list[Any] = []
    epochs: list[Any] = []

    class Watcher(pyconvnet.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            batches.append([batch, sorted(logs)])

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            epochs.append([epoch, sorted(logs)])

    model = _tiny_model(row["metrics"], 0.1)
    options = {"validation_data": (x, y)} if row["validation"] else {}
    history = model.fit(x, y, batch_size=4, epochs=3, initial_epoch=1, verbose=0, callbacks=[Watcher()], **options)
    assert (batches, epochs) == (row["train_batches"], row["epoch_keys"])
    assert sorted(history.history) == sorted(row["keys"])
    assert list(history.epoch) == row["epoch"]
    assert row["params"].items() <= history.params.items()
    evaluated = model.evaluate(x, y, verbose=0)
    assert isinstance(evaluated, list if row["evaluate"] == "list" else float)
    assert sorted(model.evaluate(x, y, verbose=0, return_dict=True)) == row["evaluate_dict"]


def test_each_train_on_batch_answers_for_itself() -> None:
    x, y = _tiny_data(12)
    model = _tiny_model(["accuracy"], 0.5)
    expected = SEMANTICS["train_on_batch"]
    train = [model.train_on_batch(x[i : i + 4], y[i : i + 4]) for i in (0, 4, 8)]
    np.testing.assert_allclose(train, expected["train"], rtol=2e-6)
    np.testing.assert_allclose(model.test_on_batch(x, y), expected["test"], rtol=2e-6)
