"""Training images from panoramas of radiance: what a camera sees in them, at any exposure, with the truth known.

    python -m dcelite.training.panoramas DIR

fetches the panoramas that the shipped weights are trained on: 18 of Poly Haven in the npm package ``@pmndrs/assets``,
all in the public domain (CC0). It needs npm.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dcelite.cli import exit_code
from dcelite.errors import DceliteError, EngineUnavailableError, ImageError
from dcelite.files import publish, scratch_folder
from dcelite.metrics import Rgb
from dcelite.progress import track
from dcelite.training import camera
from dcelite.training.dataset import SAMPLE_SIDE, Batch

PACKAGE = "@pmndrs/assets@1.7.0"
PACKAGE_SHA256 = "152bd218a3390703f184f0c6ce16e73c8f0a87f32d38530d418a09d33d8208dc"
MEMBER = re.compile(r"package/hdri/([a-z]+[.]exr)[.]js")
"""Of the package: a module with a file in base64."""

TINY = float(np.finfo(np.float32).tiny)
SUFFIXES = (".exr", ".hdr")
SAMPLES = 5
VIEWS = 4096
"""Drawn from the panoramas before training, each used with many exposures."""

FIELD = (45.0, 100.0)
"""Degrees: lenses of 43 to 15 mm of a full frame."""
ASPECT = (0.6, 1.6)
PITCH = (-35.0, 30.0)
"""Degrees."""
COLOUR_TEMPERATURE = 0.1
"""Standard deviation of the logarithm of the gain of each colour: light of another colour than the camera believes."""
WELL_EXPOSED = (0.21, 0.65)
"""Mean of a well-exposed picture: 54 to 166 levels, as photographers choose it."""
DARKEST_STOPS = 8.0
"""A darkened picture gets down to 2^-8 of the light."""
CONTRAST = 0.8
"""Largest, of the tone curve."""
FULL_WELL = (1000.0, 40000.0)
"""Electrons at white, from a phone at its highest gain to a large sensor at its lowest: their logarithm is uniform."""
READ_NOISE = (2.0, 10.0)
"""Electrons."""
BARS = 0.08
"""Share of the pictures with black or white bars at two sides, as letterboxed films and screenshots have them."""
WIDEST_BAR = 0.18
"""Of the side."""


def read_panorama(path: Path) -> camera.Float32:
    """An OpenEXR or Radiance file -> radiance (H, W, 3), no value below 0; raises ImageError."""
    import OpenImageIO  # only training from panoramas needs it

    file = OpenImageIO.ImageInput.open(str(path))
    if file is None:
        raise ImageError(f"{path}: is not a readable panorama: {' '.join(OpenImageIO.geterror().split())}")
    try:
        pixels = file.read_image(0, 0, 0, min(file.spec().nchannels, 3), "float")
    finally:
        file.close()
    if pixels is None:
        raise ImageError(f"{path}: is not a readable panorama: {' '.join(file.geterror().split())}")
    height, width, channels = pixels.shape
    if channels != 3 or width != 2 * height:
        raise ImageError(
            f"{path}: has {width}x{height} pixels of {channels} channels; twice as wide as high and 3 were wanted"
        )
    if not np.isfinite(pixels).all() or not pixels.max() > 0:
        raise ImageError(f"{path}: holds values that are not finite, or none above 0")
    # Next to the sun, compression leaves colours below 0 where all are far above 1: white light is put there.
    return np.where((pixels < 0).any(2, keepdims=True), np.maximum(pixels.max(2, keepdims=True), 0), pixels)


@dataclass(frozen=True)
class PanoramaViews:
    """Views of the panoramas of a folder, from which every batch is exposed anew."""

    radiance: NDArray[np.float32]
    """(views, 3, size, size), each with a mean of 1."""
    skipped: list[str]
    """One line "PATH: reason" for every file that is not among them."""
    large: NDArray[np.float32]
    """Some views (samples, 3, SAMPLE_SIDE, SAMPLE_SIDE)."""

    def __len__(self) -> int:
        return len(self.radiance)

    @property
    def fingerprint(self) -> int:
        """CRC-32 of all pixels: tells whether a resumed run sees the data it began with."""
        return zlib.crc32(self.radiance.data)

    def batch(self, step: int, batch_size: int, seed: int, darkening: float) -> Batch:
        """The pictures of a step (counted from 0): it depends on nothing but the arguments.

        ``originals`` are well exposed; a share ``darkening`` of the ``images`` is the same with less light, more noise.
        """
        random = np.random.default_rng([seed, step])

        def uniform(low: float, high: float) -> camera.Float32:
            return random.uniform(low, high, (batch_size, 1, 1, 1)).astype(np.float32)

        light = self.radiance[random.integers(len(self), size=batch_size)]
        mirrored = random.random(batch_size) < 0.5
        light[mirrored] = light[mirrored, :, :, ::-1]
        light *= np.exp(random.normal(0, COLOUR_TEMPERATURE, (batch_size, 3, 1, 1))).astype(np.float32)
        contrast, mean = uniform(0, CONTRAST), uniform(*WELL_EXPOSED)
        light *= camera.exposure_for(light, mean, contrast)
        darkened = random.random((batch_size, 1, 1, 1)) < darkening
        exposure = np.where(darkened, np.exp2(-uniform(0, DARKEST_STOPS)), np.float32(1))
        full_well = np.exp(uniform(*np.log(FULL_WELL)))
        counted = camera.count(light * exposure, full_well, uniform(*READ_NOISE), random)
        originals = camera.in_8_bits(camera.develop(light, contrast))
        images = camera.in_8_bits(camera.develop(counted, contrast))
        images = np.where(darkened, images, originals)
        for number in np.flatnonzero(random.random(batch_size) < BARS):
            size, color, lying = (
                round(WIDEST_BAR * random.random() * light.shape[2]),
                random.random() < 0.5,
                random.random() < 0.5,
            )
            for picture in (images[number], originals[number]):
                bars = picture if lying else picture.swapaxes(1, 2)
                bars[:, :size] = bars[:, light.shape[2] - size :] = color
        return Batch(images, originals, np.ones_like(mean))

    def samples(self) -> list[Rgb]:
        """Views, each with less light than the one before, and with noise."""
        size = (len(self.large), 1, 1, 1)
        contrast, mean = np.full(size, CONTRAST / 2, np.float32), np.full(size, np.mean(WELL_EXPOSED), np.float32)
        stops = np.linspace(0, DARKEST_STOPS, len(self.large), dtype=np.float32).reshape(size)
        light = self.large * camera.exposure_for(self.large, mean, contrast) * np.exp2(-stops)
        full_well, read_noise = (np.full(size, np.mean(ends), np.float32) for ends in (FULL_WELL, READ_NOISE))
        counted = camera.count(light, full_well, read_noise, np.random.default_rng(0))
        pictures = camera.in_8_bits(camera.develop(counted, contrast)).transpose(0, 2, 3, 1)
        return list(np.round(255 * pictures).astype(np.uint8))


def load_views(folder: Path, size: int, seed: int) -> PanoramaViews:
    """Read the panoramas below a folder and look around in each of them; raises DceliteError where there is none."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    panoramas, skipped = [], []
    for path in paths:
        try:
            panoramas.append(read_panorama(path))
        except ImageError as error:
            skipped.append(str(error))
    if not panoramas:
        example = f", for example {skipped[0]}" if skipped else ""
        raise DceliteError(f"{folder}: holds no panorama; files of {' or '.join(SUFFIXES)} were wanted{example}")
    random = np.random.default_rng([seed])

    def look(number: int, side: int) -> camera.Float32:
        view = camera.View(
            field=np.radians(random.uniform(*FIELD)),
            aspect=np.exp(random.uniform(*np.log(ASPECT))),
            yaw=random.uniform(0, 2 * np.pi),
            pitch=np.radians(random.uniform(*PITCH)),
        )
        seen = camera.look(panoramas[number % len(panoramas)], view, side)
        return np.asarray(seen / max(float(seen.mean()), TINY), np.float32)

    radiance = np.stack([look(number, size) for number in track(range(VIEWS), VIEWS, "looking around")])
    return PanoramaViews(radiance, skipped, np.stack([look(number, SAMPLE_SIDE) for number in range(SAMPLES)]))


def fetch(output: Path, *, overwrite: bool = False) -> list[Path]:
    """Fetch the package and write its panoramas to a folder; returns their paths. Raises DceliteError."""
    npm = shutil.which("npm")
    if npm is None:
        raise EngineUnavailableError("npm: is not installed; on Debian or Ubuntu: apt-get install npm")
    with scratch_folder(output) as scratch:
        made = scratch / "made"
        made.mkdir()
        result = subprocess.run(
            [npm, "pack", "--silent", PACKAGE], cwd=scratch, capture_output=True, text=True, check=False
        )
        if result.returncode != 0:
            raise DceliteError(f"npm pack {PACKAGE}: failed: {' '.join(result.stderr.split()) or 'it gave no reason'}")
        names = result.stdout.split()
        if not names or not (scratch / names[-1]).is_file():
            raise DceliteError(f"npm pack {PACKAGE}: made no package")
        package = scratch / names[-1]
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        if digest != PACKAGE_SHA256:
            raise DceliteError(f"{PACKAGE}: has the SHA-256 {digest}; {PACKAGE_SHA256} was wanted")
        with tarfile.open(package) as archive:
            for member in archive:
                if (name := MEMBER.fullmatch(member.name)) and (file := archive.extractfile(member)):
                    (encoded,) = re.findall(rb"base64,([A-Za-z0-9+/=]+)", file.read())
                    (made / name[1]).write_bytes(base64.b64decode(encoded))
        return publish(made, output, overwrite=overwrite)


def main() -> int:
    parser = argparse.ArgumentParser(description=f"fetch the panoramas of {PACKAGE} (CC0)")
    parser.add_argument("output", type=Path, metavar="DIR", help="folder for them")
    parser.add_argument("--overwrite", action="store_true", help="replace panoramas of the same names")
    options = parser.parse_args()

    def run() -> None:
        paths = fetch(options.output, overwrite=options.overwrite)
        print(f"{len(paths)} panoramas in {options.output}")

    return exit_code("panoramas", run)


if __name__ == "__main__":
    sys.exit(main())
