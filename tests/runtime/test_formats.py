"""16-bit and YUV images against the NumPy definition, on every kind of array, and their refusals."""

from __future__ import annotations

import itertools
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dcelite import Enhancer, _native, core, reference
from dcelite.reference import LUMA_WEIGHTS, Coding

from generated import Model
from support import assert_equals_reference

SIZES = [(1, 1), (1, 2), (2, 1), (3, 3), (1, 199), (199, 1), (12, 13), (97, 101), (130, 257)]
CODINGS = [Coding(*of) for of in itertools.product(LUMA_WEIGHTS, (False, True))]
CODINGS_OF_10_BITS = [Coding(*of, 10) for of in itertools.product(LUMA_WEIGHTS, (False, True))]
LAYOUTS = {8: ("i420", "nv12", "nv21"), 10: ("i010", "p010")}
Planes = list[Any]
MakePlanes = Callable[..., Planes]
Picture = Callable[[int, int], NDArray[np.uint16]]


@pytest.fixture
def planes(rng: np.random.Generator) -> MakePlanes:
    """Makes dark I420 or I010 planes with noise; some of their colours lie outside of what RGB can show."""

    def make(height: int, width: int, bits: int = 8) -> Planes:
        chroma, unit = (-(-height // 2), -(-width // 2)), 1 << (bits - 8)
        kind = np.uint8 if bits == 8 else np.uint16
        luma = (256 * unit - 1) * np.linspace(0.1, 1.0, width) * rng.random((height, width)) ** 2
        return [
            luma.astype(kind),
            rng.integers(70 * unit, 190 * unit, chroma, kind),
            rng.integers(70 * unit, 190 * unit, chroma, kind),
        ]

    return make


@pytest.fixture
def picture(rng: np.random.Generator) -> Picture:
    def make(height: int, width: int) -> NDArray[np.uint16]:
        return (65535 * rng.random((height, width, 3)) ** 3).astype(np.uint16)

    return make


def assert_equals_definition(result: list[NDArray[np.uint8]], wanted: Planes) -> None:
    """The bound of YUV: none off by more than 2 levels, 99.9 % by no more than 1, and nearly all equal."""
    assert [plane.shape for plane in result] == [plane.shape for plane in wanted]
    difference = np.concatenate([np.abs(a.astype(int) - b).ravel() for a, b in zip(result, wanted, strict=True)])
    assert difference.max() <= 2
    assert np.count_nonzero(difference > 1) <= difference.size // 1000
    assert np.count_nonzero(difference) <= max(difference.size // 200, 1)


def interleaved(planes: Planes, layout: str) -> Planes:
    """I420 planes -> those of another layout, or I010 planes."""
    luma, u, v = planes
    if layout in ("i420", "i010"):
        return planes
    pairs = np.stack([v, u] if layout == "nv21" else [u, v], axis=2)
    return [luma << 6, pairs << 6] if layout == "p010" else [luma, pairs]


def assert_same(result: Planes, wanted: Planes) -> None:
    for plane, values in zip(result, wanted, strict=True):
        assert plane.dtype == values.dtype
        np.testing.assert_array_equal(plane, values)


def assert_equals_10_bit_definition(result: Planes, wanted: Planes) -> None:
    """The bound of 10 bits: none off by more than 1 of 1023 levels, 99.9 % equal."""
    difference = np.concatenate([np.abs(a.astype(int) - b).ravel() for a, b in zip(result, wanted, strict=True)])
    assert difference.max() <= 1
    assert np.count_nonzero(difference) <= max(difference.size // 1000, 1)


# ---- 16 bits ----


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("scale", [1, 5, 12])
def test_16_bit_equals_definition(picture: Picture, model: Model, scale: int, height: int, width: int) -> None:
    image = picture(height, width)
    enhance = Enhancer(model.path, scale=scale)
    result = enhance(image)
    assert result.dtype == np.uint16
    wanted = reference.enhance_16_bit(image, model.weights, scale)
    difference = np.abs(result.astype(int) - wanted)
    assert difference.max() <= 3
    assert np.count_nonzero(difference > 1) <= difference.size // 1000
    wanted_map = reference.network(reference.downsample(image / 65535, scale), model.weights)
    np.testing.assert_allclose(enhance.curve_map(image), wanted_map, atol=2e-6)


@pytest.mark.parametrize("isa", core.kernels())
def test_a_dark_ramp_of_16_bits_is_exact(model: Model, isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the curve is steepest: half a level, and what rounding adds."""
    monkeypatch.setenv("DCELITE_ISA", isa)
    ramp = np.linspace(0, 20 / 255 * 65535, 120 * 90 * 3).astype(np.uint16).reshape(90, 120, 3)
    wanted = 65535 * reference.enhance_values(ramp / 65535, model.weights, 12)
    alpha = np.arange(90 * 120, dtype=np.uint16).reshape(90, 120, 1) * 7
    enhance = Enhancer(model.path, scale=12)
    with_alpha = enhance(np.concatenate([ramp, alpha], axis=2))
    np.testing.assert_array_equal(with_alpha[..., :3], enhance(ramp))
    np.testing.assert_array_equal(with_alpha[..., 3:], alpha)
    assert np.abs(with_alpha[..., :3] - wanted).max() <= 0.5 + 0.5


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("denoise", [0.0, 0.8])
def test_16_bit_with_alpha_is_16_bit_and_alpha(
    picture: Picture, model: Model, height: int, width: int, threads: int, denoise: float
) -> None:
    image = picture(height, width)
    alpha = np.arange(height * width, dtype=np.uint16).reshape(height, width, 1) * 251
    with_alpha = np.concatenate([image, alpha], axis=2)
    enhance = Enhancer(model.path, scale=5, threads=threads, denoise=denoise)
    wanted = np.concatenate([Enhancer(model.path, scale=5, threads=1, denoise=denoise)(image), alpha], axis=2)
    np.testing.assert_array_equal(enhance(with_alpha), wanted)
    np.testing.assert_array_equal(enhance.curve_map(with_alpha), enhance.curve_map(image))
    np.testing.assert_array_equal(enhance(with_alpha[::-1, ::-1]), enhance(with_alpha[::-1, ::-1].copy()))
    assert enhance(with_alpha, out=with_alpha) is with_alpha
    np.testing.assert_array_equal(with_alpha, wanted)


def test_16_bit_does_not_go_through_8_bits() -> None:
    ramp = np.arange(3000, 4200, dtype=np.uint16).reshape(20, 20, 3)
    result = Enhancer()(ramp)
    assert len(np.unique(result)) > 1000


def test_16_bit_of_an_8_bit_picture_gives_the_same_picture(rng: np.random.Generator) -> None:
    image = (255 * rng.random((60, 80, 3)) ** 2).astype(np.uint8)
    enhance = Enhancer()
    wide = enhance(image.astype(np.uint16) * 257)
    assert np.abs(wide / 257 - enhance(image)).max() <= 0.51


def test_16_bit_views_and_outputs(picture: Picture, model: Model) -> None:
    frame = picture(70, 90)
    enhance = Enhancer(model.path, threads=3)
    views: list[NDArray[np.uint16]] = [
        frame[5:45, 3:53],
        frame[::-1],
        frame[:, ::2],
        frame[..., ::-1],
        np.frombuffer(b"\0" + frame.tobytes(), np.uint16, frame.size, 1).reshape(frame.shape),  # at an odd address
    ]
    for image in views:
        wanted = enhance(np.array(image, order="C"))
        np.testing.assert_array_equal(enhance(image), wanted)
        out = np.zeros_like(frame, shape=image.shape)
        assert enhance(image, out=out) is out
        np.testing.assert_array_equal(out, wanted)
        if image.flags.writeable:
            copy = image.copy()
            assert enhance(copy, out=copy) is copy
            np.testing.assert_array_equal(copy, wanted)


def test_refused_16_bit_images() -> None:
    enhance = Enhancer()
    image = np.zeros((4, 4, 3), np.uint16)
    with pytest.raises(TypeError, match="out: uint8, that of the image, uint16, was wanted"):
        enhance(image, out=np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="'rgb' was wanted for uint16"):
        enhance(image, order="bgr")
    with pytest.raises(TypeError, match="int16, uint8 or uint16 was wanted"):
        enhance(image.astype(np.int16))


# ---- orders of bytes ----

FOREIGN = np.dtype(np.uint16).newbyteorder()


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_in_the_other_order_of_bytes(picture: Picture, channels: int) -> None:
    image = np.dstack([picture(31, 45)] * 2)[..., :channels]
    enhance = Enhancer(denoise=0.5)
    wanted = enhance(image)
    foreign = image.astype(FOREIGN)
    result = enhance(foreign)
    assert result.dtype.isnative
    np.testing.assert_array_equal(result, wanted)
    np.testing.assert_array_equal(enhance.curve_map(foreign), enhance.curve_map(image))
    for source in (image, foreign, foreign[:, ::-1][:, ::-1]):
        for kind in (FOREIGN, image.dtype):
            out = np.zeros(image.shape, kind)
            assert enhance(source, out=out) is out
            assert out.dtype == kind
            np.testing.assert_array_equal(out, wanted)
    assert enhance(foreign, out=foreign) is foreign
    np.testing.assert_array_equal(foreign, wanted)


@pytest.mark.parametrize("layout", LAYOUTS[10])
def test_planes_in_the_other_order_of_bytes(planes: MakePlanes, layout: str) -> None:
    frame = interleaved(planes(31, 45, 10), layout)
    enhance = Enhancer()
    wanted = enhance.yuv420(frame, layout=layout)
    foreign = [frame[0], *(plane.astype(FOREIGN) for plane in frame[1:])]
    assert_same(enhance.yuv420(foreign, layout=layout), wanted)
    out = [plane.astype(FOREIGN) for plane in frame]
    result = enhance.yuv420(out, layout=layout, out=out)
    assert all(a is b for a, b in zip(result, out, strict=True))
    assert_same([plane.astype(np.uint16) for plane in out], wanted)


# ---- YUV ----


@pytest.mark.parametrize("coding", CODINGS, ids=str)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_yuv_equals_definition(
    planes: MakePlanes,
    model: Model,
    coding: Coding,
    height: int,
    width: int,
) -> None:
    frame = planes(height, width)
    for scale in (2, 12):
        result = Enhancer(model.path, scale=scale).yuv420(frame, matrix=coding.matrix, full_range=coding.full_range)
        assert_equals_definition(result, reference.enhance_planes(frame, model.weights, scale, coding))


@pytest.mark.parametrize("coding", CODINGS_OF_10_BITS, ids=str)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_10_bit_equals_definition(planes: MakePlanes, model: Model, coding: Coding, height: int, width: int) -> None:
    frame = planes(height, width, 10)
    enhance = Enhancer(model.path, scale=5)
    kind = {"matrix": coding.matrix, "full_range": coding.full_range}
    result = enhance.yuv420(frame, layout="i010", **kind)
    assert_equals_10_bit_definition(result, reference.enhance_planes(frame, model.weights, 5, coding))
    assert_same(enhance.yuv420(interleaved(frame, "p010"), layout="p010", **kind), interleaved(result, "p010"))


@pytest.mark.parametrize("coding", [CODINGS_OF_10_BITS[4], CODINGS_OF_10_BITS[1]], ids=str)
def test_10_bits_of_an_8_bit_picture_give_the_same_picture(planes: MakePlanes, coding: Coding) -> None:
    frame = planes(60, 80)
    kind = {"matrix": coding.matrix, "full_range": coding.full_range}
    narrow = Enhancer().yuv420(frame, **kind)
    if coding.full_range:  # where 255 is 1023
        wide = [np.rint(plane * (1023 / 255)).astype(np.uint16) for plane in frame]
        factor, bound = 1023 / 255, 1.5
    else:
        wide, factor, bound = [plane.astype(np.uint16) * 4 for plane in frame], 4, 0.51
    for a, b in zip(Enhancer().yuv420(wide, layout="i010", **kind), narrow, strict=True):
        assert np.abs(np.clip(a / factor, 0, 255) - b).max() <= bound + 0.3


def test_bits_that_are_no_part_of_the_10(planes: MakePlanes, rng: np.random.Generator) -> None:
    """The low ones of P010 are ignored, and zero in the result; what I010 has above 1023 counts for 1023."""
    frame = planes(33, 47, 10)
    frame[0][3:9, 5:30] = 1023
    frame[2][2, 3] = 1023
    enhance = Enhancer(strength=0.7)
    wanted = enhance.yuv420(frame, layout="i010")
    high = [plane | (rng.integers(0, 64, plane.shape, np.uint16)) for plane in interleaved(frame, "p010")]
    assert_same(enhance.yuv420(high, layout="p010"), interleaved(wanted, "p010"))
    above = [
        np.where(plane == 1023, rng.integers(1024, 65536, plane.shape), plane).astype(np.uint16) for plane in frame
    ]
    assert_same(enhance.yuv420(above, layout="i010"), wanted)
    identity = Enhancer(strength=0.0).yuv420(above, layout="i010", matrix="bt2020")
    assert_same(identity, frame)


# ---- white ----

PEAK = np.float32(0.7518)
"""PQ of 1000 cd/m2 (SMPTE ST 2084)."""


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("white", [PEAK, np.float32(0.3)])
def test_white_equals_definition(
    planes: MakePlanes, model: Model, bits: int, full_range: bool, white: np.float32
) -> None:
    frame = planes(97, 101, bits)
    coding, layout = Coding("bt2020", full_range, bits), LAYOUTS[bits][0]
    enhance = Enhancer(model.path, scale=12, white=float(white))
    result = enhance.yuv420(frame, layout=layout, matrix="bt2020", full_range=full_range)
    wanted = reference.enhance_planes(frame, model.weights, 12, coding, white=float(white))
    if bits == 10:
        assert_equals_10_bit_definition(result, wanted)
    else:
        assert_equals_definition(result, wanted)


@pytest.mark.parametrize("denoise", [0.0, 1.0])
def test_nothing_becomes_brighter_than_white(denoise: float) -> None:
    """In a dark picture, greys up to 0.7518 stay below it, brighter ones stay what they are."""
    gray = np.full((256, 877), 90, np.uint16)
    gray[:64] = np.arange(64, 941)
    chroma = np.full((128, 439), 512, np.uint16)
    frame = [gray, chroma, chroma]
    peak = 64 + 876 * float(PEAK)
    results = {
        white: Enhancer(white=white, denoise=denoise).yuv420(frame, layout="i010", matrix="bt2020")[0]
        for white in (1.0, float(PEAK))
    }
    below = gray < peak
    assert results[float(PEAK)][below].max() <= np.ceil(peak)
    assert results[float(PEAK)][below].mean() > gray[below].mean() + 40  # it does something
    assert results[1.0][below].max() > peak + 40
    if denoise == 0.0:
        np.testing.assert_array_equal(results[float(PEAK)][gray > peak], gray[gray > peak])


def test_white_can_be_set(planes: MakePlanes, picture: Picture) -> None:
    frame, wide = planes(61, 73, 10), picture(20, 30)
    fresh = {white: Enhancer(white=white).yuv420(frame, layout="i010") for white in (1.0, 0.5)}
    assert any((a != b).any() for a, b in zip(*fresh.values(), strict=True))
    assert_same(Enhancer().yuv420(frame, layout="i010"), fresh[1.0])
    before = [frame[0] + 4, *frame[1:]]  # no scene cut
    for settings in ({"smoothing": 0.8}, {"temporal_denoise": 0.5}):
        enhance, other = Enhancer(**settings), Enhancer(**settings, white=0.95)
        enhance.yuv420(before, layout="i010")
        enhance.set_white(0.95)  # which begins a new video
        alone = other.yuv420(frame, layout="i010")
        assert_same(enhance.yuv420(frame, layout="i010"), alone)
        assert_same(pickle.loads(pickle.dumps(enhance)).yuv420(frame, layout="i010"), alone)
        enhance.reset()
        enhance.yuv420(before, layout="i010")
        enhance.set_white(0.95)  # as it was
        assert any((a != b).any() for a, b in zip(enhance.yuv420(frame, layout="i010"), alone, strict=True))
    plain = Enhancer()
    wanted = plain(wide)
    plain.set_white(0.4)  # of YUV alone
    np.testing.assert_array_equal(plain(wide), wanted)
    for white in (0.0, -0.5, 1.001, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"white: \S+, more than 0 to 1 was wanted"):
            Enhancer(white=white)
        with pytest.raises(ValueError, match=r"white: \S+, more than 0 to 1 was wanted"):
            plain.set_white(white)
    np.testing.assert_array_equal(plain(wide), wanted)


@pytest.mark.parametrize("strength", [0.0, 0.4])
def test_strength(planes: MakePlanes, model: Model, strength: float) -> None:
    frame = planes(61, 73)
    result = Enhancer(model.path, strength=strength).yuv420(frame, matrix="bt709")
    wanted = reference.enhance_planes(frame, model.weights, 12, Coding("bt709"), np.float32(strength))
    assert_equals_definition(result, wanted)
    if strength == 0.0:  # also of colours that no display can show
        for plane, before in zip(result, frame, strict=True):
            np.testing.assert_array_equal(plane, before)


@pytest.mark.parametrize(("bits", "layout"), [(bits, layout) for bits, names in LAYOUTS.items() for layout in names])
@pytest.mark.parametrize("threads", [1, 4])
def test_layouts_views_and_outputs(planes: MakePlanes, model: Model, bits: int, layout: str, threads: int) -> None:
    frame = planes(151, 77, bits)
    enhance = Enhancer(model.path, threads=threads, scale=4)
    single = Enhancer(model.path, threads=1, scale=4)
    wanted = interleaved(single.yuv420(frame, layout=LAYOUTS[bits][0]), layout)
    source = interleaved(frame, layout)

    def check(result: Planes) -> None:
        assert_same(result, wanted)

    check(enhance.yuv420(source, layout=layout))
    padded = [np.pad(plane, [(0, 0), (3, 9), *[(0, 0)] * (plane.ndim - 2)])[:, 3:-9] for plane in source]
    check(enhance.yuv420(padded, layout=layout))
    check(enhance.yuv420([plane[::-1].copy()[::-1] for plane in source], layout=layout))
    check(enhance.yuv420([np.asfortranarray(plane) for plane in source], layout=layout))
    out = [np.zeros_like(plane) for plane in source]
    result = enhance.yuv420(padded, layout=layout, out=out)
    assert all(a is b for a, b in zip(result, out, strict=True))
    check(result)
    columns = [np.zeros_like(plane, order="F") for plane in source]
    check(enhance.yuv420(source, layout=layout, out=columns))
    overlapping = [source[0].copy(), *(plane.copy() for plane in source[1:])]
    check(enhance.yuv420(overlapping, layout=layout, out=overlapping))


def test_interwoven_camera_planes(planes: MakePlanes) -> None:
    """U and V of an Android camera: views of one buffer, two bytes apart."""
    luma, u, v = planes(40, 51)
    buffer = np.zeros((20, 26, 2), np.uint8)
    buffer[..., 0], buffer[..., 1] = v, u
    camera = [luma, buffer[..., 1], buffer[..., 0]]
    enhance = Enhancer()
    wanted = enhance.yuv420([luma, u, v])
    for plane, values in zip(enhance.yuv420(camera, out=camera), wanted, strict=True):
        np.testing.assert_array_equal(plane, values)


@pytest.mark.parametrize("coding", CODINGS + CODINGS_OF_10_BITS, ids=str)
@pytest.mark.parametrize("white", [1.0, 0.75])
def test_yuv_to_rgb_for_display(planes: MakePlanes, model: Model, coding: Coding, white: float) -> None:
    frame = planes(67, 91, coding.bits)
    rgb = white * reference.enhance_values(coding.rgb_of_planes(frame) / white, model.weights, 12)
    source = _native.Image(
        _native.I420 if coding.bits == 8 else _native.I010,
        91,
        67,
        matrix=_native.MATRICES[coding.matrix, coding.full_range],
    )
    for i, plane in enumerate(frame):
        source.plane[i], source.stride[i] = plane.ctypes.data, plane.strides[0]
    result = np.zeros((67, 91, 4), np.uint8)
    destination = _native.Image(_native.BGRA8, 91, 67)
    destination.plane[0], destination.stride[0] = result.ctypes.data, result.strides[0]
    Enhancer(model.path, white=white)._call("dce_enhance", source, destination)
    difference = np.abs(result[..., 2::-1].astype(int) - reference.to_8_bit(rgb))
    assert difference.max() <= 1
    assert np.count_nonzero(difference) <= difference.size // 1000
    assert (result[..., 3] == 255).all()


def test_refused_planes(planes: MakePlanes) -> None:
    enhance = Enhancer()
    luma, u, v = planes(9, 6)
    with pytest.raises(ValueError, match="layout: 'yv12', 'i420', 'nv12', 'nv21', 'i010' or 'p010' was wanted"):
        enhance.yuv420([luma, u, v], layout="yv12")
    with pytest.raises(ValueError, match="matrix: 'bt2100', 'bt601', 'bt709' or 'bt2020' was wanted"):
        enhance.yuv420([luma, u, v], matrix="bt2100")
    with pytest.raises(ValueError, match="planes: 2 planes, 3 were wanted for i420"):
        enhance.yuv420([luma, u])
    with pytest.raises(ValueError, match=r"planes: chroma \(4, 3\), \(5, 3\) was wanted for luma \(9, 6\)"):
        enhance.yuv420([luma, u, v[:4]])
    with pytest.raises(ValueError, match=r"chroma \(5, 3\), \(5, 3, 2\) was wanted"):
        enhance.yuv420([luma, u], layout="nv12")
    with pytest.raises(ValueError, match=r"luma \(9, 6, 1\), \(height, width\)"):
        enhance.yuv420([luma[..., None], u, v])
    with pytest.raises(TypeError, match="planes: uint16, uint8 arrays were wanted for i420"):
        enhance.yuv420([luma, u, v.astype(np.uint16)])
    with pytest.raises(TypeError, match="planes: uint8, uint16 arrays were wanted for p010"):
        enhance.yuv420([luma, np.dstack([u, v])], layout="p010")
    with pytest.raises(TypeError, match="planes: bytes, uint8 arrays were wanted"):
        enhance.yuv420([luma, u, b"v"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"out: luma \(8, 6\), that of planes, \(9, 6\), was wanted"):
        enhance.yuv420([luma, u, v], out=[luma[:8], u[:4], v[:4]])
    frozen = u.copy()
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="out: is read-only"):
        enhance.yuv420([luma, u, v], out=[luma, frozen, v])
    for same in (np.zeros_like(u), np.zeros_like(u, order="F")):  # which are written directly, and by way of a copy
        with pytest.raises(ValueError, match="out: planes overlap, memory of its own was wanted for each"):
            enhance.yuv420([luma, u, v], out=[np.zeros_like(luma), same, same])


# ---- every format with every instruction set ----


@pytest.mark.parametrize("isa", core.kernels())
def test_instruction_sets_and_threads(
    planes: MakePlanes, picture: Picture, model: Model, isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the definition says, and the same values by any number of threads and in place."""
    monkeypatch.setenv("DCELITE_ISA", isa)
    single, *others = (Enhancer(model.path, threads=threads) for threads in (1, 2, 7))
    assert single.kernels == isa
    wide, frame = picture(197, 211), planes(197, 211)
    image = (wide >> 8).astype(np.uint8)
    bgra = np.dstack([image[..., ::-1], image[..., :1]])
    wanted = reference.enhance(image, model.weights, 12)
    assert_equals_reference(single(image), wanted)
    assert_equals_reference(single(bgra, order="bgr")[..., 2::-1], wanted)
    difference = np.abs(single(wide).astype(int) - reference.enhance_16_bit(wide, model.weights, 12))
    assert difference.max() <= 3
    of_frame = reference.enhance_planes(frame, model.weights, 12, Coding())
    assert_equals_definition(single.yuv420(frame), of_frame)
    frame_of_10_bits = planes(197, 211, 10)
    of_frame = reference.enhance_planes(frame_of_10_bits, model.weights, 12, Coding(bits=10))
    assert_equals_10_bit_definition(single.yuv420(frame_of_10_bits, layout="i010"), of_frame)
    wide_alpha = np.dstack([wide, wide[..., 1:2]])
    for enhance in others:
        for pixels, order in (
            (image, "rgb"),
            (image, "bgr"),
            (bgra, "bgr"),
            (bgra, "rgb"),
            (wide, "rgb"),
            (wide_alpha, "rgb"),
        ):
            same = single(pixels, order=order)
            np.testing.assert_array_equal(enhance(pixels, order=order), same)
            copy = pixels.copy()
            np.testing.assert_array_equal(enhance(copy, order=order, out=copy), same)
        for layout in (*LAYOUTS[8], *LAYOUTS[10]):
            source = interleaved(frame if layout in LAYOUTS[8] else frame_of_10_bits, layout)
            in_place = [plane.copy() for plane in source]
            enhance.yuv420(in_place, layout=layout, out=in_place)
            assert_same(in_place, single.yuv420(source, layout=layout))


# ---- memory ----

MEMORY_OF_A_CALL = """
import resource, sys
import numpy as np
from dcelite import Enhancer
pixels = np.zeros(4000 * 3000 * 6, np.uint8)
pixels[:] = 60
enhance = Enhancer(sys.argv[3] or None, threads=2, smoothing=float(sys.argv[2]))
small = np.zeros((48, 48, 3), np.uint8)
enhance(small)
luma, chroma = pixels[:12000000].reshape(3000, 4000), pixels[12000000:18000000]
views = {
    "rgb8": lambda: pixels[:36000000].reshape(3000, 4000, 3),
    "rgb16": lambda: pixels.view(np.uint16).reshape(3000, 4000, 3),
    "rgba16": lambda: pixels.view(np.uint16).reshape(2250, 4000, 4),
}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if sys.argv[1] == "i420":
    planes = [luma, chroma[:3000000].reshape(1500, 2000), chroma[3000000:].reshape(1500, 2000)]
    enhance.yuv420(planes, out=planes)
elif sys.argv[1] == "p010":
    words = pixels[:36000000].view(np.uint16)
    planes = [words[:12000000].reshape(3000, 4000), words[12000000:].reshape(1500, 2000, 2)]
    enhance.yuv420(planes, layout="p010", out=planes)
else:
    image = views[sys.argv[1]]()
    enhance(image, out=image)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
@pytest.mark.parametrize("kind", ["rgb8", "rgb16", "rgba16", "i420", "p010"])
def test_a_call_at_12_megapixels_takes_under_16_megabytes(kind: str, smoothing: float, model: Model) -> None:
    command = [sys.executable, "-c", MEMORY_OF_A_CALL, kind, str(smoothing), str(model.path or "")]
    output = subprocess.run(command, capture_output=True, check=True, text=True, timeout=120).stdout
    assert 0 <= int(output) < 16 * 1024
