"""JPEG files as segments (ITU-T T.81, annex B): what belongs to the pixels, what is said of them, what follows them."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from dcelite.images import exif
from dcelite.images.directories import header, read_directory
from dcelite.images.metadata import PHOTOSHOP, Metadata, prepared_resources, prepared_xmp

MAGIC = b"\xff\xd8\xff"
LARGEST_SEGMENT = 65533
"""Bytes."""
XMP = b"http://ns.adobe.com/xap/1.0/\0"
ICC = b"ICC_PROFILE\0"
_JFIF, _ADOBE, _MPF, _ISO_GAIN_MAP = b"JFIF\0", b"Adobe", b"MPF\0", b"urn:iso:std:iso:ts:21496:-1\0"
_APP0, _APP1, _APP2, _APP13, _APP14, _COM = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE
_SOS, _EOI = 0xDA, 0xD9
_BETWEEN_SCANS = re.compile(rb"\xff[\xc4\xda-\xdd\xe0-\xef\xfe]")
"""Segments that may stand behind the first scan: tables, scans, lines, restarts, comments, applications."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")  # neither a stuffed byte nor a restart
_WITHOUT_LENGTH = (0x01, *range(0xD0, 0xDA))
_GAIN_MAPS = (b"hdrgm:", b"hdrgainmap", b"HDRGainMap")
_CENTIMETRES = 2.54


@dataclass
class Jpeg:
    """A file, taken apart."""

    picture: bytes
    """A JPEG file with nothing but the pixels."""
    metadata: Metadata
    notes: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)


def split(data: bytes) -> Jpeg:
    """Take a file apart; raises ValueError for one that ends before its pixels begin."""
    segments, scan = _segments(data)
    end, complete = _end_of_picture(data, scan)
    if end - scan < 16:
        raise ValueError("the file ends before its picture begins")
    size = next((_size(body) for marker, body in segments if marker in _FRAMES), (0, 0))
    kept = [(marker, body) for marker, body in segments if not _is_application(marker, body)]
    picture = b"\xff\xd8" + b"".join(_segment(*item) for item in kept) + data[scan:end] + b"\xff\xd9"
    jpeg = Jpeg(picture, Metadata("JPEG"))
    if not complete:
        jpeg.damage.append("the file ends before its picture does; what is missing is grey")
    companions = _companions(segments, data[end + 2 :]) if complete else []
    jpeg.notes += companions
    _collect(jpeg, segments, size, alone=bool(companions))
    return jpeg


def join(picture: bytes, metadata: Metadata) -> tuple[bytes, list[str]]:
    """An encoded picture with metadata, and what did not fit, in words."""
    segments, scan = _segments(picture)
    notes: list[str] = []
    blocks = metadata.blocks if metadata.container == "JPEG" else _blocks(metadata, notes)
    head = [(kind[0], body) for kind, body in blocks]
    head += [(marker, body) for marker, body in segments if not _is_application(marker, body, of_encoder=True)]
    return b"\xff\xd8" + b"".join(_segment(*item) for item in head) + picture[scan:], notes


def _segments(data: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """Marker and contents of what stands before the first scan, and where that begins."""
    segments: list[tuple[int, bytes]] = []
    place = 2
    while (found := _MARKER.search(data, place)) is not None:
        marker = found[1][0]
        if marker == _SOS:
            return segments, found.end() - 2
        place = found.end()
        if marker == _EOI:
            break
        if marker in _WITHOUT_LENGTH:
            continue
        length = int.from_bytes(data[place : place + 2], "big")
        if length < 2 or place + length > len(data):
            break
        segments.append((marker, data[place + 2 : place + length]))
        place += length
    raise ValueError("the file ends before its picture begins")


def _end_of_picture(data: bytes, scan: int) -> tuple[int, bool]:
    """Where the marker of the end stands; without one, where the file ends, and False.

    The samples never hold those two bytes, but a segment between the scans may: then it is the last one before them.
    """
    place = scan
    while (end := data.find(b"\xff\xd9", place)) >= 0:
        near = max(place, end - LARGEST_SEGMENT - 4)
        last = max((found.start() for found in _BETWEEN_SCANS.finditer(data, near, end)), default=-1)
        behind = last + 2 + int.from_bytes(data[last + 2 : last + 4], "big") if last >= 0 else end
        if behind <= end:
            return end, True
        place = behind
    return len(data), False


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _size(frame: bytes) -> tuple[int, int]:
    return (int.from_bytes(frame[3:5], "big"), int.from_bytes(frame[1:3], "big"))


def _is_application(marker: int, body: bytes, *, of_encoder: bool = False) -> bool:
    """True for what a decoder has no need of. (Adobe's segment says which colours the components are.)"""
    if marker == _APP14 and body.startswith(_ADOBE):
        return False
    if marker == _APP0 and not of_encoder:
        return not body.startswith(_JFIF)
    return marker == _COM or marker in range(_APP0, _APP0 + 16)


def _collect(jpeg: Jpeg, segments: list[tuple[int, bytes]], size: tuple[int, int], *, alone: bool) -> None:
    """All metadata; ``alone``: other pictures of the file were left out."""
    metadata = jpeg.metadata
    profile: dict[int, bytes] = {}
    other: set[str] = set()
    for marker, body in segments:
        if marker not in (*range(_APP0, _APP0 + 16), _COM) or (marker == _APP14 and body.startswith(_ADOBE)):
            continue
        if marker == _APP0:
            if not body.startswith(_JFIF) or len(body) < 12:
                continue  # the thumbnail of an extension
            metadata.density = _density(body)
            body = body[:12] + b"\0\0"
        elif marker == _APP1 and body.startswith(exif.PREFIX):
            if not metadata.exif:
                metadata.exif, notes = exif.prepared(body, size)
                jpeg.notes += notes
                if not metadata.exif:
                    continue
                body = exif.PREFIX + metadata.exif
        elif marker == _APP1 and body.startswith(XMP):
            metadata.xmp = prepared_xmp(body.removeprefix(XMP), alone=alone)
            body = XMP + metadata.xmp
        elif marker == _APP2 and body.startswith(ICC) and len(body) > len(ICC) + 2:
            profile.setdefault(body[len(ICC)], body[len(ICC) + 2 :])
        elif marker == _APP2 and body.startswith((_MPF, _ISO_GAIN_MAP)):
            continue
        elif marker == _APP13 and body.startswith(PHOTOSHOP):
            resources = prepared_resources(body.removeprefix(PHOTOSHOP))
            metadata.resources += resources
            body = PHOTOSHOP + resources
        elif marker == _COM:
            metadata.comments.append(body)
        else:
            other.add("extended XMP" if marker == _APP1 else f"APP{marker - _APP0}")
        metadata.blocks.append((bytes([marker]), body))
    metadata.icc_profile = b"".join(profile[number] for number in sorted(profile))
    metadata.other = sorted(other)


def _density(jfif: bytes) -> tuple[float, float] | None:
    unit, x, y = struct.unpack_from(">BHH", jfif, 7)
    factor = {1: 1.0, 2: _CENTIMETRES}.get(unit)
    return (x * factor, y * factor) if factor and x and y else None


def _blocks(metadata: Metadata, notes: list[str]) -> list[tuple[bytes, bytes]]:
    """Segments for metadata of another container; ``notes`` tells what is too long."""
    blocks: list[tuple[bytes, bytes]] = []
    if metadata.density:
        x, y = (min(max(round(value), 1), 65535) for value in metadata.density)
        blocks.append((bytes([_APP0]), _JFIF + struct.pack(">BBBHHBB", 1, 1, 1, x, y, 0, 0)))
    parts = [
        ("EXIF", _APP1, exif.PREFIX + metadata.exif if metadata.exif else b""),
        ("XMP", _APP1, XMP + metadata.xmp if metadata.xmp else b""),
        ("IPTC", _APP13, PHOTOSHOP + metadata.resources if metadata.resources else b""),
        *(("a comment", _COM, comment) for comment in metadata.comments),
    ]
    for name, marker, body in parts:
        if len(body) > LARGEST_SEGMENT:
            notes.append(f"{name} was left out: {len(body):,} bytes, JPEG holds {LARGEST_SEGMENT:,}")
        elif body:
            blocks.append((bytes([marker]), body))
    room = LARGEST_SEGMENT - len(ICC) - 2
    profile = metadata.icc_profile
    pieces = [profile[start : start + room] for start in range(0, len(profile), room)]
    if len(pieces) > 255:
        notes.append(f"the colour profile was left out: {len(profile):,} bytes, JPEG holds {255 * room:,}")
        pieces = []
    blocks += [(bytes([_APP2]), ICC + bytes([i, len(pieces)]) + piece) for i, piece in enumerate(pieces, 1)]
    return blocks


def _companions(segments: list[tuple[int, bytes]], rest: bytes) -> list[str]:
    """What else is in the file, and left out, in words."""
    xmp = b"".join(body for marker, body in segments if marker == _APP1 and body.startswith(XMP))
    found = []
    gain_map = any(marker == _APP2 and body.startswith(_ISO_GAIN_MAP) for marker, body in segments) or any(
        name in xmp or name in rest for name in _GAIN_MAPS
    )
    pictures = len(re.findall(MAGIC, rest)) if rest else 0
    indexed = [body for marker, body in segments if marker == _APP2 and body.startswith(_MPF)]
    if indexed and rest:
        pictures = max(_count_of(indexed[0].removeprefix(_MPF)) - 1, min(pictures, 1))
    if gain_map:
        found.append("left out: the HDR gain map, which belongs to the dark picture")
        pictures -= 1
    if pictures > 0:
        found.append(f"left out: {pictures} more {'pictures' if pictures > 1 else 'picture'} of the same file")
    if b"ftyp" in rest:
        found.append("left out: the film of a motion photograph")
    if not found and len(rest.strip(b"\0")) > 0:
        found.append(f"left out: {len(rest):,} bytes after the picture")
    return found


def _count_of(index: bytes) -> int:
    """Pictures that the index of a multi-picture file names (CIPA DC-007)."""
    try:
        order, place = header(index)
        entry = read_directory(index, order, place).entries.get(0xB001)
    except ValueError:
        return 0
    return (entry.integer or 0) if entry is not None else 0
