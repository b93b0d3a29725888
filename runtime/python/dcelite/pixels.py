"""Arrays as images: what is taken, and how the C ABI sees it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite import _native
from dcelite.model.architecture import MAX_CHROMA_STEP, MAX_DIMENSION

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
"""An image (H, W, 3) or (H, W, 4)."""
Planes = Sequence[NDArray[np.uint8]] | Sequence[NDArray[np.uint16]]
"""A frame of video: luma and chroma, see Enhancer.yuv420."""

_LAYOUTS = {  # format, number of planes, type
    "i420": (_native.I420, 3, np.uint8),
    "nv12": (_native.NV12, 2, np.uint8),
    "nv21": (_native.NV21, 2, np.uint8),
    "i010": (_native.I010, 3, np.uint16),
    "p010": (_native.P010, 2, np.uint16),
}
_FORMATS = {("rgb", 3): _native.RGB8, ("bgr", 3): _native.BGR8, ("rgb", 4): _native.RGBA8, ("bgr", 4): _native.BGRA8}
_FORMATS_16 = {3: _native.RGB16, 4: _native.RGBA16}


def native_type(array: NDArray[Any]) -> np.dtype[Any]:
    """The type of an array, in the processor's order of bytes."""
    return array.dtype.newbyteorder("=")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(map(repr, words[:-1])) + f" or {words[-1]!r}"


@dataclass(eq=False)
class Frame:
    """Checked arrays of an image: what a call hands to the core library, made for it and not changed."""

    format: int
    """A dce_format."""
    planes: Sequence[NDArray[Any]]
    matrix: int = 0
    """A dce_matrix."""

    @property
    def steps(self) -> list[int]:
        """Bytes from a sample or pixel of each plane to the next one in its row; 0 where the C ABI takes none such."""
        steps = [plane.itemsize * (plane.shape[2] if plane.ndim == 3 else 1) for plane in self.planes]
        if self.format == _native.I420:
            _, u, v = self.planes
            step = u.strides[1] if u.shape[1] > 1 else 1
            common = u.shape[1] == 1 or v.strides[1] == step
            steps[1:] = [step if common and 1 <= step <= MAX_CHROMA_STEP else 0] * 2
        return steps

    @classmethod
    def of_pixels(cls, pixels: Pixels, order: str = "rgb", name: str = "image") -> Frame:
        """Raises TypeError or ValueError for what is no image of this order; ``name`` is that of the argument."""
        if not isinstance(pixels, np.ndarray):
            raise TypeError(f"{name}: {type(pixels).__name__}, a NumPy array or a Pillow image was wanted")
        if native_type(pixels) not in (np.uint8, np.uint16):
            raise TypeError(f"{name}: {pixels.dtype}, uint8 or uint16 was wanted")
        if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
            raise ValueError(f"{name}: shape {pixels.shape}, (height, width, 3 or 4) was wanted")
        if not all(1 <= side <= MAX_DIMENSION for side in pixels.shape[:2]):
            raise ValueError(f"{name}: shape {pixels.shape}, 1 to {MAX_DIMENSION} each way was wanted")
        if order not in ("rgb", "bgr"):
            raise ValueError(f"order: {order!r}, 'rgb' or 'bgr' was wanted")
        if pixels.dtype == np.uint8:
            return cls(_FORMATS[order, pixels.shape[2]], [pixels])
        if order == "bgr":
            raise ValueError("order: 'bgr', 'rgb' was wanted for uint16")
        return cls(_FORMATS_16[pixels.shape[2]], [pixels])

    @classmethod
    def of_planes(cls, planes: Planes, layout: str, matrix: str, full_range: bool, name: str = "planes") -> Frame:
        """Raises TypeError or ValueError for what is no frame of the layout; ``name`` is that of the argument."""
        if (matrix, full_range) not in _native.MATRICES:
            raise ValueError(f"matrix: {matrix!r}, 'bt601', 'bt709' or 'bt2020' was wanted")
        if layout not in _LAYOUTS:
            raise ValueError(f"layout: {layout!r}, {_listed([*_LAYOUTS])} was wanted")
        pixel_format, count, kind = _LAYOUTS[layout]
        if len(planes) != count:
            raise ValueError(f"{name}: {len(planes)} planes, {count} were wanted for {layout}")
        for plane in planes:
            if not isinstance(plane, np.ndarray) or native_type(plane) != kind:
                seen = plane.dtype if isinstance(plane, np.ndarray) else type(plane).__name__
                raise TypeError(f"{name}: {seen}, {kind.__name__} arrays were wanted for {layout}")
        luma = planes[0].shape
        if len(luma) != 2 or not all(1 <= side <= MAX_DIMENSION for side in luma):
            raise ValueError(f"{name}: luma {luma}, (height, width), 1 to {MAX_DIMENSION} each, was wanted")
        chroma = tuple(-(-side // 2) for side in luma) + (() if count == 3 else (2,))
        for plane in planes[1:]:
            if plane.shape != chroma:
                raise ValueError(f"{name}: chroma {plane.shape}, {chroma} was wanted for luma {luma}")
        return cls(pixel_format, planes, _native.MATRICES[matrix, full_range])

    def as_output_of(self, source: Frame) -> Frame:
        """This frame, the argument ``out``; raises TypeError or ValueError where it cannot take the result."""
        seen, wanted = self.planes[0], source.planes[0]
        if native_type(seen) != native_type(wanted):
            raise TypeError(f"out: {seen.dtype}, that of the image, {wanted.dtype}, was wanted")
        if seen.shape != wanted.shape:
            part, argument = ("luma", "planes") if len(self.planes) > 1 else ("shape", "the image")
            raise ValueError(f"out: {part} {seen.shape}, that of {argument}, {wanted.shape}, was wanted")
        if not all(plane.flags.writeable for plane in self.planes):
            raise ValueError("out: is read-only")
        if any(np.shares_memory(a, b) for a, b in itertools.combinations(self.planes, 2)):
            raise ValueError("out: planes overlap, memory of its own was wanted for each")
        return self

    def of(self, planes: Sequence[NDArray[Any]]) -> Frame:
        """Other arrays of the same kind."""
        return Frame(self.format, planes, self.matrix)

    @property
    def is_plain(self) -> bool:
        """True where samples follow each other in memory as the C ABI wants them; rows may be anywhere."""
        for plane, step in zip(self.planes, self.steps, strict=True):
            height, width = plane.shape[:2]
            row, column = plane.strides[:2]
            if (
                step == 0
                or (plane.ndim == 3 and plane.strides[2] != plane.itemsize)
                or (width > 1 and column != step)
                or (height > 1 and abs(row) < width * step)
                or not plane.flags.aligned
                or not plane.dtype.isnative
            ):
                return False
        return True

    def plain(self) -> Frame:
        """The same, or a copy that the C ABI takes."""
        return (
            self if self.is_plain else self.of([plane.astype(native_type(plane), order="C") for plane in self.planes])
        )

    def empty(self) -> Frame:
        """New arrays of the same shapes, in the processor's order of bytes."""
        return self.of([np.empty(plane.shape, native_type(plane)) for plane in self.planes])

    def filled_with(self, result: Frame) -> Frame:
        """This frame, with the values of another copied into it."""
        for plane, values in zip(self.planes, result.planes, strict=True):
            plane[...] = values
        return self

    def can_take_result_of(self, source: Frame) -> bool:
        """True where the core library can write here directly: exactly in place, or without any overlap."""
        if not self.is_plain:
            return False
        pairs = zip(self.planes, source.planes, strict=True)
        in_place = all(a.ctypes.data == b.ctypes.data and a.strides == b.strides for a, b in pairs)
        return in_place or not any(np.may_share_memory(a, b) for a in self.planes for b in source.planes)

    def image(self) -> _native.Image:
        """As the C ABI takes it, where it is plain; valid as long as the arrays are."""
        height, width = self.planes[0].shape[:2]
        image = _native.Image(self.format, width, height, matrix=self.matrix)
        for i, plane in enumerate(self.planes):
            image.plane[i] = plane.ctypes.data
            image.stride[i] = plane.strides[0]
        if self.format == _native.I420:
            image.chroma_step = self.steps[1]
        return image
