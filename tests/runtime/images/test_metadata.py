"""What a file says beside its pixels: kept byte for byte, apart from what the documents name."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import image_files
import numpy as np
import PIL.Image
import pytest
from image_files import COMMENT, ICC, IIM, MAKER_NOTE, TURNED_XMP, XMP, dark, exif, jpeg, png, resources

from dcelite.images import encode_photograph, read_photograph
from dcelite.images import exif as exif_blocks
from dcelite.images.metadata import iptc_of

from support import require_format

EVERYTHING = (
    (0xE0, b"JFIF\0\1\2\1\1\x2c\1\x2c\1\1abc"),
    image_files.exif_segment(exif()),
    image_files.xmp_segment(),
    (0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(range(90))),
    *image_files.icc_segments(),
    (0xE4, b"of the maker"),
    (0xED, b"Photoshop 3.0\0" + resources(thumbnail=True)),
    (0xFE, COMMENT),
)


def _segments(data: bytes) -> list[tuple[int, bytes]]:
    """Application and comment segments of a JPEG file."""
    found, place = [], 2
    while data[place + 1] != 0xDA:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == 0xFE or 0xE0 <= marker <= 0xEF:
            found.append((marker, data[place + 4 : place + 2 + length]))
        place += 2 + length
    return found


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, place = [], 8
    while place < len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        assert zlib.crc32(data[place + 4 : place + 8 + length]) == int.from_bytes(data[place + 8 + length :][:4], "big")
        found.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def _through(data: bytes, suffix: str) -> tuple[bytes, list[str]]:
    photograph = read_photograph(Path("in"), data)
    encoded = encode_photograph(Path(f"out{suffix}"), photograph.pixels, photograph)
    return encoded, photograph.notes


@pytest.mark.parametrize("order", ["<", ">"])
def test_jpeg_to_jpeg_is_byte_for_byte_but_for_thumbnails(order: str) -> None:
    segments = [*EVERYTHING[:1], image_files.exif_segment(exif(order)), *EVERYTHING[2:]]
    encoded, notes = _through(jpeg(*segments), ".jpg")
    wanted = [
        (0xE0, b"JFIF\0\1\2\1\1\x2c\1\x2c\0\0"),
        image_files.exif_segment(exif(order, thumbnail=False)),
        *segments[2:-2],
        (0xED, b"Photoshop 3.0\0" + resources()),
        segments[-1],
    ]
    assert _segments(encoded) == wanted
    assert MAKER_NOTE in encoded
    assert notes == []


def test_pillow_reads_what_is_written() -> None:
    encoded, _ = _through(jpeg(*EVERYTHING), ".jpg")
    import io

    with PIL.Image.open(io.BytesIO(encoded)) as image:
        assert image.getexif()[0x0112] == 6
        assert image.getexif().get_ifd(0x8769)[0x927C] == MAKER_NOTE
        assert image.info["icc_profile"] == ICC
        assert image.info["comment"] == COMMENT
        assert image.info["dpi"] == (300, 300)
        assert image.info["photoshop"][0x0404] == IIM
        assert 0x040C not in image.info["photoshop"]
        assert image.info["xmp"] == XMP


@pytest.mark.parametrize("suffix", [".png", ".webp", ".avif", ".heic", ".tif"])
def test_jpeg_to_others(tmp_path: Path, suffix: str) -> None:
    require_format(suffix)
    encoded, notes = _through(jpeg(*EVERYTHING), suffix)
    assert XMP in encoded or suffix == ".heic"
    result = read_photograph(Path("out"), encoded).metadata
    turned = suffix in (".avif", ".heic")
    block = exif(thumbnail=False)
    if turned:
        block = exif_blocks.without_orientation(exif(thumbnail=False, size=(40, 56)))
    if suffix == ".tif":
        assert exif_blocks.values_of(result.exif)[1][0x8769][0x927C] == (7, MAKER_NOTE)  # type: ignore[index]
        assert iptc_of(result.resources) == IIM
    else:
        assert result.exif == block
    assert result.xmp == XMP
    assert result.icc_profile == ICC
    if suffix in (".png", ".tif"):
        assert result.density == pytest.approx((300, 300), rel=1e-3)
    (note,) = notes
    assert note.startswith("left out, since ")
    assert ("IPTC" in note) == (suffix != ".tif")
    assert ("comments" in note) == (suffix != ".png")
    assert "APP4" in note
    assert "extended XMP" in note


def test_png_to_png_is_byte_for_byte() -> None:
    kept = [
        (b"iCCP", b"x\0\0" + zlib.compress(ICC, 1)),
        (b"gAMA", struct.pack(">I", 45455)),
        (b"pHYs", struct.pack(">IIB", 11811, 11811, 1)),
        (b"tEXt", b"Title\0A night"),
        (b"zTXt", b"Description\0\0" + zlib.compress(b"of a street", 1)),
        (b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + XMP),
    ]
    changed = [(b"eXIf", exif()), (b"tIME", bytes(7)), (b"sBIT", b"\x05\x05\x05")]
    encoded, notes = _through(png(dark(), *(image_files.chunk(*item) for item in kept + changed)), ".png")
    assert [item for item in _chunks(encoded) if item[0] not in (b"IHDR", b"IDAT", b"IEND")] == [
        *kept,
        (b"eXIf", exif(thumbnail=False)),
    ]
    assert notes == []


@pytest.mark.parametrize("bits", [8, 16])
def test_png_to_jpeg_and_tiff(bits: int) -> None:
    data = png(
        dark(bits),
        image_files.chunk(b"eXIf", exif()),
        image_files.chunk(b"tEXt", b"Comment\0" + COMMENT),
        image_files.chunk(b"tEXt", b"Title\0A night"),
        image_files.chunk(b"pHYs", struct.pack(">IIB", 11811, 11811, 1)),
    )
    encoded, notes = _through(data, ".jpg")
    assert image_files.exif_segment(exif(thumbnail=False)) in _segments(encoded)
    assert (0xFE, COMMENT) in _segments(encoded)
    assert "left out, since JPEG cannot hold it: text" in notes
    assert any("16 were reduced" in note for note in notes) == (bits == 16)
    encoded, _ = _through(data, ".tiff")
    result = read_photograph(Path("out"), encoded)
    assert result.metadata.density == pytest.approx((300, 300), rel=1e-3)
    np.testing.assert_array_equal(result.pixels, np.rot90(dark(bits), -1))  # read upright, as TIFF is


def test_tiff_to_tiff_keeps_its_values() -> None:
    data = image_files.tiff(dark(16), ">", tags=image_files._tiff_metadata(">"))
    encoded, notes = _through(data, ".tif")
    before, after = (read_photograph(Path("in"), content).metadata for content in (data, encoded))
    assert before == after
    assert before.density == (300, 300)
    assert before.xmp == XMP
    assert iptc_of(before.resources) == IIM
    assert before.icc_profile == ICC
    assert exif_blocks.values_of(before.exif)[1][271] == (2, b"A camera\0")
    assert notes == []


def test_turned_pixels_and_metadata_agree() -> None:
    require_format(".avif")
    data = jpeg(image_files.exif_segment(exif()), image_files.xmp_segment(TURNED_XMP))
    encoded, _ = _through(data, ".avif")
    result = read_photograph(Path("out"), encoded)
    assert result.pixels.shape == (56, 40, 3)
    assert exif_blocks.orientation(result.metadata.exif) == 1
    assert b'tiff:Orientation="1"' in result.metadata.xmp
    encoded, _ = _through(data, ".jpg")
    assert image_files.xmp_segment(TURNED_XMP) in _segments(encoded)


def test_exif_of_another_size_is_corrected() -> None:
    encoded, _ = _through(jpeg(image_files.exif_segment(exif(size=(4000, 3000)))), ".jpg")
    assert _segments(encoded) == [image_files.exif_segment(exif(thumbnail=False))]


def test_an_orientation_that_is_none_is_taken_out_alone() -> None:
    encoded, _ = _through(jpeg(image_files.exif_segment(exif(orientation=b"top"))), ".jpg")
    ((_, body),) = _segments(encoded)
    values = exif_blocks.values_of(body[6:])[1]
    assert 0x0112 not in values
    assert values[0x010F] == (2, b"A camera\0")
    assert values[0x8769][0x927C] == (7, MAKER_NOTE)  # type: ignore[index]
    assert body.index(MAKER_NOTE) == image_files.exif_segment(exif(orientation=b"top"))[1].index(MAKER_NOTE)


def test_exif_too_long_for_jpeg_is_named() -> None:
    block = exif(thumbnail=False) + bytes(70000)
    encoded, notes = _through(png(dark(), image_files.chunk(b"eXIf", block)), ".jpg")
    assert _segments(encoded) == []
    assert notes == [f"EXIF was left out: {len(block) + 6:,} bytes, JPEG holds 65,533"]


def test_a_gain_map_goes_with_all_that_speaks_of_it() -> None:
    encoded, _ = _through(image_files._multi("ultra"), ".jpg")
    bodies = b"".join(body for _, body in _segments(encoded))
    for name in (b"hdrgm:Version", b"Container:Directory", b"21496", b"MPF"):
        assert name not in bodies
    assert b"A. Photographer" in bodies
    encoded, _ = _through(image_files._multi("motion"), ".jpg")
    assert b"MotionPhoto" not in encoded
    assert b"A. Photographer" in encoded


@pytest.mark.parametrize(
    ("options", "tables"), [({"quality": 70, "subsampling": 2}, "same"), ({"quality": 97, "subsampling": 1}, "same")]
)
def test_jpeg_keeps_its_tables_and_chroma(options: dict[str, int], tables: str) -> None:
    import io

    import PIL.JpegImagePlugin

    data = jpeg(**options)
    encoded, _ = _through(data, ".jpg")
    before, after = (PIL.Image.open(io.BytesIO(content)) for content in (data, encoded))
    assert before.quantization == after.quantization  # type: ignore[attr-defined]
    assert PIL.JpegImagePlugin.get_sampling(before) == PIL.JpegImagePlugin.get_sampling(after)
    photograph = read_photograph(Path("in"), data)
    other = encode_photograph(Path("out.jpg"), photograph.pixels, photograph, quality=30)
    assert len(other) < len(encoded)


def test_lossless_stays_lossless() -> None:
    for data in (png(dark()), image_files.encoded(dark(), "WEBP", lossless=True)):
        encoded, _ = _through(data, ".webp")
        assert b"VP8L" in encoded[:64]
        np.testing.assert_array_equal(read_photograph(Path("out"), encoded).pixels, dark())
    encoded, _ = _through(jpeg(), ".webp")
    assert b"VP8L" not in encoded[:64]


def test_the_end_of_a_picture_is_not_one_within_a_segment() -> None:
    data = jpeg(progressive=True)
    tables = data.index(b"\xff\xc4", data.index(b"\xff\xda"))  # of the second scan
    commented = data[:tables] + image_files.segment(0xFE, b"\xff\xd9 is the end ") + data[tables:]
    result = read_photograph(Path("in"), commented)
    assert result.damage == []
    assert result.notes == []
    np.testing.assert_array_equal(result.pixels, read_photograph(Path("in"), data).pixels)
