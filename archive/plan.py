"""What is to be made: what is there, held against what the manifest knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dcelite.archive import manifest
from dcelite.archive.listing import Input
from dcelite.archive.manifest import Known, Row, row
from dcelite.archive.places import Place
from dcelite.errors import DceliteError
from dcelite.files import is_temporary, reason

BATCH_BYTES = 24 << 20
BATCH_FILES = 64
"""Of a batch at most: one to two seconds of work, which is what a worker that is killed may have done in vain."""
_BATCHES_A_WORKER = 8
"""Of what is left, at least, where there are files enough: the last ones should not leave workers idle."""


class Job(NamedTuple):
    """A picture to make."""

    path: str
    size: int
    modified: int
    replace: bool = False
    """What has the output's name may be replaced: it is this archive's, or the user offered it."""
    stale: bool = False
    """There is an output of this archive, of another input or other settings; it goes where no new one comes."""


@dataclass
class Plan:
    """What a run does."""

    jobs: list[Job] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    """Of inputs whose outcome is known without work."""
    begin: list[Row] = field(default_factory=list)
    """Of the jobs, before they begin."""
    settled: Counter[str] = field(default_factory=Counter)
    """Inputs of which nothing is to be done, by outcome."""
    altered: int = 0
    """Outputs that have another size than they were made with."""
    folders: set[str] = field(default_factory=set)
    """In which something unfinished may be in the end: those of the outputs to be made, or where it is already."""
    unreadable: list[str] = field(default_factory=list)
    """Folders of inputs that could not be looked at, in words."""

    @property
    def total(self) -> int:
        return len(self.jobs) + len(self.rows) + self.settled.total()


def existing_outputs(output: Place, folders: Iterable[str]) -> dict[str, int]:
    """The size of every file in these folders of the output; raises DceliteError."""
    found: dict[str, int] = {}
    for folder in folders:
        try:
            for entry in output.entries(folder):
                # A folder that has an output's name is nothing that could be replaced.
                found[f"{folder}/{entry.name}" if folder else entry.name] = -1 if entry.folder else entry.size
        except FileNotFoundError:
            continue
        except OSError as error:
            raise DceliteError(f"{output.joined(folder).url}: cannot be read: {reason(error)}") from None
    return found


def plan(
    inputs: Sequence[Input],
    known: Mapping[str, Known],
    existing: Mapping[str, int],
    settings: str,
    *,
    retry_failed: bool = False,
    overwrite: bool = False,
) -> Plan:
    """Decide what becomes of each input.

    Args:
        known: the newest row of every path.
        existing: the size of every output that is there.
        settings: of this run; a row of others is of another picture.
        retry_failed: what has failed before is tried again.
        overwrite: outputs that are not this archive's are replaced.
    """
    result = Plan()
    # What a killed run left in a folder may be done by now, by one that was killed as well.
    result.folders = {path.rpartition("/")[0] for path in existing if is_temporary(path.rpartition("/")[2])}
    for item in inputs:
        before, there = known.get(item.path), existing.get(item.path)
        same = before is not None and before[1:3] == item[1:3] and before.settings == settings
        if before is not None and same and _settled(before, there, retry_failed=retry_failed):
            result.settled[before.outcome] += 1
            result.altered += before.outcome in manifest.WITH_OUTPUT and there != before.output_size
        elif item.problem:
            result.rows.append(row(*item[:3], manifest.FAILED, settings, error=item.problem))
        elif not (overwrite and there != -1) and not _ours(before, there):
            what = "a folder has" if there == -1 else "another file has"
            text = f"{item.path}: {what} the name of the output; another place or --overwrite was wanted"
            result.rows.append(row(*item[:3], manifest.EXISTS, settings, error=text))
        else:
            result.jobs.append(Job(*item[:3], there is not None, there is not None and _ours(before, there)))
            result.folders.add(item.path.rpartition("/")[0])
            if not (same and before is not None and before.outcome == manifest.BEGUN):
                result.begin.append(row(*item[:3], manifest.BEGUN, settings))
    return result


def _settled(before: Known, there: int | None, *, retry_failed: bool) -> bool:
    """Whether nothing is left to do for an unchanged input."""
    if before.outcome in manifest.WITH_OUTPUT:
        return there is not None
    return before.outcome == manifest.LEFT or (before.outcome == manifest.FAILED and not retry_failed)


def _ours(before: Known | None, there: int | None) -> bool:
    """Whether what has the output's name may be replaced unasked: nothing, or what this archive made."""
    if there is None:
        return True
    if before is None or there == -1:
        return False
    return before.outcome in manifest.UNFINISHED or there == before.output_size


def batches(jobs: Sequence[Job], workers: int) -> Iterator[list[Job]]:
    """The jobs in their order, in batches that take about the same time, and less towards the end."""
    share = max(1, workers * _BATCHES_A_WORKER)
    files, total = len(jobs), sum(job.size for job in jobs)
    batch: list[Job] = []
    size = 0
    for job in jobs:
        most_files, most_bytes = min(BATCH_FILES, -(-files // share)), min(BATCH_BYTES, -(-total // share))
        if batch and (len(batch) >= most_files or size + job.size > most_bytes):
            yield batch
            files, total = files - len(batch), total - size
            batch, size = [], 0
        batch.append(job)
        size += job.size
    if batch:
        yield batch
