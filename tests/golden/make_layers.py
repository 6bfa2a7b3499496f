"""Golden outputs and gradients of every layer, from real Keras.

    python tests/golden/make_layers.py [OUT]

For each case: x, the weights, R, y = layer(x), and the gradients of sum(y * R). "float64_error" is how far Keras's
float32 numbers lie from Keras's own float64 ones, as a share of the largest value: it is the scale for the tests'
tolerance.
"""

from __future__ import annotations

import zlib
from typing import Any

from record import keras, np, output_path, save_arrays, tf

Arrays = dict[str, np.ndarray]
ACTIVATIONS = ["linear", "relu", "sigmoid", "tanh", "softmax", "elu", "leaky_relu", "gelu", "silu", "softplus"]


def case(name: str, layer: str, input_shape: tuple[int, ...], values: str = "normal", **config: Any) -> dict[str, Any]:
    """One row of the table; `values` says what x is made of ("integers": small ones, so that windows have ties)."""
    return {"name": name, "layer": layer, "input_shape": list(input_shape), "values": values, "config": config}


def conv_cases() -> list[dict[str, Any]]:
    """Conv2D: paddings, strides, dilation, groups, even and one-sided kernels, one row and one column, activations."""

    def conv(name: str, shape: tuple[int, ...], **config: Any) -> dict[str, Any]:
        return case(f"conv2d_{name}", "Conv2D", shape, **config)

    return [
        conv("valid", (2, 7, 6, 3), filters=4, kernel_size=3),
        conv("same", (2, 7, 6, 3), filters=4, kernel_size=3, padding="same"),
        conv("no_bias", (2, 6, 6, 2), filters=3, kernel_size=3, use_bias=False),
        conv("one_by_one", (2, 5, 4, 3), filters=5, kernel_size=1),
        conv("five_by_five", (1, 9, 8, 2), filters=3, kernel_size=5, padding="same"),
        conv("even_valid", (2, 6, 5, 2), filters=3, kernel_size=2),
        conv("even_same", (2, 6, 5, 2), filters=3, kernel_size=[4, 2], padding="same"),
        conv("rectangle", (2, 6, 7, 2), filters=3, kernel_size=[1, 3]),
        conv("whole_input", (2, 5, 4, 2), filters=3, kernel_size=[5, 4]),
        conv("strides_valid", (2, 9, 8, 2), filters=3, kernel_size=3, strides=2),
        conv("strides_same_even_input", (2, 8, 6, 2), filters=3, kernel_size=3, strides=2, padding="same"),
        conv("strides_same_odd_input", (2, 7, 9, 2), filters=3, kernel_size=3, strides=[2, 3], padding="same"),
        conv("strides_over_kernel", (2, 9, 9, 2), filters=3, kernel_size=2, strides=3, padding="same"),
        conv("dilation_valid", (2, 9, 8, 2), filters=3, kernel_size=3, dilation_rate=2),
        conv("dilation_same", (2, 7, 8, 2), filters=3, kernel_size=3, dilation_rate=[2, 3], padding="same"),
        conv("groups", (2, 6, 5, 4), filters=6, kernel_size=3, groups=2),
        conv("groups_strides_same", (2, 6, 5, 6), filters=6, kernel_size=3, groups=3, strides=2, padding="same"),
        conv("depthwise", (2, 6, 5, 4), filters=4, kernel_size=3, groups=4, padding="same"),
        conv("depthwise_multiplier", (2, 6, 5, 3), filters=6, kernel_size=3, groups=3),
        conv("relu", (2, 6, 5, 2), filters=4, kernel_size=3, activation="relu"),
        conv("tanh", (2, 6, 5, 2), filters=4, kernel_size=3, activation="tanh", padding="same"),
        conv("softmax", (2, 5, 5, 2), filters=4, kernel_size=3, activation="softmax"),
        conv("one_image", (1, 28, 28, 1), filters=2, kernel_size=3, activation="relu"),
        conv("odd_sizes", (3, 11, 13, 3), filters=5, kernel_size=3, padding="same", activation="relu"),
    ]


def pool_cases() -> list[dict[str, Any]]:
    """Both pools: paddings, strides, overlapping and gapped windows, ties."""
    cases = []
    for layer, stem in (("MaxPooling2D", "max_pool2d"), ("AveragePooling2D", "avg_pool2d")):
        cases += [
            case(f"{stem}_basic", layer, (2, 6, 8, 3), pool_size=2),
            case(f"{stem}_valid_floor", layer, (2, 7, 5, 3), pool_size=2),
            case(f"{stem}_same_odd", layer, (2, 7, 5, 3), pool_size=2, padding="same"),
            case(f"{stem}_overlap_valid", layer, (2, 7, 6, 2), pool_size=3, strides=2),
            case(f"{stem}_overlap_same", layer, (2, 6, 7, 2), pool_size=3, strides=2, padding="same"),
            case(f"{stem}_stride_one_same", layer, (2, 5, 4, 2), pool_size=[2, 3], strides=1, padding="same"),
            case(f"{stem}_gap", layer, (2, 8, 9, 2), pool_size=2, strides=3),
            case(f"{stem}_ties", layer, (2, 6, 6, 2), values="integers", pool_size=3, strides=2, padding="same"),
        ]
    return cases


def other_cases() -> list[dict[str, Any]]:
    """Dense with every activation, Flatten, Activation, Dropout, BatchNormalization."""
    cases = [case(f"dense_{f}", "Dense", (5, 7), units=6, activation=f) for f in ACTIVATIONS]
    cases += [case(f"activation_{f}", "Activation", (2, 3, 4, 3), activation=f) for f in ACTIVATIONS]
    cases += [
        case("dense_no_bias", "Dense", (3, 11), units=4, use_bias=False),
        case("dense_one_row", "Dense", (1, 133), units=3, activation="relu"),
        case("flatten", "Flatten", (2, 3, 4, 2)),
        case("dropout_rate_0", "Dropout", (3, 5), rate=0.0),
        case("batch_norm_rank2", "BatchNormalization", (6, 5)),
        case("batch_norm_rank4", "BatchNormalization", (3, 4, 5, 2)),
        case("batch_norm_momentum_epsilon", "BatchNormalization", (4, 3, 3, 2), momentum=0.9, epsilon=1e-5),
        case("batch_norm_no_scale", "BatchNormalization", (6, 4), scale=False),
        case("batch_norm_no_center", "BatchNormalization", (6, 4), center=False),
    ]
    return cases


def values_of(row: dict[str, Any]) -> tuple[Arrays, list[np.ndarray]]:
    """x, R and the layer's weights, all float32, from a generator seeded by the case's name."""
    random = np.random.RandomState(zlib.crc32(row["name"].encode()))
    shape = tuple(row["input_shape"])
    if row["values"] == "integers":
        x = random.randint(0, 3, shape).astype(np.float32)
    else:
        x = (1.5 * random.standard_normal(shape)).astype(np.float32)
    layer = getattr(keras.layers, row["layer"])(**row["config"])
    layer.build(shape)
    weights = [random.standard_normal(tuple(w.shape)).astype(np.float32) * np.float32(0.5) for w in layer.weights]
    if row["layer"] == "BatchNormalization":
        weights[-1] = np.abs(weights[-1]) + np.float32(0.5)  # the moving variance
    r = random.standard_normal(layer.compute_output_shape(shape)).astype(np.float32)
    return {"x": x, "r": r}, weights


def run(row: dict[str, Any], given: Arrays, weights: list[np.ndarray], dtype: str) -> Arrays:
    """Output and gradients of sum(y * R) in `dtype`."""
    layer = getattr(keras.layers, row["layer"])(**row["config"], dtype=dtype)
    layer.build(given["x"].shape)
    layer.set_weights(weights)
    x, r = (tf.constant(given[k].astype(dtype)) for k in ("x", "r"))
    training = row["layer"] == "BatchNormalization"
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=training)
        total = tf.reduce_sum(y * r)
    variables = [v.value for v in layer.trainable_variables]
    gradients = tape.gradient(total, [x, *variables])
    result = {"y": y.numpy(), "dx": gradients[0].numpy()}
    for variable, gradient in zip(layer.trainable_variables, gradients[1:], strict=True):
        result[f"d{variable.name}"] = gradient.numpy()
    if training:
        result["moving_mean_after"], result["moving_variance_after"] = (w.copy() for w in layer.get_weights()[-2:])
        layer.set_weights(weights)
        result["y_inference"] = layer(x, training=False).numpy()
    return result


def main() -> None:
    """Make every case and write the file."""
    arrays: Arrays = {}
    cases = conv_cases() + pool_cases() + other_cases()
    for row in cases:
        given, weights = values_of(row)
        result = run(row, given, weights, "float32")
        exact = run(row, given, weights, "float64")
        errors = [np.abs(result[k] - exact[k]).max() / max(np.abs(exact[k]).max(), 1e-30) for k in result]
        row["float64_error"] = float(max(errors))
        row["weights"] = len(weights)
        for index, weight in enumerate(weights):
            arrays[f"{row['name']}/weight{index}"] = weight
        for key, value in {**given, **result}.items():
            arrays[f"{row['name']}/{key}"] = value
    worst = max(cases, key=lambda row: row["float64_error"])
    print(f"float32 against float64, worst: {worst['name']} {worst['float64_error']:.3g}")
    save_arrays(output_path("layers.npz"), "make_layers.py", cases, arrays)


if __name__ == "__main__":
    main()
