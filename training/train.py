"""Train a curve network on photographs or panoramas, with losses that need no reference and Adam: step and loop.

What happens at a step depends on the settings, the data and the step number alone, so a run that was killed and resumed
gives the same weights, bit for bit, as one that was not, and one of 20 minutes the same as one of as many steps.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dcelite.errors import DceliteError
from dcelite.interrupts import deferred_interrupts
from dcelite.model.checkpoint import Weights
from dcelite.progress import Progress
from dcelite.training.backend import Tensor, ms, nn, ops
from dcelite.training.config import TERMS, TrainingConfig
from dcelite.training.dataset import Mixture, Source, load_images
from dcelite.training.losses import ZeroReferenceLoss
from dcelite.training.network import Enhancement, build_network, initial_weights
from dcelite.training.panoramas import load_views
from dcelite.training.run import Run

LARGEST_GRADIENT = 0.1
"""Norm to which the gradient of a step is cut, as in the authors' PyTorch code: single batches throw weights about."""
WEIGHT_DECAY = 1e-4
"""L2 penalty of Adam, as in the published code."""
DECAY = 8
"""Exponent eta of the average: the last twelfth of a run makes up half of it."""


class WeightAverage:
    """Polynomial-decay averaging (Shamir and Zhang, "Stochastic Gradient Descent for Non-smooth Optimization", ICML
    2013, section 4): mean_t = (1 - (eta + 1) / (t + eta)) mean_{t-1} + (eta + 1) / (t + eta) w_t.

    Step k of t counts about (k / t)^eta, so the average covers the last part of a run of any length. The weights of
    single steps wander with a constant learning rate; their average does so about ten times less. Unlike a learning
    rate that falls towards the end it need not know the end: minutes and steps give the same weights.
    """

    def __init__(self, initial: Mapping[str, NDArray[np.float32]]) -> None:
        self.arrays = {name: array.astype(np.float64) for name, array in initial.items()}

    def add(self, step: int, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Take in the weights after ``step`` (counted from 1)."""
        share = (DECAY + 1) / (step + DECAY)
        for name, array in arrays.items():
            self.arrays[name] = (1 - share) * self.arrays[name] + share * array


class LossOfBatch(nn.Cell):
    """The arrays of a Batch, (N, 3, H, W) and (N, 1, 1, 1) -> the weighted loss terms, (terms,)."""

    def __init__(self, enhancement: Enhancement, loss: ZeroReferenceLoss) -> None:
        super().__init__(auto_prefix=False)
        self.enhancement = enhancement
        self.loss = loss

    def construct(self, images: Tensor, originals: Tensor, exposed: Tensor) -> Tensor:
        enhanced, curve_map = self.enhancement(images)
        return self.loss(images, originals, exposed, enhanced, curve_map)


class TrainingStep(nn.TrainOneStepCell):
    """A step of the optimizer on the sum of the loss terms, (terms,), with the gradient cut to LARGEST_GRADIENT."""

    def construct(self, *batch: Tensor) -> Tensor:
        terms = self.network(*batch)
        gradients = self.grad(self.network, self.weights)(*batch, ops.ones_like(terms))
        return ops.depend(terms, self.optimizer(ops.clip_by_global_norm(gradients, LARGEST_GRADIENT)))


class Trainer:
    """Network, optimizer, running average of the weights and step counter."""

    def __init__(self, config: TrainingConfig) -> None:
        ms.set_context(mode=ms.GRAPH_MODE, device_target="CPU")
        self.config = config
        self.step = 0
        initial = initial_weights(config.architecture, config.seed)
        self.averages = WeightAverage(initial.arrays)
        self.network = build_network(initial)
        self.optimizer = nn.Adam(
            self.network.trainable_params(), learning_rate=config.learning_rate, weight_decay=WEIGHT_DECAY
        )
        enhancement = Enhancement(self.network, config.scale, config.iterations)
        self._optimize = TrainingStep(LossOfBatch(enhancement, ZeroReferenceLoss(config.losses)), self.optimizer)

    def train_step(self, images: Source) -> NDArray[np.float32]:
        """Train on the next batch; returns its weighted loss terms."""
        batch = images.batch(self.step, self.config.batch_size, self.config.seed, self.config.darkening)
        terms: NDArray[np.float32] = self._optimize(*map(Tensor, batch)).asnumpy()
        self.step += 1
        self.averages.add(self.step, {p.name: p.asnumpy() for p in self.network.get_parameters()})
        return terms

    def weights(self) -> Weights:
        """The average of the weights so far."""
        arrays = {name: array.astype(np.float32) for name, array in self.averages.arrays.items()}
        return Weights(self.config.architecture, arrays)


def train(
    config: TrainingConfig,
    data: Path | None,
    output: Path,
    *,
    panoramas: Path | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    resume: bool = False,
    overwrite: bool = False,
    exclude: frozenset[str] = frozenset(),
) -> Path:
    """Train until ``steps`` or ``minutes`` (counted over interruptions) are reached; returns the file of weights.

    The pictures are those of the folder ``data``, or views of the panoramas of the folder ``panoramas``, or both.

    Raises DceliteError; KeyboardInterrupt after Ctrl-C or SIGTERM, when the step under way has been finished and saved.
    """
    config.check()
    run = Run(output, config, resume=resume, overwrite=overwrite)
    sources: list[Source] = []
    if data is not None:
        sources.append(load_images(data, config.image_size, config.batch_size, exclude))
    if panoramas is not None:
        sources.append(load_views(panoramas, config.image_size, config.seed))
    if not sources:
        raise DceliteError("no pictures to train on: a folder of data or of panoramas was wanted")
    images = sources[0] if len(sources) == 1 else Mixture(sources)
    for line in images.skipped:
        print(f"skipped {line}", file=sys.stderr)
    trainer = Trainer(config)
    run.open(images, trainer)

    def done() -> bool:
        out_of_time = minutes is not None and run.seconds >= 60 * minutes
        return out_of_time or (steps is not None and trainer.step >= steps)

    with (
        deferred_interrupts(ctrl_c_is_sigterm=True) as interrupted,
        Progress("training", steps, trainer.step) as progress,
    ):
        while not done() and not interrupted.is_set():
            terms = trainer.train_step(images)
            if not np.isfinite(terms).all():
                text = f"the loss is not finite at step {trainer.step}; a lower learning rate was wanted"
                raise DceliteError(f"{output}: {text}")
            run.record(trainer, terms)
            named = " ".join(f"{name} {value:.4f}" for name, value in zip(TERMS, terms, strict=True))
            progress.advance(f"loss {terms.sum():.4f} = {named}")
        run.save(trainer)
    run.draw(trainer)
    if interrupted.is_set() and not done():
        print(f"interrupted at step {trainer.step}, which is saved; --resume continues", file=sys.stderr)
        raise KeyboardInterrupt
    return run.finish(trainer)
