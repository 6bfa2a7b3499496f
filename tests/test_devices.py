"""Models and ops on a device whose memory is not NumPy's: the emulator's kernels behind a stand-in for CuPy."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cupy_double
import numpy as np
import pytest
from emulated import emulated, emulator
from trainings import small_network

import pyconvnet as pcn
from pyconvnet import config, devices, layers, ops
from pyconvnet.cli import doctor, main
from pyconvnet.datasets.scaled import ScaledArray
from pyconvnet.training.data import Dataset

emulator()

X = np.random.default_rng(0).integers(0, 256, (22, 8, 8, 1), np.uint8)
Y = np.random.default_rng(1).integers(0, 3, 22)


@pytest.fixture
def cupy() -> Iterator[Any]:
    """Make this a machine with a GPU that multiplies in float32."""
    before = config.tf32
    config.tf32 = False
    with cupy_double.gpu() as module:
        yield module
    config.tf32 = before


def model(device: str | None = None, optimizer: Any = "adam") -> pcn.Sequential:
    """Make a small network; compiled where a device is given."""
    net = small_network((8, 8, 1))
    if device is not None:
        net.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], device=device)
    return net


def results(net: pcn.Sequential, x: Any = X, y: Any = Y, **options: Any) -> tuple[Any, list[np.ndarray]]:
    """Train and answer the history and the weights."""
    history = net.fit(x, y, batch_size=4, epochs=2, verbose=0, **options).history
    return history, net.get_weights()


def same(one: tuple[Any, list[np.ndarray]], other: tuple[Any, list[np.ndarray]]) -> bool:
    """Compare histories and weights bit for bit."""
    return one[0] == other[0] and all(np.array_equal(a, b) for a, b in zip(one[1], other[1], strict=True))


def emulated_results(**options: Any) -> tuple[Any, list[np.ndarray]]:
    """Train with the same kernels in NumPy's memory."""
    with emulated():
        return results(model("emu"), **options)


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "gpu", "auto"])
def test_a_model_trains_on_a_gpu(cupy: Any, device: str) -> None:
    net = model(device)
    got = results(net, validation_split=0.2)
    assert str(net.device) == "cuda:0"
    assert all(type(variable.buffer) is cupy.ndarray for variable in net.weights)
    slots = [slot for variable in net.trainable_weights for slot in net.optimizer.slots(variable).values()]
    assert slots and all(type(slot.buffer) is cupy.ndarray for slot in slots)
    assert same(got, emulated_results(validation_split=0.2))


def test_tf32_is_a_choice_and_strict_refuses_it(cupy: Any, switches: None) -> None:
    for tf32, strict, backend in ((True, False, "cuda_tf32"), (False, False, "cuda"), (True, True, "cuda")):
        config.tf32, config.strict = tf32, strict
        assert model("cuda").plan().spec.backend == backend
    config.tf32, config.strict = True, False
    assert model("cpu").plan().spec.backend == "cpu"
    assert (config.describe()["device"], config.describe()["tf32"]) == ("cuda:0 (auto)", "on")
    assert config.describe()["bfloat16"].endswith("tensor cores of cuda:0; tensor cores of cuda:1")


def test_mixed_policies_multiply_in_bfloat16(cupy: Any, switches: None) -> None:
    x = np.random.default_rng(1).normal(size=(22, 8, 8, 8)).astype(np.float32)
    got = {}
    for policy in ("float32", "mixed_bfloat16"):
        pcn.utils.set_random_seed(4)
        conv = layers.Conv2D(8, 3, dtype=policy, activation="relu")
        net = pcn.Sequential([layers.Input((8, 8, 8)), conv, layers.Flatten(), layers.Dense(3, activation="softmax")])
        net.compile("adam", "sparse_categorical_crossentropy", device="cuda")
        rows = [line.split() for line in str(net.plan()).splitlines()[2:]]
        algorithms = {row[3] for row in rows if row[1].startswith("conv2d")}
        got[policy] = algorithms, net.fit(x, Y, batch_size=4, epochs=3, verbose=0).history["loss"]
    assert [algorithms for algorithms, _ in got.values()] == [{"direct"}, {"bfloat16"}]
    exact, rounded = (losses for _, losses in got.values())
    assert exact != rounded
    np.testing.assert_allclose(rounded, exact, rtol=0.02)


def test_images_are_resampled_where_they_lie(cupy: Any) -> None:
    random = np.random.default_rng(2)
    images, matrices = random.integers(0, 256, (4, 6, 5, 2), np.uint8), random.normal(size=(3, 2, 3))
    arguments = dict(rows=np.array([3, 0, 0]), changes=np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1]]), fill_mode="reflect")
    warped = ops.affine_warp(cupy.asarray(images)[:, ::-1], cupy.asarray(matrices), **arguments)
    assert type(warped) is cupy.ndarray
    np.testing.assert_array_equal(warped.get(), ops.affine_warp(images[:, ::-1], matrices, **arguments))


def test_a_gpu_without_such_tensor_cores_multiplies_in_float32(
    cupy: Any, monkeypatch: pytest.MonkeyPatch, switches: None
) -> None:
    monkeypatch.setattr(cupy.cuda.Device, "compute_capability", "75")
    devices._cuda.cache_clear()
    config.tf32 = True
    spec = model("cuda").plan().spec
    assert (spec.backend, spec.bfloat16) == ("cuda", "plain")
    x, kernel = cupy.asarray(np.ones((1, 4, 4, 8), np.float32)), cupy.asarray(np.ones((3, 3, 8, 8), np.float32))
    with pytest.raises(ValueError, match=r"conv2d_bfloat16_forward: cuda:0 has no tensor cores for bfloat16 numbers"):
        ops.conv2d(x, kernel, algorithm="bfloat16")
    devices._cuda.cache_clear()


def test_data_in_the_gpus_memory_answer_in_kind(cupy: Any) -> None:
    net, expected = model("cuda"), model("cuda")
    assert same(results(net, cupy.asarray(X), cupy.asarray(Y)), results(expected))
    outputs = net.predict(cupy.asarray(X), verbose=0)
    assert type(outputs) is cupy.ndarray and outputs.shape == (22, 3)
    np.testing.assert_array_equal(outputs.get(), expected.predict(X, verbose=0))
    assert isinstance(expected.predict(X, verbose=0), np.ndarray)
    weights = np.arange(22) / 22
    one = net.evaluate(cupy.asarray(X), cupy.asarray(Y), sample_weight=cupy.asarray(weights), verbose=0)
    assert one == expected.evaluate(X, Y, sample_weight=weights, verbose=0)


def test_a_model_on_the_processor_takes_and_answers_arrays_of_a_gpu(cupy: Any) -> None:
    net, expected = model("cpu"), model("cpu")
    assert same(results(net, cupy.asarray(X), cupy.asarray(Y)), results(expected))
    outputs = net.predict(cupy.asarray(X), verbose=0)
    assert type(outputs) is cupy.ndarray
    np.testing.assert_array_equal(outputs.get(), expected.predict(X, verbose=0))


def test_several_outputs_and_generators(cupy: Any) -> None:
    inputs = layers.Input((8, 8, 1))
    hidden = layers.Flatten()(inputs)
    net = pcn.Model(inputs, [layers.Dense(2)(hidden), layers.Dense(3)(hidden)])
    net.compile("sgd", "mse", device="cuda")
    x = cupy.asarray(X)
    first, second = net.predict(x, verbose=0)
    assert (first.shape, second.shape) == ((22, 2), (22, 3)) and type(second) is cupy.ndarray
    for batches in ([x[:11], x[11:]], [x[:11], X[11:]]):
        got, _ = net.predict(iter(batches), verbose=0)
        np.testing.assert_array_equal(got.get(), net.predict(X, verbose=0)[0])


def test_data_go_to_the_device_once_and_stay_bytes(cupy: Any) -> None:
    images = ScaledArray(X, 255.0)
    net, expected = model("cuda"), emulated_results(x=images)
    assert same(results(net, images), expected)
    cupy_double.state["copied"].clear()
    net.fit(images, Y, batch_size=4, epochs=4, verbose=0)
    assert [array is X for array in cupy_double.state["copied"]].count(True) == 1
    assert all(array is X or array.nbytes <= Y.nbytes + images.table.nbytes for array in cupy_double.state["copied"])


def test_data_that_do_not_fit_go_chunk_by_chunk(cupy: Any) -> None:
    images = ScaledArray(np.repeat(X, 40, axis=0), 255.0)
    labels = np.repeat(Y, 40)

    def trained() -> tuple[Any, list[np.ndarray]]:
        pcn.utils.set_random_seed(0)
        net = pcn.Sequential([layers.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")])
        net.compile("adam", "sparse_categorical_crossentropy", device="cuda")
        return results(net, images, labels, validation_split=0.1)

    expected = trained()
    cupy_double.state["free"] = 100_000  # less than twice the images
    assert images.array.nbytes > 50_000
    lying = cupy.asarray(np.zeros(90_000, np.uint8))
    assert Dataset((lying,)).on(devices.get("cuda")) is not None  # it is there already
    assert cupy_double.state["streams"] == []
    assert same(trained(), expected)
    uploads = cupy_double.state["streams"]  # by threads of their own, beside the kernels
    assert len(uploads) >= 4 and all(name.startswith("pyconvnet-upload") for name in uploads)


def test_data_half_of_which_lie_on_the_gpu_arrive_too(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = layers.Input((8, 8, 1)), layers.Input((3,))
    joined = layers.Concatenate()([layers.Flatten()(first), second])
    net = pcn.Model([first, second], layers.Dense(2)(joined))
    net.compile("sgd", "mse", device="cuda")
    images, numbers = np.repeat(X, 40, axis=0), np.random.default_rng(3).normal(size=(880, 3)).astype(np.float32)
    expected = net.predict([images, numbers], verbose=0)
    take, cut_by = cupy_double.ndarray.__getitem__, set[str]()

    def spy(array: Any, index: Any) -> Any:
        cut_by.add(threading.current_thread().name)
        return take(array, index)

    monkeypatch.setattr(cupy_double.ndarray, "__getitem__", spy)
    cupy_double.state |= {"free": 100_000, "waits": 0}  # less than twice the images
    np.testing.assert_array_equal(net.predict([images, cupy.asarray(numbers)], verbose=0), expected)
    uploads = cupy_double.state["streams"]
    assert uploads and cut_by == {threading.main_thread().name}
    assert cupy_double.state["waits"] >= len(uploads)  # before the memory of a chunk's rows serves the next ones


def test_weights_come_back_for_files_copies_and_the_processor(cupy: Any, tmp_path: Path) -> None:
    net = model("cuda")
    results(net)
    weights, outputs = net.get_weights(), net.predict(X, verbose=0)
    assert all(isinstance(array, np.ndarray) for array in weights)
    twin, unpickled = copy.deepcopy(net), pickle.loads(pickle.dumps(net))
    assert str(unpickled.device) == "cuda:0"
    np.testing.assert_array_equal(unpickled.predict(X, verbose=0), outputs)
    assert all(variable.device.is_host for variable in twin.weights)
    for ending in ("keras", "h5"):
        net.save(tmp_path / f"model.{ending}")
        again = pcn.models.load_model(tmp_path / f"model.{ending}")
        np.testing.assert_array_equal(again.predict(X, verbose=0), outputs)
    net.save_weights(tmp_path / "weights.safetensors")
    results(twin)
    assert same(results(net), (twin.history.history, twin.get_weights()))  # the optimizer's state came along
    net.load_weights(tmp_path / "weights.safetensors")
    np.testing.assert_array_equal(net.predict(X, verbose=0), outputs)
    net.weights[0].assign(cupy.asarray(2 * weights[0]))
    np.testing.assert_array_equal(net.weights[0].numpy(), 2 * weights[0])


def test_a_pickle_of_a_gpu_opens_without_one() -> None:
    with cupy_double.gpu():
        net = model("cuda")
        results(net)
        content, weights = pickle.dumps(net), net.get_weights()
    again = pickle.loads(content)
    assert str(again.device) == "cpu"
    results(again)
    assert not np.array_equal(again.get_weights()[0], weights[0])


def test_layers_that_two_models_share_move_with_the_work(cupy: Any) -> None:
    net = model("cuda")
    part = pcn.Model(net.inputs, net.layers[0].output)
    part.compile("sgd", "mse", device="cpu")
    results(net)
    got = part.predict(X, verbose=0)
    kernel, bias = net.layers[0].get_weights()
    np.testing.assert_allclose(got, np.maximum(ops.conv2d(X, kernel, bias), 0), rtol=1e-6, atol=1e-6)
    assert net.weights[0].device.is_host and not net.weights[-1].device.is_host
    history = results(net)  # they move back, and stale plans are not run
    assert not net.weights[0].device.is_host and np.isfinite(history[0]["loss"]).all()
    twin = model("cuda")
    results(twin)
    assert same(results(twin), history)


def test_a_weight_that_works_elsewhere_during_an_epoch_comes_back(cupy: Any) -> None:
    net, expected = model("cuda"), model("cuda")
    part = pcn.Model(net.inputs, net.layers[0].output)
    part.compile("sgd", "mse", device="cpu")
    look = pcn.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: part.predict(X[:2], verbose=0))
    assert same(results(net, callbacks=[look]), results(expected, callbacks=[pcn.callbacks.LambdaCallback()]))


def test_parts_of_a_model_run_where_it_was_compiled_for(cupy: Any) -> None:
    net = model("cpu")
    results(net)
    pcn.plot.feature_maps(net, X[0], 0)
    assert all(variable.device.is_host for variable in net.weights)


def test_a_call_answers_in_kind(cupy: Any) -> None:
    net = model("cuda")
    got = net(cupy.asarray(X[:3]))
    assert type(got) is cupy.ndarray
    np.testing.assert_array_equal(got.get(), net.predict(X[:3], verbose=0))


def test_inner_values_follow_the_weights(cupy: Any) -> None:
    net = model("cuda")
    results(net)
    part = pcn.Model(net.inputs, net.layers[0].output)  # not compiled
    part.predict(X, verbose=0)
    assert str(part.device) == "cuda:0" and not net.weights[0].device.is_host
    for one in (net, model("cuda")):  # trained, and never run
        assert pcn.plot.grad_cam(one, X[:2]) is not None
        assert all(not variable.device.is_host for variable in one.layers[0].weights)


def test_the_default_device_is_a_switch(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert devices.available() == ["cpu", "cuda:0", "cuda:1"]
    net = model("auto")
    assert str(net.device) == "cuda:0"
    monkeypatch.setattr(config, "device", "cpu")
    assert str(net.device) == "cpu"
    monkeypatch.setattr(config, "device", "cuda:1")
    assert str(net.device) == "cuda:1"
    net.fit(X, Y, verbose=0)
    assert net.weights[0].buffer.device.id == 1
    monkeypatch.setattr(config, "device", "cuda:7")
    with pytest.raises(
        ValueError, match=r"config.device: device 'cuda:7' is not there: this machine has 2 \(cuda:0 to "
    ):
        net.predict(X, verbose=0)


def test_a_full_device_says_what_to_do(cupy: Any) -> None:
    net = model("cuda")
    cupy_double.state["free"] = 10_000
    with pytest.raises(MemoryError, match=r"cuda:0 is out of memory: Out of memory allocating .* use a smaller batch"):
        net.fit(X, Y, verbose=0)


def test_the_commands_know_the_device(cupy: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.examine()
    assert "ok      cuda: NVIDIA Emulator and 1 more (compute capability 9.0, 1 GiB; " in capsys.readouterr().out
    net = model("cuda")
    assert str(net.plan()).startswith("Plan to train, batches of up to 32, cuda:0 (float32): ")
    assert f"{len(net.plan().calls)} kernel calls on cuda:0, each waited for" in str(net.profile(X, Y, batch_size=4))
    with pytest.raises(ValueError, match=r"plot.roofline: the roof of cuda:0 is not measured"):
        pcn.plot.roofline(net.profile(X, Y, batch_size=4))
    assert main(["lecture", "mlp", "--device", "cuda:9", "--out", str(tmp_path)]) == 2
    assert "lecture: device 'cuda:9' is not there" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "gpu"])
def test_a_missing_gpu_is_refused(device: str) -> None:
    with pytest.raises(ValueError, match=f"compile: device '{device}' is not available: this build has no CUDA module"):
        model(device)


@pytest.mark.parametrize("device", ["tpu", "cuda:x", "cuda:", 3, "cpu:0"])
def test_an_unknown_device_is_refused(device: Any) -> None:
    with pytest.raises(ValueError, match="compile: device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got"):
        model(device)


def test_a_gpu_without_cupy_is_refused(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "cupy", None)
    cupy_double.forget()
    with pytest.raises(ValueError, match=r"arrays on a GPU are CuPy's, and .*pip install \"pyconvnet\[cuda13\]\""):
        model("cuda")
    assert str(model("auto").device) == "cpu"


def test_ops_work_where_their_arrays_lie(cupy: Any) -> None:
    random = np.random.default_rng(2)
    x, kernel = random.normal(size=(2, 6, 6, 3)).astype("f4"), random.normal(size=(3, 3, 3, 4)).astype("f4")
    y = ops.conv2d(cupy.asarray(x), cupy.asarray(kernel), padding="same")
    assert type(y) is cupy.ndarray
    with emulated():
        np.testing.assert_array_equal(y.get(), ops.conv2d(x, kernel, padding="same"))
        dkernel, dbias = ops.conv2d_backward_weights(x, y.get(), 3, padding="same")
    got = ops.conv2d_backward_weights(cupy.asarray(x), y, 3, padding="same")
    np.testing.assert_array_equal(got[0].get(), dkernel)
    np.testing.assert_array_equal(got[1].get(), dbias)
    with pytest.raises(ValueError, match=r"conv2d_forward 'kernel': is a NumPy array, and .*cupy\.asarray"):
        ops.conv2d(cupy.asarray(x), kernel)
    with cupy_double.Device(1):
        elsewhere = cupy.asarray(kernel)
    with pytest.raises(ValueError, match="conv2d_forward: all arrays must be on one device, got 'x' on cuda:0"):
        ops.conv2d(cupy.asarray(x), elsewhere)
    with pytest.raises(ValueError, match="conv2d_winograd_forward: this backend does not offer it"):
        ops.conv2d(cupy.asarray(x), cupy.asarray(kernel), algorithm="winograd_4x4")
