"""`model.profile`: a clock at every kernel call, and nothing changed by it."""

from __future__ import annotations

import numpy as np
import pytest

import pyconvnet as pcn
from pyconvnet import layers, plot
from pyconvnet.plan.profile import CallTime, Profile


def network() -> pcn.Sequential:
    model = pcn.Sequential(
        [
            layers.Input((12, 12, 1)),
            layers.Conv2D(16, 3, activation="relu", name="first"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Conv2D(16, 3, name="second"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax", name="classes"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(name="samples")
def some_samples() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((40, 12, 12, 1)), rng.integers(0, 10, 40)


def test_a_training_step_is_profiled_call_by_call(samples):
    model = network()
    profile = model.profile(*samples, batch_size=16, steps=3)
    calls = model.plan(batch_size=16).calls
    assert [(call.kernel, call.layer) for call in profile.calls] == [(call.kernel, call.label) for call in calls]
    assert [call.flops for call in profile.calls] == [call.flops * 16 for call in calls]
    assert all(0 < call.seconds < 1 for call in profile.calls)
    assert sum(call.seconds for call in profile.calls) == pytest.approx(profile.seconds, rel=0.9)
    assert profile.mode == "train" and profile.batch_size == 16
    by_name = {(call.kernel, call.layer): call for call in profile.calls}
    second = by_name["conv2d_winograd_forward", "second"]
    assert second.algorithm == "winograd_3x3"
    assert second.flops == 2 * 9 * 16 * 16 * 3 * 3 * 16
    assert second.multiplied == pytest.approx(2 * 25 * 16 * 16 * 16)  # one tile an image, 25 positions
    # x 5x5x16, y 3x3x16, kernel, bias; the scratch of the algorithm is counted too
    assert second.nbytes >= 4 * (16 * (5 * 5 * 16 + 3 * 3 * 16) + 9 * 16 * 16 + 16)


def test_the_model_stays_as_it_is(samples):
    model = network()
    before = model.get_weights()
    model.profile(*samples, steps=2)
    assert all(np.array_equal(now, then) for now, then in zip(model.get_weights(), before, strict=True))
    assert model.optimizer.iterations == 0


def test_without_labels_predict_is_profiled(samples):
    profile = network().profile(samples[0], steps=2)
    assert profile.mode == "predict" and profile.batch_size == 32
    assert not any("backward" in call.kernel or "adam" in call.kernel for call in profile.calls)


def test_it_prints_a_line_for_each_call():
    calls = (
        CallTime("conv2d_forward", "first", "direct", 2e-3, 4e8, 4e8, 8_000_000),
        CallTime("adam", "b", "", 1e-3, 0, 0, 24),
    )
    lines = str(Profile(calls, 4e-3, 32, "train", 400.0, 20.0)).splitlines()
    head = (
        "A step to train on 32 rows: 4.000 ms in 2 kernel calls; its multiplications alone take 1.000 ms at the peak ("
    )
    assert lines[0].startswith(head)
    assert lines[0].endswith("; peak 400 GFLOP/s, copy 20.0 GB/s)")
    assert lines[1].split() == ["kernel", "layer", "algorithm", "ms", "share", "GFLOP/s", "of", "peak", "GB/s"]
    assert lines[2].split() == ["conv2d_forward", "first", "direct", "2.000", "50.0%", "200.0", "50%", "4.0"]
    assert lines[3].split() == ["adam", "b", "1.000", "25.0%", "0.0"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "profile: batch_size must be positive, got 0"),
        ({"steps": 0}, "profile: steps must be positive, got 0"),
    ],
)
def test_wrong_settings(samples, settings, message):
    with pytest.raises(ValueError) as caught:
        network().profile(*samples, **settings)
    assert str(caught.value) == message


def test_a_clock_needs_room_for_every_call(samples):
    model = network()
    plan = model.plan(batch_size=8)
    feeds = [samples[0].astype(np.float32), samples[1].astype(np.int32)]
    with pytest.raises(ValueError, match="seconds must be a writable float64 array of"):
        plan.run(feeds, np.arange(9), batch_size=8, seed=0, iteration=0, seconds=np.zeros(2 * len(plan.calls) - 1))


def test_the_roof_is_drawn_over_the_calls_that_compute():
    calls = tuple(CallTime(f"kernel_{i}", f"layer_{i}", "", (i + 1) * 1e-3, 1e8 * i, 0, 1_000_000) for i in range(9))
    figure = plot.roofline(Profile(calls, sum(call.seconds for call in calls), 32, "train", 400.0, 20.0))
    (axes,) = figure.axes
    roof = axes.lines[0].get_xydata()
    assert roof[:, 1] == pytest.approx(np.minimum(400.0, 20.0 * roof[:, 0]))
    places = np.asarray(axes.collections[0].get_offsets())
    assert places == pytest.approx(np.array([(call.flops / 1e6, call.gflops) for call in calls[:0:-1]]))
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names[0] == "1  kernel_8, layer_8  20%" and len(names) == 6


def test_the_roof_needs_calls_that_compute():
    with pytest.raises(TypeError, match=r"plot\.roofline: needs what model\.profile"):
        plot.roofline(network())
    with pytest.raises(ValueError, match="none of the calls"):
        plot.roofline(Profile((CallTime("adam", "b", "", 1e-3, 0, 0, 24),), 1e-3, 32, "train", 400.0, 20.0))
