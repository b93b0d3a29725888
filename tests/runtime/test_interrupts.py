"""Signals that end a command: nothing is left behind, the exit code says which it was."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dcelite import cli
from dcelite.interrupts import deferred_interrupts

ENDING = [
    getattr(signal, f"SIG{name}")
    for name in ("INT", "TERM", "HUP", "QUIT", "XCPU", "USR1", "USR2", "ALRM", "VTALRM", "PROF", "IO")
]

PROGRAM = """
import contextlib, os, signal, sys, time
from pathlib import Path
from dcelite.cli import exit_code
from dcelite.files import atomic_output, scratch_folder
from dcelite.interrupts import deferred_interrupts

def wait():
    print("ready", flush=True)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.05)

def at_once():
    with atomic_output(Path("out.txt")) as temporary, scratch_folder(Path("new")) as scratch:
        temporary.write_text("half")
        (scratch / "a").write_text("half")
        wait()

def deferred():
    with deferred_interrupts() as interrupted:
        at_once()

def slow_end():
    with atomic_output(Path("out.txt")) as temporary:
        try:
            wait()
        finally:
            wait()

def forked():
    with atomic_output(Path("out.txt")) as temporary:
        child = os.fork()
        if child == 0:
            print("ready", os.getpid(), sep="\\n", flush=True)
            time.sleep(60)
            os._exit(0)
        os.waitpid(child, 0)
        sys.exit(0 if temporary.exists() else 1)

sys.exit(exit_code("test", globals()[sys.argv[1]]))
"""


@contextlib.contextmanager
def running(what: str, folder: Path, *, ignored: signal.Signals | None = None) -> Iterator[subprocess.Popen[str]]:
    """The program in a folder, when it waits; with the signals as a shell in a terminal sets them."""

    def prepare() -> None:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN if number == ignored else signal.SIG_DFL)

    command = [sys.executable, "-c", PROGRAM, what]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=prepare
    ) as process:
        try:
            wait_for_line(process)
            yield process
        finally:
            process.kill()


def wait_for_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_each_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with running("at_once", tmp_path) as process:
        assert len(list(tmp_path.iterdir())) == 2
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (128 + number, "test: interrupted\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["deferred", "slow_end"])
def test_a_second_signal_ends_it_at_once(tmp_path: Path, what: str) -> None:
    """While the first is held back, and while what it interrupted is being put in order."""
    with running(what, tmp_path) as process:
        process.send_signal(signal.SIGINT)
        if what == "slow_end":
            assert wait_for_line(process) == "ready"
        else:
            time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    assert process.returncode == 128 + signal.SIGTERM
    assert [path for path in tmp_path.rglob("*") if path.name != "new"] == []


@pytest.mark.parametrize("what", ["at_once", "deferred"])
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_what_it_was_started_to_ignore_it_ignores(tmp_path: Path, number: signal.Signals, what: str) -> None:
    """SIGHUP under nohup; SIGINT of a job in the background of a script."""
    with running(what, tmp_path, ignored=number) as process:
        process.send_signal(number)
        process.send_signal(number)
        time.sleep(0.3)
        assert process.poll() is None
        process.kill()


def test_a_signal_to_a_forked_child_is_the_childs_alone(tmp_path: Path) -> None:
    with running("forked", tmp_path) as process:
        os.kill(int(wait_for_line(process)), signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_handlers_are_put_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(number) for number in ENDING]

    def command() -> None:
        assert [signal.getsignal(number) for number in ENDING] != before
        with deferred_interrupts():
            signal.raise_signal(signal.SIGTERM)
        raise KeyboardInterrupt

    assert cli.exit_code("test", command) == 128 + signal.SIGTERM
    assert cli.exit_code("test", lambda: None) == 0
    assert [signal.getsignal(number) for number in ENDING] == before


def test_a_program_keeps_its_own_handlers() -> None:
    """All but those of the signals that MindSpore must not see."""
    heard = []
    before = signal.signal(signal.SIGUSR1, lambda *_: heard.append("usr1"))
    try:
        with deferred_interrupts() as interrupted:
            signal.raise_signal(signal.SIGUSR1)
            assert not interrupted.is_set()
            signal.raise_signal(signal.SIGTERM)
            assert interrupted.is_set()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard == ["usr1"]


def test_where_mindspore_passes_ctrl_c_on_it_counts_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        with deferred_interrupts(ctrl_c_is_sigterm=True) as interrupted:
            signal.raise_signal(signal.SIGTERM)
        if interrupted.is_set():
            raise KeyboardInterrupt

    assert cli.exit_code("test", command) == 130
