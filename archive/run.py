"""One run of ``dcelite archive``: look, plan, work, record, tell."""

from __future__ import annotations

import argparse
import json
import os
import re
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TextIO

import dcelite
from dcelite.archive import cluster, listing, manifest, page
from dcelite.archive.manifest import FOLDER, STAGES, Manifest, Row
from dcelite.archive.places import Place
from dcelite.archive.plan import Plan, existing_outputs, plan
from dcelite.archive.worker import Task
from dcelite.commands.model_options import DEFAULTS, open_enhancer
from dcelite.errors import DceliteError, ImageError, OutputError
from dcelite.folders import describe
from dcelite.interrupts import deferred_interrupts
from dcelite.progress import Progress, say
from dcelite.provenance import sha256
from dcelite.streams import printable

MAX_THREADS = 64
_FLUSH_ROWS = 5000
_FLUSH_SECONDS = 5.0
"""Rows that a driver which is killed may lose: these pictures are made again."""
_UNWRITTEN_IN_A_ROW = 10
"""Outputs that cannot be written, one after the other, before a run is ended: the disk is full, say."""
_CALLS = {True: 2, False: 4}
"""Batches at a time of a worker, on local files or not: a bucket takes longer to answer."""
_NAMED_FAILURES = 10


def run(options: argparse.Namespace, log: TextIO) -> int:
    """Make what is missing; raises DceliteError at the end if some input failed."""
    _check(options)
    source, pattern = listing.split_pattern(options.source)
    output = Place.of(options.output)
    _check_places(source, output)
    settings = _settings(options)
    record = Manifest(output)
    with record.alone():
        record.compact_many()
        work = _plan(options, source, output, pattern, settings, record, log)
        failure: BaseException | None = None
        report = Report(work)
        with deferred_interrupts() as interrupted:
            try:
                if work.jobs:
                    _work(options, source, output, settings, record, work, report, interrupted, log)
                else:
                    record.add(work.rows)
            except DceliteError as error:
                failure = error
            for folder in work.folders:
                output.remove_leftovers(folder)
            say(report.summary(), log)
            if failure is None and not interrupted.is_set():
                record.compact()
            if failure is not None:
                raise failure
            _write_page(source, output, settings, record, report, log)
            if interrupted.is_set() and report.unfinished:
                say(
                    f"dcelite: {report.unfinished} of {work.total} photographs are not done; the same command goes on",
                    log,
                )
                raise KeyboardInterrupt
    report.raise_failures()
    return 0


def _check(options: argparse.Namespace) -> None:
    """Raise DceliteError for options that are out of range or contradict each other."""
    for name, least, most in (("threads", 0, MAX_THREADS), ("quality", 1, 100)):
        value = getattr(options, name)
        if value is not None and not least <= value <= most:
            raise DceliteError(f"--{name}: {value}, {least} to {most} was wanted")
    if options.only_dark and options.leave_bright:
        raise DceliteError("--only-dark: copies what is bright, --leave-bright leaves it out; one was wanted")
    if options.dashboard and options.address:
        raise DceliteError("--dashboard: is of a Ray that is started here; that of --address has its own, or none")
    options.threads = options.threads or 1


def _check_places(source: Place, output: Place) -> None:
    here = source.stat()
    if here is None and source.local:
        raise ImageError(f"{source.url}: no such folder")
    if here is not None and not here.folder:
        raise ImageError(f"{source.url}: is a file, a folder was wanted; dcelite enhance takes single pictures")
    if output.holds(source):
        raise OutputError(f"{output.url}: holds the input {source.url}; another place was wanted for the outputs")


def _settings(options: argparse.Namespace) -> str:
    """What decides on the outputs, in one line; checks the model and its options by opening it."""
    with open_enhancer(options, DEFAULTS) as enhance:
        if (options.only_dark or options.leave_bright) and not enhance.has_curve_map:
            raise DceliteError(f"{options.model}: has the curve in its graph, and no statistics for --only-dark")
    values = {name: getattr(options, name) for name in ("strength", "denoise", "noise_level", "scale", "quality")}
    values["denoise"] = DEFAULTS["denoise"] if values["denoise"] is None else values["denoise"]
    values["bright"] = _bright(options)
    values["model"] = sha256(options.model) if options.model else f"shipped with dcelite {dcelite.__version__}"
    return json.dumps(values, sort_keys=True)


def _bright(options: argparse.Namespace) -> str:
    return manifest.COPIED if options.only_dark else manifest.LEFT if options.leave_bright else manifest.DONE


def _plan(
    options: argparse.Namespace,
    source: Place,
    output: Place,
    pattern: re.Pattern[str] | None,
    settings: str,
    record: Manifest,
    log: TextIO,
) -> Plan:
    if options.list:
        found = listing.listed_inputs(source, options.list)
    else:
        found = listing.list_inputs(source, output, pattern)
    for text in found.unreadable:
        say(f"dcelite: error: {printable(text)}", log)
    if found.left_out:
        say(f"dcelite: left out: {describe(found.left_out)}", log)
    if not found.inputs:
        raise ImageError(f"{source.url}: holds no photograph{' that matches' if pattern else ''}")
    folders = {item.path.rpartition("/")[0] for item in found.inputs}
    work = plan(
        found.inputs,
        record.known(),
        existing_outputs(output, folders),
        settings,
        retry_failed=options.retry_failed,
        overwrite=options.overwrite,
    )
    work.unreadable = found.unreadable
    for item in work.rows:
        say(f"dcelite: error: {printable(item['error'])}", log)
    if work.altered:
        say(f"dcelite: note: {work.altered} outputs are not as they were made, and are left so", log)
    return work


def _work(
    options: argparse.Namespace,
    source: Place,
    output: Place,
    settings: str,
    record: Manifest,
    work: Plan,
    report: Report,
    interrupted: threading.Event,
    log: TextIO,
) -> None:
    token_name, token = f"{FOLDER}/run", os.urandom(8).hex()
    output.write(token_name, token.encode(), overwrite=True)
    record.add([*work.rows, *work.begin])
    model = Path(options.model).read_bytes() if options.model else None
    names = ("scale", "strength", "denoise", "noise_level", "threads")
    arguments = {name: getattr(options, name) for name in names}
    task = Task(
        source, output, model, arguments, DEFAULTS, options.quality, _bright(options), settings, token, token_name
    )
    with cluster.started(options.address, dashboard=options.dashboard) as dashboard:
        from dcelite.archive.flow import Flow

        if dashboard:
            say(f"Ray's dashboard: {dashboard}", log)
        calls = _CALLS[source.local and output.local]
        flow = Flow(task, work.jobs, options.threads, calls, interrupted, lambda text: say(f"dcelite: {text}", log))
        say(f"{len(work.jobs)} photographs, {flow.workers} workers", log)
        with _Recorder(record, report) as recorder, Progress("archive", len(work.jobs)) as progress:
            for rows in flow:
                for item in rows:
                    recorder.add(item)
                    report.add(item)
                    progress.advance(report.rate())
                    if item.get("error"):
                        say(f"dcelite: error: {printable(item['error'])}", log)
                report.check_writing()
    output.remove(token_name)


class _Recorder:
    """Writes rows into the manifest now and then, and what is left at the end, however it comes."""

    def __init__(self, record: Manifest, report: Report) -> None:
        self._record = record
        self._rows: list[Row] = []
        self._flushed = time.monotonic()

    def add(self, item: Row) -> None:
        self._rows.append(item)
        if len(self._rows) >= _FLUSH_ROWS or time.monotonic() - self._flushed > _FLUSH_SECONDS:
            self._flush()

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        self._flushed = time.monotonic()
        self._record.add(rows)

    def __enter__(self) -> _Recorder:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._flush()


class Report:
    """What became of the inputs in this run."""

    def __init__(self, work: Plan) -> None:
        self._work = work
        self.counts: Counter[str] = Counter(item["outcome"] for item in work.rows)
        self._failures = [item["path"] for item in work.rows]
        self._seconds = dict.fromkeys(STAGES, 0.0)
        self._begin = time.monotonic()
        self._done = 0
        self._unwritten: list[str] = []

    def add(self, item: Row) -> None:
        self.counts[item["outcome"]] += 1
        self._done += 1
        if item.get("error"):
            self._failures.append(item["path"])
        for stage in STAGES:
            self._seconds[stage] += item.get(f"{stage}_seconds", 0.0)
        self._unwritten = [*self._unwritten, item["error"]] if item["outcome"] == manifest.UNWRITTEN else []

    def check_writing(self) -> None:
        """Raise OutputError where nothing can be written any more."""
        if len(self._unwritten) >= _UNWRITTEN_IN_A_ROW:
            raise OutputError(f"{len(self._unwritten)} outputs in a row could not be written: {self._unwritten[-1]}")

    def rate(self) -> str:
        """Pictures per second, and how long the rest will take."""
        per_second = self._done / max(time.monotonic() - self._begin, 1e-9)
        left = (len(self._work.jobs) - self._done) / max(per_second, 1e-9)
        hours, minutes = divmod(round(left / 60), 60)
        return f"{per_second:.1f}/s, {f'{hours} h {minutes} min' if hours else f'{left / 60:.1f} min'} left"

    @property
    def unfinished(self) -> int:
        return len(self._work.jobs) - self._done

    def summary(self) -> str:
        """How many, how fast, and where the time of the workers went."""
        words = {
            manifest.DONE: "enhanced",
            manifest.DAMAGED: "damaged",
            manifest.COPIED: "bright already and copied",
            manifest.LEFT: "bright already and left out",
            manifest.FAILED: "failed",
            manifest.EXISTS: "not made since another file has the name",
            manifest.UNWRITTEN: "could not be written",
        }
        texts = [f"{self.counts[outcome]} {text}" for outcome, text in words.items() if self.counts[outcome]]
        before = self._work.settled
        if count := before.total() - before[manifest.FAILED]:
            texts.append(f"{count} were done already")
        if count := before[manifest.FAILED]:
            texts.append(f"{count} had failed before (--retry-failed tries them again)")
        text = ", ".join(texts) or "nothing was done"
        busy, elapsed = sum(self._seconds.values()), time.monotonic() - self._begin
        if not busy:
            return text
        shares = ", ".join(f"{stage} {seconds / busy:.0%}" for stage, seconds in self._seconds.items())
        return f"{text} in {elapsed:.1f} s ({self._done / elapsed:.1f} photographs/s: {shares})"

    def raise_failures(self) -> None:
        """Raise ImageError where an input has no result, or a damaged one."""
        failed = len(self._failures) + self._work.settled[manifest.FAILED] + self._work.settled[manifest.DAMAGED]
        unreadable = self._work.unreadable
        if not failed and not unreadable:
            return
        names = self._failures[:_NAMED_FAILURES] or ["in earlier runs"]
        more = f" and {len(self._failures) - len(names)} more" if len(self._failures) > len(names) else ""
        folders = f"; {len(unreadable)} folders could not be read" if unreadable else ""
        raise ImageError(f"{failed} of {self._work.total} photographs failed: {', '.join(names)}{more}{folders}")


def _write_page(source: Place, output: Place, settings: str, record: Manifest, report: Report, log: TextIO) -> None:
    name = f"{FOLDER}/archive.html"
    html = page.html_of(page.summary_of(record), source, output, settings, [f"Last run: {report.summary()}"])
    output.write(name, html.encode(), overwrite=True)
    say(f"page: {output.name_of(name)}", log)
