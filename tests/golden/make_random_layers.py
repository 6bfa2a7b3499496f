"""Golden outputs and gradients of layers in random configurations, from real Keras.

    python tests/golden/make_random_layers.py [OUT]

The configurations come from random_configurations.py. For each: inputs, the weights and R, whole multiples of the
row's "unit" (kept as those int8 numbers); the output in inference mode; and of a training step with the loss
sum(y * R) / rows + penalties the gradients by inputs and weights and the weights that the layer itself moves. With so
few bits, products and sums have no rounding, so that maxima tie, and relu meets 0, in all programs alike.
"float64_error" is how far Keras's float32 numbers lie from its float64 ones, as a share of the largest value.
"""

from __future__ import annotations

import zlib
from typing import Any

from random_configurations import layer_rows, made
from record import keras, np, output_path, save_packed, tf, use_floatx

Arrays = dict[str, np.ndarray]


def given_of(row: dict[str, Any]) -> Arrays:
    """Inputs, weights and R as int8; notes the shapes of the output and the weights in the row."""
    random = np.random.RandomState(zlib.crc32(f"values of {row['name']}".encode()))
    layer = made(keras, row)
    y = layer(_one_or_list([keras.Input(shape[1:], batch_size=shape[0]) for shape in row["shapes"]]))
    row["output_shape"] = list(y.shape)
    row["weights"] = [w.name for w in layer.weights]
    shapes = {f"x{i}": shape for i, shape in enumerate(row["shapes"])}
    shapes |= {"r": y.shape, **{f"weight_{w.name}": w.shape for w in layer.weights}}
    given = {key: random.randint(-64, 65, tuple(shape)).astype(np.int8) for key, shape in shapes.items()}
    if row.get("distinct"):
        n, h, w, c = row["shapes"][0]
        maps = [random.permutation(129)[: h * w].reshape(h, w) - 64 for _ in range(n * c)]
        given["x0"] = np.stack(maps).reshape(n, c, h, w).transpose(0, 2, 3, 1).astype(np.int8)
    if "weight_moving_variance" in given:
        given["weight_moving_variance"] = np.abs(given["weight_moving_variance"]) // 2 + np.int8(16)
    return given


def _one_or_list(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def run(row: dict[str, Any], given: Arrays, floatx: str) -> Arrays:
    """Every number that the test compares, in `floatx`."""
    use_floatx(floatx)
    unit = row.get("unit", 1 / 32)
    inputs = [tf.constant((given[f"x{i}"] * unit).astype(floatx)) for i in range(len(row["shapes"]))]
    layer = made(keras, row)
    layer(_one_or_list(inputs))  # makes its weights
    layer.set_weights([(given[f"weight_{name}"] / 32).astype(floatx) for name in row["weights"]])
    result = {"y": layer(_one_or_list(inputs), training=False).numpy()}
    if row["layer"] == "Dropout":
        kept = layer(tf.ones_like(inputs[0]), training=True).numpy()
        return {**result, "factors": np.unique(kept)}
    layer._clear_losses()  # the activity's, of the calls above
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = layer(_one_or_list(inputs), training=True)
        total = tf.reduce_sum(y * (given["r"] / 32).astype(floatx)) / y.shape[0] + sum(layer.losses)
    trained = layer.trainable_variables
    gradients = tape.gradient(total, [*inputs, *(v.value for v in trained)])
    names = [*(f"dx{i}" for i in range(len(inputs))), *(f"d{v.name}" for v in trained)]
    result |= {name: gradient.numpy() for name, gradient in zip(names, gradients, strict=True)}
    moved = [w for w in layer.weights if w.name.startswith("moving")]
    return result | {f"after_{w.name}": w.numpy() for w in moved}


def main() -> None:
    """Make every case and write the file."""
    arrays: Arrays = {}
    rows = layer_rows()
    for row in rows:
        given = given_of(row)
        result, exact = run(row, given, "float32"), run(row, given, "float64")
        errors = [np.abs(result[k] - exact[k]).max() / max(np.abs(exact[k]).max(), 1e-30) for k in result]
        row["float64_error"] = float(max(errors))
        arrays |= {f"{row['name']}/{key}": value for key, value in {**given, **result}.items()}
    for row in sorted(rows, key=lambda row: -row["float64_error"])[:8]:
        print(f"float32 against float64: {row['float64_error']:.3g} {row['name']} {row['config']}")
    save_packed(output_path("random_layers.npz"), "make_random_layers.py", rows, arrays)


if __name__ == "__main__":
    main()
