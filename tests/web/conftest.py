"""What the tests of package and page share: Node, the packages of npm, the built files, a server, Chromium."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support import REPOSITORY, skip
from web_tools import BUILT, HERE, program, run

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

sys.path.insert(0, str(REPOSITORY / "packaging"))


@pytest.fixture(scope="session")
def node() -> str:
    return program("node", "nodejs")


@pytest.fixture(scope="session")
def npm() -> str:
    return program("npm", "npm")


@pytest.fixture(scope="session")
def built() -> Path:
    """What ``make web`` made: ``package`` and ``page``."""
    if not (BUILT / "page" / "index.html").is_file():
        skip(f"{BUILT} is absent: make web")
    return BUILT


@pytest.fixture(scope="session")
def node_modules(npm: str) -> Path:
    """What package-lock.json names."""
    folder = REPOSITORY / "build" / "web-tests"
    lock = (HERE / "package-lock.json").read_text()
    if not (folder / "done").is_file() or (folder / "done").read_text() != lock:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        if result.returncode != 0:
            skip(f"the packages of npm cannot be had: {result.stderr.strip().splitlines()[-1:]}")
        (folder / "done").write_text(lock)
    return folder / "node_modules"


@pytest.fixture(scope="session")
def installed(npm: str, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder elsewhere with the packed package installed."""
    folder = tmp_path_factory.mktemp("consumer")
    packed = run(npm, "pack", "--silent", built / "package", cwd=folder).strip()
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    run(npm, "install", "--silent", "--offline", "--no-audit", "--no-fund", f"./{packed}", cwd=folder)
    return folder


@pytest.fixture(scope="session")
def address(built: Path) -> Iterator[str]:
    """Of the served page."""
    import serve_web

    class Quiet(serve_web.Handler):
        def log_message(self, *_arguments: Any) -> None:
            pass

    serving = serve_web.server(built / "page", handler=Quiet)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}/"
    serving.shutdown()
    serving.server_close()


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Any]]:
    """Starts Chromium with arguments; the browsers end with the tests."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        skip("Chromium is absent: apt-get install chromium")
    with playwright.sync_playwright() as running:
        browsers = []

        def start(*arguments: str) -> Any:
            browser = running.chromium.launch(executable_path=path, args=["--no-sandbox", *arguments])
            browsers.append(browser)
            return browser

        yield start
        for browser in browsers:
            browser.close()
