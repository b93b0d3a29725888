"""The ``dcelite`` command: finds the subcommands of the parts that are installed, and turns errors into one line."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import dcelite
from dcelite import interrupts
from dcelite.errors import DceliteError, EngineUnavailableError
from dcelite.streams import lenient_streams, printable

COMMAND_MODULES = (
    "dcelite.commands.enhance",
    "dcelite.commands.video",
    "dcelite.commands.info",
    "dcelite.training.cli",
    "dcelite.training.evaluate_command",
    "dcelite.export.cli",
    "dcelite.quantize.cli",
    "dcelite.bench.cli",
    "dcelite.archive.cli",
)
"""Modules with ``add_command(subparsers)``. They import nothing heavy before their command runs; a part that is not
installed is passed over."""
EXTRA_OF = {"train": "train", "evaluate": "train", "export": "export", "quantize": "export", "archive": "archive"}
"""The commands of dcelite-tools, a wheel of its own, and the extra that brings each."""

EXIT_BAD_INPUT = 2
EXIT_OF_SIGNAL = 128
"""To which the number of the signal is added that ended the command: 130 for Ctrl-C."""


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dcelite", description="Low-light image enhancement with Zero-DCE curves, in real time on CPUs."
    )
    parser.add_argument("--version", action="version", version=f"dcelite {dcelite.__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in COMMAND_MODULES:
        if _installed(module):
            importlib.import_module(module).add_command(subparsers)
    for name, extra in EXTRA_OF.items():
        if name not in subparsers.choices:
            _add_absent(subparsers, name, f"is not installed; run: pip install 'dcelite[{extra}]'")
    return parser


def _add_absent(subparsers: Any, name: str, text: str) -> None:
    """A command that says what to install, whatever it is given."""

    def refuse(_options: argparse.Namespace) -> int:
        raise EngineUnavailableError(f"dcelite {name}: {text}")

    parser = subparsers.add_parser(name, help=text, add_help=False, prefix_chars="\0")
    parser.add_argument("anything", nargs="*")
    parser.set_defaults(run=refuse)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit code: 0, 2 for bad input, 128 + n when signal n ended it (130: Ctrl-C)."""

    def command() -> int | None:
        options = build_parser().parse_args(arguments)
        result: int | None = options.run(options)
        return result

    return exit_code("dcelite", command)


def exit_code(name: str, command: Callable[[], int | None]) -> int:
    """Run a command; returns its own exit code or 0, 2 for bad input, 128 + n when signal n ended it, and says so.

    It runs to its end whether or not somebody reads what it prints.
    """
    with lenient_streams() as streams:
        try:
            with interrupts.orderly_end():
                code = command() or 0
        except DceliteError as error:
            message = " ".join(str(error).split())
            print(f"{name}: error: {printable(message)}", file=sys.stderr)
            code = EXIT_BAD_INPUT
        except KeyboardInterrupt:
            print(f"{name}: interrupted", file=sys.stderr)
            code = EXIT_OF_SIGNAL + interrupts.received()
        if message := streams.failure():
            print(f"{name}: error: {message}", file=sys.stderr)
            code = code or EXIT_BAD_INPUT
    if interrupts.threads_left():
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
