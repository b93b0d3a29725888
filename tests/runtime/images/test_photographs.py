"""Reading and writing photographs: metadata, modes, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageCms
import PIL.ImageOps
import pytest

from dcelite import ImageError, OutputError
from dcelite.images import FORMATS, Photograph, encode_photograph, read_photograph, write_photograph
from dcelite.machine import Machine

from support import require_format

ORIENTATION = 0x0112
ROTATED = 6


def _save(path: Path, image: PIL.Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


@pytest.fixture
def picture(rng: np.random.Generator) -> PIL.Image.Image:
    smooth = np.linspace(0, 200, 60)[None, :, None] * np.linspace(0.2, 1, 40)[:, None, None] + np.zeros(3)
    return PIL.Image.fromarray((smooth + rng.random((40, 60, 3)) * 4).astype(np.uint8))


@pytest.fixture
def profile() -> bytes:
    return PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("suffix", [".jpg", ".jfif", ".png", ".webp"])
def test_exif_and_profile_survive(tmp_path: Path, picture: PIL.Image.Image, profile: bytes, suffix: str) -> None:
    exif = PIL.Image.Exif()
    exif[ORIENTATION] = ROTATED
    exif[0x010F] = "A camera"
    source = _save(tmp_path / f"in{suffix}", picture, exif=exif, icc_profile=profile)
    photograph = read_photograph(source)
    assert photograph.pixels.shape == (40, 60, 3)
    write_photograph(tmp_path / f"out{suffix}", photograph.pixels, photograph)
    with PIL.Image.open(tmp_path / f"out{suffix}") as result:
        assert result.getexif()[ORIENTATION] == ROTATED
        assert result.getexif()[0x010F] == "A camera"
        assert result.info["icc_profile"] == profile
        assert result.size == (60, 40)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".bmp", ".heic"])
def test_orientation_is_applied_where_the_format_cannot_hold_it(
    tmp_path: Path, picture: PIL.Image.Image, orientation: int, suffix: str
) -> None:
    require_format(suffix)
    exif = PIL.Image.Exif()
    exif[ORIENTATION] = orientation
    photograph = read_photograph(_save(tmp_path / "in.png", picture, exif=exif))
    write_photograph(tmp_path / f"out{suffix}", photograph.pixels, photograph)
    with PIL.Image.open(tmp_path / "in.png") as image:
        wanted = np.asarray(PIL.ImageOps.exif_transpose(image)).astype(int)
    result = read_photograph(tmp_path / f"out{suffix}").pixels
    assert result.shape == wanted.shape
    assert np.abs(result - wanted).mean() < (0.01 if suffix == ".bmp" else 4)


@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_modes_without_alpha(tmp_path: Path, picture: PIL.Image.Image, mode: str) -> None:
    converted = picture.convert(mode)
    photograph = read_photograph(_save(tmp_path / "in.png", converted))
    np.testing.assert_array_equal(photograph.pixels, np.asarray(converted.convert("RGB")))
    write_photograph(tmp_path / "out.png", photograph.pixels, photograph)
    with PIL.Image.open(tmp_path / "out.png") as result:
        assert result.mode == ("RGB" if mode == "P" else "L")
        np.testing.assert_array_equal(np.asarray(result.convert("RGB")), photograph.pixels)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_kept_and_refused_where_it_cannot_be(tmp_path: Path, picture: PIL.Image.Image, mode: str) -> None:
    transparent = picture.convert(mode)
    transparent.putalpha(77)
    photograph = read_photograph(_save(tmp_path / "in.png", transparent))
    assert (photograph.pixels[..., 3] == 77).all()
    write_photograph(tmp_path / "out.png", photograph.pixels, photograph)
    with PIL.Image.open(tmp_path / "out.png") as result:
        assert result.mode == mode
        assert (np.asarray(result)[..., -1] == 77).all()
    with pytest.raises(OutputError, match="JPEG cannot hold the transparency"):
        write_photograph(tmp_path / "out.jpg", photograph.pixels, photograph)
    assert not (tmp_path / "out.jpg").exists()


def test_refused_by_name(tmp_path: Path, picture: PIL.Image.Image) -> None:
    frames = _save(tmp_path / "frames.webp", picture, save_all=True, append_images=[picture.rotate(90)])
    with pytest.raises(ImageError, match=r"frames\.webp: is animated \(2 frames\)"):
        read_photograph(frames)
    gif = _save(tmp_path / "picture.gif", picture)
    with pytest.raises(ImageError, match=r"picture\.gif: is not an image in JPEG, PNG, WebP, TIFF, BMP, AVIF or HEIC"):
        read_photograph(gif)
    with pytest.raises(ImageError, match="for videos: dcelite video"):
        read_photograph(tmp_path / "walk.mp4", b"\0\0\0\x18ftypisom" + bytes(100))


@pytest.mark.parametrize("suffix", FORMATS)
def test_damaged_files(tmp_path: Path, picture: PIL.Image.Image, suffix: str) -> None:
    require_format(suffix)
    whole = encode_photograph(Path(f"whole{suffix}"), np.asarray(picture), Photograph(np.asarray(picture)))
    path = tmp_path / f"damaged{suffix}"
    for data in (b"", whole[: len(whole) // 3], whole[:20], b"not an image" * 50):
        path.write_bytes(data)
        with pytest.raises(ImageError) as failure:
            read_photograph(path)
        assert str(path) in str(failure.value)
        assert "\n" not in str(failure.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="No such file"):
        read_photograph(tmp_path / "missing.jpg")
    with pytest.raises(ImageError, match="Is a directory"):
        read_photograph(tmp_path)


def test_too_large_for_the_memory(tmp_path: Path, picture: PIL.Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _save(tmp_path / "in.png", picture)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 1000)  # Pillow's own limit is another one
    monkeypatch.setattr("dcelite.images.reading._CHUNK", 3 * 60 * 10)  # it checks what it hands over, too
    assert read_photograph(source).pixels.shape == (40, 60, 3)
    monkeypatch.setattr(Machine, "available_memory", lambda _: 10000)
    with pytest.raises(ImageError, match=r"in\.png: size 60 x 40 takes 0 MB of memory, 0 MB are available"):
        read_photograph(source)


def test_memory_within_a_control_group(tmp_path: Path) -> None:
    for name, text in {
        "proc/meminfo": "MemTotal: 16000000 kB\nMemAvailable:    8000000 kB\n",
        "sys/fs/cgroup/memory.max": "1000000000\n",
        "sys/fs/cgroup/memory.current": "400000000\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert Machine(root=tmp_path).available_memory() == 600_000_000
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("max\n")
    assert Machine(root=tmp_path).available_memory() == 8_192_000_000


def test_a_failed_write_leaves_nothing(tmp_path: Path, picture: PIL.Image.Image) -> None:
    photograph = read_photograph(_save(tmp_path / "in.png", picture))
    with pytest.raises(OutputError, match=r"suffix '\.gif'"):
        write_photograph(tmp_path / "out.gif", photograph.pixels, photograph)
    too_wide = np.zeros((1, 70000, 3), np.uint8)  # JPEG ends at 65535
    with pytest.raises(OutputError, match=r"out\.jpg: a picture of 70000 x 1 cannot be encoded as JPEG"):
        write_photograph(tmp_path / "out.jpg", too_wide, photograph)
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]
