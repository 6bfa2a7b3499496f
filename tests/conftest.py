"""The installed package is tested. `python -m pytest` puts the checkout, which may have no compiled part, first."""

from __future__ import annotations

import sys
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parent.parent
_BUILT_IN_PLACE = any((_CHECKOUT / "pyconvnet").glob("_core*.so"))

if not _BUILT_IN_PLACE:
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != _CHECKOUT]
