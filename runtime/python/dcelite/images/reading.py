"""Files as photographs: pixels by Pillow and pillow-heif, all 16 bits of them; metadata block by block."""

from __future__ import annotations

import io
import re
import sys
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import PIL.BmpImagePlugin
import PIL.Image
import PIL.ImageCms
import PIL.ImageFile
import PIL.JpegImagePlugin
import PIL.PngImagePlugin
import PIL.TiffImagePlugin
import PIL.WebPImagePlugin
from numpy.typing import NDArray

from dcelite.errors import ImageError, ImageTooLargeError
from dcelite.files import reason
from dcelite.images import exif, jpeg, png, tiff
from dcelite.images.formats import FORMATS, SUFFIXES, VIDEO_SUFFIXES, format_of, missing_support
from dcelite.images.metadata import Metadata, prepared_xmp
from dcelite.images.photograph import Photograph, eight_bits
from dcelite.machine import Machine
from dcelite.model.architecture import MAX_DIMENSION

BYTES_A_PIXEL = {1: 9, 2: 12}
"""Memory for a pixel of 8 and of 16 bits a channel at the worst moment: what Pillow holds, and the array."""
admission: ContextVar[Callable[[int], None] | None] = ContextVar("admission", default=None)
"""Called with the bytes that a picture takes, before it is decoded: it may wait until large ones have their turn."""
_CHUNK = 1 << 20
"""Bytes that are handed from Pillow to an array at a time: few enough to stay in a cache of the second level."""
_PQ = 16
"""SMPTE ST 2084, as ITU-T H.273 numbers it."""
_DEEP = re.compile(r"(RGB|RGBA|RGBX);16([LBN])")


def read_photograph(path: Path, data: bytes | None = None) -> Photograph:
    """Decode an image file: the first or main picture of those that hold several.

    Args:
        data: what to decode instead of the file; ``path`` then is a name for messages.

    Raises:
        ImageError: the file is missing, a folder, not an image, damaged before its pixels, animated, too large for the
            core library, or of an unusual mode; ImageTooLargeError: there is not enough memory at the moment.
    """
    try:
        if data is None:
            data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, about metadata that are handled here
            photograph = _read(data, path)
    except _TooLarge as error:
        raise ImageTooLargeError(f"{path}: {error}") from None
    except _Refused as error:
        raise ImageError(f"{path}: {error}") from None
    except MemoryError:
        raise ImageTooLargeError(f"{path}: needs more memory than there is") from None
    except Exception as error:  # decoders fail in many ways at damaged files
        raise ImageError(f"{path}: cannot be read: {reason(error) or type(error).__name__}") from None
    return photograph


def read_rgb8(path: Path) -> NDArray[np.uint8]:
    """The pixels of a whole photograph as they are measured on: uint8 (H, W, 3), without transparency.

    Raises:
        ImageError: as read_photograph does, and where a part of the pixels is damaged.
    """
    photograph = read_photograph(path)
    if photograph.damage:
        raise ImageError(f"{path}: {'; '.join(photograph.damage)}")
    return np.ascontiguousarray(eight_bits(photograph.pixels)[..., :3])


def _read(data: bytes, path: Path) -> Photograph:
    image_format = format_of(data)
    if image_format is None:
        raise _Refused(f"is not an image in {_all_formats()}{_other_kind(path)}")
    if missing := missing_support(SUFFIXES[image_format]):
        raise _Refused(missing)
    photograph = _READERS[image_format](data)
    photograph.format = image_format
    return photograph


class _Refused(Exception):  # noqa: N818
    """A picture that is whole but not taken; says why."""


class _TooLarge(_Refused):
    """It does not fit into the memory that is free."""


def _read_jpeg(data: bytes) -> Photograph:
    parts = jpeg.split(data)
    image = _opened(PIL.JpegImagePlugin.JpegImageFile, parts.picture)
    compression: dict[str, Any] = {"qtables": image.quantization}
    sampling = PIL.JpegImagePlugin.get_sampling(image)
    compression["subsampling"] = "4:4:4" if sampling < 0 else sampling
    if image.info.get("progressive"):
        compression["progressive"] = True
    photograph = _photograph(image, parts.metadata, parts.notes)
    photograph.compression, photograph.lossless, photograph.damage = compression, False, parts.damage
    return photograph


def _read_png(data: bytes) -> Photograph:
    parts = png.split(data)
    _refuse_animation(parts.frames)
    if parts.depth == 16 and parts.color_type == 4:
        # Grey and alpha of 16 bits are four bytes a pixel, as RGBA of 8 bits is.
        header = bytearray(parts.picture[: len(png.MAGIC) + 25])
        header[24:26] = b"\x08\x06"
        image = _opened(
            PIL.PngImagePlugin.PngImageFile,
            png.MAGIC + png.chunk(b"IHDR", bytes(header[16:29])) + parts.picture[len(header) :],
        )
        samples = _array(image).view(">u2").astype(np.uint16)
        pixels = np.concatenate([np.repeat(samples[..., :1], 3, axis=2), samples[..., 1:]], axis=2)
        return Photograph(pixels, gray=True, metadata=parts.metadata, notes=parts.notes)
    image = _opened(PIL.PngImagePlugin.PngImageFile, parts.picture)
    return _photograph(image, parts.metadata, parts.notes)


def _read_webp(data: bytes) -> Photograph:
    image = _opened(PIL.WebPImagePlugin.WebPImageFile, data)
    _refuse_animation(getattr(image, "n_frames", 1))
    notes: list[str] = []
    photograph = _photograph(image, _metadata_of(image, "WEBP", notes), notes)
    photograph.lossless = b"VP8L" in (kind for kind, _ in _riff_chunks(data))
    return photograph


def _read_avif(data: bytes) -> Photograph:
    import PIL.AvifImagePlugin  # of Pillow 11.3 and newer

    image = _opened(PIL.AvifImagePlugin.AvifImageFile, data)
    _refuse_animation(getattr(image, "n_frames", 1))
    configuration = data.find(b"av1C")
    deep = configuration >= 0 and data[configuration + 6 : configuration + 7].ljust(1, b"\0")[0] & 0x40
    notes = ["10 or 12 bits a channel were reduced to 8"] if deep else []
    photograph = _photograph(image, _metadata_of(image, "AVIF", notes), notes)
    photograph.lossless = False
    return photograph


def _read_heif(data: bytes) -> Photograph:
    import pillow_heif

    container = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    image: Any = container[container.primary_index]
    info = image.info
    _check_size(image.size, 2 if ";16" in image.mode else 1)
    colors = {name: info[name] for name in ("nclx_profile",) if info.get(name)}
    pixels = np.array(image)
    gray = pixels.ndim == 2
    if gray:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    notes = []
    others = len(container) - 1
    if others:
        notes.append(f"left out: {others} more {'pictures' if others > 1 else 'picture'} of the same file")
    for kind, name in (("aux", "auxiliary pictures (HDR gain map and the like)"), ("depth_images", "the depth map")):
        if info.get(kind):
            notes.append(f"left out: {name}")
    if colors and colors["nclx_profile"].get("transfer_characteristics") == _PQ:
        notes.append("HDR (PQ) was brightened as SDR is: its highlights may be too bright")
    metadata = Metadata("HEIF")
    # The library has turned the pixels already.
    block, more = exif.prepared(info.get("exif") or b"", (pixels.shape[1], pixels.shape[0]))
    metadata.exif = exif.without_orientation(block)
    metadata.xmp = prepared_xmp(info.get("xmp") or b"", alone=True, turned=True)
    metadata.icc_profile = info.get("icc_profile") or b""
    return Photograph(pixels, gray, metadata=metadata, compression=colors, lossless=False, notes=notes + more)


def _read_bmp(data: bytes) -> Photograph:
    image = _opened(PIL.BmpImagePlugin.BmpImageFile, data)
    metadata = Metadata("BMP")
    if density := image.info.get("dpi"):
        metadata.density = (float(density[0]), float(density[1]))
    return _photograph(image, metadata, [])


def _read_tiff(data: bytes) -> Photograph:
    image = _opened(PIL.TiffImagePlugin.TiffImageFile, data)
    notes: list[str] = []
    pages = getattr(image, "n_frames", 1)
    if pages > 1:
        notes.append(f"left out: {pages - 1} more {'pages' if pages > 2 else 'page'} of the same file")
        image.seek(0)
    if image.mode == "I;12" or image.tag_v2.get(258) == (12,):
        raise _Refused("holds 12 bits a sample, 8 or 16 were wanted")
    profile = image.info.get("icc_profile") or b""
    if planes := tiff.planes_of(data):
        channels = [_photograph(_opened(PIL.TiffImagePlugin.TiffImageFile, plane), Metadata(), []) for plane in planes]
        pixels = np.stack([channel.pixels[..., 0] for channel in channels[:4]], axis=2)
        photograph = Photograph(pixels, metadata=Metadata(icc_profile=profile))
    else:
        photograph = _photograph(image, Metadata("TIFF", icc_profile=profile), notes)
    size = (photograph.pixels.shape[1], photograph.pixels.shape[0])
    converted = not photograph.metadata.icc_profile
    photograph.metadata, more = tiff.metadata_of(data, size)
    if converted:
        photograph.metadata.icc_profile = b""
    photograph.notes = notes + more
    return photograph


_READERS: dict[str, Callable[[bytes], Photograph]] = {
    "JPEG": _read_jpeg,
    "PNG": _read_png,
    "WEBP": _read_webp,
    "TIFF": _read_tiff,
    "BMP": _read_bmp,
    "AVIF": _read_avif,
    "HEIF": _read_heif,
}


def _opened(plugin: type[PIL.ImageFile.ImageFile], data: bytes) -> Any:
    """An image of Pillow, not loaded yet. Image.open is passed by, since its limit of pixels is another one."""
    image = plugin(io.BytesIO(data))
    deep = image.mode.startswith("I") or any(_DEEP.match(_raw_mode(tile)) for tile in image.tile)
    _check_size(image.size, 2 if deep else 1)
    return image


def _refuse_animation(frames: int) -> None:
    if frames > 1:
        raise _Refused(f"is animated ({frames} frames), one picture was wanted")


def _check_size(size: tuple[int, int], sample_bytes: int) -> None:
    if max(size) > MAX_DIMENSION:
        raise _Refused(f"size {size[0]} x {size[1]}, at most {MAX_DIMENSION} each way was wanted")
    needed = size[0] * size[1] * BYTES_A_PIXEL[sample_bytes]
    if admit := admission.get():
        admit(needed)
    available = Machine().available_memory()
    if available is not None and needed > available:
        raise _TooLarge(
            f"size {size[0]} x {size[1]} takes {needed / 2**20:,.0f} MB of memory, "
            f"{available / 2**20:,.0f} MB are available"
        )


def _photograph(image: Any, metadata: Metadata, notes: list[str]) -> Photograph:
    """Decode what is opened, in RGB or RGBA."""
    raw_modes = {_raw_mode(tile) for tile in image.tile}
    deep = next((match for match in map(_DEEP.fullmatch, raw_modes) if match), None)
    if deep is not None and len(image.tile) >= 1 and len(raw_modes) == 1 and image.mode in ("RGB", "RGBA"):
        return Photograph(_both_bytes(image, deep), metadata=metadata, notes=notes)
    if any("16" in mode and not mode.startswith("BGR") for mode in raw_modes if not image.mode.startswith("I")):
        notes.append("16 bits a channel were reduced to 8")
    image.load()
    if image.mode in ("CMYK", "LAB") or (image.mode == "YCbCr" and metadata.icc_profile):
        image = _as_srgb(image, metadata, notes)
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N") or (
        image.mode == "I" and raw_modes & {"I;16", "I;16B", "I;16N"}
    ):
        samples = np.asarray(image).astype(np.uint16)
        return Photograph(np.repeat(samples[..., None], 3, axis=2), gray=True, metadata=metadata, notes=notes)
    if image.mode in ("I", "F"):
        kind = "32-bit integers" if image.mode == "I" else "floating-point numbers"
        raise _Refused(f"holds samples that are {kind}, 8 or 16 bits were wanted")
    gray = image.mode in ("1", "L", "LA", "La")
    alpha = image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info
    wanted = "RGBA" if alpha else "RGB"
    if image.mode != wanted:
        image = image.convert(wanted)
    return Photograph(_array(image), gray, metadata=metadata, notes=notes)


def _raw_mode(tile: Any) -> str:
    """How the samples of a tile lie in the file, as Pillow's decoders are told."""
    arguments = tile[3]
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _both_bytes(image: Any, deep: re.Match[str]) -> NDArray[np.uint16]:
    """Samples of 16 bits in colour.

    Pillow decodes them, and keeps the byte that its raw mode calls the upper one: read twice, in either order of
    bytes, all are there.
    """
    tiles, stream = list(image.tile), image.fp
    big_endian = deep[2] == "B" or (deep[2] == "N" and sys.byteorder == "big")
    other = f"{deep[1]};16{'L' if big_endian else 'B'}"
    upper = type(image)(io.BytesIO(stream.getvalue()))
    upper.load()
    pixels = _array(upper).astype(np.uint16)
    del upper
    pixels <<= 8
    image.tile = [_with_raw_mode(tile, other) for tile in tiles]
    image.load()
    pixels |= _array(image)
    return pixels


def _with_raw_mode(tile: Any, mode: str) -> Any:
    codec, extents, offset, arguments = tile
    arguments = (mode, *arguments[1:]) if isinstance(arguments, tuple) else mode
    return (
        PIL.ImageFile._Tile(codec, extents, offset, arguments)
        if hasattr(PIL.ImageFile, "_Tile")
        else (codec, extents, offset, arguments)
    )


def _array(image: Any) -> NDArray[np.uint8]:
    """The pixels (H, W, C) of a loaded image, in pieces: Pillow's own way holds them three times."""
    channels = len(image.getbands())
    pixels = np.empty((image.height, image.width, channels), np.uint8)
    rows = max(1, _CHUNK // (image.width * channels))
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom))).reshape(bottom - top, -1, channels)
    return pixels


def _as_srgb(image: Any, metadata: Metadata, notes: list[str]) -> Any:
    """An image in the colours of print or of CIELAB, as sRGB."""
    name = {"LAB": "CIELAB"}.get(image.mode, image.mode)
    try:
        source = (
            PIL.ImageCms.createProfile("LAB")
            if image.mode == "LAB"
            else PIL.ImageCms.ImageCmsProfile(io.BytesIO(metadata.icc_profile))
        )
        converted = PIL.ImageCms.profileToProfile(image, source, PIL.ImageCms.createProfile("sRGB"), outputMode="RGB")
        notes.append(f"{name} colours were converted to sRGB")
    except (PIL.ImageCms.PyCMSError, OSError, ValueError):
        converted = image.convert("RGB")
        notes.append(f"{name} colours were converted to RGB without a colour profile")
    metadata.icc_profile = b""
    metadata.blocks = [item for item in metadata.blocks if not item[1].startswith(jpeg.ICC)]
    return converted


def _metadata_of(image: Any, container: str, notes: list[str]) -> Metadata:
    """Of a file whose blocks Pillow hands over as they are."""
    metadata = Metadata(container)
    info = image.info
    metadata.exif, more = exif.prepared(info.get("exif") or b"", image.size)
    notes += more
    xmp = info.get("xmp") or b""
    metadata.xmp = prepared_xmp(xmp.encode() if isinstance(xmp, str) else xmp)
    metadata.icc_profile = info.get("icc_profile") or b""
    return metadata


def _riff_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, place = [], 12
    while place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        found.append((data[place : place + 4], data[place + 8 : place + 8 + size]))
        place += 8 + size + size % 2
    return found


def _all_formats() -> str:
    names = {"WEBP": "WebP", "HEIF": "HEIC"}
    found = list(dict.fromkeys(names.get(name, name) for name in FORMATS.values()))
    return f"{', '.join(found[:-1])} or {found[-1]}"


def _other_kind(path: Path) -> str:
    """What the user may have wanted, for suffixes of other kinds of files."""
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return "; for videos: dcelite video"
    if path.suffix.lower() in (".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw"):
        return "; raw files have to be developed first"
    return ""
