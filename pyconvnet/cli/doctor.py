"""Does this installation compute correctly, and what of data and pictures is here?"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from pyconvnet import _core, config, devices, ops, reference
from pyconvnet._cuda_status import cuda_status
from pyconvnet._terminal import say
from pyconvnet.datasets import SETS, fashion_mnist
from pyconvnet.datasets._errors import NotHere
from pyconvnet.datasets._files import PublishedSet
from pyconvnet.datasets._locate import DATA_VARIABLE, cache_folder, places
from pyconvnet.datasets._search import Reader, Source
from pyconvnet.devices import Device
from pyconvnet.layers import Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from pyconvnet.models import Sequential
from pyconvnet.random import set_random_seed

_SOURCES: dict[str, Source] = {name: module.SOURCE for name, module in SETS.items()}


@dataclass(frozen=True)
class Finding:
    """A line of the report; "none" is something that may be missing."""

    state: Literal["ok", "none", "failed"]
    text: str


def examine() -> bool:
    """Prints the configuration and one line for each check; False where one failed."""
    config.show_config()
    say("")
    sound = True
    for finding in _findings():
        say(f"{finding.state:<8}{finding.text}")
        sound = sound and finding.state != "failed"
    return sound


def _findings() -> Iterator[Finding]:
    for isa in _core.available_isas():
        advice = "set PYCONVNET_ISA to another instruction set and report this"
        yield _guarded(f"kernels on {isa}", partial(_check_kernels, isa), advice)
    yield _guarded("cuda", _check_cuda, "install pyconvnet anew")
    yield _guarded("threads", _check_threads, "set PYCONVNET_NUM_THREADS=1 and report this")
    yield _guarded("sample", _check_sample, "install the package anew")
    for name, (published, read) in _SOURCES.items():
        advice = f"replace the files, or change {DATA_VARIABLE}"
        yield _guarded(name, partial(_check_data, name, published, read), advice)
    yield _guarded("matplotlib", _check_matplotlib, "install it anew")


def _guarded(name: str, check: Callable[[], Finding], advice: str) -> Finding:
    """What a check finds; whatever it raises is a failure, so that the other checks still run."""
    try:
        return check()
    except Exception as error:  # a broken installation can raise anything
        return Finding("failed", f"{name}: {type(error).__name__}: {' '.join(str(error).split())}; {advice}")


@contextmanager
def _isa(name: str) -> Iterator[None]:
    before = _core.active_isa()
    _core.set_isa(name)
    try:
        yield
    finally:
        _core.set_isa(before)


def _check_kernels(isa: str) -> Finding:
    with _isa(isa):
        _compare_convolution(devices.CPU)
    return Finding("ok", f"kernels on {isa}: a convolution and its gradients equal the reference")


def _compare_convolution(device: Device) -> None:
    """Whole numbers leave no room for rounding, not even to TF32: the kernels must equal the reference exactly."""
    random = np.random.default_rng(0)
    x = random.integers(-4, 5, (3, 11, 13, 5)).astype(np.float32)
    kernel = random.integers(-4, 5, (3, 3, 5, 19)).astype(np.float32)
    dy = random.integers(-4, 5, (3, 11, 13, 19)).astype(np.float32)
    given = device.put(x), device.put(kernel), device.put(dy)
    got = (
        ops.conv2d(given[0], given[1], padding="same"),
        ops.conv2d_backward_data(given[2], given[1], x.shape, padding="same"),
        ops.conv2d_backward_weights(given[0], given[2], (3, 3), padding="same")[0],
    )
    expected = (
        reference.conv2d(x.astype(float), kernel.astype(float), padding="same"),
        reference.conv2d_backward_data(dy.astype(float), kernel.astype(float), x.shape, padding="same"),
        reference.conv2d_backward_weights(x.astype(float), dy.astype(float), (3, 3), padding="same")[0],
    )
    if not all(np.array_equal(devices.to_numpy(one), want) for one, want in zip(got, expected, strict=True)):
        raise ArithmeticError("a convolution differs from the reference")


def _check_cuda() -> Finding:
    status = cuda_status()
    if not status.ready:
        return Finding("failed" if status.broken else "none", f"cuda: {status.text}")
    missing = devices.why_no_gpu()
    if missing is not None:
        return Finding("none", f"cuda: {status.text}, but {missing}")
    _compare_convolution(devices.get("cuda"))
    return Finding("ok", f"cuda: {status.text}; a convolution and its gradients equal the reference")


def _check_threads() -> Finding:
    before = config.get_num_threads()
    try:
        weights = [_trained_weights(threads) for threads in (1, max(2, before))]
    finally:
        config.set_num_threads(before)
    if not all(np.array_equal(one, other) for one, other in zip(*weights, strict=True)):
        raise ArithmeticError("training with several threads differs from training with one")
    return Finding("ok", f"threads: a short training gives the same bits with 1 and with {max(2, before)}")


def _trained_weights(threads: int) -> list[np.ndarray]:
    config.set_num_threads(threads)
    set_random_seed(0)
    random = np.random.default_rng(0)
    layers = [Conv2D(8, 3, activation="relu"), MaxPooling2D(), Dropout(0.2), Flatten(), Dense(10, "softmax")]
    model = Sequential([Input((14, 14, 1)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy", device="cpu")
    x, y = random.random((96, 14, 14, 1), np.float32), random.integers(0, 10, 96)
    losses = model.fit(x, y, epochs=3, verbose=0).history["loss"]
    if not losses[-1] < losses[0]:
        raise ArithmeticError(f"the loss of a short training does not fall: {losses}")
    return model.get_weights()


def _check_sample() -> Finding:
    (x, _), (x_test, _) = fashion_mnist.load_sample()
    return Finding("ok", f"sample: {len(x):,} + {len(x_test):,} images of Fashion-MNIST come with the package")


def _check_data(name: str, published: PublishedSet, read: Reader) -> Finding:
    damaged = []
    for place in places(published):
        try:
            read(place.folder, published, place.trusted)
        except NotHere:
            continue
        except (ValueError, OSError) as error:
            if place.trusted:
                raise
            damaged.append(str(error))
        else:
            return Finding("ok", f"{name}: found in {place.folder}")
    if damaged:
        return Finding("failed", f"{name}: {damaged[0]}; delete it, and it will be downloaded anew")
    return Finding(
        "none",
        f"{name}: not on this machine; load_data() downloads it, or put its files into {cache_folder(published)}",
    )


def _check_matplotlib() -> Finding:
    try:
        matplotlib = importlib.import_module("matplotlib")
    except ModuleNotFoundError:
        return Finding("none", 'matplotlib: not installed, so no pictures are drawn; pip install "pyconvnet[plot]"')
    from pyconvnet.plot import style

    font = style.korean_font()
    labels = f"labels in Korean ({font})" if font else "labels in English, for want of a Korean font"
    return Finding("ok", f"matplotlib: {matplotlib.__version__}, {labels}")
