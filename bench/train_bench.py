#!/usr/bin/env python3
"""The training step of each of the lecture's networks, beside Keras and PyTorch in the same run.

usage: python bench/train_bench.py [--nets mlp,conv,...] [--batch 32] [--threads N] [--isa NAME] [--seconds S]
                                   [--peers [--peer-python PATH]] [--rounds 3] [--out FILE.json] [--table FILE.md]
"""

from pathlib import Path

from pyconvnet.bench.train import main

if __name__ == "__main__":
    raise SystemExit(main(None, Path(__file__).resolve().parent / "peers"))
