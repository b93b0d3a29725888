"""What a sample says of an archive."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

from dcelite.archive import cost
from dcelite.archive.manifest import Manifest, row
from dcelite.archive.places import Place


def test_a_sample_is_scaled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = {"output_size": 5_000_000, "width": 4000, "height": 3000}
    rows = [row(f"{i}", 4_000_000, 0, "done", "s", processor_seconds=0.2 + 0.1 * i, **made) for i in range(2)]
    Manifest(Place.of(str(tmp_path))).add([*rows, row("bad", 1, 0, "failed", "s")])
    # 10 a second of 0.25 s each: 2.5 processors, of machines that give 2 x 0.5.
    line = ["--photographs", "864000", "--days", "1", "--processors", "2", "--share", "0.5"]
    assert cost.main([str(tmp_path), *line]) == 0
    values = dict(text.split("  ", 1) for text in capsys.readouterr().out.splitlines())
    found = {name: value.strip() for name, value in values.items()}
    assert found["sample"] == "2 photographs of 12 megapixels"
    assert found["processors"] == "2.5"
    assert found["machines of 2 processors, busy to 50%"] == "3"
    assert found["Mbit/s in and out of each"] == "107, 133"
    assert found["TB to store"] == "4.32"


def test_what_is_no_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cost.main([str(tmp_path)]) == 2
    assert "has no photograph that was enhanced" in capsys.readouterr().err
    assert cost.main([str(tmp_path), "--days", "0"]) == 2
    assert "--days: 0.0, more than 0 was wanted" in capsys.readouterr().err
