"""The exceptions of this package."""

from __future__ import annotations


class DatasetNotFoundError(OSError):
    """A data set is neither on this machine nor to be had from the mirrors; the message says what to put where."""


class NotHere(Exception):
    """A folder does not offer the data set; the message is the reason. Never leaves this package."""


class DownloadError(OSError):
    """No mirror gave the file; one line a mirror. Never leaves this package."""
