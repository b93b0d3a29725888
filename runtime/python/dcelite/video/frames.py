"""The pictures of a video: how their YUV stands for colours, and their planes as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from dcelite.enhancer import Enhancer

# ITU-T H.273, as FFmpeg numbers them too.
MATRIX_BT709 = 1
MATRIX_UNSPECIFIED = 2
MATRIX_SMPTE170M = 6
_BT601_MATRICES = (4, 5, 6)  # FCC (the same to two digits), BT.470 B/G, SMPTE 170M
_BT709_MATRICES = (1, 7)  # BT.709, SMPTE 240M (the same to two digits)
RANGE_LIMITED = 1
RANGE_FULL = 2
_SWS_BT709, _SWS_BT601 = 1, 5  # what FFmpeg's scaler calls the matrices


@dataclass(frozen=True)
class Colors:
    """How YUV stands for R'G'B' while it is enhanced, and the tags that are written beside it."""

    matrix: str
    """"bt601" or "bt709"."""
    full_range: bool
    matrix_tag: int
    range_tag: int
    notes: tuple[str, ...] = ()


def colors_of(matrix: int, color_range: int, pixel_format: str, width: int, height: int) -> Colors:
    """The colours of a stream from its tags, which are kept in the output.

    Streams without a tag are common. They are taken as mpv takes them, and most players: as BT.709 if wider than 1279
    or taller than 576, else as BT.601; and of limited range, unless the pixel format says otherwise.
    """
    by_size = "bt709" if width >= 1280 or height > 576 else "bt601"
    if is_rgb(pixel_format):
        tag = MATRIX_BT709 if by_size == "bt709" else MATRIX_SMPTE170M
        return Colors(by_size, False, tag, RANGE_LIMITED, ("RGB was converted to YUV 4:2:0",))
    full = color_range == RANGE_FULL or pixel_format.startswith("yuvj")
    range_tag = RANGE_FULL if full else color_range
    if matrix in _BT709_MATRICES:
        return Colors("bt709", full, matrix, range_tag)
    if matrix in _BT601_MATRICES:
        return Colors("bt601", full, matrix, range_tag)
    if matrix == MATRIX_UNSPECIFIED:
        return Colors(by_size, full, matrix, range_tag, (f"colours taken as {by_size} by the size, no tag names them",))
    note = f"colours of matrix {matrix} (ITU-T H.273) were enhanced as if bt709"  # of HDR video, above all
    return Colors("bt709", full, matrix, range_tag, (note,))


def is_rgb(pixel_format: str) -> bool:
    return pixel_format.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal8", "x2rgb", "x2bgr"))


def plane_arrays(frame: VideoFrame, width: int, height: int) -> list[NDArray[np.uint8]]:
    """The planes of a yuv420p frame, of which the top left width x height: Y (H, W), U and V (ceil(H/2), ceil(W/2))."""
    arrays = []
    for plane, shift in zip(frame.planes, (0, 1, 1), strict=True):
        rows, columns = -(-height >> shift), -(-width >> shift)
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, abs(plane.line_size))
        if plane.line_size < 0:  # the buffer begins with the bottom row
            lines = lines[::-1]
        arrays.append(lines[:rows, :columns])
    return arrays


class FrameEnhancer:
    """Enhances the frames of one stream, of one size and kind of colours.

    Args:
        source_size: width and height of the first frame; later ones of another size are scaled to it.
        size: of the frames that come out: the same, or the even numbers below, which some codecs want.
    """

    def __init__(self, enhance: Enhancer, colors: Colors, source_size: tuple[int, int], size: tuple[int, int]) -> None:
        self._enhance = enhance
        self._colors = colors
        self._source_size = source_size
        self._size = size
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """A new yuv420p frame without time stamps. (The decoder may still need the one that it gave.)"""
        result = VideoFrame(*self._size, "yuv420p")
        result.colorspace = self._colors.matrix_tag
        result.color_range = self._colors.range_tag
        self._enhance.yuv420(
            plane_arrays(self._as_yuv420(frame), *self._size),
            matrix=self._colors.matrix,
            full_range=self._colors.full_range,
            out=plane_arrays(result, *self._size),
        )
        return result

    def _as_yuv420(self, frame: VideoFrame) -> VideoFrame:
        if frame.format.name in ("yuv420p", "yuvj420p") and (frame.width, frame.height) == self._source_size:
            return frame
        own_range = RANGE_FULL if self._colors.full_range else RANGE_LIMITED
        rgb = is_rgb(frame.format.name)
        matrix = _SWS_BT709 if self._colors.matrix == "bt709" else _SWS_BT601
        return self._reformatter.reformat(
            frame,
            *self._source_size,
            format="yuv420p",
            src_colorspace=None if rgb else matrix,
            dst_colorspace=matrix,
            src_color_range=RANGE_FULL if rgb else own_range,
            dst_color_range=own_range,
        )
