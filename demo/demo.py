"""From a trained checkpoint to an enhanced photograph: export to every format, enhance with each, and show the result.

    make demo                 a photograph that scikit-image carries, darkened
    make demo IMAGE=night.jpg your own

Writes into the output folder: dark.png (the input), enhanced.png, comparison.png (both side by side) and models/.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dcelite import Enhancer
from dcelite.errors import DceliteError
from dcelite.export.export import ExportOptions, export
from dcelite.files import prepare_output_directory, refuse_existing
from dcelite.images import Photograph, read_photograph, write_photograph

CHECKPOINT = Path(__file__).resolve().parent.parent / "models" / "zerodcepp.ckpt"

PICTURES = ("dark", "enhanced", "comparison")

EXPOSURE = 0.06
"""Share of the light that reaches the sensor, compared with the original photograph: four stops less."""
FULL_WELL = 5000.0
"""Electrons that a pixel counts at white: that of a small sensor at a high gain."""
READ_NOISE = 3.0
"""Standard deviation of the sensor's electronics, in electrons."""
GAMMA = 2.2
"""Exponent between light and pixel value, close to that of sRGB."""


def darken(image: NDArray[np.uint8], seed: int = 0) -> NDArray[np.uint8]:
    """A photograph (H, W, 3) as a small sensor would take it at ``EXPOSURE`` of the light.

    The Poisson-Gaussian model of sensors (Foi et al., IEEE TIP 2008): light = value^2.2, electrons = Poisson(light ·
    exposure · full well) + Normal(0, read noise), and back to 8 bits.
    """
    rng = np.random.default_rng(seed)
    light = (image / 255.0) ** GAMMA * EXPOSURE
    electrons = rng.poisson(light * FULL_WELL) + rng.normal(0.0, READ_NOISE, image.shape)
    return np.round(255.0 * np.clip(electrons / FULL_WELL, 0.0, 1.0) ** (1 / GAMMA)).astype(np.uint8)


def default_photograph() -> Photograph:
    """A cup of coffee on a table, by Rachel Michetti (public domain), as scikit-image ships it; darkened."""
    import skimage.data

    return Photograph(darken(skimage.data.coffee()), grey=False, exif=b"", icc_profile=None, notes=[])


def run(image: Path | None, output: Path, *, overwrite: bool) -> None:
    for name in PICTURES:
        refuse_existing(output / f"{name}.png", overwrite)
    photograph = default_photograph() if image is None else read_photograph(image)
    prepare_output_directory(output)
    models = output / "models"
    files = export(ExportOptions(CHECKPOINT, models, overwrite=overwrite))

    dark = photograph.pixels
    with Enhancer() as enhance:
        enhanced = enhance(dark)
    print(f"\nMean brightness {dark.mean():.1f} -> {enhanced.mean():.1f}; the same photograph through each model:")
    for path in sorted(file for file in files if file.suffix in (".dce", ".onnx", ".ms")):
        with Enhancer(path) as enhance:
            difference = np.abs(enhance(dark).astype(np.int16) - enhanced)
        equal = np.mean(difference == 0)
        print(f"  {path.name:<18} {equal:8.3%} of the values equal, largest difference {difference.max()}")

    for name, pixels in zip(PICTURES, (dark, enhanced, np.hstack([dark, enhanced])), strict=True):
        write_photograph(output / f"{name}.png", pixels, photograph, overwrite=overwrite)
    print(
        f"\nThe enhanced photograph is {output / 'enhanced.png'}, beside its input in comparison.png; models: {models}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="export the shipped weights, then enhance a photograph")
    parser.add_argument("--image", type=Path, help="a photograph of your own")
    parser.add_argument("--output", type=Path, required=True, help="folder for everything")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    options = parser.parse_args()
    try:
        run(options.image, options.output, overwrite=options.overwrite)
    except DceliteError as error:
        print(f"demo: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
