"""What all tests share besides fixtures: paths, skipping for a reason, and the bound that engines are held to."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
REQUIRE_ALL = os.environ.get("DCELITE_REQUIRE_ALL") == "1"
"""Set by .ci/run: what a test would be skipped for (data, a tool, a library) is then a failure."""


def skip(reason: str) -> None:
    """Skip the running test for a stated reason; fail instead where everything is required."""
    if REQUIRE_ALL:
        pytest.fail(f"required here, but {reason}")
    pytest.skip(reason)


def shared_directory() -> Path:
    """The folder of photographs and golden data that is not part of the repository."""
    return Path(os.environ.get("DCELITE_TEST_DATA", REPOSITORY.parent / "shared"))


def load_weights(path: Path) -> dict[str, np.ndarray]:
    """The parameters of a checkpoint, as the NumPy reference takes them."""
    from dcelite.model.checkpoint import load_weights

    return load_weights(path).arrays


def require_mindspore_lite() -> None:
    """Skip the running test where MindSpore Lite is not installed."""
    from dcelite.errors import EngineUnavailableError
    from dcelite.mindspore_lite.sdk import find_sdk

    try:
        find_sdk()
    except EngineUnavailableError as error:
        skip(str(error))


def require_format(suffix: str) -> None:
    """Skip the running test where files of a suffix cannot be read."""
    from dcelite.images import missing_support

    if missing := missing_support(suffix):
        skip(f"{suffix}: {missing}")


def assert_equals_reference(result: np.ndarray, wanted: np.ndarray) -> None:
    """The bound for every engine: 99.9 % of the 8-bit values equal, none off by more than 1."""
    assert result.shape == wanted.shape
    difference = np.abs(result.astype(np.int16) - wanted)
    assert difference.max() <= 1
    different = np.count_nonzero(difference)
    # A picture of a few pixels may have one value that falls exactly between two levels.
    assert different <= max(difference.size // 1000, 1)
