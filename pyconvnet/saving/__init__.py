"""Model files: `.keras`, `.h5`, `.weights.h5`, `.safetensors`; export to ONNX. Reading one never runs code of it.

save, load        the entries: which format, what belongs into it
write_config      networks as Keras describes them
read_config       networks from such descriptions, with a closed table of classes; read_graph: their connections
compile_config    optimizer, losses, metrics, both ways
archive           the zip of `.keras`; weights_h5: the weights in it, and `.weights.h5`
legacy_h5         the `.h5` file
safetensors       the `.safetensors` file
optimizer_state   step number, learning rate and slots in Keras's orders
hdf5, heap_check, json_text   reading with suspicion; stored: shapes compared before anything is read
onnx_export       the `.onnx` file; onnx_ops: ops in its words; onnx_graph: the graph while it grows
contents, report  what `pyconvnet inspect` says; convert: one file from another
"""

from __future__ import annotations

from pyconvnet.saving.convert import convert
from pyconvnet.saving.load import load_model, load_weights
from pyconvnet.saving.onnx_export import export_model
from pyconvnet.saving.report import inspect_lines
from pyconvnet.saving.save import check_savable, save_model, save_weights

__all__ = [
    "check_savable",
    "convert",
    "export_model",
    "inspect_lines",
    "load_model",
    "load_weights",
    "save_model",
    "save_weights",
]
