"""The clips of ``make bench``: dark, of the promised size, and never in place of another file unasked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

av = pytest.importorskip("av")
pytest.importorskip("skimage")


def test_clips_are_dark_and_replace_nothing_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dcelite.bench import clips

    monkeypatch.setattr(clips, "FRAMES", 2)
    (tmp_path / "still.mp4").write_text("mine")
    assert clips.main([str(tmp_path)]) == 2
    assert "still.mp4: exists already" in capsys.readouterr().err
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("still.mp4", "mine")]
    assert clips.main([str(tmp_path), "--overwrite"]) == 0
    for name in ("pan.mp4", "still.mp4"):
        with av.open(str(tmp_path / name)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert [frame.shape for frame in frames] == [(clips.HEIGHT, clips.WIDTH, 3)] * 2
        assert 5 < np.mean(frames) < 60
