"""``dcelite video`` with files as people have them: containers, codecs, interlaced frames, alpha, whole graphs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from video_clips import (
    Planes,
    assert_refused,
    dark_planes,
    read_frames,
    read_planes,
    read_times,
    run,
    write_clip,
)

from dcelite import Enhancer, cli
from dcelite.video.frames import chroma_location

from generated import weights_of
from support import REPOSITORY


class Kind(NamedTuple):
    """A file that was tried, and what it becomes; a row of the table in docs/video.md."""

    suffix: str
    codec: str
    sound: str | None
    to: str
    becomes: str
    note: str = ""
    """What the closing line names, or, of a file that is refused, what the sentence has."""
    pixel_format: str = "yuv420p"
    options: tuple[tuple[str, str], ...] = ()
    """Of the encoder that makes the source."""


KINDS = (
    Kind(".mp4", "libx264", "aac", ".mp4", "h264"),
    Kind(".mp4", "libx265", "aac", ".mp4", "h264"),
    Kind(".mp4", "libsvtav1", "aac", ".mp4", "h264"),
    Kind(".mp4", "libx265", "aac", ".mp4", "hevc", "", "yuv420p10le"),
    Kind(".m4v", "libx264", "aac", ".m4v", "h264"),
    Kind(".3gp", "libx264", "aac", ".3gp", "h264"),
    Kind(".mov", "libx264", "pcm_s16le", ".mov", "h264"),
    Kind(".mov", "prores_ks", "pcm_s16le", ".mov", "hevc", "yuv422p10le was reduced to yuv420p10le", "yuv422p10le"),
    Kind(".mov", "prores_ks", "pcm_s16le", ".mov", "hevc", "transparency was left out", "yuva444p10le"),
    Kind(".mov", "mjpeg", "pcm_s16le", ".mov", "h264", "", "yuvj420p"),
    Kind(".mov", "png", None, ".mov", "h264", "transparency was left out", "rgba"),
    Kind(".mkv", "libx264", "flac", ".mkv", "h264"),
    Kind(".mkv", "ffv1", "flac", ".mkv", "hevc", "12 bits a channel (yuv420p12le) were reduced to 10", "yuv420p12le"),
    Kind(".webm", "libvpx-vp9", "libopus", ".webm", "vp9"),
    Kind(
        ".webm", "libvpx", "libopus", ".webm", "vp9", "transparency was left out", "yuva420p", (("auto-alt-ref", "0"),)
    ),
    Kind(".webm", "libsvtav1", "libopus", ".webm", "av1", "", "yuv420p10le"),
    Kind(".ts", "libx264", "aac", ".ts", "h264"),
    Kind(".ts", "mpeg2video", "mp2", ".ts", "h264"),
    Kind(".mts", "libx264", "ac3", ".mts", "h264"),
    Kind(".m2ts", "libx264", "ac3", ".m2ts", "h264"),
    Kind(".mpg", "mpeg2video", "mp2", ".mpg", "mpeg2video"),
    Kind(".vob", "mpeg2video", "ac3", ".vob", "mpeg2video"),
    Kind(".avi", "mpeg4", "mp2", ".avi", "h264"),
    Kind(".avi", "libx264", "mp2", ".avi", "h264"),
    Kind(".avi", "mjpeg", "pcm_s16le", ".avi", "h264", "", "yuvj422p"),
    Kind(".flv", "libx264", "aac", ".flv", "h264"),
    Kind(".wmv", "wmv2", None, ".wmv", "h264"),
    Kind(".gif", "gif", None, ".mp4", "h264", "RGB was converted to YUV", "rgb8"),
    Kind(".gif", "gif", None, ".gif", "", "gif is for pictures of few colours; -o out.mp4 was wanted", "rgb8"),
    Kind(".mp4", "libx264", "aac", ".mpg", "", "cannot hold these together: mpeg2video, aac", "yuv420p"),
)


def moving(rng: np.random.Generator, count: int, width: int = 128, height: int = 64) -> list[Planes]:
    """A bright block that moves by eight pixels a frame: its place tells which frame one sees."""
    frames = []
    for i in range(count):
        planes = dark_planes(rng, width, height)
        planes[0][16:48, 8 * i : 8 * i + 16] = 160
        frames.append(planes)
    return frames


def place(planes: Planes) -> float:
    """Column at which the block of :func:`moving` begins, in frames."""
    rows = planes[0][20:44].astype(float).mean(axis=0)
    return float(np.argmax(np.convolve(rows, np.ones(16), "valid"))) / 8


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: f"{k.suffix[1:]}-{k.codec}-{k.pixel_format}-to-{k.to[1:]}")
def test_kinds(tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str], kind: Kind) -> None:
    transparent = {"alpha_mode": "1"} if kind.suffix == ".webm" and "yuva" in kind.pixel_format else {}
    source = write_clip(
        tmp_path / f"in{kind.suffix}",
        moving(rng, 12),
        codec=kind.codec,
        audio=kind.sound,
        pixel_format=kind.pixel_format,
        options=dict(kind.options),
        of_stream=transparent,
    )
    out = tmp_path / f"out{kind.to}"
    if not kind.becomes:
        assert_refused(capsys, tmp_path, [source, "-o", out], kind.note)
        return
    assert run(source, "-o", out) == 0
    line = capsys.readouterr().out
    assert kind.note in line
    with av.open(str(out)) as result:
        video = result.streams.video[0]
        assert video.codec_context.codec.canonical_name == kind.becomes
        assert "alpha_mode" not in {key.lower() for key in video.metadata}
        assert len(result.streams.audio) == (kind.sound is not None)
        if kind.sound:
            with av.open(str(source)) as original:
                same = [file.streams.audio[0].codec_context.codec.canonical_name for file in (original, result)]
            assert same[0] == same[1]
        pixel_format = next(result.decode(video=0)).format.name
    deep = "10le" in kind.pixel_format or "12le" in kind.pixel_format
    assert pixel_format.replace("yuvj", "yuv") == ("yuv420p10le" if deep else "yuv420p")
    enhanced_frames = [luma_of(frame) for frame in read_frames(out)]
    assert [round(place(planes)) for planes in enhanced_frames] == list(range(12))
    before = np.mean([planes[0].mean() for planes in map(luma_of, read_frames(source))])
    assert np.mean([planes[0].mean() for planes in enhanced_frames]) > before + 5
    if kind.suffix not in (".avi", ".wmv"):  # see below
        # MPEG programme streams count in frames: half of one is what rounding costs.
        tolerance = 0.021 if kind.suffix in (".mpg", ".vob") else 0.002
        assert times_from_start(out) == pytest.approx(times_from_start(source), abs=tolerance)


def times_from_start(path: Path) -> list[float]:
    """Seconds after the file begins, with sound or picture; broadcasts count from anywhere."""
    with av.open(str(path)) as container:
        start = max(container.start_time or 0, 0) / av.time_base
    return [time - start for time in read_times(path)]


def luma_of(frame: av.VideoFrame) -> Planes:
    """As 8 bits of limited range."""
    return [frame.reformat(format="gray8", dst_color_range="MPEG").to_ndarray()]


def test_the_document_lists_what_was_tried() -> None:
    text = (REPOSITORY / "docs" / "video.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\.\w+)` \|(.*)\|$", text, re.MULTILINE)
    assert [f"`{suffix}` |{rest}" for suffix, rest in rows] == [row_of(kind) for kind in KINDS]


def row_of(kind: Kind) -> str:
    """Of the table."""
    depth = {"p10": " of 10 bits", "p12": " of 12 bits"}.get(kind.pixel_format[-5:-2], "")
    shape = " with alpha" if kind.pixel_format.startswith(("yuva", "rgba")) else ""
    source = f"{kind.codec.removeprefix('lib')}{depth}{shape}"
    becomes = f"{kind.becomes}{' of 10 bits' if depth else ''}" if kind.becomes else "refused"
    note = f": {kind.note}" if kind.note else ""
    return f"`{kind.suffix}` | {source} | {kind.sound or 'none'} | `{kind.to}` | {becomes}{note} "


# AVI ----------------------------------------------------------------------------------------------------------------


def places_of_packets(path: Path) -> list[int | None]:
    """What an AVI file says of its frames: their places, in the order of the file."""
    with av.open(str(path)) as container:
        return [packet.dts for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_avi_frames_keep_their_places(tmp_path: Path, rng: np.random.Generator, codec: str, b_frames: int) -> None:
    """AVI has no times: with frames in another order than they are shown in, pictures and sound part."""
    options = {"bf": str(b_frames)}
    source = write_clip(tmp_path / "in.avi", moving(rng, 12), codec=codec, options=options)
    out = tmp_path / "out.avi"
    assert run(source, "-o", out) == 0
    assert places_of_packets(out) == list(range(12))
    assert {frame.pict_type for frame in read_frames(out)} == {PictureType.I, PictureType.P}
    assert [round(place(planes)) for planes in read_planes(out)] == list(range(12))
    assert run(source, "-o", tmp_path / "out.mp4") == 0
    assert read_times(tmp_path / "out.mp4") == [i / 25 for i in range(12)]


def test_frames_that_a_recorder_dropped_leave_a_gap(tmp_path: Path, rng: np.random.Generator) -> None:
    """In AVI, a chunk without content says that the frame before stays."""
    ticks = [0, 1, 2, 6, 7]
    source = write_clip(tmp_path / "in.avi", moving(rng, 5), codec="mpeg4", ticks=ticks)
    assert run(source, "-o", tmp_path / "out.mp4") == 0
    assert read_times(tmp_path / "out.mp4") == [tick / 25 for tick in ticks]


# Interlaced frames --------------------------------------------------------------------------------------------------


def combing(luma: np.ndarray) -> float:
    """How much neighbouring rows differ more than those of the same field."""
    values = luma.astype(float)
    return float(np.abs(values[1:-1] - (values[:-2] + values[2:]) / 2).mean())


@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        (".ts", "libx264", {"x264-params": "interlaced=1:tff=1"}),
        (".mpg", "mpeg2video", {"flags": "+ildct+ilme"}),
    ],
)
def test_interlaced_frames_become_progressive(
    tmp_path: Path,
    rng: np.random.Generator,
    capsys: pytest.CaptureFixture[str],
    suffix: str,
    codec: str,
    options: dict[str, str],
) -> None:
    """Even rows show one moment, odd rows another: a moving block has a comb at its sides."""
    moments = moving(rng, 26, width=256)
    frames = []
    for first, second in zip(moments[::2], moments[1::2], strict=True):
        planes = [plane.copy() for plane in first]
        planes[0][1::2] = second[0][1::2]
        frames.append(planes)
    source = write_clip(tmp_path / f"in{suffix}", frames, codec=codec, options=options)
    assert all(frame.interlaced_frame for frame in read_frames(source))
    out = tmp_path / "out.mp4"
    assert run(source, "-o", out, "--strength", 0, "--denoise", 0, "--temporal-denoise", 0) == 0
    assert "(interlaced frames were deinterlaced (bwdif), one frame for each)" in capsys.readouterr().out
    result = read_frames(out)
    assert not any(frame.interlaced_frame for frame in result)
    assert len(result) == len(frames)
    start = read_times(source)[0]
    assert read_times(out) == pytest.approx([time - start for time in read_times(source)], abs=0.002)
    before, after = (np.mean([combing(p[0]) for p in read_planes(path)[2:-2]]) for path in (source, out))
    assert after < before / 2


@pytest.mark.parametrize("count", [1, 2])
def test_few_interlaced_frames(tmp_path: Path, rng: np.random.Generator, count: int) -> None:
    """The decoder gives them at the end of the file only, and the filter after that."""
    options = {"x264-params": "interlaced=1:tff=1"}
    source = write_clip(tmp_path / "in.ts", moving(rng, count), codec="libx264", options=options)
    assert run(source, "-o", tmp_path / "out.mkv") == 0
    assert len(read_frames(tmp_path / "out.mkv")) == count


# Chroma -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("location", ["left", "center", "topleft"])
def test_the_place_of_chroma_is_kept(tmp_path: Path, rng: np.random.Generator, location: str) -> None:
    options = {"chroma_sample_location": location}
    source = write_clip(tmp_path / "in.mp4", moving(rng, 3), codec="libx264", options=options)
    assert chroma_location(read_frames(source)[0]) == location
    assert run(source, "-o", tmp_path / "out.mp4") == 0
    assert chroma_location(read_frames(tmp_path / "out.mp4")[0]) == location


# Whole graphs -------------------------------------------------------------------------------------------------------


def write_whole_graph(path: Path, size: tuple[int, int] | None = None) -> Path:
    onnx_graph = pytest.importorskip("dcelite.export.onnx_graph")
    from dcelite.export.spec import ExportSpec

    spec = ExportSpec("zerodcepp", 12, resize_in_graph=True, size=size)
    onnx_graph.write_onnx(weights_of("zerodcepp").arrays, spec, spec.metadata("0" * 64, "0"), path)
    return path


@pytest.fixture(scope="module")
def whole_graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_whole_graph(tmp_path_factory.mktemp("graph") / "all.onnx")


def test_a_whole_graph(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str], whole_graph: Path
) -> None:
    source = write_clip(tmp_path / "in.mkv", moving(rng, 3), colorspace=1, color_range=1)
    out = tmp_path / "out.mkv"
    assert run(source, "-o", out, "--codec", "ffv1", "--model", whole_graph) == 0
    (note,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dcelite: ")]
    assert note.endswith("which leaves out: denoise, smoothing, temporal_denoise")
    colors: dict[str, Any] = {"src_colorspace": "ITU709", "src_color_range": "MPEG"}
    with Enhancer(whole_graph) as enhance:
        for frame, result in zip(read_frames(source), read_frames(out), strict=True):
            assert (result.colorspace, result.color_range) == (1, 1)
            wanted = enhance(frame.to_ndarray(format="rgb24", **colors))
            pixels = result.to_ndarray(format="rgb24", **colors)
            assert np.abs(pixels.astype(int) - wanted).mean() < 4  # chroma of 2 x 2 pixels
    for given in (["--smoothing", 0.8], ["--temporal-denoise", 1], ["--denoise", 0.5], ["--strength", 0.5]):
        assert_refused(
            capsys, tmp_path, [source, "-o", tmp_path / "b.mkv", "--model", whole_graph, *given], "its graph"
        )


def test_what_a_whole_graph_cannot_take(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str], whole_graph: Path
) -> None:
    deep = {"pixel_format": "yuv420p10le"}
    source = write_clip(tmp_path / "deep.mkv", moving(rng, 2), **deep)
    assert run(source, "-o", tmp_path / "out.mkv", "--model", whole_graph) == 0
    assert "(10 bits a channel (yuv420p10le) were reduced to 8)" in capsys.readouterr().out
    assert read_frames(tmp_path / "out.mkv")[0].format.name == "yuv420p"

    model = write_whole_graph(tmp_path / "fixed.onnx", (48, 64))
    hdr = write_clip(tmp_path / "hdr.mkv", moving(rng, 2), color_trc=18, **deep)
    for path, clip, text in [
        (whole_graph, hdr, "hdr.mkv: is HDR of HLG, but the model has 8-bit images in its graph"),
        (model, source, f"deep.mkv: {model}: the model refuses an image of (64, 128, 3), it takes (48, 64) only"),
    ]:
        before = sorted(tmp_path.iterdir())
        assert run(clip, "-o", tmp_path / "b.mkv", "--model", path) == 2
        assert text in capsys.readouterr().err.splitlines()[-1]
        assert sorted(tmp_path.iterdir()) == before


def test_no_encoder_raises_the_rank_of_the_process(tmp_path: Path, rng: np.random.Generator) -> None:
    """Of SVT-AV1, which does so where it may: a real-time thread that waits by spinning stops everything else."""
    clip = write_clip(tmp_path / "dark.mkv", [dark_planes(rng)] * 3)
    before = {policy_of(task) for task in Path("/proc/self/task").iterdir()}
    assert cli.main(["video", str(clip), "-o", str(tmp_path / "out.mkv"), "--codec", "libsvtav1"]) == 0
    assert {policy_of(task) for task in Path("/proc/self/task").iterdir()} <= before


def policy_of(task: Path) -> tuple[int, int]:
    number = int(task.name)
    return os.sched_getscheduler(number), os.sched_getparam(number).sched_priority
