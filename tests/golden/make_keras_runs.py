"""Keras 3's own runs of the lecture's experiments: what docs/lecture.md and the lecture's table compare with.

    python tests/golden/make_keras_runs.py [--seeds N] [--epochs N] [--out FILE] NAME [NAME ...]

    python tests/golden/make_keras_runs.py --seeds 3 mlp conv pool book        # an hour on one core

Settings and images are those of `pyconvnet.lecture`, and the network goes over to Keras as JSON; Keras makes the
weights, trains and evaluates. Each run is written when it ends, in the place of one with the same name and seed. Needs
the whole Fashion-MNIST, and scikit-learn for `book`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from record import keras, np

from pyconvnet import lecture
from pyconvnet.lecture.data import load_images, scaled, training_data
from pyconvnet.lecture.experiments import EXPERIMENTS, Experiment

FILE = Path(lecture.__file__).with_name("keras_runs.json")
ABOUT = (
    f"Keras {keras.__version__} on TensorFlow (CPU), whole Fashion-MNIST, the lecture's settings: Adam, batch 32, at "
    "most 500 epochs, validation_split 0.25, EarlyStopping(patience=5, monitor='val_loss'); book: "
    "train_test_split(test_size=0.2, random_state=42), at most 50 epochs, EarlyStopping(patience=2, "
    "restore_best_weights=True). val and test are [loss, accuracy]. tests/golden/make_keras_runs.py repeats them."
)


def run(experiment: Experiment, seed: int, most_epochs: int | None) -> dict[str, Any]:
    """Trains Keras's model of an experiment; the row of the file."""
    images = load_images("whole", experiment.dataset)
    if images.source != "whole":
        raise SystemExit(f"{experiment.name}: the whole {experiment.dataset} is needed, there is {images}")
    keras.utils.set_random_seed(seed)
    model = compiled(experiment)
    data = training_data(experiment, images)
    begun = time.perf_counter()
    history = model.fit(
        np.asarray(data.x),
        data.y,
        batch_size=experiment.batch_size,
        epochs=min(experiment.epochs, most_epochs or experiment.epochs),
        validation_split=data.validation_split,
        validation_data=data.validation and tuple(map(np.asarray, data.validation)),
        callbacks=stopping(experiment),
        verbose=0,
    ).history
    validation = [history["val_loss"][-1], history["val_accuracy"][-1]]
    if experiment.restore_best:
        validation = model.evaluate(*map(np.asarray, data.validating()), verbose=0)
    test = model.evaluate(np.asarray(scaled(images.x_test)), images.y_test, verbose=0)
    return {
        "name": experiment.name,
        "seed": seed,
        "epochs": len(history["loss"]),
        "first_epoch": {name: round(values[0], 4) for name, values in history.items()},
        "val": [round(value, 4) for value in validation],
        "test": [round(value, 4) for value in test],
        "seconds": round(time.perf_counter() - begun),
        "keras": keras.__version__,
    }


def compiled(experiment: Experiment) -> Any:
    """Keras's model with weights of its own, compiled as in the lecture."""
    model = keras.models.model_from_json(experiment.model().to_json())
    optimizer = keras.optimizers.get(experiment.optimizer)
    if experiment.learning_rate is not None:
        optimizer.learning_rate = experiment.learning_rate
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def stopping(experiment: Experiment) -> list[Any]:
    """Its early stopping, if it has one."""
    if experiment.patience is None:
        return []
    return [
        keras.callbacks.EarlyStopping(
            monitor="val_loss", patience=experiment.patience, restore_best_weights=experiment.restore_best
        )
    ]


def write(path: Path, row: dict[str, Any]) -> None:
    """Adds a run to the file, a line each, in the order of the experiments and seeds."""
    runs = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
    runs = [known for known in runs if (known["name"], known["seed"]) != (row["name"], row["seed"])] + [row]
    runs.sort(key=lambda known: (list(EXPERIMENTS).index(known["name"]), known["seed"]))
    lines = ",\n".join(f"    {json.dumps(known)}" for known in runs)
    path.write_text(f'{{\n  "about": {json.dumps(ABOUT)},\n  "runs": [\n{lines}\n  ]\n}}\n', encoding="utf-8")


def main() -> None:
    """Runs what the command line names."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    plain = [experiment.name for experiment in EXPERIMENTS.values() if not experiment.one_hot]
    options.add_argument("names", metavar="NAME", nargs="+", choices=plain, help=", ".join(plain))
    options.add_argument("--seeds", type=int, default=1, metavar="N", help="seeds 0 to N-1 (default 1)")
    options.add_argument("--epochs", type=int, metavar="N", help="at most N epochs, to try this script")
    options.add_argument(
        "--out", type=Path, default=FILE, metavar="FILE", help="default: the file of pyconvnet.lecture"
    )
    given = options.parse_args()
    for name in given.names:
        for seed in range(given.seeds):
            row = run(EXPERIMENTS[name], seed, given.epochs)
            write(given.out, row)
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
