"""What is saved comes back: numbers to the bit, training settings, the state of the optimizer, the training itself."""

from __future__ import annotations

import json
import os
import re
import stat
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from small_models import images, network

from pyconvnet import layers, losses, metrics, optimizers
from pyconvnet.cli import main
from pyconvnet.models import Functional, Model, Sequential, load_model
from pyconvnet.saving import convert

MODEL_ENDINGS = [".keras", ".h5"]
WEIGHT_ENDINGS = [".weights.h5", ".h5", ".safetensors"]


def trained(epochs: int = 2) -> Sequential:
    model = network()
    model.fit(*images(), epochs=epochs, batch_size=16, verbose=0)
    return model


def assert_equal(first: Any, second: Any) -> None:
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def graph() -> Functional:
    """Two inputs, two outputs, a shared layer, a model inside that is used twice."""
    inner_input = layers.Input((4, 4, 2))
    inner = Model(inner_input, layers.BatchNormalization()(layers.Conv2D(2, 1)(inner_input)), name="inner")
    row = Sequential([layers.Input((4, 4, 2)), layers.DepthwiseConv2D(3, padding="same")], name="row")
    a, b = layers.Input((4, 4, 2), name="a"), layers.Input((4, 4, 2), name="b")
    twice = layers.Conv2D(2, 1, name="twice")
    x = layers.Add()([inner(twice(a)), twice(b)])
    y = row(inner(x))
    first = layers.Dense(3, activation="softmax", name="first")(layers.Flatten()(y))
    second = layers.Dense(1, name="second")(layers.GlobalMaxPooling2D()(layers.Concatenate()([x, y])))
    model = Model([a, b], [first, second], name="graph")
    model.compile(
        "adam",
        ["sparse_categorical_crossentropy", "mse"],
        metrics=[["accuracy"], [metrics.MeanAbsoluteError(name="off")]],
        loss_weights=[1.0, 0.5],
    )
    return model


@pytest.mark.parametrize("ending", MODEL_ENDINGS)
def test_training_goes_on_to_the_bit(ending: str, tmp_path: Path) -> None:
    """Weights, slots, step number and seed: dropout and the order of the rows are those of a run without a stop."""
    whole, first = trained(4), trained(2)
    first.save(tmp_path / f"m{ending}")
    loaded = load_model(tmp_path / f"m{ending}")
    assert_equal(first, loaded)
    assert loaded.optimizer.iterations == first.optimizer.iterations == 2 * 5
    loaded.fit(*images(), initial_epoch=2, epochs=4, batch_size=16, verbose=0)
    assert_equal(whole, loaded)


@pytest.mark.parametrize("ending", WEIGHT_ENDINGS)
def test_weights_come_back(ending: str, tmp_path: Path) -> None:
    model, fresh = trained(), network()
    model.save_weights(tmp_path / f"w{ending}")
    fresh.load_weights(tmp_path / f"w{ending}")
    assert_equal(model, fresh)
    assert fresh.optimizer is not None
    assert fresh.optimizer.iterations == (10 if ending == ".weights.h5" else 0)


@pytest.mark.parametrize("ending", MODEL_ENDINGS)
def test_graphs_come_back(ending: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = [random.normal(size=(6, 4, 4, 2)), random.normal(size=(6, 4, 4, 2))]
    y = [np.arange(6) % 3, random.normal(size=(6, 1))]
    model = graph()
    model.fit(x, y, epochs=2, batch_size=6, verbose=0)
    model.save(tmp_path / f"m{ending}")
    loaded = load_model(tmp_path / f"m{ending}")
    assert type(loaded) is Functional and [one.name for one in loaded.layers] == [one.name for one in model.layers]
    for ours, theirs in zip(model.predict(x, verbose=0), loaded.predict(x, verbose=0), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert loaded.evaluate(x, y, verbose=0, return_dict=True) == model.evaluate(x, y, verbose=0, return_dict=True)
    for each in (model, loaded):
        each.fit(x, y, epochs=1, batch_size=6, verbose=0)
    assert_equal(model, loaded)


@pytest.mark.parametrize("ending", MODEL_ENDINGS)
def test_models_with_named_ends_come_back(ending: str, tmp_path: Path) -> None:
    x = layers.Input((3,), name="x")
    model = Model({"given": x}, {"double": layers.Dense(2)(x), "single": layers.Dense(1)(x)})
    model.save(tmp_path / f"m{ending}")
    loaded = load_model(tmp_path / f"m{ending}")
    found = loaded.predict({"given": np.ones((2, 3))}, verbose=0)
    assert sorted(found) == ["double", "single"]
    np.testing.assert_array_equal(found["single"], model.predict({"given": np.ones((2, 3))}, verbose=0)["single"])


@pytest.mark.filterwarnings("ignore:the loss says from_logits=True, but the model ends in softmax")
@pytest.mark.parametrize("ending", MODEL_ENDINGS)
def test_settings_come_back(ending: str, tmp_path: Path) -> None:
    model = network()
    schedule = optimizers.schedules.ExponentialDecay(0.1, 5, 0.9)
    model.compile(
        optimizers.AdamW(schedule, weight_decay=0.01, clipnorm=1.0, use_ema=True),
        losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["acc", metrics.SparseTopKCategoricalAccuracy(k=2, name="two")],
    )
    model.fit(*images(), epochs=1, verbose=0)
    model.save(tmp_path / f"m{ending}")
    loaded = load_model(tmp_path / f"m{ending}")
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    assert loaded.loss.get_config() == model.loss.get_config()
    assert loaded.metrics_names == ["loss", "acc", "two"]
    for variable, own in zip(loaded.trainable_weights, model.trainable_weights, strict=True):
        for name, slot in model.optimizer.slots(own).items():
            np.testing.assert_array_equal(loaded.optimizer.slots(variable)[name].numpy(), slot.numpy())


def test_frozen_layers_stay_frozen(tmp_path: Path) -> None:
    model = network()
    model.layers[0].trainable = False
    model.fit(*images(), epochs=1, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras")
    assert [layer.trainable for layer in loaded.layers] == [False, True, True, True]
    assert loaded.optimizer.iterations == model.optimizer.iterations


def test_a_learning_rate_that_was_changed_comes_back(tmp_path: Path) -> None:
    model = trained()
    model.optimizer.learning_rate = 0.125
    model.save_weights(tmp_path / "m.weights.h5")
    fresh = network()
    fresh.load_weights(tmp_path / "m.weights.h5")
    assert fresh.optimizer.learning_rate == 0.125


@pytest.mark.parametrize("ending", MODEL_ENDINGS)
def test_without_optimizer(ending: str, tmp_path: Path) -> None:
    trained().save(tmp_path / f"m{ending}", include_optimizer=False)
    assert not load_model(tmp_path / f"m{ending}").compiled
    trained().save(tmp_path / f"m{ending}")
    assert not load_model(tmp_path / f"m{ending}", compile=False).compiled


def test_another_optimizer_begins_afresh_and_says_so(tmp_path: Path) -> None:
    trained().save_weights(tmp_path / "m.weights.h5")
    fresh = network()
    fresh.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="SGD keeps 0 arrays for this model, the file has 8; training begins with a"):
        fresh.load_weights(tmp_path / "m.weights.h5")
    assert fresh.optimizer.iterations == 0


def test_keras_finds_what_it_looks_for(tmp_path: Path) -> None:
    """The layout that Keras 3 reads, without Keras."""
    trained().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as packed:
        assert [(i.filename, i.compress_type) for i in packed.infolist()] == [
            ("metadata.json", 0),
            ("config.json", 0),
            ("model.weights.h5", 0),
        ]
        config = json.loads(packed.read("config.json"))
        conv = config["config"]["layers"][1]
        assert (conv["module"], conv["class_name"], conv["registered_name"]) == ("keras.layers", "Conv2D", None)
        assert conv["build_config"] == {"input_shape": [None, 5, 5, 1]}
        assert conv["config"]["kernel_initializer"]["module"] == "keras.initializers"
        assert config["compile_config"]["optimizer"]["module"] == "keras.optimizers"
        packed.extract("model.weights.h5", tmp_path)
    with h5py.File(tmp_path / "model.weights.h5") as file:
        assert file["layers/conv2d/vars/0"].shape == (3, 3, 1, 4) and file["layers/dense/vars/1"].shape == (3,)
        assert file["optimizer/vars/0"][()] == 10 and file["optimizer/vars/2"].shape == (3, 3, 1, 4)


def test_many_layers_with_long_names(tmp_path: Path) -> None:
    """Lists of names that are too long for one HDF5 attribute are cut and put together again."""
    row = [layers.Dense(1, name=f"{'long' * 100}{i}") for i in range(170)]
    model = Sequential([layers.Input((1,)), *row])
    model.save(tmp_path / "m.h5", include_optimizer=False)
    assert_equal(model, load_model(tmp_path / "m.h5"))


def test_overwrite_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path, asked = tmp_path / "m.keras", []
    path.write_bytes(b"old")
    answers = iter(["perhaps", "n", "Y"])
    monkeypatch.setattr("builtins.input", lambda prompt: asked.append(prompt) or next(answers))
    network().save(path, overwrite=False)
    assert path.read_bytes() == b"old"
    assert asked == [f"[WARNING] {path} already exists - overwrite? [y/n]", 'Enter "y" (overwrite) or "n" (cancel).']
    network().save(path, overwrite=False)
    assert path.read_bytes() != b"old" and "overwrite=True" in capsys.readouterr().out


class TestWholeFile:
    """A file is replaced as a whole or not at all."""

    @pytest.mark.parametrize("ending", [".keras", ".h5", ".weights.h5", ".safetensors"])
    def test_a_failed_save_leaves_the_old_file(
        self, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, model = tmp_path / f"m{ending}", trained()
        path.write_bytes(b"old")

        def full(*_: Any) -> None:
            raise OSError("No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            (model.save if ending in MODEL_ENDINGS else model.save_weights)(path)
        assert path.read_bytes() == b"old" and os.listdir(tmp_path) == [path.name]

    def test_it_is_brought_to_disk_before_it_is_renamed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        done: list[str] = []
        for name in ("fsync", "replace"):
            real = getattr(os, name)
            monkeypatch.setattr(os, name, lambda *a, _n=name, _r=real: (done.append(_n), _r(*a))[1])
        network().save(tmp_path / "m.keras")
        assert done == ["fsync", "replace", "fsync"]

    def test_mode_and_link_stay(self, tmp_path: Path) -> None:
        path, link = tmp_path / "m.keras", tmp_path / "link.keras"
        path.write_bytes(b"old")
        path.chmod(0o640)
        link.symlink_to(path)
        network().save(link)
        assert link.is_symlink() and stat.S_IMODE(path.stat().st_mode) == 0o640
        assert_equal(load_model(path), load_model(link))

    def test_folders_and_devices_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "d.keras").mkdir()
        (tmp_path / "null.h5").symlink_to("/dev/null")
        for name in ("d.keras", "null.h5"):
            with pytest.raises(ValueError, match="is not a file but a folder or a device"):
                network().save(tmp_path / name)
        for call, name in ((network().save, "m.keras"), (network().save_weights, "m.safetensors")):
            path = tmp_path / "missing" / name
            folder = re.escape(f"'{path}': the folder '{path.parent}' does not exist; make it first")
            with pytest.raises(FileNotFoundError, match=f"^save(_weights)?: {folder}$"):
                call(path)


class TestCommands:
    """`pyconvnet inspect` and `pyconvnet convert`."""

    @pytest.mark.parametrize("target", [".keras", ".h5", ".weights.h5", ".safetensors"])
    @pytest.mark.parametrize("source", [".keras", ".h5"])
    def test_convert(self, source: str, target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        model = trained()
        model.save(tmp_path / f"a{source}")
        assert main(["convert", str(tmp_path / f"a{source}"), str(tmp_path / f"b{target}")]) == 0
        assert capsys.readouterr().out == f"wrote {tmp_path / f'b{target}'}\n"
        fresh = network()
        fresh.load_weights(tmp_path / f"b{target}")
        assert_equal(model, fresh)
        if target in MODEL_ENDINGS:
            assert load_model(tmp_path / f"b{target}").optimizer.iterations == 10

    def test_safetensors_hold_the_network(self, tmp_path: Path) -> None:
        model = trained()
        model.save_weights(tmp_path / "a.safetensors")
        convert(tmp_path / "a.safetensors", tmp_path / "b.keras")
        assert_equal(model, load_model(tmp_path / "b.keras"))

    def test_convert_keeps_what_is_there(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        network().save(tmp_path / "a.keras")
        (tmp_path / "b.h5").write_bytes(b"old")
        pair = [str(tmp_path / "a.keras"), str(tmp_path / "b.h5")]
        assert main(["convert", *pair]) == 2 and "is there already" in capsys.readouterr().err
        assert main(["convert", *pair, "--overwrite"]) == 0
        assert main(["convert", pair[0], str(tmp_path / "b.txt")]) == 2 and "must end in" in capsys.readouterr().err

    def test_inspect(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        trained().save(tmp_path / "a.keras")
        assert main(["inspect", str(tmp_path / "a.keras")]) == 0
        out = capsys.readouterr().out
        for part in (
            "a model in Keras 3's format (.keras)",
            "written by: pyconvnet",
            "    InputLayer 'input_",
            "    conv2d: (3, 3, 1, 4), (4,)",
            "training settings: Adam(learning_rate=0.01,",
            "optimizer state: after 10 steps, 10 arrays",
            "    pyconvnet: yes, load_model",
            "    Keras 2 (tf-keras): no, it is of Keras 3",
        ):
            assert part in out
        (tmp_path / "b.txt").write_text("hello")
        assert main(["inspect", str(tmp_path / "b.txt")]) == 2
        assert "no model file that pyconvnet knows" in capsys.readouterr().err


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_functions_as_metrics_are_left_out(ending: str, tmp_path: Path) -> None:
    def error(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return np.abs(y_true - y_pred).mean(-1)

    model = Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse", metrics=[error, "mae"])
    model.save(tmp_path / f"model{ending}")
    loaded = load_model(tmp_path / f"model{ending}")
    assert list(loaded.evaluate(np.ones((2, 3)), np.ones((2, 2)), verbose=0, return_dict=True)) == ["loss", "mae"]
