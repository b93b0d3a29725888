"""Train a curve network on a folder of images, with the four zero-reference losses and Adam.

Files in the output folder:

    run.json          the settings, and a checksum of the data; written once
    state.ckpt        weights, optimiser state, step and seconds; rewritten every few seconds, a run resumes from it
    history.csv       total loss and its four weighted terms at every step
    losses.png        their plot
    samples/STEP.png  some of the training images, what they become, and their curve maps
    ARCHITECTURE.ckpt the trained weights, when the run is complete

What happens at a step depends on the settings, the data and the step number alone, so a run that was killed and resumed
gives the same weights, bit for bit, as one that was not, and one of 20 minutes the same as one of as many steps.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn
from numpy.typing import NDArray

from dcelite.errors import DceliteError, ModelError, OutputError
from dcelite.files import (
    prepare_output_directory,
    refuse_existing,
    remove_leftovers,
    write_bytes_atomically,
    write_text_atomically,
)
from dcelite.interrupts import deferred_interrupts
from dcelite.progress import Progress
from dcelite.training import ckpt_file
from dcelite.training.architecture import NetworkConfig
from dcelite.training.averaging import WeightAverage
from dcelite.training.checkpoint import Weights, read_arrays, save_weights, select_weights
from dcelite.training.dataset import TrainingImages, load_images
from dcelite.training.history import LossHistory, plot_history
from dcelite.training.losses import TERMS, LossConfig, ZeroReferenceLoss
from dcelite.training.network import Enhancer, build_network, weights_of
from dcelite.training.samples import Samples, is_sample_step, samples_in

CHECKPOINT_SECONDS = 15.0
"""At most this much work is lost when the process is killed."""
LAST = "last."
"""Before the names of the weights of the last step in state.ckpt."""
WEIGHT_DECAY = 1e-4
"""L2 penalty of Adam, as in the published code."""


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of a run, all that its result depends on besides the data and the number of steps."""

    architecture: str = "zerodcepp"
    iterations: int = 8
    """Applications of the curve; the engines of dcelite run 8."""
    scale: int = 1
    """Downsampling of the training images before the network, undone on its map. 1: the images are as small already as
    the network sees them at run time."""
    image_size: int = 48
    """Pixels of a side: about what a photograph of 600x600 becomes at scale 12."""
    batch_size: int = 8
    learning_rate: float = 2e-3
    darkening: float = 0.7
    """Probability of an image to be darkened at random, see TrainingImages.batch; 0: images as they are."""
    seed: int = 1
    losses: LossConfig = field(default_factory=LossConfig)

    def check(self) -> None:
        """Raise DceliteError for settings that cannot be trained with."""
        NetworkConfig(self.architecture, iterations=self.iterations)
        self.losses.check(self.image_size)
        for name, smallest in (("scale", 1), ("batch_size", 1), ("seed", 0)):
            if getattr(self, name) < smallest:
                raise DceliteError(f"{name} {getattr(self, name)}: at least {smallest} was wanted")
        if not 0 <= self.darkening <= 1:
            raise DceliteError(f"darkening {self.darkening}: a probability, 0 to 1, was wanted")
        if not 0 < self.learning_rate < 1:
            raise DceliteError(f"learning rate {self.learning_rate}: a number between 0 and 1 was wanted")


class LossOfBatch(nn.Cell):
    """Images, and what they were before they were darkened, (N, 3, H, W) -> the four weighted loss terms, (4,)."""

    def __init__(self, enhancer: Enhancer, loss: ZeroReferenceLoss) -> None:
        super().__init__(auto_prefix=False)
        self.enhancer = enhancer
        self.loss = loss

    def construct(self, images: Tensor, originals: Tensor) -> Tensor:
        enhanced, curve_map = self.enhancer(images)
        return self.loss(images, originals, enhanced, curve_map)


class Trainer:
    """Network, optimiser, running average of the weights and step counter, with their state as arrays."""

    def __init__(self, config: TrainingConfig) -> None:
        ms.set_context(mode=ms.GRAPH_MODE, device_target="CPU")
        self.config = config
        self.step = 0
        self._average = WeightAverage()
        network_config = NetworkConfig(config.architecture, iterations=config.iterations)
        self.network = build_network(network_config, config.seed)
        self._optimizer = nn.Adam(
            self.network.trainable_params(), learning_rate=config.learning_rate, weight_decay=WEIGHT_DECAY
        )
        loss = LossOfBatch(Enhancer(self.network, config.scale), ZeroReferenceLoss(config.losses))
        # TrainOneStepCell back-propagates ones, so the vector of four terms is trained as their sum.
        self._train_step = nn.TrainOneStepCell(loss, self._optimizer)

    def train_step(self, images: TrainingImages) -> NDArray[np.float32]:
        """Train on the next batch; returns its weighted loss terms, (4,)."""
        batch = images.batch(self.step, self.config.batch_size, self.config.seed, self.config.darkening)
        terms: NDArray[np.float32] = self._train_step(*map(Tensor, batch)).asnumpy()
        self.step += 1
        self.average()
        return terms

    def average(self) -> None:
        """Take the present weights into the average."""
        self._average.add(self.step, {parameter.name: parameter.asnumpy() for parameter in self._weights()})

    def weights(self) -> Weights:
        """The average of the weights so far."""
        if not self.step:
            return weights_of(self.network)
        arrays = {name: array.astype(np.float32) for name, array in self._average.arrays.items()}
        return Weights(self.network.config.architecture, arrays)

    def state(self, seconds: float) -> bytes:
        """The whole state as a MindSpore checkpoint, from which the averaged weights alone can be loaded too."""
        arrays = {name: parameter.asnumpy() for name, parameter in self._parameters().items()}
        arrays |= self._average.arrays or weights_of(self.network).arrays
        arrays["step"] = np.array(self.step, np.int64)
        arrays["seconds"] = np.array(seconds, np.float64)
        return ckpt_file.write(arrays)

    def restore(self, path: Path) -> float:
        """Take up a saved state; returns the seconds trained so far. Raises ModelError on a damaged file."""
        arrays = read_arrays(path)
        averages = select_weights(arrays, path)
        if averages.architecture != self.config.architecture:
            raise ModelError(f"{path}: holds weights of {averages.architecture}; {self.config.architecture} was wanted")
        for name, parameter in self._parameters().items():
            if name not in arrays or arrays[name].shape != parameter.shape:
                raise ModelError(f"{path}: has no {name} of shape {parameter.shape}; it is not the state of this run")
            parameter.set_data(Tensor(arrays[name]))
        if not {"step", "seconds"} <= set(arrays):
            raise ModelError(f"{path}: has no step count; it is not the state of a run")
        self.step = int(arrays["step"])
        self._average.arrays = {name: np.asarray(arrays[name], np.float64) for name in averages.arrays}
        return float(arrays["seconds"])

    def _weights(self) -> list[ms.Parameter]:
        return list(self.network.get_parameters())

    def _parameters(self) -> dict[str, ms.Parameter]:
        """Weights of the last step and optimiser state; the plain names of the weights are those of their averages."""
        last = {f"{LAST}{parameter.name}": parameter for parameter in self._weights()}
        optimizer = [*self._optimizer.get_parameters()]
        return last | {parameter.name: parameter for parameter in optimizer if parameter.name not in self._names()}

    def _names(self) -> set[str]:
        return {parameter.name for parameter in self._weights()}


def train(
    config: TrainingConfig,
    data: Path,
    output: Path,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    resume: bool = False,
    overwrite: bool = False,
    exclude: frozenset[str] = frozenset(),
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> Path:
    """Train until ``steps`` or ``minutes`` (counted over interruptions) are reached; returns the file of weights.

    Raises:
        DceliteError: unusable settings or data; a folder that holds a run already, or none to resume; a failed write.
        KeyboardInterrupt: after Ctrl-C or SIGTERM, when the step under way has been finished and saved.
    """
    started = time.monotonic()
    config.check()
    _check_run(output, config, resume, overwrite)
    if output.exists():
        prepare_output_directory(output)  # an unwritable folder is told before the images are read
    images = load_images(data, config.image_size, config.batch_size, exclude)
    prepare_output_directory(output)
    for line in images.skipped:
        print(f"skipped {line}", file=sys.stderr)
    _open_run(output, config, images, resume, overwrite)
    trainer = Trainer(config)
    state = output / "state.ckpt"
    if resume and state.exists():
        started -= trainer.restore(state)
    history = LossHistory(output / "history.csv")
    history.begin(trainer.step)
    samples = Samples.choose(images, config.image_size, config.scale)

    def save() -> None:
        history.flush()  # first, so that the history never lacks a step of the state
        write_bytes_atomically(state, trainer.state(time.monotonic() - started), overwrite=True)

    def done() -> bool:
        out_of_time = minutes is not None and time.monotonic() - started >= 60 * minutes
        return out_of_time or (steps is not None and trainer.step >= steps)

    saved = time.monotonic()
    with deferred_interrupts() as interrupted, Progress("training", steps, trainer.step) as progress:
        while not done() and not interrupted.is_set():
            terms = trainer.train_step(images)
            if not np.isfinite(terms).all():
                raise DceliteError(
                    f"{output}: the loss is not finite at step {trainer.step}; a lower learning rate was wanted"
                )
            history.append(trainer.step, terms)
            progress.advance(_describe(terms))
            if is_sample_step(trainer.step):
                samples.draw(output / "samples", trainer.step, trainer.weights())
            if time.monotonic() - saved >= checkpoint_seconds:
                save()
                saved = time.monotonic()
        save()
    if trainer.step:
        plot_history(history.path, output / "losses.png")
        samples.draw(output / "samples", trainer.step, trainer.weights())
    if interrupted.is_set() and not done():
        print(f"interrupted at step {trainer.step}, which is saved; --resume continues", file=sys.stderr)
        raise KeyboardInterrupt
    weights = output / f"{config.architecture}.ckpt"
    save_weights(trainer.weights(), weights, overwrite=True)
    return weights


def load_config(output: Path) -> TrainingConfig:
    """The settings of the run in a folder; raises DceliteError where there is none."""
    path = output / "run.json"
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))["config"]
        return TrainingConfig(**{**settings, "losses": LossConfig(**settings["losses"])})
    except FileNotFoundError:
        raise DceliteError(f"{output}: holds no run to resume; start one without --resume") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DceliteError(f"{path}: cannot be read as the settings of a run: {error}") from None


def _check_run(output: Path, config: TrainingConfig, resume: bool, overwrite: bool) -> None:
    """Refuse to mix two runs in one folder, or a run with files that are none of its own."""
    if resume:
        if load_config(output) != config:
            raise DceliteError(f"{output}: its run was started with other settings, which cannot change on --resume")
        return
    if not overwrite and (output / "run.json").exists():
        raise OutputError(f"{output}: holds a run already; --resume continues it, --overwrite replaces it")
    for path in _files_of_run(output, config):
        refuse_existing(path, overwrite)


def _files_of_run(output: Path, config: TrainingConfig) -> list[Path]:
    """What a run writes, apart from run.json."""
    names = ("state.ckpt", "history.csv", "losses.png", f"{config.architecture}.ckpt")
    return [*(output / name for name in names), *samples_in(output / "samples")]


def _open_run(output: Path, config: TrainingConfig, images: TrainingImages, resume: bool, overwrite: bool) -> None:
    """Write run.json, after which the folder is the run's; or check that a resumed run has the same data."""
    path = output / "run.json"
    remove_leftovers(output / "state.ckpt")
    if resume:
        if json.loads(path.read_text(encoding="utf-8"))["data_crc32"] != images.fingerprint:
            raise DceliteError(f"{output}: its run was started with other images; give the same --data and --exclude")
        return
    if overwrite:
        for old in _files_of_run(output, config):
            old.unlink(missing_ok=True)
    run = {
        "config": asdict(config),
        "images": len(images),
        "data_crc32": images.fingerprint,
        "mindspore": ms.__version__,
        "numpy": np.__version__,
    }
    write_text_atomically(path, json.dumps(run, indent=2) + "\n", overwrite=overwrite)


def _describe(terms: NDArray[np.float32]) -> str:
    named = " ".join(f"{name} {value:.4f}" for name, value in zip(TERMS, terms, strict=True))
    return f"loss {terms.sum():.4f} = {named}"
