"""Training images: what is read, what is refused by name, and the order of batches."""

from __future__ import annotations

from pathlib import Path

import image_files
import numpy as np
import pytest
from PIL import Image

from dcelite.errors import DceliteError, ImageError
from dcelite.machine import Machine
from dcelite.training.dataset import DARKEST, Mixture, Source, TrainingImages, load_image, load_images, read_names


def write(path: Path, color: tuple[int, int, int] = (10, 20, 30), size: tuple[int, int] = (40, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)
    return path


@pytest.fixture
def numbered() -> TrainingImages:
    """Eleven images whose first pixel holds their number, and whose last column is marked."""
    pixels = np.zeros((11, 3, 16, 16), np.uint8)
    pixels[:, :, :, :] = np.arange(11, dtype=np.uint8)[:, None, None, None]
    pixels[:, :, :, -1] += 100
    return TrainingImages(pixels, [])


def numbers(batch: np.ndarray) -> list[int]:
    return [round(255 * float(image.min())) for image in batch]


def test_images_of_nested_folders_in_the_order_of_names(tmp_path: Path) -> None:
    write(tmp_path / "b.png", (50, 60, 70))
    write(tmp_path / "a" / "z.jpg", (90, 90, 90))
    images = load_images(tmp_path, size=16, batch_size=2)
    assert images.pixels.shape == (2, 3, 16, 16)
    assert images.pixels.dtype == np.uint8
    assert images.skipped == []
    assert abs(int(images.pixels[0, 0, 0, 0]) - 90) <= 1
    assert images.pixels[1, :, 5, 5].tolist() == [50, 60, 70]


def test_resizing_averages(tmp_path: Path) -> None:
    checks = np.indices((32, 64)).sum(0) % 2 * 200
    Image.fromarray(checks.astype(np.uint8)).convert("RGB").save(tmp_path / "x.png")
    assert np.all(np.abs(load_image(tmp_path / "x.png", 16).astype(int) - 100) <= 1)


def test_orientation_is_applied(tmp_path: Path) -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:16] = 255  # bright above
    exif = Image.Exif()
    exif[0x0112] = 3  # to be shown upside down
    Image.fromarray(pixels).save(tmp_path / "x.png", exif=exif)
    image = load_image(tmp_path / "x.png", 16)
    assert image[:, :8].max() == 0
    assert image[:, 8:].min() == 255


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "LA"])
def test_other_8_bit_modes_are_converted(tmp_path: Path, mode: str) -> None:
    suffix = "tif" if mode == "CMYK" else "png"
    Image.new("RGB", (20, 20), (200, 200, 200)).convert(mode).save(tmp_path / f"x.{suffix}")
    assert load_image(tmp_path / f"x.{suffix}", 16).shape == (3, 16, 16)


def test_16_bit_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((20, 20), 40_000, np.uint16)).save(tmp_path / "x.png")
    with pytest.raises(ImageError, match=r"x\.png: has 16 bits a channel; 8 were wanted"):
        load_image(tmp_path / "x.png", 16)


def test_bad_files_are_skipped_by_name(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / f"good{number}.png")
    whole = write(tmp_path / "truncated.jpg", size=(64, 64)).read_bytes()
    (tmp_path / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.png").touch()
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden").write_text("of no interest")
    write(tmp_path / "tiny.png", size=(40, 15))
    images = load_images(tmp_path, size=16, batch_size=3)
    assert len(images) == 3
    assert [Path(line.split(": ")[0]).name for line in images.skipped] == [
        "empty.png", "notes.txt", "tiny.png", "truncated.jpg",
    ]  # fmt: skip
    assert "has 40x15 pixels; at least 16x16 was wanted" in images.skipped[2]
    assert all("is not an image" in images.skipped[n] for n in (0, 1))
    assert "the file ends before its picture" in images.skipped[3]
    assert not any("\n" in line for line in images.skipped)


def test_what_the_memory_cannot_hold_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Machine, "available_memory", lambda _: 9 * 500)
    write(tmp_path / "huge.png")
    write(tmp_path / "good.png", size=(20, 20))
    images = load_images(tmp_path, size=16, batch_size=1)
    assert len(images) == 1
    assert "MB of memory" in images.skipped[0]


def test_a_damaged_orientation_costs_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(image_files.jpeg(image_files.exif_segment(image_files.exif(orientation=b"top"))))
    assert load_image(tmp_path / "a.jpg", 16).shape == (3, 16, 16)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "holds 0 usable images in 0 files; at least one batch of 2"),
        (["a.png"], "holds 1 usable images in 1 files"),
    ],
)
def test_fewer_images_than_a_batch(tmp_path: Path, files: list[str], message: str) -> None:
    for name in files:
        write(tmp_path / name)
    with pytest.raises(DceliteError, match=message):
        load_images(tmp_path, size=16, batch_size=2)


def test_missing_folder_and_file_in_place_of_it(tmp_path: Path) -> None:
    with pytest.raises(DceliteError, match="none: does not exist"):
        load_images(tmp_path / "none", 16, 1)
    with pytest.raises(DceliteError, match=r"a\.png: is a file"):
        load_images(write(tmp_path / "a.png"), 16, 1)


def test_an_epoch_shows_every_image_once_in_a_new_order(numbered: TrainingImages) -> None:
    epochs = [
        [n for step in range(5 * e, 5 * e + 5) for n in numbers(numbered.batch(step, 2, seed=1).images)]
        for e in range(3)
    ]
    for epoch in epochs:
        assert len(set(epoch)) == 10  # of 11, one waits for the next epoch
    assert epochs[0] != epochs[1] != epochs[2]


def test_a_batch_depends_on_step_and_seed_alone(numbered: TrainingImages) -> None:
    first = numbered.batch(7, 4, seed=1).images
    numbered.batch(3, 4, seed=2)
    np.testing.assert_array_equal(numbered.batch(7, 4, seed=1).images, first)
    assert not np.array_equal(numbered.batch(7, 4, seed=2).images, first)
    assert not np.array_equal(numbered.batch(8, 4, seed=1).images, first)
    assert first.dtype == np.float32
    assert first.shape == (4, 3, 16, 16)


def test_about_half_of_the_images_are_mirrored(numbered: TrainingImages) -> None:
    batches = np.concatenate([numbered.batch(step, 8, seed=5).images for step in range(50)])
    mirrored = batches[:, 0, 0, 0] > batches[:, 0, 0, -1]
    assert 150 < mirrored.sum() < 250
    assert numbered.pixels[3, 0, 0, -1] == 103  # the images themselves stay as they are


def test_fingerprint_tells_data_apart(numbered: TrainingImages) -> None:
    other = TrainingImages(numbered.pixels.copy(), [])
    assert other.fingerprint == numbered.fingerprint
    other.pixels[4, 1, 3, 3] ^= 1
    assert other.fingerprint != numbered.fingerprint


def test_darkening_multiplies_some_images_by_a_factor_and_rounds(numbered: TrainingImages) -> None:
    pixels = np.full((8, 3, 16, 16), 200, np.uint8)
    images = TrainingImages(pixels, [])
    batches = [images.batch(step, 8, 1, darkening=0.5) for step in range(200)]
    levels = np.concatenate([batch.images for batch in batches])[:, 0, 0, 0] * 255
    np.testing.assert_allclose([batch.originals for batch in batches], 200 / 255, rtol=1e-6)
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)
    darkened = levels[levels < 199.5]
    assert 0.45 < len(darkened) / len(levels) < 0.55
    assert darkened.min() >= np.floor(200 * DARKEST)
    assert darkened.min() < 1.2 * 200 * DARKEST
    # Equally likely on a logarithmic scale: the median factor is the root of the smallest.
    assert np.median(darkened) == pytest.approx(200 * DARKEST**0.5, rel=0.1)
    assert np.all(pixels == 200)


def test_without_darkening_images_stay_as_they_are(numbered: TrainingImages) -> None:
    plain, originals, exposed = numbered.batch(3, 4, seed=1, darkening=0.0)
    assert exposed.shape == (4, 1, 1, 1)
    assert exposed.dtype == np.float32
    assert not exposed.any()  # nobody knows
    np.testing.assert_array_equal(plain, originals)
    np.testing.assert_array_equal(plain, numbered.batch(3, 4, seed=1).images)
    darkened, originals, _ = numbered.batch(3, 4, seed=1, darkening=1.0)
    np.testing.assert_array_equal(originals, plain)
    assert np.all(darkened <= plain + 1e-6)  # the same images, mirrored alike
    assert np.all(darkened.mean((1, 2, 3)) < plain.mean((1, 2, 3)))


def test_excluded_files_are_left_out(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "inner/a.png"):
        write(tmp_path / "data" / name)
    (tmp_path / "names.txt").write_text("a.png\n\n inner/a.png \n")
    names = read_names(tmp_path / "names.txt")
    assert names == {"a.png", "inner/a.png"}
    assert load_images(tmp_path / "data", 16, 1, names).files == [tmp_path / "data" / "b.png"]
    with pytest.raises(DceliteError, match=r"data: holds no c\.png, which was to be excluded"):
        load_images(tmp_path / "data", 16, 1, frozenset({"a.png", "c.png"}))


@pytest.mark.parametrize("content", [None, b"", b"\n \n", b"\xff\xfe\x00"])
def test_bad_lists_of_names(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "names.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DceliteError, match=r"names\.txt: (is empty|cannot be read as a list of file names)"):
        read_names(path)


class TestMixture:
    """Sources of one brightness each, the first of which has nine pictures and the second two."""

    @pytest.fixture
    def sources(self) -> list[Source]:
        levels = ((10, 9), (200, 2))
        return [TrainingImages(np.full((count, 3, 16, 16), level, np.uint8), [f"{level}"]) for level, count in levels]

    @pytest.mark.parametrize(("batch_size", "first"), [(1, 1), (2, 1), (3, 2), (4, 2)])
    def test_every_batch_has_pictures_of_all(self, sources: list[Source], batch_size: int, first: int) -> None:
        batch = Mixture(sources).batch(5, batch_size, seed=1, darkening=0.0)
        levels = [round(255 * float(image.mean())) for image in batch.images]
        assert levels == [10] * first + [200] * (batch_size - first)
        assert [array.shape for array in batch] == [(batch_size, 3, 16, 16)] * 2 + [(batch_size, 1, 1, 1)]
        assert {array.dtype for array in batch} == {np.dtype(np.float32)}

    def test_it_has_what_its_sources_have(self, sources: list[Source], tmp_path: Path) -> None:
        mixture = Mixture(sources)
        assert len(mixture) == 11
        assert mixture.skipped == ["10", "200"]
        assert mixture.fingerprint != Mixture(sources[::-1]).fingerprint != Mixture(sources[:1]).fingerprint
        assert mixture.fingerprint == Mixture(list(sources)).fingerprint
        folders = []
        for level in (10, 200):
            folder = tmp_path / str(level)
            write(folder / "x.png", (level, level, level))
            folders.append(load_images(folder, 16, 1))
        samples = Mixture([*folders]).samples()
        assert [int(sample[0, 0, 0]) for sample in samples] == [10] * 5 + [200] * 5
