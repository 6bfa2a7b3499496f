"""Golden training runs from real Keras: ten Adam steps of each of the lecture's networks.

    python tests/golden/make_training.py [OUT]

Weights and images come from networks.py, so that this file holds only results: loss and accuracy of each step (a fit
of one batch), a summary of every weight after the ten steps, and evaluate() on images held out. The same run in
float64 gives the scale for tolerances: "float64_error" is the distance of Keras's float32 run from it, as a share of
the largest value of its kind.
"""

from __future__ import annotations

from typing import Any

import networks
from record import keras, np, output_path, save_table, use_floatx


def summary(weight: np.ndarray) -> dict[str, Any]:
    """What the test compares of one weight."""
    flat = weight.astype(np.float64).ravel()
    return {
        "shape": list(weight.shape),
        "mean": float(flat.mean()),
        "std": float(flat.std()),
        "norm": float(np.linalg.norm(flat)),
        "samples": [float(value) for value in flat[networks.sample_positions(flat.size)]],
    }


def run(name: str, floatx: str, jit_compile: bool) -> dict[str, Any]:
    """Train network `name` for ten steps; every number of the table."""
    use_floatx(floatx)
    x, y, x_test, y_test = (v.astype(floatx) if v.dtype == np.float32 else v for v in networks.training_data())
    model = networks.build(keras, networks.NETWORKS[name], networks.INPUT_SHAPE)
    assert model.count_params() == networks.PARAMETERS[name]
    start = networks.initial_weights([tuple(w.shape) for w in model.weights], networks.SEEDS[name])
    model.set_weights(start)
    model.compile(
        optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=jit_compile
    )
    losses, accuracies = [], []
    for step in range(networks.STEPS):
        rows = slice(step * networks.BATCH, (step + 1) * networks.BATCH)
        history = model.fit(x[rows], y[rows], batch_size=networks.BATCH, shuffle=False, verbose=0).history
        losses.append(float(history["loss"][0]))
        accuracies.append(float(history["accuracy"][0]))
    loss, accuracy = model.evaluate(x_test, y_test, batch_size=networks.BATCH, verbose=0)
    return {
        "losses": losses,
        "accuracies": accuracies,
        "evaluate": [float(loss), float(accuracy)],
        "weights": [summary(weight) for weight in model.get_weights()],
        "moved": [float(np.linalg.norm(w - s)) for w, s in zip(model.get_weights(), start, strict=True)],
    }


def distances(run_a: dict[str, Any], run_b: dict[str, Any]) -> dict[str, float]:
    """The largest differences between two runs, by kind; see the keys for what each is a share of."""

    def largest(key: str) -> float:
        return float(np.abs(np.subtract(run_a[key], run_b[key])).max())

    pairs = list(zip(run_a["weights"], run_b["weights"], strict=True))
    samples = [np.abs(np.subtract(a["samples"], b["samples"])) for a, b in pairs]
    return {
        "loss": float(np.max(np.abs(np.subtract(run_a["losses"], run_b["losses"])) / np.abs(run_b["losses"]))),
        "accuracy": largest("accuracies"),
        "evaluate_loss": abs(run_a["evaluate"][0] / run_b["evaluate"][0] - 1.0),
        "evaluate_accuracy": abs(run_a["evaluate"][1] - run_b["evaluate"][1]),
        "mean": max(abs(a["mean"] - b["mean"]) for a, b in pairs),
        "std": max(abs(a["std"] / b["std"] - 1.0) for a, b in pairs),
        "norm": max(abs(a["norm"] / b["norm"] - 1.0) for a, b in pairs),
        "sample": float(max(d.max() for d in samples)),
        "sample_rms": float(np.sqrt(np.mean(np.concatenate(samples) ** 2))),
    }


def main() -> None:
    """Run every network and write the table."""
    table: dict[str, Any] = {}
    for name in networks.NETWORKS:
        golden = run(name, "float32", jit_compile=True)
        golden["float64_error"] = distances(golden, run(name, "float64", jit_compile=False))
        golden["no_jit_error"] = distances(golden, run(name, "float32", jit_compile=False))
        table[name] = golden
        print(name, [round(v, 4) for v in golden["losses"]], golden["evaluate"])
        print("   float64", {k: f"{v:.1e}" for k, v in golden["float64_error"].items()})
        print("   no jit ", {k: f"{v:.1e}" for k, v in golden["no_jit_error"].items()}, flush=True)
    save_table(output_path("training.json"), "make_training.py", {"networks": table})


if __name__ == "__main__":
    main()
