"""Denoising: every format and instruction set against the NumPy reference, what it brings, and what it leaves alone."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from dcelite import Enhancer, core, reference
from dcelite.darkroom import LARGE_SENSOR, SMALL_SENSOR, darken, light_of, picture_of
from dcelite.denoising import Noise, TemporalDenoiser, denoise, noise_of
from dcelite.metrics import psnr, ssim
from dcelite.reference import Coding

import photographs
from generated import Model
from support import REPOSITORY, load_weights

Levels = NDArray[np.float64]
Picture = NDArray[np.uint8]
SIZES = [(1, 1), (1, 2), (2, 1), (5, 3), (7, 130), (16, 32), (33, 65), (97, 101), (60, 1031)]
CODING = Coding(full_range=True)


@functools.cache
def night(name: str = "cat", exposure: float = 1 / 64) -> Picture:
    picture = darken(photographs.well_lit(name), exposure, LARGE_SENSOR, np.random.default_rng(1))
    picture.setflags(write=False)
    return picture


def enhanced(levels: Levels, weights: reference.Weights, without_noise: Levels, scale: int = 12) -> Levels:
    """R'G'B' (H, W, 3), 0 … 1, of the picture ``levels``, whose map is applied to the one without noise."""
    inside = np.clip(levels / 255, 0.0, 1.0)
    a = reference.upsample(reference.network(reference.downsample(inside, scale), weights), *levels.shape[:2])
    values = without_noise / 255
    curved = reference.apply_curve(np.clip(values, 0.0, 1.0), a)
    return np.where((values >= 0) & (values <= 1), curved, values)


def assert_close(result: NDArray[np.integer], wanted: NDArray[np.integer], level: int = 1) -> None:
    """99.9 % are off by no more than a level, and nearly all not at all."""
    difference = np.abs(result.astype(int) - wanted)
    assert np.count_nonzero(difference > level) <= difference.size // 1000
    assert difference.max() <= 3 * level
    assert np.count_nonzero(difference > level // 2) <= max(difference.size // 100, 2)


# ---- against the reference ----


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("threads", [1, 3])
def test_rgb_equals_the_reference(model: Model, height: int, width: int, threads: int) -> None:
    image = np.ascontiguousarray(np.resize(night(), (300, 1100, 3))[:height, :width])
    levels = image.astype(np.float64)
    wanted = reference.to_8_bit(enhanced(levels, model.weights, denoise(levels, 0.8)))
    enhance = Enhancer(model.path, scale=12, threads=threads, denoise=0.8)
    assert_close(enhance(image), wanted)
    assert_close(enhance(image[..., ::-1].copy(), order="bgr")[..., ::-1], wanted)
    with_alpha = np.dstack([image, np.arange(image[..., 0].size).reshape(height, width) % 256]).astype(np.uint8)
    result = enhance(with_alpha)
    assert np.array_equal(result[..., 3], with_alpha[..., 3])
    assert_close(result[..., :3], wanted)
    assert enhance(with_alpha, out=with_alpha) is with_alpha  # in place
    assert np.array_equal(with_alpha, result)


@pytest.mark.parametrize("isa", core.kernels())
@pytest.mark.parametrize("name", photographs.NAMES)
def test_instruction_sets_equal_the_reference(monkeypatch: pytest.MonkeyPatch, isa: str, name: str) -> None:
    weights = load_weights(REPOSITORY / "models" / "zerodcepp_scene.ckpt")
    monkeypatch.setenv("DCELITE_ISA", isa)
    image = np.ascontiguousarray(night(name)[:200, :300])
    levels = image.astype(np.float64)
    wanted = reference.to_8_bit(enhanced(levels, weights, denoise(levels, 1.0)))
    assert_close(Enhancer(denoise=1.0)(image), wanted)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_16_bits_equal_the_reference(model: Model, height: int, width: int) -> None:
    image = np.ascontiguousarray(np.resize(night(), (300, 1100, 3))[:height, :width].astype(np.uint16) * 257 + 19)
    levels = image / 257.0
    noise = noise_of(levels).with_rounding(1 / 257)
    wanted = np.clip(np.floor(65535 * enhanced(levels, model.weights, denoise(levels, 1.0, noise)) + 0.5), 0, 65535)
    enhance = Enhancer(model.path, scale=12, denoise=1.0)
    result = enhance(image)
    assert_close(result, wanted.astype(np.uint16), 26)  # a tenth of a level
    assert np.array_equal(enhance(image, out=image), result)


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("layout", ["i420", "nv12", "nv21"])
def test_yuv_equals_the_reference(model: Model, height: int, width: int, layout: str) -> None:
    rgb = np.ascontiguousarray(np.resize(night(), (300, 1100, 3))[:height, :width]) / 255.0
    y, u, v = planes = CODING.planes_of_rgb(rgb)
    levels = 255 * CODING.rgb_of_planes(planes)
    result = enhanced(levels, model.weights, denoise(levels, 1.0))
    wanted = CODING.planes_of_rgb(result)
    enhance = Enhancer(model.path, scale=12, denoise=1.0)
    given = [y, u, v] if layout == "i420" else [y, np.stack([u, v] if layout == "nv12" else [v, u], axis=2)]
    seen = enhance.yuv420(given, layout=layout, matrix="bt601", full_range=True)
    chroma = seen[1:] if layout == "i420" else list(np.moveaxis(seen[1], 2, 0))[:: 1 if layout == "nv12" else -1]
    for plane, other in zip([seen[0], *chroma], wanted, strict=True):
        assert_close(plane, other)
    for plane, other in zip(
        enhance.yuv420(given, layout=layout, matrix="bt601", full_range=True, out=given), seen, strict=True
    ):
        assert np.array_equal(plane, other)


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("white", [1.0, 0.75])
def test_10_bits_equal_the_reference(model: Model, height: int, width: int, white: float) -> None:
    """Noise is that of R'G'B', whatever white says."""
    coding = Coding("bt2020", bits=10)
    rgb = np.ascontiguousarray(np.resize(night(), (300, 1100, 3))[:height, :width]) / 255.0
    planes = coding.planes_of_rgb(rgb)
    levels = 255 * coding.rgb_of_planes(planes)
    without = denoise(levels, 1.0, noise_of(levels).with_rounding(1 / 4))
    wanted = coding.planes_of_rgb(white * enhanced(levels / white, model.weights, without / white))
    enhance = Enhancer(model.path, scale=12, denoise=1.0, white=white)
    seen = enhance.yuv420(planes, layout="i010", matrix="bt2020")
    for plane, other in zip(seen, wanted, strict=True):
        assert_close(plane, other)
    high = [planes[0] << 6, np.stack(planes[1:], axis=2) << 6]
    enhance.yuv420(high, layout="p010", matrix="bt2020", out=high)
    assert np.array_equal(high[0], seen[0] << 6)
    assert np.array_equal(high[1], np.stack(seen[1:], axis=2) << 6)


@pytest.mark.parametrize("white", [1.0, 0.75])
def test_frames_of_10_bits_equal_the_reference(model: Model, white: float) -> None:
    light = light_of(np.resize(photographs.well_lit("cat"), (300, 1100, 3))[:97, :101]) / 48
    rng = np.random.default_rng(3)
    over_time, coding = TemporalDenoiser(0.9), Coding("bt2020", bits=10)
    enhance = Enhancer(model.path, scale=12, denoise=0.7, temporal_denoise=0.9, threads=2, white=white)
    for number in range(4):
        if number == 3:
            light = np.roll(light, 7, axis=1)  # something moves
        planes = coding.planes_of_rgb(picture_of(LARGE_SENSOR.expose(light, rng)) / 255.0)
        levels = 255 * coding.rgb_of_planes(planes)
        mean = over_time(levels, noise_of(levels).with_rounding(1 / 4))
        without = denoise(mean, 0.7, over_time.noise, over_time.remaining)
        wanted = coding.planes_of_rgb(white * enhanced(levels / white, model.weights, without / white))
        for plane, other in zip(enhance.yuv420(planes, layout="i010", matrix="bt2020"), wanted, strict=True):
            assert_close(plane, other, 2)


@pytest.mark.parametrize("size", [(33, 65), (97, 101), (60, 1031)])
@pytest.mark.parametrize("sixteen", [False, True])
def test_frames_equal_the_reference(model: Model, size: tuple[int, int], sixteen: bool) -> None:
    light = light_of(np.resize(photographs.well_lit("cat"), (300, 1100, 3))[: size[0], : size[1]]) / 48
    rng = np.random.default_rng(3)
    over_time = TemporalDenoiser(0.9)
    enhance = Enhancer(model.path, scale=12, denoise=0.7, temporal_denoise=0.9, threads=2)
    for number in range(5):
        if number == 3:
            light = np.roll(light, 7, axis=1)  # something moves
        image = picture_of(LARGE_SENSOR.expose(light, rng))
        levels = image.astype(np.float64)
        step = 1 / 257 if sixteen else 1.0
        mean = over_time(levels, noise_of(levels).with_rounding(step))
        without = denoise(mean, 0.7, over_time.noise, over_time.remaining)
        wanted = enhanced(levels, model.weights, without)
        if sixteen:
            seen = enhance(image.astype(np.uint16) * 257)
            assert_close(seen, np.clip(np.floor(65535 * wanted + 0.5), 0, 65535).astype(np.uint16), 52)
        else:
            assert_close(enhance(image), reference.to_8_bit(wanted))


def test_the_number_of_threads_changes_nothing() -> None:
    image = night("coffee")
    results = [Enhancer(denoise=1.0, temporal_denoise=1.0, threads=threads) for threads in (1, 2, 3, 7)]
    for _ in range(2):
        first, *others = [enhance(image) for enhance in results]
        assert all(np.array_equal(first, other) for other in others)


def test_a_noise_that_is_given_is_not_estimated(model: Model) -> None:
    image = np.ascontiguousarray(night()[:90, :120])
    levels = image.astype(np.float64)
    noise = Noise.white(3.0).with_rounding()
    wanted = reference.to_8_bit(enhanced(levels, model.weights, denoise(levels, 1.0, noise)))
    assert_close(Enhancer(model.path, scale=12, denoise=1.0, noise_level=3.0)(image), wanted)


# ---- what it brings ----


@pytest.mark.parametrize("name", photographs.NAMES)
def test_night_pictures_come_closer_to_the_truth(name: str) -> None:
    wanted = photographs.well_lit(name)
    plain, without = Enhancer()(night(name)), Enhancer(denoise=1.0)(night(name))
    assert ssim(wanted, without) > ssim(wanted, plain) + 0.05
    assert psnr(wanted, without) > psnr(wanted, plain) + 0.2


@pytest.mark.parametrize("name", photographs.NAMES)
def test_pictures_without_noise_keep_their_detail(name: str) -> None:
    well_lit = photographs.well_lit(name)[:300, :450].astype(np.float64)
    wanted = np.rint(well_lit.reshape(150, 2, 225, 2, 3).mean((1, 3))).astype(
        np.uint8
    )  # at half the size, its own is gone
    dark = picture_of(light_of(wanted) / 64)
    assert ssim(wanted, Enhancer(denoise=1.0)(dark)) > ssim(wanted, Enhancer()(dark)) - 0.006


@pytest.mark.parametrize("sigma", [1.0, 2.0, 4.0])
def test_white_noise_is_estimated(sigma: float) -> None:
    rows, columns = np.mgrid[0:512, 0:512]
    ramp = (40 + 60 * rows / 512 + 30 * np.sin(columns / 40))[..., None] * np.array([1.0, 0.9, 0.7])
    levels = np.rint(ramp + np.random.default_rng(2).normal(0, sigma, ramp.shape))
    seen, wanted = noise_of(levels), Noise.white(sigma)
    for variances, true in ((seen.luma, wanted.luma), (seen.colours, wanted.colours)):
        assert np.sqrt(variances[4:7] / true[4:7]) == pytest.approx(1.0, abs=0.35)


def test_a_dark_ramp_with_noise_has_fewer_bands() -> None:
    """Of 8 bits, the curve makes some 10 levels a step; what is averaged lies between them."""
    ramp = np.linspace(4, 12, 640)[None, :, None] * np.ones((200, 1, 3))
    noisy = np.rint(ramp + np.random.default_rng(4).normal(0, 0.7, ramp.shape)).astype(np.uint8)
    ideal = Enhancer()((ramp * 257).astype(np.uint16)) / 257
    error = {amount: np.abs(Enhancer(denoise=amount)(noisy) - ideal).mean() for amount in (0.0, 1.0)}
    assert error[1.0] < error[0.0] / 2


# ---- over time ----


def frames_of(light: Levels, count: int, seed: int = 5) -> list[Picture]:
    rng = np.random.default_rng(seed)
    return [picture_of(SMALL_SENSOR.expose(light, rng)) for _ in range(count)]


def test_a_static_clip_comes_closer_to_the_one_without_noise() -> None:
    light = light_of(photographs.well_lit("coffee")[:240, :320]) / 24
    wanted = Enhancer()(picture_of(light))
    plain, without = Enhancer(), Enhancer(denoise=1.0, temporal_denoise=1.0)
    for frame in frames_of(light, 12):
        before, after = psnr(wanted, plain(frame)), psnr(wanted, without(frame))
    assert after > before + 6


@pytest.mark.parametrize("noise", [False, True])
def test_a_bright_square_that_moves_leaves_no_trail(noise: bool) -> None:
    rng = np.random.default_rng(6)
    enhance, alone = (Enhancer(temporal_denoise=1.0) for _ in range(2))
    scene = np.full((120, 240, 3), 0.01)

    def frame(left: int | None) -> Picture:
        light = scene.copy()
        if left is not None:
            light[40:80, left : left + 30] = 0.6
        return picture_of(SMALL_SENSOR.expose(light, rng) if noise else light)

    for left in range(10, 190, 11):
        enhance(frame(left))
        alone(frame(None))
    for _ in range(3):
        result, still = enhance(frame(None)), alone(frame(None))
    trail = np.abs(result[40:80, 10:220].mean((0, 2)) - still[40:80, 10:220].mean((0, 2)))
    assert np.convolve(trail, np.ones(8) / 8, mode="valid").max() <= 2


@pytest.mark.parametrize(
    "make", [lambda: Enhancer(temporal_denoise=1.0), lambda: Enhancer(temporal_denoise=1.0, denoise=1.0)]
)
def test_a_cut_a_size_and_a_reset_begin_anew(make: Callable[[], Enhancer]) -> None:
    first, second = night("cat"), night("rocket")
    fresh = make()(second)
    enhance = make()
    for _ in range(3):
        enhance(first)
    enhance.reset()
    assert np.array_equal(enhance(second), fresh)
    enhance(np.ascontiguousarray(first[:50, :70]))
    assert np.array_equal(enhance(second), fresh)
    bright = photographs.well_lit("cat")
    enhance(bright)  # a cut
    assert np.array_equal(enhance(second), make()(second))


def test_what_stays_after_a_cut_begins_anew_too() -> None:
    before, after = (frame.copy() for frame in frames_of(light_of(photographs.well_lit("cat")) / 64, 2))
    after[:, 150:] = photographs.well_lit("coffee")[:300, :301]
    enhance = Enhancer(temporal_denoise=1.0)
    enhance(before)
    assert np.array_equal(enhance(after), Enhancer(temporal_denoise=1.0)(after))


# ---- settings ----


def test_off_is_what_it_was() -> None:
    image = night()
    enhance = Enhancer(denoise=1.0)
    without = enhance(image)
    enhance.set_denoise(0.0)
    assert np.array_equal(enhance(image), Enhancer()(image))
    enhance.set_denoise(1.0)
    assert np.array_equal(enhance(image), without)
    assert not np.array_equal(without, Enhancer()(image))


@pytest.mark.parametrize("smoothing", [0.0, 0.01])
def test_temporal_denoising_that_is_turned_on_begins_anew(smoothing: float) -> None:
    enhance, other = Enhancer(temporal_denoise=1.0, smoothing=smoothing), Enhancer(smoothing=smoothing)
    frames = frames_of(light_of(photographs.well_lit("cat")[:100, :100]) / 24, 4)
    enhance(frames[0])
    other(frames[0])
    enhance.set_temporal_denoise(0.0)
    assert np.abs(enhance(frames[1]).astype(int) - other(frames[1])).max() <= 1
    enhance.set_temporal_denoise(1.0)
    other.set_temporal_denoise(1.0)
    assert np.abs(enhance(frames[2]).astype(int) - other(frames[2])).max() <= 1


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_values_out_of_range_are_refused(value: float) -> None:
    for name in ("denoise", "temporal_denoise"):
        with pytest.raises(ValueError, match=f"{name}: .*0 to 1 was wanted"):
            Enhancer(**{name: value})
        with Enhancer() as enhance, pytest.raises(ValueError, match=name):
            getattr(enhance, f"set_{name}")(value)
    with pytest.raises(ValueError, match=r"noise_level: .*0 \(estimated\) to 255 was wanted"):
        Enhancer(noise_level=-1.0)


def test_grey_pictures_have_their_noise_estimated_from_what_there_is() -> None:
    rng = np.random.default_rng(7)
    grey = np.rint(30 + rng.normal(0, 2, (128, 128, 1))).repeat(3, 2)
    assert noise_of(grey).luma[4] == pytest.approx(1.0, rel=0.5)  # of means of 2 x 2
    assert noise_of(grey).colours.max() < 1e-3


def test_constant_pictures_stay_as_they_are() -> None:
    for value in (0, 1, 17, 255):
        image = np.full((70, 90, 3), value, np.uint8)
        assert np.array_equal(Enhancer(denoise=1.0, temporal_denoise=1.0)(image), Enhancer()(image))
