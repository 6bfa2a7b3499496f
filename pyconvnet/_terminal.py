"""Text for a terminal, written whatever the stream can show."""

from __future__ import annotations

import sys
from typing import TextIO


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    Example:
        >>> counted(1, "thread"), counted(1000, "epoch")
        ('1 thread', '1,000 epochs')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def can_encode(stream: TextIO, text: str) -> bool:
    """Whether the stream's encoding has all characters of `text`."""
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def write(stream: TextIO | None, text: str) -> None:
    """Writes `text` and flushes; characters that the stream cannot show become question marks."""
    if stream is not None:
        if not can_encode(stream, text):
            text = text.encode("ascii", "replace").decode("ascii")
        stream.write(text)
        stream.flush()


def say(message: str) -> None:
    """Writes a line to what stdout is now."""
    write(sys.stdout, message + "\n")
