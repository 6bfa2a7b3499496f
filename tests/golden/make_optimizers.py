"""Golden optimizer steps from real Keras: ten steps on fixed gradients.

    python tests/golden/make_optimizers.py [OUT]

The gradients are made by training: one row x [1, k] into Dense(m, no bias) under the mean absolute error with a
target so far away that the sign of the difference is fixed gives the gradient x[i] * sign[j] / m whatever the weights
are. The script checks that train_on_batch and optimizer.apply on those gradients give the same weights.
"float64_error" is the distance of Keras's float32 weights from the same steps in float64, as a share of the largest
distance moved.
"""

from __future__ import annotations

from typing import Any

from record import keras, np, output_path, save_arrays, use_floatx

STEPS, INPUTS, UNITS = 10, 6, 4
FAR = 1e6

CASES: list[dict[str, Any]] = [
    {"name": "sgd_default", "optimizer": "SGD", "config": {}},
    {"name": "sgd_rate", "optimizer": "SGD", "config": {"learning_rate": 0.1}},
    {"name": "sgd_momentum", "optimizer": "SGD", "config": {"learning_rate": 0.05, "momentum": 0.9}},
    {"name": "sgd_nesterov", "optimizer": "SGD", "config": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}},
    {"name": "sgd_nesterov_no_momentum", "optimizer": "SGD", "config": {"learning_rate": 0.05, "nesterov": True}},
    {"name": "adam_default", "optimizer": "Adam", "config": {}},
    {"name": "adam_betas", "optimizer": "Adam", "config": {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.99}},
    {"name": "adam_epsilon", "optimizer": "Adam", "config": {"learning_rate": 0.01, "epsilon": 1e-2}},
    {"name": "rmsprop_default", "optimizer": "RMSprop", "config": {}},
    {
        "name": "rmsprop_rho_epsilon",
        "optimizer": "RMSprop",
        "config": {"learning_rate": 0.01, "rho": 0.8, "epsilon": 1e-2},
    },
    {"name": "rmsprop_momentum", "optimizer": "RMSprop", "config": {"learning_rate": 0.01, "momentum": 0.9}},
]


def fixed_steps() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x [steps, k], signs [steps, m] and the weights at the start [k, m].

    Column 0 of x is always 0 (a gradient of zero moves nothing but decaying momentum), column 1 becomes 0 half way,
    and column 2 is as small as Adam's epsilon.
    """
    random = np.random.RandomState(7)
    x = random.standard_normal((STEPS, INPUTS)).astype(np.float32)
    x[:, 0] = 0.0
    x[STEPS // 2 :, 1] = 0.0
    x[:, 2] *= np.float32(1e-7)
    signs = random.choice([-1.0, 1.0], (STEPS, UNITS)).astype(np.float32)
    start = 0.01 * random.standard_normal((INPUTS, UNITS))  # small, so that their last bits do not hide the steps
    return x, signs, start.astype(np.float32)


def apply_steps(row: dict[str, Any], gradients: np.ndarray, start: np.ndarray, floatx: str) -> np.ndarray:
    """Weights after each step [steps, k, m], by optimizer.apply."""
    use_floatx(floatx)
    variable = keras.Variable(start.astype(floatx), dtype=floatx)
    optimizer = getattr(keras.optimizers, row["optimizer"])(**row["config"])
    optimizer.build([variable])
    weights = []
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient.astype(floatx))], [variable])
        weights.append(variable.numpy().copy())
    return np.stack(weights)


def train_steps(row: dict[str, Any], x: np.ndarray, signs: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The same by train_on_batch."""
    use_floatx("float32")
    model = keras.Sequential([keras.layers.Input((INPUTS,)), keras.layers.Dense(UNITS, use_bias=False)])
    model.set_weights([start])
    model.compile(optimizer=getattr(keras.optimizers, row["optimizer"])(**row["config"]), loss="mean_absolute_error")
    weights = []
    for values, sign in zip(x, signs, strict=True):
        model.train_on_batch(values[None], -FAR * sign[None])
        weights.append(model.get_weights()[0].copy())
    return np.stack(weights)


def main() -> None:
    """Make every case and write the file."""
    x, signs, start = fixed_steps()
    gradients = x[:, :, None] * signs[:, None, :] / np.float32(UNITS)
    arrays = {"x": x, "signs": signs, "start": start, "gradients": gradients}
    for row in CASES:
        weights, exact = (apply_steps(row, gradients, start, floatx) for floatx in ("float32", "float64"))
        trained = train_steps(row, x, signs, start)
        moved = np.abs(exact - start).max()
        row["float64_error"] = float(np.abs(weights - exact).max() / moved)
        row["train_error"] = float(np.abs(weights - trained).max() / moved)
        assert row["train_error"] < 1e-5, row
        print(row)
        arrays[f"{row['name']}/weights"] = weights
    save_arrays(output_path("optimizers.npz"), "make_optimizers.py", CASES, arrays)


if __name__ == "__main__":
    main()
