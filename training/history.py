"""The loss history of a run: a CSV file with one row for each step, and its plot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dcelite.errors import DceliteError, OutputError
from dcelite.files import atomic_output, reason, write_text_atomically
from dcelite.training.losses import TERMS

HEADER = ",".join(("step", "total", *TERMS))
SMOOTHING_STEPS = 50
"""Width of the moving average in the plot: single batches differ by more than the training moves in an epoch."""


class LossHistory:
    """Appends rows to ``path``; they reach the file at :meth:`flush`, which must come before the state is saved."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pending: list[str] = []

    def begin(self, step: int) -> None:
        """Keep the first ``step`` rows of an interrupted run, dropping what was written after its last checkpoint.

        Raises:
            DceliteError: the file holds fewer rows.
            OutputError: it cannot be written.
        """
        rows: list[str] = []
        if step:
            try:
                rows = self.path.read_text(encoding="utf-8").split("\n")[1 : step + 1]
            except (OSError, UnicodeDecodeError):
                rows = []
            if len(rows) < step or not rows[-1].startswith(f"{step},"):
                raise DceliteError(f"{self.path}: does not hold the losses of steps 1 to {step}; is it damaged?")
        write_text_atomically(self.path, "\n".join([HEADER, *rows, ""]), overwrite=True)

    def append(self, step: int, terms: NDArray[np.float32]) -> None:
        """Note the weighted terms, (4,), of a step counted from 1."""
        values = (float(terms.sum(dtype=np.float64)), *map(float, terms))
        self._pending.append(f"{step}," + ",".join(f"{value:.9g}" for value in values) + "\n")

    def flush(self) -> None:
        """Write the rows noted since the last call; raises OutputError."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(self._pending)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written: {reason(error)}") from None
        self._pending.clear()


def plot_history(history: Path, picture: Path) -> None:
    """Plot the total and the four terms of a history file; raises OutputError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    table = np.genfromtxt(history, delimiter=",", skip_header=1, ndmin=2)  # (steps, 1 + 1 + 4)
    width = min(SMOOTHING_STEPS, len(table))
    averages = np.stack([np.convolve(column, np.ones(width) / width, "valid") for column in table.T[1:]])
    figure = Figure(figsize=(12, 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    for number, (name, values, average) in enumerate(
        zip(("total", *TERMS), table.T[1:], averages, strict=True), start=1
    ):
        axes = figure.add_subplot(2, 3, number)
        axes.plot(table[:, 0], values, color="0.8", linewidth=0.5)
        axes.plot(table[width - 1 :, 0], average, color="C0")
        axes.set_ylim(0, 1.1 * float(np.percentile(values, 99)) or 1)
        axes.set_title(f"{name} (weighted)" if name != "total" else "total loss")
        axes.set_xlabel("step")
    with atomic_output(picture, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=100)
