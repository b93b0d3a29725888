"""16-bit and YUV images against the NumPy definition, on every kind of array, and their refusals."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import yuv_reference
from numpy.typing import NDArray

from dcelite import Enhancer, _native, core, reference

from generated import Model
from support import assert_equals_reference

SIZES = [(1, 1), (1, 2), (2, 1), (3, 3), (1, 199), (199, 1), (12, 13), (97, 101), (130, 257)]
CODINGS = list(yuv_reference.CODINGS)
Planes = yuv_reference.Planes
MakePlanes = Callable[[int, int], Planes]
Picture = Callable[[int, int], NDArray[np.uint16]]


@pytest.fixture
def planes(rng: np.random.Generator) -> MakePlanes:
    """Makes dark I420 planes with noise; some of their colours lie outside of what RGB can show."""

    def make(height: int, width: int) -> Planes:
        chroma = (-(-height // 2), -(-width // 2))
        luma = 255 * np.linspace(0.1, 1.0, width) * rng.random((height, width)) ** 2
        return [
            luma.astype(np.uint8),
            rng.integers(70, 190, chroma, np.uint8),
            rng.integers(70, 190, chroma, np.uint8),
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
    """I420 planes -> those of another layout."""
    luma, u, v = planes
    if layout == "i420":
        return planes
    return [luma, np.stack([u, v] if layout == "nv12" else [v, u], axis=2)]


# ---- 16 bits ----


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("scale", [1, 5, 12])
def test_16_bit_equals_definition(picture: Picture, model: Model, scale: int, height: int, width: int) -> None:
    image = picture(height, width)
    enhance = Enhancer(model.path, scale=scale)
    result = enhance(image)
    assert result.dtype == np.uint16
    wanted = yuv_reference.enhance_16_bit(image, model.weights, scale)
    difference = np.abs(result.astype(int) - wanted)
    assert difference.max() <= 3
    assert np.count_nonzero(difference > 1) <= difference.size // 1000
    wanted_map = reference.network(reference.downsample(image / 65535, scale), model.weights)
    np.testing.assert_allclose(enhance.curve_map(image), wanted_map, atol=2e-6)


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
    with pytest.raises(ValueError, match=r"shape \(4, 4, 4\), \(height, width, 3\) was wanted for uint16"):
        enhance(np.zeros((4, 4, 4), np.uint16))
    with pytest.raises(TypeError, match="out: uint8, that of the image, uint16, was wanted"):
        enhance(image, out=np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="'rgb' was wanted for uint16"):
        enhance(image, order="bgr")
    with pytest.raises(TypeError, match="uint8 or uint16 was wanted"):
        enhance(image.astype(">u2" if sys.byteorder == "little" else "<u2"))


# ---- YUV ----


@pytest.mark.parametrize("coding", CODINGS, ids=str)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_yuv_equals_definition(
    planes: MakePlanes,
    model: Model,
    coding: yuv_reference.Coding,
    height: int,
    width: int,
) -> None:
    frame = planes(height, width)
    matrix, full_range = coding
    for scale in (2, 12):
        result = Enhancer(model.path, scale=scale).yuv420(frame, matrix=matrix, full_range=full_range)
        assert_equals_definition(result, yuv_reference.enhance(frame, model.weights, scale, coding))


@pytest.mark.parametrize("strength", [0.0, 0.4])
def test_strength(planes: MakePlanes, model: Model, strength: float) -> None:
    frame = planes(61, 73)
    result = Enhancer(model.path, strength=strength).yuv420(frame, matrix="bt709")
    wanted = yuv_reference.enhance(frame, model.weights, 12, ("bt709", False), np.float32(strength))
    assert_equals_definition(result, wanted)
    if strength == 0.0:  # also of colours that no display can show
        for plane, before in zip(result, frame, strict=True):
            np.testing.assert_array_equal(plane, before)


@pytest.mark.parametrize("layout", ["i420", "nv12", "nv21"])
@pytest.mark.parametrize("threads", [1, 4])
def test_layouts_views_and_outputs(planes: MakePlanes, model: Model, layout: str, threads: int) -> None:
    frame = planes(151, 77)
    enhance = Enhancer(model.path, threads=threads, scale=4)
    wanted = interleaved(Enhancer(model.path, threads=1, scale=4).yuv420(frame), layout)
    source = interleaved(frame, layout)

    def check(result: list[NDArray[np.uint8]]) -> None:
        for plane, values in zip(result, wanted, strict=True):
            np.testing.assert_array_equal(plane, values)

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


@pytest.mark.parametrize("coding", CODINGS, ids=str)
def test_yuv_to_rgb_for_display(planes: MakePlanes, model: Model, coding: yuv_reference.Coding) -> None:
    frame = planes(67, 91)
    rgb = yuv_reference.enhance_rgb(yuv_reference.rgb_of_planes(frame, coding), model.weights, 12)
    source = _native.Image(_native.I420, 91, 67, matrix=_native.MATRICES[coding])
    for i, plane in enumerate(frame):
        source.plane[i], source.stride[i] = plane.ctypes.data, plane.strides[0]
    result = np.zeros((67, 91, 4), np.uint8)
    destination = _native.Image(_native.BGRA8, 91, 67)
    destination.plane[0], destination.stride[0] = result.ctypes.data, result.strides[0]
    Enhancer(model.path)._call("dce_enhance", source, destination)
    difference = np.abs(result[..., 2::-1].astype(int) - reference.to_8_bit(rgb))
    assert difference.max() <= 1
    assert np.count_nonzero(difference) <= difference.size // 1000
    assert (result[..., 3] == 255).all()


def test_refused_planes(planes: MakePlanes) -> None:
    enhance = Enhancer()
    luma, u, v = planes(9, 6)
    with pytest.raises(ValueError, match="layout: 'yv12', 'i420', 'nv12' or 'nv21' was wanted"):
        enhance.yuv420([luma, u, v], layout="yv12")
    with pytest.raises(ValueError, match="matrix: 'bt2020', 'bt601' or 'bt709' was wanted"):
        enhance.yuv420([luma, u, v], matrix="bt2020")
    with pytest.raises(ValueError, match="planes: 2 planes, 3 were wanted for i420"):
        enhance.yuv420([luma, u])
    with pytest.raises(ValueError, match=r"planes: chroma \(4, 3\), \(5, 3\) was wanted for luma \(9, 6\)"):
        enhance.yuv420([luma, u, v[:4]])
    with pytest.raises(ValueError, match=r"chroma \(5, 3\), \(5, 3, 2\) was wanted"):
        enhance.yuv420([luma, u], layout="nv12")
    with pytest.raises(ValueError, match=r"luma \(9, 6, 1\), \(height, width\)"):
        enhance.yuv420([luma[..., None], u, v])
    with pytest.raises(TypeError, match="planes: uint16, uint8 arrays were wanted"):
        enhance.yuv420([luma, u, v.astype(np.uint16)])
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
    """As the definition says, and the same bits by any number of threads and in place."""
    monkeypatch.setenv("DCELITE_ISA", isa)
    single, *others = (Enhancer(model.path, threads=threads) for threads in (1, 2, 7))
    assert single.kernels == isa
    wide, frame = picture(197, 211), planes(197, 211)
    image = (wide >> 8).astype(np.uint8)
    bgra = np.dstack([image[..., ::-1], image[..., :1]])
    wanted = reference.enhance(image, model.weights, 12)
    assert_equals_reference(single(image), wanted)
    assert_equals_reference(single(bgra, order="bgr")[..., 2::-1], wanted)
    difference = np.abs(single(wide).astype(int) - yuv_reference.enhance_16_bit(wide, model.weights, 12))
    assert difference.max() <= 3
    of_frame = yuv_reference.enhance(frame, model.weights, 12, ("bt601", False))
    assert_equals_definition(single.yuv420(frame), of_frame)
    for enhance in others:
        for pixels, order in ((image, "rgb"), (image, "bgr"), (bgra, "bgr"), (bgra, "rgb"), (wide, "rgb")):
            same = single(pixels, order=order)
            np.testing.assert_array_equal(enhance(pixels, order=order), same)
            copy = pixels.copy()
            np.testing.assert_array_equal(enhance(copy, order=order, out=copy), same)
        for layout in ("i420", "nv12", "nv21"):
            source = interleaved(frame, layout)
            in_place = [plane.copy() for plane in source]
            enhance.yuv420(in_place, layout=layout, out=in_place)
            for plane, values in zip(in_place, single.yuv420(source, layout=layout), strict=True):
                np.testing.assert_array_equal(plane, values)


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
}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if sys.argv[1] == "i420":
    planes = [luma, chroma[:3000000].reshape(1500, 2000), chroma[3000000:].reshape(1500, 2000)]
    enhance.yuv420(planes, out=planes)
else:
    image = views[sys.argv[1]]()
    enhance(image, out=image)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
@pytest.mark.parametrize("kind", ["rgb8", "rgb16", "i420"])
def test_a_call_at_12_megapixels_takes_under_16_megabytes(kind: str, smoothing: float, model: Model) -> None:
    command = [sys.executable, "-c", MEMORY_OF_A_CALL, kind, str(smoothing), str(model.path or "")]
    output = subprocess.run(command, capture_output=True, check=True, text=True, timeout=120).stdout
    assert 0 <= int(output) < 16 * 1024
