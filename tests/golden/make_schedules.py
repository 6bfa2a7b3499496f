"""Golden learning rates of every schedule of real Keras, step by step.

python tests/golden/make_schedules.py [OUT]
"""

from __future__ import annotations

from typing import Any

from random_settings import schedule_rows
from record import keras, np, output_path, save_packed

STEPS = np.unique(np.concatenate([np.arange(64), np.arange(64, 3000, 97), [999, 1000, 1001, 123456]]))


def _case(name: str, number: int, config: dict[str, Any]) -> dict[str, Any]:
    return {"name": f"{name}_{number}", "schedule": name, "config": config}


_START = {"initial_learning_rate": 0.1}
_CONFIGS: dict[str, list[dict[str, Any]]] = {
    "ExponentialDecay": [
        {**_START, "decay_steps": 10, "decay_rate": 0.96},
        {**_START, "decay_steps": 7, "decay_rate": 0.5, "staircase": True},
        {"initial_learning_rate": 0.003, "decay_steps": 1000, "decay_rate": 0.9},
    ],
    "InverseTimeDecay": [
        {**_START, "decay_steps": 10, "decay_rate": 0.5},
        {**_START, "decay_steps": 2.5, "decay_rate": 0.3, "staircase": True},
    ],
    "PiecewiseConstantDecay": [
        {"boundaries": [10, 20, 1000], "values": [0.1, 0.05, 0.01, 0.001]},
        {"boundaries": [5.7], "values": [1.0, 0.3]},
    ],
    "PolynomialDecay": [
        {**_START, "decay_steps": 50},
        {**_START, "decay_steps": 50, "end_learning_rate": 0.01, "power": 2.0},
        {**_START, "decay_steps": 30, "power": 0.5, "cycle": True},
    ],
    "CosineDecay": [
        {**_START, "decay_steps": 50},
        {**_START, "decay_steps": 1000, "alpha": 0.1},
        {"initial_learning_rate": 0.01, "decay_steps": 40, "warmup_target": 0.1, "warmup_steps": 10, "alpha": 0.2},
        {"initial_learning_rate": 0.0, "decay_steps": 1000, "warmup_target": 0.5, "warmup_steps": 100},
    ],
    "CosineDecayRestarts": [
        {**_START, "first_decay_steps": 10},
        {**_START, "first_decay_steps": 10, "t_mul": 1.0, "m_mul": 0.9},
        {**_START, "first_decay_steps": 7, "t_mul": 1.5, "m_mul": 0.8, "alpha": 0.05},
    ],
}
CASES = [_case(name, i, config) for name, configs in _CONFIGS.items() for i, config in enumerate(configs)]
CASES += schedule_rows()


def main() -> None:
    """Ask every schedule for the rate of every step and write the file."""
    arrays: dict[str, Any] = {"steps": STEPS}
    for row in CASES:
        schedule = getattr(keras.optimizers.schedules, row["schedule"])(**row["config"])
        rates = [np.float32(schedule(keras.ops.convert_to_tensor(int(step), "int64"))) for step in STEPS]
        arrays[f"{row['name']}/rates"] = np.stack(rates)
        row["get_config"] = schedule.get_config()
    save_packed(output_path("schedules.npz"), "make_schedules.py", CASES, arrays)


if __name__ == "__main__":
    main()
