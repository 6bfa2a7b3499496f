#!/usr/bin/env python3
"""What this GPU can do at most: a large copy, and products of matrices as PyTorch's libraries compute them.

usage: python bench/gpu/ceilings.py [--out FILE.json]
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

SIZE = 8192  # of the matrices
COPIED = 2**30  # bytes


def milliseconds(torch: Any, run: Callable[[], object]) -> float:
    """Median of ten runs on the GPU's own clock, behind three that warm up."""
    times = []
    for turn in range(13):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        end.synchronize()
        if turn >= 3:
            times.append(start.elapsed_time(end))
    return statistics.median(times)


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", metavar="FILE.json")
    given = parser.parse_args()
    found = {"device": torch.cuda.get_device_name(), "torch": torch.__version__}
    block = torch.empty(COPIED, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(block)
    found["copy_gigabytes_a_second"] = 2 * COPIED / milliseconds(torch, lambda: target.copy_(block)) / 1e6
    for name, dtype, tf32 in (("tf32", "float32", True), ("bf16", "bfloat16", False), ("fp32", "float32", False)):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(SIZE, SIZE, device="cuda", dtype=getattr(torch, dtype)) for _ in range(2))
        time = milliseconds(torch, lambda a=a, b=b: a @ b)
        found[f"{name}_teraflops"] = 2 * SIZE**3 / time / 1e9
    text = json.dumps(found, indent=1)
    print(text)
    if given.out:
        Path(given.out).write_text(text + "\n")


if __name__ == "__main__":
    main()
