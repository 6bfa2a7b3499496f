"""Measuring in turns, so that what slows the machine down for a while hits everybody: ours, each peer, ..., ours."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pyconvnet.bench import report
from pyconvnet.bench.peers import PeerFailed

OURS = "pyconvnet"
_PAUSE = 0.2  # seconds between two sides, so that threads that wait actively have gone to sleep


class Side(Protocol):
    """Whoever is measured: this library or a `Peer`."""

    def ask(self, do: str, **arguments: Any) -> Mapping[str, Any]:
        """Answers a request."""


class Ours:
    """This library's side: a request is answered by the method of its name; a `Peer` answers the same requests."""

    def ask(self, do: str, **arguments: Any) -> Mapping[str, Any]:
        """Answers a request."""
        answer: Mapping[str, Any] = getattr(self, do)(**arguments)
        return answer


class Clocked(ABC):
    """A side with all that was measured of it."""

    @abstractmethod
    def turn(self) -> str:
        """Measures once more; answers what was measured, in words."""


def take_turns(sides: dict[str, Any], rounds: int, failed: dict[str, str]) -> None:
    """Everybody in each round, and ours once more at the end where there are peers.

    Args:
        sides: a `Clocked` by name; a peer that fails is taken out.
        rounds: how many.
        failed: gets the name and the reason of a peer that fails.
    """
    for number in range(1, rounds + 1):
        for name in list(sides):
            _turn(sides, name, f"round {number}/{rounds}", failed)
    if len(sides) > 1:
        _turn(sides, OURS, "at the end", failed)


def _turn(sides: dict[str, Any], name: str, when: str, failed: dict[str, str]) -> None:
    if len(sides) > 1:
        time.sleep(_PAUSE)
    try:
        report.progress(f"  {when}: {name} {sides[name].turn()}")
    except PeerFailed as error:
        failed[name] = str(error)
        del sides[name]
        report.progress(f"  {name} failed: {error}")


def fastest_peer(figures: Mapping[str, float], best: Callable[..., str]) -> str | None:
    """The peer with the best figure, None where there is no peer.

    Args:
        figures: of every side, ours among them.
        best: `min` of times, `max` of rates.
    """
    peers = [name for name in figures if name != OURS]
    return best(peers, key=figures.__getitem__) if peers else None
