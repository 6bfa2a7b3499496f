"""`utils.plot_model`: boxes and edges against real Keras (tests/golden/make_pictures.py), files, refusals."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from golden import load_table, picture_networks
from pictures import LANGUAGES, speak
from test_graph_layout import assert_sound

import pyconvnet
from pyconvnet import layers, models, utils
from pyconvnet.plot import model_graph
from pyconvnet.plot.drawing import Drawing, figure
from pyconvnet.plot.graph_layout import Layout, lay_out

GOLDEN = load_table("pictures")
SVG = "{http://www.w3.org/2000/svg}"


def laid_out(model: Any, **options: bool) -> Layout:
    return lay_out(model_graph.model_graph(model, model_graph.Shown(**options)))


def text(box: Any) -> str:
    return " ".join([box.title, *(row for row, _ in box.rows)])


@pytest.mark.parametrize(
    "row", GOLDEN["cases"], ids=lambda row: "-".join([row["network"], *(k for k, v in row["options"].items() if v)])
)
def test_boxes_and_edges_are_those_of_keras(row: dict[str, Any]) -> None:
    model = getattr(picture_networks, row["network"])(pyconvnet)
    options = {name.removeprefix("show_"): value for name, value in row["options"].items()}
    layout = laid_out(model, **options)
    assert_sound(layout)
    assert sorted(text(placed.item) for placed in layout.boxes) == row["boxes"]
    names = [placed.item.layer.name for placed in layout.boxes]
    assert sorted({f"{names[r.source]} -> {names[r.target]}" for r in layout.routes}) == row["edges"]


def test_the_arguments_are_those_of_keras() -> None:
    """In their order and with their defaults, but for `splines`, which is Graphviz's."""
    parameters = inspect.signature(utils.plot_model).parameters
    given = [[name, None if p.default is p.empty else p.default] for name, p in parameters.items()]
    assert given == [row for row in GOLDEN["arguments"] if row[0] not in ("splines", "kwargs")]


def test_a_shared_layer_has_a_box_for_each_use() -> None:
    shared = layers.Dense(4, name="shared")
    row = models.Sequential([layers.Input((4,)), layers.ReLU(name="relu")], name="row")
    x, other = layers.Input((4,), name="x"), layers.Input((4,), name="other")
    y = layers.Add(name="sum")([shared(shared(x)), row(x), row(other)])
    model = models.Model([x, other], y)
    texts = [text(placed.item) for placed in laid_out(model, layer_names=True).boxes]
    assert [t for t in texts if "shared" in t] == [f"shared (Dense) Shared: use {i} of 2" for i in (1, 2)]
    layout = laid_out(model, layer_names=True, expand_nested=True)
    assert_sound(layout)
    assert [frame.item.label for frame in layout.frames] == [f"row (Sequential) - Shared: use {i} of 2" for i in (1, 2)]


def test_every_use_is_connected_and_nothing_is_left_out() -> None:
    """A tensor that is used twice by one layer has two edges; an input that nothing uses is drawn too."""
    x, unused = layers.Input((4,), name="x"), layers.Input((2,), name="unused")
    model = models.Model([x, unused], layers.Add(name="twice")([x, x]))
    layout = laid_out(model)
    assert [(r.source, r.target) for r in layout.routes] == [(0, 2), (0, 2)]
    assert layout.routes[0].points[-1] != layout.routes[1].points[-1]
    assert [placed.item.layer.name for placed in layout.boxes] == ["x", "unused", "twice"]


def test_a_network_of_many_layers_is_drawn_whole(tmp_path: Path) -> None:
    x = first = layers.Input((4, 4, 2))
    seen = [x]
    for _ in range(20):
        seen.append(layers.Conv2D(2, 1)(x))
        x = layers.Concatenate()(list(seen))
    layout = laid_out(models.Model(first, x))
    assert_sound(layout)
    assert len(layout.boxes) == 41 and len(layout.routes) == 20 + sum(range(2, 22))


def small() -> Any:
    return models.Sequential([layers.Flatten(input_shape=(2, 2)), layers.Dense(3, name="<&>")], name="한글 & more")


def test_svg_needs_no_matplotlib_and_says_what_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    path = tmp_path / "model.svg"
    picture = utils.plot_model(
        small(),
        path,
        show_shapes=True,
        show_dtype=True,
        show_layer_names=True,
        show_layer_activations=True,
        show_trainable=True,
    )
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    assert root.findtext(f"{SVG}title") == "한글 & more"
    written = [element.text for element in root.iter(f"{SVG}text")]
    assert written[-6:] == [
        "<&> (Dense)",
        "Activation: linear",
        "Input shape: (None, 4)",
        "Output shape: (None, 3)",
        "Output dtype: float32",
        "Trainable",
    ]
    assert picture._repr_svg_() == path.read_text(encoding="utf-8") and picture._repr_png_() is None
    assert repr(picture) == f"<ModelPicture {path}>"


def test_bare_svg_shows_classes_only(tmp_path: Path) -> None:
    utils.plot_model(small(), to_file=str(tmp_path / "model.svg"))
    root = ElementTree.parse(tmp_path / "model.svg").getroot()
    assert [element.text for element in root.iter(f"{SVG}text")] == ["Flatten", "Dense"]


@pytest.mark.parametrize("name", ["model.png", "model", "MODEL.PNG"])
def test_png_has_the_dots_that_are_asked_for_and_shows_itself(tmp_path: Path, name: str) -> None:
    image = pytest.importorskip("PIL.Image")
    sizes = []
    for dpi in (50, 100):
        picture = utils.plot_model(small(), tmp_path / name, dpi=dpi)
        with image.open(tmp_path / name) as opened:
            sizes.append(opened.size)
        data, place = picture._repr_png_()
        assert data == (tmp_path / name).read_bytes() and picture._repr_svg_() is None
    assert sizes[1][0] == pytest.approx(2 * sizes[0][0], abs=2)
    assert place["width"] == pytest.approx(sizes[1][0] * 96 / 100, abs=2)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_pdf(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = utils.plot_model(small(), tmp_path / "model.pdf")
    assert (tmp_path / "model.pdf").read_bytes().startswith(b"%PDF")
    assert picture._repr_png_() is None and picture._repr_svg_() is None


@pytest.mark.filterwarnings("error")  # matplotlib warns of a character without a glyph
@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_stay_inside_their_boxes(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In matplotlib's own letters, which are wide, and in a Korean font."""
    speak(language, monkeypatch)
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from pyconvnet.plot.model_drawing import model_drawing

    layout = laid_out(picture_networks.nested(pyconvnet), layer_names=True, shapes=True, expand_nested=True)
    made = figure("test", model_drawing(layout, "t"), 72)
    FigureCanvasAgg(made).draw()
    written = {t.get_text(): t.get_window_extent().width / made.dpi * 72 for t in made.axes[0].texts}
    for placed in layout.boxes:
        for line in [placed.item.title, *(row for row, _ in placed.item.rows)]:
            assert written[line] <= placed.width - 4


def test_a_failed_save_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.svg"
    path.write_text("before")

    def full(self: Path, data: bytes) -> int:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space left"):
        utils.plot_model(small(), path)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("model.svg", "before")]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"to_file": "model.dot"}, ValueError, r"to_file must end in .png, .svg or .pdf, got 'model.dot'"),
        ({"rankdir": "lr"}, ValueError, "unknown rankdir 'lr'; did you mean 'LR'.*TB"),
        ({"dpi": 0}, ValueError, "dpi must be at least 10, got 0"),
        ({"dpi": "high"}, TypeError, "dpi must be a number, got 'high'"),
        ({"dpi": 10**6}, ValueError, r"pixels, more than can be drawn; use a dpi of at most \d+ or a file .* .svg"),
        ({"show_shape": True}, TypeError, "unknown argument 'show_shape'; did you mean 'show_shapes'"),
        ({"model": "book"}, TypeError, "model must be a model of pyconvnet, got str"),
        ({"model": models.Sequential([layers.Dense(3)], name="m")}, ValueError, "Sequential 'm' is not built"),
    ],
)
def test_refusals(tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"plot_model: .*{message}"):
        utils.plot_model(**{"model": small(), "to_file": tmp_path / "model.png", **options})
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "pyconvnet\[plot\]"'):
        utils.plot_model(small(), tmp_path / "model.png")


def test_importing_costs_nothing(tmp_path: Path) -> None:
    code = "import sys, pyconvnet.utils; assert 'pyconvnet.plot' not in sys.modules, sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_a_drawing_that_is_too_large_names_the_dpi_that_would_do() -> None:
    with pytest.raises(ValueError, match=r"who: the picture would have 200 x 144,000 pixels.* dpi of at most 65 "):
        figure("who", Drawing(100.0, 72_000.0, "t"), 144)
