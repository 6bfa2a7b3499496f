"""Other libraries, each in a process of its own that is asked for one measurement after the other.

A request is one line of JSON to the process, an answer one line back; `bench/peers/worker.py` is the other end.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

# script and arguments of each peer; for Keras: backend, jit_compile, steps_per_execution
PEERS: dict[str, tuple[str, ...]] = {
    "keras-tf": ("keras_fit.py", "tensorflow", "off", "1"),
    "keras-tf-jit": ("keras_fit.py", "tensorflow", "on", "1"),
    "keras-tf-spe": ("keras_fit.py", "tensorflow", "auto", "50"),
    "keras-jax": ("keras_fit.py", "jax", "auto", "1"),
    "keras-jax-spe": ("keras_fit.py", "jax", "auto", "50"),
    "torch": ("torch_fit.py", "contiguous"),
    "torch-channels-last": ("torch_fit.py", "channels-last"),
    "torch-compile": ("torch_fit.py", "compile"),
}
GPU_PEERS: dict[str, tuple[str, ...]] = {
    "torch": ("torch_fit.py", "contiguous", "cuda"),
    "torch-channels-last": ("torch_fit.py", "channels-last", "cuda"),
    "torch-compile": ("torch_fit.py", "compile", "cuda"),
    "torch-reduce-overhead": ("torch_fit.py", "reduce-overhead", "cuda"),
    "torch-graph": ("torch_fit.py", "graph", "cuda"),
}
KERNEL_PEER = ("torch_kernels.py",)
_PATIENCE = 3600.0  # seconds for one answer; compiling a network takes minutes


class PeerMissing(Exception):
    """The library cannot be imported; the message says why."""


class PeerFailed(Exception):
    """A request failed; the message is the peer's."""


def environment(threads: int, gpu: bool = False) -> dict[str, str]:
    """What tells every library the same number of threads; `start` tells it again where there is a function.

    GPUs that are not asked for are hidden.
    """
    number = str(threads)
    names = (
        *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
        *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC"),  # NPROC: XLA's pool under JAX
    )
    hidden = {} if gpu else {"CUDA_VISIBLE_DEVICES": ""}
    return {**os.environ, **dict.fromkeys(names, number), "TF_CPP_MIN_LOG_LEVEL": "3", **hidden}


class Peer:
    """A library in a process of its own; use it in a `with` statement.

    Args:
        command: script and arguments.
        folder: where the script lies.
        python: the interpreter that has the library.
        threads: how many it may use.
        patience: seconds for one answer, after which the process is killed.

    Attributes:
        versions: of the libraries.
        pid: of the process.

    Raises:
        PeerMissing: it cannot be imported, or the interpreter cannot be run.
    """

    def __init__(
        self, command: tuple[str, ...], folder: Path, python: str, threads: int, patience: float = _PATIENCE
    ) -> None:
        self._patience, self._gave_up = patience, False
        self._errors = tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - close()
        script, *arguments = command
        try:
            self._process = subprocess.Popen(
                [python, str(folder / script), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=environment(threads, gpu="cuda" in arguments),
                text=True,
                encoding="utf-8",
            )
        except OSError as error:
            self._errors.close()
            raise PeerMissing(f"{python} cannot be run: {error.strerror}") from error
        self.pid = self._process.pid
        try:
            self.versions: dict[str, str] = self.ask("start", threads=threads)["versions"]
        except BaseException:
            self.close()
            raise

    def ask(self, do: str, **arguments: Any) -> Mapping[str, Any]:
        """Sends a request and waits for the answer.

        Raises:
            PeerMissing: the library cannot be imported.
            PeerFailed: the request failed, the process died, or it was killed because it did not answer in time.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        timer = threading.Timer(self._patience, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if self._gave_up:
            raise PeerFailed(f"no answer to {do!r} within {self._patience:g} s; the process was killed")
        if not line:
            raise PeerFailed(f"the process ended with {self._process.wait()}: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "missing" in answer:
            raise PeerMissing(answer["missing"])
        if "failed" in answer:
            raise PeerFailed(answer["failed"])
        return answer

    def close(self) -> None:
        """Ends the process: its input ends, and it is killed if that does not help."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it died with a request unread
            process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        self._errors.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _give_up(self) -> None:
        self._gave_up = True
        self._process.kill()

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors.read().splitlines() if line.strip()]
        return lines[-1] if lines else "no message"
