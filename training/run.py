"""The folder of a training run: its settings, its state, from which it resumes, and its history.

run.json          the settings, and a checksum of the data; written once
state.ckpt        weights, optimizer state, step and seconds; rewritten every few seconds, a run resumes from it
history.csv       total loss and its weighted terms at every step
losses.png        their plot
samples/STEP.png  some of the training images, what they become, and their curve maps
ARCHITECTURE.ckpt the trained weights, when the run is complete
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dcelite import files
from dcelite.errors import DceliteError, ModelError, OutputError
from dcelite.model import ckpt_file
from dcelite.model.checkpoint import read_arrays, save_weights, select_weights
from dcelite.training.backend import Tensor, ms
from dcelite.training.config import TERMS, LossConfig, TrainingConfig
from dcelite.training.dataset import Source
from dcelite.training.sheet import plot_history, sample_sheet

if TYPE_CHECKING:
    from dcelite.training.train import Trainer

CHECKPOINT_SECONDS = 15.0
"""At most this much work is lost when the process is killed."""
LAST = "last."
"""Before the names of the weights of the last step in state.ckpt."""
SAMPLE_NAME = re.compile("[0-9]{6,}[.]png")
HEADER = ",".join(("step", "total", *TERMS))
"""Of history.csv."""


def is_sample_step(step: int) -> bool:
    """True for 1, 3, 10, 30, 100, 300 ...: the run changes quickly at first."""
    return re.fullmatch("[13]0*", str(step)) is not None


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


def refuse_other_settings(output: Path, config: TrainingConfig) -> None:
    """Raise DceliteError where the run in a folder was started with other settings than these, naming the first."""
    started = load_config(output)
    for old, new in ((started, config), (started.losses, config.losses)):
        for name, value in vars(new).items():
            if name != "losses" and value != vars(old)[name]:
                text = f"its run was started with {name} {vars(old)[name]}; {value} cannot be taken up"
                raise DceliteError(f"{output}: {text}")


class LossHistory:
    """Appends rows to ``path``; they reach the file at :meth:`flush`, which must come before the state is saved."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pending: list[str] = []

    def begin(self, step: int) -> None:
        """Keep the first ``step`` rows of an interrupted run, dropping what was written after its last checkpoint.

        Raises DceliteError where the file holds fewer, OutputError where it cannot be written.
        """
        rows: list[str] = []
        if step:
            with contextlib.suppress(OSError, UnicodeDecodeError):
                rows = self.path.read_text(encoding="utf-8").split("\n")[1 : step + 1]
            if len(rows) < step or not rows[-1].startswith(f"{step},"):
                raise DceliteError(f"{self.path}: does not hold the losses of steps 1 to {step}; is it damaged?")
        files.write_text_atomically(self.path, "\n".join([HEADER, *rows, ""]), overwrite=True)

    def append(self, step: int, terms: NDArray[np.float32]) -> None:
        """Note the weighted terms, (terms,), of a step counted from 1."""
        values = (float(terms.sum(dtype=np.float64)), *map(float, terms))
        self._pending.append(f"{step}," + ",".join(f"{value:.9g}" for value in values) + "\n")

    def flush(self) -> None:
        """Write the rows noted since the last call; raises OutputError."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(self._pending)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written: {files.reason(error)}") from None
        self._pending.clear()


def state_of(trainer: Trainer, seconds: float) -> bytes:
    """The whole state as a MindSpore checkpoint, from which the averaged weights alone can be loaded too."""
    arrays = {name: parameter.asnumpy() for name, parameter in _parameters(trainer).items()}
    arrays |= trainer.averages.arrays
    arrays["step"] = np.array(trainer.step, np.int64)
    arrays["seconds"] = np.array(seconds, np.float64)
    return ckpt_file.write(arrays)


def restore_state(trainer: Trainer, path: Path) -> float:
    """Take up a saved state; returns the seconds trained so far. Raises ModelError on a damaged file."""
    arrays = read_arrays(path)
    averages = select_weights(arrays, path)
    wanted = trainer.config.architecture
    if averages.architecture != wanted:
        raise ModelError(f"{path}: holds weights of {averages.architecture}; {wanted} was wanted")
    for name, parameter in _parameters(trainer).items():
        if name not in arrays or arrays[name].shape != parameter.shape:
            raise ModelError(f"{path}: has no {name} of shape {parameter.shape}; it is not the state of this run")
        parameter.set_data(Tensor(arrays[name]))
    if not {"step", "seconds"} <= set(arrays):
        raise ModelError(f"{path}: has no step count; it is not the state of a run")
    trainer.step = int(arrays["step"])
    trainer.averages.arrays = {name: np.asarray(arrays[name], np.float64) for name in averages.arrays}
    return float(arrays["seconds"])


def _parameters(trainer: Trainer) -> dict[str, ms.Parameter]:
    """Weights of the last step and optimizer state; the plain names of the weights are those of their averages."""
    weights = list(trainer.network.get_parameters())
    names = {parameter.name for parameter in weights}
    optimizer = [parameter for parameter in trainer.optimizer.get_parameters() if parameter.name not in names]
    return {f"{LAST}{p.name}": p for p in weights} | {p.name: p for p in optimizer}


class Run:
    """A run in its folder; refuses to mix two runs, or a run with files that are none of its own."""

    def __init__(self, output: Path, config: TrainingConfig, *, resume: bool, overwrite: bool) -> None:
        self._started = time.monotonic()
        self._output, self._config = output, config
        self._resume, self._overwrite = resume, overwrite
        if resume:
            refuse_other_settings(output, config)
        if not resume and not overwrite and (output / "run.json").exists():
            raise OutputError(f"{output}: holds a run already; --resume continues it, --overwrite replaces it")
        for path in () if resume else self._files():
            files.refuse_existing(path, overwrite)
        if output.exists():
            files.prepare_output_directory(output)  # an unwritable folder is told before the images are read
        self._history = LossHistory(output / "history.csv")
        self._state = output / "state.ckpt"

    def _files(self) -> list[Path]:
        """What a run writes, apart from run.json."""
        names = ("state.ckpt", "history.csv", "losses.png", f"{self._config.architecture}.ckpt")
        samples = (path for path in (self._output / "samples").glob("*.png") if SAMPLE_NAME.fullmatch(path.name))
        return [*(self._output / name for name in names), *sorted(samples)]

    @property
    def seconds(self) -> float:
        """That the run has taken, interruptions left out."""
        return time.monotonic() - self._started

    def open(self, images: Source, trainer: Trainer) -> None:
        """Write run.json, after which the folder is the run's; or take up the saved state of one with the same data."""
        files.prepare_output_directory(self._output)
        path = self._output / "run.json"
        files.remove_leftovers(self._output)
        self._samples = images.samples()
        if not self._resume:
            for old in self._files() if self._overwrite else ():
                old.unlink(missing_ok=True)
            data = {"images": len(images), "data_crc32": images.fingerprint}
            settings = {"config": asdict(self._config), **data, "mindspore": ms.__version__, "numpy": np.__version__}
            files.write_text_atomically(path, json.dumps(settings, indent=2) + "\n", overwrite=self._overwrite)
        elif json.loads(path.read_text(encoding="utf-8"))["data_crc32"] != images.fingerprint:
            text = "its run was started with other images; give the same --data, --exclude and --panoramas"
            raise DceliteError(f"{self._output}: {text}")
        elif self._state.exists():
            self._started -= restore_state(trainer, self._state)
        self._history.begin(trainer.step)
        self._saved = time.monotonic()

    def record(self, trainer: Trainer, terms: NDArray[np.float32]) -> None:
        """After a step: its loss terms, (terms,); now and then samples and state."""
        self._history.append(trainer.step, terms)
        if is_sample_step(trainer.step):
            self._draw_samples(trainer)
        if time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
            self.save(trainer)

    def save(self, trainer: Trainer) -> None:
        """History and state."""
        self._history.flush()  # first, so that the history never lacks a step of the state
        files.write_bytes_atomically(self._state, state_of(trainer, self.seconds), overwrite=True)
        self._saved = time.monotonic()

    def draw(self, trainer: Trainer) -> None:
        """The plot of the history, and samples of what the weights do now."""
        if trainer.step:
            plot_history(self._history.path, self._output / "losses.png")
            self._draw_samples(trainer)

    def _draw_samples(self, trainer: Trainer) -> None:
        path = self._output / "samples" / f"{trainer.step:06}.png"
        sample_sheet(path, trainer.step, self._samples, trainer.weights(), self._config)

    def finish(self, trainer: Trainer) -> Path:
        """Write the trained weights; returns their file."""
        path = self._output / f"{self._config.architecture}.ckpt"
        save_weights(trainer.weights(), path, overwrite=True)
        return path
