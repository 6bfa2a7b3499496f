#!/usr/bin/env python3
"""How the cost of a convolution and of a training step grows with batch, channels and pixels.

usage: python bench/sweep_bench.py [--threads N] [--isa NAME] [--seconds S] [--rounds 5]
                                   [--out FILE.json] [--table FILE.md] [--plot FILE.png]
"""

from pyconvnet.bench.sweep import main

if __name__ == "__main__":
    raise SystemExit(main(None))
