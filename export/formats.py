"""What ``--formats`` and ``--name`` of the commands that write model files mean, and which formats can be made here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dcelite.errors import DceliteError, EngineUnavailableError
from dcelite.extras import absent


def split_list(text: str | None) -> tuple[str, ...] | None:
    """``onnx,ms`` -> its parts."""
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


def check_formats(formats: Sequence[str], known: Sequence[str]) -> None:
    """Raise DceliteError for a format that is unknown."""
    for name in formats:
        if name not in known:
            raise DceliteError(f"--formats {name}: is not a format; a list of {', '.join(known)} was wanted")


def check_name(name: str | None) -> None:
    """Raise DceliteError for a name that is none of a file."""
    if name is not None and (name in ("", ".", "..") or Path(name).name != name):
        raise DceliteError(f"--name {name}: a file name without folder and suffix was wanted")


def available(wanted: Sequence[str], *, explicit: bool) -> tuple[list[str], dict[str, str]]:
    """Split into formats that can be made here and, unless they were asked for, those that cannot, with the reason.

    Raises:
        EngineUnavailableError: one that was asked for cannot; the message says what to install.
    """
    skipped = {name: text for name in wanted if (text := _what_is_absent(name))}
    if skipped and explicit:
        raise EngineUnavailableError("; ".join(f"--formats {name}: {text}" for name, text in skipped.items()))
    return [name for name in dict.fromkeys(wanted) if name not in skipped], skipped


def _what_is_absent(file_format: str) -> str:
    """What to install before a format can be written and run here; empty where nothing is missing."""
    if file_format == "onnx":
        return absent("export", "onnx", "onnxruntime")
    if file_format == "ms":
        from dcelite.mindspore_lite.build import find_build
        from dcelite.mindspore_lite.sdk import find_sdk

        try:
            find_build(find_sdk())  # compiles converter and engine if that is still to be done
        except EngineUnavailableError as error:
            return str(error)
        return absent("export", "onnx")
    return ""
