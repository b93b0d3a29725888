"""Where the time of a step goes."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

from dcelite.training.config import TrainingConfig
from dcelite.training.dataset import TrainingImages, load_images, read_names
from dcelite.training.train import Trainer


def profile(args: argparse.Namespace) -> None:
    """Print where the time of a step goes, for several sizes, in milliseconds."""
    print("| image size, batch | batch from memory | step | average of the weights |")
    print("|---|---|---|---|", flush=True)
    for size, batch_size in ((32, 8), (48, 8), (64, 8), (48, 16)):
        images = load_images(args.data, size, batch_size, read_names(args.split / "held_out.txt"))
        config = replace(TrainingConfig(), image_size=size, batch_size=batch_size)
        print(f"| {size}, {batch_size} | {' | '.join(f'{value:.1f}' for value in profile_step(config, images))} |")


def profile_step(config: TrainingConfig, images: TrainingImages, steps: int = 40) -> tuple[float, float, float]:
    """Median milliseconds of drawing a batch, of the whole step without it, and of averaging."""
    trainer = Trainer(config)
    trainer.train_step(images)  # compiles
    times = []
    for _ in range(steps):
        started = time.perf_counter()
        images.batch(trainer.step, config.batch_size, config.seed, config.darkening)
        drawn = time.perf_counter()
        trainer.train_step(images)
        done = time.perf_counter()
        trainer.average()
        times.append((drawn - started, done - drawn - (drawn - started), time.perf_counter() - done))
    batch, step, average = 1000 * np.median(times, axis=0)
    return float(batch), float(step - average), float(average)
