"""Other runtimes on frames of the same size, counted by the same plugin: wheels for aarch64, in an emulated Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dcelite.bench.arm import counting
from dcelite.bench.arm.counting import HERE, CountingError, Counts

MODELS = counting.REPOSITORY / "build" / "bench" / "models"
TRIPLET = "aarch64-linux-gnu"


@dataclass(frozen=True)
class Peer:
    """A row of the table."""

    name: str
    script: str
    """A file beside this one, whose arguments are a model and a number of frames."""
    model: str
    cpu: str = "cortex-a76"


PEERS = (
    Peer("ONNX Runtime, graph of the published code", "peer_onnx.py", "zerodcepp_scene_full_uint8_literal.onnx"),
    Peer("ONNX Runtime, graph that export writes", "peer_onnx.py", "zerodcepp_scene_full_uint8.onnx"),
    Peer("ONNX Runtime, its network alone, 100x75", "peer_onnx.py", "zerodcepp_scene.onnx"),
)


def count_all(folder: Path, plugin: Path) -> dict[str, Counts]:
    """Instructions of a frame of each peer; ``folder`` has what ``make bench-arm`` puts there: a Debian and packages.

    Raises:
        CountingError: something is absent, or a peer fails.
    """
    root = folder.absolute() / "debian" / "root"
    interpreter = next(iter(sorted(root.glob("usr/bin/python3.*"))), None)
    if interpreter is None:
        raise CountingError(f"{root}: has no Python; make bench-arm puts it there")
    libraries = root / "usr/lib" / TRIPLET
    emulated = {
        "LD_LIBRARY_PATH": f"{libraries}:{libraries / 'blas'}:{libraries / 'lapack'}",
        "PYTHONHOME": str(root / "usr"),
        "PYTHONPATH": f"{folder.absolute() / 'packages'}:{root / 'usr/lib/python3/dist-packages'}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    emulator = [counting.tool("qemu-aarch64", "qemu-user"), "-L", str(root)]
    for name, value in emulated.items():  # for the emulated program, not for the emulator
        emulator += ["-E", f"{name}={value}"]
    found: dict[str, Counts] = {}
    for peer in PEERS:
        model = MODELS / peer.model
        if not model.exists():
            raise CountingError(f"{model}: is absent; make bench-arm writes it")
        program = [str(interpreter), str(HERE / peer.script), str(model)]
        few, many = (counting.count([*emulator, "-cpu", peer.cpu], plugin, [*program, n], {}) for n in ("1", "3"))
        found[peer.name] = counting.difference(few, many, 2)
        print(f"{peer.name}: {counting.total(found[peer.name]) / 1e6:.1f} million instructions a frame", flush=True)
    return found
