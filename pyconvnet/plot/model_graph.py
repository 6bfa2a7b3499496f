"""A model as boxes and edges: what `utils.plot_model` draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyconvnet import layers
from pyconvnet.layers.merge import Merge
from pyconvnet.layers.symbolic import Call
from pyconvnet.models import Model, Sequential
from pyconvnet.plot.graph_layout import End, Graph
from pyconvnet.plot.style import QUIET, RIGHT, WRONG

if TYPE_CHECKING:
    from pyconvnet.layers import Layer

TITLE_SIZE, ROW_SIZE = 11.0, 9.0
TITLE_HEIGHT, ROW_HEIGHT = 24.0, 16.0
_SIDE, _FOOT = 10.0, 8.0
_LEAST_WIDTH = 96.0
_LABEL_HEIGHT = 22.0

# DejaVu Sans's widths of the characters from " " to "~", in hundredths of the font's size. Most fonts are narrower.
_WIDTHS = bytes.fromhex(
    "20282e54405f4e1b272732542024202240404040404040404040222254545435644445464d3f3a4d4b1d1d4238564b4f"
    "3c4f453f3d494463453d452722275432323d3f373f3e233f3f1c1c3a1c613f3d3f3f2934273f3b523b3b3440224054"
)
_WIDEST = 1.0  # of all other characters, Korean ones among them
_BOLD = 1.12
_ROUNDED = 1.06  # small letters may be rounded up to whole pixels

_COLOURS: tuple[tuple[tuple[type, ...], str], ...] = (
    ((layers.InputLayer,), "#475569"),
    ((layers.Conv2D, layers.DepthwiseConv2D), "#2563eb"),
    ((layers.Dense,), "#7c3aed"),
    (
        (layers.MaxPooling2D, layers.AveragePooling2D, layers.GlobalMaxPooling2D, layers.GlobalAveragePooling2D),
        "#0f766e",
    ),
    ((layers.BatchNormalization, layers.Dropout, layers.Rescaling), "#b45309"),
    ((layers.Activation, layers.ReLU, layers.Softmax), "#be185d"),
    ((Merge,), "#4d7c0f"),
    ((Model,), "#1f2937"),
)
_OTHER = "#64748b"


@dataclass(frozen=True)
class Shown:
    """What is written into the boxes: the arguments of `utils.plot_model`."""

    shapes: bool = False
    dtype: bool = False
    layer_names: bool = False
    layer_activations: bool = False
    trainable: bool = False
    expand_nested: bool = False


@dataclass(frozen=True)
class LayerBox:
    """One use of a layer.

    Attributes:
        layer: of the model.
        title: the class, with the layer's name where that is asked for.
        rows: lines of text and their colours.
        colour: of the title's background.
    """

    layer: Layer
    title: str
    rows: tuple[tuple[str, str], ...]
    colour: str

    @property
    def width(self) -> float:
        """In points, wide enough for the texts."""
        widths = [text_width(self.title, TITLE_SIZE, bold=True), *(text_width(row, ROW_SIZE) for row, _ in self.rows)]
        return max(_LEAST_WIDTH, max(widths) + 2 * _SIDE)

    @property
    def height(self) -> float:
        """In points."""
        return TITLE_HEIGHT + (ROW_HEIGHT * len(self.rows) + _FOOT if self.rows else 0.0)


def text_width(text: str, size: float, bold: bool = False) -> float:
    """At least the width of a text in most sans-serif fonts, in the unit of `size`."""
    ems = sum(_WIDTHS[ord(c) - 32] / 100 if " " <= c <= "~" else _WIDEST for c in text)
    return _ROUNDED * ems * size * (_BOLD if bold else 1.0)


def model_graph(model: Model, shown: Shown) -> Graph:
    """The graph of a model: a box for each use of a layer, an edge for each tensor that goes from one to another.

    As in Keras 3 the `InputLayer`s are boxes, but for that of a `Sequential`. A layer that is used several times has a
    box for each use, which says so: the picture follows the data.

    Args:
        model: built.
        shown: what is written into the boxes; with `expand_nested` models inside become graphs in frames.

    Returns:
        What `graph_layout.lay_out` takes.
    """
    graph = _graph(model, shown)
    graph.entries, graph.exits = [], []
    return graph


def _graph(model: Model, shown: Shown, note: str = "") -> Graph:
    """The same with ends for what comes from outside and goes there, and a label."""
    title = f"{model.name} ({type(model).__name__})" if shown.layer_names else model.name
    title = f"{title} - {note}" if note else title
    # Twice as wide as the label, so that an edge to the middle passes beside it.
    width = text_width(title, ROW_SIZE, bold=True)
    graph = Graph(label=title, label_size=(2 * width + 3 * _SIDE, _LABEL_HEIGHT))
    made: dict[int, End] = {}
    if not isinstance(model, Sequential):
        for tensor in model.inputs:
            made[id(tensor)] = End(len(graph.nodes))
            graph.entries.append([End(len(graph.nodes))])
            graph.nodes.append(_box(model, tensor.call, shown))
    else:
        graph.entries = [[]]
    for call in model.network.calls:
        here = len(graph.nodes)
        nested = call.layer if shown.expand_nested and isinstance(call.layer, Model) else None
        graph.nodes.append(_graph(nested, shown, _sharing(model, call)) if nested else _box(model, call, shown))
        for port, tensor in enumerate(call.inputs):
            if id(tensor) in made:
                graph.edges.append((made[id(tensor)], End(here, port)))
            else:
                graph.entries[0].append(End(here, port))
        made.update((id(tensor), End(here, port)) for port, tensor in enumerate(call.outputs))
    graph.exits = [made[id(tensor)] for tensor in model.outputs]
    return graph


def _box(model: Model, call: Call, shown: Shown) -> LayerBox:
    layer = call.layer
    title = f"{layer.name} ({type(layer).__name__})" if shown.layer_names else type(layer).__name__
    rows: list[tuple[str, str]] = []
    activation = getattr(layer, "activation", None)
    if shown.layer_activations and activation is not None:
        rows.append((f"Activation: {activation.name}", QUIET))
    if shown.shapes:
        if call.inputs:
            rows.append((f"Input shape: {_one_or_all([tensor.shape for tensor in call.inputs])}", QUIET))
        rows.append((f"Output shape: {_one_or_all([tensor.shape for tensor in call.outputs])}", QUIET))
    if shown.dtype:
        rows.append((f"Output dtype: {_one_or_all([tensor.dtype for tensor in call.outputs])}", QUIET))
    if shown.trainable and layer.weights:
        rows.append(("Trainable", RIGHT) if layer.trainable else ("Non-trainable", WRONG))
    if sharing := _sharing(model, call):
        rows.append((sharing, QUIET))
    colour = next((colour for classes, colour in _COLOURS if isinstance(layer, classes)), _OTHER)
    return LayerBox(layer, title, tuple(rows), colour)


def _sharing(model: Model, call: Call) -> str:
    """Which use of a layer it is, where there are several."""
    uses = model.network.uses(call.layer)
    return f"Shared: use {uses.index(call) + 1} of {len(uses)}" if len(uses) > 1 else ""


def _one_or_all(values: list[Any]) -> str:
    return str(values[0] if len(values) == 1 else values)
