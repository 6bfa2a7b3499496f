"""Pictures of what a network learned; matplotlib (``pip install "pyconvnet[plot]"``) is imported when one is drawn.

Who does what:
    curves        ``history``: losses and metrics of every epoch
    predictions   ``predictions``: images with the predicted class and its probability
    style         colours, fonts, Korean words where a Korean font is there; ``Picture``, a figure of its own
"""

from __future__ import annotations

from pyconvnet.plot.curves import history
from pyconvnet.plot.predictions import predictions

__all__ = ["history", "predictions"]
