"""``dcelite enhance``: photographs and folders of photographs."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcelite import core
from dcelite.batch.plan import STANDARD, Plan, plan
from dcelite.batch.work import STAGES, Batch, Outcome
from dcelite.commands.model_options import DEFAULTS, add_common_options, open_enhancer
from dcelite.errors import DceliteError, ImageError, OutputError
from dcelite.files import reason, remove_leftovers
from dcelite.interrupts import deferred_interrupts
from dcelite.progress import say, track
from dcelite.streams import printable

if TYPE_CHECKING:
    from dcelite.enhancer import Enhancer

MAX_THREADS = 64
_NAMED_FAILURES = 10
"""How many of the pictures that failed the last line names."""


def add_command(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "enhance",
        help="brighten photographs",
        description="Brighten photographs (JPEG, PNG, TIFF, WebP, BMP, AVIF, HEIC), 8 and 16 bits. Metadata are kept.",
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="IN",
        help=f"an image file, or a folder of them; {STANDARD}: standard input, whose result goes to standard output",
    )
    add_common_options(
        parser,
        "a file name for one image, else a folder; without it, NAME_enhanced beside each input; "
        f"{STANDARD}: standard output",
    )
    parser.add_argument(
        "--skip-existing", action="store_true", help="leave outputs that exist, and make the others: goes on with a run"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=0,
        metavar="N",
        help="images at a time, each in memory as a whole; 0 (default): as many as processors, or --threads",
    )
    parser.add_argument(
        "--quality",
        type=int,
        metavar="Q",
        help="of the formats that lose something, 1 to 100 (default: near that of the input)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Enhance everything that can be; raises DceliteError at the end if some input could not."""
    _check(options)
    output: Path | None = options.output
    work = plan(options.inputs, output, overwrite=options.overwrite, skip_existing=options.skip_existing)
    piped = any(job.to_output for job in work.jobs)
    if piped and sys.stdout.isatty():
        raise OutputError("standard output: is a terminal; -o with a file name was wanted, or a pipe")
    standard_input = _standard_input() if any(job.from_input for job in work.jobs) else None
    for text in (*work.notes, *(f"error: {problem}" for problem in work.problems.values())):
        say(f"dcelite: {printable(text)}", sys.stderr)
    for folder in work.folders:
        remove_leftovers(folder)

    threads = options.threads or core.processors()
    workers = max(1, min(options.jobs or threads, len(work.jobs)))
    options.threads = max(1, threads // workers)
    first = [open_enhancer(options, DEFAULTS)] if work.jobs else []  # tells of a model that is none before any work

    def open_another() -> Enhancer:
        with contextlib.suppress(IndexError):
            return first.pop()
        return open_enhancer(options, DEFAULTS, quiet=True)

    report = Report(work)
    with deferred_interrupts() as interrupted:
        batch = Batch(
            work.jobs,
            workers,
            open_another,
            interrupted,
            skip_existing=options.skip_existing,
            quality=options.quality,
            standard_input=standard_input,
        )
        outcomes = batch if len(work.jobs) == 1 else track(batch, len(work.jobs), "enhance")
        with contextlib.suppress(KeyboardInterrupt):  # of a batch that leaves its threads
            for outcome in outcomes:
                report.add(outcome)
                if outcome.size is not None:
                    say(_line(outcome), sys.stderr if piped else sys.stdout)
                if outcome.error and not outcome.skipped and work.total > 1:
                    say(f"dcelite: error: {printable(outcome.error)}", sys.stderr)
    if (work.total > 1 or report.counts["skipped"]) and not piped:
        say(report.summary(), sys.stdout)
    if interrupted.is_set() and report.unfinished:
        say(f"dcelite: {report.unfinished} of {work.total} images are not done; --skip-existing goes on", sys.stderr)
        raise KeyboardInterrupt
    report.raise_failures()
    return 0


def _check(options: argparse.Namespace) -> None:
    """Raise DceliteError for options that are out of range or contradict each other."""
    if options.skip_existing and options.overwrite:
        raise DceliteError("--skip-existing: leaves outputs that exist, --overwrite replaces them; one was wanted")
    for name, least, most in (("threads", 0, MAX_THREADS), ("jobs", 0, None), ("quality", 1, 100)):
        value = getattr(options, name)
        if value is not None and (value < least or (most is not None and value > most)):
            raise DceliteError(f"--{name}: {value}, {least} {'or more' if most is None else f'to {most}'} was wanted")


def _standard_input() -> bytes:
    if sys.stdin is None or sys.stdin.isatty():
        raise ImageError(f"standard input: is {'closed' if sys.stdin is None else 'a terminal'}, a picture was wanted")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise ImageError(f"standard input: cannot be read: {reason(error)}") from None


def _line(outcome: Outcome) -> str:
    assert outcome.size is not None
    width, height = outcome.size
    remark = "".join(f" ({note})" for note in outcome.notes)
    return printable(f"{outcome.job.source} -> {outcome.job.destination} ({width} x {height}){remark}")


@dataclass
class Report:
    """What became of all pictures."""

    work: Plan
    counts: Counter[str] = field(default_factory=Counter)
    errors: dict[str, str] = field(default_factory=dict)
    """By the name of the picture."""
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    begin: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self.counts["skipped"] = self.work.skipped
        self.errors.update(self.work.problems)

    def add(self, outcome: Outcome) -> None:
        if outcome.skipped:
            self.counts["skipped"] += 1
        elif outcome.error:
            self.errors[str(outcome.job.source)] = outcome.error
            self.counts["damaged"] += outcome.size is not None
        else:
            self.counts["enhanced"] += 1
        for stage, seconds in outcome.seconds.items():
            self.seconds[stage] += seconds

    @property
    def unfinished(self) -> int:
        return self.work.total - self.counts["enhanced"] - self.counts["skipped"] - len(self.errors)

    def summary(self) -> str:
        """How many, how fast, and where the time of the threads went."""
        made = self.counts["enhanced"] + self.counts["damaged"]
        others = {"exist already": self.counts["skipped"], "failed": len(self.errors)}
        text = ", ".join([f"{made} images enhanced", *(f"{count} {kind}" for kind, count in others.items() if count)])
        if not made:
            return text
        elapsed, busy = time.perf_counter() - self.begin, sum(self.seconds.values())
        shares = ", ".join(f"{stage} {seconds / busy:.0%}" for stage, seconds in self.seconds.items())
        return f"{text} in {elapsed:.1f} s ({made / elapsed:.1f} images/s: {shares})"

    def raise_failures(self) -> None:
        """Raise ImageError where something failed: of one picture all that is known, of several which they are."""
        if not self.errors:
            return
        if self.work.total == 1:
            raise ImageError(next(iter(self.errors.values())))
        names = list(self.errors)[:_NAMED_FAILURES]
        more = f" and {len(self.errors) - len(names)} more" if len(self.errors) > len(names) else ""
        damaged = f", of which {self.counts['damaged']} in part" if self.counts["damaged"] else ""
        raise ImageError(
            f"{len(self.errors)} of {self.work.total} images failed{damaged}, see above: {', '.join(names)}{more}"
        )
