"""``python -m pyconvnet`` is the command ``pyconvnet``."""

from __future__ import annotations

import sys

from pyconvnet.cli import main

sys.exit(main())
