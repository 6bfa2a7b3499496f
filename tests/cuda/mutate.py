#!/usr/bin/env python3
"""Plants each mistake of mutations.py into a copy of the sources and says which test noticed it.

usage: python tests/cuda/mutate.py BUILD [OUT.md]     BUILD: configured with -DPYCONVNET_EMULATOR=ON and built
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from mutations import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parent.parent.parent


def plant(mutation: Mutation, copy: Path) -> None:
    """Put the sources back and make the one change."""
    shutil.copytree(ROOT / "csrc", copy / "csrc", dirs_exist_ok=True)
    path = copy / "csrc" / "cuda" / mutation.file
    text = path.read_text()
    if mutation.old not in text:
        raise SystemExit(f"{mutation.name}: {mutation.file} has no {mutation.old!r}")
    path.write_text(text.replace(mutation.old, mutation.new, 1))


def build(mutation: Mutation, copy: Path, folder: Path) -> None:
    """Compile the stem with its mistake and link it with the objects of the build."""
    import pybind11  # as the build itself

    objects = list((folder / "csrc/cuda/CMakeFiles/_emu.dir").rglob("*.o"))
    others = [str(path) for path in objects if path.name != f"{mutation.stem}.cpp.o"]
    unit, changed = folder / f"generated/cuda/{mutation.stem}.cpp", copy / "changed.o"
    includes = [f"-I{copy / 'csrc'}", f"-I{folder / 'generated'}", f"-I{pybind11.get_include()}"]
    flags = ["-std=c++20", "-O1", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off", "-fno-strict-aliasing"]
    subprocess.run(["g++", *flags, *includes, "-c", str(unit), "-o", str(changed)], check=True)
    module = copy / "pyconvnet" / f"_emu{sysconfig.get_config_var('EXT_SUFFIX')}"
    subprocess.run(["g++", "-shared", "-o", str(module), str(changed), *others], check=True)


def verdict(mutation: Mutation, copy: Path) -> str:
    """Run the tests; the first that fails, or that none does."""
    files = ("emulator_ops", "graphs", "affine_warp")
    emulated = [*(f"tests/test_{name}.py" for name in files), "-k", mutation.tests]
    tests = emulated if mutation.stem else ["tests/test_cuda_ptx.py"]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=line", *tests]
    try:
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        return "found: out of time"
    if done.returncode == 0:
        return "NOT FOUND"
    if done.returncode != 1:
        return f"found: the tests ended with {done.returncode}"
    failed = re.search(r"^FAILED \S+::(\S+)", done.stdout, re.M)
    if not failed:
        raise SystemExit(f"{mutation.name}: no test failed\n{done.stdout[-2000:]}")
    return f"found: {failed[1]}"


def main() -> int:
    folder = Path(sys.argv[1]).resolve()
    lines = [
        "# Mistakes planted into the CUDA kernels",
        "",
        "`python tests/cuda/mutate.py BUILD FILE` plants one after another and runs the tests; no GPU is needed.",
        "",
        "| planted mistake | where | what noticed it |",
        "|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for part in ("pyconvnet", "tests", "pyproject.toml"):
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / part)
        for mutation in MUTATIONS:
            plant(mutation, copy)
            if mutation.stem:
                build(mutation, copy, folder)
            lines.append(f"| {mutation.name} | `{mutation.file}` | {verdict(mutation, copy)} |")
            print(lines[-1], flush=True)
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text("\n".join(lines) + "\n")
    return sum("NOT FOUND" in line for line in lines)


if __name__ == "__main__":
    raise SystemExit(main())
