"""What the tests of the Java API share: builds, ways to run Java, and the frames that jni/Frames.java enhances."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dcelite import Enhancer, _native, reference
from dcelite.model.architecture import MAX_CHROMA_STEP
from dcelite.reference import Coding

from native_builds import SYSROOT, run, tool
from support import REPOSITORY, assert_equals_reference, skip

Pixels = NDArray[np.uint8]
Planes = list[NDArray[np.uint8]]
Weights = Mapping[str, np.ndarray]

JAVA_SOURCES = REPOSITORY / "runtime" / "jni" / "java"
ANNOTATIONS = REPOSITORY / "runtime" / "jni" / "annotations"
TESTS = REPOSITORY / "tests" / "runtime" / "jni"

NAMES = ("RGB8", "BGR8", "RGBA8", "BGRA8", "RGB16", "NV12", "NV21", "I420", "RGBA16", "P010", "I010")
RGB8, BGR8, RGBA8, BGRA8, RGB16, NV12, NV21, I420, RGBA16, P010, I010 = range(11)
CHANNELS = {RGB8: 3, BGR8: 3, RGBA8: 4, BGRA8: 4}
WIDE = {RGB16: 3, RGBA16: 4}
PIXEL_BYTES = {**CHANNELS, RGB16: 6, RGBA16: 8}
YUV_OF_10_BITS = (P010, I010)
BT601_FULL = _native.MATRICES["bt601", True]


# Java -----------------------------------------------------------------------------------------------------------------


def compile_java(sources: list[Path], output: Path, *class_path: Path, release: int = 8) -> Path:
    """Compile with all warnings as errors; returns the folder of the classes."""
    output.mkdir(parents=True)
    path = ["-cp", ":".join(map(str, class_path))] if class_path else []
    # Newer compilers warn that they will not know release 8 for ever.
    strict = ["--release", str(release), "-encoding", "UTF-8", "-Xlint:all", "-Xlint:-options", "-Werror"]
    run(tool("javac"), *strict, *path, "-d", output, *sources)
    return output


def native_functions() -> set[str]:
    """The names by which a JVM looks for the native methods of Enhancer in the library."""
    source = (JAVA_SOURCES / "org" / "dcelite" / "Enhancer.java").read_text()
    methods = re.findall(r"^    private static native \S+ (\w+)\(", source, re.MULTILINE)
    assert len(methods) >= 9
    return {f"Java_org_dcelite_Enhancer_{method}" for method in methods}


def compile_library(output: Path) -> Path:
    """The classes of org.dcelite alone, as an app has them: annotations are for compilers."""
    annotations = compile_java([*ANNOTATIONS.rglob("*.java")], output / "annotations")
    return compile_java([*JAVA_SOURCES.rglob("*.java")], output / "classes", annotations)


@dataclass(frozen=True)
class Java:
    """A way to start a Java program that uses the library."""

    command: tuple[str, ...]  # up to and without the class path
    class_path: tuple[Path, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, *arguments: str | Path, stdin: bytes = b"", timeout: float = 300) -> str:
        """Run a class; its standard output. Complaints of -Xcheck:jni and of sanitizers are failures too."""
        path = ":".join(map(str, self.class_path))
        result = subprocess.run(
            [*self.command, "-cp", path, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
            env={**os.environ, **self.environment},
        )
        output, errors = result.stdout.decode(errors="replace"), result.stderr.decode(errors="replace")
        report = f"{' '.join(map(str, arguments))}: status {result.returncode}\n{output}\n{errors}"
        assert result.returncode == 0, report
        for complaint in ("WARNING", "FATAL ERROR", "AddressSanitizer", "runtime error"):
            assert complaint not in output + errors, report
        return output


def host_java(
    library: Path, *class_path: Path, options: tuple[str, ...] = ("-Xcheck:jni",), **environment: str
) -> Java:
    command = (tool("java"), *options, "-Xmx256m", f"-Dorg.dcelite.library={library}")
    return Java(command, class_path, environment)


def arm64_java(library: Path, mapping: Path, *class_path: Path) -> Java:
    """The JVM of Debian for arm64 under an emulator; ``mapping`` holds Android's names of libc and libm."""
    root = arm64_jdk()
    (home,) = (root / "usr" / "lib" / "jvm").glob("java-17-openjdk-arm64/bin/java")
    libraries = [mapping, SYSROOT / "lib", root / "usr/lib/aarch64-linux-gnu", root / "lib/aarch64-linux-gnu"]
    # Interpreted, since the emulator is slow with code that is written while it runs.
    options = ("-Xint", "-XX:+UseSerialGC", "-Xmx256m", f"-Dorg.dcelite.library={library}")
    command = (emulator(), "-L", str(SYSROOT), str(home), *options)
    return Java(command, class_path, {"LD_LIBRARY_PATH": ":".join(map(str, libraries))})


def emulator() -> str:
    found = shutil.which("qemu-aarch64-static")
    if found is None or not SYSROOT.is_dir():
        skip(
            "the emulator or the C library for arm64 is absent: apt-get install qemu-user-static libc6-dev-arm64-cross"
        )
    return str(found)


JDK_PACKAGES = ("openjdk-17-jre-headless", "zlib1g", "libgcc-s1", "libstdc++6")


def arm64_jdk() -> Path:
    """Root of a folder with Debian's JRE for arm64, which apt fetches, verifies by its keys, and does not install."""
    cache = (
        os.environ.get("DCELITE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dcelite"
    )
    folder = Path(cache) / "openjdk-17-arm64"
    if folder.is_dir():
        return folder
    if shutil.which("apt-get") is None:
        skip("a JVM for arm64 is absent, and there is no apt-get to fetch it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        try:
            _fetch_packages(Path(scratch))
        except subprocess.CalledProcessError as error:
            skip(f"a JVM for arm64 cannot be fetched: {error.stderr.strip()}")
        root = Path(scratch) / "root"
        for link in (path for path in root.rglob("*") if path.is_symlink()):
            target = link.readlink()
            if target.is_absolute():  # to where it would stand if it were installed
                link.unlink()
                link.symlink_to(Path(os.path.relpath(root / target.relative_to("/"), link.parent)))
        root.chmod(0o755)
        try:
            root.rename(folder)
        except OSError:  # another process was faster
            assert folder.is_dir()
    return folder


def _fetch_packages(scratch: Path) -> None:
    """Download JDK_PACKAGES for arm64 with lists of their own, from this machine's sources; unpack them to root/."""

    def call(*command: str | Path, **environment: str) -> str:
        return subprocess.run(
            [*map(str, command)],
            capture_output=True,
            text=True,
            check=True,
            cwd=scratch,
            env={**os.environ, "LC_ALL": "C", **environment},
        ).stdout

    for folder in ("lists/partial", "cache/archives/partial", "root"):
        (scratch / folder).mkdir(parents=True)
    (scratch / "status").touch()
    sources = set(call("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) main").splitlines())
    (scratch / "sources.list").write_text("".join(f"deb [arch=arm64] {source}\n" for source in sorted(sources)))
    settings = {
        "Dir::State": scratch,
        "Dir::State::lists": scratch / "lists",
        "Dir::State::status": scratch / "status",
        "Dir::Cache": scratch / "cache",
        "Dir::Etc::SourceList": scratch / "sources.list",
        "Dir::Etc::SourceParts": "-",
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Sandbox::User": "",
    }
    (scratch / "apt.conf").write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()))
    call("apt-get", "update", APT_CONFIG=str(scratch / "apt.conf"))
    call("apt-get", "download", *JDK_PACKAGES, APT_CONFIG=str(scratch / "apt.conf"))
    for package in scratch.glob("*.deb"):
        call("dpkg", "-x", package, scratch / "root")


# Frames ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class View:
    """An image, or a plane of one, in a region of memory: a ByteBuffer with its position and limit."""

    region: int
    position: int
    limit: int
    stride: int


@dataclass(frozen=True)
class Frame:
    """A call of Enhancer.enhance (2 views) or enhanceYuv420 (4 views: y, u, v, destination)."""

    name: str
    source_format: int
    format: int
    width: int
    height: int
    regions: tuple[Pixels, ...]
    views: tuple[View, ...]
    matrix: int = BT601_FULL
    pixel_stride: int = 1
    threads: int = 1
    scale: int = 12
    strength: float = 1.0
    model: str = ""  # path; empty: the shipped weights
    in_memory: bool = False  # open the model from a buffer

    def source(self, regions: list[Pixels]) -> Planes:
        if len(self.views) == 2:
            return planes_of(regions, self.views[0], self.source_format, self.width, self.height)
        chroma = (half(self.height), half(self.width))
        y, u, v = self.views[:3]
        return [
            strided(regions[y.region], y.position, (self.height, self.width), (y.stride, 1)),
            strided(regions[u.region], u.position, chroma, (u.stride, self.pixel_stride)),
            strided(regions[v.region], v.position, chroma, (v.stride, self.pixel_stride)),
        ]

    def destination(self, regions: list[Pixels]) -> Planes:
        return planes_of(regions, self.views[-1], self.format, self.width, self.height)

    def encoded(self) -> bytes:
        """For Frames.java, which reads it with a DataInputStream."""
        model = self.model.encode()
        parts = [struct.pack(">H", len(model)), model]
        parts.append(struct.pack(">?iif", self.in_memory, self.threads, self.scale, self.strength))
        numbers = [self.source_format, self.format, self.width, self.height, self.matrix, self.pixel_stride]
        parts.append(struct.pack(">6i", *numbers))
        parts.append(struct.pack(">i", len(self.regions)))
        parts += [struct.pack(">i", region.size) + region.tobytes() for region in self.regions]
        parts.append(struct.pack(">i", len(self.views)))
        parts += [struct.pack(">4i", view.region, view.position, view.limit, view.stride) for view in self.views]
        return b"".join(parts)


def half(size: int) -> int:
    return -(-size // 2)


def strided(region: Pixels, position: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Pixels:
    """A writable view; raises where it would reach beyond the region."""
    last = position + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    assert 0 <= position <= last < region.size
    return np.lib.stride_tricks.as_strided(region[position:], shape, strides)


def planes_of(regions: list[Pixels], view: View, pixel_format: int, width: int, height: int) -> Planes:
    """The planes of an image in one block, as Enhancer.enhance lays them out; words as pairs of bytes."""
    region, position, stride = regions[view.region], view.position, view.stride
    if pixel_format in PIXEL_BYTES:
        pixel = PIXEL_BYTES[pixel_format]
        return [strided(region, position, (height, width, pixel), (stride, pixel, 1))]
    sample = sample_bytes(pixel_format)
    luma = strided(region, position, (height, width * sample), (stride, 1))
    chroma, rows, columns, step = (
        position + height * stride,
        half(height),
        half(width),
        half_stride(pixel_format, stride),
    )
    if pixel_format not in (I420, I010):
        return [luma, strided(region, chroma, (rows, columns, 2 * sample), (2 * step, 2 * sample, 1))]
    planes = [strided(region, chroma + i * rows * step, (rows, columns * sample), (step, 1)) for i in (0, 1)]
    return [luma, *planes]


def sample_bytes(pixel_format: int) -> int:
    return 2 if pixel_format in YUV_OF_10_BITS else 1


def half_stride(pixel_format: int, stride: int) -> int:
    """Of one sample of U and V for two of luma."""
    return half(-(-stride // sample_bytes(pixel_format))) * sample_bytes(pixel_format)


def block_size(pixel_format: int, width: int, height: int, stride: int) -> int:
    """Bytes from the first to the last one of an image in one block."""
    if pixel_format in PIXEL_BYTES:
        return (height - 1) * stride + width * PIXEL_BYTES[pixel_format]
    step, row = half_stride(pixel_format, stride), half(width) * sample_bytes(pixel_format)
    if pixel_format in (I420, I010):
        return height * stride + (2 * half(height) - 1) * step + row
    return height * stride + (half(height) - 1) * 2 * step + 2 * row


def row_size(pixel_format: int, width: int) -> int:
    return width * PIXEL_BYTES.get(pixel_format, sample_bytes(pixel_format))


def run_frames(java: Java, frames: list[Frame], folder: Path) -> list[list[Pixels]]:
    """What the regions of each frame hold after Java has enhanced it."""
    (folder / "cases").write_bytes(struct.pack(">i", len(frames)) + b"".join(frame.encoded() for frame in frames))
    java.start("Frames", folder / "cases", folder / "results")
    data = np.fromfile(folder / "results", np.uint8)
    sizes = [region.size for frame in frames for region in frame.regions]
    assert data.size == sum(sizes)
    pieces = iter(np.split(data, np.cumsum(sizes)[:-1]))
    return [[next(pieces) for _ in frame.regions] for frame in frames]


def run_c_interface(frame: Frame) -> list[Pixels]:
    """The same by ctypes."""
    regions = [region.copy() for region in frame.regions]

    def image(planes: Planes, pixel_format: int, pixel_stride: int) -> _native.Image:
        result = _native.Image(pixel_format, frame.width, frame.height, matrix=frame.matrix, chroma_step=pixel_stride)
        for i, plane in enumerate(planes):
            result.plane[i], result.stride[i] = plane.ctypes.data, plane.strides[0]
        return result

    source_format = I420 if len(frame.views) == 4 else frame.source_format
    source = image(frame.source(regions), source_format, frame.pixel_stride)
    destination = image(frame.destination(regions), frame.format, 1)
    with Enhancer(frame.model or None, threads=frame.threads, scale=frame.scale, strength=frame.strength) as enhancer:
        enhancer._call("dce_enhance", source, destination)
    return regions


# What is right --------------------------------------------------------------------------------------------------------


def rgb_order(pixels: Pixels, pixel_format: int) -> Pixels:
    return pixels[..., 2::-1] if pixel_format in (BGR8, BGRA8) else pixels[..., :3]


def words_of(plane: Pixels) -> NDArray[np.uint16]:
    return np.ascontiguousarray(plane).view(np.uint16)


def i010_of(planes: Planes, pixel_format: int) -> list[NDArray[np.uint16]]:
    words = [words_of(plane) for plane in planes]
    return words if pixel_format == I010 else [word >> 6 for word in (words[0], words[1][..., 0], words[1][..., 1])]


def i420_of(planes: Planes, pixel_format: int) -> Planes:
    if pixel_format == I420:
        return planes
    u, v = (0, 1) if pixel_format == NV12 else (1, 0)
    return [planes[0], planes[1][..., u], planes[1][..., v]]


def assert_equals_definition(frame: Frame, regions: list[Pixels], weights: Weights) -> None:
    """The destination holds what dcelite.reference makes of the source; all else is as it was."""
    before = list(frame.regions)
    source, result = frame.source(before), frame.destination(regions)
    source_format = I420 if len(frame.views) == 4 else frame.source_format
    coding = next(Coding(*name) for name, number in _native.MATRICES.items() if number == frame.matrix)
    strength = float(np.float32(frame.strength))
    if source_format in CHANNELS:
        assert strength == 1
        wanted = reference.enhance(np.ascontiguousarray(rgb_order(source[0], source_format)), weights, frame.scale)
        assert_equals_reference(rgb_order(result[0], frame.format), wanted)
        if CHANNELS[frame.format] == 4:
            alpha = source[0][..., 3] if CHANNELS[source_format] == 4 else 255
            assert (result[0][..., 3] == alpha).all()
    elif source_format in WIDE:
        pixels, seen = words_of(source[0]), words_of(result[0])
        wide = reference.enhance_16_bit(pixels[..., :3], weights, frame.scale)
        _assert_close([seen[..., :3]], [wide], 3, 1)
        if frame.format == RGBA16:
            assert (seen[..., 3] == (pixels[..., 3] if source_format == RGBA16 else 65535)).all()
    elif source_format in YUV_OF_10_BITS and frame.format in YUV_OF_10_BITS:
        planes = i010_of(source, source_format)
        wanted = reference.enhance_planes(planes, weights, frame.scale, replace(coding, bits=10), strength)
        _assert_close(i010_of(result, frame.format), wanted, 2, 0)
        if frame.format == P010:
            assert not any((words_of(plane) & 63).any() for plane in result)
    elif frame.format in CHANNELS:
        if source_format in YUV_OF_10_BITS:
            rgb = replace(coding, bits=10).rgb_of_planes(i010_of(source, source_format))
        else:
            rgb = coding.rgb_of_planes(i420_of(source, source_format))
        wanted = reference.to_8_bit(reference.enhance_values(rgb, weights, frame.scale, strength))
        assert_equals_reference(rgb_order(result[0], frame.format), wanted)
        assert CHANNELS[frame.format] == 3 or (result[0][..., 3] == 255).all()
    else:
        planes = reference.enhance_planes(i420_of(source, source_format), weights, frame.scale, coding, strength)
        _assert_close(i420_of(result, frame.format), planes, 2, 0)

    untouched = [np.ones_like(region) for region in before]
    for plane in frame.destination(untouched):
        plane[...] = 0
    for region, now, keep in zip(before, regions, untouched, strict=True):
        np.testing.assert_array_equal(region[keep == 1], now[keep == 1])


def _assert_close(result: Sequence[np.ndarray], wanted: Sequence[np.ndarray], largest: int, usual: int) -> None:
    """None off by more than `largest` levels, no more than 0.5 % (or one value) by more than `usual`."""
    difference = np.concatenate([np.abs(a.astype(int) - b).ravel() for a, b in zip(result, wanted, strict=True)])
    assert difference.max() <= largest
    assert np.count_nonzero(difference > usual) <= max(difference.size // 200, 1)


# Makers of frames -----------------------------------------------------------------------------------------------------


def dark_bytes(rng: np.random.Generator, pixel_format: int, size: int) -> Pixels:
    """Memory full of dark pixels; of YUV, with chroma of every kind."""
    if pixel_format == I010:  # now and then above 1023
        return rng.integers(0, 1100, half(size), np.uint16).view(np.uint8)[:size]
    values = rng.random(size) ** (2 if pixel_format in PIXEL_BYTES else 1)
    return np.asarray(255 * values, np.uint8)


def make_frame(
    rng: np.random.Generator,
    source_format: int,
    destination_format: int,
    width: int,
    height: int,
    *,
    padding: int = 0,
    offset: int = 0,
    in_place: bool = False,
    **settings: object,
) -> Frame:
    """A frame in blocks, with `padding` bytes after each row, and `offset` before the first and after the last."""

    def view(region: int, pixel_format: int) -> View:
        stride = row_size(pixel_format, width) + padding
        return View(region, offset, offset + block_size(pixel_format, width, height, stride), stride)

    views = (view(0, source_format), view(0 if in_place else 1, destination_format))
    regions = [dark_bytes(rng, source_format, views[0].limit + offset)]
    if not in_place:
        regions.append(rng.integers(0, 256, views[1].limit + offset, np.uint8))
    name = f"{NAMES[source_format]}-{NAMES[destination_format]}-{width}x{height}-{padding}-{offset}"
    name += "-in-place" if in_place else ""
    return Frame(
        name,
        source_format,
        destination_format,
        width,
        height,
        tuple(regions),
        views,
        **settings,  # type: ignore[arg-type]
    )


def make_planes(
    rng: np.random.Generator,
    destination_format: int,
    width: int,
    height: int,
    *,
    pixel_stride: int,
    padding: int,
    interwoven: bool,
    **settings: object,
) -> Frame:
    """Planes as cameras give them: the last row ends with its last sample; `interwoven`: U and V are in one buffer."""
    rows, columns = half(height), half(width)
    chroma_row = (columns - 1) * pixel_stride + 1
    chroma_stride = chroma_row + padding + (pixel_stride - 1 if interwoven else 0)
    chroma_size = (rows - 1) * chroma_stride + chroma_row
    y = View(0, 3, 3 + (height - 1) * (width + padding) + width, width + padding)
    u = View(1, 0, chroma_size, chroma_stride)
    v = View(1, 1, 1 + chroma_size, chroma_stride) if interwoven else View(2, 5, 5 + chroma_size, chroma_stride)
    stride = row_size(destination_format, width) + padding
    destination = View(3, 2, 2 + block_size(destination_format, width, height, stride), stride)
    sizes = [y.limit, max(u.limit, v.limit), v.limit, destination.limit]
    regions = tuple(dark_bytes(rng, I420, size) for size in sizes)
    name = f"planes-{NAMES[destination_format]}-{width}x{height}-{pixel_stride}-{padding}"
    name += "-interwoven" if interwoven else ""
    return Frame(
        name,
        I420,
        destination_format,
        width,
        height,
        regions,
        (y, u, v, destination),
        pixel_stride=pixel_stride,
        **settings,  # type: ignore[arg-type]
    )


def make_frames(rng: np.random.Generator) -> list[Frame]:
    """Every pair of formats, tight and padded, from an offset, in place, of odd and even sizes."""
    frames = []
    yuv = (NV12, NV21, I420)
    pairs = [(a, b) for a in CHANNELS for b in CHANNELS] + [(a, b) for a in WIDE for b in WIDE]
    pairs += [(a, b) for a in yuv for b in (*yuv, *CHANNELS)]
    pairs += [(a, b) for a in YUV_OF_10_BITS for b in (*YUV_OF_10_BITS, *CHANNELS)]
    for i, (source, destination) in enumerate(pairs):
        size = [(31, 46), (13, 11), (24, 36), (50, 3)][i % 4]
        frames.append(make_frame(rng, source, destination, *size, threads=1 + i % 3))
        frames.append(make_frame(rng, source, destination, *size, padding=6 + 4 * (i % 3), offset=4, scale=2 + i % 11))
        if source in PIXEL_BYTES:
            frames.append(make_frame(rng, source, destination, 1, 1 + i % 2))
        else:
            padding = sample_bytes(source)
            frames.append(make_frame(rng, source, destination, 3, 1 + i % 2, padding=padding, matrix=i % 6))
            frames.append(make_frame(rng, source, destination, 34, 21, matrix=(i + 1) % 6, strength=0.4))
    same_size = [(a, b) for a, b in pairs if CHANNELS.get(a, a) == CHANNELS.get(b, b)]
    frames += [make_frame(rng, a, b, 29, 17, padding=4, offset=8, in_place=True) for a, b in same_size]
    frames += [make_frame(rng, yuv_format, yuv_format, 1, 1) for yuv_format in (*yuv, *YUV_OF_10_BITS)]
    return frames


PlanesMaker = Callable[[np.random.Generator], list[Frame]]


def make_all_planes(rng: np.random.Generator) -> list[Frame]:
    """Every legal pixel stride with many row strides, apart and interwoven."""
    return [
        make_planes(
            rng, destination, *size, pixel_stride=pixel_stride, padding=padding, interwoven=interwoven,
            matrix=padding % 4, scale=5,
        )
        for pixel_stride in range(1, MAX_CHROMA_STEP + 1)
        for padding, size, destination in [
            (0, (20, 14), RGBA8), (1, (21, 13), BGRA8), (2, (1, 1), RGBA8), (7, (2, 1), RGB8), (16, (19, 12), BGR8),
            (63, (20, 15), RGBA8),
        ]
        for interwoven in ((False, True) if pixel_stride > 1 else (False,))
    ]  # fmt: skip
