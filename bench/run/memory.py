"""Memory of a call, measured in a process of its own: ``python -m dcelite.bench.run.memory``.

The peak that Linux keeps of a process (VmHWM) is reset once model and pictures are in memory; what it grows by during
two calls is what a call takes beyond input and output. Processes that an engine starts count as well.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, TypedDict

from dcelite.bench.run.variants import ENHANCE, NUMPY, OpenVariant, Variant

SECONDS = 120.0
_PEAK_RESET = "5"
"""Written to clear_refs, this resets the peak (Linux 4.0)."""


class Memory(TypedDict):
    extra_bytes: int
    """Beyond input and output, at the peak of a call."""
    resident_bytes: int
    """Of the process (Python and libraries included) with model and pictures, before the call."""


def _processes() -> list[str]:
    """This process and its children."""
    children: list[str] = []
    for path in Path("/proc/self/task").glob("*/children"):
        children += path.read_text().split()
    return ["self", *children]


def _status(process: str, field: str) -> int:
    """Bytes of a field in kB of /proc/PROCESS/status."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"/proc/{process}/status has no {field}")


def call_memory(variant: Variant, threads: int, width: int, height: int) -> Memory:
    """Measure in this process; raises OSError where the kernel does not tell."""
    import numpy as np

    from dcelite.bench.run.roofline import shipped_model

    image, out = np.full((2, height, width, 3), 40, np.uint8)
    opened = OpenVariant(variant, threads, shipped_model())
    if opened.has_curve_network:
        tiny = np.full((8, 8, 3), 40, np.uint8)
        opened.task(ENHANCE, tiny, tiny.copy())()  # loads the code and starts the threads
    task = opened.task(ENHANCE, image, out)
    processes = _processes()
    for process in processes:
        Path(f"/proc/{process}/clear_refs").write_text(_PEAK_RESET)
    before = sum(_status(process, "VmRSS") for process in processes)
    for _ in range(2):
        result = task()
    peak = sum(_status(process, "VmHWM") for process in processes)
    extra = peak - before
    if result is not None:
        extra -= result.nbytes  # the engine allocated its output
    opened.close()
    return {"extra_bytes": max(extra, 0), "resident_bytes": before}


def measure(variant: Variant, threads: int, width: int, height: int) -> tuple[Memory | None, str | None]:
    """Measure in a new process; where that fails, None and the reason."""
    if variant.engine == NUMPY:
        return None, "not measured for the NumPy reference"
    request = [str(part or "") for part in (variant.model, variant.engine, variant.isa, variant.library)]
    request += [str(threads), str(width), str(height)]
    command = [sys.executable, "-m", "dcelite.bench.run.memory", *request]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        return None, lines[-1] if lines else f"exit code {done.returncode}"
    with contextlib.suppress(ValueError):
        result: Memory = json.loads(done.stdout.splitlines()[-1])
        return result, None
    return None, "no answer"


def main(arguments: list[str]) -> None:
    model, engine, isa, library = arguments[:4]
    threads, width, height = map(int, arguments[4:])
    variant = Variant(Path(model) if model else None, engine, isa or None, library=Path(library) if library else None)
    result: dict[str, Any] = dict(call_memory(variant, threads, width, height))
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
