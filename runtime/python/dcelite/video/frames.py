"""The pictures of a video: how their YUV stands for colours, and their planes as arrays."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av.filter
import av.logging
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from dcelite.enhancer import Enhancer
from dcelite.errors import VideoError
from dcelite.video.encoders import FORMAT, Encoder

# ITU-T H.273, as FFmpeg numbers them too.
MATRIX_BT709 = 1
MATRIX_UNSPECIFIED = 2
MATRIX_SMPTE170M = 6
_BT601_MATRICES = (4, 5, 6)  # FCC (the same to two digits), BT.470 B/G, SMPTE 170M
_BT709_MATRICES = (1, 7)  # BT.709, SMPTE 240M (the same to two digits)
_BT2020_MATRICES = (9, 10)  # of non-constant and of constant luminance
_BT2020_CONSTANT = 10
_NOT_YUV = {14: "ICtCp", 15: "IPT"}
RANGE_LIMITED = 1
RANGE_FULL = 2
_TAGS = {"bt601": MATRIX_SMPTE170M, "bt709": MATRIX_BT709, "bt2020": 9}
_SWS_MATRICES = {"bt601": 5, "bt709": 1, "bt2020": 9}
"""What FFmpeg's scaler calls them."""


@dataclass(frozen=True)
class Colors:
    """How YUV stands for R'G'B' while it is enhanced, and the tags that are written beside it."""

    matrix: str
    """"bt601", "bt709" or "bt2020"."""
    full_range: bool
    matrix_tag: int
    range_tag: int
    notes: tuple[str, ...] = ()


def colors_of(
    matrix: int, color_range: int, pixel_format: str, width: int, height: int, *, is_hdr: bool = False
) -> Colors:
    """The colours of a stream from its tags, which are kept in the output.

    Streams without a tag are common. They are taken as mpv takes them, and most players: as BT.709 if wider than 1279
    or taller than 576, else as BT.601, HDR as BT.2020; and of limited range, unless the pixel format says otherwise.

    Raises:
        VideoError: the values do not stand for R'G'B' in the way that YUV does.
    """
    if matrix in _NOT_YUV:
        raise VideoError(f"its colours are {_NOT_YUV[matrix]}; YUV (BT.601, BT.709, BT.2020) or RGB was wanted")
    presumed = "bt2020" if is_hdr else "bt709" if width >= 1280 or height > 576 else "bt601"
    if is_rgb(pixel_format):
        return Colors(presumed, False, _TAGS[presumed], RANGE_LIMITED, ("RGB was converted to YUV 4:2:0",))
    full = color_range == RANGE_FULL or pixel_format.startswith("yuvj")
    range_tag = RANGE_FULL if full else color_range
    if matrix in _BT709_MATRICES:
        return Colors("bt709", full, matrix, range_tag)
    if matrix in _BT601_MATRICES:
        return Colors("bt601", full, matrix, range_tag)
    if matrix in _BT2020_MATRICES:
        note = ("BT.2020 of constant luminance was enhanced as if of non-constant",)
        return Colors("bt2020", full, matrix, range_tag, note if matrix == _BT2020_CONSTANT else ())
    if matrix == MATRIX_UNSPECIFIED:
        reason = "as HDR" if is_hdr else "by the size"
        return Colors(presumed, full, matrix, range_tag, (f"colours taken as {presumed} {reason}, no tag names them",))
    note = (f"colours of matrix {matrix} (ITU-T H.273) were enhanced as if bt709",)
    return Colors("bt709", full, matrix, range_tag, note)


def is_rgb(pixel_format: str) -> bool:
    return pixel_format.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal8", "x2rgb", "x2bgr"))


def bits_of(frame: VideoFrame) -> int:
    """Of a channel."""
    return max(component.bits for component in frame.format.components)


def has_halved_chroma(frame: VideoFrame) -> bool:
    """4:2:0: chroma of half the width and half the height."""
    chroma = (frame.format.chroma_width(16), frame.format.chroma_height(16))
    return len(frame.format.components) >= 3 and not is_rgb(frame.format.name) and chroma == (8, 8)


def chroma_location(frame: VideoFrame) -> str | None:
    """Where the chroma samples of a 4:2:0 frame stand, as FFmpeg calls it ("topleft"), or None where no tag says it.

    PyAV has no attribute for it: FFmpeg's filter showinfo writes it to the log.
    """
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1)
    )
    graph.link_nodes(source, graph.add("showinfo"), graph.add("buffersink")).configure()
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        with av.logging.Capture() as lines:
            graph.vpush(frame)
            graph.vpull()
    finally:
        av.logging.set_level(level)
    found = re.search(r" cl:(\w+)", " ".join(text for _, name, text in lines if name == "showinfo"))
    return found[1] if found and found[1] not in ("unspecified", "unknown") else None


def plane_arrays(frame: VideoFrame, width: int, height: int) -> list[NDArray[Any]]:
    """The planes of a yuv420p or yuv420p10le frame, of which the top left width x height: Y (H, W), U and V (ceil(H/2),
    ceil(W/2)), of uint8 or uint16."""
    kind = np.dtype(np.uint16 if bits_of(frame) > 8 else np.uint8)
    arrays = []
    for plane, shift in zip(frame.planes, (0, 1, 1), strict=True):
        rows, columns = -(-height >> shift), -(-width >> shift)
        lines = np.frombuffer(memoryview(plane), kind).reshape(-1, abs(plane.line_size) // kind.itemsize)
        if plane.line_size < 0:  # the buffer begins with the bottom row
            lines = lines[::-1]
        arrays.append(lines[:rows, :columns])
    return arrays


class FrameEnhancer:
    """Enhances the frames of one stream, of one size and kind of colours.

    Args:
        source_size: width and height of the first frame; later ones of another size are scaled to it.
        size: of the frames that come out: the same, or the even numbers below, which some codecs want.
        encoder: says how many bits they have.
    """

    def __init__(
        self,
        enhance: Enhancer,
        colors: Colors,
        source_size: tuple[int, int],
        size: tuple[int, int],
        encoder: Encoder,
    ) -> None:
        self._enhance = enhance
        self._colors = colors
        self._source_size = source_size
        self._size = size
        self._encoder = encoder
        self._has_curve_map = enhance.has_curve_map
        self._reformatter, self._from_rgb = VideoReformatter(), VideoReformatter()

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """A new frame of the encoder's format without time stamps. (The decoder may still need the one that it gave.)

        Raises ValueError for a size that a model with the whole enhancement in its graph does not take.
        """
        if not self._has_curve_map:
            return self._by_whole_graph(frame)
        result = VideoFrame(*self._size, self._encoder.pixel_format)
        result.colorspace = self._colors.matrix_tag
        result.color_range = self._colors.range_tag
        self._enhance.yuv420(
            plane_arrays(self._as_yuv420(frame), *self._size),
            layout="i010" if self._encoder.is_deep else "i420",
            matrix=self._colors.matrix,
            full_range=self._colors.full_range,
            out=plane_arrays(result, *self._size),
        )
        return result

    @property
    def _range(self) -> int:
        return RANGE_FULL if self._colors.full_range else RANGE_LIMITED

    def _as_yuv420(self, frame: VideoFrame) -> VideoFrame:
        wanted = self._encoder.pixel_format
        name = "yuv420p" if frame.format.name == "yuvj420p" else frame.format.name
        if name == wanted and (frame.width, frame.height) == self._source_size:
            return frame
        return self._reformatted(frame, wanted, _SWS_MATRICES[self._colors.matrix], self._range)

    def _reformatted(self, frame: VideoFrame, wanted: str, matrix: int | None, color_range: int) -> VideoFrame:
        rgb = is_rgb(frame.format.name)
        return self._reformatter.reformat(
            frame,
            *self._source_size,
            format=wanted,
            src_colorspace=None if rgb else _SWS_MATRICES[self._colors.matrix],
            dst_colorspace=matrix,
            src_color_range=RANGE_FULL if rgb else self._range,
            dst_color_range=color_range,
        )

    def _by_whole_graph(self, frame: VideoFrame) -> VideoFrame:
        """By way of 8-bit RGB."""
        width, height = self._size
        rgb = np.asarray(self._reformatted(frame, "rgb24", None, RANGE_FULL).to_ndarray()[:height, :width], np.uint8)
        result = self._from_rgb.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(self._enhance(rgb)), "rgb24"),
            format=FORMAT,
            src_color_range=RANGE_FULL,
            dst_colorspace=_SWS_MATRICES[self._colors.matrix],
            dst_color_range=self._range,
        )
        result.colorspace, result.color_range = self._colors.matrix_tag, self._colors.range_tag
        result.pts = None
        return result
