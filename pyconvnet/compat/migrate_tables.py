"""What Keras 3 and NumPy 2 no longer have, and its mend; tests/interop/test_migrate.py tries most rows on Keras."""

from __future__ import annotations

# name that is gone -> what to write; a row for a module stands for all that was in it
KERAS_GONE: dict[str, str] = {
    "keras.backend.function": "keras.Model(inputs, outputs)",
    "keras.backend.get_session": "nothing: there are no sessions",
    "keras.backend.get_value": "variable.numpy()",
    "keras.backend.set_learning_phase": "model(x, training=True)",
    "keras.backend.set_session": "nothing: there are no sessions",
    "keras.backend.set_value": "variable.assign(value)",
    "keras.layers.AveragePool2D": "keras.layers.AveragePooling2D or AvgPool2D",
    "keras.layers.advanced_activations": "keras.layers",
    "keras.layers.convolutional": "keras.layers",
    "keras.layers.core": "keras.layers",
    "keras.layers.experimental.preprocessing": "keras.layers",
    "keras.layers.merge": "keras.layers",
    "keras.layers.normalization": "keras.layers",
    "keras.layers.pooling": "keras.layers",
    "keras.losses.Reduction.AUTO": "'sum_over_batch_size'",
    "keras.objectives": "keras.losses",
    "keras.optimizers.adam_v2": "keras.optimizers",
    "keras.optimizers.legacy": "keras.optimizers",
    "keras.utils.multi_gpu_model": "keras.distribution",
    "keras.utils.np_utils": "keras.utils",
    "keras.utils.print_summary": "model.summary()",
    "keras.utils.vis_utils": "keras.utils",
    "keras.wrappers.scikit_learn": "the package scikeras",
    "tensorflow.Session": "nothing: there are no sessions",
    "tensorflow.placeholder": "keras.Input",
    "tensorflow.set_random_seed": "tf.random.set_seed",
}

# gone from keras, still in tensorflow.keras
ONLY_IN_TENSORFLOW: dict[str, str] = {
    "keras.preprocessing.image.ImageDataGenerator": "from tensorflow.keras.preprocessing.image import "
    "ImageDataGenerator, or the layers RandomFlip, RandomRotation, RandomTranslation, RandomZoom",
    "keras.losses.Reduction": "the word itself: 'sum', 'sum_over_batch_size' or 'none'",
    "keras.preprocessing.text": "tensorflow.keras.preprocessing.text, or the layer TextVectorization",
}

NUMPY_GONE: dict[str, str] = {
    "Inf": "np.inf",
    "NAN": "np.nan",
    "NINF": "-np.inf",
    "NaN": "np.nan",
    "PINF": "np.inf",
    "alltrue": "np.all",
    "asfarray": "np.asarray(x, dtype=float)",
    "asscalar": "x.item()",
    "complex": "complex",
    "complex_": "np.complex128",
    "cumproduct": "np.cumprod",
    "float": "float",
    "float_": "np.float64",
    "in1d": "np.isin",
    "infty": "np.inf",
    "int": "int",
    "mat": "np.asmatrix",
    "msort": "np.sort(x, axis=0)",
    "object": "object",
    "product": "np.prod",
    "round_": "np.round",
    "sometrue": "np.any",
    "str": "str",
    "string_": "np.bytes_",
    "trapz": "np.trapezoid",
    "unicode_": "np.str_",
}

# arguments that are gone -> what to write, for what is below the name on the left
LAYER_ARGUMENTS: dict[str, str] = {
    "W_regularizer": "kernel_regularizer=",
    "b_regularizer": "bias_regularizer=",
    "batch_input_shape": "keras.Input(batch_shape=...) as the first layer",
    "bias": "use_bias=",
    "border_mode": "padding=",
    "fused": "nothing: leave it out",
    "init": "kernel_initializer=",
    "subsample": "strides=",
    "weights": "layer.set_weights(...) after the model is built",
}
CALL_ARGUMENTS: dict[str, dict[str, str]] = {
    "keras.callbacks.ModelCheckpoint": {"period": "save_freq='epoch'"},
    "keras.callbacks.TensorBoard": {"write_grads": "nothing: leave it out"},
    "keras.layers.Dropout": {"p": "rate="},
    "keras.optimizers": {"lr": "learning_rate="},
}
METHOD_ARGUMENTS: dict[str, dict[str, str]] = {
    "fit": {"nb_epoch": "epochs=", "workers": "the data set's own `workers`, as in keras.utils.PyDataset(workers=...)"},
    "predict": {"workers": "nothing: leave it out"},
}

# methods of a model that are gone
METHODS_GONE: dict[str, str] = {
    "evaluate_generator": "evaluate",
    "fit_generator": "fit",
    "predict_classes": "np.argmax(model.predict(x), axis=-1)",
    "predict_generator": "predict",
    "predict_proba": "predict",
}

LOSSES = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "cosine_similarity",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_squared_error",
    "mae",
    "mse",
    "poisson",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "categorical_hinge",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "mape",
    "msle",
    "bce",
    "kld",
    "circle",
    "ctc",
    "dice",
    "tversky",
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
]
