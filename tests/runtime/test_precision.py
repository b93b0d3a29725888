"""``precision``: how far the fast curve may be from the exact one, for pictures, maps and kinds of pixels."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dcelite import Enhancer, _native, cli, reference
from dcelite.engine import EngineModel
from dcelite.images import read_photograph
from dcelite.session import CoreSession

import photographs
from generated import Model

Picture = NDArray[np.uint8]
Map = NDArray[np.float32]


def assert_close(fast: Picture, exact: Picture, mean: float = 0.05) -> None:
    """What ``DCE_FAST`` promises."""
    difference = fast.astype(int) - exact.astype(int)
    assert np.abs(difference).max() <= 2
    assert (np.abs(difference) > 1).mean() <= 0.001
    assert abs(difference.mean()) <= mean


class GivenMap(EngineModel):
    """An engine whose map is what it is given, whatever it sees."""

    kind, scale, takes_8_bit, sealed = "curve_map", 12, False, True

    def __init__(self, curve_map: Map) -> None:
        self.map_channels = len(curve_map)
        self._map = curve_map

    def run(self, _image: NDArray[np.float32]) -> Map:
        return self._map

    def close(self) -> None:
        pass


def open_with(curve_map: Map, precision: int) -> CoreSession:
    options = _native.Options()
    _native.library().dce_options_init_size(options, ctypes.sizeof(options))
    options.precision, options.threads = precision, 2
    return CoreSession(options, GivenMap(curve_map))


def enhance_with(curve_map: Map, image: Picture, precision: int) -> Picture:
    session = open_with(curve_map, precision)
    height, width, channels = image.shape
    result = np.empty_like(image)
    images = [
        _native.Image(
            _native.RGB8 if channels == 3 else _native.BGRA8,
            width,
            height,
            plane=(pixels.ctypes.data, 0, 0),
            stride=(width * channels, 0, 0),
        )
        for pixels in (image, result)
    ]
    session.call("dce_enhance", *images)
    session.close()
    return result


@pytest.mark.parametrize("name", photographs.NAMES)
@pytest.mark.parametrize("exposure", [1, 1 / 16, 1 / 256])
def test_photographs(model: Model, name: str, exposure: float) -> None:
    image = photographs.well_lit(name) if exposure == 1 else photographs.dark(name, exposure)
    mean = 0.05 if model.path is None else 0.15  # random weights cancel each other, and ask for more than 16 bits
    assert_close(Enhancer(model.path, precision="fast")(image), Enhancer(model.path)(image), mean)


def test_night_pictures(shared: Path) -> None:
    exact, fast = Enhancer(), Enhancer(precision="fast")
    for path in sorted((shared / "data" / "photos").iterdir()):
        image = read_photograph(path).pixels
        if image.dtype == np.uint8:
            assert_close(fast(image), exact(image))


@pytest.mark.parametrize("channels", [3, 24])
@pytest.mark.parametrize("ends", [(-0.999, -0.999), (0.999, 0.999), (-0.999, 0.999), (0.0, -0.999), (0.0, 0.0)])
def test_every_value_under_extreme_maps(channels: int, ends: tuple[float, float]) -> None:
    image = np.ascontiguousarray(np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None], (121, 256, 3)))
    curve_map = np.full((channels, 11, 22), ends[0], np.float32)
    curve_map[:, ::2, 1::2] = curve_map[:, 1::2, ::2] = ends[1]
    fast, exact = (enhance_with(curve_map, image, precision) for precision in (1, 0))
    assert_close(fast, exact)
    if ends == (0.0, 0.0):
        assert np.array_equal(fast, image)


def to_display(curve_map: Map, planes: Picture, matrix: int, precision: int) -> Picture:
    """A frame of NV21, luma and below it V and U in turn, as RGBA."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    result = np.empty((height, width, 4), np.uint8)
    first = planes.ctypes.data
    source = _native.Image(
        _native.NV21, width, height, plane=(first, first + width * height, 0), stride=(width, width, 0), matrix=matrix
    )
    destination = _native.Image(
        _native.RGBA8, width, height, plane=(result.ctypes.data, 0, 0), stride=(4 * width, 0, 0), matrix=matrix
    )
    session = open_with(curve_map, precision)
    session.call("dce_enhance", source, destination)
    session.close()
    return result


@pytest.mark.parametrize("matrix", range(6))
@pytest.mark.parametrize("channels", [3, 24])
def test_camera_to_display(matrix: int, channels: int) -> None:
    rng = np.random.default_rng(matrix)
    dark = rng.integers(0, 64, (360, 256), np.uint8)
    dark[240:] = rng.integers(108, 148, (120, 256), np.uint8)
    for planes in (dark, rng.integers(0, 256, (360, 256), np.uint8)):
        for curve_map in (
            np.full((channels, 20, 22), -0.999, np.float32),
            rng.uniform(-0.999, 0.999, (channels, 20, 22)).astype(np.float32),
        ):
            fast, exact = (to_display(curve_map, planes, matrix, precision) for precision in (1, 0))
            assert_close(fast[..., :3], exact[..., :3])
            assert (fast[..., 3] == 255).all()


def test_alpha_and_order_stay() -> None:
    image = np.random.default_rng(2).integers(0, 256, (50, 70, 4), np.uint8)
    curve_map = np.random.default_rng(3).uniform(-1, 1, (3, 5, 6)).astype(np.float32)
    result = enhance_with(curve_map, image, 1)
    assert np.array_equal(result[..., 3], image[..., 3])
    rgb = np.ascontiguousarray(image[..., 2::-1])
    assert np.array_equal(enhance_with(curve_map, rgb, 1)[..., ::-1], result[..., :3])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 5.0])
def test_maps_that_no_network_gives(value: float) -> None:
    image = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 256, 3)
    result = enhance_with(np.full((3, 1, 22), value, np.float32), image, 1)
    wanted = 0.0 if np.isnan(value) else np.clip(value, -1, 1)
    assert_close(result, enhance_with(np.full((3, 1, 22), wanted, np.float32), image, 0))


def test_threads_and_places_change_nothing(picture: Picture) -> None:
    once = Enhancer(precision="fast", threads=1)(picture)
    in_place = picture.copy()
    Enhancer(precision="fast", threads=3)(in_place, out=in_place)
    assert np.array_equal(in_place, once)


def test_frames_of_a_video(picture: Picture) -> None:
    exact, fast = (Enhancer(smoothing=0.8, precision=precision) for precision in ("exact", "fast"))
    for shift in range(3):
        frame = np.roll(picture, shift, 1)
        assert_close(fast(frame), exact(frame))


def test_the_map_is_fast_for_every_format(picture: Picture) -> None:
    words = picture.astype(np.uint16) * 257
    difference = Enhancer(precision="fast")(words).astype(int) - Enhancer()(words)
    assert 0 < np.abs(difference).max() < 64  # a quarter of an 8-bit level: the curve is exact
    exact, fast = Enhancer(denoise=1.0), Enhancer(denoise=1.0, precision="fast")
    assert_close(fast(picture), exact(picture))


def test_the_reference_knows_the_bound(picture: Picture) -> None:
    enhance = Enhancer(precision="fast")
    wanted = reference.finish(picture, enhance.curve_map(picture))
    assert_close(enhance(picture), wanted)


def test_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="precision: 'half', one of exact, fast was wanted"):
        Enhancer(precision="half")
    options = _native.Options()
    _native.library().dce_options_init_size(options, ctypes.sizeof(options))
    options.precision = 2
    with pytest.raises(ValueError, match=r"precision: 2, 0 \(exact\) or 1 \(fast\) was wanted"):
        CoreSession(options, None)
    with pytest.raises(SystemExit):
        cli.main(["enhance", "night.png", "--precision", "half"])
    assert "invalid choice: 'half'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def picture() -> Picture:
    return photographs.dark("cat")
