"""What a file says of its picture, apart from the pixels, and what another file can hold of it."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

PHOTOSHOP = b"Photoshop 3.0\0"
"""What stands before the image resources in JPEG."""
IPTC_RESOURCE = 0x0404
_THUMBNAIL_RESOURCES = (0x0409, 0x040C)

_XMP_THUMBNAILS = re.compile(rb"<(xmp|xap):Thumbnails\b.*?</\1:Thumbnails>", re.DOTALL)
_XMP_COMPANIONS = re.compile(
    rb"""<(G?Container):Directory\b.*?</\1:Directory>"""
    rb"""|<(hdrgm|HDRGainMap):\w+[^>]*?/>|<(hdrgm|HDRGainMap):(\w+)\b[^>]*>.*?</\3:\4>"""
    rb"""|\s(?:hdrgm|HDRGainMap):\w+\s*=\s*(?:"[^"]*"|'[^']*')"""
    rb"""|\sG?Camera:(?:MotionPhoto|MicroVideo)\w*\s*=\s*(?:"[^"]*"|'[^']*')"""
    rb"""|<(G?Camera):((?:MotionPhoto|MicroVideo)\w*)\b[^>]*>.*?</\5:\6>""",
    re.DOTALL,
)
"""What speaks of other pictures or films in the file: gain maps (Adobe, Google, Apple), motion photographs."""
_XMP_ORIENTATION = re.compile(rb"""(\btiff:Orientation\s*(?:=\s*["']|>))\s*[2-8]""")


@dataclass
class Metadata:
    """The same things whatever container they come from; empty where the file has none."""

    container: str = ""
    """A format of formats.FORMATS."""
    blocks: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Of JPEG and PNG: kind and contents of the blocks that a new file of the same container gets, in their order."""
    exif: bytes = b""
    """A TIFF block."""
    xmp: bytes = b""
    icc_profile: bytes = b""
    resources: bytes = b""
    """Image resources of Photoshop, IPTC data among them."""
    comments: list[bytes] = field(default_factory=list)
    density: tuple[float, float] | None = None
    """Pixels per inch, horizontally and vertically."""
    other: list[str] = field(default_factory=list)
    """What only the same container can hold, in words."""


def losses(metadata: Metadata, target: str) -> list[str]:
    """What the format ``target`` cannot hold of it, in words."""
    if metadata.container == target and metadata.blocks:
        return []
    holds = {
        "JPEG": ("exif", "xmp", "icc_profile", "resources", "comments"),
        "PNG": ("exif", "xmp", "icc_profile", "comments"),
        "TIFF": ("exif", "xmp", "icc_profile", "resources"),
        "BMP": (),
    }.get(target, ("exif", "xmp", "icc_profile"))
    names = {
        "exif": "EXIF",
        "xmp": "XMP",
        "icc_profile": "the colour profile",
        "resources": "IPTC",
        "comments": "comments",
    }
    lost = [name for part, name in names.items() if getattr(metadata, part) and part not in holds]
    lost += metadata.other
    return [f"left out, since {target} cannot hold it: {', '.join(lost)}"] if lost else []


def prepared_xmp(xmp: bytes, *, alone: bool = False, turned: bool = False) -> bytes:
    """XMP without the picture's thumbnail.

    Args:
        alone: other pictures and films of the file were left out, and so must be what points to them.
        turned: the pixels were turned as the orientation said.
    """
    xmp = _XMP_THUMBNAILS.sub(b"", xmp)
    if alone:
        xmp = _XMP_COMPANIONS.sub(b"", xmp)
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp) if turned else xmp


def prepared_resources(resources: bytes) -> bytes:
    """Image resources without the picture's thumbnail; as they are where they cannot be read."""
    return b"".join(raw for number, _, raw in _resources(resources) if number not in _THUMBNAIL_RESOURCES)


def iptc_of(resources: bytes) -> bytes:
    """The records of IPTC alone."""
    return b"".join(data for number, data, _ in _resources(resources) if number == IPTC_RESOURCE)


def resource_of(iptc: bytes) -> bytes:
    """The image resource that holds records of IPTC."""
    return struct.pack(">4sHHI", b"8BIM", IPTC_RESOURCE, 0, len(iptc)) + iptc + b"\0" * (len(iptc) % 2)


def _resources(resources: bytes) -> list[tuple[int, bytes, bytes]]:
    """Number, contents and bytes of each; what cannot be read is one of number -1."""
    found = []
    place = 0
    while place < len(resources):
        name = place + 6
        start = name + 2 * (resources[name] // 2 + 1) + 4 if name < len(resources) else len(resources) + 1
        if resources[place : place + 4] not in (b"8BIM", b"PHUT", b"AgHg", b"DCSR", b"MeSa") or start > len(resources):
            found.append((-1, b"", resources[place:]))
            break
        (size,) = struct.unpack_from(">I", resources, start - 4)
        end = start + size + size % 2
        data = resources[start : start + size]
        if len(data) < size:
            found.append((-1, b"", resources[place:]))
            break
        found.append((int.from_bytes(resources[place + 4 : place + 6], "big"), data, resources[place:end]))
        place = end
    return found
