"""Golden data of Grad-CAM from real Keras and tf.GradientTape: maps, gradients of a score by them, heat maps.

    python tests/golden/make_grad_cam.py [OUT]

The networks, weights and images come from grad_cam_networks.py. The score is the output before its softmax or sigmoid,
as in the paper (Selvaraju et al. 2017).
"""

from __future__ import annotations

from typing import Any

import grad_cam_networks
import tensorflow as tf
from record import keras, np, output_path, save_arrays


def heat_map(maps: Any, gradients: Any) -> Any:
    """Equations 1 and 2 of the paper, divided by the largest value of each image."""
    weights = tf.reduce_mean(gradients, axis=(1, 2))
    heat = tf.nn.relu(tf.einsum("nhwk,nk->nhw", maps, weights))
    return tf.math.divide_no_nan(heat, tf.reduce_max(heat, axis=(1, 2), keepdims=True))


def main() -> None:
    """Ask every network for every layer."""
    cases: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    for name, (build, layers) in grad_cam_networks.CASES.items():
        model = build(keras)
        grad_cam_networks.set_weights(model)
        model.layers[-1].activation = keras.activations.linear
        for layer in layers:
            part = keras.Model(model.inputs[0], [model.get_layer(layer).output, model.outputs[0]])
            with tf.GradientTape() as tape:
                maps, scores = part(grad_cam_networks.images())
                asked = tf.gather(scores, grad_cam_networks.classes(scores.shape[1]), axis=1, batch_dims=1)
            gradients = tape.gradient(asked, maps)
            case = f"{name}-{layer}"
            cases.append({"name": case, "network": name, "layer": layer})
            found = {"maps": maps, "gradients": gradients, "heat": heat_map(maps, gradients)}
            arrays.update({f"{case}/{key}": value.numpy() for key, value in found.items()})
            print(case, tuple(maps.shape), float(np.abs(gradients.numpy()).max()))
    save_arrays(output_path("grad_cam.npz"), "make_grad_cam.py", cases, arrays)


if __name__ == "__main__":
    main()
