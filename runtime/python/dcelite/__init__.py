"""dcelite: low-light image enhancement with Zero-DCE curves, in real time on phones and edge CPUs.

from dcelite import Enhancer
enhance = Enhancer()
bright = enhance(dark)  # uint8 (H, W, 3 or 4)
"""

from dcelite.enhancer import Enhancer
from dcelite.errors import (
    DceliteError,
    EngineUnavailableError,
    ImageError,
    ImageTooLargeError,
    ModelError,
    OutputError,
    VideoError,
)
from dcelite.pixels import Pixels, Planes
from dcelite.session import ModelInfo, Timings

__version__ = "0.1.0"

__all__ = [
    "DceliteError",
    "EngineUnavailableError",
    "Enhancer",
    "ImageError",
    "ImageTooLargeError",
    "ModelError",
    "ModelInfo",
    "OutputError",
    "Pixels",
    "Planes",
    "Timings",
    "VideoError",
]
