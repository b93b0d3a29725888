"""The settings of a training run, without MindSpore: ``dcelite train`` takes its options and defaults from here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dcelite.errors import DceliteError
from dcelite.model.architecture import ARCHITECTURES, architecture_of
from dcelite.reference import ITERATIONS

TERMS = ("spatial", "exposure", "colour", "smoothness", "reconstruction")
"""Of the loss."""


def _setting(default: Any, text: str, *, note: str = "", **option: Any) -> Any:
    """A field that is an option of ``dcelite train``: what --help says of it and its default; arguments of argparse."""
    shown = f"{default:g}" if isinstance(default, float) else default
    return field(default=default, metadata={"help": f"{text} (default {shown}{note})", **option})


@dataclass(frozen=True)
class LossConfig:
    """Weights and targets.

    The published values: 1, 10, 5, 1600 (200 for zerodce), 0 (no reconstruction), 0.6, 16, 4, 0 (no well_lit).
    """

    spatial_weight: float = _setting(1.0, "weight of the spatial consistency loss")
    exposure_weight: float = _setting(10.0, "weight of the exposure control loss")
    colour_weight: float = _setting(2.0, "weight of the colour constancy loss", note="; zerodce: 5")
    smoothness_weight: float = _setting(1000.0, "weight of the illumination smoothness loss", note="; zerodce: 200")
    """A single map that is applied eight times needs the larger one; 1600 in the published code."""
    reconstruction_weight: float = _setting(
        30.0, "weight of the distance of darkened pictures from what they were", note="; zerodce: 0"
    )
    """And of the others from themselves."""
    exposure_target: float = _setting(
        0.45, "grey level that dark pictures are drawn to, 0 to 1", note="; zerodce: 0.61"
    )
    """E, for the patches of dark images."""
    exposure_patch: int = _setting(8, "side of the patches of the exposure loss in pixels")
    """Of the training image; the larger, the more of the local contrast is left."""
    spatial_region: int = _setting(4, "side of the regions of the spatial loss in pixels")
    """Of the training image."""
    well_lit: float = _setting(
        0.43,
        "mean from which on pictures, as they were before darkening, are their own exposure target, 0 to 1",
        note="; 0: never, as in the paper",
    )
    """110 of 255 levels; see ``exposure_targets`` in ``losses.py``."""
    well_lit_weight: float = _setting(2.0, "times that the exposure of well-lit pictures counts")
    """As against that of dark or darkened ones."""

    def check(self, image_size: int) -> None:
        """Raise DceliteError where images of this size (pixels) hold no patch or fewer than 2 regions in a row."""
        wanted = max(self.exposure_patch, 2 * self.spatial_region)
        if image_size < wanted:
            raise DceliteError(f"image size {image_size}: the losses look at patches; at least {wanted} was wanted")
        for name in ("exposure_target", "well_lit"):
            if not 0 <= getattr(self, name) <= 1:
                raise DceliteError(f"{name} {getattr(self, name)}: 0 to 1 was wanted")
        for term in (*TERMS, "well_lit"):
            if not 0 <= getattr(self, f"{term}_weight") < float("inf"):
                raise DceliteError(f"{term}_weight {getattr(self, f'{term}_weight')}: 0 or above was wanted")


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of a run, all that its result depends on besides the data and the number of steps."""

    architecture: str = _setting(
        "zerodcepp_scene", "network", flag="--arch", choices=tuple(ARCHITECTURES), metavar=None
    )
    iterations: int = ITERATIONS
    """Applications of the curve; other numbers are for experiments, the engines of dcelite run 8."""
    scale: int = _setting(1, "downsampling of the training images before the network")
    """Undone on its map. 1: the images are as small already as the network sees them at run time."""
    image_size: int = _setting(48, "side of the training images", metavar="PIXELS")
    """About what a photograph of 600x600 becomes at scale 12."""
    batch_size: int = _setting(8, "images in a step", metavar="N")
    learning_rate: float = _setting(2e-3, "of Adam", metavar="RATE")
    darkening: float = _setting(
        0.8,
        "probability of a picture to be darkened at random, 0 to 1",
        note="; 0: never, as in the paper",
        metavar="P",
    )
    """See TrainingImages.batch."""
    seed: int = _setting(1, "of the initial weights and of the order of the data")
    losses: LossConfig = field(default_factory=LossConfig)

    def check(self) -> None:
        """Raise DceliteError for settings that cannot be trained with."""
        if self.iterations != ITERATIONS and not architecture_of(self.architecture).separable:
            raise DceliteError(f"iterations {self.iterations}: {self.architecture} has a map for each of {ITERATIONS}")
        self.losses.check(self.image_size)
        for name, smallest in (("iterations", 1), ("scale", 1), ("batch_size", 1), ("seed", 0)):
            if getattr(self, name) < smallest:
                raise DceliteError(f"{name} {getattr(self, name)}: at least {smallest} was wanted")
        if not 0 <= self.darkening <= 1:
            raise DceliteError(f"darkening {self.darkening}: a probability, 0 to 1, was wanted")
        if not 0 < self.learning_rate < 1:
            raise DceliteError(f"learning rate {self.learning_rate}: a number between 0 and 1 was wanted")


OWN_LOSSES: dict[str, dict[str, Any]] = {
    "zerodce": {
        "colour_weight": 5.0,
        "smoothness_weight": 200.0,
        "reconstruction_weight": 0.0,
        "exposure_target": 0.61,
    }
}
"""Where a network is trained otherwise than the default."""


def default_config(architecture: str) -> TrainingConfig:
    """The settings that an architecture is trained with unless the user says otherwise."""
    return TrainingConfig(architecture=architecture, losses=LossConfig(**OWN_LOSSES.get(architecture, {})))
