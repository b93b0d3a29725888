"""Arrays as images: what is taken, and how the C ABI sees it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dcelite import _native
from dcelite.model.architecture import MAX_CHROMA_STEP, MAX_DIMENSION

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
"""An image (H, W, 3) or, of 8 bits, (H, W, 4)."""
Planes = Sequence[NDArray[np.uint8]]
"""A frame of video: luma and chroma, see Enhancer.yuv420."""

_LAYOUTS = {"i420": _native.I420, "nv12": _native.NV12, "nv21": _native.NV21}
_FORMATS = {("rgb", 3): _native.RGB8, ("bgr", 3): _native.BGR8, ("rgb", 4): _native.RGBA8, ("bgr", 4): _native.BGRA8}


def check_pixels(pixels: Pixels, name: str) -> None:
    """Raise TypeError or ValueError for what is no image; ``name`` is that of the argument."""
    if not isinstance(pixels, np.ndarray):
        raise TypeError(f"{name}: {type(pixels).__name__}, a NumPy array or a Pillow image was wanted")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"{name}: {pixels.dtype}, uint8 or uint16 was wanted")
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise ValueError(f"{name}: shape {pixels.shape}, (height, width, 3 or 4) was wanted")
    if pixels.dtype == np.uint16 and pixels.shape[2] == 4:
        raise ValueError(f"{name}: shape {pixels.shape}, (height, width, 3) was wanted for uint16")
    if not all(1 <= side <= MAX_DIMENSION for side in pixels.shape[:2]):
        raise ValueError(f"{name}: shape {pixels.shape}, 1 to {MAX_DIMENSION} each way was wanted")


def check_output(out: Pixels, image: Pixels) -> None:
    """Raise TypeError or ValueError where ``out`` cannot take the result for ``image``."""
    check_pixels(out, "out")
    if out.dtype != image.dtype:
        raise TypeError(f"out: {out.dtype}, that of the image, {image.dtype}, was wanted")
    if out.shape != image.shape:
        raise ValueError(f"out: shape {out.shape}, that of the image, {image.shape}, was wanted")
    if not out.flags.writeable:
        raise ValueError("out: is read-only")


def check_order(pixels: Pixels, order: str) -> None:
    """Raise ValueError for an order of channels that is unknown, or not that of 16 bits."""
    if order not in ("rgb", "bgr"):
        raise ValueError(f"order: {order!r}, 'rgb' or 'bgr' was wanted")
    if order == "bgr" and pixels.dtype == np.uint16:
        raise ValueError("order: 'bgr', 'rgb' was wanted for uint16")


def _has_plain_pixels(pixels: Pixels) -> bool:
    """True where the pixels of a row follow each other in memory, as the C ABI wants; rows may be anywhere."""
    height, width, channels = pixels.shape
    row, column, channel = pixels.strides
    size = pixels.itemsize
    return bool(
        channel == size
        and (column == size * channels or width == 1)
        and (height == 1 or abs(row) >= size * width * channels)
        and pixels.flags.aligned
    )


def plain_pixels(pixels: Pixels) -> Pixels:
    """The same, or a copy that the C ABI takes."""
    return pixels if _has_plain_pixels(pixels) else pixels.copy(order="C")


def is_usable_output(out: Pixels, source: Pixels) -> bool:
    """True where the core library can write to ``out`` directly: exactly in place, or without any overlap."""
    if not _has_plain_pixels(out):
        return False
    in_place = out.ctypes.data == source.ctypes.data and out.strides == source.strides
    return in_place or not np.may_share_memory(out, source)


def image_of(pixels: Pixels, order: str = "rgb") -> _native.Image:
    """Plain pixels, as the C ABI takes them; valid as long as they are."""
    height, width, channels = pixels.shape
    pixel_format = _native.RGB16 if pixels.dtype == np.uint16 else _FORMATS[order, channels]
    image = _native.Image(pixel_format, width, height)
    image.plane[0] = pixels.ctypes.data
    image.stride[0] = pixels.strides[0]
    return image


def check_planes(planes: Planes, layout: str, name: str) -> None:
    """Raise TypeError or ValueError for what is no frame of the layout; ``name`` is that of the argument."""
    if layout not in _LAYOUTS:
        raise ValueError(f"layout: {layout!r}, 'i420', 'nv12' or 'nv21' was wanted")
    count = 3 if layout == "i420" else 2
    if len(planes) != count:
        raise ValueError(f"{name}: {len(planes)} planes, {count} were wanted for {layout}")
    for plane in planes:
        if not isinstance(plane, np.ndarray) or plane.dtype != np.uint8:
            seen = plane.dtype if isinstance(plane, np.ndarray) else type(plane).__name__
            raise TypeError(f"{name}: {seen}, uint8 arrays were wanted")
    luma = planes[0].shape
    if len(luma) != 2 or not all(1 <= side <= MAX_DIMENSION for side in luma):
        raise ValueError(f"{name}: luma {luma}, (height, width), 1 to {MAX_DIMENSION} each, was wanted")
    chroma = tuple(-(-side // 2) for side in luma) + (() if layout == "i420" else (2,))
    for plane in planes[1:]:
        if plane.shape != chroma:
            raise ValueError(f"{name}: chroma {plane.shape}, {chroma} was wanted for luma {luma}")


def check_output_planes(out: Planes, planes: Planes, layout: str) -> None:
    """Raise TypeError or ValueError where ``out`` cannot take the result for ``planes``."""
    check_planes(out, layout, "out")
    if out[0].shape != planes[0].shape:
        raise ValueError(f"out: luma {out[0].shape}, that of planes, {planes[0].shape}, was wanted")
    if not all(plane.flags.writeable for plane in out):
        raise ValueError("out: is read-only")


def _chroma_step(planes: Planes) -> int:
    """Bytes from a chroma sample to the next, of I420; 0 where U and V have none that the C ABI knows in common."""
    _, u, v = planes
    step = int(u.strides[1]) if u.shape[1] > 1 else 1
    common = u.shape[1] == 1 or v.strides[1] == step
    return step if common and 1 <= step <= MAX_CHROMA_STEP else 0


def _are_plain_planes(planes: Planes, layout: str) -> bool:
    """True where the rows of each plane are as the C ABI wants them."""
    luma = planes[0]
    if layout == "i420":
        step = _chroma_step(planes)
        if step == 0:
            return False
        rows = [(luma, 1), *((plane, step) for plane in planes[1:])]
    else:
        chroma = planes[1]
        if chroma.strides[2] != 1:
            return False
        rows = [(luma, 1), (chroma[..., 0], 2)]
    return all(
        (plane.shape[1] == 1 or plane.strides[1] == step)
        and (plane.shape[0] == 1 or abs(plane.strides[0]) >= plane.shape[1] * step)
        for plane, step in rows
    )


def plain_planes(planes: Planes, layout: str) -> Planes:
    """The same, or copies that the C ABI takes."""
    return planes if _are_plain_planes(planes, layout) else [np.ascontiguousarray(plane) for plane in planes]


def are_usable_outputs(out: Planes, source: Planes, layout: str) -> bool:
    """True where the core library can write to ``out`` directly: exactly in place, or without any overlap."""
    if not _are_plain_planes(out, layout):
        return False
    pairs = list(zip(out, source, strict=True))
    in_place = all(a.ctypes.data == b.ctypes.data and a.strides == b.strides for a, b in pairs)
    return in_place or not any(np.may_share_memory(a, b) for a in out for b in source)


def image_of_planes(planes: Planes, layout: str, coding: int) -> _native.Image:
    """Plain planes, as the C ABI takes them; valid as long as they are."""
    height, width = planes[0].shape
    image = _native.Image(_LAYOUTS[layout], width, height, matrix=coding)
    for i, plane in enumerate(planes):
        image.plane[i] = plane.ctypes.data
        image.stride[i] = plane.strides[0]
    if layout == "i420":
        image.chroma_step = _chroma_step(planes)
    return image
