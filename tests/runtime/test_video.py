"""``dcelite video``: pictures against the enhancer, and everything else of a file as it was."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.filter
import numpy as np
import pytest
from video_clips import (
    NO_DENOISING,
    assert_refused,
    assert_same_frames,
    dark_planes,
    enhanced,
    read_frames,
    read_planes,
    read_times,
    run,
    write_clip,
)

from dcelite import Enhancer
from dcelite.errors import VideoError
from dcelite.video.enhance import enhance_video
from dcelite.video.frames import MATRIX_BT709, MATRIX_UNSPECIFIED, RANGE_FULL, RANGE_LIMITED, colors_of, plane_arrays

BT2020 = 9
SMPTE170M = 6


@pytest.fixture
def clip(tmp_path: Path, rng: np.random.Generator) -> Path:
    return write_clip(tmp_path / "night.mkv", [dark_planes(rng) for _ in range(6)])


# Pictures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(96, 64), (101, 67), (97, 2), (1, 1)])
def test_frames_are_those_of_the_enhancer(tmp_path: Path, rng: np.random.Generator, width: int, height: int) -> None:
    source = write_clip(tmp_path / "in.mkv", [dark_planes(rng, width, height) for _ in range(3)])
    assert run(source, "-o", tmp_path / "out.mkv", "--codec", "ffv1", "--smoothing", 0) == 0
    assert_same_frames(read_planes(tmp_path / "out.mkv"), enhanced(source))


@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("codec", ["ffv1", "libx264"])
def test_colors_are_those_of_the_stream(
    tmp_path: Path, rng: np.random.Generator, matrix: str, full_range: bool, codec: str
) -> None:
    tag = MATRIX_BT709 if matrix == "bt709" else SMPTE170M
    color_range = RANGE_FULL if full_range else RANGE_LIMITED
    source = write_clip(
        tmp_path / "in.mkv",
        [dark_planes(rng) for _ in range(3)],
        codec=codec,
        colorspace=tag,
        color_range=color_range,
        color_primaries=1,
        color_trc=1,
    )
    out = tmp_path / "out.mkv"
    quality = ["--crf", 0] if codec == "libx264" else []
    assert run(source, "-o", out, "--codec", codec, "--smoothing", 0, *quality) == 0
    assert_same_frames(read_planes(out), enhanced(source, matrix=matrix, full_range=full_range))
    for frame in read_frames(out):
        assert (frame.colorspace, frame.color_range) == (tag, color_range)
        assert (frame.color_primaries, frame.color_trc) == (1, 1)


def test_colors_without_a_tag() -> None:
    for width, height, matrix in [(1279, 576, "bt601"), (1280, 2, "bt709"), (2, 577, "bt709")]:
        colors = colors_of(MATRIX_UNSPECIFIED, 0, "yuv420p", width, height)
        assert (colors.matrix, colors.full_range) == (matrix, False)
        assert (colors.matrix_tag, colors.range_tag) == (MATRIX_UNSPECIFIED, 0)
        assert matrix in colors.notes[0]
    assert colors_of(MATRIX_UNSPECIFIED, 0, "yuvj420p", 96, 64).full_range
    assert colors_of(MATRIX_UNSPECIFIED, 0, "yuv420p10le", 96, 64, is_hdr=True).matrix == "bt2020"


def test_colors_of_other_matrices() -> None:
    assert colors_of(BT2020, RANGE_LIMITED, "yuv420p10le", 96, 64).matrix == "bt2020"
    assert colors_of(BT2020, RANGE_LIMITED, "yuv420p10le", 96, 64).notes == ()
    assert "constant luminance" in colors_of(BT2020 + 1, RANGE_LIMITED, "yuv420p10le", 96, 64).notes[0]
    assert "as if bt709" in colors_of(8, RANGE_LIMITED, "yuv444p", 96, 64).notes[0]  # YCgCo
    with pytest.raises(VideoError, match="its colours are ICtCp"):
        colors_of(14, RANGE_LIMITED, "yuv420p10le", 96, 64)


def test_frames_stored_from_the_bottom_up(rng: np.random.Generator) -> None:
    planes = dark_planes(rng, 33, 21)
    frame = av.VideoFrame(33, 21, "yuv420p")
    for target, plane in zip(plane_arrays(frame, 33, 21), planes, strict=True):
        target[...] = plane
    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add_buffer(width=33, height=21, format="yuv420p", time_base=Fraction(1, 25)),
        graph.add("vflip"),
        graph.add("buffersink"),
    ).configure()
    graph.push(frame)
    flipped: Any = graph.pull()
    assert flipped.planes[0].line_size < 0
    assert_same_frames([plane_arrays(flipped, 33, 21)], [[plane[::-1] for plane in planes]])


def test_options_reach_the_enhancer(tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "out.mkv"
    options = {"strength": 0.5, "scale": 3, "smoothing": 0.6, "map_interval": 2}
    options |= {"denoise": 0.4, "temporal_denoise": 0.7, "noise_level": 2.5}
    arguments = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    assert run(clip, "-o", out, "--codec", "ffv1", *arguments) == 0
    assert_same_frames(read_planes(out), enhanced(clip, **options))
    assert run(clip, "-o", out, "--codec", "ffv1", "--overwrite", "--strength", 0, *NO_DENOISING) == 0
    assert_same_frames(read_planes(out), read_planes(clip))


def test_each_video_begins_anew(tmp_path: Path, clip: Path) -> None:
    with Enhancer(smoothing=0.9) as enhance:
        for name in ("a.mkv", "b.mkv"):
            enhance_video(clip, tmp_path / name, enhance, codec="ffv1")
    assert_same_frames(read_planes(tmp_path / "b.mkv"), read_planes(tmp_path / "a.mkv"))


def test_static_noise_flickers_four_times_less(tmp_path: Path, rng: np.random.Generator) -> None:
    source = write_clip(tmp_path / "in.mkv", [dark_planes(rng, 64, 48) for _ in range(40)])
    changes = []
    for name, arguments in (("off.mkv", ["--smoothing", 0]), ("on.mkv", [])):
        assert run(source, "-o", tmp_path / name, "--codec", "ffv1", *arguments) == 0
        brightness = [planes[0].mean() for planes in read_planes(tmp_path / name)]
        changes.append(np.abs(np.diff(brightness[5:])).mean())
    assert changes[0] > 0.01
    assert changes[1] < changes[0] / 4


def test_a_scene_cut_shows_no_ghost(tmp_path: Path, rng: np.random.Generator) -> None:
    dark = [dark_planes(rng, level=20.0) for _ in range(8)]
    bright = [dark_planes(rng, level=150.0) for _ in range(3)]
    source = write_clip(tmp_path / "in.mkv", dark + bright)
    assert run(source, "-o", tmp_path / "out.mkv", "--codec", "ffv1") == 0
    result, alone = read_planes(tmp_path / "out.mkv"), enhanced(source)
    assert_same_frames(result[8:9], alone[8:9])


def test_other_pixel_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RGB, more chroma, transparency: one colour everywhere, so that the chroma of 4:2:0 is no matter."""
    color = np.array([20, 40, 60], np.uint8)
    image = np.broadcast_to(color, (48, 64, 3))
    with Enhancer(strength=1.0) as enhance:
        wanted = enhance(np.ascontiguousarray(image))[24, 32]
    for pixel_format, note in [
        ("yuv444p", "yuv444p was reduced to yuv420p"),
        ("yuv422p", "yuv422p was reduced to yuv420p"),
        ("yuva420p", "transparency was left out"),
        ("bgr0", "RGB was converted to YUV"),
    ]:
        source, out = tmp_path / f"{pixel_format}.mkv", tmp_path / f"{pixel_format}_out.mkv"
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")
        frame = frame.reformat(format=pixel_format, dst_colorspace="ITU601", dst_color_range="MPEG")
        with av.open(str(source), "w") as container:
            stream: Any = container.add_stream("ffv1", 25, width=64, height=48)
            stream.pix_fmt = pixel_format
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        assert run(source, "-o", out, "--codec", "ffv1") == 0
        assert note in capsys.readouterr().out
        (result,) = read_frames(out)
        assert result.format.name == "yuv420p"
        pixels = result.to_ndarray(format="rgb24", src_colorspace="ITU601")
        assert np.abs(pixels[24, 32].astype(int) - wanted).max() <= 4, pixel_format


def test_h264_leaves_an_odd_row_and_column_out(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_clip(tmp_path / "in.mkv", [dark_planes(rng, 101, 67)])
    assert run(source, "-o", tmp_path / "out.mp4") == 0
    assert "an odd row or column of 101 x 67" in capsys.readouterr().out
    (frame,) = read_frames(tmp_path / "out.mp4")
    assert (frame.width, frame.height) == (100, 66)


def test_frames_that_change_their_size_are_scaled(tmp_path: Path, rng: np.random.Generator) -> None:
    """H.264 may change the size in the midst of a stream; two streams one after the other are such a one."""
    parts = []
    for width, height in ((96, 64), (64, 96)):
        part = write_clip(tmp_path / f"{width}.h264", [dark_planes(rng, width, height)] * 3, codec="libx264")
        parts.append(part.read_bytes())
    source = tmp_path / "both.h264"
    source.write_bytes(b"".join(parts))
    assert run(source, "-o", tmp_path / "out.mkv", "--codec", "ffv1", "--strength", 0, *NO_DENOISING) == 0
    scaled = [frame.reformat(96, 64) for frame in read_frames(source)]
    assert_same_frames(read_planes(tmp_path / "out.mkv"), [plane_arrays(frame, 96, 64) for frame in scaled])


# All that is not picture --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_times_of_a_variable_frame_rate_are_kept(tmp_path: Path, rng: np.random.Generator, suffix: str) -> None:
    ticks = [0, 33, 67, 100, 500, 520, 1400, 1433, 1466, 2000]
    frames = [dark_planes(rng) for _ in ticks]
    source = write_clip(
        tmp_path / f"in{suffix}", frames, codec="libx264", ticks=ticks, time_base=Fraction(1, 1000), audio="aac"
    )
    out = tmp_path / f"out{suffix}"
    assert run(source, "-o", out) == 0
    assert read_times(out) == read_times(source) == [tick / 1000 for tick in ticks]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_rate_and_duration_are_kept(tmp_path: Path, rng: np.random.Generator, suffix: str) -> None:
    frames = [dark_planes(rng) for _ in range(30)]
    source = write_clip(tmp_path / f"in{suffix}", frames, codec="libx264")
    out = tmp_path / f"out{suffix}"
    assert run(source, "-o", out) == 0
    with av.open(str(source)) as a, av.open(str(out)) as b:
        assert a.duration == b.duration == 1.2 * av.time_base
        assert a.streams.video[0].average_rate == b.streams.video[0].average_rate == 25
        assert a.streams.video[0].frames == b.streams.video[0].frames


def test_the_last_frame_stays_as_long_as_it_did(tmp_path: Path, rng: np.random.Generator) -> None:
    frames = [dark_planes(rng) for _ in range(3)]
    source = write_clip(tmp_path / "in.mp4", frames, codec="libx264", durations=[1, 1, 50])
    assert run(source, "-o", tmp_path / "out.mp4") == 0
    with av.open(str(source)) as a, av.open(str(tmp_path / "out.mp4")) as b:
        ends = [max((p.pts + p.duration) * p.time_base for p in file.demux(video=0) if p.size) for file in (a, b)]
    assert ends == [Fraction(52, 25)] * 2


def test_a_container_of_constant_rate(tmp_path: Path, rng: np.random.Generator) -> None:
    source = write_clip(tmp_path / "in.mp4", [dark_planes(rng) for _ in range(10)], codec="libx264")
    out = tmp_path / "out.avi"
    assert run(source, "-o", out) == 0
    with av.open(str(out)) as container:
        video = container.streams.video[0]
        assert video.average_rate == 25
        assert video.frames == 10
    ticks = [0, 1, 2, 400, 401, 402, 800, 1200, 1600, 2000]  # milliseconds: less than a frame apart at 4.5 frames/s
    frames = [dark_planes(rng) for _ in ticks]
    varying = write_clip(tmp_path / "varying.mkv", frames, ticks=ticks, time_base=Fraction(1, 1000))
    assert run(varying, "-o", out, "--codec", "ffv1", "--smoothing", 0, "--overwrite") == 0
    assert_same_frames(read_planes(out), enhanced(varying))


def test_a_broadcast_begins_at_0(tmp_path: Path, rng: np.random.Generator) -> None:
    ticks = [90000 * 3600 + 3600 * i for i in range(8)]
    source = write_clip(
        tmp_path / "in.ts",
        [dark_planes(rng) for _ in ticks],
        codec="libx264",
        ticks=ticks,
        time_base=Fraction(1, 90000),
    )
    assert read_times(source)[0] >= 3600
    assert run(source, "-o", tmp_path / "out.mp4") == 0
    assert read_times(tmp_path / "out.mp4") == [round(i / 25, 6) for i in range(8)]


@pytest.mark.parametrize(("source_name", "name"), [("in.mp4", "out.mp4"), ("in.mp4", "out.mkv"), ("in.mkv", "out.mp4")])
def test_sound_is_copied(tmp_path: Path, rng: np.random.Generator, source_name: str, name: str) -> None:
    source = write_clip(tmp_path / source_name, [dark_planes(rng) for _ in range(50)], codec="libx264", audio="aac")
    assert run(source, "-o", tmp_path / name) == 0

    def packets(path: Path) -> list[tuple[bytes, float]]:
        with av.open(str(path)) as container:
            demuxed = list(container.demux(audio=0))
            return [(bytes(p), float(p.pts * p.time_base)) for p in demuxed if p.pts is not None]

    wanted, copied = packets(source), packets(tmp_path / name)
    assert len(wanted) > 90
    assert [data for data, _ in copied] == [data for data, _ in wanted]
    # Matroska begins at 0, where MP4 begins with what a decoder needs to settle; its ticks are 1 ms.
    delay = read_times(tmp_path / name)[0] - read_times(source)[0]
    np.testing.assert_allclose([at for _, at in copied], [at + delay for _, at in wanted], atol=0.0011)


@pytest.mark.parametrize("rotation", [90, 180, -90])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_rotation_shape_and_metadata_are_kept(
    tmp_path: Path, rng: np.random.Generator, rotation: int, suffix: str
) -> None:
    source = write_clip(
        tmp_path / "in.mp4",
        [dark_planes(rng) for _ in range(3)],
        codec="libx264",
        rotation=rotation,
        sample_aspect_ratio=Fraction(4, 3),
        metadata={"title": "Night walk", "creation_time": "2024-02-03T04:05:06.000000Z"},
    )
    with av.open(str(source)) as container:
        assert container.metadata["title"] == "Night walk"
    out = tmp_path / f"out{suffix}"
    assert run(source, "-o", out) == 0
    assert [f.rotation for f in read_frames(out)] == [f.rotation for f in read_frames(source)]
    assert abs(read_frames(out)[0].rotation) == abs(rotation)
    with av.open(str(out)) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)
        tags = {key.lower(): value for key, value in container.metadata.items()}
        assert tags["title"] == "Night walk"
        assert tags["creation_time"].startswith("2024-02-03T04:05:06")


def test_metadata_that_are_not_utf_8_are_no_obstacle(tmp_path: Path, rng: np.random.Generator) -> None:
    source = write_clip(tmp_path / "in.avi", [dark_planes(rng)], metadata={"title": "Night XX"})
    data = source.read_bytes()
    assert data.count(b"Night XX") == 1
    source.write_bytes(data.replace(b"Night XX", b"Night \xe9\xe8"))  # Latin-1, as old cameras write it
    assert run(source, "-o", tmp_path / "out.mkv", "--codec", "ffv1") == 0
    data = (tmp_path / "out.mkv").read_bytes()
    assert any(title in data for title in (b"Night \xe9\xe8", "Night \ufffd\ufffd".encode()))


def test_metadata_of_phones_and_chapters_are_kept(tmp_path: Path, clip: Path) -> None:
    source = tmp_path / "phone.mov"
    place = "com.apple.quicktime.location.ISO6709"
    with (
        av.open(str(clip)) as original,
        av.open(str(source), "w", container_options={"movflags": "use_metadata_tags"}) as container,
    ):
        container.metadata[place] = "+48.8577+002.2950/"
        container.set_chapters(
            [{"id": 1, "start": 0, "end": 100, "time_base": Fraction(1, 1000), "metadata": {"title": "Start"}}]
        )
        stream: Any = container.add_stream("libx264", 25, width=96, height=64)
        for frame in original.decode(video=0):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert run(source, "-o", tmp_path / "out.mov") == 0
    with av.open(str(tmp_path / "out.mov")) as container:
        assert container.metadata[place] == "+48.8577+002.2950/"
        (chapter,) = container.chapters()
        assert chapter["metadata"]["title"] == "Start"


def test_subtitles_are_copied_or_named(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "titled.mkv"
    (tmp_path / "t.srt").write_text("1\n00:00:00,000 --> 00:00:00,100\nHello\n")
    with av.open(str(clip)) as video, av.open(str(tmp_path / "t.srt")) as text, av.open(str(source), "w") as container:
        copies = {
            stream: container.add_stream_from_template(stream, opaque=True)
            for stream in (video.streams.video[0], text.streams.subtitles[0])
        }
        for part in (video, text):
            for packet in part.demux():
                if packet.dts is not None:
                    packet.stream = copies[packet.stream]
                    container.mux(packet)
    assert run(source, "-o", tmp_path / "out.mkv") == 0
    with av.open(str(tmp_path / "out.mkv")) as container:
        titles = [bytes(packet) for packet in container.demux(subtitles=0) if packet.size]
    assert titles == [b"Hello"]
    assert "left out" not in capsys.readouterr().out
    assert run(source, "-o", tmp_path / "out.mp4") == 0
    assert "(left out: subtitle stream)" in capsys.readouterr().out


# The command ------------------------------------------------------------------------------------------------------


def test_names_and_the_closing_line(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(clip) == 0
    out = tmp_path / "night_enhanced.mkv"
    line = capsys.readouterr().out.strip()
    assert line.startswith(f"{clip} -> {out} (96 x 64, 6 frames in ")
    assert " frames/s: decoding " in line
    assert ", enhancement " in line
    assert ", encoding " in line
    assert "colours taken as bt601 by the size" in line
    assert len(read_frames(out)) == 6
    assert run(clip, "-o", tmp_path / "new" / "folder") == 0
    assert len(read_frames(tmp_path / "new" / "folder" / "night.mkv")) == 6


def test_the_enhancement_is_the_smaller_part_of_the_time(tmp_path: Path, rng: np.random.Generator) -> None:
    pictures = [dark_planes(rng, 1920, 1080) for _ in range(3)]
    source = write_clip(tmp_path / "in.mp4", pictures * 8, codec="libx264")
    with Enhancer(smoothing=0.8) as enhance:
        report = enhance_video(source, tmp_path / "out.mp4", enhance)
    assert report.frames == 24
    assert report.stages["enhancement"] < report.stages["decoding"] + report.stages["encoding"]


def test_encoders(tmp_path: Path, clip: Path) -> None:
    for name, arguments, codec in [
        ("a.mp4", [], "h264"),
        ("b.webm", [], "vp9"),
        ("c.mp4", ["--codec", "hevc"], "hevc"),
        ("d.avi", ["--codec", "mpeg4"], "mpeg4"),
        ("e.mkv", ["--codec", "libx264", "--crf", 30], "h264"),
    ]:
        assert run(clip, "-o", tmp_path / name, *arguments) == 0
        with av.open(str(tmp_path / name)) as container:
            assert container.streams.video[0].codec_context.codec.canonical_name == codec
            assert sum(1 for _ in container.decode(video=0)) == 6


def test_hevc_in_mp4_has_the_tag_that_players_of_apple_want(tmp_path: Path, clip: Path) -> None:
    assert run(clip, "-o", tmp_path / "out.mp4", "--codec", "libx265") == 0
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


def test_a_name_that_looks_like_a_protocol(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clip.rename("2024-01-01T22:15.mkv")
    assert run("2024-01-01T22:15.mkv") == 0
    assert len(read_frames(tmp_path / "2024-01-01T22:15_enhanced.mkv")) == 6


@pytest.mark.parametrize(("share", "suffix"), [(0.0, ".mkv"), (0.3, ".avi"), (0.999, ".mkv")])
def test_a_full_disk_leaves_nothing(tmp_path: Path, rng: np.random.Generator, share: float, suffix: str) -> None:
    """A limit on the size of files stands for the disk."""
    source = write_clip(tmp_path / "in.mkv", [dark_planes(rng, 320, 240) for _ in range(10)])
    assert run(source, "-o", tmp_path / f"whole{suffix}", "--codec", "ffv1") == 0
    whole = (tmp_path / f"whole{suffix}").stat().st_size
    before = sorted(tmp_path.iterdir())
    program = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({int(share * whole)}, {int(share * whole)}))\n"
        "from dcelite import cli\n"
        f"sys.exit(cli.main(['video', {str(source)!r}, '-o', {str(tmp_path / f'out{suffix}')!r}, '--codec', 'ffv1']))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2, result.stderr
    assert f"out{suffix}: cannot be written: File too large" in result.stderr.splitlines()[-1]
    assert sorted(tmp_path.iterdir()) == before


def test_what_cannot_be_read_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, sound = tmp_path / "text.mp4", tmp_path / "sound.m4a"
    text.write_text("not a video\n" * 100)
    (tmp_path / "empty.mp4").touch()
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", 48000)
        for start in range(0, 10240, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
            frame.sample_rate, frame.pts = 48000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    out = tmp_path / "out.mp4"
    assert_refused(capsys, tmp_path, [text, "-o", out], "text.mp4: cannot be read as a video")
    assert_refused(capsys, tmp_path, [tmp_path / "empty.mp4", "-o", out], "empty.mp4: cannot be read as a video")
    assert_refused(capsys, tmp_path, [sound, "-o", out], "sound.m4a: holds no video stream")
    assert_refused(capsys, tmp_path, [tmp_path / "missing.mp4", "-o", out], "missing.mp4: no such file")
    assert_refused(capsys, tmp_path, [tmp_path, "-o", out], "is a folder, a video file was wanted")


def test_what_cannot_be_written_is_refused(
    tmp_path: Path, rng: np.random.Generator, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [dark_planes(rng) for _ in range(3)]
    sound = write_clip(tmp_path / "sound.mp4", frames, codec="libx264", audio="aac")
    turned = write_clip(tmp_path / "turned.mp4", frames, codec="libx264", rotation=90)
    for arguments, texts in [
        ([clip, "-o", clip, "--overwrite"], ["is the input itself"]),
        ([clip, "-o", sound], ["sound.mp4: exists already", "--overwrite"]),
        ([clip, "-o", tmp_path / "out.txt"], ["out.txt: suffix '.txt' names no video container"]),
        ([clip, "-o", tmp_path / "out.wav"], ["out.wav: suffix '.wav' names a container without video"]),
        ([clip, "-o", tmp_path / "out.webm", "--codec", "libx264"], ["webm cannot hold video of libx264"]),
        ([clip, "-o", tmp_path / "out.mkv", "--codec", "h1234"], ["--codec: FFmpeg has no video encoder 'h1234'"]),
        ([clip, "-o", tmp_path / "out.mkv", "--codec", "aac"], ["--codec: FFmpeg has no video encoder 'aac'"]),
        ([clip, "-o", tmp_path / "out.mkv", "--codec", "ffv1", "--crf", 3], ["--crf: the encoder ffv1 has no such"]),
        (
            [clip, "-o", tmp_path / "out.mkv", "--codec", "prores_ks"],
            ["out.mkv: the encoder prores_ks refuses this video"],
        ),
        ([sound, "-o", tmp_path / "out.webm"], ["webm cannot hold the sound of the source (aac)"]),
        ([turned, "-o", tmp_path / "out.avi"], ["to be shown turned, which avi cannot say"]),
        ([clip, "-o", clip / "sub" / "out.mkv"], ["cannot write to this folder"]),
        ([clip, "-o", tmp_path / "out.mkv", "--smoothing", 1], ["smoothing"]),
    ]:
        assert_refused(capsys, tmp_path, arguments, *texts)


def test_of_a_truncated_file_what_is_there_is_kept(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [dark_planes(rng) for _ in range(60)]
    whole = write_clip(tmp_path / "whole.mkv", frames)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    out = tmp_path / "out.mkv"
    assert run(cut, "-o", out, "--codec", "ffv1", "--smoothing", 0) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "cut.mkv: " in error
    assert "of 2.4 seconds" in error
    assert "out.mkv holds what could be read" in error
    result = read_planes(out)
    assert 25 <= len(result) <= 31
    assert_same_frames(result[:25], enhanced(whole)[:25])

    no_index = tmp_path / "cut.mp4"  # the index stands at the end of an MP4 file
    whole = write_clip(tmp_path / "whole.mp4", frames, codec="libx264")
    no_index.write_bytes(whole.read_bytes()[:-2000])
    assert_refused(capsys, tmp_path, [no_index, "-o", tmp_path / "b.mp4"], "cut.mp4: cannot be read as a video")


def test_damaged_frames_are_reported(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_clip(tmp_path / "in.mp4", [dark_planes(rng) for _ in range(30)], codec="libx264")
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(rng.integers(0, 256, 3000, np.uint8))
    source.write_bytes(data)
    assert run(source, "-o", tmp_path / "out.mkv") == 2
    assert "out.mkv holds what could be read" in capsys.readouterr().err
    assert len(read_frames(tmp_path / "out.mkv")) >= 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_leaves_nothing(tmp_path: Path, rng: np.random.Generator, number: signal.Signals) -> None:
    source = write_clip(tmp_path / "in.mkv", [dark_planes(rng, 640, 480) for _ in range(8)] * 60)
    command = [sys.executable, "-m", "dcelite.cli", "video", str(source), "-o", str(tmp_path / "out.mkv")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not any(tmp_path.glob(".out.*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.2)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors
    assert errors.splitlines()[-1] == "dcelite: interrupted"
    assert sorted(tmp_path.iterdir()) == [source]


def test_without_pyav(clip: Path) -> None:
    program = (
        "import sys; sys.modules['av'] = None\n"
        "from dcelite import cli\n"
        "cli.build_parser().format_help()\n"
        f"sys.exit(cli.main(['video', {str(clip)!r}]))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert result.stderr.strip() == ("dcelite: error: video: PyAV is not installed; run: pip install 'dcelite[video]'")
