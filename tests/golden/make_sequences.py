"""Golden runs on numbered batches and generators, from real Keras.

    python tests/golden/make_sequences.py [OUT]

The rows are in sequence_rows.py: losses, metrics in Python, predictions, and the order in which hooks are called.
"""

from __future__ import annotations

from record import keras, output_path, save_table
from sequence_rows import ROWS, drive


def main() -> None:
    """Drive every row and write the file."""
    save_table(output_path("sequences.json"), "make_sequences.py", {"results": [drive(keras, row) for row in ROWS]})


if __name__ == "__main__":
    main()
