"""The Python description of models and of the C ABI against what the header and the C++ sources say."""

from __future__ import annotations

import ast
import ctypes
import json
import re
from collections.abc import Iterator

import numpy as np
import pytest

from dcelite import _native
from dcelite.model import architecture, dce_file
from dcelite.model.architecture import ARCHITECTURES, SOURCES
from dcelite.quantize.int8_network import LARGEST_BIAS
from dcelite.reference import ITERATIONS, SCENE_BINS, SCENE_STATISTICS, scene_offsets

from support import REPOSITORY

HEADER = (REPOSITORY / "runtime" / "include" / "dcelite.h").read_text(encoding="utf-8")
NATIVE_TESTS = REPOSITORY / "tests" / "runtime" / "native"
CODE = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.DOTALL)
SOURCE = "\n".join(
    path.read_text(encoding="utf-8")
    for path in sorted((REPOSITORY / "runtime" / "src").rglob("*"))
    if path.suffix in (".h", ".cpp")
)


def defined(name: str) -> int:
    """The value of a #define."""
    found = re.findall(rf"^#define {name} (\d+)$", CODE, re.MULTILINE)
    assert len(found) == 1, name
    return int(found[0])


def enumerators(name: str) -> dict[str, int]:
    """Those of a typedef enum."""
    body = re.search(rf"typedef enum {name} {{(.*?)}} {name};", CODE, re.DOTALL)
    assert body is not None, name
    return {key: int(value) for key, value in re.findall(r"DCE_(\w+) = (-?\d+)", body[1])}


def constant(pattern: str) -> str:
    """What a constexpr of the C++ sources is initialised with."""
    found = re.findall(rf"^constexpr \w+ {pattern}(?:\[[^=]*\])? = (.*?);", SOURCE, re.MULTILINE)
    assert len(found) == 1, f"{pattern}: {found}"
    return str(found[0])


def test_limits() -> None:
    assert defined("DCE_ABI_VERSION") == _native.ABI_VERSION
    assert defined("DCE_MAX_DIMENSION") == architecture.MAX_DIMENSION
    assert defined("DCE_MAX_CHROMA_STEP") == architecture.MAX_CHROMA_STEP
    assert defined("DCE_MAX_SCALE") == architecture.MAX_SCALE
    assert defined("DCE_ITERATIONS") == ITERATIONS


def test_statuses_formats_and_matrices() -> None:
    statuses = {name.removeprefix("ERROR_"): value for name, value in enumerators("dce_status").items()}
    assert statuses == {name: getattr(_native, name) for name in statuses}
    formats = enumerators("dce_format")
    assert formats == {name: getattr(_native, name) for name in formats}
    matrices = {
        (name.split("_")[0].lower(), name.endswith("_FULL")): value for name, value in enumerators("dce_matrix").items()
    }
    assert matrices == _native.MATRICES


def test_architectures() -> None:
    names = {
        name.removeprefix("ARCHITECTURE_").lower(): value for name, value in enumerators("dce_architecture").items()
    }
    assert names == {"engine": 0} | {name: found.code for name, found in ARCHITECTURES.items()}


def test_architectures_of_java_and_bench() -> None:
    java = (REPOSITORY / "runtime/jni/java/org/dcelite/Enhancer.java").read_text(encoding="utf-8")
    found = {name: int(value) for name, value in re.findall(r"int (ARCHITECTURE_\w+) = (\d+);", java)}
    assert found == enumerators("dce_architecture")
    samples = (REPOSITORY / "bench/native/dce_bench.c").read_text(encoding="utf-8")
    assert dict(re.findall(r'case DCE_ARCHITECTURE_(\w+): return "(\w+)";', samples)) == {
        name.upper(): name for name in ARCHITECTURES
    }
    schema = json.loads((REPOSITORY / "bench/schema.json").read_text(encoding="utf-8"))
    properties = schema["$defs"]["samples"]["properties"]["results"]["items"]["properties"]
    assert set(properties["architecture"]["enum"]) == set(ARCHITECTURES)


C_TYPES = {
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "size_t": ctypes.c_size_t,
    "ptrdiff_t": ctypes.c_ssize_t,
    "float": ctypes.c_float,
    "void *": ctypes.c_void_p,
    "const void *": ctypes.c_void_p,
    "const char *": ctypes.c_char_p,
    "const dce_engine *": ctypes.POINTER(_native.Engine),
    "int (*)": _native.RunFunction,
    "void (*)": _native.DestroyFunction,
}


def members(name: str) -> Iterator[tuple[str, object]]:
    """(name, ctypes type) of each member of a typedef struct."""
    body = re.search(rf"typedef struct {name} {{(.*?)}} {name};", CODE, re.DOTALL)
    assert body is not None, name
    for text in filter(None, (" ".join(line.split()) for line in body[1].split(";"))):
        function = re.fullmatch(r"(\w+) \(\*(\w+)\)\(.*\)", text)
        if function is not None:
            yield function[2], C_TYPES[f"{function[1]} (*)"]
            continue
        member = re.fullmatch(r"(.*?)(\w+)(?:\[(\d+)\])?", text)
        assert member is not None, text
        kind = C_TYPES[member[1].strip()]
        yield member[2], kind * int(member[3]) if member[3] else kind  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "structure"),
    [
        ("dce_image", _native.Image),
        ("dce_engine", _native.Engine),
        ("dce_options", _native.Options),
        ("dce_model_info", _native.ModelInfo),
        ("dce_timings", _native.Timings),
    ],
)
def test_structures(name: str, structure: type[ctypes.Structure]) -> None:
    assert [*members(name)] == [*structure._fields_]


def test_the_network() -> None:
    assert int(constant("kLayers")) == architecture.LAYERS
    assert int(constant("kFilters")) == architecture.FILTERS
    pairs = ast.literal_eval(constant("kSources").replace("{", "(").replace("}", ")"))
    assert tuple(tuple(k for k in pair if k >= 0) for pair in pairs) == SOURCES
    for name, count, work in (
        ("zerodcepp", 10_561, 10_075),
        ("zerodce", 79_416, 79_200),
        ("zerodcepp_scene", 12_225, 10_075),  # its head works once for a picture
    ):
        shapes = ARCHITECTURES[name].parameter_shapes
        assert sum(int(np.prod(shape)) for shape in shapes.values()) == count
        arrays = {parameter: np.zeros(shape, np.float32) for parameter, shape in shapes.items()}
        assert dce_file.DceModel(name, 1, arrays).multiply_adds == work


def test_the_scene_head() -> None:
    assert int(constant("kSceneBins")) == SCENE_BINS
    assert constant("kSceneStatistics") == "2 * kSceneBins + 3"
    assert SCENE_STATISTICS == 2 * SCENE_BINS + 3
    assert int(constant("kSceneHidden")) == architecture.SCENE_HIDDEN
    assert int(constant("kSteeredLayers")) == len(architecture.STEERED)
    assert (
        tuple(ast.literal_eval(constant("kSteered").translate({ord("{"): "(", ord("}"): ")"}))) == architecture.STEERED
    )
    arrays = {name: np.zeros(shape) for name, shape in architecture.SCENE_HEAD.items()}
    assert tuple(scene_offsets(np.zeros(SCENE_STATISTICS), arrays)) == architecture.STEERED
    for number in re.findall(r"histograms in (\d+) bins", HEADER):
        assert int(number) == SCENE_BINS
    parameters = re.search(r"SCENE_PARAMETERS = (\d+)", (NATIVE_TESTS / "model_bytes.h").read_text(encoding="utf-8"))
    assert parameters is not None
    assert int(parameters[1]) == sum(array.size for array in arrays.values())


def test_the_file_format() -> None:
    magic = ast.literal_eval(constant("k(?:Dce)?Magic").replace("{", "[").replace("}", "]"))
    assert bytes(ord(value) if isinstance(value, str) else value for value in magic) == dce_file.MAGIC
    assert int(constant("k(?:Dce)?Version")) == dce_file.FORMAT_VERSION
    assert int(constant("k(?:Dce)?HeaderSize")) == dce_file.HEADER_SIZE
    assert int(constant("k(?:Dce)?Int8")) == dce_file.PRECISIONS[dce_file.INT8]
    fields = re.search(r"struct (?:Dce)?Header {\s*uint32_t (.*?);", SOURCE)
    assert fields is not None
    names = "version, checksum, file_size, architecture, precision, scale, iterations, filters, map_channels"
    assert fields[1] == names
    base, shift = constant("kLargestBias").split("<<")
    assert int(base) << int(shift) == LARGEST_BIAS
