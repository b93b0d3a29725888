"""``python -m dcelite.bench.clips FOLDER``: dark 1080p clips, so that ``make bench`` can say where a video spends time.

``pan.mp4`` moves over a photograph, as a hand-held camera does; ``still.mp4`` stands, with the noise of a sensor. Both
are H.264 at the quality of ``dcelite video``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import av
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dcelite.bench.dark_pictures import light_of, picture_of
from dcelite.errors import DceliteError
from dcelite.files import atomic_output, refuse_existing

WIDTH, HEIGHT, RATE, FRAMES = 1920, 1080, 30, 60
PHOTOGRAPH = "rocket"
"""One of those that scikit-image carries."""
EXPOSURE = 1 / 12
"""Share of the light."""
CRF = 18


def write_clip(path: Path, picture: NDArray[np.uint8], speed: int, noise: int, *, overwrite: bool = False) -> None:
    """The picture, moving ``speed`` pixels a frame to the left, with grey noise of up to ``noise`` levels."""
    rng = np.random.default_rng(0)
    with (
        atomic_output(path, overwrite=overwrite) as scratch,
        av.open(str(scratch), "w", format="mp4") as container,
    ):
        stream = container.add_stream("libx264", rate=RATE, options={"crf": str(CRF)})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(FRAMES):
            grains = rng.integers(-noise, noise, (HEIGHT, WIDTH, 1), np.int16, endpoint=True)
            pixels = np.clip(np.roll(picture, -speed * number, 1) + grains, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m dcelite.bench.clips", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--overwrite", action="store_true", help="replace clips that exist")
    args = parser.parse_args(arguments)
    pan, still = args.folder / "pan.mp4", args.folder / "still.mp4"
    dark = picture_of(light_of(PHOTOGRAPH) * EXPOSURE)
    picture = np.asarray(dark.resize((WIDTH, HEIGHT), PIL.Image.Resampling.BICUBIC))
    try:
        for path in (pan, still):
            refuse_existing(path, args.overwrite)
        args.folder.mkdir(parents=True, exist_ok=True)
        write_clip(pan, picture, speed=8, noise=2, overwrite=args.overwrite)
        write_clip(still, picture, speed=0, noise=6, overwrite=args.overwrite)
    except (DceliteError, OSError) as error:
        print(f"clips: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
