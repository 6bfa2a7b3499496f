"""Golden losses and gradients of training steps in random configurations, from real Keras.

    python tests/golden/make_random_losses.py [OUT]

The configurations come from random_settings.py: every loss with every regularizer on outputs of several ranks. They
have the form of the "step" cases of make_losses.py and are run as those are.
"""

from __future__ import annotations

from make_losses import arrays_of, step
from random_settings import loss_rows
from record import output_path, save_packed


def main() -> None:
    """Make every case and write the file."""
    cases = [step(**row) for row in loss_rows()]
    arrays = arrays_of(cases)
    save_packed(output_path("random_losses.npz"), "make_random_losses.py", cases, arrays)


if __name__ == "__main__":
    main()
