"""MindSpore Lite: weight-only and full int8 ``.ms`` files, made by its own quantisation.

It is given weights that ``rounding.py`` has put on the grid that its quantisation lays over them (symmetric for full
int8, affine for weight-only), so that its rounding changes nothing. For the range of an activation it takes the
smallest and the largest value; ``equalize.borne_by_one_channel`` sees to it that this leaves headroom. Its own bias
correction is off: these biases are corrected already, and it would cost 4 dB. What its activations add to the mean of
the map is measured on the converted model and taken from the last bias before the model is converted again.

A scene head stays in floats, the convolutions that it adds to do not: to keep these in floats as well made the file
larger and the worst photograph no better. To name their Adds among the nodes kept in floats changes nothing.

Beside each model, in a folder that should be new, stand the network that the converter was given, its configuration in
converter_lite's format, and for full int8 the calibration pictures as it wants them, so that there

    converter_lite --fmk=ONNX --modelFile=NAME_source.onnx --outputFile=NAME --configFile=NAME.cfg

reproduces the conversion (full int8 with --inputShape=image:1,3,48,64).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dcelite.export.lite import write_ms
from dcelite.export.onnx_graph import build_model, write_onnx
from dcelite.export.spec import ExportSpec
from dcelite.files import working_folder
from dcelite.mindspore_lite import open_model

CALIBRATION_SIZE = (48, 64)
"""(height, width) of the calibration inputs: the converter takes one size. The model it makes takes any."""

LAST_BIAS = "e_conv7.point_conv.bias"

WEIGHT_ONLY = """\
[common_quant_param]
quant_type=WEIGHT_QUANT
bit_num=8
min_quant_weight_size=0
min_quant_weight_channel=0
{skip}
"""

FULL = f"""\
{WEIGHT_ONLY.replace("WEIGHT_QUANT", "FULL_QUANT")}
[full_quant_param]
activation_quant_method=MAX_MIN
bias_correction=false
per_channel=true

[data_preprocess_param]
calibrate_path=image:{{folder}}
calibrate_size={{count}}
input_type=BIN
"""


def fitted(image: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """The middle of a picture (h, w, 3) in another size; what it lacks is mirrored."""
    missing = np.maximum(np.subtract(size, image.shape[:2]), 0)
    padded = np.pad(image, [*((m // 2, m - m // 2) for m in missing), (0, 0)], mode="symmetric")
    top, left = np.subtract(padded.shape[:2], size) // 2
    return padded[top : top + size[0], left : left + size[1]]


def remove_surplus_inputs(folder: Path, count: int) -> None:
    """Remove what an earlier conversion with more pictures than ``count`` left; files of any other kind stay."""
    size = 4 * 3 * CALIBRATION_SIZE[0] * CALIBRATION_SIZE[1]
    for path in folder.iterdir():
        number = path.stem
        if path.name == f"{number}.bin" and number.isdecimal() and int(number) >= count and path.stat().st_size == size:
            path.unlink()


def skipped_nodes(arrays: Mapping[str, NDArray[np.float32]], spec: ExportSpec) -> str:
    """The line of the configuration that names the nodes to be kept in floats; empty without a scene head."""
    names = (node.name for node in build_model(arrays, spec, {}).graph.node)
    skipped = [name for name in names if name.startswith("scene_head.")]
    return f"skip_quant_node={','.join(skipped)}" if skipped else ""


def write_ms_weight_only(
    arrays: Mapping[str, NDArray[np.float32]], spec: ExportSpec, metadata: Mapping[str, str], path: Path
) -> None:
    """Write the ``.ms`` with 8-bit weights and float arithmetic, its ``.cfg`` and source; raises as ``write_ms``."""
    config = path.with_suffix(".cfg")
    config.write_text(WEIGHT_ONLY.format(skip=skipped_nodes(arrays, spec)))
    write_ms(arrays, spec, metadata, path, config=config)
    write_onnx(arrays, spec, metadata, path.with_name(f"{path.stem}_source.onnx"))


def write_ms_full(
    arrays: Mapping[str, NDArray[np.float32]],
    spec: ExportSpec,
    metadata: Mapping[str, str],
    images: Sequence[NDArray[np.float32]],
    maps: Sequence[NDArray[np.float32]],
    path: Path,
) -> None:
    """Write the full int8 ``.ms``, its ``.cfg``, source, and calibration pictures as raw float32 (1, h, w, 3).

    ``maps`` are those that the fp32 network makes of the images, (h, w, 3). Raises as :func:`write_ms`.
    """
    inputs = path.with_name(f"{path.stem}_calibration")
    inputs.mkdir()
    for index, image in enumerate(images):
        fitted(image, CALIBRATION_SIZE).astype("<f4").tofile(inputs / f"{index:03}.bin")
    values = {"count": len(images), "skip": skipped_nodes(arrays, spec)}
    path.with_suffix(".cfg").write_text(FULL.format(folder=inputs.name, **values))
    with working_folder() as folder:
        config = folder / "model.cfg"
        config.write_text(FULL.format(folder=inputs.absolute(), **values))
        options = {"config": config, "input_shape": {"image": (1, 3, *CALIBRATION_SIZE)}}
        write_ms(arrays, spec, metadata, path, **options)
        centered = {**arrays, LAST_BIAS: arrays[LAST_BIAS] + mean_error(path, images, maps)}
        write_ms(centered, spec, metadata, path, **options, overwrite=True)
    write_onnx(centered, spec, metadata, path.with_name(f"{path.stem}_source.onnx"))


def mean_error(
    path: Path, images: Sequence[NDArray[np.float32]], maps: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """What the last bias of a ``.ms`` model lacks for the means of its maps to be those of ``maps``: (3,)."""
    errors = slopes = np.zeros(3)
    with open_model(path, 1) as model:
        for image, wanted in zip(images, maps, strict=True):
            seen = model.run(np.ascontiguousarray(image.transpose(2, 0, 1))).transpose(1, 2, 0)
            errors = errors + (wanted - seen).sum((0, 1), dtype=np.float64)
            slopes = slopes + (1 - wanted**2).sum((0, 1), dtype=np.float64)  # of tanh
    return (errors / slopes).astype(np.float32)
