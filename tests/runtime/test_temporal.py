"""Videos: flicker, scene cuts and the interval of the curve map, through the Python interface."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from dcelite import Enhancer, reference

import photographs
from generated import Model
from support import assert_equals_reference

Frames = list[NDArray[np.uint8]]


def flicker(frames: Frames, smoothing: float) -> float:
    """The mean frame-to-frame change of the mean brightness of the enhanced frames, in levels."""
    enhance = Enhancer(smoothing=smoothing)
    return float(np.abs(np.diff([enhance(frame).mean() for frame in frames])).mean())


def noisy(image: NDArray[np.uint8], count: int, sigma: float, rng: np.random.Generator) -> Frames:
    return [np.clip(np.rint(image + rng.normal(0, sigma, image.shape)), 0, 255).astype(np.uint8) for _ in range(count)]


def dark_scene(height: int, width: int) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[0:height, 0:width]
    light = 20 + 15 * np.sin(rows / 17) + 12 * np.cos(columns / 23)
    return np.stack([light, light * 0.8, light * 0.6], axis=2).astype(np.uint8)


@pytest.mark.parametrize("sigma", [2, 5, 10])
def test_flicker_of_a_static_noisy_clip_falls_at_least_fourfold(rng: np.random.Generator, sigma: float) -> None:
    frames = noisy(dark_scene(240, 320), 24, sigma, rng)
    assert flicker(frames, 0.9) * 4 <= flicker(frames, 0.0)


@pytest.mark.parametrize("name", photographs.NAMES)
def test_flicker_of_photographs_falls_at_least_fourfold(rng: np.random.Generator, name: str) -> None:
    frames = noisy(photographs.dark(name)[:300, :400], 16, 5, rng)
    assert flicker(frames, 0.9) * 4 <= flicker(frames, 0.0)


@pytest.mark.parametrize("name", ["435_0_.png", "dicm_29.jpg", "lime_2.bmp", "101_0_.png"])
def test_flicker_of_real_photographs_falls_at_least_fourfold(shared: Path, rng: np.random.Generator, name: str) -> None:
    image = np.asarray(PIL.Image.open(shared / "data" / "photos" / name).convert("RGB"))[:360, :480]
    frames = noisy(image, 16, 5, rng)
    assert flicker(frames, 0.9) * 4 <= flicker(frames, 0.0)


def test_flicker_of_the_light_itself_falls_too(rng: np.random.Generator) -> None:
    scene = dark_scene(120, 160)
    frames = [np.clip(scene * rng.normal(1, 0.03), 0, 255).astype(np.uint8) for _ in range(24)]
    assert flicker(frames, 0.9) * 4 <= flicker(frames, 0.0)


def test_all_formats_hold_their_brightness(rng: np.random.Generator) -> None:
    """Luma of YUV, 16-bit values, and RGB with an alpha channel that changes wildly."""
    scene = dark_scene(120, 160)
    rgb = noisy(scene, 16, 6, rng)
    luma = [frame[..., 0] for frame in rgb]
    chroma = np.full((60, 80), 126, np.uint8)
    alpha = [np.full((120, 160, 1), rng.integers(0, 256), np.uint8) for _ in rgb]

    def change(means: list[float]) -> float:
        return float(np.abs(np.diff(means)).mean())

    for full_range, layout in ((False, "i420"), (True, "i420"), (False, "i010"), (True, "i010")):
        factor, kind = (4, np.uint16) if layout == "i010" else (1, np.uint8)
        planes = [[factor * plane.astype(kind) for plane in (y, chroma, chroma)] for y in luma]
        yuv = [
            change([enhance.yuv420(p, full_range=full_range, layout=layout)[0].mean() for p in planes])
            for enhance in (Enhancer(), Enhancer(smoothing=0.9))
        ]
        assert yuv[1] * 4 <= yuv[0]
    wide = [
        change([enhance(frame.astype(np.uint16) * 257).mean() for frame in rgb])
        for enhance in (Enhancer(), Enhancer(smoothing=0.9))
    ]
    assert wide[1] * 4 <= wide[0]
    opaque, transparent = Enhancer(smoothing=0.9), Enhancer(smoothing=0.9)
    for frame, layer in zip(rgb, alpha, strict=True):
        with_alpha = transparent(np.concatenate([frame, layer], axis=2))
        # The map is interleaved with or without alpha: by other instructions, which may round otherwise.
        assert np.abs(with_alpha[..., :3].astype(int) - opaque(frame)).max() <= 1
        np.testing.assert_array_equal(with_alpha[..., 3:], layer)
    opaque.reset()
    transparent.reset()
    for frame, layer in zip(rgb, alpha, strict=True):
        pixels = np.concatenate([frame, layer], axis=2).astype(np.uint16) * 257
        wanted = np.concatenate([opaque(pixels[..., :3].copy()), pixels[..., 3:]], axis=2)
        np.testing.assert_array_equal(transparent(pixels), wanted)


def test_a_slow_change_of_light_is_followed(rng: np.random.Generator) -> None:
    scene = dark_scene(120, 160).astype(float)
    enhance = Enhancer(smoothing=0.8)
    for step in range(60):
        frame = np.clip(scene * (1 + step / 40), 0, 255).astype(np.uint8)
        result = enhance(frame)
    wanted = Enhancer()(frame)
    assert abs(result.mean() - wanted.mean()) < 0.05 * wanted.mean()


@pytest.mark.parametrize("options", [{"smoothing": 0.9}, {"map_interval": 5}, {"smoothing": 0.7, "map_interval": 3}])
@pytest.mark.parametrize("real", [False, True])
def test_cuts_between_photographs_leave_no_ghost(
    request: pytest.FixtureRequest, model: Model, options: dict[str, float], real: bool
) -> None:
    if real:
        folder = request.getfixturevalue("shared") / "data" / "photos"
        names = ["435_0_.png", "dicm_29.jpg", "lime_2.bmp", "101_0_.png", "lime_4.bmp", "142_0_.png", "dicm_64.jpg"]
        pictures = [PIL.Image.open(folder / name).convert("RGB") for name in names]
    else:
        pictures = [PIL.Image.fromarray(photographs.dark(name)) for name in photographs.NAMES]
    video = Enhancer(model.path, **options)  # type: ignore[arg-type]
    for photograph in (np.asarray(picture.resize((320, 240))) for picture in pictures):
        for n in range(4):
            result = video(photograph)
            if n == 0:
                np.testing.assert_array_equal(result, Enhancer(model.path)(photograph))


@pytest.mark.parametrize("real", [False, True])
def test_consecutive_frames_are_one_scene(request: pytest.FixtureRequest, model: Model, real: bool) -> None:
    """The map of the first frame serves the others: there is no cut between them."""
    if real:
        folder = request.getfixturevalue("shared") / "data" / "photos"
        frames = [np.asarray(PIL.Image.open(folder / f"435_{i}_.png").convert("RGB"))[::3, ::3] for i in range(4)]
    else:  # a camera that pans
        frames = [np.ascontiguousarray(photographs.dark("coffee")[:, 4 * i : 4 * i + 500]) for i in range(4)]
    video, alone = Enhancer(model.path, map_interval=100), Enhancer(model.path)
    results = [video(frame) for frame in frames]
    np.testing.assert_array_equal(results[0], alone(frames[0]))
    assert all((result != alone(frame)).any() for result, frame in zip(results[1:], frames[1:], strict=True))


def test_reset(model: Model) -> None:
    scene = dark_scene(60, 80)
    enhance = Enhancer(model.path, smoothing=0.9)
    enhance(scene)
    brighter = (scene * 1.2).astype(np.uint8)
    alone = Enhancer(model.path)(brighter)
    assert (enhance(brighter) != alone).any()
    enhance.reset()
    np.testing.assert_array_equal(enhance(brighter), alone)


def test_every_second_frame_has_the_map_of_its_own_picture(model: Model) -> None:
    """Without smoothing: frames 0 and 2 are as if they were alone, frame 1 has the map of frame 0."""
    scene = dark_scene(60, 80)
    frames = [scene, (scene * 1.1).astype(np.uint8), (scene * 1.2).astype(np.uint8)]
    video, alone = Enhancer(model.path, map_interval=2), Enhancer(model.path)
    results = [video(frame) for frame in frames]
    for n in (0, 2):
        np.testing.assert_array_equal(results[n], alone(frames[n]))
    assert_equals_reference(results[1], reference.finish(frames[1], alone.curve_map(frames[0])))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smoothing": 1.0}, r"smoothing: 1, 0 \(off\) to less than 1 was wanted"),
        ({"smoothing": -0.5}, "smoothing: -0.5"),
        ({"map_interval": 0}, r"map_interval: 0, 1 \(every frame\) or more was wanted"),
    ],
)
def test_refused_options(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Enhancer(**options)  # type: ignore[arg-type]
