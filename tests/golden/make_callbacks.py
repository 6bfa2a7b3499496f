"""Golden behaviour of the callbacks that save, slow down, write and stop, from real Keras.

    python tests/golden/make_callbacks.py [OUT]

The rows are in callback_rows.py, and random ones are drawn by random_callbacks.py: each callback is driven with made-up
logs through its own methods, and what it printed, saved, wrote to files and did to the learning rate is kept.
"""

from __future__ import annotations

from callback_rows import ROWS, drive
from random_callbacks import callback_rows
from record import keras, output_path, save_table


def main() -> None:
    """Drive every row and write the file."""
    drawn = callback_rows()
    table = {"random_rows": drawn, "results": [drive(keras, row) for row in ROWS + drawn]}
    save_table(output_path("callbacks.json"), "make_callbacks.py", table)


if __name__ == "__main__":
    main()
