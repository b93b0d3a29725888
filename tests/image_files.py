"""Image files as phones, cameras and editors write them, made here byte by byte or by other libraries."""

from __future__ import annotations

import functools
import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageCms

Samples = np.ndarray
ICC = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="r">'
    b'<rdf:Description xmlns:dc="d" xmlns:tiff="t" dc:creator="A. Photographer"/></rdf:RDF>'
    b'</x:xmpmeta><?xpacket end="w"?>'
)
TURNED_XMP = XMP.replace(b"dc:creator", b'tiff:Orientation="6" dc:creator')
GAIN_MAP_XMP = XMP.replace(
    b"</rdf:RDF>",
    b'<rdf:Description xmlns:hdrgm="h" hdrgm:Version="1.0"><Container:Directory><rdf:Seq/></Container:Directory>'
    b"</rdf:Description></rdf:RDF>",
)
IIM = b"\x1c\x02\x05\x00\x05Night\x1c\x02\x78\x00\x06A lamp"
COMMENT = b"taken by hand"
MAKER_NOTE = b"MAKER\0" + struct.pack("<I", 0x1234) + bytes(range(64))
CAMERA = "A camera"


def resources(*, thumbnail: bool = False) -> bytes:
    """Image resources of Photoshop with IPTC data."""

    def resource(number: int, data: bytes) -> bytes:
        return struct.pack(">4sHHI", b"8BIM", number, 0, len(data)) + data + b"\0" * (len(data) % 2)

    return (
        resource(0x0404, IIM)
        + (resource(0x040C, b"a dark thumbnail") if thumbnail else b"")
        + resource(0x03ED, b"x" * 16)
    )


@functools.cache
def dark(bits: int = 8, channels: int = 3, height: int = 40, width: int = 56) -> Samples:
    """A dark picture with edges, gradients and noise: uint8 or uint16 (H, W, channels)."""
    rng = np.random.default_rng(bits * 10 + channels)
    y, x = np.mgrid[:height, :width]
    smooth = 0.02 + 0.10 * x / width + 0.08 * (y > height // 2) + 0.04 * np.sin(x / 5.0)
    color = smooth[..., None] * np.array([1.0, 0.8, 0.6, 4.0])[:channels] + rng.normal(
        0, 0.002, (height, width, channels)
    )
    top = 2**bits - 1
    return np.clip(np.round(color * top), 0, top).astype(np.uint8 if bits == 8 else np.uint16)


# --- EXIF ---------------------------------------------------------------------------------------------------------


def exif(
    order: str = "<", orientation: int | bytes | None = 6, *, thumbnail: bool = True, size: tuple[int, int] = (56, 40)
) -> bytes:
    """A block with a maker note whose offsets are absolute, sizes in pixels, and a thumbnail behind all that.

    Args:
        orientation: as text where it is bytes.
    """
    data = bytearray(struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8))

    def directory(entries: Sequence[tuple[int, int, int, bytes]], following: int = 0) -> None:
        data.extend(struct.pack(f"{order}H", len(entries)))
        for tag, kind, count, value in entries:
            data.extend(struct.pack(f"{order}HHI", tag, kind, count) + value.ljust(4, b"\0"))
        data.extend(struct.pack(f"{order}I", following))

    def short(value: int) -> bytes:
        return struct.pack(f"{order}H", value)

    def long(value: int) -> bytes:
        return struct.pack(f"{order}I", value)

    name = CAMERA.encode() + b"\0"
    first = [(0x010F, 2, len(name), b"")]
    if isinstance(orientation, bytes):
        first.append((0x0112, 2, len(orientation), orientation))
    elif orientation is not None:
        first.append((0x0112, 3, 1, short(orientation)))
    first.append((0x8769, 4, 1, b""))
    name_place = 8 + 2 + 12 * len(first) + 4
    details_place = name_place + len(name) + len(name) % 2
    note_place = details_place + 2 + 12 * 3 + 4
    thumbnail_place = note_place + len(MAKER_NOTE)
    first[0] = (0x010F, 2, len(name), long(name_place))
    first[-1] = (0x8769, 4, 1, long(details_place))
    directory(first, thumbnail_place if thumbnail else 0)
    data.extend(name.ljust(details_place - name_place, b"\0"))
    directory(
        [
            (0x927C, 7, len(MAKER_NOTE), long(note_place)),
            (0xA002, 4, 1, long(size[0])),
            (0xA003, 3, 1, short(size[1])),
        ]
    )
    data.extend(MAKER_NOTE)
    if thumbnail:
        picture = encoded(PIL.Image.new("RGB", (16, 12), (9, 8, 7)), "JPEG")
        directory([(0x0201, 4, 1, long(thumbnail_place + 30)), (0x0202, 4, 1, long(len(picture)))])
        data.extend(picture)
    return bytes(data)


# --- Containers ----------------------------------------------------------------------------------------------------


def encoded(image: PIL.Image.Image | Samples, image_format: str, **options: Any) -> bytes:
    """A file by Pillow."""
    stream = io.BytesIO()
    if isinstance(image, np.ndarray):
        image = PIL.Image.fromarray(image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image)
    image.save(stream, image_format, **options)
    return stream.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg(
    *segments: tuple[int, bytes], tail: bytes = b"", image: Any = None, jfif: bool = False, **options: Any
) -> bytes:
    """A JPEG file with these segments before its picture, and ``tail`` after it."""
    data = encoded(dark() if image is None else image, "JPEG", **({"quality": 92, "subsampling": 0} | options))
    if not jfif:
        assert data[2:4] == b"\xff\xe0"
        data = data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]
    return data[:2] + b"".join(segment(*item) for item in segments) + data[2:] + tail


def exif_segment(block: bytes) -> tuple[int, bytes]:
    return 0xE1, b"Exif\0\0" + block


def xmp_segment(xmp: bytes = XMP) -> tuple[int, bytes]:
    return 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp


def icc_segments(profile: bytes = ICC, size: int = 400) -> list[tuple[int, bytes]]:
    pieces = [profile[start : start + size] for start in range(0, len(profile), size)]
    return [(0xE2, b"ICC_PROFILE\0" + bytes([i, len(pieces)]) + piece) for i, piece in enumerate(pieces, 1)]


def mpf_segment(pictures: int) -> tuple[int, bytes]:
    """The index of a file of several pictures (CIPA DC-007), as far as readers need it."""
    entries = b"".join(struct.pack("<IIIHH", 0x020002 if i else 0x20030000, 0, 0, 0, 0) for i in range(pictures))
    table = struct.pack(
        "<HHHI4sHHIIHHIII", 3, 0xB000, 7, 4, b"0100", 0xB001, 4, 1, pictures, 0xB002, 7, len(entries), 50, 0
    )
    return 0xE2, b"MPF\0II*\0" + struct.pack("<I", 8) + table + entries


def chunk(kind: bytes, body: bytes, *, damaged: bool = False) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) ^ damaged)


def png(samples: Samples, *chunks: bytes, filters: Sequence[int] = (0,), interlaced: bool = False) -> bytes:
    """A PNG file of uint8 or uint16 samples, rows filtered by these types in turn."""
    height, width, channels = samples.shape
    header = struct.pack(">IIBBBBB", width, height, 8 * samples.itemsize, (0, 4, 2, 6)[channels - 1], 0, 0, interlaced)
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    parts = [samples[y::down, x::right] for x, y, right, down in passes] if interlaced else [samples]
    rows = b"".join(_filtered(part, filters) for part in parts if part.size)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + b"".join(chunks)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def _filtered(samples: Samples, filters: Sequence[int]) -> bytes:
    """Rows as the PNG specification filters them (chapter 9)."""
    lines = samples.astype(samples.dtype.newbyteorder(">")).view(np.uint8).reshape(len(samples), -1).astype(int)
    step = samples.itemsize * samples.shape[2]
    padded = np.pad(lines, ((1, 0), (step, 0)))
    left, up, corner = padded[1:, :-step], padded[:-1, step:], padded[:-1, :-step]
    guess = left + up - corner
    distance = [np.abs(guess - other) for other in (left, up, corner)]
    paeth = np.where(
        (distance[0] <= distance[1]) & (distance[0] <= distance[2]),
        left,
        np.where(distance[1] <= distance[2], up, corner),
    )
    predicted = [0 * lines, left, up, (left + up) // 2, paeth]
    out = b""
    for row in range(len(lines)):
        kind = filters[row % len(filters)]
        out += bytes([kind]) + ((lines[row] - predicted[kind][row]) % 256).astype(np.uint8).tobytes()
    return out


def tiff(
    samples: Samples,
    order: str = "<",
    tags: Sequence[tuple[int, int, bytes]] = (),
    *,
    compression: int = 1,
    planar: bool = False,
    tail: Callable[[int], bytes] | None = None,
    depth: int | None = None,
) -> bytes:
    """A TIFF file in one strip (or one for each channel); further ``tags`` of kind and value."""
    height, width, channels = samples.shape
    ordered = samples.astype(samples.dtype.newbyteorder(order))
    strips = [ordered[..., i].tobytes() for i in range(channels)] if planar else [ordered.tobytes()]
    if compression == 8:
        strips = [zlib.compress(strip) for strip in strips]

    def pack(code: str, *values: int) -> bytes:
        return struct.pack(f"{order}{len(values)}{code}", *values)

    offsets, place = [], 8
    for strip in strips:
        offsets.append(place)
        place += len(strip) + len(strip) % 2
    bits = depth or 8 * samples.itemsize
    entries = [
        (256, 4, pack("I", width)),
        (257, 4, pack("I", height)),
        (258, 3, pack("H", *[bits] * channels)),
        (259, 3, pack("H", compression)),
        (262, 3, pack("H", 2 if channels > 2 else 1)),
        (273, 4, pack("I", *offsets)),
        (277, 3, pack("H", channels)),
        (278, 4, pack("I", height)),
        (279, 4, pack("I", *map(len, strips))),
        (284, 3, pack("H", 2 if planar else 1)),
    ]
    if channels in (2, 4):
        entries.append((338, 3, pack("H", 2)))
    own = {tag for tag, _, _ in tags}
    entries = sorted([entry for entry in entries if entry[0] not in own] + list(tags))
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 11: 4}
    table, body = pack("H", len(entries)), b""
    where = place + 2 + 12 * len(entries) + 4
    for tag, kind, value in entries:
        table += struct.pack(f"{order}HHI", tag, kind, len(value) // sizes[kind])
        if len(value) <= 4:
            table += value.ljust(4, b"\0")
        else:
            table += pack("I", where + len(body))
            body += value + b"\0" * (len(value) % 2)
    data = (b"II*\0" if order == "<" else b"MM\0*") + pack("I", place)
    data += b"".join(strip + b"\0" * (len(strip) % 2) for strip in strips)
    return data + table + pack("I", 0) + body


def heif(samples: Samples, **options: Any) -> bytes:
    """By pillow-heif; 10 bits where the samples have 16."""
    import pillow_heif

    stream = io.BytesIO()
    mode = {3: "RGB", 4: "RGBA"}[samples.shape[2]] + (";16" if samples.itemsize == 2 else "")
    pillow_heif.encode(
        mode, samples.shape[1::-1], np.ascontiguousarray(samples).tobytes(), stream, quality=95, chroma=444, **options
    )
    return stream.getvalue()


# --- Kinds ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """One kind of file, and what ``dcelite enhance`` makes of it."""

    name: str
    suffix: str
    data: Callable[[], bytes]
    pixels: Callable[[], Samples] | None = dark
    """The samples that the file holds, (H, W, 1 to 4) of 8 or 16 bits; None: what Pillow decodes."""
    says: tuple[str, ...] = ()
    """What the report must mention."""
    exact: bool = True
    """The file holds the samples without loss."""
    orientation: int = 1
    """As which the reader has turned the samples."""
    result: str = "kept"
    """"kept": enhanced, code 0; "partly": enhanced as far as it goes, code 2; "refused": code 2, no output."""


def _multi(kind: str) -> bytes:
    """A JPEG of a phone or a camera that holds more than its picture."""
    small = jpeg(image=dark(height=20, width=28))
    film = struct.pack(">I4s4s", 24, b"ftyp", b"isom") + bytes(200)
    return {
        "stereo": lambda: jpeg(exif_segment(exif()), mpf_segment(2), tail=jpeg()),
        "preview": lambda: jpeg(exif_segment(exif()), mpf_segment(3), tail=small + small),
        "ultra": lambda: jpeg(
            exif_segment(exif()),
            xmp_segment(GAIN_MAP_XMP),
            (0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0"),
            mpf_segment(2),
            tail=small,
        ),
        "apple": lambda: jpeg(
            mpf_segment(2), tail=jpeg(xmp_segment(b'<a xmlns:HDRGainMap="http://ns.apple.com/HDRGainMap/1.0/"/>'))
        ),
        "motion": lambda: jpeg(
            xmp_segment(XMP.replace(b"dc:creator", b'GCamera:MotionPhoto="1" dc:creator')), tail=film
        ),
        "trailer": lambda: jpeg(tail=b"SEFT" + bytes(range(40))),
    }[kind]()


def _damaged_exif(block: bytes, place: int, value: bytes) -> bytes:
    return jpeg(exif_segment(block[:place] + value + block[place + len(value) :]))


def _shortened(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def _cmyk() -> PIL.Image.Image:
    return PIL.Image.fromarray(dark()).convert("CMYK")


def _tiff_metadata(order: str = "<") -> list[tuple[int, int, bytes]]:
    return [
        (271, 2, CAMERA.encode() + b"\0"),
        (274, 3, struct.pack(f"{order}H", 6)),
        (282, 5, struct.pack(f"{order}II", 300, 1)),
        (283, 5, struct.pack(f"{order}II", 300, 1)),
        (296, 3, struct.pack(f"{order}H", 2)),
        (700, 1, XMP),
        (33723, 7, IIM),
        (34675, 7, ICC),
    ]


def _palette(*, transparent: bool) -> bytes:
    image = PIL.Image.fromarray(dark()).quantize(64)
    return encoded(image, "PNG", **({"transparency": bytes(range(0, 256, 4))} if transparent else {}))


def _animation(image_format: str) -> bytes:
    frames = [PIL.Image.fromarray(dark()), PIL.Image.fromarray(dark()[::-1].copy())]
    return encoded(frames[0], image_format, save_all=True, append_images=frames[1:])


def _big_tiff() -> bytes:
    return encoded(dark(), "TIFF", big_tiff=True)


@functools.cache
def _avif_10_bits() -> bytes:
    """By SVT-AV1, in a process of its own: run by root, it gives the one that it is in the highest priority of all."""
    program = """
import io, sys, av, numpy as np
stream = io.BytesIO()
with av.open(stream, "w", format="avif") as container:
    video = container.add_stream("libsvtav1", options={"svtav1-params": "lp=1"})
    video.width, video.height, video.pix_fmt = 64, 64, "yuv420p10le"
    picture = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(64, 64, 3)
    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p10le")
    container.mux(video.encode(frame))
    container.mux(video.encode(None))
sys.stdout.buffer.write(stream.getvalue())
"""
    run = [sys.executable, "-c", program]
    pixels = dark(height=64, width=64).tobytes()
    return subprocess.run(run, input=pixels, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def _heif_of_two() -> bytes:
    import pillow_heif

    container = pillow_heif.from_bytes("RGB", (56, 40), dark().tobytes())
    container.add_frombytes("RGB", (28, 20), dark(height=20, width=28).tobytes())
    stream = io.BytesIO()
    container.save(stream, quality=95, chroma=444)
    return stream.getvalue()


_TEXT = chunk(b"tEXt", b"Title\0A night") + chunk(b"tEXt", b"Comment\0" + COMMENT)
_PHYS = chunk(b"pHYs", struct.pack(">IIB", 11811, 11811, 1))
_EVERY_FILTER = (0, 1, 2, 3, 4)

KINDS = [
    Kind("JPEG", ".jpg", jpeg, exact=False),
    Kind("JPEG, chroma at half size (4:2:0)", ".jpg", lambda: jpeg(subsampling=2), None, exact=False),
    Kind("JPEG, 4:2:2", ".jpg", lambda: jpeg(subsampling=1), None, exact=False),
    Kind("JPEG, progressive", ".jpg", lambda: jpeg(progressive=True), exact=False),
    Kind(
        "JPEG, restart markers, fill bytes",
        ".jpeg",
        lambda: jpeg(restart_marker_rows=1).replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1),
        exact=False,
    ),
    Kind("JPEG, grey", ".jpg", lambda: jpeg(image=dark(8, 1)), lambda: dark(8, 1), exact=False),
    Kind("JPEG, components RGB", ".jpg", lambda: encoded(dark(), "JPEG", quality=95, keep_rgb=True), exact=False),
    Kind("JPEG, CMYK", ".jpg", lambda: encoded(_cmyk(), "JPEG", quality=95), says=("CMYK",), exact=False),
    Kind(
        "JPEG, JFIF in dots per cm, with thumbnail",
        ".jpg",
        lambda: jpeg((0xE0, b"JFIF\0\1\2\2\0\x28\0\x28\1\1abc"), (0xE0, b"JFXX\0\x13\1\1abc")),
        exact=False,
    ),
    Kind(
        "JPEG, EXIF with maker note, orientation and thumbnail", ".jpg", lambda: jpeg(exif_segment(exif())), exact=False
    ),
    Kind("JPEG, EXIF, big-endian", ".jpg", lambda: jpeg(exif_segment(exif(">"))), exact=False),
    Kind("JPEG, EXIF of another size", ".jpg", lambda: jpeg(exif_segment(exif(size=(4000, 3000)))), exact=False),
    Kind(
        "JPEG, orientation stored as text",
        ".jpg",
        lambda: jpeg(exif_segment(exif(orientation=b"top"))),
        says=("orientation could not be read",),
        exact=False,
    ),
    Kind(
        "JPEG, orientation out of range",
        ".jpg",
        lambda: jpeg(exif_segment(exif(orientation=9))),
        says=("orientation could not be read",),
        exact=False,
    ),
    Kind(
        "JPEG, EXIF that is none",
        ".jpg",
        lambda: jpeg(exif_segment(b"II" + b"\xff" * 40)),
        says=("EXIF data could not be read",),
        exact=False,
    ),
    Kind(
        "JPEG, EXIF whose directory lies outside",
        ".jpg",
        lambda: _damaged_exif(exif(), 4, b"\xff\xff\xff\x7f"),
        says=("EXIF data could not be read",),
        exact=False,
    ),
    Kind(
        "JPEG, EXIF whose directories run in a circle",
        ".jpg",
        lambda: _damaged_exif(exif(), 46, struct.pack("<I", 8)),
        exact=False,
    ),
    Kind("JPEG, XMP", ".jpg", lambda: jpeg(xmp_segment()), exact=False),
    Kind(
        "JPEG, extended XMP",
        ".jpg",
        lambda: jpeg(xmp_segment(), (0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(80))),
        exact=False,
    ),
    Kind(
        "JPEG, IPTC and a Photoshop thumbnail",
        ".jpg",
        lambda: jpeg((0xED, b"Photoshop 3.0\0" + resources(thumbnail=True))),
        exact=False,
    ),
    Kind("JPEG, ICC profile in several segments", ".jpg", lambda: jpeg(*icc_segments()), exact=False),
    Kind("JPEG, comments", ".jfif", lambda: jpeg((0xFE, COMMENT), (0xFE, b"\xe9t\xe9")), exact=False),
    Kind("JPEG, segments of a maker", ".jpe", lambda: jpeg((0xE4, b"maker" * 9), (0xEF, bytes(30))), exact=False),
    Kind(
        "JPEG of several pictures (MPO), stereo",
        ".jpg",
        lambda: _multi("stereo"),
        says=("left out: 1 more picture",),
        exact=False,
    ),
    Kind(
        "JPEG of several pictures (MPO), previews",
        ".jpg",
        lambda: _multi("preview"),
        says=("left out: 2 more pictures",),
        exact=False,
    ),
    Kind(
        "JPEG with a gain map (Ultra HDR, ISO 21496-1)",
        ".jpg",
        lambda: _multi("ultra"),
        says=("HDR gain map",),
        exact=False,
    ),
    Kind("JPEG with a gain map of an iPhone", ".jpg", lambda: _multi("apple"), says=("HDR gain map",), exact=False),
    Kind(
        "JPEG, motion photograph", ".jpg", lambda: _multi("motion"), says=("film of a motion photograph",), exact=False
    ),
    Kind(
        "JPEG followed by a maker's data",
        ".jpg",
        lambda: _multi("trailer"),
        says=("bytes after the picture",),
        exact=False,
    ),
    Kind(
        "JPEG without its end marker",
        ".jpg",
        lambda: jpeg()[:-2],
        says=("ends before its picture",),
        exact=False,
        result="partly",
    ),
    Kind(
        "JPEG, the last rows missing",
        ".jpg",
        lambda: _shortened(jpeg(image=dark(height=400, width=560))),
        None,
        ("ends before its picture",),
        exact=False,
        result="partly",
    ),
    Kind(
        "JPEG that ends in its header",
        ".jpg",
        lambda: jpeg()[:200],
        None,
        ("ends before its picture begins",),
        result="refused",
    ),
    Kind("JPEG named .png", ".png", jpeg, exact=False),
    Kind("JPEG of one pixel", ".jpg", lambda: jpeg(image=dark(8, 3, 1, 1)), lambda: dark(8, 3, 1, 1), exact=False),
    Kind("PNG", ".png", lambda: png(dark(), filters=_EVERY_FILTER)),
    Kind("PNG, transparent", ".png", lambda: png(dark(8, 4)), lambda: dark(8, 4)),
    Kind("PNG, grey", ".png", lambda: png(dark(8, 1)), lambda: dark(8, 1)),
    Kind("PNG, grey and transparent", ".png", lambda: png(dark(8, 2)), lambda: dark(8, 2)),
    Kind("PNG, palette", ".png", lambda: _palette(transparent=False), None),
    Kind("PNG, palette with transparency", ".png", lambda: _palette(transparent=True), None),
    Kind("PNG, one bit", ".png", lambda: encoded(PIL.Image.fromarray(dark()).convert("1"), "PNG"), None),
    Kind(
        "PNG, one colour transparent",
        ".png",
        lambda: png(dark(), chunk(b"tRNS", struct.pack(">HHH", *map(int, dark()[3, 4])))),
        None,
    ),
    Kind("PNG, interlaced", ".png", lambda: png(dark(), interlaced=True)),
    Kind("PNG, 16 bits", ".png", lambda: png(dark(16), filters=_EVERY_FILTER), lambda: dark(16)),
    Kind("PNG, 16 bits, grey", ".png", lambda: png(dark(16, 1), filters=_EVERY_FILTER), lambda: dark(16, 1)),
    Kind(
        "PNG, 16 bits, grey and transparent",
        ".png",
        lambda: png(dark(16, 2), filters=_EVERY_FILTER),
        lambda: dark(16, 2),
    ),
    Kind("PNG, 16 bits, transparent", ".png", lambda: png(dark(16, 4), filters=_EVERY_FILTER), lambda: dark(16, 4)),
    Kind("PNG, 16 bits, interlaced", ".png", lambda: png(dark(16), interlaced=True, filters=(4, 1)), lambda: dark(16)),
    Kind(
        "PNG, text, density, gamma", ".png", lambda: png(dark(), _PHYS, chunk(b"gAMA", struct.pack(">I", 45455)), _TEXT)
    ),
    Kind(
        "PNG, EXIF and XMP",
        ".png",
        lambda: png(dark(), chunk(b"eXIf", exif()), chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + XMP)),
    ),
    Kind("PNG, ICC profile", ".png", lambda: png(dark(), chunk(b"iCCP", b"x\0\0" + zlib.compress(ICC)))),
    Kind(
        "PNG, a damaged text chunk",
        ".png",
        lambda: png(dark(), chunk(b"tEXt", b"Title\0A night", damaged=True)),
        says=("damaged tEXt",),
    ),
    Kind(
        "PNG, EXIF that is none",
        ".png",
        lambda: png(dark(), chunk(b"eXIf", bytes(20))),
        says=("EXIF data could not be read",),
    ),
    Kind("PNG, truncated", ".png", lambda: png(dark())[:-400], None, ("cannot be read",), result="refused"),
    Kind("PNG, animated", ".png", lambda: _animation("PNG"), None, ("is animated",), result="refused"),
    Kind(
        "PNG with transparency named .jpg",
        ".jpg",
        lambda: png(dark(8, 4)),
        None,
        ("cannot hold the transparency",),
        result="refused",
    ),
    Kind("PNG without transparency named .jpg", ".jpg", lambda: png(dark())),
    Kind("WebP", ".webp", lambda: encoded(dark(), "WEBP", quality=95), None, exact=False),
    Kind("WebP, lossless", ".webp", lambda: encoded(dark(), "WEBP", lossless=True)),
    Kind(
        "WebP, lossless, transparent",
        ".webp",
        lambda: encoded(dark(8, 4), "WEBP", lossless=True, exact=True),
        lambda: dark(8, 4),
    ),
    Kind(
        "WebP, EXIF, XMP and ICC profile",
        ".webp",
        lambda: encoded(dark(), "WEBP", lossless=True, exif=exif(), xmp=TURNED_XMP, icc_profile=ICC),
    ),
    Kind("WebP, animated", ".webp", lambda: _animation("WEBP"), None, ("is animated",), result="refused"),
    Kind("BMP", ".bmp", lambda: encoded(dark(), "BMP")),
    Kind("BMP, palette", ".bmp", lambda: encoded(PIL.Image.fromarray(dark()).quantize(64), "BMP"), None),
    Kind("BMP, rows of 16 bytes", ".bmp", lambda: encoded(dark(width=5), "BMP"), lambda: dark(width=5)),
    Kind("TIFF", ".tif", lambda: tiff(dark())),
    Kind("TIFF, LZW", ".tiff", lambda: encoded(dark(), "TIFF", compression="tiff_lzw")),
    Kind(
        "TIFF, JPEG inside", ".tif", lambda: encoded(dark(), "TIFF", compression="jpeg", quality=95), None, exact=False
    ),
    Kind("TIFF, 16 bits", ".tif", lambda: tiff(dark(16)), lambda: dark(16)),
    Kind("TIFF, 16 bits, big-endian", ".tif", lambda: tiff(dark(16), ">"), lambda: dark(16)),
    Kind("TIFF, 16 bits, deflate", ".tif", lambda: tiff(dark(16), compression=8), lambda: dark(16)),
    Kind("TIFF, 16 bits, deflate, big-endian", ".tif", lambda: tiff(dark(16), ">", compression=8), lambda: dark(16)),
    Kind("TIFF, 16 bits, grey", ".tif", lambda: tiff(dark(16, 1)), lambda: dark(16, 1)),
    Kind("TIFF, 16 bits, transparent", ".tif", lambda: tiff(dark(16, 4), ">"), lambda: dark(16, 4)),
    Kind("TIFF, 16 bits, planes apart", ".tif", lambda: tiff(dark(16), planar=True, compression=8), lambda: dark(16)),
    Kind(
        "TIFF, 16 bits, planes apart, not compressed",
        ".tif",
        lambda: tiff(dark(16), ">", planar=True),
        lambda: dark(16),
    ),
    Kind(
        "TIFF, EXIF, XMP, IPTC, ICC profile, density",
        ".tif",
        lambda: tiff(dark(), tags=_tiff_metadata()),
        orientation=6,
    ),
    Kind(
        "TIFF, two pages",
        ".tif",
        lambda: encoded(dark(), "TIFF", save_all=True, append_images=[PIL.Image.fromarray(dark())]),
        says=("1 more page",),
    ),
    Kind("TIFF, CMYK", ".tif", lambda: encoded(_cmyk(), "TIFF"), says=("CMYK",)),
    Kind(
        "TIFF, CIELAB",
        ".tif",
        lambda: encoded(
            PIL.ImageCms.profileToProfile(
                PIL.Image.fromarray(dark()),
                PIL.ImageCms.createProfile("sRGB"),
                PIL.ImageCms.createProfile("LAB"),
                outputMode="LAB",
            ),
            "TIFF",
        ),
        None,
        ("CIELAB",),
    ),
    Kind(
        "TIFF, floating point",
        ".tif",
        lambda: encoded(PIL.Image.fromarray(dark()[..., 0] / np.float32(255)), "TIFF"),
        None,
        ("floating-point",),
        result="refused",
    ),
    Kind("BigTIFF", ".tif", _big_tiff, says=("BigTIFF",)),
    Kind("AVIF", ".avif", lambda: encoded(dark(), "AVIF", quality=95, subsampling="4:4:4"), None, exact=False),
    Kind("AVIF, transparent", ".avif", lambda: encoded(dark(8, 4), "AVIF", quality=95), None, exact=False),
    Kind(
        "AVIF, EXIF, XMP and orientation",
        ".avif",
        lambda: encoded(dark(), "AVIF", quality=95, exif=exif(), xmp=TURNED_XMP, icc_profile=ICC),
        None,
        exact=False,
    ),
    Kind("AVIF, 10 bits", ".avif", _avif_10_bits, None, ("reduced to 8",), exact=False),
    Kind("HEIC", ".heic", lambda: heif(dark()), None, exact=False),
    Kind("HEIC, 10 bits", ".heic", lambda: heif(dark(16)), lambda: dark(16), exact=False),
    Kind("HEIC, transparent", ".heif", lambda: heif(dark(8, 4)), None, exact=False),
    Kind(
        "HEIC, EXIF, XMP and orientation",
        ".hif",
        lambda: heif(dark(), exif=exif(), xmp=TURNED_XMP, icc_profile=ICC),
        None,
        exact=False,
    ),
    Kind(
        "HEIC, HDR (PQ)",
        ".hif",
        lambda: heif(dark(16), color_primaries=9, transfer_characteristics=16, matrix_coefficients=9),
        None,
        ("HDR (PQ)",),
        exact=False,
    ),
    Kind("HEIC of two pictures", ".heic", _heif_of_two, None, ("1 more picture",), exact=False),
    Kind("GIF", ".gif", lambda: encoded(dark(), "GIF"), None, ("is not an image in",), result="refused"),
    Kind("an empty file", ".jpg", lambda: b"", None, ("is not an image in",), result="refused"),
    Kind("a text", ".png", lambda: b"not an image\n" * 50, None, ("is not an image in",), result="refused"),
]
