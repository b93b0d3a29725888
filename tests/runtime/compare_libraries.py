"""Holds two builds of the core library against each other: every result has to have the same bytes.

    python tests/runtime/compare_libraries.py BEFORE/libdcelite.so AFTER/libdcelite.so [--quick]

Each library enhances photographs of scikit-image, darkened, in a process of its own: sizes from 1x1 to 1920x1080, even
and odd, all pixel formats, their conversions and chroma steps, in place and not, on 1, 2, 3 and 8 threads, with the
shipped weights, those of Zero-DCE, int8 weights and an engine, the frames of a video with smoothing, curve maps, and
with every instruction set that both know, and the one that each chooses. What one of them does not know yet, a format
or a setting, is left out. ``--quick`` leaves the largest size out.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import itertools
import os
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage.data
import skimage.transform
from numpy.typing import NDArray

from dcelite import _native, core

MODELS = Path(__file__).resolve().parents[2] / "models"
SIZES = [(1, 1), (1, 2), (2, 1), (3, 3), (1, 199), (199, 1), (12, 13), (97, 101), (130, 257)]
LARGE = [(481, 640), (900, 1203)]
LARGEST = (1080, 1920)
THREADS = (1, 2, 3, 8)
MODELS_AND_SCALES = [
    *(("zerodcepp", 0), ("zerodcepp", 3), ("zerodce", 0), ("zerodce", 12), ("int8", 0), ("int8", 2)),
    *(("engine3", 0), ("engine24", 5)),
]
INTERLEAVED = [_native.RGB8, _native.BGR8, _native.RGBA8, _native.BGRA8]
WIDE = [_native.RGB16, _native.RGBA16]
CHANNELS = {_native.RGB8: 3, _native.BGR8: 3, _native.RGBA8: 4, _native.BGRA8: 4, _native.RGB16: 3, _native.RGBA16: 4}
YUV = [
    (_native.NV12, 0),
    (_native.NV21, 0),
    (_native.I420, 0),
    (_native.I420, 2),
    (_native.I420, 3),
]  # with chroma steps
YUV_OF_10_BITS = [(_native.P010, 0), (_native.I010, 0)]
UNKNOWN = "unknown to this library"
Bytes = NDArray[np.uint8]


def photographs() -> list[NDArray[np.float64]]:
    """R'G'B', 0 … 1, dark and with noise, at the largest size."""
    rng = np.random.default_rng(5)
    dark = []
    for image in (skimage.data.astronaut(), skimage.data.coffee(), skimage.data.chelsea()):
        wide = skimage.transform.resize(image.astype(np.float64) / 255, LARGEST, order=1)
        dark.append(np.clip(0.35 * wide**1.5 + rng.normal(0, 0.01, wide.shape), 0, 1))
    return dark


def int8_model() -> bytes:
    """A .dce file in int8 whose map says something."""
    rng = np.random.default_rng(3)
    body = b""
    for layer in range(7):
        inputs, outputs = (3, 32, 32, 32, 64, 64, 64)[layer], 3 if layer == 6 else 32
        multiplier = 1e-5 if layer == 6 else 0.006 if layer == 0 else 0.002
        for shape, scale, middle in (
            ((inputs, 9), 0.002, 128),
            ((outputs, inputs), multiplier, 0 if layer == 6 else 128),
        ):
            weights = rng.integers(-127, 128, shape)
            biases = (middle / scale - 128 * weights.sum(1)).astype("<i4")
            body += weights.astype(np.int8).tobytes() + biases.tobytes() + np.full(shape[0], scale, "<f4").tobytes()
    fields = struct.pack("<7I20x", 64 + len(body), 1, 1, 12, 8, 32, 3)
    checksum = zlib.crc32(fields + body)
    return b"\x89DCE\r\n\x1a\n" + struct.pack("<2I", 1, checksum) + fields + body


class Picture:
    """A ``dce_image`` in memory of its own."""

    def __init__(self, pixel_format: int, height: int, width: int, step: int = 0, matrix: int = 0) -> None:
        self.image = _native.Image(pixel_format, width, height, matrix=matrix, chroma_step=step)
        chroma = (-(-height // 2), -(-width // 2))
        if pixel_format in CHANNELS:
            planes = [(height, width * CHANNELS[pixel_format])]
        elif pixel_format in (_native.I420, _native.I010):
            planes = [(height, width), *[(chroma[0], chroma[1] * max(step, 1))] * 2]
        else:
            planes = [(height, width), (chroma[0], 2 * chroma[1])]
        kind = np.uint16 if pixel_format in (*WIDE, _native.P010, _native.I010) else np.uint8
        self.planes: list[NDArray[np.integer]] = [np.full(shape, 99, kind) for shape in planes]
        for i, plane in enumerate(self.planes):
            self.image.plane[i] = plane.ctypes.data
            self.image.stride[i] = plane.strides[0]

    def fill(self, values: NDArray[np.float64]) -> Picture:
        """From R'G'B'. Of YUV, the planes are red, and the means of green and blue: any numbers will do."""
        height, width = self.image.height, self.image.width
        levels = (255 * values[:height, :width]).astype(np.uint8)
        if self.image.format in WIDE:
            pixels = self.planes[0].reshape(height, width, -1)
            pixels[..., :3] = 65535 * values[:height, :width]
            pixels[..., 3:] = pixels[..., :1] ^ 0x5555
        elif self.image.format in CHANNELS:
            pixels = self.planes[0].reshape(height, width, -1)
            pixels[..., :3] = levels
            pixels[..., 3:] = levels[..., :1] ^ 0x55
        else:
            factor = {_native.P010: 256, _native.I010: 4}.get(self.image.format, 1)
            self.planes[0][...] = factor * values[:height, :width, 0] * 255 if factor > 1 else levels[..., 0]
            for plane in self.planes[1:]:
                flat = plane.reshape(-1)
                source = np.resize(levels[::2, ::2, 1:], flat.size).astype(np.uint16)  # as large as 256 times a code
                flat[...] = factor * (90 + source % 80)
        return self

    def digest(self) -> str:
        digest = hashlib.sha256()
        for plane in self.planes:
            digest.update(plane.tobytes())
        return digest.hexdigest()[:24]


@_native.RunFunction
def run_engine(context, image, height, width, curve_map, message, size):  # type: ignore[no-untyped-def]
    values = np.ctypeslib.as_array(image, (3, height, width))
    result = np.ctypeslib.as_array(curve_map, (context or 3, height, width))
    for i in range(len(result)):
        result[i] = 0.4 * np.roll(values[i % 3], i, axis=1) - 0.7
    return 0


class Handle:
    def __init__(self, model: str, threads: int, scale: int, **options: float) -> None:
        self.library = _native.library()
        given = _native.Options()
        self.library.dce_options_init_size(ctypes.byref(given), ctypes.sizeof(given))
        given.threads, given.scale = threads, scale
        for name, value in options.items():
            setattr(given, name, value)
        if model.startswith("engine"):
            channels = int(model.removeprefix("engine"))
            given.engine = ctypes.pointer(
                _native.Engine(ctypes.sizeof(_native.Engine), channels, channels, 12, run_engine)
            )
        else:
            data = int8_model() if model == "int8" else (MODELS / f"{model}.dce").read_bytes()
            given.model_data, given.model_data_size = ctypes.cast(data, ctypes.c_void_p), len(data)
        self.handle = ctypes.c_void_p()
        self.check(self.library.dce_open(ctypes.byref(given), ctypes.byref(self.handle)))

    def check(self, status: int) -> None:
        if status != _native.OK:
            raise RuntimeError(self.library.dce_error_message(self.handle).decode())

    def knows(self, status: int) -> bool:
        """False where a call was refused since this library is older than a format or a matrix."""
        message = self.library.dce_error_message(self.handle)
        return status != _native.INVALID_ARGUMENT or not re.search(rb": (format|matrix) \d+, 0 to", message)

    def enhance(self, source: Picture, result: Picture) -> str:
        status = self.library.dce_enhance(self.handle, ctypes.byref(source.image), ctypes.byref(result.image))
        if not self.knows(status):
            return UNKNOWN
        self.check(status)
        return result.digest()

    def curve_map(self, source: Picture) -> str:
        numbers = [ctypes.c_int32() for _ in range(3)]
        size = (source.image.width, source.image.height)
        self.check(self.library.dce_curve_map_size(self.handle, *size, *map(ctypes.byref, numbers)))
        values = np.empty(np.prod([number.value for number in numbers]), np.float32)
        image = ctypes.byref(source.image)
        status = self.library.dce_curve_map(self.handle, image, values.ctypes.data, values.size)
        if not self.knows(status):
            return UNKNOWN
        self.check(status)
        return hashlib.sha256(values.tobytes()).hexdigest()[:24]

    def close(self) -> None:
        self.library.dce_close(self.handle)


def kinds(everything: bool) -> Iterator[tuple[int, int, int, int, int]]:
    """Pixel format and chroma step of source and destination, and the matrix."""
    for source in INTERLEAVED:
        for result in INTERLEAVED if everything else (source,):
            yield source, 0, result, 0, 0
    for source in WIDE:
        for result in WIDE if everything else (source,):
            yield source, 0, result, 0, 0
    for family in (YUV, YUV_OF_10_BITS):
        for i, (source, step) in enumerate(family):
            matrix = i % 4 if family is YUV else 4 + i
            for result, result_step in family if everything else family[i : i + 1]:
                yield source, step, result, result_step, matrix
            for result in INTERLEAVED if everything else INTERLEAVED[i % 4 :][:1]:
                yield source, step, result, 0, matrix


def results_of_pictures(
    handle: Handle, values: NDArray[np.float64], size: tuple[int, int], every: bool
) -> Iterator[str]:
    for source_format, step, result_format, result_step, matrix in kinds(every):
        source = Picture(source_format, *size, step, matrix).fill(values)
        result = Picture(result_format, *size, result_step, matrix)
        name = f"format {source_format}/{step} to {result_format}/{result_step}, matrix {matrix}"
        yield f"{name}: {handle.enhance(source, result)}"
        if (source_format, step) == (result_format, result_step):
            yield f"{name}, curve map: {handle.curve_map(source)}"
            yield f"{name}, in place: {handle.enhance(source, source)}"


def results_of_video(handle: Handle, values: NDArray[np.float64]) -> Iterator[str]:
    for pixel_format, step in [(f, 0) for f in (_native.RGB8, _native.RGBA8, *WIDE)] + YUV + YUV_OF_10_BITS:
        handle.library.dce_reset(handle.handle)
        for frame in range(8):  # a pan, and a cut in its middle
            part = values[2 * frame : 2 * frame + 130, 5 * frame : 5 * frame + 257] * (1.0 if frame < 4 else 0.3)
            source = Picture(pixel_format, 130, 257, step).fill(part)
            yield f"video, format {pixel_format}/{step}, frame {frame}: {handle.enhance(source, source)}"


def results_of_denoising(threads: int, values: NDArray[np.float64]) -> Iterator[str]:
    for over_time in (0.0, 0.8):
        handle = Handle("zerodcepp", threads, 0, denoise=0.9, temporal_denoise=over_time)
        for line in results_of_video(handle, values):
            yield f"denoised, {over_time} over time, {threads} threads, {line}"
        handle.close()


def results(is_scalar: bool, quick: bool) -> Iterator[str]:
    """Lines "what: digest" of the library and the instruction set that the environment names."""
    pictures = photographs()
    large = [] if is_scalar else LARGE + ([] if quick else [LARGEST])
    for threads in THREADS:
        yield from results_of_denoising(threads, pictures[1])
        for model, scale in MODELS_AND_SCALES:
            slow = model == "zerodce" and scale == 0
            handle = Handle(model, threads, scale)
            for i, size in enumerate(SIZES + ([] if slow else large)):
                every = i < len(SIZES) and not slow
                for line in results_of_pictures(handle, pictures[i % len(pictures)], size, every):
                    yield f"{model}, scale {scale}, {threads} threads, {size[1]}x{size[0]}, {line}"
            handle.close()
            for interval, strength in [] if slow else [(1, 1.0), (3, 0.7)]:
                handle = Handle(model, threads, scale, smoothing=0.8, map_interval=interval, strength=strength)
                for line in results_of_video(handle, pictures[0]):
                    yield f"{model}, scale {scale}, {threads} threads, interval {interval}, {line}"
                handle.close()


def lines_of(library: Path, isa: str | None, *arguments: str) -> Iterator[str]:
    """What this program prints in a process of its own that uses a library."""
    environment = {**os.environ, "DCELITE_LIBRARY": str(library.resolve())}
    environment.pop("DCELITE_ISA", None)
    if isa is not None:
        environment["DCELITE_ISA"] = isa
    command = [sys.executable, __file__, str(library), str(library), *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield from process.stdout
    if process.returncode != 0:
        raise SystemExit(f"{library}, DCELITE_ISA={isa}: ended with status {process.returncode}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--part", choices=["names", "results"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part == "names":
        print(*core.kernels(), sep="\n")
        return 0
    if args.part == "results":
        for line in results(os.environ.get("DCELITE_ISA") == "scalar", args.quick):
            print(line)
        return 0
    known = [set(lines_of(library, None, "--part", "names")) for library in (args.before, args.after)]
    options = ["--part", "results", *(["--quick"] if args.quick else [])]
    differences = 0
    for isa in [None, *sorted(name.strip() for name in known[0] & known[1])]:
        count = 0
        for before, after in itertools.zip_longest(
            *(lines_of(path, isa, *options) for path in (args.before, args.after))
        ):
            if any(line is not None and line.strip().endswith(UNKNOWN) for line in (before, after)):
                continue
            count += 1
            if before != after:
                differences += 1
                print(f"DIFFERENT {isa or 'chosen'}: {before!r} and {after!r}", flush=True)
        print(f"{isa or 'the set that each chooses'}: {count} results compared", flush=True)
    print(f"{differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
