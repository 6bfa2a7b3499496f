"""Golden model files of real Keras 3 and tf-keras under mixed_bfloat16, and what Keras says of its policies.

    python tests/golden/make_mixed_precision.py [OUT]

Writes mixed_precision.zip: `keras3.keras`, `keras3.h5` and `keras2.h5`, a network whose last layer is float32; and
results.npz with its weights, its predictions as Keras computes them and, as the JSON string "meta", the versions and
the policy of each layer.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tf_keras
from record import keras, np, output_path, versions

IMAGE, CLASSES = (10, 10, 8), 4


def network(program: Any, mixed_precision: Any) -> Any:
    """A model made under the policy, but for its last layer."""
    make = program.layers
    mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = program.Sequential(
            [
                make.InputLayer(IMAGE),
                make.Conv2D(16, 3, padding="same", activation="relu", name="first"),
                make.BatchNormalization(name="normal"),
                make.Conv2D(16, 3, strides=2, name="second"),
                make.Flatten(name="flat"),
                make.Dense(CLASSES, name="scores"),
                make.Activation("softmax", dtype="float32", name="probabilities"),
            ],
            name="mixed",
        )
    finally:
        mixed_precision.set_global_policy("float32")
    random = np.random.default_rng(4)
    model.set_weights([random.uniform(0.1, 0.4, w.shape).astype(np.float32) for w in model.get_weights()])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def policy_name(layer: Any) -> str:
    """Of Keras 3 and of Keras 2."""
    policy = getattr(layer, "dtype_policy", None) or layer._dtype_policy
    return str(policy.name)


def main() -> None:
    """Make, save, compute."""
    x = np.random.default_rng(3).normal(size=(6, *IMAGE)).astype(np.float32)
    arrays: dict[str, Any] = {"x": x}
    path = output_path("mixed_precision.zip")
    with TemporaryDirectory() as folder, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        policies = {}
        for name, program in (("keras3", keras), ("keras2", tf_keras)):
            model = network(program, program.mixed_precision)
            policies[name] = {layer.name: policy_name(layer) for layer in model.layers}
            arrays[f"{name}/predict"] = np.asarray(model.predict(x, verbose=0), np.float32)
            for i, weight in enumerate(model.get_weights()):
                arrays[f"{name}/weights/{i}"] = weight
            for ending in (".keras", ".h5") if name == "keras3" else (".h5",):
                file = Path(folder) / (name + ending)
                model.save(file)
                packed.write(file, file.name)
        arrays["meta"] = np.array(json.dumps({"versions": versions(), "policies": policies}, sort_keys=True))
        results = Path(folder) / "results.npz"
        np.savez_compressed(results, **arrays)
        packed.write(results, results.name)
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
