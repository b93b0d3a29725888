"""The pictures of a run through the workers of a cluster: bounded, and whatever dies."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import ray
import ray.exceptions
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from dcelite.archive import manifest
from dcelite.archive.manifest import Row, row
from dcelite.archive.plan import Job, batches
from dcelite.archive.worker import Task, Worker
from dcelite.errors import DceliteError

_PAUSE = 0.25
_LOOK_AROUND = 3.0
"""Seconds between looks for machines that came or went."""
_GRACE = 3.0
"""Seconds that an interrupted run waits for what is at work."""
_DEATHS = 4
"""Of its worker that a picture may be present at; at the last one it is alone."""
_FAILED_STARTS = 10
"""Of workers in a row, before the run is given up."""


@dataclass(eq=False)
class _Actor:
    handle: Any
    ready: Any
    node: str
    running: dict[Any, list[Job]] = field(default_factory=dict)
    """By reference of the call."""
    alone: bool = False
    """A picture has it for itself."""


class Flow:
    """The jobs of a run.

    Args:
        threads: of each worker's Enhancer, and the processors that it takes of the cluster.
        calls: batches that a worker has at a time: while one computes, others read and write.
        interrupted: once it is set, no picture is begun.
        note: takes a line about the cluster.
    """

    def __init__(
        self,
        task: Task,
        jobs: Sequence[Job],
        threads: int,
        calls: int,
        interrupted: threading.Event,
        note: Callable[[str], None],
    ) -> None:
        self._task, self._threads, self._calls = task, threads, calls
        self._interrupted, self._note = interrupted, note
        self._remote: Any = ray.remote(Worker)
        self._options = {"num_cpus": threads, "max_restarts": 0, "max_concurrency": calls + 2}
        self._starting: list[_Actor] = []
        self._actors: list[_Actor] = []
        self._deaths: Counter[str] = Counter()
        self._suspects: deque[Job] = deque()
        self._excluded: set[str] = set()
        self._failed_starts = 0
        self._last_failure = ""
        self._looked = 0.0
        self._jobs = len(jobs)
        self.workers = max(1, min(self._room().total(), len(jobs)))
        self._waiting: deque[list[Job]] = deque(batches(jobs, self.workers))

    def _room(self) -> Counter[str]:
        """How many workers each machine has room for."""
        found: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
        nodes = [node for node in found if node["Alive"] and node["NodeID"] not in self._excluded]
        return Counter({node["NodeID"]: int(node["Resources"].get("CPU", 0)) // self._threads for node in nodes})

    def __iter__(self) -> Iterator[list[Row]]:
        """Rows of what has been done, as it is done. Raises DceliteError where no machine can do the work."""
        try:
            while self._waiting or self._suspects or any(actor.running for actor in self._actors):
                if self._interrupted.is_set():
                    yield from self._wind_up()
                    return
                self._look_around()
                self._submit()
                yield from self._collect(_PAUSE)
        finally:
            for actor in (*self._actors, *self._starting):
                ray.kill(actor.handle)

    def _look_around(self) -> None:
        """Start workers where there is room for them, and take up those that are ready."""
        if time.monotonic() - self._looked > _LOOK_AROUND:
            self._looked = time.monotonic()
            self._fill(self._room())
        if not self._starting:
            return
        ready, _ = ray.wait([a.ready for a in self._starting], num_returns=len(self._starting), timeout=0)
        for actor in [a for a in self._starting if a.ready in ready]:
            self._starting.remove(actor)
            self._take_up(actor)

    def _fill(self, room: Counter[str]) -> None:
        if not room.total() and not self._actors:
            raise DceliteError(
                f"no machine of {self._threads} processors can do the work"
                f"{f': {self._last_failure}' if self._last_failure else ''}"
            )
        room.subtract(actor.node for actor in (*self._actors, *self._starting))
        missing = self._jobs - len(self._actors) - len(self._starting)
        for node in [node for node, count in room.items() for _ in range(count)][: max(0, missing)]:
            # On this machine and no other: one that cannot do the work would be chosen again and again.
            placement = NodeAffinitySchedulingStrategy(node, soft=False)
            handle = self._remote.options(**self._options, scheduling_strategy=placement).remote(self._task)
            self._starting.append(_Actor(handle, handle.__ray_call__.remote(_introduction), node))

    def _take_up(self, actor: _Actor) -> None:
        try:
            host, problem = ray.get(actor.ready)
        except ray.exceptions.RayError as error:
            self._failed_starts += 1
            self._last_failure = _summary(error)
            self._looked = 0.0
            if self._failed_starts >= _FAILED_STARTS:
                raise DceliteError(f"workers do not start: {self._last_failure}") from None
            return
        if problem:
            self._last_failure = f"{host}: {problem}"
            if actor.node not in self._excluded:
                self._note(f"{host} is left out: {problem}")
            self._excluded.add(actor.node)
            self._looked = 0.0
            ray.kill(actor.handle)
            return
        self._failed_starts = 0
        self._actors.append(actor)

    def _submit(self) -> None:
        for actor in self._actors:
            while not actor.alone and len(actor.running) < self._calls:
                if self._suspects and self._deaths[self._suspects[0].path] >= 2:
                    if actor.running:
                        break  # it takes no more before it is alone
                    actor.alone = True
                    self._call(actor, [self._suspects.popleft()])
                elif self._suspects:
                    self._call(actor, [self._suspects.popleft()])
                elif self._waiting:
                    self._call(actor, self._waiting.popleft())
                else:
                    break

    def _call(self, actor: _Actor, batch: list[Job]) -> None:
        actor.running[actor.handle.work.remote(batch)] = batch

    def _collect(self, timeout: float) -> Iterator[list[Row]]:
        """Rows of the calls that have ended."""
        calls = {reference: actor for actor in self._actors for reference in actor.running}
        waited = [*calls, *(actor.ready for actor in self._starting)]
        if not waited:
            time.sleep(timeout)
            return
        ready, _ = ray.wait(waited, num_returns=1, timeout=timeout)
        if ready:  # and what else has ended meanwhile
            ready, _ = ray.wait(waited, num_returns=len(waited), timeout=0)
        for reference in ready:
            actor = calls.get(reference)
            if actor is None or reference not in actor.running:
                continue
            batch = actor.running.pop(reference)
            try:
                rows: list[Row] = ray.get(reference)
            except ray.exceptions.RayError as error:
                yield self._after_death(actor, batch, error)
            else:
                actor.alone = False
                yield rows

    def _after_death(self, actor: _Actor, batch: list[Job], error: Exception) -> list[Row]:
        """Take back what a worker had that died; the rows of those that it died over too often."""
        if actor in self._actors:
            self._actors.remove(actor)
            self._looked = 0.0
            ray.kill(actor.handle)
        lost = [*batch, *(job for other in actor.running.values() for job in other)]
        actor.running.clear()
        self._note(f"a worker died, {len(lost)} pictures are tried again: {_summary(error)}")
        rows = []
        for job in lost:
            self._deaths[job.path] += 1
            if self._deaths[job.path] >= _DEATHS:
                text = f"{job.path}: the worker died over it {_DEATHS} times: {_summary(error)}"
                rows.append(row(*job[:3], manifest.FAILED, self._task.settings, error=text))
            else:  # the output may be there already
                self._suspects.append(job._replace(replace=True))
        self._suspects = deque(sorted(self._suspects, key=lambda job: self._deaths[job.path]))
        return rows

    def _wind_up(self) -> Iterator[list[Row]]:
        """Rows of what was at work, as far as it ends soon."""
        for actor in self._actors:
            actor.handle.stop.remote()
        deadline = time.monotonic() + _GRACE
        while any(actor.running for actor in self._actors) and time.monotonic() < deadline:
            yield from self._collect(_PAUSE)


def _introduction(worker: Worker) -> tuple[str, str]:
    """The machine, and why it cannot do the work."""
    return socket.gethostname(), worker.problem()


def _summary(error: Exception) -> str:
    """The first sentence of what Ray has to say, which goes on for a page."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return lines[-1 if isinstance(error, ray.exceptions.RayTaskError) else 0]
