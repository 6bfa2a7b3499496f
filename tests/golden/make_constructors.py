"""Golden constructors and first values: what real Keras's classes take, and how its initializers draw.

    python tests/golden/make_constructors.py [OUT]

"arguments" are the names and defaults of the constructor of every class that pyconvnet offers under Keras's name.
"initializers" are random configurations and shapes with the distribution that Keras asks its generator for ("uniform"
from a to b, "normal" or "truncated_normal" with mean and standard deviation, before the ends are cut off), with the
value where nothing is drawn, or with the length's square of an orthogonal matrix's columns (or rows).
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any
from unittest import mock

from random_configurations import Draw
from record import keras, np, output_path, save_table

MODULES = (
    *("activations", "callbacks", "initializers", "layers", "losses", "metrics"),
    *("optimizers", "optimizers.schedules", "regularizers"),
)
_PLAIN = (str, int, float, bool, type(None), list, tuple)


def arguments(cls: type) -> list[list[Any]]:
    """[name, default] of every argument that can be named; the default of those that must be given is "required"."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = [p for p in inspect.signature(cls).parameters.values() if p.kind in named]
    for parameter in found:
        assert isinstance(parameter.default, _PLAIN) or parameter.default is parameter.empty, (cls, parameter)
    return [[p.name, "required" if p.default is p.empty else p.default] for p in found]


def classes() -> dict[str, list[list[Any]]]:
    """By "module.name", for every public class of the modules."""
    table = {}
    for module in MODULES:
        for name, value in vars(importlib.import_module(f"keras.{module}")).items():
            if inspect.isclass(value) and name[0].isupper():
                table[f"{module}.{name}"] = arguments(value)
    return table


_PARAMETERS: dict[str, Any] = {
    "Constant": lambda draw: {"value": draw.real(-2, 2)},
    "Orthogonal": lambda draw: {"gain": draw.real(0.2, 3)},
    "RandomNormal": lambda draw: {"mean": draw.real(-1, 1), "stddev": draw.real(0.01, 2)},
    "RandomUniform": lambda draw: {"minval": draw.real(-2, 0), "maxval": draw.real(0, 2)},
    "TruncatedNormal": lambda draw: {"mean": draw.real(-1, 1), "stddev": draw.real(0.01, 2)},
    "VarianceScaling": lambda draw: {
        "scale": draw.real(0.1, 3),
        "mode": draw.one(["fan_in", "fan_out", "fan_avg"]),
        "distribution": draw.one(["uniform", "truncated_normal", "untruncated_normal"]),
    },
    **dict.fromkeys(("GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform"), lambda draw: {}),
    **dict.fromkeys(("LecunNormal", "LecunUniform", "Ones", "Zeros"), lambda draw: {}),
}


def initializer_row(name: str, number: int) -> dict[str, Any]:
    """One configuration, and what Keras does."""
    draw = Draw(f"{name} {number}")
    config = draw.some(_PARAMETERS[name](draw), 0.7)
    shape = [draw.number(1, 4) for _ in range(draw.number(0, 4))] + [draw.number(1, 30)]
    if name == "Orthogonal" and len(shape) == 1:
        shape.insert(0, draw.number(1, 9))
    row: dict[str, Any] = {"class": name, "config": config, "shape": shape}
    module = inspect.getmodule(keras.initializers.HeNormal)
    drawn: list[list[Any]] = []

    def note(kind: str) -> Any:
        original = getattr(module.random, kind)

        def draw_and_note(shape: Any, *range_of: float, **more: Any) -> Any:
            named = [more[key] for key in ("minval", "maxval", "mean", "stddev") if key in more]
            drawn.append([kind, *(float(value) for value in (*range_of, *named))])
            return original(shape, *range_of, **more)

        return draw_and_note

    kinds = ("uniform", "normal", "truncated_normal")
    with mock.patch.multiple(module.random, **{kind: note(kind) for kind in kinds}):
        values = keras.ops.convert_to_numpy(getattr(keras.initializers, name)(**config)(tuple(shape)))
    assert len(drawn) <= 1
    if name == "Orthogonal":
        flat = values.reshape(-1, shape[-1]).astype(np.float64)
        gram = flat.T @ flat if len(flat) >= shape[-1] else flat @ flat.T
        assert np.abs(gram - gram[0, 0] * np.eye(len(gram))).max() < 1e-5 * gram[0, 0]
        row["square"] = float(gram[0, 0])
    else:
        row |= {"drawn": drawn[0]} if drawn else {"value": float(values.ravel()[0])}
    return row


def main() -> None:
    """Write the file."""
    rows = [initializer_row(name, number) for name in sorted(_PARAMETERS) for number in range(12)]
    save_table(output_path("constructors.json"), "make_constructors.py", {"arguments": classes(), "initializers": rows})


if __name__ == "__main__":
    main()
