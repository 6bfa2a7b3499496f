"""Golden model files from real Keras 3 and from tf-keras (Keras 2), and what each program computes with them.

    python tests/golden/make_files.py [OUT]

Writes files.zip: for each program and optimizer a model after two training steps, as `.keras`, `.h5` and weights, and
results.npz with the predictions, the loss, the metrics, the weights, and the weights after one further step.
`keras211.h5` is tf-keras's file made over as Keras 2.11 wrote it: its metrics are a bare string.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import tf_keras
from record import keras, np, output_path, versions

IMAGE, CLASSES, ROWS = (6, 6, 1), 3, 10
PROGRAMS = {"keras3": keras, "keras2": tf_keras}


def data() -> tuple[np.ndarray, np.ndarray]:
    """Images x [10, 6, 6, 1] and classes y [10]."""
    random = np.random.default_rng(3)
    return random.normal(size=(ROWS, *IMAGE)).astype(np.float32), random.integers(0, CLASSES, ROWS)


def row(program: Any) -> Any:
    """Layers in a row, with a regularizer of weights and one of outputs."""
    make, regularizers = program.layers, program.regularizers
    return program.Sequential(
        [
            make.InputLayer(IMAGE),
            make.Conv2D(
                2,
                3,
                activation="relu",
                kernel_regularizer=regularizers.L2(0.01),
                activity_regularizer=regularizers.L1(0.001),
                name="conv",
            ),
            make.MaxPooling2D(2, name="pool"),
            make.Dropout(0.0, name="drop"),
            make.Flatten(name="flat"),
            make.Dense(CLASSES, activation="softmax", name="head"),
        ],
        name="row",
    )


def graph(program: Any) -> Any:
    """A graph with a shared layer and a model inside, used twice."""
    make = program.layers
    inner_input = program.Input(IMAGE, name="inner_images")
    inner = program.Model(inner_input, make.Conv2D(1, 1, name="inner_conv")(inner_input), name="inner")
    x = program.Input(IMAGE, name="images")
    twice = make.Conv2D(1, 3, padding="same", name="twice")
    y = make.Add(name="sum")([twice(x), inner(x)])
    y = make.Concatenate(name="joined")([inner(twice(y)), x])
    y = make.GlobalAveragePooling2D(name="mean")(y)
    return program.Model(x, make.Dense(CLASSES, activation="softmax", name="head")(y), name="graph")


def compiled(program: Any, model: Any, kind: str) -> Any:
    """The model with an optimizer, a loss and metrics, and weights drawn from a seed."""
    random = np.random.default_rng(4)
    model.set_weights([random.uniform(-0.7, 0.7, w.shape).astype(np.float32) for w in model.get_weights()])
    optimizers = {
        "adam": lambda: program.optimizers.Adam(0.01, beta_1=0.8),
        "rmsprop": lambda: program.optimizers.RMSprop(0.003, rho=0.8, momentum=0.5),
        "sgd": lambda: program.optimizers.SGD(0.05),
    }
    loss: Any = "sparse_categorical_crossentropy"
    metrics: Any = ["accuracy"]
    if kind == "rmsprop":
        loss = program.losses.SparseCategoricalCrossentropy(from_logits=False)
        metrics = [program.metrics.SparseCategoricalAccuracy(name="right")]
    model.compile(optimizers[kind](), loss, metrics=metrics)
    return model


def step(model: Any) -> None:
    """One training step on all rows."""
    x, y = data()
    model.fit(x, y, batch_size=ROWS, epochs=1, shuffle=False, verbose=0)


def results(model: Any, name: str) -> dict[str, np.ndarray]:
    """What the tests compare."""
    x, y = data()
    found = {
        f"{name}/predict": model.predict(x, verbose=0),
        f"{name}/evaluate": np.array(model.evaluate(x, y, verbose=0)),
    }
    found |= {f"{name}/weights/{i}": w for i, w in enumerate(model.get_weights())}
    step(model)
    return found | {f"{name}/next/{i}": w for i, w in enumerate(model.get_weights())}


def main() -> None:
    """Write all files."""
    with TemporaryDirectory() as folder:
        write(Path(folder))
        with zipfile.ZipFile(output_path("files.zip"), "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(Path(folder).iterdir()):
                packed.write(path, path.name)
    print(output_path("files.zip").stat().st_size, "bytes")


def write(folder: Path) -> None:
    """Write all files into a folder."""
    arrays: dict[str, np.ndarray] = {}
    for who, program in PROGRAMS.items():
        for kind, network in (("adam", row), ("rmsprop", row), ("sgd", graph)):
            model = compiled(program, network(program), kind)
            for _ in range(2):
                step(model)
            model.save(folder / f"{who}_{kind}.keras")
            model.save(folder / f"{who}_{kind}.h5")
            if kind == "adam":
                model.save_weights(folder / f"{who}.weights.h5")
            arrays |= results(model, f"{who}_{kind}")
    shutil.copyfile(folder / "keras2_adam.h5", folder / "keras211.h5")
    with h5py.File(folder / "keras211.h5", "r+") as file:
        settings = json.loads(file.attrs["training_config"])
        settings["metrics"] = "accuracy"
        file.attrs["training_config"] = json.dumps(settings)
        file.attrs["keras_version"] = "2.11.0"
    known = {**versions(), "tf_keras": tf_keras.__version__, "h5py": h5py.__version__}
    meta = json.dumps({"script": "make_files.py", "versions": known}, sort_keys=True)
    np.savez_compressed(folder / "results.npz", meta=np.array(meta), **arrays)
    print(meta)


if __name__ == "__main__":
    main()
