"""Fixtures that all tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from support import shared_directory, skip


@pytest.fixture(scope="session")
def shared() -> Path:
    """Test data outside the repository; tests that need it are skipped where it is absent."""
    path = shared_directory()
    if not path.is_dir():
        skip(f"the test data folder {path} is absent (set DCELITE_TEST_DATA)")
    return path


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)
