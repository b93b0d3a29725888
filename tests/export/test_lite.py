"""MindSpore Lite files against the NumPy reference."""

from __future__ import annotations

import numpy as np
import pytest

from dcelite import reference
from dcelite.errors import DceliteError
from dcelite.export.lite import write_ms
from dcelite.export.spec import ExportSpec
from dcelite.mindspore_lite import open_model

from generated import ARCHITECTURES, SIZES, picture, weights_of
from support import assert_equals_reference, require_mindspore_lite


@pytest.fixture(autouse=True)
def _needs_mindspore_lite() -> None:
    require_mindspore_lite()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_curve_network_equals_the_reference_at_any_size(architecture, tmp_path):
    arrays = weights_of(architecture).arrays
    write_ms(arrays, ExportSpec(architecture, 7), {}, tmp_path / "model.ms")
    with open_model(tmp_path / "model.ms") as model:
        assert (model.kind, model.scale, model.sealed) == ("curve_map", 7, True)
        for height, width in SIZES:
            image = picture(height, width) / 255.0
            curve_map = model.run(np.ascontiguousarray(image.transpose(2, 0, 1), np.float32))
            # For the plain convolutions of Zero-DCE, MindSpore Lite takes Winograd's algorithm in large pictures.
            tolerance = 2e-5 if architecture == "zerodce" else 2e-6
            np.testing.assert_allclose(curve_map.transpose(1, 2, 0), reference.network(image, arrays), atol=tolerance)


@pytest.mark.parametrize(
    ("architecture", "scale", "size"),
    [("zerodcepp", 12, (53, 97)), ("zerodcepp", 12, (5, 3)), ("zerodcepp", 1, (1, 17)), ("zerodce", 1, (20, 31))],
)
@pytest.mark.parametrize("uint8", [False, True])
def test_enhancement_equals_the_reference(architecture, scale, size, uint8, tmp_path):
    arrays = weights_of(architecture).arrays
    write_ms(arrays, ExportSpec(architecture, scale, True, uint8, size), {}, tmp_path / "model.ms")
    image = picture(*size)
    with open_model(tmp_path / "model.ms") as model:
        if uint8:
            enhanced = model.run(image)
        else:
            planar = model.run(np.ascontiguousarray((image / 255.0).transpose(2, 0, 1), np.float32))
            enhanced = reference.to_8_bit(planar.transpose(1, 2, 0))
    assert enhanced.dtype == np.uint8
    assert_equals_reference(enhanced, reference.enhance(image, arrays, scale))


def test_one_row_is_refused(tmp_path):
    spec = ExportSpec("zerodcepp", 12, True, False, (1, 17))
    with pytest.raises(DceliteError, match="--size 1x17: MindSpore Lite resizes to 2x2 and more"):
        write_ms(weights_of("zerodcepp").arrays, spec, {}, tmp_path / "model.ms")
    assert not list(tmp_path.iterdir())
