"""Objects from what users write for them (an instance, a class, a name, a config dictionary), and back."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pyconvnet._suggest import unknown
from pyconvnet.activations import ActivationFunction


class Configurable:
    """What can be written down as a dictionary and made again from it.

    By convention every argument of the constructor is kept in an attribute of the same name.
    """

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain Python values."""
        return {name: serialize(getattr(self, name)) for name in argument_names(type(self))}

    @classmethod
    def from_config(cls: type[T], config: Mapping[str, Any]) -> T:
        """An equal object from `get_config()`'s dictionary."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


T = TypeVar("T", bound=Configurable)


def refuse_methods(cls: type, names: tuple[str, ...], instead: str) -> None:
    """Refuses a class of the user's with methods that would never be called; for `__init_subclass__`.

    Args:
        cls: the new class.
        names: of such methods.
        instead: what to do.

    Raises:
        TypeError: the class has one of them.
    """
    for name in names:
        if name in vars(cls):
            raise TypeError(
                f"{cls.__name__}: a {name}() of its own would never be called, since the kernels of a step are planned "
                f"before it runs; {instead}"
            )


def argument_names(cls: type) -> list[str]:
    """The named arguments of a class's constructor, in order."""
    parameters = inspect.signature(cls).parameters.values()
    return [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]


def snake_case(name: str) -> str:
    """The name of a class or a function as Keras writes it.

    Example:
        >>> snake_case("MaxPooling2D"), snake_case("<lambda>")
        ('max_pooling2d', 'lambda')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def serialize(value: Any) -> Any:
    """A plain value for a config: objects become {"class_name": ..., "config": ...}, activations their names."""
    if isinstance(value, ActivationFunction):
        return value.name
    if isinstance(value, Configurable):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    return value


def resolve(who: str, what: str, identifier: Any, table: Mapping[str, Callable[[], T]], base: type[T]) -> T:
    """An instance of `base` from whatever stands for one.

    Args:
        who: who asks, for messages.
        what: what is looked for, such as "initializer".
        identifier: an instance or a subclass of `base`, a name in `table`, or a dictionary
            {"class_name": name, "config": arguments}.
        table: what makes an instance with default arguments, by name.
        base: the class of the result.

    Returns:
        The instance.

    Raises:
        ValueError: an unknown name.
        TypeError: something that cannot stand for one.
    """
    if isinstance(identifier, base):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, base):
        return identifier()
    if isinstance(identifier, str):
        return _named(who, what, identifier, table)()
    if isinstance(identifier, Mapping) and isinstance(identifier.get("class_name"), str):
        cls = _named(who, what, identifier["class_name"], table)
        if isinstance(cls, type) and issubclass(cls, base):
            return cls.from_config(identifier.get("config", {}))
    example = next(iter(table))
    raise TypeError(
        f"{who}: {what} must be a name such as '{example}' or an object of pyconvnet's own, got {identifier!r}"
    )


def _named(who: str, what: str, name: str, table: Mapping[str, Callable[[], T]]) -> Callable[[], T]:
    if name not in table:
        raise ValueError(unknown(who, what, name, (word for word in table if word.islower())))
    return table[name]
