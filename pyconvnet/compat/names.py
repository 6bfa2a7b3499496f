"""The names of Keras and TensorFlow that are offered, and what each stands for."""

from __future__ import annotations

# The versions whose behaviour is followed; scripts compare them with what they need.
TENSORFLOW_VERSION = "2.21.0+pyconvnet"
KERAS_VERSION = "3.15.1+pyconvnet"

LIST = "python -m pyconvnet.compat.pages"  # prints the whole page


def _same(module: str, names: str) -> dict[str, str]:
    """The names that our module has under the same name."""
    return {name: f"{module}.{name}" for name in names.split()}


_LOSS_FUNCTIONS = (
    "MAE MSE binary_crossentropy categorical_crossentropy mae mean_absolute_error mean_squared_error mse "
    "sparse_categorical_crossentropy"
)
_POLICIES = "DTypePolicy Policy dtype_policy global_policy set_dtype_policy set_global_policy"
_MODELS = _same("pyconvnet.models", "Model Sequential")

# module below keras -> name in Keras -> our object
_KERAS: dict[str, dict[str, str]] = {
    "": _MODELS
    | _same("pyconvnet", "Input")
    | _same("pyconvnet.mixed_precision", "DTypePolicy")
    | {"__version__": "pyconvnet.compat.names.KERAS_VERSION"},
    "activations": _same(
        "pyconvnet.activations", "elu gelu get leaky_relu linear relu sigmoid silu softmax softplus swish tanh"
    ),
    "backend": _same(
        "pyconvnet.compat.stand_ins", "backend clear_session epsilon floatx get_value image_data_format set_value"
    ),
    "callbacks": _same(
        "pyconvnet.callbacks",
        "BackupAndRestore CSVLogger Callback CallbackList EarlyStopping History LambdaCallback LearningRateScheduler "
        "ModelCheckpoint ReduceLROnPlateau TensorBoard TerminateOnNaN",
    ),
    "config": _same("pyconvnet.mixed_precision", "dtype_policy set_dtype_policy"),
    "datasets": {},
    "datasets.cifar10": _same("pyconvnet.datasets.cifar10", "load_data"),
    "datasets.fashion_mnist": _same("pyconvnet.datasets.fashion_mnist", "load_data"),
    "datasets.mnist": _same("pyconvnet.datasets.mnist", "load_data"),
    "initializers": _same(
        "pyconvnet.initializers",
        "Constant GlorotNormal GlorotUniform HeNormal HeUniform Initializer LecunNormal LecunUniform Ones "
        "Orthogonal OrthogonalInitializer RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros "
        "constant get glorot_normal glorot_uniform he_normal he_uniform lecun_normal lecun_uniform ones "
        "orthogonal random_normal random_uniform truncated_normal variance_scaling zeros",
    ),
    "layers": _same(
        "pyconvnet.layers",
        "Activation Add AveragePooling2D AvgPool2D BatchNormalization Concatenate Conv2D Convolution2D Dense "
        "DepthwiseConv2D Dropout Flatten GlobalAveragePooling2D GlobalAvgPool2D GlobalMaxPool2D GlobalMaxPooling2D "
        "Input InputLayer Layer MaxPool2D MaxPooling2D Multiply ReLU Rescaling Reshape Softmax ZeroPadding2D "
        "add concatenate deserialize multiply",
    ),
    "losses": _same(
        "pyconvnet.losses",
        "BinaryCrossentropy CategoricalCrossentropy Loss MeanAbsoluteError MeanSquaredError "
        "SparseCategoricalCrossentropy get " + _LOSS_FUNCTIONS,
    ),
    "metrics": _same(
        "pyconvnet.metrics",
        "BinaryAccuracy BinaryCrossentropy CategoricalAccuracy CategoricalCrossentropy MeanAbsoluteError "
        "MeanMetricWrapper MeanSquaredError Metric SparseCategoricalAccuracy SparseCategoricalCrossentropy "
        "SparseTopKCategoricalAccuracy TopKCategoricalAccuracy binary_accuracy categorical_accuracy "
        "sparse_categorical_accuracy sparse_top_k_categorical_accuracy top_k_categorical_accuracy " + _LOSS_FUNCTIONS,
    ),
    "mixed_precision": _same("pyconvnet.mixed_precision", _POLICIES),
    "models": _MODELS | _same("pyconvnet.models", "Functional load_model model_from_json save_model"),
    "optimizers": _same("pyconvnet.optimizers", "Adam AdamW Optimizer RMSprop SGD get"),
    "optimizers.schedules": _same(
        "pyconvnet.optimizers.schedules",
        "CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay LearningRateSchedule "
        "PiecewiseConstantDecay PolynomialDecay deserialize serialize",
    ),
    "preprocessing": {},
    "preprocessing.image": _same("pyconvnet.preprocessing.image", "ImageDataGenerator NumpyArrayIterator"),
    "regularizers": _same("pyconvnet.regularizers", "L1 L1L2 L2 Regularizer get l1 l1_l2 l2"),
    "saving": _same("pyconvnet.models", "load_model save_model"),
    "utils": _same("pyconvnet.utils", "PyDataset Sequence plot_model set_random_seed to_categorical"),
}

_TENSORFLOW: dict[str, dict[str, str]] = {
    "": {"__version__": "pyconvnet.compat.names.TENSORFLOW_VERSION"},
    "config": _same("pyconvnet.compat.stand_ins", "list_physical_devices"),
    "config.experimental": _same("pyconvnet.compat.stand_ins", "enable_op_determinism list_physical_devices"),
    "nn": _same("pyconvnet.activations", "elu gelu leaky_relu relu sigmoid silu softmax softplus swish tanh"),
    "random": {"set_seed": "pyconvnet.utils.set_random_seed"},
    "test": _same("pyconvnet.compat.stand_ins", "is_gpu_available"),
}


def _below(root: str, modules: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {f"{root}.{module}" if module else root: names for module, names in modules.items()}


# module -> name -> our object, such as "keras.layers" -> "Conv2D" -> "pyconvnet.layers.Conv2D"
OFFERED: dict[str, dict[str, str]] = (
    _below("keras", _KERAS) | _below("tensorflow", _TENSORFLOW) | _below("tensorflow.keras", _KERAS)
)

# What differs from Keras 3 everywhere.
EVERYWHERE = (
    "Values are NumPy arrays and Python's numbers, never tensors, though those that models, losses, metrics and "
    "activations answer have `numpy()`. Weights and activations are float32, so that `dtype` "
    'is "float32" or left out; that of a layer may be "mixed_bfloat16" too.',
    "Layers have no constraints (`kernel_constraint`, `bias_constraint`, `depthwise_constraint`, `beta_constraint`, "
    '`gamma_constraint`), no `data_format="channels_first"`, no masks, no `quantization_config`, no `lora_rank` and no '
    "`lora_alpha`. A layer is called on symbolic tensors only, a model on arrays too.",
    "Initializers have no `input_axes` and no `output_axes`.",
    "Losses and metrics go along the last axis and have no `ignore_class`; the `name` of a loss changes nothing.",
    "A class or function of one's own is offered for callbacks, metrics (functions), initializers and schedules, not "
    "for what layers, models, losses and regularizers compute: a class with `call` or `train_step` is refused. No file "
    "holds such a class; so there are no `custom_objects` and no `safe_mode=False`.",
    "`model.fit` trains: there is no `GradientTape`, no `train_step`, no `apply_gradients`.",
    "What is not offered is refused with an error. Nothing is taken and ignored but what changes no result, such as "
    "the `batch_size` of `Input` or the `free_memory` of `clear_session`.",
)

_POLICY_ROW = (
    "`float32`, and `mixed_bfloat16` on processors with AMX_BF16 or AVX512_BF16 and on GPUs from compute capability "
    "8.0 on: activations stay float32 in memory, products of convolutions are of bfloat16 numbers"
)

# What a name does otherwise besides.
DIFFERS: dict[str, str] = {
    "keras.DTypePolicy": _POLICY_ROW,
    "keras.Input": "the batch's size is taken and left open: batches of every size fit; no `sparse`, `ragged`, "
    "`tensor`, `optional`",
    "keras.Model": "a graph of our layers; a class of one's own with `call` is not offered",
    "keras.Sequential": "`input` and `output` can be had before the first call",
    "keras.__version__": "the version that is followed, marked `+pyconvnet`",
    "keras.activations.elu": "on a layer's output `alpha` is 1",
    "keras.activations.gelu": "the exact form only, no `approximate`",
    "keras.activations.leaky_relu": "on a layer's output `negative_slope` is 0.2; the layer ReLU takes others",
    "keras.activations.relu": "on a layer's output as the layer ReLU",
    "keras.activations.softmax": "over the last axis only, no `axis`",
    "keras.backend.backend": '"pyconvnet"',
    "keras.backend.clear_session": "starts the automatic names anew; memory needs no such call",
    "keras.backend.get_value": "for scripts of Keras 2; Keras 3 has no such name",
    "keras.backend.set_value": "for scripts of Keras 2; Keras 3 has no such name",
    "keras.callbacks.CallbackList": "no `add_history`, no `add_progbar`",
    "keras.callbacks.TensorBoard": "no `profile_batch` (`model.profile` tells where the time goes), no embeddings",
    "keras.config.set_dtype_policy": _POLICY_ROW,
    "keras.datasets.cifar10.load_data": "looks for files on this machine first; checks what it downloads",
    "keras.datasets.fashion_mnist.load_data": "looks for files on this machine first; checks what it downloads",
    "keras.datasets.mnist.load_data": "looks for files on this machine first; checks what it downloads; "
    "`path` changes nothing",
    "keras.layers.Add": "inputs of one shape; no broadcasting",
    "keras.layers.AveragePooling2D": "`pool_size` may be left out, as in Keras 2",
    "keras.layers.AvgPool2D": "`pool_size` may be left out, as in Keras 2",
    "keras.layers.BatchNormalization": "over the last axis only; no `renorm`, `renorm_clipping`, "
    "`renorm_momentum`, no `synchronized`",
    "keras.layers.Dropout": "no `noise_shape`",
    "keras.layers.Concatenate": "the batch's axis, 0, is refused",
    "keras.layers.GlobalMaxPool2D": "the first of equal maxima takes the gradient; TensorFlow shares it out",
    "keras.layers.GlobalMaxPooling2D": "the first of equal maxima takes the gradient; TensorFlow shares it out",
    "keras.layers.Input": "as `keras.Input`; no `sparse`, `ragged`, `tensor`, `optional`",
    "keras.layers.InputLayer": "no `sparse`, `ragged`, `input_tensor`, `optional`",
    "keras.layers.Layer": "the base of our layers; a layer of one's own with `call` is not offered",
    "keras.layers.MaxPool2D": "`padding` in any case",
    "keras.layers.MaxPooling2D": "`padding` in any case",
    "keras.layers.Multiply": "inputs of one shape; no broadcasting",
    "keras.layers.ReLU": "`threshold` 0 only; not `negative_slope` and `max_value` together",
    "keras.layers.Rescaling": "`scale` and `offset` are single numbers",
    "keras.layers.Softmax": "over the last axis only: -1, or its number",
    "keras.losses.Loss": "the base of our losses: its `reduction` is the mean over the samples; "
    "called on arrays it answers a number",
    "keras.metrics.Metric": "the base of our metrics; a metric of one's own is a function of `y_true, y_pred`; "
    "`update_state` takes no `sample_weight`, and training keeps its sums elsewhere",
    "keras.optimizers.Adam": "`amsgrad` only False; no `gradient_accumulation_steps`, no `loss_scale_factor`",
    "keras.optimizers.AdamW": "`amsgrad` only False; no `gradient_accumulation_steps`, no `loss_scale_factor`",
    "keras.metrics.SparseTopKCategoricalAccuracy": "no `from_sorted_ids`",
    "keras.metrics.sparse_top_k_categorical_accuracy": "no `from_sorted_ids`",
    "keras.mixed_precision.DTypePolicy": _POLICY_ROW,
    "keras.mixed_precision.Policy": _POLICY_ROW,
    "keras.mixed_precision.set_dtype_policy": _POLICY_ROW,
    "keras.mixed_precision.set_global_policy": _POLICY_ROW,
    "keras.models.load_model": "no code of a file is ever run",
    "keras.models.save_model": "no `zipped`: a `.keras` file, or an `.h5` file",
    "keras.optimizers.Optimizer": "the base of our optimizers; it is used by `fit` only, without `apply_gradients`",
    "keras.optimizers.RMSprop": "`centered` only False; no `gradient_accumulation_steps`, no `loss_scale_factor`",
    "keras.optimizers.SGD": "no `gradient_accumulation_steps`, no `loss_scale_factor`",
    "keras.preprocessing.image.ImageDataGenerator": "also under `keras`, which Keras 3 removed; `.next()` is kept",
    "keras.regularizers.l1_l2": "the factors are .01 where they are left out, as in Keras 2",
    "keras.saving.load_model": "as `keras.models.load_model`",
    "keras.saving.save_model": "no `zipped`: a `.keras` file, or an `.h5` file",
    "keras.utils.plot_model": "Graphviz is not needed; a `.svg` file needs no library, a `.png` file matplotlib; no "
    "`splines`",
    "keras.utils.set_random_seed": "seeds pyconvnet, NumPy and `random`; the numbers differ from TensorFlow's",
    "tensorflow.__version__": "the version that is followed, marked `+pyconvnet`",
    "tensorflow.config.experimental.enable_op_determinism": "nothing to do: pyconvnet always repeats itself",
    "tensorflow.config.experimental.list_physical_devices": "GPU: empty, so that scripts take their path for the CPU",
    "tensorflow.config.list_physical_devices": "GPU: empty, so that scripts take their path for the CPU",
    "tensorflow.nn.gelu": "the exact form only, no `approximate`",
    "tensorflow.nn.leaky_relu": "its slope is called `negative_slope`, as in Keras 3",
    "tensorflow.nn.relu": "as `keras.activations.relu`",
    "tensorflow.nn.softmax": "over the last axis only, no `axis`",
    "tensorflow.random.set_seed": "the same as `keras.utils.set_random_seed`",
    "tensorflow.test.is_gpu_available": "always False",
}

# Names that learners reach for and that nothing offered is near to in spelling: what to use.
INSTEAD: dict[str, str] = {
    "keras.layers.Lambda": "use the layers that there are; code inside a model is not offered",
    "keras.layers.RandomFlip": "use preprocessing.image.ImageDataGenerator(horizontal_flip=True)",
    "keras.layers.RandomRotation": "use preprocessing.image.ImageDataGenerator(rotation_range=...)",
    "keras.layers.RandomZoom": "use preprocessing.image.ImageDataGenerator(zoom_range=...)",
    "tensorflow.GradientTape": "train with model.compile and model.fit",
    "tensorflow.constant": "use NumPy's arrays",
    "tensorflow.data": "give NumPy's arrays to model.fit",
    "tensorflow.function": "leave it out: a model is planned as a whole when it is compiled",
    "tensorflow.reshape": "use NumPy's reshape",
}
