"""Fixtures of the tests of archives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def _credentials() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield


@pytest.fixture(scope="session")
def bucket(_credentials: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """An S3 server on loopback."""
    pytest.importorskip("moto.server")
    from archives import serve_bucket

    yield from serve_bucket(tmp_path_factory.mktemp("bucket"))


@pytest.fixture(scope="session")
def google_bucket() -> Iterator[object]:
    """An emulator of Google's storage on loopback."""
    pytest.importorskip("gcp_storage_emulator")
    from archives import serve_google

    yield from serve_google()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    from archives import fill

    return fill(tmp_path / "photos", 30)
