"""The sweep over a dense layer's weights: the same bits as the calls one by one, and only where it may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyconvnet import _core, regularizers
from pyconvnet.layers import Conv2D, Dense, Dropout, Flatten, Input
from pyconvnet.models import Sequential
from pyconvnet.ops import conv2d_algorithm
from pyconvnet.ops._kernel import run_kernel
from pyconvnet.optimizers import SGD, Adam
from pyconvnet.plan import build
from pyconvnet.utils import set_random_seed

RATES = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
SIZES = ((0, 5, 4), (1, 1, 1), (3, 63, 17), (5, 65, 33), (32, 200, 10), (33, 129, 100), (7, 1100, 1000), (521, 70, 130))


@pytest.mark.parametrize("isa", _core.available_isas())
@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_one_sweep_gives_the_bits_of_three_kernels(size: tuple[int, int, int], isa: str) -> None:
    rows, k, m = size
    rng = np.random.default_rng(3)
    x, dy = rng.normal(size=(rows, k)).astype("f4"), rng.normal(size=(rows, m)).astype("f4")
    w, first, second = (rng.normal(size=(k, m)).astype("f4") ** power for power in (1, 1, 2))
    attributes = {"vectors": 1, "k": k, "m": m}
    before = _core.active_isa()
    _core.set_isa(isa)
    try:
        alone: dict[str, Any] = {"w": w.copy(), "m": first.copy(), "v": second.copy()}
        dx, dkernel, dbias = np.empty_like(x), np.empty_like(w), np.empty(m, "f4")
        run_kernel("dense_backward_data", attributes, rows=rows, dy=dy, kernel=w, dx=dx)
        run_kernel("dense_backward_weights", attributes, rows=rows, x=x, dy=dy, dkernel=dkernel, dbias=dbias)
        step = {"rows": 1, "iteration": 4, "learning_rate": 0.01}
        run_kernel("adam", {"size": k * m, **RATES}, gradient=dkernel, **alone, **step)

        fused: dict[str, Any] = {"w": w.copy(), "m": first.copy(), "v": second.copy()}
        fused |= {"dx": np.full_like(x, np.nan), "dbias": np.full(m, np.nan, "f4")}
        run_kernel("dense_backward_adam", {**attributes, **RATES}, x=x, dy=dy, **fused, **{**step, "rows": rows})
    finally:
        _core.set_isa(before)
    for name, expected in {**alone, "dx": dx, "dbias": dbias}.items():
        np.testing.assert_array_equal(fused[name], expected, err_msg=name)


def _model(**dense: Any) -> Sequential:
    layers = [Input((6, 6, 1)), Conv2D(4, 3, activation="relu"), Flatten(), Dense(8, activation="relu", **dense)]
    return Sequential([*layers, Dropout(0.5), Dense(3, activation="softmax")])


def _trained() -> Sequential:
    set_random_seed(5)
    model = _model()
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(70, 6, 6, 1)).astype("f4"), rng.integers(0, 3, 70)
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    return model


def test_training_gives_the_same_bits_with_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    fused = _trained()
    assert "dense_backward_adam" in _kernels(fused)
    monkeypatch.setattr(build, "fuse_dense_updates", list)
    alone = _trained()
    assert "dense_backward_adam" not in _kernels(alone)
    for got, expected in zip(fused.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


def _kernels(model: Sequential) -> list[str]:
    return [call.kernel for call in model.plan().calls]


def test_both_dense_layers_are_fused() -> None:
    model = _model()
    model.compile("adam", "sparse_categorical_crossentropy")
    kernels = _kernels(model)
    assert kernels.count("dense_backward_adam") == 2
    assert not any(name in kernels for name in ("dense_backward_weights", "dense_backward_data"))
    assert kernels.count("adam") == 4  # two biases, and kernel and bias of the convolution


@pytest.mark.parametrize(
    ("optimizer", "dense"),
    [
        (SGD(0.1), {}),
        (Adam(clipnorm=1.0), {}),
        (Adam(weight_decay=0.1), {}),
        (Adam(), {"kernel_regularizer": regularizers.L2(0.1)}),
    ],
    ids=["sgd", "clipped", "decayed", "penalised"],
)
def test_a_gradient_that_others_want_is_not_fused(optimizer: Any, dense: dict[str, Any]) -> None:
    model = _model(**dense)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    kernels = _kernels(model)
    assert kernels.count("dense_backward_adam") == (1 if dense else 0)  # the other layer has no penalty
    assert kernels.count("dense_backward_weights") == (1 if dense else 2)


def _covered(**conv: Any) -> Sequential:
    layers = [Input((6, 6, 1)), Conv2D(4, 3, activation="relu"), Conv2D(8, 4, activation="relu", **conv), Flatten()]
    return Sequential([*layers, Dense(3, activation="softmax")])


def test_a_convolution_that_covers_its_input_is_updated_like_a_dense_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(70, 6, 6, 1)).astype("f4"), rng.integers(0, 3, 70)

    def trained(sweeps: int, **conv: Any) -> list[np.ndarray]:
        set_random_seed(5)
        model = _covered(**conv)
        model.compile("adam", "sparse_categorical_crossentropy")
        assert _kernels(model).count("dense_backward_adam") == sweeps  # with that of the dense layer
        model.fit(x, y, batch_size=16, epochs=2, verbose=0)
        return [*model.get_weights(), model.predict(x, verbose=0)]

    penalty = {"kernel_regularizer": regularizers.L2(0.01)}
    as_products = trained(2), trained(1, **penalty)
    monkeypatch.setattr(conv2d_algorithm, "offers_gemm", lambda g: False)
    direct = trained(1), trained(1, **penalty)
    for got, expected in zip(as_products, direct, strict=True):
        for left, right in zip(got, expected, strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)


def test_frozen_layers_keep_their_weights() -> None:
    model = _model()
    model.layers[2].trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    assert _kernels(model).count("dense_backward_adam") == 1
    assert _kernels(model).count("dense_backward_data") == 1
    before = model.layers[2].get_weights()[0]
    x, y = np.ones((4, 6, 6, 1), "f4"), np.zeros(4, int)
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(model.layers[2].get_weights()[0], before)
