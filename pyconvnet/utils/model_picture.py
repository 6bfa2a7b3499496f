"""`plot_model`: a model as a picture, without Graphviz."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyconvnet._suggest import suggests_arguments, unknown
from pyconvnet._whole_file import whole_file
from pyconvnet.ops._check import real

if TYPE_CHECKING:
    from pyconvnet.plot.drawing import Drawing

_DIRECTIONS = ("TB", "BT", "LR", "RL")
_ENDINGS = (".png", ".svg", ".pdf")


@dataclass(frozen=True, repr=False)
class ModelPicture:
    """What `plot_model` answers: the file's contents; a notebook shows it.

    Attributes:
        path: the file.
        data: its bytes.
        width: of the picture on a page, in pixels of 1/96 inch.
    """

    path: Path
    data: bytes
    width: int

    def _repr_png_(self) -> tuple[bytes, dict[str, int]] | None:
        # Drawn at many dots an inch, shown in its size.
        return (self.data, {"width": self.width}) if self.path.suffix.lower() in ("", ".png") else None

    def _repr_svg_(self) -> str | None:
        return self.data.decode() if self.path.suffix.lower() == ".svg" else None

    def __repr__(self) -> str:
        return f"<ModelPicture {self.path}>"


@suggests_arguments
def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> ModelPicture:
    """Draws a model's layers and how they are connected into a file, with Keras 3's arguments; Graphviz is not needed.

    Args:
        model: a model that is built.
        to_file: the file, replaced as a whole; ".png" and ".pdf" are drawn by matplotlib, ".svg" needs no library. A
            name without an ending is a PNG file.
        show_shapes: write the shapes that go in and out.
        show_dtype: write the dtype that comes out.
        show_layer_names: write the layers' names before their classes.
        rankdir: "TB" from top to bottom, "BT", "LR" from left to right or "RL".
        expand_nested: draw the layers of models inside the model, in a frame.
        dpi: pixels an inch of a PNG file, at least 10.
        show_layer_activations: write the activation of layers that have one.
        show_trainable: write whether layers with weights are trained.

    Returns:
        An object that shows itself in a notebook.

    Raises:
        TypeError, ValueError: no model or one that is not built, an unknown ending or direction, a wrong dpi, more
            pixels than can be drawn.
        ImportError: matplotlib is missing for a PNG or PDF file.
        OSError: the file cannot be written.

    Example:
        >>> from pyconvnet import models, layers, utils
        >>> model = models.Sequential([layers.Flatten(input_shape=(28, 28)), layers.Dense(10)])
        >>> utils.plot_model(model, "model.svg", show_shapes=True)  # doctest: +SKIP
        <ModelPicture model.svg>
    """
    # Most programs draw no model.
    from pyconvnet.plot.graph_layout import lay_out
    from pyconvnet.plot.model_drawing import model_drawing
    from pyconvnet.plot.model_graph import Shown, model_graph

    who, path = "plot_model", Path(to_file)
    _check(who, model, path, rankdir)
    dots = real(who, "dpi", dpi, minimum=10)
    shown = Shown(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable, expand_nested)
    drawing = model_drawing(lay_out(model_graph(model, shown), rankdir), model.name)
    data = _contents(who, drawing, path.suffix.lower(), dots)
    with whole_file(who, path) as beside:
        beside.write_bytes(data)
    return ModelPicture(path, data, round(drawing.width / 72 * 96))


def _contents(who: str, drawing: Drawing, ending: str, dots: float) -> bytes:
    """The file with that ending."""
    from pyconvnet.plot.drawing import figure, svg

    if ending == ".svg":
        return svg(drawing).encode()
    stream = io.BytesIO()
    figure(who, drawing, dots).savefig(stream, format="pdf" if ending == ".pdf" else "png", dpi=dots)
    return stream.getvalue()


def _check(who: str, model: Any, path: Path, rankdir: Any) -> None:
    from pyconvnet.models import Model

    if not isinstance(model, Model):
        raise TypeError(f"{who}: model must be a model of pyconvnet, got {type(model).__name__}")
    if not model.built:
        raise ValueError(
            f"{who}: {model.label} is not built, so its connections are not known; begin it with Input(shape), "
            "or call build((None, 28, 28, 1)) with the shape of your data, or fit it first"
        )
    if path.suffix and path.suffix.lower() not in _ENDINGS:
        raise ValueError(f"{who}: to_file must end in {', '.join(_ENDINGS[:-1])} or {_ENDINGS[-1]}, got '{path}'")
    if rankdir not in _DIRECTIONS:
        raise ValueError(unknown(who, "rankdir", rankdir, _DIRECTIONS))
