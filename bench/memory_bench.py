#!/usr/bin/env python3
"""How much memory training takes: what the plan says, what the process has, and what PyTorch has for the same.

usage: python bench/memory_bench.py [--nets mlp,conv,...] [--batch N] [--threads N] [--isa NAME]
                                    [--peers [--peer-python PATH]] [--out FILE.json] [--table FILE.md]
"""

from pathlib import Path

from pyconvnet.bench.memory import main

if __name__ == "__main__":
    raise SystemExit(main(None, Path(__file__).resolve().parent / "peers"))
