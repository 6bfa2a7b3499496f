"""The policy mixed_bfloat16: who has it, what computes with it, and what files say of it."""

from __future__ import annotations

import json
import pickle
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconvnet
from pyconvnet import _core, config, layers, mixed_precision, ops
from pyconvnet.compat.stand_ins import clear_session
from pyconvnet.mixed_precision import DTypePolicy, global_policy, set_global_policy
from pyconvnet.models import Sequential, load_model, model_from_json

GOLDEN = Path(__file__).parent / "golden" / "mixed_precision.zip"
FILES = ("keras3.keras", "keras3.h5", "keras2.h5")

offered = pytest.mark.skipif(
    not mixed_precision.offered(), reason="this processor has no fast dot product of bfloat16 numbers"
)


@pytest.fixture(autouse=True)
def policy() -> Iterator[None]:
    """Put the global policy back, and the switch."""
    strict = config.strict
    try:
        yield
    finally:
        set_global_policy("float32")
        config.strict = strict


@pytest.fixture
def plain() -> Iterator[None]:
    """Be a processor without a fast dot product."""
    previous = _core.active_bfloat16()
    _core.set_bfloat16("plain")
    try:
        yield
    finally:
        _core.set_bfloat16(previous)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden files, unpacked."""
    path = tmp_path_factory.mktemp("golden")
    with zipfile.ZipFile(GOLDEN) as packed:
        packed.extractall(path)
    return path


def _network() -> Sequential:
    return Sequential(
        [
            layers.Input((20, 20, 32)),
            layers.Conv2D(32, 3, activation="relu", name="first"),
            layers.BatchNormalization(),
            layers.Conv2D(64, 5, name="second"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax", name="scores"),
        ]
    )


def _algorithms(model: Sequential) -> dict[str, set[str]]:
    model.compile("adam", "sparse_categorical_crossentropy")
    found: dict[str, set[str]] = {}
    for line in str(model.plan()).splitlines()[2:]:
        _, kernel, layer, algorithm, *_ = line.split()
        if kernel.startswith("conv2d"):
            found.setdefault(layer.split(".")[0], set()).add(algorithm)
    return found


def test_the_policy_is_float32_at_first_and_may_be_set_by_all_names() -> None:
    assert global_policy().name == mixed_precision.dtype_policy().name == config.dtype_policy().name == "float32"
    assert repr(global_policy()) == '<DTypePolicy "float32">' and mixed_precision.Policy is DTypePolicy
    for setter in (set_global_policy, mixed_precision.set_dtype_policy, config.set_dtype_policy):
        setter("float32")
        setter(DTypePolicy("float32"))
    assert DTypePolicy("float32") == DTypePolicy.from_config({"name": "float32"}) != "float32"
    assert pyconvnet.mixed_precision is mixed_precision


@offered
def test_a_layer_takes_the_policy_of_the_moment_it_is_made() -> None:
    before = layers.Conv2D(4, 3)
    set_global_policy("mixed_bfloat16")
    during, own = layers.Conv2D(4, 3), layers.Dense(4, dtype="float32")
    assert (config.dtype_policy().compute_dtype, config.dtype_policy().variable_dtype) == ("bfloat16", "float32")
    set_global_policy("float32")
    by_name, by_object = layers.Conv2D(4, 3, dtype="mixed_bfloat16"), layers.Dense(4, dtype=during.dtype_policy)
    assert [layer.dtype_policy.name for layer in (before, own)] == ["float32", "float32"]
    for layer in (during, by_name, by_object):
        assert (layer.dtype_policy.name, layer.compute_dtype) == ("mixed_bfloat16", "bfloat16")
        assert layer.dtype == layer.variable_dtype == "float32"
        assert layer.get_config()["dtype"] == "mixed_bfloat16"
        assert type(layer).from_config(layer.get_config()).compute_dtype == "bfloat16"
        assert pickle.loads(pickle.dumps(layer)).dtype_policy == layer.dtype_policy
    clear_session()
    set_global_policy("mixed_bfloat16")
    clear_session()
    assert global_policy().name == "float32"


@pytest.mark.parametrize("name", ["mixed_float16", "float16", "bfloat16", "float64", "mixed", 3, None, ["float32"]])
def test_other_policies_are_refused(name: Any) -> None:
    with pytest.raises(
        ValueError, match=r"set_global_policy: policy must be 'float32' or 'mixed_bfloat16', got "
    ) as error:
        set_global_policy(name)
    assert ("need its losses scaled" in str(error.value)) == (name in ("mixed_float16", "float16"))
    if name is not None:
        with pytest.raises(ValueError, match=r"Conv2D 'c': dtype must be 'float32' or 'mixed_bfloat16', got "):
            layers.Conv2D(4, 3, name="c", dtype=name)
    assert global_policy().name == "float32"


def test_a_processor_without_it_is_refused(plain: None) -> None:
    wants = (
        r"'mixed_bfloat16' needs a processor with a fast dot product of bfloat16 numbers "
        r"\(AMX_BF16 or AVX512_BF16\) or a GPU of compute capability 8.0"
    )
    with pytest.raises(ValueError, match=rf"set_global_policy: policy {wants}; .* has none; use 'float32'"):
        set_global_policy("mixed_bfloat16")
    with pytest.raises(ValueError, match=rf"Dense 'd': dtype {wants}"):
        layers.Dense(4, name="d", dtype="mixed_bfloat16")
    with pytest.raises(ValueError, match=rf"DTypePolicy: name {wants}"):
        DTypePolicy("mixed_bfloat16")
    assert config.describe()["bfloat16"] == "not offered" or config.describe()["bfloat16"].startswith(
        "plain (offered: "
    )


def test_kernels_without_it_are_named(isa: str) -> None:
    if mixed_precision.offered():
        set_global_policy("mixed_bfloat16")
        assert config.describe()["bfloat16"].split()[0] in ("amx", "avx512_bf16")
    else:
        with pytest.raises(ValueError, match=rf"{isa}.*none; use 'float32'"):
            set_global_policy("mixed_bfloat16")


@offered
def test_the_plan_names_the_algorithm_and_the_switch_turns_it_off() -> None:
    assert _algorithms(_network())["second"] == {"direct"}
    set_global_policy("mixed_bfloat16")
    assert _algorithms(_network())["second"] == {"bfloat16"}
    if _core.active_bfloat16() == "amx":
        assert _algorithms(_network())["first"] == {"bfloat16"}
    own = Sequential([layers.Input((12, 12, 32)), layers.Conv2D(64, 5, name="own", dtype="float32"), layers.Flatten()])
    assert _algorithms(own)["own"] == {"direct"}
    config.strict = True
    assert _algorithms(_network())["second"] == {"direct"}


@offered
def test_a_model_computes_what_the_op_does_and_keeps_float32_weights() -> None:
    set_global_policy("mixed_bfloat16")
    model = Sequential([layers.Input((12, 12, 32)), layers.Conv2D(64, 5)])
    x = np.random.default_rng(0).normal(size=(3, 12, 12, 32)).astype(np.float32)
    kernel, bias = model.get_weights()
    assert kernel.dtype == np.float32
    np.testing.assert_array_equal(model.predict(x, verbose=0), ops.conv2d(x, kernel, bias, algorithm="bfloat16"))
    config.strict = True
    np.testing.assert_array_equal(model.predict(x, verbose=0), ops.conv2d(x, kernel, bias))


@offered
def test_training_follows_float32_and_weights_keep_all_their_bits() -> None:
    random = np.random.default_rng(1)
    x, y = random.normal(size=(64, 20, 20, 32)).astype(np.float32), random.integers(0, 3, 64)
    losses, weights = {}, {}
    for name in ("float32", "mixed_bfloat16"):
        set_global_policy(name)
        pyconvnet.utils.set_random_seed(3)
        model = _network()
        model.compile("adam", "sparse_categorical_crossentropy")
        history = model.fit(x, y, batch_size=16, epochs=4, verbose=0)
        losses[name], weights[name] = history.history["loss"], model.get_weights()
    np.testing.assert_allclose(losses["mixed_bfloat16"], losses["float32"], rtol=0.1)
    assert losses["mixed_bfloat16"] != losses["float32"]
    assert all((w.view(np.uint32) & 0xFFFF).any() for w in weights["mixed_bfloat16"] if w.size > 64)


@offered
def test_a_policy_that_is_set_later_counts_at_once_as_does_another_dot_product() -> None:
    model = Sequential([layers.Input((12, 12, 32)), layers.Conv2D(64, 5)])
    x = np.random.default_rng(0).normal(size=(3, 12, 12, 32)).astype(np.float32)
    kernel, bias = model.get_weights()
    rounded, exact = ops.conv2d(x, kernel, bias, algorithm="bfloat16"), ops.conv2d(x, kernel, bias)
    np.testing.assert_array_equal(model.predict(x, verbose=0), exact)
    model.layers[0].dtype_policy = "mixed_bfloat16"
    assert model.layers[0].compute_dtype == "bfloat16"
    np.testing.assert_array_equal(model.predict(x, verbose=0), rounded)
    dot = _core.active_bfloat16()
    try:
        _core.set_bfloat16("plain")
        np.testing.assert_array_equal(model.predict(x, verbose=0), exact)
    finally:
        _core.set_bfloat16(dot)
    with pytest.raises(
        ValueError, match=r"Conv2D '\w+': dtype_policy must be 'float32' or 'mixed_bfloat16', got 'fp8'"
    ):
        model.layers[0].dtype_policy = "fp8"


@offered
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_files_carry_the_policy(ending: str, tmp_path: Path) -> None:
    set_global_policy("mixed_bfloat16")
    model = Sequential(
        [layers.Input((6, 6, 8)), layers.Conv2D(16, 3), layers.Flatten(), layers.Dense(2, dtype="float32")]
    )
    set_global_policy("float32")
    model.save(tmp_path / f"m{ending}")
    loaded = load_model(tmp_path / f"m{ending}")
    assert [layer.dtype_policy.name for layer in loaded.layers] == ["mixed_bfloat16", "mixed_bfloat16", "float32"]
    again = model_from_json(model.to_json())
    assert [layer.dtype_policy.name for layer in again.layers] == ["mixed_bfloat16", "mixed_bfloat16", "float32"]
    if ending == ".keras":
        with zipfile.ZipFile(tmp_path / "m.keras") as file:
            saved = json.loads(file.read("config.json"))["config"]["layers"]
        written = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}}
        assert [entry["config"]["dtype"] for entry in saved] == [
            "float32", {**written, "registered_name": None}, {**written, "registered_name": None}, "float32",
        ]  # fmt: skip


@offered
@pytest.mark.parametrize("file", FILES)
def test_files_of_keras_are_read(file: str, folder: Path) -> None:
    model = load_model(folder / file)
    who = file.split(".")[0]
    with np.load(folder / "results.npz") as results:
        policies = json.loads(str(results["meta"]))["policies"][who]
        x, expected = results["x"], results[f"{who}/predict"]
        for i, weight in enumerate(model.get_weights()):
            np.testing.assert_array_equal(weight, results[f"{who}/weights/{i}"])
    assert {layer.name: layer.dtype_policy.name for layer in model.layers} == policies
    assert set(policies.values()) == {"mixed_bfloat16", "float32"}
    # Keras rounds activations too, and sums in bfloat16 here and there.
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=0.05)


@pytest.mark.parametrize("file", FILES)
def test_files_are_read_in_float32_where_it_is_not_offered(file: str, folder: Path, plain: None) -> None:
    with pytest.warns(UserWarning, match=r"have the policy 'mixed_bfloat16', .* so they compute in float32 here"):
        model = load_model(folder / file)
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.predict(np.zeros((1, 10, 10, 8)), verbose=0).shape == (1, 4)
