"""Processors, threads and energy of this machine, from folders made up for the test."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from dcelite.bench.run import host
from dcelite.machine import Machine


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(host, "HERE", Machine(root=tmp_path))
    return tmp_path


def put(root: Path, path: str, text: str) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_a_kernel_that_shows_nothing(root: Path) -> None:
    assert host.available_memory() is None
    counter = host.EnergyCounter()
    assert counter.source is None
    assert counter.read() is None


def test_big_and_little_cores(root: Path) -> None:
    for number in range(12):
        speed = "2400000" if number >= 10 else "1800000"
        put(root, f"sys/devices/system/cpu/cpu{number}/cpufreq/cpuinfo_max_freq", speed)
    assert host.choose_processors("big") == {10, 11}
    assert host.choose_processors("little") == set(range(10))


def test_equal_cores_have_no_big_ones(root: Path) -> None:
    for number in range(2):
        put(root, f"sys/devices/system/cpu/cpu{number}/cpu_capacity", "1024")
    with pytest.raises(ValueError, match="does not show"):
        host.choose_processors("big")


@pytest.mark.parametrize(("text", "wanted"), [("0", {0}), ("0-3,6", {0, 1, 2, 3, 6}), ("2, 4-5", {2, 4, 5})])
def test_cpu_lists(text: str, wanted: set[int]) -> None:
    assert host.parse_cpu_list(text) == wanted


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "1,,2", "1;2"])
def test_bad_cpu_lists(text: str) -> None:
    with pytest.raises(ValueError, match="a list such as"):
        host.parse_cpu_list(text)


def test_energy_wraps_around(root: Path) -> None:
    package = put(root, "sys/class/powercap/intel-rapl:0/energy_uj", "9000000")
    put(root, "sys/class/powercap/intel-rapl:0/max_energy_range_uj", "10000000")
    put(root, "sys/class/powercap/intel-rapl:0:0/energy_uj", "5")  # a part of package 0
    counter = host.EnergyCounter()
    assert counter.source == f"/{package.relative_to(root)}"
    assert counter.read() == 0.0
    package.write_text("9500000")
    assert counter.read() == pytest.approx(0.5)
    package.write_text("1000000")
    assert counter.read() == pytest.approx(2.0)


def test_no_permission_for_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_process: int, _processors: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(host.os, "sched_setaffinity", refuse)
    assert host.set_affinity({1, 0}) == "processors [0, 1]: Operation not permitted"


def test_threads_that_run_are_counted(root: Path) -> None:
    assert host.busy_threads() == 0
    put(root, f"proc/self/task/{threading.get_native_id()}/stat", "1 (python) R 1 1\n")
    put(root, "proc/self/task/98/stat", "98 (a) R (b) S 1 1\n")
    put(root, "proc/self/task/99/stat", "99 (worker) S 1 1\n")
    assert host.busy_threads() == 0
    put(root, "proc/self/task/99/stat", "99 (worker) R 1 1\n")
    assert host.busy_threads() == 1


def test_waiting_ends_when_threads_are_asleep_or_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = iter([2, 1, 0])
    monkeypatch.setattr(host, "busy_threads", lambda: next(busy))
    host.wait_for_threads()
    assert list(busy) == []
    monkeypatch.setattr(host, "busy_threads", lambda: 1)
    host.wait_for_threads(longest=0.01)


def test_a_thread_that_spins_is_busy() -> None:
    stop = False

    def spin() -> None:
        while not stop:
            hashlib.sha256(bytes(1 << 20))  # without the interpreter's lock

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        assert any(host.busy_threads() for _ in range(1000))
    finally:
        stop = True
        thread.join()
