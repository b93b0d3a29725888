"""Files of every kind that the documents name, through the command: each ends as the table says."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from image_files import KINDS, Kind, png, tiff

from dcelite import Enhancer, reference
from dcelite.cli import main
from dcelite.denoising import AMOUNT
from dcelite.images import FORMATS, read_photograph
from dcelite.images.photograph import eight_bits, turned, upright

from support import REPOSITORY, load_weights, require_format

SCALE = 12
FLOAT32 = 0.1
"""Of 65535: what single precision costs."""
LOSSLESS = ("PNG", "TIFF", "BMP")
"""What a photograph of a format without loss is written as."""


def _rgb(samples: np.ndarray) -> np.ndarray:
    """Samples (H, W, 1 to 4) as RGB or RGBA."""
    if samples.shape[2] > 2:
        return samples
    return np.concatenate([np.repeat(samples[..., :1], 3, axis=2), samples[..., 1:]], axis=2)


def _decoded(data: bytes, suffix: str) -> np.ndarray:
    """An image as Pillow shows it, 8 bits a channel, upright."""
    if FORMATS[suffix] == "HEIF":
        import pillow_heif

        return eight_bits(np.array(pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)))
    with PIL.Image.open(io.BytesIO(data)) as image:
        image.load()
        if image.mode.startswith("I;16"):
            return np.repeat(eight_bits(np.asarray(image).astype(np.uint16))[..., None], 3, axis=2)
        alpha = image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info
        return np.asarray(PIL.ImageOps.exif_transpose(image).convert("RGBA" if alpha else "RGB"))


def _psnr(a: np.ndarray, b: np.ndarray) -> float:
    assert a.shape == b.shape
    return float(-10 * np.log10(np.mean(((a.astype(float) - b) / 255) ** 2) + 1e-12))


def _near(a: np.ndarray, b: np.ndarray) -> float:
    """PSNR at half the size: encoders keep chroma there."""
    height, width = (side - side % 2 for side in a.shape[:2])
    if min(height, width) < 2:
        return _psnr(a, b)

    def half(x: np.ndarray) -> np.ndarray:
        return x[:height, :width].reshape(height // 2, 2, width // 2, 2, -1).mean((1, 3))

    assert a.shape == b.shape
    return _psnr(half(a), half(b))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_ends_as_the_table_says(kind: Kind, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    require_format(kind.suffix)
    source = tmp_path / f"night{kind.suffix}"
    source.write_bytes(kind.data())
    output = tmp_path / f"bright{kind.suffix if kind.suffix in FORMATS else '.png'}"
    code = main(["enhance", str(source), "-o", str(output)])
    captured = capsys.readouterr()
    text = captured.out + captured.err
    assert code == (0 if kind.result == "kept" else 2), text
    for words in kind.says:
        assert words in text
    assert "Traceback" not in text
    names = {path.name for path in tmp_path.iterdir()}
    if kind.result == "refused":
        assert names == {source.name}
        return
    assert names == {source.name, output.name}
    photograph = read_photograph(source)
    if kind.pixels is not None:
        wanted = turned(_rgb(kind.pixels()), kind.orientation)
        assert photograph.pixels.dtype == wanted.dtype
        if kind.exact:
            np.testing.assert_array_equal(photograph.pixels, wanted)
        else:
            assert _near(eight_bits(photograph.pixels), eight_bits(wanted)) > 35
    with Enhancer(denoise=AMOUNT) as enhance:
        expected, _ = upright(enhance(photograph.pixels), photograph.metadata)
    if photograph.gray:
        expected[..., :3] = np.floor(expected[..., :3] @ np.array([0.299, 0.587, 0.114]) + 0.5)[..., None]
    result = read_photograph(output)
    if photograph.lossless and FORMATS[kind.suffix] in (*LOSSLESS, "WEBP"):
        np.testing.assert_array_equal(upright(result.pixels, result.metadata)[0], expected)
    shown = _decoded(output.read_bytes(), kind.suffix)
    assert _near(shown, eight_bits(expected)) > 30
    assert shown.mean() > eight_bits(photograph.pixels).mean() or photograph.pixels.size < 10


def test_the_documents_list_every_kind() -> None:
    text = (REPOSITORY / "docs" / "files.md").read_text().partition("## Every kind that is tested")[2]
    for kind in KINDS:
        row = next((line for line in text.splitlines() if line.startswith(f"| {kind.name} |")), "")
        assert row, kind.name
        assert kind.result in row, row
    assert len(KINDS) >= 60


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_dark_ramp_of_16_bits_keeps_its_steps(tmp_path: Path, suffix: str, channels: int) -> None:
    """Held against the reference in float64 before it is rounded: half a level of 65535, and what float32 costs."""
    ramp = np.round(np.linspace(0, 20 / 255 * 65535, 1200)).astype(np.uint16)
    samples = np.broadcast_to(ramp[None, :, None], (24, 1200, channels)).copy()
    source, output = tmp_path / f"ramp{suffix}", tmp_path / f"out{suffix}"
    source.write_bytes(png(samples) if suffix == ".png" else tiff(samples))
    assert main(["enhance", str(source), "-o", str(output), "--denoise", "0"]) == 0
    result = read_photograph(output).pixels
    assert result.dtype == np.uint16
    x = _rgb(samples)[..., :3] / 65535.0
    curve_map = reference.network(
        reference.downsample(x, SCALE), load_weights(REPOSITORY / "models/zerodcepp_scene.ckpt")
    )
    wanted = 65535 * reference.apply_curve(x, reference.upsample(curve_map, *x.shape[:2]))
    if channels == 1:
        wanted = np.repeat((wanted @ [0.299, 0.587, 0.114])[..., None], 3, axis=2)
    roundings = 2 if channels == 1 else 1
    assert np.abs(result[..., :3] - wanted).max() <= 0.5 * roundings + FLOAT32
    assert len(np.unique(result[0, :, 0])) > 1190
