"""The npm package, packed and installed elsewhere: its files, its own tests, types, the native library's pictures."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dcelite import Enhancer, __version__
from dcelite.model.architecture import ARCHITECTURES
from dcelite.pixels import Frame

import generated
from runtime.compare_libraries import int8_model
from support import REPOSITORY, assert_equals_reference, skip
from web_tools import HERE, run

HEIGHT, WIDTH = 157, 203
FILES = {"LICENSE", "README.md", "dcelite.wasm", "dcelite_relaxed.wasm", "index.d.ts", "index.js", "package.json"}


def test_it_holds_what_it_should_and_no_more(built: Path, npm: str) -> None:
    listed = json.loads(run(npm, "pack", "--dry-run", "--json", built / "package"))[0]["files"]
    assert {entry["path"] for entry in listed} == FILES
    assert json.loads((built / "package" / "package.json").read_text())["version"] == __version__
    for name in ("dcelite.wasm", "dcelite_relaxed.wasm"):
        data = (built / "package" / name).read_bytes()
        assert len(data) < 200_000
        assert len(gzip.compress(data, 9)) < 110_000
    script = (built / "package" / "index.js").read_text()
    assert len(gzip.compress(script.encode(), 9)) < 10_000
    assert not re.search(r"\beval\b|new Function|SharedArrayBuffer|localStorage|https?://", script)


def test_the_archive_of_make_web_is_the_same_package(built: Path, npm: str, tmp_path: Path) -> None:
    archive = REPOSITORY / "dist" / f"dcelite-{__version__}.tgz"
    if not archive.is_file():
        skip(f"{archive} is absent: make web")
    (tmp_path / "package.json").write_text("{}")
    run(npm, "install", "--silent", "--offline", "--no-audit", "--no-fund", archive, cwd=tmp_path)
    folder = tmp_path / "node_modules" / "dcelite"
    assert {path.name for path in folder.iterdir()} == FILES
    for name in FILES:
        assert (folder / name).read_bytes() == (built / "package" / name).read_bytes()


def test_its_own_tests(installed: Path, node: str) -> None:
    shutil.copy(HERE / "node" / "package.test.mjs", installed)
    output = run(node, "--test", "package.test.mjs", cwd=installed)
    assert re.search(r"^. pass 9$", output, re.MULTILINE), output


def test_types(installed: Path, node: str, node_modules: Path) -> None:
    shutil.copy(HERE / "node" / "consumer.ts", installed)
    options = {"noEmit": True, "strict": True, "target": "es2022", "module": "nodenext", "lib": ["es2022"], "types": []}
    (installed / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": ["consumer.ts"]}))
    run(node, node_modules / "typescript" / "bin" / "tsc", "-p", ".", cwd=installed)


def test_random_calls(installed: Path, node: str) -> None:
    shutil.copy(HERE / "node" / "fuzz.mjs", installed)
    output = run(node, "fuzz.mjs", "20000", "7", cwd=installed)
    found = re.search(r"20000 calls: (\d+) results, (\d+) refused, (\d+) on closed", output)
    assert found, output
    assert all(int(count) > 500 for count in found.groups()), output


# ---- the same pictures as the native library ----


def dark(height: int, width: int) -> NDArray[np.uint8]:
    """Dark noise over a gradient, RGBA."""
    rng = np.random.default_rng([height, width])
    image = (np.linspace(5, 120, width)[None, :, None] * rng.random((height, width, 4))).astype(np.uint8)
    image[..., 3] = rng.integers(0, 256, (height, width))
    return image


class Batch:
    """Images to be sent through the package at once; Node starts once for all of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs: list[dict[str, Any]] = []

    def add(self, kind: str, data: NDArray[Any], width: int, height: int, **more: Any) -> int:
        number = len(self.jobs)
        source = self.folder / f"{number}.in"
        source.write_bytes(data.tobytes())
        output = str(self.folder / f"{number}.out")
        self.jobs.append(
            {"kind": kind, "input": str(source), "output": output, "width": width, "height": height, **more}
        )
        return number

    def run(self, node: str, installed: Path, wasm: str) -> str:
        shutil.copy(HERE / "node" / "convert.mjs", installed)
        options = ["--experimental-wasm-relaxed-simd"] if "relaxed" in wasm and node_version(node) < 21 else []
        return run(node, *options, "convert.mjs", wasm, json.dumps(self.jobs), cwd=installed).strip()

    def result(self, number: int, kind: Any = np.uint8) -> NDArray[Any]:
        return np.frombuffer(Path(self.jobs[number]["output"]).read_bytes(), kind)


def node_version(node: str) -> int:
    return int(run(node, "--version").lstrip("v").split(".")[0])


@pytest.mark.parametrize("wasm", ["dcelite.wasm", "dcelite_relaxed.wasm"])
def test_pictures_of_the_native_library(installed: Path, node: str, tmp_path: Path, wasm: str) -> None:
    batch = Batch(tmp_path)
    wanted: dict[int, NDArray[Any]] = {}
    for height, width in [*generated.SIZES, (HEIGHT, WIDTH), (7, 1200)]:
        image = dark(height, width)
        for options, names in (({}, {}), ({"strength": 0.6, "scale": 5}, {"strength": 0.6, "scale": 5})):
            number = batch.add("enhance", image, width, height, options=options)
            wanted[number] = Enhancer(threads=1, **names)(image)
    for architecture in ARCHITECTURES:
        model = generated.model_file(architecture, tmp_path)
        image = dark(HEIGHT, WIDTH)
        number = batch.add("enhance", image, WIDTH, HEIGHT, model=str(model.path))
        wanted[number] = Enhancer(model.path, threads=1)(image)
    image = dark(HEIGHT, WIDTH)
    (tmp_path / "int8.dce").write_bytes(int8_model())
    number = batch.add("enhance", image, WIDTH, HEIGHT, model=str(tmp_path / "int8.dce"))
    wanted[number] = Enhancer(tmp_path / "int8.dce", threads=1)(image)
    number = batch.add("enhance", image, WIDTH, HEIGHT, options={"denoise": 1})
    wanted[number] = Enhancer(threads=1, denoise=1.0)(image)
    assert batch.run(node, installed, wasm) in ("simd", "relaxed")
    for number, picture in wanted.items():
        result = batch.result(number).reshape(picture.shape)
        assert_equals_reference(result, picture)
        assert np.array_equal(result[..., 3], picture[..., 3])


@pytest.mark.parametrize("wasm", ["dcelite.wasm", "dcelite_relaxed.wasm"])
def test_yuv_videos_and_maps(installed: Path, node: str, tmp_path: Path, wasm: str) -> None:
    rng = np.random.default_rng(3)
    half = (-(-HEIGHT // 2), -(-WIDTH // 2))
    y = rng.integers(16, 90, (HEIGHT, WIDTH)).astype(np.uint8)
    u, v = (rng.integers(110, 146, half).astype(np.uint8) for _ in range(2))
    batch = Batch(tmp_path)
    planar = np.concatenate([y.ravel(), u.ravel(), v.ravel()])
    image = {"format": "I420", "matrix": "bt709", "fullRange": True}
    i420 = batch.add("yuv", planar, WIDTH, HEIGHT, image=image)
    stride = WIDTH + 11
    padded = np.zeros((HEIGHT + half[0], stride), np.uint8)
    padded[:HEIGHT, :WIDTH] = y
    padded[HEIGHT:, : 2 * half[1]] = np.stack([u, v], 2).reshape(half[0], -1)
    layout = [{"offset": 0, "stride": stride}, {"offset": HEIGHT * stride, "stride": stride}]
    image = {"format": "NV12", "matrix": "bt601", "layout": layout}
    nv12 = batch.add("yuv", padded, WIDTH, HEIGHT, image=image)
    shown = batch.add("display", padded, WIDTH, HEIGHT, image=image)
    fast = [
        batch.add("display", padded, WIDTH, HEIGHT, image=image, options={"precision": "fast"}),
        batch.add("enhance", dark(HEIGHT, WIDTH), WIDTH, HEIGHT, options={"precision": "fast"}),
    ]
    frames = np.stack([np.roll(dark(HEIGHT, WIDTH), shift, 1) for shift in range(4)])
    video = batch.add(
        "video", frames, WIDTH, HEIGHT, options={"smoothing": 0.7, "mapInterval": 2, "temporalDenoise": 0.5}
    )
    dim = dark(HEIGHT, WIDTH)
    curve = batch.add("map", dim, WIDTH, HEIGHT)
    batch.run(node, installed, wasm)

    enhance = Enhancer(threads=1)
    wanted = enhance.yuv420([y, u, v], matrix="bt709", full_range=True)
    assert_equals_reference(batch.result(i420), np.concatenate([plane.ravel() for plane in wanted]))
    luma, chroma = enhance.yuv420([y, np.stack([u, v], 2)], layout="nv12", matrix="bt601")
    result = batch.result(nv12).reshape(padded.shape)
    assert_equals_reference(result[:HEIGHT, :WIDTH], luma)
    assert_equals_reference(result[HEIGHT:, : 2 * half[1]], chroma.reshape(half[0], -1))
    assert not result[:, 2 * half[1] :].any()  # what lies between rows is left alone
    picture = np.empty((HEIGHT, WIDTH, 4), np.uint8)
    source = Frame.of_planes([y, np.stack([u, v], 2)], "nv12", "bt601", False)
    enhance.session.enhance(source, Frame.of_pixels(picture))
    assert_equals_reference(batch.result(shown).reshape(picture.shape), picture)

    for number, exact in zip(fast, (picture, enhance(dark(HEIGHT, WIDTH))), strict=True):
        difference = np.abs(batch.result(number).reshape(exact.shape).astype(np.int16) - exact)
        assert difference.max() <= 2
        assert np.count_nonzero(difference > 1) <= difference.size // 1000
        assert difference.any()  # it is another curve

    with Enhancer(threads=1, smoothing=0.7, map_interval=2, temporal_denoise=0.5) as steady:
        wanted_frames = np.stack([steady(frame) for frame in frames])
    assert_equals_reference(batch.result(video).reshape(frames.shape), wanted_frames)
    wanted_map = enhance.curve_map(dim[..., :3].copy())
    assert np.abs(batch.result(curve, np.float32).reshape(wanted_map.shape) - wanted_map).max() < 1e-5
