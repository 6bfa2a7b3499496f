"""Golden losses, gradients, accuracies and epoch logs from real Keras.

    python tests/golden/make_losses.py [OUT]

A "step" case is one train_on_batch of a tiny model with SGD(learning_rate=1): its loss and accuracy, and the weights
after it, so that before - after is the gradient. A "fit" case is a whole fit: its history, the weights at its end,
and evaluate(). "float64_error" is the distance of Keras's float32 numbers from Keras's float64 ones, as a share of
the largest value.
"""

from __future__ import annotations

import zlib
from typing import Any

import networks
from networks import FLATTEN, conv, dense
from record import keras, np, output_path, save_arrays, use_floatx

Arrays = dict[str, np.ndarray]
SOFTMAX = [dense(4, "softmax")]
SIGMOID = [dense(3, "sigmoid")]
SPARSE, CATEGORICAL = "sparse_categorical_crossentropy", "categorical_crossentropy"
BINARY, SQUARED, ABSOLUTE = "binary_crossentropy", "mean_squared_error", "mean_absolute_error"


def step(name: str, layers: Any, loss: Any, labels: str, **options: Any) -> dict[str, Any]:
    """One row: `labels` is a rule of `labels_of`; options: rows, scale (of x), weighted, class_weight, accuracy, ..."""
    row = {"name": name, "kind": "step", "layers": layers, "loss": loss, "labels": labels, "rows": 6, "scale": 1.0}
    return {**row, "input_shape": [5], "accuracy": False, "weighted": False, "class_weight": None, **options}


def softmax_steps() -> list[dict[str, Any]]:
    """Softmax heads: the logits are recovered."""
    weights = {"0": 0.5, "1": 2.0, "2": 1.0, "3": 3.0}
    hidden = [dense(7, "relu"), dense(4, "softmax")]
    separate = [dense(4), ("Activation", {"activation": "softmax"})]
    return [
        step("sparse", SOFTMAX, SPARSE, "sparse", accuracy=True),
        step("sparse_column", SOFTMAX, SPARSE, "sparse_column", accuracy=True),
        step("sparse_one_row", SOFTMAX, SPARSE, "sparse", rows=1),
        step("sparse_weighted", SOFTMAX, SPARSE, "sparse", weighted=True, accuracy=True),
        step("sparse_class_weight", SOFTMAX, SPARSE, "sparse", class_weight=weights, accuracy=True),
        step("sparse_large_logits", SOFTMAX, SPARSE, "sparse", scale=60.0),
        step("sparse_hidden", hidden, SPARSE, "sparse", accuracy=True),
        step("sparse_activation_layer", separate, SPARSE, "sparse", scale=30.0),
        step("categorical", SOFTMAX, CATEGORICAL, "one_hot", accuracy=True),
        step("categorical_soft", SOFTMAX, CATEGORICAL, "soft", accuracy=True),
        step("categorical_weighted", SOFTMAX, CATEGORICAL, "one_hot", weighted=True),
        step("categorical_class_weight", SOFTMAX, CATEGORICAL, "one_hot", class_weight=weights),
        step("categorical_large_logits", SOFTMAX, CATEGORICAL, "one_hot", scale=60.0),
        step("softmax_squared", SOFTMAX, SQUARED, "one_hot"),
    ]


def sigmoid_steps() -> list[dict[str, Any]]:
    """Sigmoid heads: the logits are recovered, for the categorical losses too."""
    one = [dense(1, "sigmoid")]
    return [
        step("binary", one, BINARY, "binary", accuracy=True),
        step("binary_column", one, BINARY, "binary_column", accuracy=True),
        step("binary_many", SIGMOID, BINARY, "many", accuracy=True),
        step("binary_weighted", SIGMOID, BINARY, "many", weighted=True),
        step("binary_class_weight", one, BINARY, "binary", class_weight={"0": 0.5, "1": 3.0}),
        step("binary_large_logits", SIGMOID, BINARY, "many", scale=60.0),
        step("sigmoid_sparse", SIGMOID, SPARSE, "sparse", scale=4.0),
        step("sigmoid_categorical", SIGMOID, CATEGORICAL, "one_hot", scale=4.0),
        step("sigmoid_squared", SIGMOID, SQUARED, "real"),
    ]


def foreign_steps() -> list[dict[str, Any]]:
    """Outputs that are no softmax or sigmoid: probabilities clipped and normalized; and losses given logits."""
    positive, linear, some = [dense(4, "softplus")], [dense(4)], [dense(4, "relu")]
    return [
        step("foreign_sparse", positive, SPARSE, "sparse", accuracy=True),
        step("foreign_sparse_weighted", positive, SPARSE, "sparse", weighted=True),
        step("foreign_sparse_relu", some, SPARSE, "sparse"),
        step("foreign_sparse_linear", linear, SPARSE, "sparse"),
        step("foreign_categorical", positive, CATEGORICAL, "one_hot", accuracy=True),
        step("foreign_categorical_weighted", positive, CATEGORICAL, "soft", weighted=True),
        step("foreign_binary", [dense(3)], BINARY, "many", scale=0.4),
        step("foreign_binary_softplus", [dense(3, "softplus")], BINARY, "many", weighted=True),
        step("logits_sparse", linear, ["SparseCategoricalCrossentropy", {"from_logits": True}], "sparse", scale=8.0),
        step("logits_categorical", linear, ["CategoricalCrossentropy", {"from_logits": True}], "one_hot", scale=8.0),
        step("logits_binary", [dense(3)], ["BinaryCrossentropy", {"from_logits": True}], "many", scale=8.0),
        step("object_sparse", SOFTMAX, ["SparseCategoricalCrossentropy", {}], "sparse"),
    ]


def regression_steps() -> list[dict[str, Any]]:
    """Squared and absolute errors, and each regularizer alone."""
    regularized = {
        "kernel_l1": {"kernel_regularizer": ["l1", {"l1": 0.02}]},
        "kernel_l2": {"kernel_regularizer": ["l2", {"l2": 0.03}]},
        "kernel_l1_l2": {"kernel_regularizer": ["l1_l2", {"l1": 0.02, "l2": 0.03}]},
        "bias_l2": {"bias_regularizer": ["l2", {"l2": 0.5}]},
        "activity_l1": {"activity_regularizer": ["l1", {"l1": 0.05}]},
        "activity_l2": {"activity_regularizer": ["l2", {"l2": 0.05}]},
    }
    steps = [
        step("squared", [dense(3)], SQUARED, "real"),
        step("squared_alias", [dense(3)], "mse", "real"),
        step("squared_weighted", [dense(3)], SQUARED, "real", weighted=True),
        step("squared_one_unit", [dense(1)], SQUARED, "real_vector"),
        step("squared_images", [conv(2)], SQUARED, "real", input_shape=[5, 6, 2], rows=3),
        step("absolute", [dense(3)], ABSOLUTE, "real"),
        step("absolute_alias", [dense(3)], "mae", "real"),
        step("absolute_weighted", [dense(3)], ABSOLUTE, "real", weighted=True),
        step("absolute_no_difference", [dense(3, "relu")], ABSOLUTE, "zeros"),
    ]
    for name, config in regularized.items():
        layers = [dense(6, "relu", **config), dense(4, "softmax")]
        steps.append(step(f"regularizer_{name}", layers, SPARSE, "sparse", weighted=True))
    convolution = conv(3, "relu", activity_regularizer=["l2", {"l2": 0.1}], kernel_regularizer=["l2", {"l2": 0.1}])
    steps.append(
        step("regularizer_conv2d", [convolution, FLATTEN, dense(4, "softmax")], SPARSE, "sparse", input_shape=[5, 4, 2])
    )
    return steps


def fit_cases() -> list[dict[str, Any]]:
    """Whole fits of ten rows in batches of four: the last batch has two rows (or one, of nine)."""
    plain = [dense(6, "relu"), dense(4, "softmax")]
    rules = {"kernel_regularizer": ["l2", {"l2": 0.05}], "activity_regularizer": ["l1", {"l1": 0.02}]}
    regularized = [dense(6, "relu", bias_regularizer=["l1", {"l1": 0.1}], **rules), dense(4, "softmax")]
    relu = ("Activation", {"activation": "relu"})
    norm = [dense(6, use_bias=False), ("BatchNormalization", {}), relu, dense(4, "softmax")]

    def fit(name: str, layers: Any, **options: Any) -> dict[str, Any]:
        row = step(f"fit_{name}", layers, SPARSE, "sparse", rows=10, accuracy=True)
        more = {
            "kind": "fit",
            "batch": 4,
            "epochs": 3,
            "validation_rows": 7,
            "validation_weighted": False,
            "split": 0.0,
        }
        return {**row, **more, **options}

    return [
        fit("partial_batch", plain),
        fit("no_validation", plain, validation_rows=0),
        fit("sample_weight", plain, weighted=True),
        fit("sample_weight_both", plain, weighted=True, validation_weighted=True),
        fit("class_weight", plain, class_weight={"0": 0.5, "1": 2.0, "2": 1.0, "3": 3.0}),
        fit("regularizers", regularized),
        fit("regularizers_weighted", regularized, weighted=True, validation_weighted=True),
        fit("batch_norm_last_row", norm, rows=9),
        fit("split", plain, validation_rows=0, split=0.25, rows=13),
        fit("split_weighted", plain, validation_rows=0, split=0.25, rows=13, weighted=True),
        fit("squared", [dense(6, "tanh"), dense(3)], loss=SQUARED, labels="real", accuracy=False),
        fit("categorical", plain, loss=CATEGORICAL, labels="one_hot"),
        fit("binary", [dense(6, "tanh"), dense(3, "sigmoid")], loss=BINARY, labels="many"),
    ]


def labels_of(rule: str, shape: tuple[int, ...], random: np.random.RandomState) -> np.ndarray:
    """Labels for outputs of `shape` [rows, ..., classes]."""
    rows, classes = shape[0], shape[-1]
    if rule in ("sparse", "sparse_column"):
        labels = random.randint(0, classes, shape[:-1]).astype(np.uint8)
        return labels[..., None] if rule == "sparse_column" else labels
    if rule == "one_hot":
        return np.eye(classes, dtype=np.float32)[random.randint(0, classes, shape[:-1])]
    if rule == "soft":
        values = random.uniform(0.1, 1.0, shape)
        return (values / values.sum(axis=-1, keepdims=True)).astype(np.float32)
    if rule in ("binary", "binary_column"):
        labels = random.randint(0, 2, rows).astype(np.float32)
        return labels[:, None] if rule == "binary_column" else labels
    if rule == "many":
        return random.randint(0, 2, shape).astype(np.float32)
    if rule == "zeros":
        return np.zeros(shape, np.float32)
    return random.standard_normal(rows if rule == "real_vector" else shape).astype(np.float32)


def given_of(row: dict[str, Any]) -> tuple[Arrays, list[np.ndarray]]:
    """Data and initial weights of a case, from a generator seeded by its name."""
    random = np.random.RandomState(zlib.crc32(row["name"].encode()))
    use_floatx("float32")
    model = networks.build(keras, row["layers"], row["input_shape"])
    weights = networks.random_weights([tuple(w.shape) for w in model.weights], random.randint(1000))
    for index, variable in enumerate(model.weights):
        if variable.name in ("gamma", "moving_variance"):
            weights[index] = np.abs(weights[index]) + np.float32(0.5)
    given: Arrays = {}
    parts = [("", row["rows"], row["weighted"])]
    if row.get("validation_rows"):
        parts.append(("validation_", row["validation_rows"], row["validation_weighted"]))
    for prefix, rows, weighted in parts:
        given[prefix + "x"] = (row["scale"] * random.standard_normal((rows, *row["input_shape"]))).astype(np.float32)
        shape = (rows, *model.output_shape[1:])
        given[prefix + "y"] = labels_of(row["labels"], shape, random)
        if weighted:
            given[prefix + "w"] = random.uniform(0.0, 3.0, rows).astype(np.float32)
    return given, weights


def run(row: dict[str, Any], given: Arrays, weights: list[np.ndarray], floatx: str) -> Arrays:
    """Train with Keras in `floatx`; every number that the test compares, by name."""
    use_floatx(floatx)
    cast = {k: v.astype(floatx) if v.dtype == np.float32 else v for k, v in given.items()}
    model = networks.build(keras, row["layers"], row["input_shape"])
    model.set_weights(weights)
    loss = row["loss"] if isinstance(row["loss"], str) else getattr(keras.losses, row["loss"][0])(**row["loss"][1])
    rate = 1.0 if row["kind"] == "step" else 0.1
    metrics = ["accuracy"] if row["accuracy"] else None
    compiled = False if row.get("random") else "auto"  # compiling takes longer than the step
    model.compile(keras.optimizers.SGD(learning_rate=rate), loss, metrics=metrics, jit_compile=compiled)
    class_weight = {int(k): v for k, v in row["class_weight"].items()} if row["class_weight"] else None
    x, y, w = cast["x"], cast["y"], cast.get("w")
    result: Arrays = {}
    if row["kind"] == "step":
        logs = model.train_on_batch(x, y, sample_weight=w, class_weight=class_weight, return_dict=True)
        result.update({key: np.float64(value) for key, value in logs.items()})
    else:
        options = {
            "sample_weight": w,
            "class_weight": class_weight,
            "epochs": row["epochs"],
            "validation_split": row["split"],
        }
        if "validation_x" in cast:
            options["validation_data"] = tuple(cast[f"validation_{k}"] for k in "xyw" if f"validation_{k}" in cast)
        history = model.fit(x, y, batch_size=row["batch"], shuffle=False, verbose=0, **options)
        result.update({f"history_{key}": np.float64(value) for key, value in history.history.items()})
        evaluated = model.evaluate(x, y, sample_weight=w, batch_size=row["batch"], verbose=0)
        result["evaluate"] = np.float64(evaluated)
    result.update({f"after{index}": value for index, value in enumerate(model.get_weights())})
    return result


def arrays_of(cases: list[dict[str, Any]]) -> Arrays:
    """Run every case: its arrays by "case name/array name", and "float64_error" into the case."""
    arrays: Arrays = {}
    for row in cases:
        given, weights = given_of(row)
        result, exact = run(row, given, weights, "float32"), run(row, given, weights, "float64")
        before = {f"after{index}": value for index, value in enumerate(weights)}
        errors = {}
        for key, value in result.items():
            start = before.get(key, 0.0)
            errors[key] = np.abs(value - exact[key]).max() / max(np.abs(exact[key] - start).max(), 1e-30)
            arrays[f"{row['name']}/{key}"] = value
        row["float64_error"] = float(max(errors.values()))
        print(f"{row['name']:32} {row['float64_error']:.2e} {max(errors, key=errors.__getitem__)}")
        arrays.update({f"{row['name']}/before{index}": value for index, value in enumerate(weights)})
        arrays.update({f"{row['name']}/{key}": value for key, value in given.items()})
    return arrays


def main() -> None:
    """Make every case and write the file."""
    cases = softmax_steps() + sigmoid_steps() + foreign_steps() + regression_steps() + fit_cases()
    arrays = arrays_of(cases)
    save_arrays(output_path("losses.npz"), "make_losses.py", cases, arrays)


if __name__ == "__main__":
    main()
