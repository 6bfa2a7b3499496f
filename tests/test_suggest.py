"""Misspelt arguments: the nearest one is named, and the decorated function stays what it was."""

from __future__ import annotations

import inspect

import pytest

from pyconvnet._suggest import suggests_arguments, unknown_argument


def add(first: int, second: int = 2, *, third: int = 3) -> int:
    """Adds."""
    return first + second + third


def test_an_argument_without_anything_near_is_told_all() -> None:
    assert unknown_argument("add", "zzz", ["first", "second"]) == "add: unknown argument 'zzz'; known are first, second"


def test_a_decorated_function_stays_what_it_was() -> None:
    checked = suggests_arguments(add)
    assert checked(1) == 6 and checked(1, 5, third=0) == 6 and checked(first=0, second=0, third=1) == 1
    assert inspect.signature(checked) == inspect.signature(add)
    assert (checked.__name__, checked.__doc__) == ("add", "Adds.")


def test_a_misspelt_keyword_is_refused_before_the_call() -> None:
    called = []

    class Model:
        @suggests_arguments
        def fit(self, epochs: int = 1) -> None:
            called.append(epochs)

    with pytest.raises(TypeError) as caught:
        Model().fit(epoch=3)  # type: ignore[call-arg]
    assert str(caught.value) == "fit: unknown argument 'epoch'; did you mean 'epochs'?" and called == []
    with pytest.raises(TypeError, match=r"^fit: unknown argument 'zzz'; known are epochs$"):
        Model().fit(zzz=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="multiple values for argument 'epochs'"):
        Model().fit(3, epochs=4)  # type: ignore[misc]
    Model().fit(epochs=3)
    assert called == [3]
