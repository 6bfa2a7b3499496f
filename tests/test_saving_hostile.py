"""Files that are damaged or made to do harm: refused with a sentence, in bounded memory; nothing of them runs."""

from __future__ import annotations

import copy
import json
import os
import pickle
import random
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_files import ENDINGS, members, pack, read
from small_models import network

from pyconvnet import layers
from pyconvnet.models import Model, Sequential, load_model
from pyconvnet.saving import inspect_lines
from pyconvnet.saving.archive import CONFIG, METADATA, WEIGHTS

Edit = Callable[[dict[str, Any]], Any]


@pytest.fixture
def with_config(originals: dict[str, Path], tmp_path: Path) -> Callable[[Edit], Path]:
    """A `.keras` file whose config was changed."""

    def change(edit: Edit) -> Path:
        parts = members(originals[".keras"])
        config = json.loads(parts[CONFIG])
        edit(config)
        return pack(tmp_path / "m.keras", {**parts, CONFIG: json.dumps(config).encode()})

    return change


def conv(config: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = config["config"]["layers"][1]
    return found


class TestDamage:
    """Truncated and flipped files."""

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_truncated(self, ending: str, originals: dict[str, Path], tmp_path: Path) -> None:
        whole = originals[ending].read_bytes()
        for share in (0.0, 0.001, 0.1, 0.5, 0.9, 0.999):
            path = tmp_path / f"t{ending}"
            path.write_bytes(whole[: int(len(whole) * share)])
            with pytest.raises(ValueError, match=f"'{path}': "):
                read(path)

    def test_every_flipped_bit_of_an_archive_is_noticed(self, originals: dict[str, Path], tmp_path: Path) -> None:
        whole, draw = originals[".keras"].read_bytes(), random.Random(0)
        path, quiet = tmp_path / "f.keras", 0
        for _ in range(150):
            data = bytearray(whole)
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
            path.write_bytes(data)
            try:
                read(path)
                quiet += 1  # a date in a header that nobody reads
            except ValueError as error:
                assert str(error).startswith(f"load_model: '{path}': ")
        assert quiet < 15

    @pytest.mark.parametrize("ending", [".h5", ".weights.h5", ".safetensors"])
    def test_flipped_weights_are_noticed(self, ending: str, originals: dict[str, Path], tmp_path: Path) -> None:
        """pyconvnet writes a checksum of every array."""
        whole = bytearray(originals[ending].read_bytes())
        kernel = network()
        kernel.load_weights(originals[ending])
        place = whole.find(kernel.get_weights()[0].tobytes())
        assert place > 0
        whole[place + 5] ^= 4
        path = tmp_path / f"f{ending}"
        path.write_bytes(whole)
        with pytest.raises(ValueError, match="damaged: its checksum is"):
            read(path)

    def test_flipped_configs_are_noticed(self, originals: dict[str, Path], tmp_path: Path) -> None:
        path = tmp_path / "f.h5"
        path.write_bytes(originals[".h5"].read_bytes().replace(b'"rate": 0.3', b'"rate": 0.4'))
        with pytest.raises(ValueError, match="the checksum of its configs"):
            read(path)

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_random_bytes(self, ending: str, originals: dict[str, Path], tmp_path: Path) -> None:
        whole, draw, path = originals[ending].read_bytes(), random.Random(1), tmp_path / f"r{ending}"
        refused = 0
        for _ in range(60):
            data = bytearray(whole)
            for _ in range(draw.choice((1, 5, 20))):
                data[draw.randrange(min(len(data), 4000))] = draw.randrange(256)
            path.write_bytes(data)
            try:
                read(path)
            except ValueError as error:
                assert f"'{path}': " in str(error)
                refused += 1
        assert refused > 10

    def test_names_that_are_no_text(self, originals: dict[str, Path], tmp_path: Path) -> None:
        path = tmp_path / "w.weights.h5"
        path.write_bytes(originals[".weights.h5"].read_bytes().replace(b"conv2d\0", b"conv2\xff\0"))
        with pytest.raises(ValueError, match="no HDF5 file, or a damaged one"):
            inspect_lines(path)

    def test_other_files(self, tmp_path: Path) -> None:
        (tmp_path / "m.keras").write_text("hello")
        with pytest.raises(ValueError, match=r"neither a \.keras nor an \.h5 file"):
            load_model(tmp_path / "m.keras")
        with pytest.raises(ValueError, match=r"a folder; .* SavedModel"):
            load_model(tmp_path)
        with pytest.raises(FileNotFoundError):
            load_model(tmp_path / "missing.keras")


class TestArchive:
    """Zips that are more than three stored members."""

    def test_compressed_members(self, originals: dict[str, Path], tmp_path: Path) -> None:
        path = pack(tmp_path / "z.keras", members(originals[".keras"]), zipfile.ZIP_DEFLATED)
        with pytest.raises(ValueError, match="is compressed or encrypted; Keras stores it as it is"):
            load_model(path)

    def test_bomb(self, originals: dict[str, Path], tmp_path: Path) -> None:
        parts = members(originals[".keras"]) | {CONFIG: b" " * 200_000_000}
        path = pack(tmp_path / "bomb.keras", parts, zipfile.ZIP_DEFLATED)
        assert path.stat().st_size < 300_000
        tracemalloc.start()
        with pytest.raises(ValueError, match="compressed"):
            load_model(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
        tracemalloc.stop()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda parts: parts | {"../evil.txt": b"x"}, r"must hold metadata.json, .* only, got ../evil.txt"),
            (lambda parts: parts | {f"x{i}": b"" for i in range(500)}, "its directory is too long"),
            (lambda parts: {k: v for k, v in parts.items() if k != WEIGHTS}, "has no model.weights.h5"),
            (lambda parts: {k: v for k, v in parts.items() if k != CONFIG}, "has no config.json"),
            (lambda parts: parts | {CONFIG: b" " * (8 * 2**20 + 1)}, "config.json must have at most 8388608 bytes"),
            (lambda parts: parts | {CONFIG: b"[" * 100_000}, "config.json is no JSON|config.json must"),
            (lambda parts: parts | {CONFIG: b'{"a":' * 500 + b"1" + b"}" * 500}, "nested more than 100 levels"),
            (lambda parts: parts | {CONFIG: b"[]"}, "config.json must be a dictionary, got list"),
            (lambda parts: parts | {CONFIG: b"\xff\xfe"}, "config.json is no text"),
            (lambda parts: parts | {WEIGHTS: b"hello"}, "no HDF5 file, or a damaged one"),
            (lambda parts: parts | {METADATA: b'{"pyconvnet": {"seed": -1}}'}, "the seed must be a whole number"),
        ],
    )
    def test_members(self, change: Any, message: str, originals: dict[str, Path], tmp_path: Path) -> None:
        path = pack(tmp_path / "m.keras", change(members(originals[".keras"])))
        with pytest.raises(ValueError, match=message):
            load_model(path)

    def test_a_comment_behind_the_archive(self, originals: dict[str, Path], tmp_path: Path) -> None:
        path = tmp_path / "m.keras"
        path.write_bytes(originals[".keras"].read_bytes() + b"more")
        with pytest.raises(ValueError, match="does not end as a zip does"):
            load_model(path)


class TestConfig:
    """Networks that pyconvnet does not make."""

    @pytest.mark.parametrize(
        ("edit", "message"),
        [
            (lambda c: conv(c).update(class_name="Lambda"), "is a Lambda, which holds code; pyconvnet never runs code"),
            (lambda c: conv(c).update(class_name="LSTM"), "unknown layer class 'LSTM'"),
            (lambda c: conv(c).update(class_name="Conv2d"), "unknown layer class 'Conv2d'; did you mean 'Conv2D'"),
            (lambda c: conv(c).update(class_name="os.system"), "unknown layer class 'os.system'"),
            (lambda c: conv(c).update(class_name=["Conv2D"]), "must be a dictionary with class_name"),
            (lambda c: conv(c).update(module="os"), "of the class Conv2D of os, which is not Keras's own"),
            (lambda c: conv(c).update(registered_name="mine>Conv2D"), "of mine>Conv2D, which is not Keras's own"),
            (lambda c: conv(c)["config"].update(filters=10**9), "must fit into the file, which has room for"),
            (lambda c: conv(c)["config"].update(filters=100_000), r"its kernel of shape .* must fit into the file"),
            (lambda c: conv(c)["config"].update(filters=10**300), "must fit into the file|filters"),
            (lambda c: conv(c)["config"].update(filters="many"), "filters must be a"),
            (lambda c: conv(c)["config"].update(kernel_constraint={"class_name": "MaxNorm"}), "is not offered by"),
            (lambda c: conv(c)["config"].update(evil=1), "unknown argument 'evil'"),
            (lambda c: conv(c)["config"].update(dtype="float16"), "dtype must be 'float32'"),
            (lambda c: conv(c)["config"].update(activation="evil"), "unknown activation 'evil'"),
            (
                lambda c: conv(c)["config"].update(
                    activation={
                        "module": "builtins",
                        "class_name": "function",
                        "config": "exec",
                        "registered_name": "function",
                    }
                ),
                "unknown activation 'exec'",
            ),
            (
                lambda c: conv(c)["config"].update(
                    activation={"module": "builtins", "class_name": "__lambda__", "config": {"code": "4wEA"}}
                ),
                "is a __lambda__, which holds code",
            ),
            (
                lambda c: conv(c)["config"].update(kernel_initializer={"class_name": "Evil", "config": {}}),
                "unknown initializer 'Evil'",
            ),
            (lambda c: conv(c)["config"].update(name="a/b"), "name must be a non-empty string without '/'"),
            (lambda c: c["config"].update(layers=[conv(c)] * 3000), "a list of at most 2000 layers"),
            (lambda c: c["config"].update(layers=None), "with a list of at most"),
            (lambda c: c.update(class_name="MyModel"), "unknown model class 'MyModel'"),
            (lambda c: c.update(config=[]), "must have a config"),
            (lambda c: c["compile_config"].update(loss="evil"), "compile=False leaves them out.*unknown loss 'evil'"),
            (lambda c: c["compile_config"].update(optimizer={"class_name": "Evil", "config": {}}), "unknown optimizer"),
            (lambda c: c["compile_config"].update(metrics=[{"class_name": "Evil", "config": {}}]), "unknown metric"),
        ],
    )
    def test_refused(self, edit: Edit, message: str, with_config: Callable[[Edit], Path]) -> None:
        path = with_config(edit)
        with pytest.raises(ValueError, match=message) as found:
            load_model(path)
        assert str(path) in str(found.value) and len(str(found.value)) < 2000
        assert any("pyconvnet: no: " in line for line in inspect_lines(path))

    def test_settings_that_are_none(self, with_config: Callable[[Edit], Path]) -> None:
        path = with_config(lambda config: config.update(compile_config=[1]))
        for call in (load_model, inspect_lines):
            with pytest.raises(ValueError, match="must be a dictionary, got list"):
                call(path)

    def test_compile_false_leaves_bad_settings_out(self, with_config: Callable[[Edit], Path]) -> None:
        path = with_config(lambda config: config["compile_config"].update(loss="evil"))
        assert not load_model(path, compile=False).compiled

    def test_deep_models(self, with_config: Callable[[Edit], Path]) -> None:
        def deepen(config: dict[str, Any]) -> None:
            inner = {"class_name": "Sequential", "config": copy.deepcopy(config["config"])}
            for i in range(60):
                inner = {"class_name": "Sequential", "config": {"name": f"m{i}", "layers": [inner]}}
            config["config"] = inner["config"]

        with pytest.raises(ValueError, match="nested more than 100 levels"):
            load_model(with_config(deepen))

    def test_switches_are_not_offered(self, originals: dict[str, Path]) -> None:
        with pytest.raises(ValueError, match="no code of a file is ever run"):
            load_model(originals[".keras"], safe_mode=False)
        with pytest.raises(ValueError, match="custom_objects"):
            load_model(originals[".keras"], custom_objects={"f": print})  # type: ignore[arg-type]

    def test_nothing_is_unpickled(self, tmp_path: Path) -> None:
        class Evil:
            def __reduce__(self) -> Any:
                return os.mkdir, (str(tmp_path / "ran"),)

        for name in ("m.keras", "m.h5", "m.safetensors"):
            (tmp_path / name).write_bytes(pickle.dumps(Evil()))
            with pytest.raises(ValueError):
                load_model(tmp_path / name)
        assert not (tmp_path / "ran").exists()


def two_layers() -> Model:
    x = layers.Input((2,), name="x")
    return Model(x, layers.Dense(1, name="b")(layers.Dense(2, name="a")(x)), name="g")


class TestGraph:
    """Graphs whose connections make no sense."""

    @pytest.mark.parametrize(
        ("edit", "message"),
        [
            (
                lambda c: set_history(c, 1, ["b", 0, 0]),
                "the inputs of layer 'a' are missing, or follow from its output",
            ),
            (lambda c: set_history(c, 1, ["nobody", 0, 0]), "the inputs of layer 'a' are missing"),
            (lambda c: set_history(c, 1, ["x", 0, 7]), r"there is no output \['x', 0, 7\] in the network"),
            (lambda c: set_history(c, 1, ["x", "0", 0]), "the inputs of layer 'a' must be outputs of other layers"),
            (lambda c: c["config"].update(output_layers=[]), "output_layers must name outputs of layers"),
            (lambda c: c["config"].update(output_layers=["z", 0, 0]), r"there is no output \['z', 0, 0\]"),
            (lambda c: c["config"]["layers"][1].update(inbound_nodes=None), "with a list of inbound_nodes"),
            (lambda c: c["config"]["layers"][1].update(name="b"), "must be there once"),
            (
                lambda c: c["config"]["layers"][1]["inbound_nodes"].extend([{}] * 5000),
                "must be outputs of other layers",
            ),
            (
                lambda c: c["config"]["layers"][1]["inbound_nodes"].extend(
                    c["config"]["layers"][1]["inbound_nodes"] * 5000
                ),
                "must be used at most 4000 times",
            ),
            (
                lambda c: c["config"]["layers"][1]["inbound_nodes"][0].update(kwargs={"training": True}),
                "is called with {'training': True}, which is not offered",
            ),
        ],
    )
    def test_refused(self, edit: Edit, message: str, tmp_path: Path) -> None:
        two_layers().save(tmp_path / "g.keras")
        parts = members(tmp_path / "g.keras")
        config = json.loads(parts[CONFIG])
        edit(config)
        with pytest.raises(ValueError, match=message):
            load_model(pack(tmp_path / "g.keras", parts | {CONFIG: json.dumps(config).encode()}))


def set_history(config: dict[str, Any], layer: int, history: list[Any]) -> None:
    config["config"]["layers"][layer]["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = history


def test_models_that_are_not_built_are_not_saved(tmp_path: Path) -> None:
    model = Sequential([layers.Dense(2)])
    for call in (model.save, model.save_weights, model.load_weights):
        path = tmp_path / "m.h5"
        if call == model.load_weights:
            path.write_bytes(b"x" * 20)
        with pytest.raises(ValueError, match="is not built and has no weights"):
            call(path)
    with pytest.raises(ValueError, match=r"must end in \.keras, \.h5; the ending says which format"):
        network().save(tmp_path / "m.txt")
    with pytest.raises(ValueError, match=r"must end in \.weights\.h5, \.h5, \.safetensors"):
        network().save_weights(tmp_path / "m.keras")
