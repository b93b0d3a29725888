"""Programs that the tests of the package and of the page run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from support import REPOSITORY, skip

HERE = Path(__file__).parent
BUILT = REPOSITORY / "build" / "web"


def program(name: str, package: str) -> str:
    """The path of a program; skips the test where it is absent."""
    found = shutil.which(name)
    if found is None:
        skip(f"the program {name} is absent: apt-get install {package}")
    return str(found)


def run(*command: str | Path, cwd: Path | None = None, timeout: float = 300) -> str:
    """What a command prints; a failure shows all."""
    result = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False, timeout=timeout
    )
    assert result.returncode == 0, f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}"
    return result.stdout
