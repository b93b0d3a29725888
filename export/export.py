"""Checkpoint -> ``.mindir``, ``.onnx``, ``.ms``, ``.dce``; each file is loaded again, compared, and recorded.

``dcelite export`` and ``python export/export.py`` both end in :func:`export`.
"""

from __future__ import annotations

import functools
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from dcelite.errors import DceliteError, OutputError
from dcelite.export.formats import FORMATS, available, check, write_model
from dcelite.export.golden import golden_set
from dcelite.export.manifest import FILE_NAME, file_record, manifest_text, read_manifest
from dcelite.export.spec import ExportSpec
from dcelite.export.verify import EQUAL_SHARE, LEVEL_TOLERANCE, MAP_TOLERANCE, Parity, mindspore_network, verify
from dcelite.extras import require
from dcelite.files import publish, refuse_existing, scratch_folder, write_text_atomically
from dcelite.interrupts import deferred_interrupts
from dcelite.model.architecture import ARCHITECTURES
from dcelite.model.checkpoint import Weights, load_weights
from dcelite.provenance import sha256, tool_versions
from dcelite.report.tables import text_table

FIXED_SIZE_FORMATS = ("mindir", "ms")
"""Formats in which a graph that holds the resizes has one image size."""


@dataclass(frozen=True)
class ExportOptions:
    """What ``dcelite export`` is asked for."""

    checkpoint: Path
    output: Path
    formats: tuple[str, ...] | None = None
    """None: all that make sense and whose runtime is installed."""
    size: tuple[int, int] | None = None
    """(height, width) of the image, for formats that fix it with ``resize_in_graph``."""
    scale: int | None = None
    """None: that of the architecture."""
    resize_in_graph: bool = False
    uint8: bool = False
    name: str | None = None
    overwrite: bool = False


def export(options: ExportOptions) -> list[Path]:
    """Write the model files and ``manifest.json``; returns their paths.

    Nothing appears in the output folder unless every file passed its comparison. Raises DceliteError where the options
    contradict each other or a file differs from the MindSpore network, and its kinds (ModelError,
    EngineUnavailableError, OutputError) for what else prevents an export.
    """
    wanted = _wanted_formats(options)
    weights = load_weights(options.checkpoint)
    scale = ARCHITECTURES[weights.architecture].scale if options.scale is None else options.scale
    spec = ExportSpec(weights.architecture, scale, options.resize_in_graph, options.uint8, options.size)
    require("export", "export", "mindspore")
    formats, skipped = available(wanted, explicit=options.formats is not None)
    specs = {}
    for name in formats:
        one = spec if name in FIXED_SIZE_FORMATS else replace(spec, size=None)
        specs[f"{options.name or one.stem}.{name}"] = one
    for file in specs:
        refuse_existing(options.output / file, options.overwrite)
    try:
        previous = read_manifest(options.output)
    except OutputError:
        if not options.overwrite:
            raise
        previous = {}
    with deferred_interrupts(ctrl_c_is_sigterm=True) as interrupted, scratch_folder(options.output) as scratch:
        digest = sha256(options.checkpoint)
        parities = _make_files(weights, specs, digest, scratch, interrupted)
        print(_table(scratch, parities, skipped), flush=True)
        for file, parity in parities.items():
            if not parity.passed:
                raise DceliteError(
                    f"{file}: is not the MindSpore network ({parity}); at most {MAP_TOLERANCE:g} and "
                    f"{LEVEL_TOLERANCE} level and {EQUAL_SHARE:.1%} were wanted; no file was written"
                )
        origin = {"checkpoint": {"file": options.checkpoint.name, "sha256": digest}, "tools": tool_versions()}
        records = {file: file_record(scratch / file, specs[file], parities[file]) | origin for file in specs}
        publish(scratch, options.output, overwrite=options.overwrite)
        # It has been read, and what it said is in the new one.
        manifest = options.output / FILE_NAME
        write_text_atomically(manifest, manifest_text(options.output, previous, records), overwrite=True)
    published = [*(options.output / file for file in specs), manifest]
    print(f"{', '.join(path.name for path in published)}: in {options.output}", flush=True)
    return published


def _wanted_formats(options: ExportOptions) -> tuple[str, ...]:
    """The formats to make, if their runtimes are there; refuses options that contradict each other."""
    formats = options.formats if options.formats is not None else FORMATS
    if not formats:
        raise DceliteError(f"--formats: names no format; a list of {', '.join(FORMATS)} was wanted")
    check(formats, FORMATS, options.name)
    if not options.resize_in_graph:
        for option, given in (("--size", options.size is not None), ("--uint8", options.uint8)):
            if given:
                raise DceliteError(f"{option}: goes with --resize-in-graph; the network alone takes float of any size")
        return formats
    if options.formats is None:
        formats = tuple(name for name in formats if name != "dce")
    elif "dce" in formats:
        raise DceliteError("--formats dce: goes without --resize-in-graph; the native engine always resizes itself")
    fixed = [name for name in formats if name in FIXED_SIZE_FORMATS]
    if fixed and options.size is None:
        raise DceliteError(
            f"--resize-in-graph: fixes the image size in {' and '.join(fixed)}; give --size HxW, or --formats onnx"
        )
    return formats


def _make_files(
    weights: Weights, specs: dict[str, ExportSpec], digest: str, folder: Path, interrupted: threading.Event
) -> dict[str, Parity]:
    """Write each file, load it again and compare it with the MindSpore network; Ctrl-C acts between these steps."""

    def stop_if_interrupted() -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt

    goldens = functools.cache(functools.partial(golden_set, network=mindspore_network(weights)))
    parities = {}
    for file, spec in specs.items():
        stop_if_interrupted()
        print(f"writing {file}", flush=True)
        write_model(weights, spec, spec.metadata(digest), folder / file)
        stop_if_interrupted()
        parities[file] = verify(folder / file, spec, goldens(spec))
    stop_if_interrupted()
    return parities


def _table(folder: Path, parities: dict[str, Parity], skipped: dict[str, str]) -> str:
    """The largest differences from the MindSpore network, one line a file."""
    rows = [("file", "bytes", "run in", "curve map", "8-bit", "equal")]
    for file, parity in parities.items():
        curve_map = "in graph" if parity.map_difference is None else f"{parity.map_difference:.1e}"
        equal = f"{parity.equal_share:.3%}" + ("" if parity.passed else "  FAILED")
        size = f"{(folder / file).stat().st_size:,}"
        rows.append((file, size, parity.runtime, curve_map, str(parity.level_difference), equal))
    table = text_table(rows, left=(0, 2, -1), indent="  ")
    lines = [f"  .{name} skipped: {text}" for name, text in skipped.items()]
    return "\n".join(["Largest differences from the MindSpore network:", table, *lines])


if __name__ == "__main__":
    from dcelite.cli import main

    sys.exit(main(["export", *sys.argv[1:]]))
