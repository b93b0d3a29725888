"""HDR video: how its signal is brought to the curve, and what is told about its light.

The curve maps R'G'B' from 0 … 1, and leaves 1 where it is. SDR and HLG signals are such already. A PQ signal (SMPTE
ST 2084) stands for luminances up to 10,000 cd/m², which no picture has: divided by the signal of the brightest light
that the file promises, it resembles the others (the white of paper, 203 cd/m², is 0.58 / 0.75 = 0.77 of it at 1,000
cd/m², and 0.75 in HLG: ITU-R BT.2408), and no light comes out brighter than promised.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame

from dcelite.errors import VideoError

# Transfer characteristics of ITU-T H.273, as FFmpeg numbers them too.
PQ, HLG = 16, 18
USUAL_PEAK = 1000.0
"""cd/m² of the brightest light where a file does not say it: what most HDR video is mastered for."""
SANE_PEAKS = (100.0, 10000.0)
"""cd/m² that are believed."""
_UNSPECIFIED, _IPT = 2, 15  # of the transfer and the matrix; of the matrix
_LEFT_OUT = {
    "DOVI_RPU_BUFFER": "Dolby Vision",
    "DOVI_METADATA": "Dolby Vision",
    "DYNAMIC_HDR_PLUS": "HDR10+",
    "DYNAMIC_HDR_VIVID": "HDR Vivid",
    "AMBIENT_VIEWING_ENVIRONMENT": "the ambient light of the studio",
}
"""Side data of a frame: what they are called. They describe pictures as they were."""
_MASTERING = struct.Struct("=22i")  # AVMasteringDisplayMetadata: ten ratios, and which of them are there
_LIGHT = struct.Struct("=2I")  # AVContentLightMetadata


def pq_signal(luminance: float) -> float:
    """cd/m² -> PQ signal in 0 … 1 (SMPTE ST 2084, the inverse of its EOTF)."""
    power = (luminance / 10000) ** (2610 / 16384)
    return float(((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32))


@dataclass(frozen=True)
class MasteringDisplay:
    """The display on which a video was graded (SMPTE ST 2086)."""

    chromaticities: tuple[float, ...]
    """x, y of red, green, blue and white."""
    minimum: float
    maximum: float
    """Luminances in cd/m²."""

    def in_units(self) -> str:
        """As x264 and x265 take it: in 0.00002 and 0.0001 cd/m²."""
        xy = [f"{round(value * 50000)}" for value in self.chromaticities]
        return self._text(xy, f"{round(self.maximum * 10000)},{round(self.minimum * 10000)}")

    def in_numbers(self) -> str:
        """As SVT-AV1 takes it."""
        return self._text([f"{value:.5f}" for value in self.chromaticities], f"{self.maximum:.4f},{self.minimum:.4f}")

    @staticmethod
    def _text(xy: list[str], luminances: str) -> str:
        pairs = zip(("R", "G", "B", "WP"), xy[::2], xy[1::2], strict=True)
        red, green, blue, white = (f"{name}({x},{y})" for name, x, y in pairs)
        return f"{green}{blue}{red}{white}L({luminances})"


_LIGHT_OPTIONS = {
    "libx265": ("x265-params", "master-display", "max-cll", MasteringDisplay.in_units),
    "libx264": ("x264-params", "mastering-display", "cll", MasteringDisplay.in_units),
    "libsvtav1": ("svtav1-params", "mastering-display", "content-light", MasteringDisplay.in_numbers),
}
"""Encoder: its option for parameters, and what they are called in there."""


@dataclass(frozen=True)
class Hdr:
    """What makes a video one of high dynamic range."""

    transfer: int
    """PQ or HLG."""
    mastering: MasteringDisplay | None
    max_cll: int
    """Brightest light of all frames in cd/m²; 0: unknown."""
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        return "HDR of PQ" if self.transfer == PQ else "HDR of HLG"

    @property
    def peak(self) -> float:
        """The brightest light that the file promises, in cd/m²."""
        if self.max_cll:
            return float(self.max_cll)
        if self.mastering is not None and SANE_PEAKS[0] <= self.mastering.maximum <= SANE_PEAKS[1]:
            return self.mastering.maximum
        return USUAL_PEAK

    @property
    def white(self) -> float:
        """The signal that the curve leaves where it is."""
        return pq_signal(self.peak) if self.transfer == PQ else 1.0

    def encoder_options(self, encoder: str) -> dict[str, str]:
        """What tells an encoder of the light, beside the tags of colours; nothing where it has no such option."""
        if encoder not in _LIGHT_OPTIONS:
            return {}
        option, of_display, of_light, text = _LIGHT_OPTIONS[encoder]
        light = {of_display: text(self.mastering)} if self.mastering else {}
        if self.max_cll:
            light[of_light] = f"{self.max_cll},0"  # MaxCLL, MaxFALL
        joined = ":".join(f"{name}={value}" for name, value in light.items())
        return {option: joined} if joined else {}


def left_out(frame: VideoFrame) -> list[str]:
    """Names of the dynamic metadata that a frame has, which describe its picture as it was.

    Raises:
        VideoError: its colours are those of Dolby Vision alone, which need them.
    """
    present = {name for name in _LEFT_OUT if _side_data(frame, name) is not None}
    # Profile 5 says of its colours nothing, or that they are IPT.
    dolby_vision_alone = frame.color_trc == _UNSPECIFIED and frame.colorspace in (_UNSPECIFIED, _IPT)
    if dolby_vision_alone and any(name.startswith("DOVI") for name in present):
        raise VideoError("its colours are those of Dolby Vision alone (profile 5), which no other decoder shows")
    return sorted({_LEFT_OUT[name] for name in present})


def hdr_of(frame: VideoFrame) -> Hdr | None:
    """What the first frame of a video says; None for the usual range."""
    if frame.color_trc not in (PQ, HLG):
        return None
    notes = []
    mastering = _mastering_of(_side_data(frame, "MASTERING_DISPLAY_METADATA"))
    light = _side_data(frame, "CONTENT_LIGHT_LEVEL")
    max_cll, max_fall = _LIGHT.unpack_from(light) if light is not None else (0, 0)
    if max_cll and not SANE_PEAKS[0] <= max_cll <= SANE_PEAKS[1]:
        notes.append(f"MaxCLL of {max_cll} cd/m² was not believed, and left out")
        max_cll = 0
    if max_fall:
        notes.append("MaxFALL was set to unknown, as the pictures grow brighter")
    return Hdr(frame.color_trc, mastering, max_cll, tuple(notes))


def _side_data(frame: VideoFrame, name: str) -> bytes | None:
    kind = getattr(SideDataType, name, None)  # older versions of PyAV do not know all
    side_data: Any = frame.side_data  # a mapping by type that PyAV's annotations take for one by name
    data = side_data.get(kind)
    return None if data is None else bytes(data)


def _mastering_of(data: bytes | None) -> MasteringDisplay | None:
    """None where it is absent, or not whole."""
    if data is None:
        return None
    *numbers, has_primaries, has_luminance = _MASTERING.unpack_from(data)
    ratios = list(zip(numbers[::2], numbers[1::2], strict=True))
    if not has_primaries or not has_luminance or any(denominator <= 0 for _, denominator in ratios):
        return None
    *chromaticities, minimum, maximum = (numerator / denominator for numerator, denominator in ratios)
    if not all(0 <= value <= 1 for value in chromaticities) or not 0 <= minimum < maximum <= SANE_PEAKS[1]:
        return None
    return MasteringDisplay(tuple(chromaticities), minimum, maximum)
