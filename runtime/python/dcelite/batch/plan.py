"""Which file becomes which, and what is refused before any work."""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dcelite.errors import ImageError, OutputError
from dcelite.files import is_complete, refuse_existing, shortened
from dcelite.folders import RESULT, describe, look_through
from dcelite.images import FORMATS, VIDEO_SUFFIXES, check_suffix, is_image_path, missing_support

STANDARD = "-"
"""As an input or output: the standard one."""
_LONGEST_NAME = 255


@dataclass(frozen=True)
class Job:
    """A picture to enhance."""

    source: Path
    destination: Path
    overwrite: bool = False
    from_input: bool = False
    """It comes from standard input; ``source`` is what messages call it."""
    to_output: bool = False
    """It goes to standard output, in the format that it has; ``destination`` is what messages call it."""


@dataclass
class Plan:
    """What a run does."""

    jobs: list[Job] = field(default_factory=list)
    skipped: int = 0
    """How many outputs are there already."""
    folders: set[Path] = field(default_factory=set)
    """Of all outputs."""
    problems: dict[str, str] = field(default_factory=dict)
    """Inputs that can be told to fail, by name, each with what to say."""
    notes: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.jobs) + self.skipped + len(self.problems)


def plan(inputs: Sequence[str], output: Path | None, *, overwrite: bool = False, skip_existing: bool = False) -> Plan:
    """Find the pictures of the inputs and a place for the result of each.

    Args:
        inputs: files and folders, or STANDARD alone.
        output: a file for one picture, else a folder; None: beside the inputs; STANDARD for one file.
        overwrite: results replace what is there.
        skip_existing: a result that is there is taken for made.

    Raises:
        ImageError: the only input is of no use.
        OutputError: a result exists, without ``overwrite`` and ``skip_existing``; two inputs would become the same
            output, or one of them would take the place of the other; ``output`` names a file for several inputs.
    """
    if STANDARD in inputs or output == Path(STANDARD):
        job = _piped_job(inputs, output, overwrite)
        return Plan([job], folders=set() if job.to_output else {job.destination.parent})
    paths = [Path(text) for text in inputs]
    single = len(paths) == 1 and not os.path.isdir(paths[0])  # noqa: PTH112 (which fails for a name too long)
    as_file = single and output is not None and output.suffix != "" and not output.is_dir()
    if output is not None and not as_file:
        if is_image_path(output) and not output.is_dir():
            what = "a folder" if len(paths) == 1 else f"{len(paths)} inputs"
            raise OutputError(f"{output}: names one picture, a folder was wanted for the results of {what}")
        if os.path.lexists(output) and not output.is_dir():
            raise OutputError(f"{output}: is a file, a folder was wanted for the outputs")
    if as_file and output is not None:
        check_suffix(output)
    found = Plan()
    _find(found, paths, output, as_file=as_file)
    jobs = _without_repetitions(found)
    jobs = _without_results(found, jobs) if skip_existing else jobs
    _refuse_collisions(jobs, skip_existing)
    for job in jobs:
        if problem := _problem(job):
            found.problems[str(job.source)] = problem
        else:
            found.jobs.append(job)
    _settle_existing(found, overwrite=overwrite, skip_existing=skip_existing)
    if found.total == 1 and found.problems:
        raise ImageError(next(iter(found.problems.values())))
    return found


def _piped_job(inputs: Sequence[str], output: Path | None, overwrite: bool) -> Job:
    if len(inputs) > 1:
        raise OutputError(f"{STANDARD}: goes with one input, not with {len(inputs)}")
    from_input = inputs[0] == STANDARD
    source = Path("standard input" if from_input else inputs[0])
    if not from_input and os.path.isdir(source):  # noqa: PTH112
        raise OutputError(f"-o {STANDARD}: goes with one picture, and {source} is a folder")
    if output is None or output == Path(STANDARD):
        return Job(source, Path("standard output"), from_input=from_input, to_output=True)
    if output.is_dir():
        raise OutputError(f"{output}: is a folder, a file name was wanted for what standard input becomes")
    check_suffix(output)
    refuse_existing(output, overwrite)
    return Job(source, output, overwrite, from_input=True)


def _find(found: Plan, paths: Sequence[Path], output: Path | None, *, as_file: bool) -> None:
    """The jobs of all inputs, whatever becomes of them."""
    folders = {path: output or default_folder(path) for path in paths if os.path.isdir(path)}  # noqa: PTH112
    results = {os.path.realpath(folder) for folder in (*folders.values(), *([output] if output else []))}
    left_out: Counter[str] = Counter()
    for path in paths:
        if path in folders:
            contents = look_through(path, results=results)
            found.jobs += [Job(file, folders[path] / file.relative_to(path)) for file in contents.pictures]
            for text in contents.unreadable:
                found.problems[text.partition(": ")[0]] = text
            left_out += contents.left_out
            if not contents.pictures and not contents.unreadable:
                rest = f"; left out: {describe(contents.left_out)}" if contents.left_out else ""
                found.problems[str(path)] = f"{path}: holds no image ({', '.join(FORMATS)}){rest}"
        elif not os.path.exists(path):  # noqa: PTH110
            found.problems[str(path)] = f"{path}: no such file or folder"
        elif output is None:
            found.jobs.append(Job(path, path.with_name(_result_name(path.parent, path.stem, path.suffix))))
        else:
            found.jobs.append(Job(path, output if as_file else output / path.name))
    if left_out and found.jobs:
        found.notes.append(f"left out: {describe(left_out)}")


def default_folder(path: Path) -> Path:
    """Where the results of a folder go if nothing is said: NAME_enhanced beside it; raises OutputError for the root."""
    if path.name not in ("", ".."):
        return path.with_name(_result_name(path.parent, path.name))
    name = path.resolve().name
    if not name:
        raise OutputError(f"{path}: nothing can stand beside it; -o with a folder was wanted")
    return path / ".." / _result_name(path / "..", name)


def _result_name(folder: Path, stem: str, suffix: str = "") -> str:
    """STEM_enhanced.SUFFIX; of a name too long for the folder the beginning, and a number that tells it from others."""
    name = f"{stem}{RESULT}{suffix}"
    try:
        longest = os.pathconf(folder, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # another system, or one that does not tell
        longest = _LONGEST_NAME
    if len(os.fsencode(name)) <= longest:
        return name
    ending = f"~{zlib.crc32(os.fsencode(stem)):08x}{RESULT}{suffix}"
    return shortened(stem, longest - len(os.fsencode(ending))) + ending


class _RealPaths:
    """Paths without links, with few questions for a folder of many files."""

    def __init__(self) -> None:
        self._folders: dict[Path, str] = {}

    def of(self, path: Path) -> str:
        if path.is_symlink() or path.name in ("", ".."):
            return os.path.realpath(path)
        if path.parent not in self._folders:
            self._folders[path.parent] = os.path.realpath(path.parent)
        return f"{self._folders[path.parent].rstrip('/')}/{path.name}"


def _without_repetitions(found: Plan) -> list[Job]:
    """Each picture once, where it is named itself rather than by a link."""
    jobs, found.jobs = found.jobs, []
    real = _RealPaths()
    kept: dict[str, Job] = {}
    repeated: list[Job] = []
    for job in jobs:
        other = kept.setdefault(real.of(job.source), job)
        if other is not job:
            if other.source.is_symlink() and not job.source.is_symlink():
                kept[real.of(job.source)], job = job, other
            repeated.append(job)
    if repeated:
        first = repeated[0].source
        more = f" and {len(repeated) - 1} more are" if len(repeated) > 1 else " is"
        found.notes.append(f"{first}{more} named more than once, and taken once: {kept[real.of(first)].source}")
    return list(kept.values())


def _without_results(found: Plan, jobs: list[Job]) -> list[Job]:
    """Without inputs that are the result of another one, as a pattern such as ``*.jpg`` names them in a second run."""
    real = _RealPaths()
    results = {real.of(job.destination): job for job in jobs}
    kept = [job for job in jobs if results.get(real.of(job.source), job) is job]
    if len(kept) < len(jobs):
        found.notes.append(f"left out: {len(jobs) - len(kept)} of the inputs, as results of others")
    return kept


def _refuse_collisions(jobs: Sequence[Job], skip_existing: bool) -> None:
    real = _RealPaths()
    inputs = {real.of(job.source): job for job in jobs}
    sources: dict[str, Path] = {}
    for job in jobs:
        destination = real.of(job.destination)
        if destination in sources:
            raise OutputError(f"{job.destination}: would hold both {sources[destination]} and {job.source}")
        if skip_existing and destination in inputs:
            raise OutputError(f"{job.destination}: is the input itself; another place was wanted for what it becomes")
        if inputs.get(destination, job) is not job:
            raise OutputError(f"{job.destination}: is an input itself, and would hold {job.source}")
        sources[destination] = job.source


def _problem(job: Job) -> str:
    """Why a picture cannot be enhanced, as far as names tell; "" where they do not."""
    suffix = job.destination.suffix.lower()
    if suffix not in FORMATS or missing_support(suffix):  # that of the input: what was asked for has been checked
        if suffix in VIDEO_SUFFIXES:
            return f"{job.source}: is a video; dcelite video brightens it"
        return f"{job.source}: " + (
            missing_support(suffix) or f"suffix {job.source.suffix!r}; one of {', '.join(FORMATS)} was wanted"
        )
    try:
        refuse_existing(job.destination, overwrite=True)
    except OutputError as error:
        return str(error)
    return ""


def _settle_existing(found: Plan, *, overwrite: bool, skip_existing: bool) -> None:
    """Skip, replace or refuse the outputs that are there."""
    jobs, found.jobs = found.jobs, []
    found.folders = {job.destination.parent for job in jobs}
    existing: list[Path] = []
    for job in jobs:
        if not os.path.lexists(job.destination):
            found.jobs.append(job)
        elif skip_existing and is_complete(job.destination):
            found.skipped += 1
        elif overwrite or (skip_existing and job.destination.is_file()):
            found.jobs.append(replace(job, overwrite=True))
        else:
            existing.append(job.destination)
    if len(existing) == 1:
        raise OutputError(
            f"{existing[0]}: exists already; another name, --skip-existing (leave it) or --overwrite was wanted"
        )
    if existing:
        raise OutputError(
            f"{existing[0]} and {len(existing) - 1} more of {found.total + len(existing)} outputs exist already; "
            "--skip-existing (make the others) or --overwrite was wanted"
        )
