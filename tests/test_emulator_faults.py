"""What the emulator says of kernels with one mistake each."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "cuda"
CSRC = Path(__file__).parent.parent / "csrc"

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++ here")

_HERE = r"/faults\.cu:\d+"
FAULTS = {
    "barrier_in_a_branch": f"while other threads wait at __syncthreads at .*{_HERE}|deadlock",
    "two_barriers": f"this thread is at __syncthreads at .*{_HERE}, others wait at __syncthreads at .*{_HERE}",
    "early_return": f"while other threads wait at __syncthreads|returned before the others reached .*{_HERE}",
    "shuffle_in_a_branch": rf"deadlock in block \(0,0,0\): .*wait at __shfl_xor_sync at .*{_HERE}",
    "lane_outside_its_mask": f"__syncwarp at .*{_HERE}: the calling lane is not in its own mask",
    "different_operations": "lanes of a warp meet at different operations: __s.* and __s",
    "misaligned_copy": "cp.async of 16 bytes: an address is not aligned to them",
    "misaligned_matrix": "ldmatrix: a row is not aligned to 16 bytes",
    "too_many_threads": "launch: a block must have from 1 to 1024 threads",
}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the faulty kernels for the emulator."""
    path = tmp_path_factory.mktemp("faults") / "faults"
    flags = ["-x", "c++", "-std=c++20", "-O1", "-fno-strict-aliasing", f"-I{CSRC}"]
    subprocess.run(["g++", *flags, "-o", str(path), str(FOLDER / "faults.cu")], check=True)
    return path


def _run(program: Path, name: str) -> tuple[int, str]:
    done = subprocess.run([str(program), name], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_reported(program: Path, name: str) -> None:
    code, text = _run(program, name)
    assert code == 1
    assert re.search(FAULTS[name], text), text


@pytest.mark.parametrize("name", ["read_before_write", "no_wait_for_copies"])
def test_what_is_not_there_yet_is_nan(program: Path, name: str) -> None:
    code, text = _run(program, name)
    assert code == 0 and text != "0 NaN\n"


def test_a_sound_kernel_runs(program: Path) -> None:
    assert _run(program, "sound") == (0, "0 NaN\n")
