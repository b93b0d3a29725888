"""``dcelite video`` with 10 bits and HDR: nothing is reduced that need not be, and tags say what the pictures are."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type as SideDataType
from numpy.typing import NDArray
from video_clips import NO_DENOISING, assert_refused, read_frames, run

from dcelite import Enhancer
from dcelite.errors import VideoError
from dcelite.video import hdr
from dcelite.video.frames import chroma_location, plane_arrays

Array = NDArray[np.float64]

BT2020, PQ, HLG, LIMITED = 9, 16, 18, 1
MASTERING = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
"""Of a P3-like display of 1,000 cd/m², in the units of SMPTE ST 2086."""
WIDTH, HEIGHT = 1024, 64


# What the standards say, written down once more --------------------------------------------------------------------


def pq_to_light(signal: Array) -> Array:
    """SMPTE ST 2084: 0 … 1 -> cd/m²."""
    power = np.maximum(signal, 0) ** (1 / 78.84375)
    return 10000 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)


def light_to_pq(light: Array) -> Array:
    power = (light / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg_to_light(signal: Array) -> Array:
    """ARIB STD-B67: R'G'B' (H, W, 3) -> cd/m² on a display of 1,000, whose gamma is 1.2."""
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12)
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
    return 1000 * np.maximum(luminance, 1e-9)[..., None] ** 0.2 * scene


def light_to_hlg(light: Array) -> Array:
    """Of grey."""
    scene = (light / 1000) ** (1 / 1.2)
    logarithm = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), logarithm)


def rgb_of(planes: list[Array]) -> Array:
    """YUV of 10 bits, limited range, BT.2020 -> R'G'B' (H, W, 3)."""
    y, u, v = (
        (plane.astype(float) - offset) / span
        for plane, offset, span in zip(planes, (64, 512, 512), (876, 896, 896), strict=True)
    )
    u, v = (plane.repeat(2, axis=0).repeat(2, axis=1) for plane in (u, v))
    red, blue = y + 1.4746 * v, y + 1.8814 * u
    return np.stack([red, (y - 0.2627 * red - 0.0593 * blue) / 0.6780, blue], axis=2).clip(0, 1)


def sdr_brightness(planes: list[Array], transfer: int) -> float:
    """Mean of a simple rendition: paper white is 203 cd/m², what is brighter clips, gamma 2.2."""
    signal = rgb_of(planes)
    light = pq_to_light(signal) if transfer == PQ else hlg_to_light(signal)
    return float(((light / 203).clip(0, 1) ** (1 / 2.2)).mean())


# Clips --------------------------------------------------------------------------------------------------------------


def night(transfer: int) -> Array:
    """Luma of 10 bits (H, W) of a dark scene with a gradient, above a lamp that goes up to 900 cd/m²."""
    dark = np.tile(np.geomspace(0.02, 8, WIDTH), (HEIGHT, 1))
    dark[HEIGHT // 2 :, WIDTH // 2 :] = np.geomspace(8, 900, WIDTH // 2)
    signal = light_to_pq(dark) if transfer == PQ else light_to_hlg(dark)
    return np.round(64 + 876 * signal)


def write(
    path: Path,
    luma: Array,
    *,
    codec: str = "libx265",
    transfer: int = PQ,
    matrix: int = BT2020,
    light: str = f":master-display={MASTERING}:max-cll=900,120",
    options: dict[str, str] | None = None,
    count: int = 3,
) -> Path:
    height, width = luma.shape
    chosen = {"x265-params": f"log-level=error:lossless=1{light}"} if codec == "libx265" else {}
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, 25, chosen | (options or {}), width=width, height=height)
        context = stream.codec_context
        context.pix_fmt, context.color_range = "yuv420p10le", LIMITED
        context.color_primaries = context.colorspace = matrix
        context.color_trc = transfer
        for i in range(count):
            frame = av.VideoFrame(width, height, "yuv420p10le")
            for target, plane in zip(plane_arrays(frame, width, height), (luma, 512, 512), strict=True):
                target[...] = plane
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def deep_planes(path: Path) -> list[list[Array]]:
    return [[plane.copy() for plane in plane_arrays(f, f.width, f.height)] for f in read_frames(path)]


def light_of(frame: av.VideoFrame) -> tuple[tuple[int, ...], tuple[int, int]]:
    """Mastering display in its units (x, y of red, green, blue, white; least and most light), MaxCLL and MaxFALL."""
    side_data: Any = frame.side_data
    numbers = struct.unpack("=22i", bytes(side_data[SideDataType.MASTERING_DISPLAY_METADATA]))[:20]
    units = (50000,) * 8 + (10000,) * 2
    ratios = zip(numbers[::2], numbers[1::2], units, strict=True)
    light = side_data.get(SideDataType.CONTENT_LIGHT_LEVEL)
    return tuple(round(a * unit / b) for a, b, unit in ratios), struct.unpack("=2I", bytes(light))  # type: ignore[return-value]


# Tests --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "codec", "becomes"),
    [
        (".mp4", None, "hevc"),
        (".mov", None, "hevc"),
        (".mkv", None, "hevc"),
        (".ts", None, "hevc"),
        (".webm", None, "av1"),
        (".mp4", "libx264", "h264"),
        (".mp4", "libsvtav1", "av1"),
    ],
)
def test_hdr10_stays_hdr10(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str, codec: str | None, becomes: str
) -> None:
    luma = night(PQ)
    source = write(tmp_path / "in.mp4", luma, options={"chroma_sample_location": "topleft"})
    out = tmp_path / f"out{suffix}"
    assert run(source, "-o", out, *(["--codec", codec] if codec else [])) == 0
    line = capsys.readouterr().out
    assert "MaxFALL was set to unknown" in line
    assert "reduced" not in line
    with av.open(str(out)) as container:
        context = container.streams.video[0].codec_context
        assert context.codec.canonical_name == becomes
        if becomes == "hevc":
            assert container.streams.video[0].profile == "Main 10"
            if suffix in (".mp4", ".mov"):
                assert context.codec_tag == "hvc1"
    frame = read_frames(out)[0]
    assert frame.format.name == "yuv420p10le"
    assert (frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range) == (
        BT2020,
        PQ,
        BT2020,
        LIMITED,
    )
    assert chroma_location(frame) == "topleft"
    display, light = light_of(frame)
    tolerance = 100 if codec == "libsvtav1" or suffix == ".webm" else 0  # AV1 counts in other units
    assert np.abs(np.subtract(display, light_of(read_frames(source)[0])[0])).max() <= tolerance
    assert light == (900, 0)

    (before, *_), (*_, after) = deep_planes(source), deep_planes(out)
    assert sdr_brightness(after, PQ) > 1.3 * sdr_brightness(before, PQ)
    assert len(np.unique(after[0])) > 256
    peak = 64 + 876 * light_to_pq(np.array(900.0))
    assert after[0].max() <= peak + 8  # the encoder's error
    lamp = after[0][3 * HEIGHT // 4, WIDTH // 2 :].astype(float)
    steps = lamp.reshape(-1, 64).mean(axis=1)
    assert np.all(np.diff(steps) > 0), "highlights that differed became one"


def test_hlg_stays_hlg(tmp_path: Path) -> None:
    source = write(tmp_path / "in.mov", night(HLG), transfer=HLG, light="")
    assert run(source, "-o", tmp_path / "out.mov") == 0
    frame = read_frames(tmp_path / "out.mov")[0]
    assert frame.format.name == "yuv420p10le"
    assert (frame.color_primaries, frame.color_trc, frame.colorspace) == (BT2020, HLG, BT2020)
    (before, *_), (*_, after) = deep_planes(source), deep_planes(tmp_path / "out.mov")
    assert sdr_brightness(after, HLG) > 1.3 * sdr_brightness(before, HLG)
    assert len(np.unique(after[0])) > 256
    lamp = after[0][3 * HEIGHT // 4, WIDTH // 2 :].astype(float).reshape(-1, 64).mean(axis=1)
    assert np.all(np.diff(lamp) > 0)


@pytest.mark.parametrize("transfer", [PQ, HLG, 1])
def test_frames_are_those_of_the_enhancer(tmp_path: Path, transfer: int) -> None:
    """In 10 bits, with the white of the peak: 900 cd/m² by MaxCLL."""
    luma = night(PQ if transfer == PQ else HLG)
    source = write(tmp_path / "in.mkv", luma, transfer=transfer)
    out = tmp_path / "out.mkv"
    assert run(source, "-o", out, "--codec", "ffv1", "--smoothing", 0, *NO_DENOISING) == 0
    white = float(light_to_pq(np.array(900.0))) if transfer == PQ else 1.0
    with Enhancer(white=white) as enhance:
        for frame, result in zip(deep_planes(source), deep_planes(out), strict=True):
            wanted = enhance.yuv420(frame, layout="i010", matrix="bt2020")
            for plane, wanted_plane in zip(result, wanted, strict=True):
                np.testing.assert_array_equal(plane, wanted_plane)


def test_the_white_of_one_video_is_not_that_of_the_next(tmp_path: Path) -> None:
    from dcelite.video.enhance import enhance_video

    first = write(tmp_path / "pq.mkv", night(PQ))
    second = write(tmp_path / "sdr.mkv", night(HLG), transfer=1)
    with Enhancer() as enhance:
        for source, name in ((first, "a.mkv"), (second, "b.mkv")):
            enhance_video(source, tmp_path / name, enhance, codec="ffv1")
    with Enhancer() as enhance:
        enhance_video(second, tmp_path / "c.mkv", enhance, codec="ffv1")
    np.testing.assert_array_equal(deep_planes(tmp_path / "b.mkv")[0][0], deep_planes(tmp_path / "c.mkv")[0][0])


@pytest.mark.parametrize(
    ("light", "peak"),
    [
        (f":master-display={MASTERING}:max-cll=600,100", 600),
        (f":master-display={MASTERING}", 1000),
        (":master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(40000000,50)", 4000),
        (f":master-display={MASTERING}:max-cll=20,10", 1000),  # no HDR is as dark as that
        (":max-cll=65535,0", 1000),
        ("", 1000),
    ],
)
def test_the_peak_is_what_the_file_promises(tmp_path: Path, light: str, peak: int) -> None:
    source = write(tmp_path / "in.mp4", night(PQ)[:, :256], light=light)
    found = hdr.hdr_of(read_frames(source)[0])
    assert found is not None
    assert found.peak == peak
    assert found.white == pytest.approx(float(light_to_pq(np.array(float(peak)))))


def test_white_makes_pq_resemble_the_others() -> None:
    """Paper white, 203 cd/m²: 0.58 in PQ, 0.75 in HLG (ITU-R BT.2408)."""
    assert hdr.pq_signal(203) == pytest.approx(0.58, abs=0.005)
    assert hdr.pq_signal(203) / hdr.pq_signal(1000) == pytest.approx(0.77, abs=0.005)


def fake_frame(transfer: int, matrix: int, *names: str) -> Any:
    side_data = {getattr(SideDataType, name): b"" for name in names}
    return SimpleNamespace(color_trc=transfer, colorspace=matrix, side_data=side_data)


def test_dynamic_metadata_are_named() -> None:
    both = fake_frame(PQ, BT2020, "DOVI_RPU_BUFFER", "DOVI_METADATA", "DYNAMIC_HDR_PLUS")
    assert hdr.left_out(both) == ["Dolby Vision", "HDR10+"]
    assert hdr.left_out(fake_frame(PQ, BT2020)) == []
    assert hdr.left_out(fake_frame(1, 1, "DOVI_METADATA")) == ["Dolby Vision"]  # on a base of the usual range
    with pytest.raises(VideoError, match="Dolby Vision alone"):
        hdr.left_out(fake_frame(2, 2, "DOVI_METADATA"))


def test_sdr_of_10_bits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in.mkv", night(HLG), transfer=1, matrix=1, light="")
    for suffix, codec, becomes, pixel_format, note in [
        (".mkv", None, "hevc", "yuv420p10le", ""),
        (".avi", None, "h264", "yuv420p10le", ""),
        (".webm", None, "av1", "yuv420p10le", ""),
        (".mpg", None, "mpeg2video", "yuv420p", "10 bits a channel were reduced to 8, which is what mpeg can hold"),
        (".mp4", "mpeg4", "mpeg4", "yuv420p", "10 bits a channel were reduced to 8, mpeg4 has no 10"),
    ]:
        out = tmp_path / f"out{suffix}"
        assert run(source, "-o", out, *(["--codec", codec] if codec else [])) == 0
        assert note in (line := capsys.readouterr().out)
        assert ("reduced" in line) == bool(note)
        with av.open(str(out)) as container:
            assert container.streams.video[0].codec_context.codec.canonical_name == becomes
        frame = read_frames(out)[0]
        assert frame.format.name == pixel_format
        assert frame.color_trc in (1, 2)


def test_hdr_is_not_reduced_silently(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in.mkv", night(PQ)[:, :256])
    for name, arguments, texts in [
        (
            "out.mp4",
            ["--codec", "mpeg4"],
            ["--codec mpeg4: has no 10-bit video, which HDR of PQ wants", "libx265, libx264"],
        ),
        ("out.webm", ["--codec", "libvpx-vp9"], ["has no 10-bit video", "; libsvtav1 can hold it"]),
        ("out.mpg", [], ["mpeg cannot hold HDR of PQ; .mp4, .mov or .mkv was wanted"]),
        ("out.3gp", ["--codec", "h263"], ["has no 10-bit video"]),
    ]:
        assert_refused(capsys, tmp_path, [source, "-o", tmp_path / name, *arguments], *texts)


@pytest.mark.parametrize("count", [1, 2])
def test_few_frames(tmp_path: Path, count: int) -> None:
    """x265 leaves their decoding times undefined, and containers refuse most that it might come up with."""
    source = write(tmp_path / "in.mkv", night(HLG)[:, :256], codec="ffv1", transfer=HLG, count=count)
    for i in range(5):
        assert run(source, "-o", tmp_path / f"{i}.mp4") == 0
        assert [frame.time for frame in read_frames(tmp_path / f"{i}.mp4")] == [0, 1 / 25][:count]


def test_hdr_of_8_bits_becomes_10(tmp_path: Path) -> None:
    """As some broadcasts have it; a curve on 8 bits of HLG would show bands."""
    with av.open(str(tmp_path / "in.mp4"), "w") as container:
        stream: Any = container.add_stream("libx264", 25, width=256, height=64)
        stream.codec_context.color_trc, stream.codec_context.colorspace = HLG, BT2020
        frame = av.VideoFrame(256, 64, "yuv420p")
        for target, plane in zip(plane_arrays(frame, 256, 64), (np.arange(256) // 3, 128, 128), strict=True):
            target[...] = plane
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert run(tmp_path / "in.mp4") == 0
    (result,) = read_frames(tmp_path / "in_enhanced.mp4")
    assert (result.format.name, result.color_trc) == ("yuv420p10le", HLG)
