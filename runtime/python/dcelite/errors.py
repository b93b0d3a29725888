"""Exceptions that dcelite raises on bad input, all derived from :class:`DceliteError`.

The command line prints the message of a ``DceliteError`` on one line and exits with code 2; every message therefore
names the value that was seen and what was wanted instead.
"""

from __future__ import annotations


class DceliteError(Exception):
    """Base class: the user can mend the cause (a bad file, an absent engine, an output that exists)."""


class ModelError(DceliteError):
    """A model or checkpoint file is missing, truncated, damaged, or of a kind that dcelite does not read."""


class EngineUnavailableError(DceliteError):
    """The engine that a model file asks for is not installed; the message says what to install."""


class ImageError(DceliteError):
    """An image cannot be read, or has a size or pixel type that dcelite does not process."""


class ImageTooLargeError(ImageError, MemoryError):
    """An image needs more memory than is free at the moment."""


class VideoError(DceliteError):
    """A video cannot be read, or is damaged; the message says whether an output was written all the same."""


class OutputError(DceliteError):
    """An output exists already, or cannot be written."""
