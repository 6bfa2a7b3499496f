"""The kernels' units as nvcc compiles them for a GPU, and which of their entries a kernel of the emulator is."""

from __future__ import annotations

import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from ptx_program import Kernel, parse

CSRC = Path(__file__).parent.parent.parent / "csrc"
_CMAKE = CSRC / "cuda" / "CMakeLists.txt"


def compile_ptx(source: Path, architecture: str, *flags: str) -> dict[str, Kernel]:
    """Give the kernels that nvcc makes of a source, by their mangled names."""
    semantic = re.search(r"COMPILE_LANGUAGE:CUDA>:(-f.*?) -Xptxas", _CMAKE.read_text())
    assert semantic, "CMakeLists.txt no longer says how nvcc treats arithmetic"
    command = ["nvcc", "-std=c++20", "-O3", *semantic[1].split(), f"-arch={architecture}", *flags, f"-I{CSRC}"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "kernels.ptx"
        subprocess.run([*command, "-ptx", "-o", str(out), str(source)], check=True)
        return parse(out.read_text())


@cache
def stems() -> tuple[str, ...]:
    """List the units, as CMake does."""
    found = re.search(r"^set\(stems\s([\w\s]+)\)", _CMAKE.read_text(), re.M)
    assert found, "CMakeLists.txt no longer lists the stems"
    return tuple(found[1].split())


@cache
def unit(stem: str) -> dict[str, Kernel]:
    """Give the entries of a stem's unit by their plain names."""
    text = (CSRC / "cuda" / "unit.in").read_text().replace("@STEM@", stem)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{stem}.cu"
        source.write_text(text)
        kernels = compile_ptx(source, "sm_80")
    return dict(zip(_plain(list(kernels)), kernels.values(), strict=True))


def entry(name: str, hint: str) -> Kernel:
    """Find an entry by its plain name: first in the unit that begins the hint, then where its words occur."""

    def unlikely(stem: str) -> tuple[bool, int]:
        source = (CSRC / "cuda" / "kernels" / f"{stem}.cuh").read_text()
        return not hint.startswith(stem), -sum(word in source for word in set(re.findall(r"\w+", name)))

    for stem in sorted(stems(), key=unlikely):
        if name in unit(stem):
            return unit(stem)[name]
    raise KeyError(f"nvcc compiles no {name}")


@cache
def symbols(module: Path) -> dict[int, str]:
    """Give the plain names of a module's functions by where their code lies; none if it has been stripped."""
    found = subprocess.run(["nm", "--defined-only", str(module)], capture_output=True, text=True, check=True).stdout
    lines = [line.split() for line in found.splitlines()]
    functions = [(int(place, 16), name) for place, kind, name in lines if kind in "tTwW"]
    return dict(zip((place for place, _ in functions), _plain([name for _, name in functions]), strict=True))


def _plain(names: list[str]) -> list[str]:
    """Demangle: g++ and nvcc then say the same, "(anonymous namespace)" for what is a unit's own."""
    text = "\n".join(names)
    return subprocess.run(["c++filt"], input=text, capture_output=True, text=True, check=True).stdout.splitlines()
