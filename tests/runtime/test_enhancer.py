"""Enhancer with the native engine: against the NumPy reference, on every kind of array, and its refusals."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from dataclasses import FrozenInstanceError, astuple
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import dcelite
from dcelite import DceliteError, Enhancer, ModelError, ModelInfo, Timings, _native, reference

import generated
from generated import Model
from support import assert_equals_reference

SIZES = [(1, 1), (1, 2), (1, 199), (199, 1), (2, 3), (11, 11), (12, 12), (13, 11), (97, 101), (120, 36), (257, 131)]
Picture = Callable[[int, int], np.ndarray]


@pytest.fixture
def picture(rng: np.random.Generator) -> Picture:
    """Makes dark noise with a gradient, RGB (height, width, 3)."""

    def make(height: int, width: int) -> np.ndarray:
        light = np.linspace(0.1, 1.0, width)[None, :, None] * np.linspace(1.0, 0.3, height)[:, None, None]
        return (255 * light * rng.random((height, width, 3)) ** 2).astype(np.uint8)

    return make


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_equals_reference_at_every_size(picture: Picture, model: Model, height: int, width: int) -> None:
    image = picture(height, width)
    enhance = Enhancer(model.path)
    assert_equals_reference(enhance(image), reference.enhance(image, model.weights, 12))
    curve_map = enhance.curve_map(image)
    assert curve_map.dtype == np.float32
    np.testing.assert_allclose(curve_map, reference.curve_map(image, model.weights, 12), atol=2e-6)


@pytest.mark.parametrize("scale", [1, 2, 7, 64])
def test_equals_reference_at_other_scales(picture: Picture, model: Model, scale: int) -> None:
    image = picture(61, 43)
    enhance = Enhancer(model.path, scale=scale)
    assert enhance.info.scale == scale
    assert_equals_reference(enhance(image), reference.enhance(image, model.weights, scale))


@pytest.mark.parametrize("strength", [0.0, 0.37, 1.0])
def test_strength_scales_the_curve_map(picture: Picture, model: Model, strength: float) -> None:
    image = picture(50, 70)
    result = Enhancer(model.path, strength=strength)(image)
    assert_equals_reference(result, reference.enhance(image, model.weights, 12, np.float32(strength)))
    if strength == 0.0:
        np.testing.assert_array_equal(result, image)


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_any_number_of_threads_gives_the_same_bits(picture: Picture, model: Model, threads: int) -> None:
    image = picture(301, 53)
    single, several = Enhancer(model.path, threads=1), Enhancer(model.path, threads=threads)
    np.testing.assert_array_equal(several(image), single(image))
    np.testing.assert_array_equal(several.curve_map(image), single.curve_map(image))


def test_shipped_weights_brighten_a_dark_image(picture: Picture) -> None:
    image = picture(120, 160) // 4
    assert Enhancer()(image).mean() > 2 * image.mean()


def test_alpha_is_unchanged_and_bgr_is_the_mirror_of_rgb(picture: Picture, rng: np.random.Generator) -> None:
    image = picture(40, 50)
    alpha = rng.integers(0, 256, (40, 50, 1), np.uint8)
    enhance = Enhancer()
    wanted = enhance(image)
    with_alpha = enhance(np.concatenate([image, alpha], axis=2))
    np.testing.assert_array_equal(with_alpha, np.concatenate([wanted, alpha], axis=2))
    bgr = np.ascontiguousarray(image[..., ::-1])
    np.testing.assert_array_equal(enhance(bgr, order="bgr")[..., ::-1], wanted)
    np.testing.assert_array_equal(enhance.curve_map(bgr, order="bgr"), enhance.curve_map(image))


VIEWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "cropped": lambda frame: frame[3:43, 5:55],
    "upside down": lambda frame: frame[39::-1, :50],
    "mirrored": lambda frame: frame[:40, 49::-1],
    "every second column": lambda frame: frame[:40, :100:2],
    "every second row": lambda frame: frame[:80:2, :50],
    "planes": lambda frame: frame.reshape(3, 90, 120)[:, :40, :50].transpose(1, 2, 0),
    "reversed channels": lambda frame: frame[:40, :50, ::-1],
    "broadcast row": lambda frame: np.broadcast_to(frame[:1, :50], (40, 50, 3)),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_strided_views_in_and_out(picture: Picture, model: Model, view: Callable[[np.ndarray], np.ndarray]) -> None:
    frame = picture(90, 120)
    image = view(frame)
    enhance = Enhancer(model.path)
    wanted = enhance(np.array(image, order="C"))
    np.testing.assert_array_equal(enhance(image), wanted)
    if not image.flags.writeable:
        return
    canvas = np.full_like(frame, 7)
    out = view(canvas)
    assert enhance(image, out=out) is out
    np.testing.assert_array_equal(out, wanted)
    untouched = np.full_like(frame, 7)
    view(untouched)[...] = wanted
    np.testing.assert_array_equal(canvas, untouched)
    assert enhance(image, out=image) is image
    np.testing.assert_array_equal(image, wanted)


def test_output_that_overlaps_the_input_is_still_right(picture: Picture, model: Model) -> None:
    frame = picture(60, 50)
    image, out = frame[:50], frame[10:]
    enhance = Enhancer(model.path)
    wanted = enhance(image.copy())
    enhance(image, out=out)
    np.testing.assert_array_equal(out, wanted)


def test_pillow_images(picture: Picture) -> None:
    image = picture(30, 40)
    enhance = Enhancer()
    result = enhance(PIL.Image.fromarray(image))
    assert isinstance(result, PIL.Image.Image)
    assert result.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(result), enhance(image))
    with pytest.raises(ValueError, match="mode CMYK, RGB or RGBA was wanted"):
        enhance(PIL.Image.new("CMYK", (4, 4)))


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), TypeError, "float32, uint8 or uint16 was wanted"),
        (np.zeros((4, 4), np.uint8), ValueError, r"shape \(4, 4\), \(height, width, 3 or 4\) was wanted"),
        (np.zeros((4, 4, 2), np.uint8), ValueError, r"shape \(4, 4, 2\)"),
        (np.zeros((0, 4, 3), np.uint8), ValueError, "1 to 65535 each way"),
        (np.broadcast_to(np.zeros(3, np.uint8), (1, 65536, 3)), ValueError, "1 to 65535 each way"),
        ([[1, 2, 3]], TypeError, "list, a NumPy array or a Pillow image was wanted"),
    ],
)
def test_refused_images(image: np.ndarray, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Enhancer()(image)


def test_refused_outputs() -> None:
    enhance = Enhancer()
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match=r"out: shape \(4, 5, 3\), that of the image, \(4, 4, 3\), was wanted"):
        enhance(image, out=np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(TypeError, match="out: int32"):
        enhance(image, out=np.zeros((4, 4, 3), np.int32))
    frozen = np.zeros((4, 4, 3), np.uint8)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="out: is read-only"):
        enhance(image, out=frozen)
    with pytest.raises(ValueError, match="order: 'grb'"):
        enhance(image, order="grb")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": -1}, "threads: -1"),
        ({"threads": 65}, "threads: 65"),
        ({"scale": 0}, "scale: 0, 1 to 64"),
        ({"scale": 65}, "scale: 65, 1 to 64"),
        ({"strength": -0.1}, "strength: -0.1"),
        ({"strength": float("nan")}, "strength: nan"),
    ],
)
def test_refused_options(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Enhancer(**options)  # type: ignore[arg-type]


def test_refused_models(tmp_path: Path) -> None:
    missing = tmp_path / "model.dce"
    with pytest.raises(ModelError, match="no such file"):
        Enhancer(missing)
    with pytest.raises(ModelError, match=r"unknown model suffix '.pt'; .dce, .onnx or .ms was wanted"):
        Enhancer(tmp_path / "model.pt")
    missing.mkdir()
    with pytest.raises(ModelError, match="is a folder"):
        Enhancer(missing)


def test_refused_libraries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = next(Path(np.__file__).parent.rglob("_multiarray_umath*.so"))
    for path, message in (
        (tmp_path / "absent.so", "absent.so: the core library is missing"),
        (Path(__file__), "test_enhancer.py: the core library cannot be loaded"),
        (other, "not this version of the core library: .*dce_abi_version"),
    ):
        monkeypatch.setenv("DCELITE_LIBRARY", str(path))
        with pytest.raises(DceliteError, match=message):
            Enhancer()


def test_a_library_may_lack_functions_that_are_newer(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that bench and compare_libraries can hold builds against each other; what is missing is said when called."""
    monkeypatch.setitem(_native._FUNCTIONS, "dce_of_tomorrow", (ctypes.c_int32, [ctypes.c_void_p]))
    _native._load.cache_clear()
    with Enhancer() as enhance:
        enhance(picture(5, 5))
        with pytest.raises(DceliteError, match=r"not this version of the core library: .*dce_of_tomorrow"):
            enhance._call("dce_of_tomorrow")
    _native._load.cache_clear()


def test_closed(picture: Picture) -> None:
    with Enhancer() as enhance:
        enhance(picture(5, 5))
    enhance.close()
    with pytest.raises(ValueError, match="closed"):
        enhance(picture(5, 5))


def test_one_enhancer_in_two_threads_at_once_is_an_error_not_a_crash(picture: Picture) -> None:
    image = picture(700, 900)
    enhance = Enhancer(threads=1)
    wanted = enhance(image)
    results: list[np.ndarray] = []
    errors: list[Exception] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        for _ in range(5):
            try:
                results.append(enhance(image))
            except RuntimeError as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results
    assert errors
    assert all("in use by another thread" in str(error) for error in errors)
    for result in results:
        np.testing.assert_array_equal(result, wanted)


def test_strength_and_smoothing_change_on_an_open_enhancer(picture: Picture) -> None:
    image = picture(60, 80)
    with Enhancer() as enhance, Enhancer(strength=0.4) as weak, Enhancer(smoothing=0.9) as smooth:
        whole = enhance(image)
        enhance.set_strength(0.4)
        assert np.array_equal(enhance(image), weak(image))
        enhance.set_strength(1.0)
        assert np.array_equal(enhance(image), whole)
        enhance.set_smoothing(0.9)
        for frame in (image, image // 2 + 3, image // 3):
            assert np.array_equal(enhance(frame), smooth(frame))
        with pytest.raises(ValueError, match="strength: 2, 0 to 1 was wanted"):
            enhance.set_strength(2.0)
        with pytest.raises(ValueError, match=r"smoothing: 1, 0 .* less than 1 was wanted"):
            enhance.set_smoothing(1.0)


def test_timings_are_those_of_the_last_call_and_kept_on_request(picture: Picture) -> None:
    image = picture(300, 400)
    with Enhancer(timings=True, threads=1) as enhance, Enhancer() as plain:
        assert set(astuple(enhance.timings)) == {0.0}
        enhance(image)
        timings = enhance.timings
        stages = timings.downsample + timings.network + timings.curve
        assert timings.convert == 0.0
        assert 0 < stages <= timings.total < 10_000
        with pytest.raises(ValueError, match="timings"):
            _ = plain.timings


def test_the_description_of_a_model_with_a_scene_head(tmp_path: Path) -> None:
    wanted = ModelInfo("zerodcepp_scene", map_channels=3, scale=12, iterations=8, parameters=12_225)
    assert Enhancer(generated.model_file("zerodcepp_scene", tmp_path).path).info == wanted


def test_levels_of_the_statistics_are_not_left_to_the_last_bit(tmp_path: Path) -> None:
    """Downsampled to 50x50, a third of the values of 590x590 are means with weights in tenths."""
    model = generated.model_file("zerodcepp_scene", tmp_path)
    image = generated.picture(74, 74).repeat(8, axis=0).repeat(8, axis=1)[:590, :590]
    curve_map = Enhancer(model.path).curve_map(image)
    np.testing.assert_allclose(curve_map, reference.curve_map(image, model.weights, 12), atol=2e-6)


def test_the_whole_picture_steers_the_network(picture: Picture, tmp_path: Path) -> None:
    """With a scene head, what lies beyond the 43 pixels of the network's sight changes the map too."""
    image = picture(70, 20)
    other = image.copy()
    other[:20] = 255
    for architecture, is_steered in (("zerodcepp", False), ("zerodcepp_scene", True)):
        enhance = Enhancer(generated.model_file(architecture, tmp_path).path, scale=1)
        far = enhance.curve_map(image)[45:], enhance.curve_map(other)[45:]
        assert (np.abs(far[0] - far[1]).max() > 0.01) == is_steered
        assert np.array_equal(*far) != is_steered


def test_the_description_of_a_model_cannot_be_changed() -> None:
    with Enhancer(timings=True) as enhance:
        assert enhance.has_curve_map
        assert enhance.info == ModelInfo("zerodcepp_scene", map_channels=3, scale=12, iterations=8, parameters=12_225)
        assert enhance.timings == Timings(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        for value, name in ((enhance.info, "scale"), (enhance.timings, "total")):
            with pytest.raises(FrozenInstanceError):
                setattr(value, name, 1)


def test_all_errors_and_types_are_exported() -> None:
    errors = {name for name, value in vars(dcelite.errors).items() if isinstance(value, type)}
    assert errors | {"Enhancer", "ModelInfo", "Timings", "Pixels", "Planes"} == set(dcelite.__all__)
