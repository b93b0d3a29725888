"""ONNX to ``.ms``, with the converter of MindSpore Lite in a process of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from dcelite.errors import EngineUnavailableError, ModelError
from dcelite.files import refuse_existing, working_folder, write_bytes_atomically
from dcelite.mindspore_lite.build import CONVERTER, find_build
from dcelite.mindspore_lite.sdk import INSTALL_COMMAND, cached_sdk, host_architecture, run_program
from dcelite.mindspore_lite.seal import seal


def convert(
    onnx_path: Path,
    ms_path: Path,
    *,
    config: Path | None = None,
    input_shape: Mapping[str, Sequence[int]] | None = None,
    fp16: bool = False,
    scale: int = 0,
    overwrite: bool = False,
) -> None:
    """Convert ``onnx_path`` to ``ms_path``, which appears whole or not at all.

    ``$MSLITE_HOME``'s own converter_lite is used where there is one, else the converter of the installed SDK.
    ``config`` is a MindSpore Lite converter configuration (quantisation); ``input_shape`` fixes input sizes by input
    name; ``fp16`` stores the weights as float16. The result is sealed against damage (``seal.py``), and the seal holds
    ``scale``, the downsampling factor of the network (0: not known).

    Conv nodes of the ONNX graph must carry kernel_shape, strides, dilations and pads. An input (1, 3, h, w) becomes
    (1, h, w, 3); outputs keep their layout. Raises ModelError with the converter's reason, EngineUnavailableError where
    no converter is installed, OutputError.
    """
    refuse_existing(ms_path, overwrite)
    for path in (onnx_path, config):
        if path is not None and not path.is_file():
            raise ModelError(f"{path}: {'is not a file' if path.exists() else 'no such file'}")
    with working_folder() as scratch:
        # The converter insists on the suffixes .onnx and .ms, and appends the latter itself.
        source = scratch / "model.onnx"
        source.symlink_to(onnx_path.absolute())
        target = scratch / "model.ms"
        options = ["--fmk=ONNX", f"--modelFile={source}", f"--outputFile={target.with_suffix('')}"]
        if config is not None:
            options.append(f"--configFile={config}")
        if input_shape:
            shapes = (f"{name}:{','.join(map(str, shape))}" for name, shape in input_shape.items())
            options.append(f"--inputShape={';'.join(shapes)}")
        if fp16:
            options.append("--fp16=on")
        program, environment = _converter()
        # GLOG_v: levels below 3 (error) are not of interest here.
        environment = {**os.environ, "GLOG_v": "3", "GLOG_logtostderr": "1", **environment}
        result = run_program([program, *options], environment)
        if result.returncode != 0:
            raise ModelError(f"{onnx_path}: {_reason(result)}".replace(str(source), onnx_path.name))
        if not target.is_file() or target.stat().st_size == 0:
            raise ModelError(f"{onnx_path}: the MindSpore Lite converter wrote no model")
        write_bytes_atomically(ms_path, seal(target.read_bytes(), scale), overwrite=overwrite)


def _converter() -> tuple[Path, dict[str, str]]:
    """The converter program and what it needs in the environment."""
    home = os.environ.get("MSLITE_HOME")
    if home and (official := shutil.which(Path(home).absolute() / "tools/converter/converter/converter_lite")):
        libraries = [str(Path(official).parent.parent / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
        return Path(official), {"LD_LIBRARY_PATH": ":".join(filter(None, libraries))}
    try:
        sdk = cached_sdk(host_architecture())
    except EngineUnavailableError:
        if not home:
            raise
        raise EngineUnavailableError(
            "MSLITE_HOME has no tools/converter/converter/converter_lite; "
            f"for the converter of the PyPI package unset MSLITE_HOME and run: {INSTALL_COMMAND}"
        ) from None
    return find_build(sdk) / CONVERTER, {}


def _reason(result: subprocess.CompletedProcess[str]) -> str:
    """Why a conversion failed: the first error that the converter logged is the innermost."""
    log = result.stdout + result.stderr
    errors = re.findall(r"^\[ERROR\].*?\] \w+\] (.*)$", log, re.MULTILINE)
    errors += [line for line in log.splitlines() if line.startswith("converter: ")]
    detail = "; ".join(dict.fromkeys(errors[:2])) or "it gave no reason"
    if result.returncode < 0:
        name = signal.Signals(-result.returncode).name
        return f"the MindSpore Lite converter crashed ({name}); is this a valid ONNX model? {detail}"[:400]
    return f"the MindSpore Lite converter refused it: {detail}"[:400]
