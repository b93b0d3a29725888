"""``python -m dcelite.bench.web.peer``: the package for browsers beside onnxruntime-web, in one run of one page.

    make web && python -m dcelite.bench.web.peer [--size 1200x900] [--rounds 15] [--json FILE]

The same dark picture goes through the package (8-bit RGBA in place) and through the graphs of the whole enhancement
(8-bit RGB in and out, made by ``dcelite export``), in turns, each with one thread and SIMD; then through the native
library with AVX2. It needs a clone with ``make setup``, npm and Chromium.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dcelite.bench.fixtures.scene import dark_scene
from dcelite.errors import DceliteError
from dcelite.files import refuse_existing, write_bytes_atomically

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
PACKAGE = REPOSITORY / "build" / "web" / "package"
CACHE = REPOSITORY / "build" / "bench" / "web"
CHECKPOINT = REPOSITORY / "models" / "zerodcepp_scene.ckpt"
PUBLISHED, EXPORTED = "published.onnx", "exported.onnx"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
NATIVE_ISA = "avx2"
RUNS = 8
"""Of the package for each one of its peer, which takes about that much longer."""


class _Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = {  # noqa: RUF012 (as in the base class)
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".js": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, *_arguments: Any) -> None:
        """Nothing is printed."""


def _program(*names: str) -> str:
    """The path of the first of these programs; raises DceliteError."""
    for name in names:
        if found := shutil.which(name):
            return found
    raise DceliteError(f"the program {names[0]} is absent")


def peer() -> Path:
    """The folder of onnxruntime-web, fetched once; raises DceliteError."""
    lock = HERE / "package-lock.json"
    done = CACHE / "node_modules" / "onnxruntime-web" / "dist"
    if not done.is_dir() or (CACHE / lock.name).read_bytes() != lock.read_bytes():
        CACHE.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", lock.name):
            shutil.copy(HERE / name, CACHE)
        command = [_program("npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        result = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise DceliteError(f"npm ci: {result.stderr.strip()}")
    return done


def write_graphs(folder: Path) -> None:
    """Both graphs of the whole enhancement; raises DceliteError."""
    made = folder / "made"
    export = [
        "-m",
        "dcelite.cli",
        "export",
        "--checkpoint",
        str(CHECKPOINT),
        "--output",
        str(made),
        "--formats",
        "onnx",
    ]
    graph = made / f"{CHECKPOINT.stem}_full_uint8.onnx"
    literal = ["-m", "dcelite.bench.fixtures.literal_curve", str(graph), str(folder / PUBLISHED)]
    for arguments in ([*export, "--resize-in-graph", "--uint8"], literal):
        result = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise DceliteError(f"{' '.join(arguments)}: {result.stderr.strip()}")
    graph.rename(folder / EXPORTED)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder, on this machine alone."""
    handler = functools.partial(_Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def _renderer(browser: Any) -> int:
    """The process of the page: of all renderers, the one that has worked most."""
    session = browser.new_browser_cdp_session()
    found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    return int(max((entry for entry in found if entry["type"] == "renderer"), key=lambda entry: entry["cpuTime"])["id"])


def processor_ms(process: int) -> float:
    """Milliseconds that the threads of a process have been on a processor, which other processes do not lengthen."""
    files = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) * 1e-6


def native_times(width: int, height: int, rounds: int) -> tuple[list[float], float]:
    """Milliseconds with AVX2, one thread, RGBA in place, and those on the processor for a run; raises DceliteError."""
    code = f"""
import json, time, numpy as np
from dcelite import Enhancer
from dcelite.bench.fixtures.scene import dark_scene
scene = np.dstack([dark_scene({width}, {height}), np.full(({height}, {width}), 255, np.uint8)])
image, times, enhance = np.empty_like(scene), [], Enhancer(threads=1)
for run in range({rounds} + 5):
    if run == 5:
        start = time.process_time()
    begin = time.perf_counter()
    image[:] = scene
    enhance(image, out=image)
    times.append(1e3 * (time.perf_counter() - begin))
print(json.dumps([times[5:], 1e3 * (time.process_time() - start) / {rounds}]))
"""
    environment = {**os.environ, "DCELITE_ISA": NATIVE_ISA}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise DceliteError(f"the native library: {result.stderr.strip().splitlines()[-1]}")
    times, processor = json.loads(result.stdout)
    return times, processor


def measure(width: int, height: int, rounds: int) -> dict[str, Any]:
    """What the page measured, with the native library's times; raises DceliteError."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise DceliteError("Playwright is not installed; run: pip install playwright") from None
    if not PACKAGE.is_dir():
        raise DceliteError(f"{PACKAGE}: is absent; run: make web")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in ("peer.html", "peer.js"):
            shutil.copy(HERE / file, folder)
        (folder / "dcelite").symlink_to(PACKAGE)
        (folder / "ort").symlink_to(peer())
        write_graphs(folder)
        (folder / "picture.rgb").write_bytes(dark_scene(width, height).tobytes())
        request = {
            "graphs": [PUBLISHED, EXPORTED],
            "picture": "picture.rgb",
            "width": width,
            "height": height,
            "options": {},
        }
        with served(folder) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=_program(*CHROMIUM), args=["--no-sandbox"])
            page = browser.new_page()
            page.goto(address + "peer.html")
            page.wait_for_function("document.title === 'ready'")
            found: dict[str, Any] = page.evaluate("request => window.prepare(request)", request)
            renderer = _renderer(browser)
            times: dict[str, list[float]] = {name: [] for name in ("exact", "fast", "camera", PUBLISHED, EXPORTED)}
            processor = dict.fromkeys(times, 0.0)
            for _ in range(rounds):
                for name in times:
                    count = 1 if name in (PUBLISHED, EXPORTED) else RUNS
                    before = processor_ms(renderer)
                    times[name] += page.evaluate("of => window.time(of)", {"name": name, "count": count})
                    processor[name] += (processor_ms(renderer) - before) / count / rounds
            found |= {"browser": browser.version, "times": times, "processor_ms": processor}
            browser.close()
    found["times"]["native"], found["processor_ms"]["native"] = native_times(width, height, RUNS * rounds)
    return {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "width": width, "height": height, **found}


def describe(found: dict[str, Any]) -> str:
    """The ratios, of medians, of shortest times, and of mean times on the processor."""
    times = found["times"]
    lines = [
        f"{found['width']} x {found['height']}, Chromium {found['browser']}, {found['engine']} SIMD, one thread each",
        f"{'':48}{'medians':>10}{'shortest':>10}{'processor':>11}",
    ]
    rows = [
        (f"onnxruntime-web, {graph}, against {precision}", graph, precision)
        for precision in ("exact", "fast")
        for graph in (PUBLISHED, EXPORTED)
    ]
    rows.append((f"exact in the browser against {NATIVE_ISA}", "exact", "native"))
    for label, slow, fast in rows:
        ratios = [of(times[slow]) / of(times[fast]) for of in (statistics.median, min)]
        ratios.append(found["processor_ms"][slow] / found["processor_ms"][fast])
        lines.append(f"{label:48}" + "".join(f"{ratio:8.2f} x" for ratio in ratios))
    milliseconds = {"exact": "exact, ms", "fast": "fast, ms", "camera": "a camera's frame, read and drawn, ms"}
    for name, label in milliseconds.items():
        figures = (statistics.median(times[name]), min(times[name]), found["processor_ms"][name])
        lines.append(f"{label:48}" + "".join(f"{figure:8.2f}  " for figure in figures))
    for graph, difference in found["differences"].items():
        lines.append(
            f"{graph}: {difference['equal']:.4%} of the values equal, largest difference {difference['largest']}"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--size", default="1200x900", help="WIDTHxHEIGHT")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, help="all times")
    parser.add_argument("--overwrite", action="store_true", help="the JSON file may be there")
    options = parser.parse_args()
    if not re.fullmatch(r"[1-9][0-9]{0,4}x[1-9][0-9]{0,4}", options.size) or options.rounds < 1:
        parser.error(f"--size {options.size} --rounds {options.rounds}: positive numbers as in 1200x900 were wanted")
    width, height = (int(part) for part in options.size.split("x"))
    try:
        if options.json:
            refuse_existing(options.json, options.overwrite)
        found = measure(width, height, options.rounds)
        if options.json:
            write_bytes_atomically(options.json, json.dumps(found, indent=1).encode(), overwrite=options.overwrite)
    except DceliteError as error:
        print(f"peer: error: {error}", file=sys.stderr)
        return 2
    print(describe(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
