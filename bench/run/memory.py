"""Memory of a call, measured in a process of its own: ``python -m dcelite.bench.run.memory``.

The peak that Linux keeps of a process (VmHWM) is reset once model and pictures are in memory; what it grows by during
two calls is what a call takes beyond input and output. Processes that an engine starts count as well.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np

from dcelite.bench.run.roofline import shipped_model
from dcelite.bench.run.variants import ENHANCE, NUMPY, OpenVariant, Variant
from dcelite.machine import Machine

SECONDS = 120.0
_PEAK_RESET = "5"
"""Written to clear_refs, this resets the peak (Linux 4.0)."""


def _status(processes: list[str], field: str) -> int:
    """Bytes of a field in kB of /proc/PROCESS/status, of all these."""
    found = [Machine().field(f"proc/{process}/status", field) for process in processes]
    if None in found:
        raise OSError(f"/proc/PROCESS/status has no {field}")
    return 1024 * sum(int(text.split()[0]) for text in found if text is not None)


def call_memory(variant: Variant, threads: int, width: int, height: int) -> dict[str, int]:
    """Measure in this process: what a call takes at its peak, beyond input and output ("extra_bytes"), and what the
    process, Python and libraries included, has with model and pictures before it ("resident_bytes").

    Raises:
        OSError: the kernel does not tell.
    """
    image, out = np.full((2, height, width, 3), 40, np.uint8)
    opened = OpenVariant(variant, threads, shipped_model())
    if opened.has_curve_network:
        tiny = np.full((8, 8, 3), 40, np.uint8)
        opened.task(ENHANCE, tiny, tiny.copy())()  # loads the code and starts the threads
    task = opened.task(ENHANCE, image, out)
    children = (path.read_text().split() for path in Path("/proc/self/task").glob("*/children"))
    processes = ["self", *(child for some in children for child in some)]
    for process in processes:
        Path(f"/proc/{process}/clear_refs").write_text(_PEAK_RESET)
    before = _status(processes, "VmRSS")
    for _ in range(2):
        result = task()
    extra = _status(processes, "VmHWM") - before
    if result is not None:
        extra -= result.nbytes  # the engine allocated its output
    opened.close()
    return {"extra_bytes": max(extra, 0), "resident_bytes": before}


def measure(variant: Variant, threads: int, width: int, height: int) -> tuple[dict[str, int] | None, str | None]:
    """Measure in a new process; where that fails, None and the reason."""
    if variant.engine == NUMPY:
        return None, "not measured for the NumPy reference"
    command = [sys.executable, "-m", "dcelite.bench.run.memory"]
    request = pickle.dumps((variant, threads, width, height))
    try:
        done = subprocess.run(command, input=request, capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    if done.returncode != 0:
        return None, (done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return json.loads(done.stdout.splitlines()[-1]), None


if __name__ == "__main__":
    print(json.dumps(call_memory(*pickle.load(sys.stdin.buffer))))
