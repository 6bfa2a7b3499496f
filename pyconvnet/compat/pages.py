"""``docs/keras_names.md``: every name that is offered, written from the table.

python -m pyconvnet.compat.pages                        prints it
python -m pyconvnet.compat.pages docs/keras_names.md    writes it
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from pyconvnet.compat.names import DIFFERS, EVERYWHERE, INSTEAD, KERAS_VERSION, OFFERED

_HEAD = f"""\
# The names of Keras and TensorFlow that are offered

Written by `python -m pyconvnet.compat.pages docs/keras_names.md` from `pyconvnet/compat/names.py`; do not edit.

In code that runs with `pyconvnet run` or below `%load_ext pyconvnet`, `import tensorflow` and `import keras` give these
names; elsewhere `import pyconvnet.compat.tensorflow as tf` does. `tf.keras` has all that is listed for `keras`. Any
other name raises an error that names the nearest one.

A name follows Keras {KERAS_VERSION.partition("+")[0]}, but for what its row says, and for this, which holds everywhere:

{"".join(f"- {line}{chr(10)}" for line in EVERYWHERE)}"""


def keras_names() -> str:
    """The page as Markdown."""
    return "\n".join([_HEAD, *_tables(), *_instead()]) + "\n"


def _tables() -> Iterator[str]:
    for module, names in OFFERED.items():
        if not names or module.startswith("tensorflow.keras"):
            continue
        yield f"## {module}\n"
        yield "| name | in pyconvnet | what differs |"
        yield "|---|---|---|"
        for name in sorted(names, key=str.lower):
            ours = f"`{names[name]}`" if not names[name].startswith("pyconvnet.compat.") else ""
            yield f"| `{name}` | {ours} | {DIFFERS.get(f'{module}.{name}', '')} |"
        yield ""


def _instead() -> Iterator[str]:
    yield "## Not offered: what to use\n"
    yield "| name | instead |"
    yield "|---|---|"
    for name, advice in INSTEAD.items():
        yield f"| `{name}` | {advice} |"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(keras_names(), encoding="utf-8")
    else:
        print(keras_names(), end="")
