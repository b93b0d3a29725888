"""The picture of the documentation on --strength: one dark photograph at four strengths, side by side.

python demo/strength.py docs/strength.jpg --overwrite
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from dcelite import Enhancer
from dcelite.cli import exit_code
from dcelite.denoising import AMOUNT
from dcelite.files import atomic_output
from demo import default_photograph

STRENGTHS = (0.0, 0.5, 0.8, 1.0)
SIZE = (360, 240)
"""Width and height of each picture."""
CAPTION = 28
"""Height of the line below it, in pixels."""


def draw(output: Path, overwrite: bool) -> None:
    dark = default_photograph().pixels
    sheet = PIL.Image.new("RGB", (SIZE[0] * len(STRENGTHS), SIZE[1] + CAPTION), "white")
    draw = PIL.ImageDraw.Draw(sheet)
    font = PIL.ImageFont.load_default(18)
    for i, strength in enumerate(STRENGTHS):
        with Enhancer(strength=strength, denoise=AMOUNT) as enhance:
            result = PIL.Image.fromarray(enhance(dark)).resize(SIZE, PIL.Image.Resampling.LANCZOS)
        sheet.paste(result, (i * SIZE[0], 0))
        center = (i * SIZE[0] + SIZE[0] // 2, SIZE[1] + CAPTION // 2)
        draw.text(center, f"strength {strength:g}", fill="black", font=font, anchor="mm")
    with atomic_output(output, overwrite=overwrite) as temporary:
        sheet.save(temporary, "JPEG", quality=88)


def main() -> int:
    parser = argparse.ArgumentParser(description="write the picture of the documentation on --strength")
    parser.add_argument("output", type=Path, help="a .jpg file")
    parser.add_argument("--overwrite", action="store_true", help="replace it if it exists")
    options = parser.parse_args()
    return exit_code("strength", lambda: draw(options.output, options.overwrite))


if __name__ == "__main__":
    sys.exit(main())
