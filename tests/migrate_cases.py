"""Lines that Keras 3 or NumPy 2 rejects, each with its mend: both are run on real Keras in tests/interop."""

from __future__ import annotations

HEAD = """\
import numpy as np
import tensorflow as tf
import keras
from tensorflow.keras.preprocessing.image import ImageDataGenerator
x, y = np.zeros((4, 8, 8, 1)), np.zeros(4)
model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
"""

_COMPILED = "model.compile('sgd', 'sparse_categorical_crossentropy', metrics=['accuracy'])\n"

# (rejected, mended); the last line of each is what is reported
CASES: list[tuple[str, str]] = [
    ("model.compile('sgd', 'mse', metrics='accuracy')", "model.compile('sgd', 'mse', metrics=['accuracy'])"),
    ("model.compile('sgd', 'mse', 'accuracy')", "model.compile('sgd', 'mse', metrics=['accuracy'])"),
    (
        "model.compile('sgd', 'sparse_categorical_crossentropy', ['accuracy'])\nmodel.fit(x, y)",
        "model.compile('sgd', 'sparse_categorical_crossentropy', metrics=['accuracy'])\nmodel.fit(x, y)",
    ),
    ("ImageDataGenerator().flow(x, y).next()", "next(ImageDataGenerator().flow(x, y))"),
    ("batches = ImageDataGenerator().flow(x)\nbatches.next()", "batches = ImageDataGenerator().flow(x)\nnext(batches)"),
    (
        "from keras.preprocessing.image import ImageDataGenerator as G",
        "from tensorflow.keras.preprocessing.image import ImageDataGenerator as G",
    ),
    ("from keras.utils import np_utils", "from keras.utils import to_categorical"),
    ("from keras.utils.np_utils import to_categorical", "from keras.utils import to_categorical"),
    ("from tensorflow.keras.utils.vis_utils import plot_model", "from tensorflow.keras.utils import plot_model"),
    ("from keras.layers.convolutional import Conv2D", "from keras.layers import Conv2D"),
    ("import keras.layers.advanced_activations", "import keras.layers"),
    ("keras.layers.AveragePool2D(2)", "keras.layers.AvgPool2D(2)"),
    ("tf.keras.layers.AvgPool2D(strides=(2, 2))", "tf.keras.layers.AvgPool2D(pool_size=(2, 2), strides=(2, 2))"),
    (
        "keras.Sequential([keras.Input((8, 8, 1)), keras.layers.MaxPool2D(padding='SAME')])(x)",
        "keras.Sequential([keras.Input((8, 8, 1)), keras.layers.MaxPool2D(padding='same')])(x)",
    ),
    ("keras.layers.Conv2D(2, 3, border_mode='same')", "keras.layers.Conv2D(2, 3, padding='same')"),
    ("keras.layers.Conv2D(2, 3, subsample=2)", "keras.layers.Conv2D(2, 3, strides=2)"),
    ("keras.layers.Dense(2, init='zeros')", "keras.layers.Dense(2, kernel_initializer='zeros')"),
    ("keras.layers.Dense(2, bias=False)", "keras.layers.Dense(2, use_bias=False)"),
    ("keras.layers.Dense(2, W_regularizer='l2')", "keras.layers.Dense(2, kernel_regularizer='l2')"),
    ("keras.layers.Dense(2, b_regularizer='l2')", "keras.layers.Dense(2, bias_regularizer='l2')"),
    ("keras.layers.Dense(2, batch_input_shape=(4, 3))", "keras.Input(batch_shape=(4, 3))"),
    ("keras.layers.Dense(2, weights=[])", "keras.layers.Dense(2)"),
    ("keras.layers.BatchNormalization(fused=True)", "keras.layers.BatchNormalization()"),
    ("keras.layers.BatchNormalization(axis=[3])", "keras.layers.BatchNormalization(axis=3)"),
    ("keras.losses.MeanSquaredError(keras.losses.Reduction.SUM)", "keras.losses.MeanSquaredError('sum')"),
    ("tf.keras.losses.MeanSquaredError(tf.keras.losses.Reduction.AUTO)", "tf.keras.losses.MeanSquaredError()"),
    ("model.layers[0].output_shape", "model.layers[0].output.shape"),
    ("model.get_layer(index=-1).input_shape", "model.get_layer(index=-1).input.shape"),
    (
        "for i, layer in enumerate(model.layers[1:]): layer.output_shape",
        "for layer in model.layers: layer.output.shape",
    ),
    (
        "[layer.output_shape for layer in model.layers]",
        "[layer.output.shape for layer in model.layers], model.output_shape",
    ),
    (
        "dense = keras.layers.Dense(2)\ndense(model.outputs[0])\ndense.output_shape",
        "dense = keras.layers.Dense(2)\ndense(model.outputs[0])\ndense.output.shape",
    ),
    ("keras.models.save_model(model, 'folder', save_format='tf')", "keras.models.save_model(model, 'folder.keras')"),
    ("tf.keras.models.save_model(model, filepath='folder')", "tf.keras.models.save_model(model, 'folder.keras')"),
    ("keras.layers.Dropout(p=0.5)", "keras.layers.Dropout(rate=0.5)"),
    ("tf.keras.optimizers.SGD(lr=0.1)", "tf.keras.optimizers.SGD(learning_rate=0.1)"),
    ("tf.keras.optimizers.legacy.Adam()", "tf.keras.optimizers.Adam()"),
    ("keras.Sequential(keras.layers.Dense(2))", "keras.Sequential([keras.layers.Dense(2)])"),
    (
        "m = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])\nm.input",
        "m = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])\nm.inputs[0]",
    ),
    (
        "m = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])\nm.output",
        "m = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])\nm.outputs[0]",
    ),
    (
        "model.save('m.keras')\nm = keras.models.load_model('m.keras')\nkeras.Model(m.input, m.layers[0].output)",
        "model.save('m.keras')\nm = keras.models.load_model('m.keras')\nkeras.Model(m.inputs[0], m.layers[0].output)",
    ),
    (_COMPILED + "model.fit(x, y, nb_epoch=1)", _COMPILED + "model.fit(x, y, epochs=1)"),
    (_COMPILED + "model.fit(x, y, workers=2)", _COMPILED + "model.fit(x, y)"),
    (_COMPILED + "model.predict(x, workers=2)", _COMPILED + "model.predict(x)"),
    (_COMPILED + "model.fit_generator([(x, y)])", _COMPILED + "model.fit(x, y)"),
    (_COMPILED + "model.evaluate_generator([(x, y)])", _COMPILED + "model.evaluate(x, y)"),
    (_COMPILED + "model.optimizer.lr", _COMPILED + "model.optimizer.learning_rate"),
    (_COMPILED + "model.fit(x, y).history['acc']", _COMPILED + "model.fit(x, y).history['accuracy']"),
    (
        "model.compile('sgd', loss='sparse_categorical_entropy')\nmodel.fit(x, y)",
        "model.compile('sgd', loss='sparse_categorical_crossentropy')\nmodel.fit(x, y)",
    ),
    (
        "model.compile('sgd', 'sparse_categorical_entropy')\nmodel.fit(x, y)",
        "model.compile('sgd', 'sparse_categorical_crossentropy')\nmodel.fit(x, y)",
    ),
    (
        _COMPILED + "import re\nre.compile('x')\nmodel.fit(x, y).history['acc']",
        _COMPILED + "import re\nre.compile('x')\nmodel.fit(x, y).history['accuracy']",
    ),
    ("model.predict_classes(x)", "np.argmax(model.predict(x), axis=-1)"),
    ("model.predict_proba(x)", "model.predict(x)"),
    ("model.save('folder')", "model.save('folder.keras')"),
    ("model.save_weights('w.h5')", "model.save_weights('w.weights.h5')"),
    ("keras.callbacks.ModelCheckpoint('a.ckpt')", "keras.callbacks.ModelCheckpoint('a.keras')"),
    (
        "keras.callbacks.ModelCheckpoint('a.h5', save_weights_only=True)",
        "keras.callbacks.ModelCheckpoint('a.weights.h5', save_weights_only=True)",
    ),
    (
        "keras.callbacks.ModelCheckpoint('a.keras', period=1)",
        "keras.callbacks.ModelCheckpoint('a.keras', save_freq='epoch')",
    ),
    ("keras.callbacks.TensorBoard(write_grads=True)", "keras.callbacks.TensorBoard()"),
    ("tf.set_random_seed(1)", "tf.random.set_seed(1)"),
    ("tf.placeholder", "keras.Input"),
    ("keras.backend.set_value(model.weights[1], [0, 0])", "model.weights[1].assign([0, 0])"),
    ("keras.backend.get_value(model.weights[1])", "model.weights[1].numpy()"),
    ("keras.preprocessing.text.Tokenizer", "tf.keras.preprocessing.text.Tokenizer"),
    ("np.zeros(3, np.float)", "np.zeros(3, float)"),
    ("x.astype(np.int)", "x.astype(int)"),
    ("np.float_", "np.float64"),
    ("np.Inf", "np.inf"),
    ("np.product([1])", "np.prod([1])"),
]

_CIFAR10_FLOW = "(a, b), c = keras.datasets.cifar10.load_data()\nf = ImageDataGenerator().flow(a, b)\ni, k = next(f)\n"

# Only warned of, or dependent on the data: (reported, mended).
NOT_REJECTED_HERE: list[tuple[str, str]] = [
    (
        "m = keras.Sequential()\nm.add(keras.layers.Dense(2, input_shape=(3,)))\n"
        "m.add(keras.layers.Dense(2, input_shape=(2,)))",
        "m = keras.Sequential()\nm.add(keras.layers.Dense(2, input_shape=(3,)))\nm.add(keras.layers.Dense(2))",
    ),
    (
        "keras.Sequential([keras.layers.Dense(2, input_shape=(3,)), keras.layers.Dense(2, input_dim=2)])",
        "keras.Sequential([keras.layers.Dense(2, input_shape=(3,)), keras.layers.Dense(2)])",
    ),
    (
        "(a, b), (c, d) = keras.datasets.cifar10.load_data()\nb = b[0:12,]\nint(b[3])",
        "(a, b), (c, d) = keras.datasets.cifar10.load_data()\nb = b[0:12,]\nint(b[3, 0])",
    ),
    (
        _CIFAR10_FLOW + "int(k[0])",
        _CIFAR10_FLOW + "int(k[0, 0])",
    ),
]
