"""Models: layers in a row, their weights, and the table that `summary()` prints. Training is a mixin from
`pyconvnet.training`."""

from __future__ import annotations

from pyconvnet.models.sequential import Sequential

__all__ = ["Sequential"]
