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

from dcelite import Enhancer
from dcelite.cli import exit_code
from dcelite.darkroom import SMALL_SENSOR, darken
from dcelite.denoising import AMOUNT
from dcelite.export.export import ExportOptions, export
from dcelite.extras import absent
from dcelite.files import prepare_output_directory, refuse_existing
from dcelite.images import Photograph, eight_bits, read_photograph, write_photograph

CHECKPOINT = Path(__file__).resolve().parent.parent / "models" / "zerodcepp_scene.ckpt"

PICTURES = ("dark", "enhanced", "comparison")

EXPOSURE = 0.06
"""Share of the light that reaches the sensor, compared with the original photograph: four stops less."""


def default_photograph() -> Photograph:
    """A cup of coffee on a table, by Rachel Michetti (public domain), as scikit-image ships it; darkened."""
    import skimage.data

    dark = darken(skimage.data.coffee(), EXPOSURE, SMALL_SENSOR, np.random.default_rng(0))
    return Photograph(dark)


def run(image: Path | None, output: Path, *, overwrite: bool) -> None:
    for name in PICTURES:
        refuse_existing(output / f"{name}.png", overwrite)
    photograph = default_photograph() if image is None else read_photograph(image)
    prepare_output_directory(output)
    models = output / "models"
    files: list[Path] = []
    if advice := absent("export", "mindspore"):
        print(f"The export is left out: {advice}")
    else:
        files = export(ExportOptions(CHECKPOINT, models, overwrite=overwrite))

    dark = eight_bits(photograph.pixels)
    with Enhancer() as enhance:
        plain = enhance(dark)
        enhance.set_denoise(AMOUNT)
        enhanced = enhance(dark)
    print(f"\nMean brightness {dark.mean():.1f} -> {enhanced.mean():.1f}")
    for path in sorted(file for file in files if file.suffix in (".dce", ".onnx", ".ms")):
        with Enhancer(path) as enhance:
            difference = np.abs(enhance(dark).astype(np.int16) - plain)
        equal = np.mean(difference == 0)
        print(f"Through {path.name:<18} {equal:8.3%} of the values equal, largest difference {difference.max()}")

    for name, pixels in zip(PICTURES, (dark, enhanced, np.hstack([dark, enhanced])), strict=True):
        write_photograph(output / f"{name}.png", pixels, photograph, overwrite=overwrite)
    where = f"; models: {models}" if files else ""
    print(f"\nThe enhanced photograph is {output / 'enhanced.png'}, beside its input in comparison.png{where}")


def main() -> int:
    parser = argparse.ArgumentParser(description="export the shipped weights, then enhance a photograph")
    parser.add_argument("--image", type=Path, help="a photograph of your own")
    parser.add_argument("--output", type=Path, required=True, help="folder for everything")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    options = parser.parse_args()
    return exit_code("demo", lambda: run(options.image, options.output, overwrite=options.overwrite))


if __name__ == "__main__":
    sys.exit(main())
