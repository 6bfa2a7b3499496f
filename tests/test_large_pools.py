"""Windows of many cells: only the gradient of a maximum has to remember which cell won, in 16 bits."""

from __future__ import annotations

import numpy as np
import pytest

from pyconvnet import Model, layers, ops, reference

WIDE = np.arange(2**16, dtype=np.float32).reshape(1, 1, -1, 1)  # 65,536 cells


def test_the_last_of_65536_cells_can_win(isa: str) -> None:
    dx = ops.global_max_pool2d_backward([[3.0]], WIDE)
    assert np.flatnonzero(dx).tolist() == [2**16 - 1] and dx.max() == 3
    assert np.flatnonzero(ops.global_max_pool2d_backward([[3.0]], WIDE[:, :, ::-1])).tolist() == [0]


def test_averages_and_values_have_no_limit(isa: str) -> None:
    x = np.random.default_rng(0).normal(size=(1, 260, 257, 2)).astype(np.float32)
    np.testing.assert_array_equal(ops.global_max_pool2d(x), x.max(axis=(1, 2)))
    exact = reference.global_avg_pool2d(x.astype(float))
    np.testing.assert_allclose(ops.global_avg_pool2d(x), exact, rtol=0, atol=2e-6)
    np.testing.assert_allclose(ops.global_avg_pool2d_backward([[1, 2]], x.shape)[0, 7, 8], [1 / 66820, 2 / 66820])


def _model(layer: layers.Layer) -> Model:
    x = layers.Input((257, 256, 1))
    model = Model(x, layer(layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones")(x)))
    model.compile("sgd", "mse")
    return model


def test_a_large_global_pool_predicts_and_the_average_trains() -> None:
    x = np.linspace(0, 1, 257 * 256, dtype=np.float32).reshape(1, 257, 256, 1)
    maximum, average = _model(layers.GlobalMaxPooling2D(name="top")), _model(layers.GlobalAveragePooling2D())
    assert maximum.predict(x, verbose=0) == 1
    np.testing.assert_allclose(average.predict(x, verbose=0), 0.5, rtol=1e-5)
    assert average.train_on_batch(x, [[1.0]]) == pytest.approx(0.25, rel=1e-4)
    message = r"^max_pool2d 'top': for a gradient pool_size may have at most 65536 cells, got 257 x 256; put two pools"
    with pytest.raises(ValueError, match=message):
        maximum.train_on_batch(x, [[1.0]])
