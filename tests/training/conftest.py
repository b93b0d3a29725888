"""Tests of training need MindSpore, apart from those of files and data."""

from __future__ import annotations

import importlib.util
import os

WITHOUT_MINDSPORE = importlib.util.find_spec("mindspore") is None and os.environ.get("DCELITE_REQUIRE_ALL") != "1"

if WITHOUT_MINDSPORE:
    collect_ignore = ["test_losses.py", "test_models.py", "test_network.py", "test_train.py"]


def pytest_report_header() -> str | None:
    return (
        "training: networks, losses, runs and weights are not tested, mindspore is absent"
        if WITHOUT_MINDSPORE
        else None
    )
