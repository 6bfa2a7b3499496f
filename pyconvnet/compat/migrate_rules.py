"""Looks through a parsed script for what Keras 3 or NumPy 2 rejects."""

from __future__ import annotations

import ast
from typing import Literal

from pyconvnet._suggest import nearest
from pyconvnet.compat import migrate_tables as tables

# What a variable is known to be.
Kind = Literal["sequential", "loaded", "model", "layers", "layer", "batches", "column"]

_MAX_POOLS = ("keras.layers.MaxPool2D", "keras.layers.MaxPooling2D")
_AVERAGE_POOLS = ("keras.layers.AvgPool2D", "keras.layers.AveragePooling2D")
_ONLY_WARNS = "Keras 3 only warns: input_shape is for the first layer"


class Visitor(ast.NodeVisitor):
    """Remembers from cell to cell what names stand for.

    Only assignments of the form ``name = ...`` and ``(a, b), (c, d) = ...`` are followed, in the order of the lines.
    """

    def __init__(self) -> None:
        self.names: dict[str, str] = {}  # name -> what it was imported as, such as "tensorflow.keras.layers"
        self.kinds: dict[str, Kind] = {}
        self.layers_added: set[str] = set()  # models that have a layer
        self.logs_accuracy = False  # the key of the history is "accuracy", not "acc"
        self.found: list[tuple[int, str, str]] = []

    def look_at(self, tree: ast.AST) -> list[tuple[int, str, str]]:
        """What is wrong in one cell or script: (line, what, mend), in the order of the lines."""
        self.found = []
        self.visit(tree)
        return sorted(dict.fromkeys(self.found))

    # imports and names

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._gone(node, alias.name)
            bound = alias.name if alias.asname else alias.name.partition(".")[0]
            self.names[alias.asname or bound] = bound

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            path = f"{node.module}.{alias.name}"
            self._gone(node, path)
            self.names[alias.asname or alias.name] = path

    def visit_Attribute(self, node: ast.Attribute) -> None:
        path = self._path(node)
        if path is None or not self._gone(node, path):
            self.generic_visit(node)
        self._attribute_of_model(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        of_history = isinstance(node.value, ast.Attribute) and node.value.attr == "history"
        key = _text(node.slice)
        if of_history and self.logs_accuracy and key in ("acc", "val_acc"):
            self._report(node, f"the history has no {key!r}", repr(key.replace("acc", "accuracy")))
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)
            self._bind(target, node.value)

    def visit_For(self, node: ast.For) -> None:
        self._walk(node.target, node.iter)
        self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        for loop in node.generators:
            self._walk(loop.target, loop.iter)
        self.generic_visit(node)

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp

    # calls

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        path = self._path(node.func)
        if path is not None:
            self._constructor(node, _of_keras(path))
        if isinstance(node.func, ast.Attribute):
            self._method(node, node.func)
        if isinstance(node.func, ast.Name) and node.func.id in ("int", "float") and len(node.args) == 1:
            self._number_of_row(node, node.func.id, node.args[0])

    def _constructor(self, node: ast.Call, path: str) -> None:
        given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        gone = dict(tables.LAYER_ARGUMENTS) if path.startswith("keras.layers.") else {}
        for name, arguments in tables.CALL_ARGUMENTS.items():
            if path == name or path.startswith(f"{name}."):
                gone |= arguments
        self._arguments(node, path.rpartition(".")[2], gone)
        padding = _text(given.get("padding"))
        if path in _MAX_POOLS and padding is not None and padding != padding.lower():
            self._report(node, f"padding={padding!r} is refused by pooling", f"padding={padding.lower()!r}")
        if path in _AVERAGE_POOLS and not node.args and "pool_size" not in given:
            self._report(node, "pool_size must be given", "pool_size=(2, 2), which was its default")
        if path.endswith(".Sequential") and path.startswith("keras.") and node.args:
            self._layers_of(node.args[0])
        if path == "keras.callbacks.ModelCheckpoint":
            self._checkpoint(node, given)
        axes = given.get("axis")
        if path == "keras.layers.BatchNormalization" and isinstance(axes, (ast.List, ast.Tuple)):
            self._report(node, "axis must be a number", f"axis={ast.unparse(axes.elts[0]) if axes.elts else -1}")
        if path in ("keras.models.save_model", "keras.saving.save_model"):
            self._saved(node, _text(given.get("filepath", node.args[1] if len(node.args) > 1 else None)))

    def _method(self, node: ast.Call, method: ast.Attribute) -> None:
        name, owner = method.attr, ast.unparse(method.value)
        if name == "next" and not node.args and not node.keywords:
            self._report(node, "iterators have no .next()", f"next({owner})")
        if name in tables.METHODS_GONE and (self._kind(method.value) or name.endswith("_generator")):
            self._report(node, f"models have no {name}", tables.METHODS_GONE[name])
        self._arguments(node, name, tables.METHOD_ARGUMENTS.get(name, {}))
        first = _text(node.args[0]) if node.args else None
        if name == "compile" and self._path(method.value) is None:  # re.compile is another one
            self._compile(node)
        elif name == "add" and self._kind(method.value) == "sequential" and node.args:
            self._later_layer(node.args[0], later=owner in self.layers_added)
            self.layers_added.add(owner)
        elif name == "save_weights" and first is not None and not first.endswith(".weights.h5"):
            self._report(node, "the name must end in .weights.h5", repr(f"{first.removesuffix('.h5')}.weights.h5"))
        elif name == "save" and self._kind(method.value):
            self._saved(node, first)

    def _compile(self, node: ast.Call) -> None:
        # Keras 2's order; where metrics were the third, Keras 3 has the weights of the losses
        given = dict(zip(("optimizer", "loss", "metrics"), node.args, strict=False))
        in_place = given.get("metrics")
        given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        metrics, loss = given.get("metrics"), _text(given.get("loss"))
        if in_place is not None and not _is_weights(in_place):
            asked = ast.unparse(in_place)
            mend = f"metrics=[{asked}]" if _text(in_place) is not None else f"metrics={asked}"
            self._report(node, "the third argument of compile is loss_weights", mend, in_place)
        elif _text(metrics) is not None:
            self._report(node, "metrics must be a list", f"metrics=[{_text(metrics)!r}]", metrics)
        names = [_text(item) for item in metrics.elts] if isinstance(metrics, ast.List) else [_text(metrics)]
        self.logs_accuracy = "accuracy" in names and "acc" not in names
        near = nearest(loss, tables.LOSSES) if loss is not None else None
        if loss and near and loss not in tables.LOSSES and loss == loss.lower():
            self._report(node, f"there is no loss {loss!r}", repr(near), given["loss"])

    def _checkpoint(self, node: ast.Call, given: dict[str, ast.expr]) -> None:
        path = _text(given.get("filepath", node.args[0] if node.args else None))
        weights = given.get("save_weights_only")
        only_weights = isinstance(weights, ast.Constant) and weights.value is True
        if path is None:
            return
        if only_weights and not path.endswith(".weights.h5"):
            self._report(node, "with save_weights_only the name must end in .weights.h5", "NAME.weights.h5")
        elif not only_weights and not path.endswith((".keras", ".h5")):
            self._report(node, "the name must end in .keras", "NAME.keras")

    def _saved(self, node: ast.Call, path: str | None) -> None:
        if path and not path.endswith((".keras", ".h5", ".hdf5")):
            formats = any(keyword.arg == "save_format" for keyword in node.keywords)
            mend = f"{path.rstrip('/')}.keras"
            self._report(
                node, "the name must end in .keras or .h5", repr(mend) + (", without save_format" if formats else "")
            )

    def _layers_of(self, layers: ast.expr) -> None:
        if isinstance(layers, ast.List):
            for place, layer in enumerate(layers.elts):
                self._later_layer(layer, later=place > 0)
        elif isinstance(layers, ast.Call) and _of_keras(self._path(layers.func) or "").startswith("keras.layers."):
            self._report(layers, "Sequential takes a list", f"[{ast.unparse(layers)}]")

    def _later_layer(self, layer: ast.expr, later: bool) -> None:
        if later and isinstance(layer, ast.Call):
            for keyword in layer.keywords:
                if keyword.arg in ("input_shape", "input_dim"):
                    self._report(keyword, _ONLY_WARNS, f"leave {keyword.arg}= out here")

    def _number_of_row(self, node: ast.Call, number: str, value: ast.expr) -> None:
        """int(y[i]) where y is [n, 1]: NumPy makes numbers of single elements only, not of rows of one."""
        if isinstance(value, ast.Subscript) and self._kind(value.value) == "column":
            index = value.slice
            if not isinstance(index, (ast.Tuple, ast.Slice)):
                mend = f"{number}({ast.unparse(value.value)}[{ast.unparse(index)}, 0])"
                self._report(node, f"{number}() of a row of labels: they have the shape (n, 1)", mend)

    def _attribute_of_model(self, node: ast.Attribute) -> None:
        kind = self._kind(node.value)
        if node.attr in ("input", "output") and kind in ("sequential", "loaded"):
            loaded = ", if that is what was loaded" if kind == "loaded" else ""
            self._report(node, f"a Sequential has no .{node.attr}{loaded}", f"{ast.unparse(node)}s[0]")
        if node.attr in ("input_shape", "output_shape") and kind == "layer":
            mend = f"{ast.unparse(node).removesuffix('_shape')}.shape"
            self._report(node, f"layers have no .{node.attr}", mend)
        if node.attr == "lr" and isinstance(node.value, ast.Attribute) and node.value.attr == "optimizer":
            self._report(node, "optimizers have no .lr", f"{ast.unparse(node.value)}.learning_rate")

    # what names stand for

    def _walk(self, target: ast.expr, walked: ast.expr) -> None:
        """What a name is in a loop: ``for layer in model.layers``, with enumerate or reversed or without."""
        if isinstance(walked, ast.Call) and isinstance(walked.func, ast.Name) and walked.args:
            if walked.func.id == "enumerate" and isinstance(target, ast.Tuple):
                target = target.elts[-1]
            if walked.func.id in ("enumerate", "reversed"):
                walked = walked.args[0]
        if isinstance(target, ast.Name):
            self._note(target.id, "layer" if self._kind(walked) == "layers" else None)

    def _note(self, name: str, kind: Kind | None) -> None:
        if kind is None:
            self.kinds.pop(name, None)
        else:
            self.kinds[name] = kind

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        kinds = self._kinds_of(value)
        for number, name in enumerate(_names_in(target)):
            self.names.pop(name, None)
            self.layers_added.discard(name)
            kind = kinds[number] if number < len(kinds) else None
            self._note(name, kind)
            if kind == "sequential" and isinstance(value, ast.Call) and value.args:
                self.layers_added.add(name)

    def _kinds_of(self, value: ast.expr) -> list[Kind | None]:
        """What the names on the left of an assignment become, in their order."""
        kind = self._kind(value)
        if kind is not None or not isinstance(value, ast.Call):
            return [kind]
        path = _of_keras(self._path(value.func) or "")
        if path in ("keras.Sequential", "keras.models.Sequential"):
            return ["sequential"]
        if path in ("keras.Model", "keras.models.Model"):
            return ["model"]
        if path in ("keras.models.load_model", "keras.saving.load_model"):
            return ["loaded"]
        if path.startswith("keras.layers.") and path != "keras.layers.Input":
            return ["layer"]
        if path.endswith("cifar10.load_data"):
            return [None, "column", None, "column"]
        method = value.func if isinstance(value.func, ast.Attribute) else None
        if method and method.attr == "flow" and len(value.args) > 1 and self._kind(value.args[1]) == "column":
            return ["batches"]
        of = method.value if method and method.attr == "next" else value.args[0] if value.args else None
        called_next = (method and method.attr == "next") or (
            isinstance(value.func, ast.Name) and value.func.id == "next"
        )
        return [None, "column"] if called_next and of is not None and self._kind(of) == "batches" else []

    def _kind(self, node: ast.expr) -> Kind | None:
        if isinstance(node, ast.Name):
            return self.kinds.get(node.id)
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id == "self"  # a class of the user's
            return "layers" if node.attr == "layers" and not own and self._path(node) is None else None
        if isinstance(node, ast.Call):
            return "layer" if isinstance(node.func, ast.Attribute) and node.func.attr == "get_layer" else None
        if not isinstance(node, ast.Subscript):
            return None
        kind = self._kind(node.value)
        if isinstance(node.slice, (ast.Slice, ast.Tuple)):
            return kind  # y[0:12] has the labels' shape, y[0] has not
        return "layer" if kind == "layers" else None

    def _path(self, node: ast.expr) -> str | None:
        """What an expression such as ``tf.keras.layers`` was imported as, or None."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self._path(node.value)
            return f"{base}.{node.attr}" if base is not None else None
        return None

    # what is reported

    def _gone(self, node: ast.AST, path: str) -> bool:
        """Reports a name that is not there any more; whether it is one."""
        rows = tables.KERAS_GONE if path.startswith("tensorflow.") else tables.KERAS_GONE | tables.ONLY_IN_TENSORFLOW
        name = _of_keras(path)
        for gone, mend in rows.items():
            if name == gone or name.startswith(f"{gone}."):
                self._report(node, f"{gone} is gone", mend)
                return True
        root, _, name = path.partition(".")
        if root == "numpy" and name in tables.NUMPY_GONE:
            self._report(node, f"np.{name} is gone", tables.NUMPY_GONE[name])
            return True
        return False

    def _arguments(self, node: ast.Call, who: str, gone: dict[str, str]) -> None:
        for keyword in node.keywords:
            if keyword.arg in gone:
                self._report(keyword, f"{who} has no argument {keyword.arg}", gone[keyword.arg])

    def _report(self, node: ast.AST, what: str, mend: str, at: ast.AST | None = None) -> None:
        self.found.append((getattr(at or node, "lineno", 1), what, mend))


def _of_keras(path: str) -> str:
    """tensorflow.keras.layers is keras.layers."""
    return path.removeprefix("tensorflow.") if path.startswith("tensorflow.keras") else path


def _text(node: ast.expr | None) -> str | None:
    """The text of a constant string, or None."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_weights(node: ast.expr) -> bool:
    """Whether an argument may be loss_weights: a number, or a list or dictionary with one."""
    inside = [part for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return any(isinstance(part.value, (int, float, type(None))) for part in inside)


def _names_in(target: ast.expr) -> list[str]:
    """The names on the left of an assignment in their order, inner tuples opened; "" for anything else."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return [name for element in target.elts for name in _names_in(element)]
    return [target.id] if isinstance(target, ast.Name) else [""]
