"""A step allocates nothing: counted by a library that is preloaded in place of malloc."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("count_allocations.cpp")
COMPILER = shutil.which("g++") or shutil.which("c++")

# Prints how often memory was asked for while one crossing of `Plan.run` ran that many steps.
COUNT = """
import ctypes
import numpy as np
import pyconvnet as pcn
from pyconvnet import layers

model = pcn.Sequential([
    layers.Input((12, 12, 3)),
    layers.Conv2D(8, 3, padding="same", activation="relu", kernel_regularizer="l2"),
    layers.BatchNormalization(),
    layers.MaxPooling2D(),
    layers.Conv2D(16, 3, activation="elu"),
    layers.AveragePooling2D(),
    layers.Flatten(),
    layers.Dropout(0.5),
    layers.Dense(10, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
x = np.random.default_rng(0).integers(0, 255, (8, 12, 12, 3), np.uint8)
y = np.arange(8, dtype=np.int32) % 10
plan = model.plan(8)
so_far = ctypes.CDLL(None).allocations_so_far
so_far.restype = ctypes.c_long

def allocations(steps):
    indices = np.arange(8 * steps + 3) % 8  # the last batch is a short one
    before = so_far()
    plan.run([x, y], indices, batch_size=8, seed=1, iteration=0, learning_rate=0.001)
    return so_far() - before

allocations(100)  # reserves the scratch memory of the threads
print(*(allocations(steps) for steps in (100, 900, 100, 900)))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="counts the allocations of glibc, which is not used here")
@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler to build the counter of allocations with")
@pytest.mark.parametrize("threads", ["1", "3"])
def test_a_step_allocates_nothing(threads: str, tmp_path: Path) -> None:
    library = tmp_path / "count_allocations.so"
    subprocess.run([str(COMPILER), "-std=c++17", "-shared", "-fPIC", SOURCE, "-o", library], check=True)
    environment = {**os.environ, "LD_PRELOAD": str(library), "PYCONVNET_NUM_THREADS": threads}
    command = [sys.executable, "-c", COUNT]  # elsewhere: sources in the working directory would shadow the package
    said = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    few, many, few_again, many_again = (int(word) for word in said.stdout.split())
    assert few > 0, "the counter does not see the list of feeds that every crossing makes"
    assert few == many == few_again == many_again
