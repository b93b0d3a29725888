"""The judge of exported files: golden pictures, and what it lets pass."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from generated import ARCHITECTURES, weights_of

pytest.importorskip("dcelite.training.backend")

from dcelite import reference
from dcelite.errors import ModelError
from dcelite.export.golden import FREE_SIZES, golden_picture, golden_set, make_golden
from dcelite.export.onnx_graph import write_onnx
from dcelite.export.spec import ExportSpec
from dcelite.export.verify import EQUAL_SHARE, MAP_TOLERANCE, compare, mindspore_network, verify


@pytest.fixture(scope="module")
def goldens():
    spec = ExportSpec("zerodcepp", 12)
    return golden_set(spec, mindspore_network(weights_of("zerodcepp")))


def test_golden_pictures_are_dark_and_always_the_same():
    for name, size in FREE_SIZES.items():
        picture = golden_picture(name, *size)
        assert picture.shape == (*size, 3)
        np.testing.assert_array_equal(picture, golden_picture(name, *size))
    scene = golden_picture("scene", 180, 252)
    assert scene.mean() < 70
    assert scene.max() == 255
    assert len(np.unique(scene)) > 100


@pytest.mark.parametrize(("architecture", "scale"), [("zerodcepp", 12), ("zerodce", 1)])
def test_golden_results_are_those_of_the_reference(architecture, scale):
    weights = weights_of(architecture)
    golden = make_golden("scene", (30, 41), scale, mindspore_network(weights))
    np.testing.assert_allclose(golden.curve_map, reference.curve_map(golden.picture, weights.arrays, scale), atol=2e-6)
    expected = reference.enhance(golden.picture, weights.arrays, scale)
    assert np.abs(golden.enhanced.astype(int) - expected).max() <= 1


def test_a_fixed_size_has_pictures_of_that_size():
    spec = ExportSpec("zerodcepp", 12, True, False, (20, 30))
    network = mindspore_network(weights_of("zerodcepp"))
    assert {golden.picture.shape for golden in golden_set(spec, network)} == {(20, 30, 3)}
    assert len({golden.picture.shape for golden in golden_set(dataclasses.replace(spec, size=None), network)}) == len(
        FREE_SIZES
    )


def test_equal_results_pass(goldens):
    parity = compare("itself", lambda golden: (golden.curve_map, golden.enhanced), goldens)
    assert parity.passed
    assert (parity.map_difference, parity.level_difference, parity.equal_share) == (0.0, 0, 1.0)
    assert set(parity.sizes) == set(FREE_SIZES.values())


@pytest.mark.parametrize("value", [2 * MAP_TOLERANCE, np.nan, np.inf])
def test_a_map_that_differs_in_one_place_fails(goldens, value):
    def run(golden):
        curve_map = golden.curve_map.copy()
        if golden.name == "row":
            curve_map[0, 1, 2] += value
        return curve_map, golden.enhanced

    assert not compare("other", run, goldens).passed


def test_two_levels_fail_and_one_passes(goldens):
    def moved(levels):
        def run(golden):
            enhanced = golden.enhanced.copy()
            enhanced[0, 0, 0] = abs(int(enhanced[0, 0, 0]) - levels)
            return golden.curve_map, enhanced

        return compare("other", run, goldens)

    assert moved(1).passed
    assert not moved(2).passed


def test_many_values_off_by_one_fail(goldens):
    def run(golden):
        enhanced = golden.enhanced.copy()
        enhanced.flat[:: int(0.5 / (1 - EQUAL_SHARE))] ^= 1
        return golden.curve_map, enhanced

    assert not compare("other", run, goldens).passed


def test_another_shape_is_named(goldens):
    with pytest.raises(ValueError, match="the curve map has the shape"):
        compare("other", lambda golden: (golden.curve_map[:, :, :2], golden.enhanced), goldens)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_file_with_one_wrong_weight_fails(architecture, tmp_path):
    weights = weights_of(architecture)
    spec = ExportSpec(architecture, 12)
    golden = [make_golden("scene", (60, 84), 12, mindspore_network(weights))]
    path = tmp_path / "model.onnx"
    write_onnx(weights.arrays, spec, {}, path)
    assert verify(path, spec, golden).passed
    wrong = dict(weights.arrays)
    name = "e_conv7.weight" if architecture == "zerodce" else "e_conv7.point_conv.weight"
    wrong[name] = wrong[name].copy()
    place = np.unravel_index(np.argmax(np.abs(wrong[name])), wrong[name].shape)
    wrong[name][place] *= 1.05
    write_onnx(wrong, spec, {}, path)
    assert not verify(path, spec, golden).passed


def test_a_file_that_its_runtime_refuses_is_named(tmp_path, goldens):
    path = tmp_path / "model.onnx"
    spec = ExportSpec("zerodcepp", 12)
    write_onnx(weights_of("zerodcepp").arrays, spec, {}, path)
    with pytest.raises(ModelError, match=r"model\.onnx: does not run in its own runtime: .*enhanced"):
        verify(path, dataclasses.replace(spec, resize_in_graph=True), goldens)
