"""Fixtures that all tests share."""

from __future__ import annotations

import importlib.util
from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

import generated
from support import REPOSITORY, REQUIRE_ALL, load_weights, shared_directory, skip

Report = TypeVar("Report", pytest.CollectReport, pytest.TestReport)


def required(report: Report) -> Report:
    """What ``pytest.importorskip`` skips has failed where everything is required."""
    if (
        REQUIRE_ALL
        and report.skipped
        and isinstance(report.longrepr, tuple)
        and "could not import" in report.longrepr[2]
    ):
        report.outcome = "failed"
        report.longrepr = f"required here, but {report.longrepr[2]}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return required((yield))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return required((yield))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Test data outside the repository; tests that need it are skipped where it is absent."""
    path = shared_directory()
    if not path.is_dir():
        skip(f"the test data folder {path} is absent (set DCELITE_TEST_DATA)")
    return path


@pytest.fixture(scope="session", params=["shipped", "zerodcepp_scene"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> generated.Model:
    """Shipped weights, and random ones with a scene head."""
    if request.param == "shipped":
        return generated.Model(None, load_weights(REPOSITORY / "models" / "zerodcepp_scene.ckpt"))
    return generated.model_file(request.param, tmp_path_factory.mktemp("model"))


@pytest.fixture
def without_heif(monkeypatch: pytest.MonkeyPatch) -> Generator[None, None, None]:
    """As if pillow-heif were not installed."""
    from dcelite.images import missing_support

    find = importlib.util.find_spec
    with monkeypatch.context() as patch:
        patch.setattr(importlib.util, "find_spec", lambda name: None if name == "pillow_heif" else find(name))
        missing_support.cache_clear()
        yield
    missing_support.cache_clear()


@pytest.fixture
def mindspore() -> Any:
    if importlib.util.find_spec("mindspore") is None:
        skip("mindspore is absent")
    from dcelite.training.backend import ms

    return ms


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)
