from typing import Any

import numpy as np
import numpy.typing as npt

def active_isa() -> str: ...
def set_isa(name: str) -> None: ...
def available_isas() -> list[str]: ...
def compiled_isas() -> list[str]: ...
def cpu_model_name() -> str: ...
def compiler() -> str: ...
def set_num_threads(threads: int) -> None: ...
def get_num_threads() -> int: ...
def kernel_names() -> list[str]: ...
def describe_kernel(kernel: str, attributes: dict[str, Any]) -> list[tuple[str, str, int, bool, str]]: ...
def run_kernel(
    kernel: str,
    attributes: dict[str, Any],
    arrays: dict[str, np.ndarray],
    rows: int,
    seed: int,
    iteration: int,
    learning_rate: float,
) -> None: ...
def affine_warp(
    images: np.ndarray,
    rows: npt.NDArray[np.int64],
    matrices: npt.NDArray[np.float64],
    changes: npt.NDArray[np.bool_],
    fill_mode: str,
    cval: float,
) -> npt.NDArray[np.float32]: ...
def time_kernel(
    kernel: str, attributes: dict[str, Any], arrays: dict[str, np.ndarray], rows: int, seconds: float
) -> list[float]: ...
def measure_fma_peak(seconds: float) -> float: ...
def measure_copy_bandwidth(seconds: float) -> float: ...

class Plan:
    def __init__(
        self,
        calls: list[tuple[str, dict[str, Any], dict[str, tuple[int, int, int, str]]]],
        arrays: list[np.ndarray],
        capacity: int,
    ) -> None: ...
    def run(
        self,
        feeds: list[tuple[np.ndarray, np.ndarray | None]],
        indices: npt.NDArray[np.int64],
        batch_size: int,
        seed: int,
        iteration: int,
        learning_rate: float | npt.NDArray[np.float32],
        output: np.ndarray | None = None,
        out: np.ndarray | None = None,
        seconds: npt.NDArray[np.float64] | None = None,
    ) -> None: ...
