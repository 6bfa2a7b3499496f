"""Golden optimizer steps from real Keras: ten steps on fixed gradients.

    python tests/golden/make_optimizers.py [OUT]

The gradients are made by training: one row x [1, k] into Dense(m, no bias) under the mean absolute error with a
target so far away that the sign of the difference is fixed gives the gradient x[i] * sign[j] / m whatever the weights
are. The script checks that train_on_batch and optimizer.apply on those gradients give the same weights.
Rows with "bias" have a second variable, whose gradient is sign[j] / m.
"float64_error" is the distance of Keras's float32 weights from the same steps in float64, as a share of the largest
distance moved.
"""

from __future__ import annotations

from typing import Any

from random_settings import optimizer_rows
from record import keras, np, output_path, save_packed, use_floatx

STEPS, INPUTS, UNITS = 10, 6, 4
FAR = 1e6

EMA = {"ema_momentum": 0.9, "ema_overwrite_frequency": 3}

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
    {"name": "adamw_default", "optimizer": "AdamW", "config": {}},
    {"name": "adamw_decay", "optimizer": "AdamW", "config": {"learning_rate": 0.1, "weight_decay": 0.3}},
    {"name": "sgd_decay", "optimizer": "SGD", "config": {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.5}},
    {"name": "rmsprop_decay", "optimizer": "RMSprop", "config": {"learning_rate": 0.1, "weight_decay": 0.2}},
    *(
        {"name": f"{optimizer.lower()}_{key}", "optimizer": optimizer, "config": {key: limit, "learning_rate": 0.1}}
        for optimizer in ("SGD", "Adam", "RMSprop")
        for key, limit in (("clipnorm", 0.3), ("clipvalue", 0.1), ("global_clipnorm", 0.3))
    ),
    {"name": "sgd_long_clipnorm", "optimizer": "SGD", "config": {"clipnorm": 30.0, "learning_rate": 0.1}},
    {"name": "sgd_long_global_clipnorm", "optimizer": "SGD", "config": {"global_clipnorm": 30.0}},
    {"name": "sgd_ema", "optimizer": "SGD", "config": {"learning_rate": 0.1, "use_ema": True, **EMA}},
    {"name": "adam_ema", "optimizer": "Adam", "config": {"use_ema": True, **EMA, "ema_momentum": 0.6}},
    {"name": "bias_global_clipnorm", "optimizer": "Adam", "bias": True, "config": {"global_clipnorm": 0.3}},
    {"name": "bias_clipnorm", "optimizer": "SGD", "bias": True, "config": {"clipnorm": 0.3, "learning_rate": 0.1}},
    {"name": "bias_decay", "optimizer": "AdamW", "bias": True, "config": {"weight_decay": 0.5}},
    {
        "name": "bias_excluded",
        "optimizer": "AdamW",
        "bias": True,
        "exclude": ["bias", "gamma"],
        "config": {"weight_decay": 0.5, "learning_rate": 0.1},
    },
    *(
        {
            "name": f"{optimizer.lower()}_{schedule}",
            "optimizer": optimizer,
            "schedule": [schedule, config],
            "config": {},
        }
        for optimizer, schedule, config in (
            ("SGD", "ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5}),
            ("Adam", "PiecewiseConstantDecay", {"boundaries": [2, 5], "values": [0.1, 0.01, 0.05]}),
            ("RMSprop", "CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 8}),
        )
    ),
    {
        "name": "adamw_decay_schedule",
        "optimizer": "AdamW",
        "schedule": ["PolynomialDecay", {"initial_learning_rate": 0.2, "decay_steps": 10}],
        "config": {"weight_decay": 0.3},
    },
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


def make_optimizer(row: dict[str, Any]) -> Any:
    """The optimizer of a row."""
    config = dict(row["config"])
    if "schedule" in row:
        name, arguments = row["schedule"]
        config["learning_rate"] = getattr(keras.optimizers.schedules, name)(**arguments)
    optimizer = getattr(keras.optimizers, row["optimizer"])(**config)
    if "exclude" in row:
        optimizer.exclude_from_weight_decay(var_names=row["exclude"])
    return optimizer


def apply_steps(row: dict[str, Any], gradients: np.ndarray, signs: np.ndarray, start: np.ndarray, floatx: str) -> Any:
    """Weights after each step [steps, k (+ 1 with bias), m], by optimizer.apply."""
    use_floatx(floatx)
    variables = [keras.Variable(start.astype(floatx), dtype=floatx, name="kernel")]
    if row.get("bias"):
        variables.append(keras.Variable(np.zeros(UNITS, floatx), dtype=floatx, name="bias"))
    optimizer = make_optimizer(row)
    optimizer.build(variables)
    weights = []
    for gradient, sign in zip(gradients, signs, strict=True):
        both = [gradient, sign / UNITS][: len(variables)]
        optimizer.apply([keras.ops.convert_to_tensor(g.astype(floatx)) for g in both], variables)
        weights.append(np.vstack([variable.numpy() for variable in variables]))
    return np.stack(weights)


def train_steps(row: dict[str, Any], x: np.ndarray, signs: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The same by train_on_batch."""
    use_floatx("float32")
    bias = bool(row.get("bias"))
    model = keras.Sequential([keras.layers.Input((INPUTS,)), keras.layers.Dense(UNITS, use_bias=bias)])
    model.set_weights([start, np.zeros(UNITS)][: 1 + bias])
    compiled = False if row.get("random") else "auto"  # compiling takes longer than ten steps
    model.compile(optimizer=make_optimizer(row), loss="mean_absolute_error", jit_compile=compiled)
    weights = []
    for values, sign in zip(x, signs, strict=True):
        model.train_on_batch(values[None], -FAR * sign[None])
        weights.append(np.vstack(model.get_weights()))
    return np.stack(weights)


def begin(row: dict[str, Any], start: np.ndarray) -> np.ndarray:
    """The weights before the first step, laid out as those behind it."""
    return np.vstack([start, np.zeros((1, UNITS))]) if row.get("bias") else start


def main() -> None:
    """Make every case and write the file."""
    x, signs, start = fixed_steps()
    gradients = x[:, :, None] * signs[:, None, :] / np.float32(UNITS)
    arrays = {"x": x, "signs": signs, "start": start, "gradients": gradients}
    rows = CASES + optimizer_rows()
    for row in rows:
        weights, exact = (apply_steps(row, gradients, signs, start, floatx) for floatx in ("float32", "float64"))
        trained = train_steps(row, x, signs, start)
        moved = np.abs(exact - begin(row, start)).max()
        row["float64_error"] = float(np.abs(weights - exact).max() / moved)
        row["train_error"] = float(np.abs(weights - trained).max() / moved)
        assert row["train_error"] < 1e-5, row
        print(row)
        arrays[f"{row['name']}/weights"] = weights
    save_packed(output_path("optimizers.npz"), "make_optimizers.py", rows, arrays)


if __name__ == "__main__":
    main()
