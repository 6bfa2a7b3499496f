"""Golden label smoothing and top-k accuracies from real Keras.

    python tests/golden/make_metrics.py [OUT]

A Dense layer with given weights ends in an activation or in none. evaluate() gives loss and metrics; one step of SGD
with rate 1 gives the gradient of the loss with smoothed labels as the difference of the weights. The rows that
random_settings.py draws are evaluated in batches by metric_rows.py.
"""

from __future__ import annotations

from typing import Any

from metric_rows import drive
from random_settings import metric_rows
from record import keras, np, output_path, save_arrays

ROWS, INPUTS, CLASSES = 24, 5, 6

CASES: list[dict[str, Any]] = [
    {"name": f"{loss}_{smoothing}_{activation}", "loss": loss, "activation": activation, "smoothing": smoothing}
    for loss, activations in (
        ("CategoricalCrossentropy", ("softmax", "sigmoid", "linear")),
        ("BinaryCrossentropy", ("sigmoid", "softmax", "linear")),
    )
    for activation in activations
    for smoothing in (0.1, 1.0)
]
TOP = [1, 2, 3, 6, 9]


def main() -> None:
    """Run every case and write the file."""
    random = np.random.RandomState(6)
    x = random.standard_normal((ROWS, INPUTS)).astype(np.float32)
    numbers = random.randint(0, CLASSES, ROWS)
    labels = np.eye(CLASSES, dtype=np.float32)[numbers]
    start = random.standard_normal((INPUTS, CLASSES)).astype(np.float32)
    start[:, 3] = start[:, 1]  # equal predictions
    arrays: dict[str, Any] = {"x": x, "numbers": numbers, "labels": labels, "start": start}
    for row in CASES:
        layers = keras.layers
        dense = layers.Dense(CLASSES, activation=row["activation"], use_bias=False)
        model = keras.Sequential([layers.Input((INPUTS,)), dense])
        model.set_weights([start])
        logits = row["activation"] == "linear"
        loss = getattr(keras.losses, row["loss"])(from_logits=logits, label_smoothing=row["smoothing"])
        model.compile(keras.optimizers.SGD(1.0), loss)
        row["value"] = model.evaluate(x, labels, verbose=0, batch_size=ROWS)
        model.train_on_batch(x, labels)
        arrays[f"{row['name']}/weights"] = model.get_weights()[0]
    predictions = x @ start
    predictions[5, 2], predictions[6, numbers[6]], predictions[7, 0] = np.inf, np.nan, -np.inf
    arrays["predictions"] = predictions
    for sparse, truth in ((True, numbers), (False, labels)):
        name = f"{'Sparse' if sparse else ''}TopKCategoricalAccuracy"
        for k in TOP:
            metric = getattr(keras.metrics, name)(k=k)
            metric.update_state(truth, predictions)
            CASES.append({"name": f"{name}_{k}", "metric": name, "k": k, "value": float(metric.result())})
    CASES.extend({**row, "values": drive(keras, row)} for row in metric_rows())
    save_arrays(output_path("metrics.npz"), "make_metrics.py", CASES, arrays)


if __name__ == "__main__":
    main()
