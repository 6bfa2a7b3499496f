#!/usr/bin/env python3
"""Every convolution, pooling and dense layer of the lecture in each pass, against what the machine can do.

usage: python bench/conv_bench.py [--batch 32] [--threads N] [--isa NAME] [--seconds S]
                                  [--peers [--peer-python PATH]] [--out FILE.json]
"""

from pathlib import Path

from pyconvnet.bench.conv import main

if __name__ == "__main__":
    raise SystemExit(main(None, Path(__file__).resolve().parent / "peers"))
