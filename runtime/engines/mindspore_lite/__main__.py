"""``python -m dcelite.mindspore_lite install | status``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from dcelite.cli import exit_code
from dcelite.errors import EngineUnavailableError
from dcelite.mindspore_lite import build, sdk


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 2 where the user has to mend something."""
    parser = argparse.ArgumentParser(
        prog="python -m dcelite.mindspore_lite", description="Obtain MindSpore Lite for .ms models, without Python 3.7."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    install = commands.add_parser("install", help="fetch the SDK (or use $MSLITE_HOME), compile converter and engine")
    install.add_argument("--arch", choices=sorted(sdk.WHEELS), help="architecture (default: this machine's)")
    install.add_argument("--force", action="store_true", help="fetch and compile again, and replace, what is there")
    install.set_defaults(run=_install)
    status = commands.add_parser("status", help="say what is installed, and where; exit code 1 if nothing is")
    status.set_defaults(run=_status)
    options = parser.parse_args(arguments)
    return exit_code("dcelite", lambda: options.run(options))


def _install(options: argparse.Namespace) -> int:
    architecture = options.arch or sdk.host_architecture()
    compiler = build.find_compiler(architecture)
    if os.environ.get("MSLITE_HOME"):
        found = sdk.find_sdk(architecture)
    else:
        size = f"{sdk.WHEELS[architecture].megabytes} MB, unless it is in the cache"
        print(f"fetching MindSpore Lite {sdk.VERSION} for {architecture} ({size})", flush=True)
        found = sdk.install_sdk(architecture, force=options.force)
    print(f"compiling its engine with {' '.join(compiler)}", flush=True)
    print(f"MindSpore Lite is ready: {build.build(found, compiler, force=options.force)}")
    return 0


def _status(_options: argparse.Namespace) -> int:
    ready = False
    for architecture in sorted(sdk.WHEELS):
        try:
            found = sdk.find_sdk(architecture)
        except EngineUnavailableError as error:
            if architecture == sdk.host_architecture():
                print(f"{architecture}: {error}")
            continue
        print(f"{architecture}: SDK {found.library}")
        folder = build.build_folder(found)
        missing = f"not compiled; run: {sdk.INSTALL_COMMAND} --arch {architecture}"
        print(f"{architecture}: engine {folder if folder.is_dir() else missing}")
        ready = ready or folder.is_dir()
    return 0 if ready else 1


if __name__ == "__main__":
    sys.exit(main())
