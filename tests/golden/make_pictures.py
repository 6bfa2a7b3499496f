"""What real Keras draws of a model: the texts of the boxes and the edges between them.

    python tests/golden/make_pictures.py [OUT]

Needs pydot too, but not Graphviz. The networks come from picture_networks.py.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import picture_networks
import pydot
from record import keras, output_path, save_table

ALL = {"show_shapes": True, "show_dtype": True, "show_layer_activations": True, "show_trainable": True}


def texts_and_edges(graph: Any) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The text of each box by its key, and the keys at both ends of each edge; boxes in frames among them."""
    texts = {}
    for node in graph.get_node_list():
        label = node.get("label")
        if label is not None:
            texts[node.get_name().strip('"')] = " ".join(re.sub("<[^<>]*>", " ", label[1:-1]).split())
    edges = [(e.get_source().strip('"'), e.get_destination().strip('"')) for e in graph.get_edge_list()]
    for frame in graph.get_subgraph_list():
        more, others = texts_and_edges(frame)
        texts |= more
        edges += others
    return texts, edges


def case(network: Any, options: dict[str, Any]) -> dict[str, Any]:
    texts, edges = texts_and_edges(keras.utils.model_to_dot(network(keras), **options))
    named = sorted({" -> ".join(texts[key].split()[0] for key in edge) for edge in edges})
    return {"network": network.__name__, "options": options, "boxes": sorted(texts.values()), "edges": named}


def main() -> None:
    assert pydot.__version__
    cases = [
        case(network, {"expand_nested": expand, "show_layer_names": True, **more})
        for network in picture_networks.NETWORKS
        for expand in (False, True)
        for more in ({}, ALL)
    ]
    parameters = inspect.signature(keras.utils.plot_model).parameters
    arguments = [[name, None if p.default is p.empty else p.default] for name, p in parameters.items()]
    save_table(output_path("pictures.json"), "make_pictures.py", {"cases": cases, "arguments": arguments})


if __name__ == "__main__":
    main()
