"""Golden data of graphs of layers from real Keras: ten training steps, the order of layers and weights, and new layers.

    python tests/golden/make_graphs.py [OUT]

The networks and their data come from graph_networks.py. "float64_error" is the distance of Keras's float32 run from
its float64 run, as a share of the largest value of its kind: the scale of the tests' tolerances. "layers" holds the
outputs of layers on numbers that the test makes again from the case's name.
"""

from __future__ import annotations

import zlib
from typing import Any

import graph_networks
from make_training import summary
from record import keras, np, output_path, save_table, use_floatx

LAYERS: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("DepthwiseConv2D", {"kernel_size": 3}, (2, 5, 6, 3)),
    ("DepthwiseConv2D", {"kernel_size": [2, 3], "depth_multiplier": 2, "padding": "same"}, (2, 5, 6, 3)),
    ("DepthwiseConv2D", {"kernel_size": 3, "strides": 2, "padding": "same", "use_bias": False}, (1, 5, 6, 17)),
    ("DepthwiseConv2D", {"kernel_size": 3, "dilation_rate": 2, "activation": "relu"}, (1, 7, 8, 4)),
    ("GlobalAveragePooling2D", {}, (2, 3, 5, 4)),
    ("GlobalAveragePooling2D", {"keepdims": True}, (2, 3, 5, 4)),
    ("GlobalMaxPooling2D", {}, (2, 3, 5, 4)),
    ("GlobalMaxPooling2D", {"keepdims": True}, (2, 3, 5, 4)),
    ("ZeroPadding2D", {}, (2, 3, 2, 2)),
    ("ZeroPadding2D", {"padding": [2, 0]}, (2, 3, 2, 2)),
    ("ZeroPadding2D", {"padding": [[1, 2], [0, 3]]}, (2, 3, 2, 2)),
    ("ReLU", {}, (3, 7)),
    ("ReLU", {"max_value": 0.75}, (3, 7)),
    ("ReLU", {"negative_slope": 0.3}, (3, 7)),
    ("Softmax", {}, (3, 4, 5)),
    ("Reshape", {"target_shape": [2, -1]}, (3, 4, 2)),
    ("Rescaling", {"scale": 0.25, "offset": -1.5}, (3, 4)),
]


def layer_case(index: int) -> dict[str, Any]:
    """The output of one layer, with its weights."""
    class_name, config, shape = LAYERS[index]
    name = f"{index}-{class_name}"
    random = np.random.RandomState(zlib.crc32(name.encode()))
    layer = getattr(keras.layers, class_name)(**config)
    layer.build(shape)
    layer.set_weights([random.standard_normal(tuple(w.shape)).astype(np.float32) for w in layer.weights])
    y = keras.ops.convert_to_numpy(layer(random.standard_normal(shape).astype(np.float32)))
    row = {"name": name, "layer": class_name, "config": config, "input_shape": shape, "output_shape": y.shape}
    row["weights"] = [[w.name, list(w.shape)] for w in layer.weights]
    row["y"] = y.astype(np.float64).round(9).ravel().tolist()
    return row


def run(name: str, floatx: str) -> dict[str, Any]:
    """Every number of one network."""
    use_floatx(floatx)
    keras.backend.clear_session()  # names start anew
    model = graph_networks.GRAPHS[name](keras)
    graph_networks.set_first_weights(model)
    golden = graph_networks.train(model, name)
    golden["layers"] = [layer.name for layer in model.layers]
    golden["weights"] = [
        {"path": w.path, **summary(v)} for w, v in zip(model.weights, model.get_weights(), strict=True)
    ]
    golden["parameters"] = model.count_params()
    return golden


def error(a: dict[str, Any], b: dict[str, Any]) -> dict[str, float]:
    """The largest difference between two runs, by kind, as a share of the largest value."""

    def share(left: Any, right: Any) -> float:
        return float(np.abs(np.subtract(left, right)).max() / np.abs(right).max())

    return {
        "history": max(share(a["history"][key], b["history"][key]) for key in a["history"] if "accuracy" not in key),
        "predict": max(share(x, y) for x, y in zip(a["predict"], b["predict"], strict=True)),
        "weights": share(_samples(a), _samples(b)),
    }


def _samples(golden: dict[str, Any]) -> list[float]:
    return [value for weight in golden["weights"] for value in weight["samples"]]


def main() -> None:
    """Run every network and layer and write the table."""
    networks = {}
    for name in graph_networks.GRAPHS:
        golden = networks[name] = run(name, "float32")
        golden["float64_error"] = error(golden, run(name, "float64"))
        print(name, [round(v, 4) for v in golden["history"]["loss"]], golden["float64_error"], flush=True)
    use_floatx("float32")
    layers = [layer_case(index) for index in range(len(LAYERS))]
    save_table(output_path("graphs.json"), "make_graphs.py", {"networks": networks, "layers": layers})


if __name__ == "__main__":
    main()
