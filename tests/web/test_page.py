"""The page in Chromium: photographs, camera, video, benchmark, offline use, accessibility; pictures for docs/."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from dcelite import Enhancer

from support import REPOSITORY, assert_equals_reference

WIDTH, HEIGHT = 333, 217
SCREENSHOTS = REPOSITORY / ("docs" if os.environ.get("DCELITE_SCREENSHOTS") == "1" else "build/web/screenshots")
"""DCELITE_SCREENSHOTS=1: those of the documents are taken anew."""
FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
Launch = Callable[..., Any]


def dark_picture(width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """Dark noise over a gradient, with a bright corner."""
    rng = np.random.default_rng([width, height])
    image = np.linspace(3, 90, width)[None, :, None] * rng.random((height, width, 3))
    image[: height // 5, -width // 5 :] += 120
    return image.astype(np.uint8)


@pytest.fixture(scope="module")
def browser(launch: Launch) -> Any:
    return launch()


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Opens the page in a context of its own; what the console complains of, or a request elsewhere, fails the test."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_page(of: Any = None, **options: Any) -> Any:
        context = (of or browser).new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: message.type in ("error", "warning") and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith((address, "blob:")) or complaints.append(request.url))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


def expect_text(page: Any, part: str, text: str) -> str:
    """Waits until the status of a part says so; returns all that it says."""
    from playwright.sync_api import expect

    expect(page.locator(f"#{part}-status")).to_contain_text(re.compile(text), timeout=30_000)
    return str(page.locator(f"#{part}-status").inner_text())


def choose(page: Any, path: Path, settings: dict[str, int] | None = None) -> None:
    """Opens a photograph, and waits until it is enhanced with these settings of the sliders."""
    for name, value in (settings or {}).items():
        set_slider(page, f"photo-{name}", value)
    page.set_input_files("#photo-file", path)
    expect_text(page, "photo", rf"{re.escape(path.name)}.*enhanced in")


def set_slider(page: Any, name: str, value: int) -> None:
    page.locator(f"#{name}").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true })); }",
        value,
    )


def saved(page: Any, kind: str, folder: Path) -> Path:
    page.select_option("#photo-type", kind)
    with page.expect_download() as download:
        page.click("#photo-save")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "night.png"
    PIL.Image.fromarray(dark_picture()).save(path)
    return path


# ---- photographs ----


def test_a_photograph_is_that_of_the_native_library(
    opened: Callable[..., Any], photograph: Path, tmp_path: Path
) -> None:
    page = opened()
    choose(page, photograph, {"denoise": 0, "strength": 100})
    path = saved(page, "image/png", tmp_path)
    assert path.name == "night_enhanced.png"
    with PIL.Image.open(path) as image:
        result = np.asarray(image.convert("RGB"))
    assert_equals_reference(result, Enhancer()(dark_picture()))
    set_slider(page, "photo-denoise", 100)
    set_slider(page, "photo-strength", 70)
    page.wait_for_timeout(300)
    expect_text(page, "photo", "enhanced in")
    with PIL.Image.open(saved(page, "image/png", tmp_path)) as image:
        assert_equals_reference(np.asarray(image.convert("RGB")), Enhancer(denoise=1.0, strength=0.7)(dark_picture()))
    jpeg = saved(page, "image/jpeg", tmp_path)
    with PIL.Image.open(jpeg) as image:
        assert (jpeg.name, image.format, image.size) == ("night_enhanced.jpg", "JPEG", (WIDTH, HEIGHT))


def test_a_photograph_stands_upright(opened: Callable[..., Any], tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    PIL.Image.fromarray(dark_picture()).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    page = opened()
    choose(page, tmp_path / "turned.jpg")
    assert f"{HEIGHT} × {WIDTH}" in page.inner_text("#photo-status")
    with PIL.Image.open(saved(page, "image/png", tmp_path)) as image:
        assert image.size == (HEIGHT, WIDTH)
        result = np.asarray(image.convert("L"), np.float64)
    assert (
        result[-HEIGHT // 5 :, -HEIGHT // 6 :].mean() > result[: HEIGHT // 5, : HEIGHT // 6].mean() + 40
    )  # the bright corner


def test_the_line_moves_by_keyboard_mouse_and_touch(opened: Callable[..., Any], photograph: Path) -> None:
    page = opened(has_touch=True, viewport={"width": 800, "height": 700})
    choose(page, photograph)
    line = page.locator("#photo-split")
    position = lambda: page.locator("#photo-view").evaluate("view => view.style.getPropertyValue('--split')")  # noqa: E731
    assert position() == "50%"
    line.focus()
    for key, wanted in (("ArrowRight", "51%"), ("ArrowLeft", "50%"), ("Home", "0%"), ("End", "100%")):
        page.keyboard.press(key)
        assert position() == wanted
    box = line.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 60, steps=4)
    page.mouse.up()
    assert 20 <= int(position().rstrip("%")) <= 30
    page.touchscreen.tap(box["x"] + box["width"] * 0.75, box["y"] + 50)
    assert 70 <= int(position().rstrip("%")) <= 80
    # Left of the line stands the picture as it was.
    assert (
        page.locator("#photo-after")
        .evaluate("canvas => getComputedStyle(canvas).clipPath")
        .startswith("inset(0px 0px 0px 7")
    )


def test_what_is_no_picture_is_said(opened: Callable[..., Any], photograph: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("no picture")
    whole = photograph.read_bytes()
    header = bytearray(whole)
    header[16:24] = (30000).to_bytes(4, "big") * 2
    (tmp_path / "huge.png").write_bytes(header)
    PIL.Image.new("L", (9000, 6000)).save(tmp_path / "large.jpg", quality=5)
    page = opened()
    for name, text in (
        ("notes.png", "notes.png cannot be read"),
        ("huge.png", "huge.png has 30000 × 30000 pixels, 900 million; this page takes 50 million at most"),
        ("large.jpg", "large.jpg has 9000 × 6000 pixels, 54 million"),
    ):
        page.set_input_files("#photo-file", tmp_path / name)
        expect_text(page, "photo", text)
        assert "wrong" in page.get_attribute("#photo-status", "class")
    choose(page, photograph)  # and it goes on
    assert "wrong" not in page.get_attribute("#photo-status", "class")


def test_a_file_is_dropped(opened: Callable[..., Any], photograph: Path) -> None:
    page = opened()
    data = page.evaluate_handle(
        """bytes => { const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" })); return data; }""",
        list(photograph.read_bytes()),
    )
    page.click("#tab-bench")
    page.dispatch_event("body", "drop", {"dataTransfer": data})
    expect_text(page, "photo", "dropped.png.*enhanced in")
    assert page.locator("#photo").is_visible()


# ---- camera and video ----


def write_y4m(path: Path, width: int = 1280, height: int = 720, frames: int = 8) -> None:
    """The page's sample, as a camera that moves gives it."""
    with PIL.Image.open(REPOSITORY / "web_demo" / "sample.jpg") as image:
        scene = image.resize((width + 8 * frames, height + 140), PIL.Image.Resampling.BICUBIC)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420\n".encode())
        for frame in range(frames):
            shown = scene.crop((8 * frame, 70, 8 * frame + width, 70 + height)).convert("YCbCr")
            luma, *chroma = (np.asarray(plane, np.float64) for plane in shown.split())
            file.write(b"FRAME\n" + np.round(16 + luma * 219 / 255).astype(np.uint8).tobytes())
            for plane in chroma:
                file.write(np.round(128 + (plane[::2, ::2] - 128) * 224 / 255).astype(np.uint8).tobytes())


@pytest.fixture(scope="module")
def with_camera(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("camera") / "dark.y4m"
    write_y4m(path)
    return launch(*FAKE_CAMERA, f"--use-file-for-fake-video-capture={path}")


BRIGHTNESS = """([selector, size]) => {
  const source = document.querySelector(selector), canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = size;
  const context = canvas.getContext("2d");
  context.drawImage(source, 0, 0, ...size);
  const { data } = context.getImageData(0, 0, ...size);
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += data[i] + data[i + 1] + data[i + 2];
  return sum / (data.length / 4) / 3;
}"""


def wait_for_frames(page: Any) -> list[str]:
    """The numbers of the live view, once they are there."""
    from playwright.sync_api import expect

    expect(page.locator("#live-numbers td").nth(0)).to_contain_text(re.compile(r"[1-9]"), timeout=30_000)
    return [str(text) for text in page.locator("#live-numbers td").all_inner_texts()]


def test_the_camera_is_bright(opened: Callable[..., Any], with_camera: Any) -> None:
    page = opened(with_camera, permissions=["camera"], viewport={"width": 1000, "height": 900})
    page.click("#tab-live")
    set_slider(page, "live-smoothing", 50)
    page.click("#live-camera")
    assert "1280 × 720" in expect_text(page, "live", "Camera: ")
    numbers = wait_for_frames(page)
    assert len(numbers) == 7
    assert all(re.fullmatch(r"[\d.]+( ms)?", number) for number in numbers)
    size = page.locator("#live-after").evaluate("canvas => [canvas.width, canvas.height]")
    assert size == [1280, 720]
    before, after = (page.evaluate(BRIGHTNESS, [f"#live-{name}", [320, 180]]) for name in ("video", "after"))
    assert before < 60
    assert after > before + 30
    shoot(page, "web_camera.jpg")
    set_slider(page, "live-strength", 0)
    page.wait_for_timeout(1000)
    assert abs(page.evaluate(BRIGHTNESS, ["#live-after", [320, 180]]) - before) < 6
    page.click("#live-stop")
    expect_text(page, "live", "Stopped")
    assert page.locator("#live-video").evaluate("video => video.srcObject") is None


FAILING = "name => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('x', name); }; }"


def test_the_camera_is_refused_absent_or_busy(opened: Callable[..., Any], launch: Launch, with_camera: Any) -> None:
    page = opened(with_camera)  # without permission: the real one asks, this one is told no
    page.evaluate(FAILING, "NotReadableError")
    page.click("#tab-live")
    page.click("#live-camera")
    expect_text(page, "live", "The camera is busy")
    page.evaluate(FAILING, "NotFoundError")
    page.click("#live-camera")
    expect_text(page, "live", "no camera")
    refusing = opened(launch("--use-fake-device-for-media-stream", "--deny-permission-prompts"))
    refusing.click("#tab-live")
    refusing.click("#live-camera")
    expect_text(refusing, "live", "The camera was refused")
    absent = opened(launch("--use-fake-ui-for-media-stream"), permissions=["camera"])
    absent.click("#tab-live")
    absent.click("#live-camera")
    expect_text(absent, "live", "no camera")


def test_a_video_file_plays_enhanced(opened: Callable[..., Any], tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "walk.webm"), "w") as container:
        stream = container.add_stream("libvpx", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for shift in range(50):
            frame = av.VideoFrame.from_ndarray(np.roll(dark_picture(320, 240), shift, 1), format="rgb24")
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    page = opened()
    page.click("#tab-live")
    page.set_input_files("#live-file", tmp_path / "walk.webm")
    expect_text(page, "live", "walk.webm: 320 × 240")
    wait_for_frames(page)
    before, after = (page.evaluate(BRIGHTNESS, [f"#live-{name}", [320, 240]]) for name in ("video", "after"))
    assert after > before + 20
    (tmp_path / "broken.webm").write_bytes(b"no video" * 100)
    page.set_input_files("#live-file", tmp_path / "broken.webm")
    expect_text(page, "live", "broken.webm cannot be played")


def test_memory_is_flat_over_two_thousand_frames(opened: Callable[..., Any]) -> None:
    page = opened()
    devtools = page.context.new_cdp_session(page)

    def run(frames: int) -> tuple[int, float]:
        """Bytes of the instance's memory, and of the page's heap."""
        memory = page.evaluate(
            """async frames => {
                if (!window.held) {
                  const { Enhancer } = await import("./dcelite/index.js");
                  window.held = await Enhancer.create({ smoothing: 0.8, timings: true });
                }
                const size = { codedWidth: 192, codedHeight: 108 };
                const data = new Uint8Array(192 * 108 * 1.5).fill(40).fill(128, 192 * 108);
                for (let i = 0; i < frames; ++i) {
                  const frame = new VideoFrame(data, { ...size, format: i % 2 ? "I420" : "NV12", timestamp: i });
                  window.held.denoise = i % 10 ? 0 : 1;
                  const image = await window.held.enhanceFrame(frame);
                  frame.close();
                  if (image.width !== 192 || image.data[0] < 30) throw new Error(`${image.width} ${image.data[0]}`);
                }
                return window.held.allocate(1, 1).data.buffer.byteLength;
            }""",
            frames,
        )
        devtools.send("HeapProfiler.collectGarbage")
        return memory, devtools.send("Runtime.getHeapUsage")["usedSize"]

    memory, heap = run(200)
    later, heap_later = run(2000)
    assert later == memory
    assert heap_later < heap + 1_000_000


def test_frames_of_a_browser_that_does_not_convert(opened: Callable[..., Any]) -> None:
    page = opened()
    seen = page.evaluate(
        """async () => {
            const { Enhancer } = await import("./dcelite/index.js");
            const enhancer = await Enhancer.create();
            const width = 96, height = 64, size = width * height, results = {};
            const luma = Uint8Array.from({ length: size }, (_, i) => 20 + (i % width) / 2);
            for (const format of ["NV12", "I420", "RGBA", "BGRX"]) {
              const isRgb = /^RGB|^BGR/.test(format);
              const data = new Uint8Array((isRgb ? 4 : 1.5) * size).fill(isRgb ? 255 : 128);
              if (isRgb) luma.forEach((value, i) => data.fill(value, 4 * i, 4 * i + 3));
              else data.set(luma);
              const frame = new VideoFrame(data, { format, codedWidth: width, codedHeight: height, timestamp: 0 });
              results[format] = [...(await enhancer.enhanceFrame(frame)).data];
              frame.close();
              try { await enhancer.enhanceFrame(frame); } catch (error) { results.closed = error.message; }
            }
            const { copyTo } = VideoFrame.prototype;
            VideoFrame.prototype.copyTo = function (data, options = {}) {
              if (options.format) throw new DOMException("no conversion", "NotSupportedError");
              return copyTo.call(this, data, options);
            };
            for (const format of ["NV12", "I420"]) {
              const data = new Uint8Array(1.5 * size).fill(128);
              data.set(luma);
              const frame = new VideoFrame(data, { format, codedWidth: width, codedHeight: height, timestamp: 0 });
              results[`${format} here`] = [...(await enhancer.enhanceFrame(frame)).data];
              frame.close();
            }
            VideoFrame.prototype.copyTo = copyTo;
            return results;
        }"""
    )
    assert "closed" in seen.pop("closed")
    pictures = {name: np.array(values, np.int16).reshape(64, 96, 4) for name, values in seen.items()}
    assert set(pictures) == {"NV12", "I420", "RGBA", "BGRX", "NV12 here", "I420 here"}
    for name in ("I420", "NV12 here", "I420 here"):  # roundings of the two conversions, multiplied by the curve
        assert np.abs(pictures[name] - pictures["NV12"]).max() <= 6, name
    assert np.array_equal(pictures["RGBA"][..., :3], pictures["BGRX"][..., :3])
    assert pictures["NV12"][..., :3].mean() > 60


# ---- the page as a whole ----


def test_the_first_view_is_small_still_and_installable(browser: Any, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    received: dict[str, int] = {}
    page.on(
        "response", lambda response: received.update({response.url: int(response.headers.get("content-length", 0))})
    )
    page.goto(address)
    page.wait_for_timeout(1500)
    shift = page.evaluate(
        """() => new Promise(resolve => {
            const sum = list => list.getEntries().reduce((total, entry) => total + entry.value, 0);
            new PerformanceObserver(list => resolve(sum(list))).observe({ type: "layout-shift", buffered: true });
            setTimeout(() => resolve(0), 500);
        })"""
    )
    assert shift == 0
    page.click("#photo-sample")
    expect_text(page, "photo", "enhanced in")
    first = sum(size for url, size in received.items() if "offline" not in url)
    assert any(url.endswith(".wasm") for url in received)
    assert 200_000 < first < 300_000, received  # the sample and the WebAssembly, nothing of it compressed
    devtools = context.new_cdp_session(page)
    manifest = devtools.send("Page.getAppManifest")
    assert not manifest["errors"]
    assert manifest["url"].endswith("manifest.webmanifest")
    errors = devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [error for error in errors if error["errorId"] != "in-incognito"] == []
    context.close()


def test_it_works_without_network(opened: Callable[..., Any], photograph: Path) -> None:
    page = opened()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.context.set_offline(True)
    page.reload()
    choose(page, photograph)
    page.click("#photo-sample")
    expect_text(page, "photo", "sample.jpg: 600 × 400, enhanced in")
    page.context.set_offline(False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1100])
def test_accessibility(browser: Any, address: str, node_modules: Path, scheme: str, width: int) -> None:
    context = browser.new_context(
        bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 740}, service_workers="block"
    )
    page = context.new_page()
    page.goto(address)
    page.click("#photo-sample")
    expect_text(page, "photo", "enhanced in")
    page.add_script_tag(path=node_modules / "axe-core" / "axe.min.js")
    for tab in ("photo", "live", "bench"):
        page.click(f"#tab-{tab}")
        found = page.evaluate("() => axe.run()")
        assert [(fault["id"], [node["target"] for node in fault["nodes"]]) for fault in found["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.click("#tab-photo")
    if width == 1100 and scheme == "light":
        shoot(page, "web_photograph.jpg")
    if width == 360 and scheme == "dark":
        shoot(page, "web_phone.jpg")
    context.close()


def test_tabs_by_keyboard(opened: Callable[..., Any]) -> None:
    page = opened()
    page.focus("#tab-photo")
    for key, tab in (
        ("ArrowRight", "live"),
        ("ArrowRight", "bench"),
        ("ArrowRight", "photo"),
        ("End", "bench"),
        ("Home", "photo"),
    ):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.id") == f"tab-{tab}"
        assert page.locator(f"#{tab}").is_visible()
        assert page.locator("[role=tabpanel]:visible").count() == 1


def test_the_benchmark_is_a_document_of_the_bench(opened: Callable[..., Any], tmp_path: Path) -> None:
    jsonschema, referencing = pytest.importorskip("jsonschema"), pytest.importorskip("referencing")
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    page.click("#tab-bench")
    page.click("#bench-run")
    expect_text(page, "bench", "Measured")
    assert page.locator("#bench-rows tr").count() == 5
    page.click("#bench-text")
    expect_text(page, "bench", "Copied")
    text = page.evaluate("navigator.clipboard.readText()")
    assert re.search(r"^1920 × 1080 +[\d.]+ ms +[\d.]+ ms +\d+ +[\d.]+ ms +[\d.]+ ms$", text, re.MULTILINE), text
    with page.expect_download() as download:
        page.click("#bench-json")
    path = tmp_path / "bench.json"
    download.value.save_as(path)
    document = json.loads(path.read_text())
    schema = json.loads((REPOSITORY / "bench" / "schema.json").read_text())
    registry = referencing.Registry().with_resource("bench", referencing.Resource.from_contents(schema))
    jsonschema.Draft202012Validator({"$ref": "bench#/$defs/samples"}, registry=registry).validate(document)
    command = [Path(sys.executable).parent / "dcelite", "bench", "--from", path, "--html", tmp_path / "bench.html"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode in (0, 1), result.stderr  # 1: rows that are too noisy
    assert "1200" in result.stdout
    assert (tmp_path / "bench.html").is_file()


def shoot(page: Any, name: str) -> None:
    """A picture of what the window shows, small enough for the documents."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    data = page.screenshot(type="jpeg", quality=65)
    assert len(data) < 100_000
    temporary = SCREENSHOTS / f"{name}.new"
    temporary.write_bytes(data)
    temporary.replace(SCREENSHOTS / name)
