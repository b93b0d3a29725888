"""The four zero-reference losses of Zero-DCE, which judge an enhanced image without a reference image, and a fifth.

Equation numbers are those of Guo et al., "Zero-Reference Deep Curve Estimation for Low-Light Image Enhancement", CVPR
2020, section 3.3. The paper, the authors' PyTorch code and the MindSpore code differ. The PyTorch code is followed,
because its weights are those that the published figures were measured with:

| | paper | PyTorch | MindSpore |
|---|---|---|---|
| spatial: differences of neighbours | absolute | signed | signed |
| spatial and exposure: regions | side by side | side by side | overlapping (pooling with stride 1) |
| exposure: distance from E | absolute | squared | squared |
| colour: norm of the three squared differences | sum | root of the sum of squares | as PyTorch |
| smoothness: gradients | (abs dx + abs dy)^2 | 2 (dx^2 + dy^2) | as PyTorch |
| smoothness: channels | averaged over iterations, summed over colours | summed over all | as PyTorch |
| weights spatial, exposure, colour, smoothness | 1, 1, 0.5, 20 | 1, 10, 5, 200 (Zero-DCE), 1600 (++) | 1, 10, 5, 1600 |

Shapes: I input and Y enhanced image (N, 3, H, W) in [0, 1], A curve map (N, C, H, W) in (-1, 1). Every loss is a
scalar, the mean over the batch. Beyond the paper, and left out by well_lit = 0: see :func:`exposure_targets`; and by
reconstruction_weight = 0: :func:`reconstruction`.
"""

from __future__ import annotations

import numpy as np

from dcelite.training.backend import Tensor, nn, ops
from dcelite.training.config import TERMS, LossConfig

BRIGHTEST_RECOVERED = 0.45
"""Mean, in [0, 1], up to which darkened pictures are drawn to what they were: not to over-exposure."""


class ZeroReferenceLoss(nn.Cell):
    """(I, I before it was darkened, whether that is well exposed, Y, A) -> the weighted terms, (5,), ordered as TERMS.

    The loss is their sum (equation 8).
    """

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.config = config
        self.regions = nn.AvgPool2d(config.spatial_region, stride=config.spatial_region)
        self.patches = nn.AvgPool2d(config.exposure_patch, stride=config.exposure_patch)
        weights = [getattr(config, f"{term}_weight") for term in TERMS]
        self.weights = Tensor(np.array(weights, np.float32))

    def construct(
        self, image: Tensor, original: Tensor, exposed: Tensor, enhanced: Tensor, curve_map: Tensor
    ) -> Tensor:
        target, importance, share = self.config.exposure_target, 1.0, exposed
        if self.config.well_lit > 0:
            patches, before = self.patches(_gray(image)), self.patches(_gray(original))
            share = well_lit_share(before, self.config.well_lit)
            target = exposure_targets(patches, before, share, target)
            importance = 1 + (self.config.well_lit_weight - 1) * share * undarkened(patches, before)
        terms = (
            spatial_consistency(self.regions(_gray(image)), self.regions(_gray(enhanced))),
            exposure_control(self.patches(_gray(enhanced)), target, importance),
            color_constancy(enhanced),
            illumination_smoothness(curve_map),
            reconstruction(original, enhanced, ops.maximum(share, exposed) * importance),
        )
        return self.weights * ops.stack(terms)


def _gray(image: Tensor) -> Tensor:
    """(N, 3, H, W) -> (N, 1, H, W): the mean of the three colours."""
    return image.mean(1, keep_dims=True)


def spatial_consistency(image: Tensor, enhanced: Tensor) -> Tensor:
    """Equation 4: 1/K sum_i sum_{j in neighbours(i)} ((Y_i - Y_j) - (I_i - I_j))^2, over K regions i.

    Arguments are the means of the regions, (N, 1, k, l) with k, l >= 2. Of the four neighbours, those beyond a border
    count as zero, so the brightness of border regions is held to that of the input.
    """
    change = enhanced - image  # ((Y_i - Y_j) - (I_i - I_j)) = change_i - change_j
    down = change[:, :, 1:] - change[:, :, :-1]  # each pair within the image occurs twice, as (i, j) and (j, i)
    right = change[:, :, :, 1:] - change[:, :, :, :-1]
    borders = (change[:, :, 0], change[:, :, -1], change[:, :, :, 0], change[:, :, :, -1])
    total = 2 * (down * down).sum() + 2 * (right * right).sum()
    for border in borders:
        total = total + (border * border).sum()
    return total / change.size


def well_lit_share(patches: Tensor, well_lit: float) -> Tensor:
    """How far the images of patches (N, 1, m, n) are well lit, (N, 1, 1, 1) in [0, 1].

    It rises from 0 to 1 as the mean of an image rises from half of ``well_lit`` to ``well_lit``.
    """
    return ops.clamp(patches.mean((1, 2, 3), keep_dims=True) * (2 / well_lit) - 1, 0, 1)


def undarkened(patches: Tensor, before: Tensor) -> Tensor:
    """1 for images that were not darkened, 0 for the others, (N, 1, 1, 1)."""
    mean, mean_before = (p.mean((1, 2, 3), keep_dims=True) for p in (patches, before))
    return (mean >= mean_before).astype(mean.dtype)


def exposure_targets(patches: Tensor, before: Tensor, share: Tensor, target: float) -> Tensor:
    """Beyond the paper: what the means of patches (N, 1, m, n) are drawn to, of the same shape.

    Drawn to E, bright pictures are brightened (E = 0.6 is 153 of 255) or greyed. Here a dark image has the target E
    everywhere, a well-lit one has itself, and those in between, by ``share``, have a mixture. An image that was
    darkened has what it was ``before``, with a mean of no more than BRIGHTEST_RECOVERED, or its own where that is
    brighter still.
    """
    mean, mean_before = (p.mean((1, 2, 3), keep_dims=True) for p in (patches, before))
    recovered = before * ops.clamp(ops.clamp(mean, BRIGHTEST_RECOVERED) / mean_before.clamp(1e-6), max=1.0)
    return share * recovered + (1 - share) * target


def exposure_control(patches: Tensor, target: float | Tensor, importance: float | Tensor = 1.0) -> Tensor:
    """Equation 5 with squares: 1/M sum_k importance_k (Y_k - E_k)^2, over the means Y_k of M patches, (N, 1, m, n)."""
    distance = patches - target
    return (importance * distance * distance).mean()


def color_constancy(enhanced: Tensor) -> Tensor:
    """Equation 6 with a root: sqrt(sum over {RG, RB, GB} of (J_p - J_q)^4), J the mean of a colour over the image.

    The grey-world assumption: the mean colour of an image is grey.
    """
    means = enhanced.mean((2, 3))  # (N, 3)
    red, green, blue = means[:, 0], means[:, 1], means[:, 2]
    rg, rb, gb = (red - green) * (red - green), (red - blue) * (red - blue), (green - blue) * (green - blue)
    squares = rg * rg + rb * rb + gb * gb  # (N,)
    return ops.sqrt(squares + 1e-24).mean()  # 1e-24: the root has no derivative at 0, where an image is grey


def reconstruction(original: Tensor, enhanced: Tensor, importance: float | Tensor) -> Tensor:
    """Beyond the paper: the mean of importance (Y - original)^2, importance (N, 1, 1, 1).

    A picture that was darkened is to become what it was before, and one that was not is to stay as it is, every pixel
    of it; originals of whose good brightness nothing is known, dark photographs, have no importance. No reference is
    needed.
    """
    distance = enhanced - original
    return (importance * distance * distance).mean()


def illumination_smoothness(curve_map: Tensor) -> Tensor:
    """Equation 7: 2/N sum over images and channels of (mean of (dx A)^2 + mean of (dy A)^2).

    Means are over the pixels of a channel. A map that varies slowly keeps the order of brightness of neighbours.
    """
    dy = curve_map[:, :, 1:] - curve_map[:, :, :-1]
    dx = curve_map[:, :, :, 1:] - curve_map[:, :, :, :-1]
    return 2 * curve_map.shape[1] * ((dy * dy).mean() + (dx * dx).mean())
