"""Event files for TensorBoard."""

from __future__ import annotations

import io
import json
import os
import time
import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from pyconvnet.ops._check import integer

from .base import Callback, Logs, Phase, has_batch_hooks
from .learning_rate import current_rate

if TYPE_CHECKING:
    from pyconvnet.variables import Variable

_STRING = 7  # DT_STRING of TensorFlow's types.proto
_BUCKETS = 30  # of a histogram, as in Keras
_IMAGES = 3  # of one weight, as in Keras


class TensorBoard(Callback):
    """Writes what `tensorboard --logdir` shows: losses and metrics, weights as histograms and images, the graph.

    As in Keras, the epochs' numbers of the training and the learning rate are ``epoch_...`` under ``train``, those of
    the validation ``epoch_...`` under ``validation``; each evaluation adds ``evaluation_..._vs_iterations`` there.
    Keras drops some of them where `update_freq` is a number; here all are written.
    Needs the extra "tensorboard" (tensorboardX), not TensorFlow.

    Args:
        log_dir: the folder, for this callback alone; it is made.
        histogram_freq: epochs between two histograms of every weight; 0 writes none.
        write_graph: write the layers and how they are connected.
        write_images: with every histogram write the weights as images, where they are 1 to 3 axes deep.
        write_steps_per_second: write how fast the training is.
        update_freq: "epoch", or the number of batches between two ``batch_...`` numbers of the running epoch ("batch"
            is 1); steps then run one at a time.
        profile_batch, embeddings_freq, embeddings_metadata: as in Keras, but only their defaults are taken.

    Raises:
        ValueError: another `update_freq`, a negative frequency, or a default that must stay.
        ImportError: tensorboardX is not installed.

    Example:
        >>> board = TensorBoard("logs", histogram_freq=1)  # doctest: +SKIP
        >>> history = model.fit(x, y, epochs=3, callbacks=[board])  # doctest: +SKIP
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Literal["epoch", "batch"] | int = "epoch",
        profile_batch: int = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: None = None,
    ) -> None:
        who = "TensorBoard"
        for name, given in (("profile_batch", profile_batch), ("embeddings_freq", embeddings_freq)):
            if given != 0:
                raise ValueError(f"{who}: {name} must be 0 (pyconvnet has nothing to write for it), got {given!r}")
        if embeddings_metadata is not None:
            raise ValueError(f"{who}: embeddings_metadata must be None, got {embeddings_metadata!r}")
        if isinstance(update_freq, str) and update_freq not in ("epoch", "batch"):
            raise ValueError(f"{who}: update_freq must be 'epoch', 'batch' or a number, got {update_freq!r}")
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = integer(who, "histogram_freq", histogram_freq, minimum=0)
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        if update_freq == "epoch":
            self.update_freq = 0
        else:
            self.update_freq = 1 if update_freq == "batch" else integer(who, "update_freq", update_freq)
        self._writers: dict[str, Any] = {}
        self._training = False
        self._batches = 0
        self._batch_start = self._epoch_start = 0.0
        self._iterations = 0
        _require()

    def watches_batches(self, phase: Phase) -> bool:
        """Only where it writes numbers of batches, or a subclass has a hook of its own."""
        return has_batch_hooks(self, phase, Callback if self.update_freq else TensorBoard)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Writes the graph."""
        self._training = True
        self._batches = 0
        if self.write_graph:
            from pyconvnet.saving.write_config import keras3_object

            try:
                graph = json.dumps(keras3_object(self.model)).encode()
            except ValueError as reason:
                warnings.warn(f"TensorBoard: no graph is written, since {reason}", stacklevel=2)
            else:
                self._strings("train", "keras", [graph], "graph_keras_model", b"1", 0, scalar=True)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Closes the files."""
        self._training = False
        self._close()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Starts the clock of the epoch."""
        self._epoch_start, self._iterations = time.perf_counter(), self.model.optimizer.iterations

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Starts the clock of the batch."""
        self._batches += 1
        self._batch_start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Writes the numbers of the epoch so far."""
        if not self.update_freq or self._batches % self.update_freq:
            return
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._batch_start
            self._scalars("train", "batch_{}", {"steps_per_second": 1.0 / seconds}, self._batches)
        self._scalars("train", "batch_{}", logs or {}, self._batches)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Writes an evaluation."""
        if self.model.optimizer is not None:
            self._scalars("validation", "evaluation_{}_vs_iterations", logs or {}, self.model.optimizer.iterations)
        if not self._training:
            self._close()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes the epoch."""
        logs = logs or {}
        trained = {name: value for name, value in logs.items() if not name.startswith("val_")}
        trained["learning_rate"] = current_rate(self.model)
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._epoch_start
            trained["steps_per_second"] = (self.model.optimizer.iterations - self._iterations) / seconds
        tested = {name[4:]: value for name, value in logs.items() if name.startswith("val_")}
        self._scalars("train", "epoch_{}", trained, epoch)
        if tested:
            self._scalars("validation", "epoch_{}", tested, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for layer in self.model.layers:
                for weight in layer.weights:
                    self._weight(weight, epoch)

    def _weight(self, weight: Variable, epoch: int) -> None:
        values, tag = weight.numpy(), weight.path.replace(":", "_")
        self._writer("train").add_histogram(f"{tag}/histogram", values, epoch, bins=_BUCKETS)
        if self.write_images:
            images = as_images(values)
            if images is not None:
                size = [str(length).encode() for length in (images.shape[2], images.shape[1])]
                pictures = [_png(image) for image in images[:_IMAGES]]
                self._strings("train", f"{tag}/image", [*size, *pictures], "images", b"", epoch)

    def _scalars(self, folder: str, tag: str, numbers: Logs, step: int) -> None:
        writer = self._writer(folder)
        for name, value in numbers.items():
            writer.add_scalar(tag.format(name), value, step)
        writer.flush()

    def _strings(
        self,
        folder: str,
        tag: str,
        values: list[bytes],
        plugin: str,
        content: bytes,
        step: int,
        *,
        scalar: bool = False,
    ) -> None:
        """A tensor of strings, which tensorboardX has no function for."""
        from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata
        from tensorboardX.proto.tensor_pb2 import TensorProto
        from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto

        shape = TensorShapeProto(dim=[] if scalar else [TensorShapeProto.Dim(size=len(values))])
        data = TensorProto(dtype=_STRING, string_val=values, tensor_shape=shape)
        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin, content=content))
        value = Summary.Value(tag=tag, tensor=data, metadata=metadata)
        self._writer(folder).file_writer.add_summary(Summary(value=[value]), step)

    def _writer(self, folder: str) -> Any:
        if folder not in self._writers:
            from tensorboardX import SummaryWriter

            self._writers[folder] = SummaryWriter(os.path.join(self.log_dir, folder), filename_suffix=".v2")
        return self._writers[folder]

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}


def _require() -> None:
    """Finds out at once, not after the first epoch."""
    try:
        import PIL  # noqa: F401
        import tensorboardX  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'TensorBoard: {error.name} is not installed; pip install "pyconvnet[tensorboard]"', name=error.name
        ) from error


def as_images(weight: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
    """A weight as [images, height, width, channels], laid out as Keras does; None where it has too many axes.

    Args:
        weight: a bias becomes one column, a matrix lies on its longer side, of a kernel with one channel on one
            side each of the other's is an image.
    """
    values = np.squeeze(weight)
    if values.ndim == 1:
        return values[None, :, None, None]
    if values.ndim == 2:
        return (values.T if values.shape[0] > values.shape[1] else values)[None, :, :, None]
    if values.ndim == 3:
        return values.transpose(2, 0, 1)[..., None]
    return values if values.ndim == 4 and values.shape[-1] in (1, 3, 4) else None


def _png(image: npt.NDArray[np.float32]) -> bytes:
    """An image [height, width, channels] of numbers from 0 to 1, others clipped, as a PNG file."""
    from PIL import Image

    pixels = np.clip(np.nan_to_num(image) * 255.5, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, format="PNG")
    return file.getvalue()
