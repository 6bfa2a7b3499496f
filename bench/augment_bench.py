#!/usr/bin/env python3
"""Images per second of ImageDataGenerator.flow with the lecture's settings, beside Keras's in the same run.

usage: python bench/augment_bench.py [--images 30000] [--threads N] [--seconds S] [--rounds 5]
                                     [--peers [--peer-python PATH]] [--out FILE.json]
"""

from pathlib import Path

from pyconvnet.bench.augment import main

if __name__ == "__main__":
    raise SystemExit(main(None, Path(__file__).resolve().parent / "peers"))
