"""Every way to link the native library, and what it may contain and need."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from pathlib import Path

import pytest

from native_builds import EXAMPLES, HEIGHT, WIDTH, assert_enhances, build, cross_settings, install, run, tool
from support import REPOSITORY

PROJECTS = Path(__file__).parent / "linking"

C_RUNTIME = {
    # memory and strings
    *("malloc", "free", "memcpy", "memset", "memmove", "memcmp"),
    *("strcmp", "strncmp", "strcpy", "strlen", "strchr", "strrchr", "strcspn"),
    # reading a model file, writing an error message into a buffer
    *("fopen", "fread", "fclose", "ferror", "snprintf", "vsnprintf"),
    # mathematics
    *("tanhf", "expf", "ldexpf"),
    # threads, and how many processors there are
    *("pthread_create", "pthread_join", "pthread_mutex_lock", "pthread_mutex_unlock", "pthread_mutex_destroy"),
    *("pthread_cond_wait", "pthread_cond_signal", "pthread_cond_broadcast", "pthread_cond_destroy"),
    *("sched_getaffinity", "__sched_cpucount", "sched_yield", "sysconf", "clock_gettime", "strtoll"),
    # threads that take no signals; forks, after which a child starts threads of its own
    *("pthread_sigmask", "sigfillset", "mmap", "madvise", "munmap", "getpid"),
    # DCELITE_ISA; the features of the processor
    *("getenv", "getauxval"),
}
"""What the library may use of libc and libm: nothing that prints, ends the process, or changes its state."""

LINKER = {"_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable", "__cxa_finalize", "__gmon_start__"}
"""Weak symbols that every shared library refers to, for code that this one does not have."""


@pytest.fixture(scope="session")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library, installed."""
    return install(tmp_path_factory.mktemp("x86") / "prefix", CMAKE_INSTALL_LIBDIR="lib")


@pytest.fixture(scope="session")
def arm_prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library for 64-bit Arm, installed."""
    return install(tmp_path_factory.mktemp("arm") / "prefix", CMAKE_INSTALL_LIBDIR="lib", **cross_settings())


@pytest.fixture(params=["prefix", "arm_prefix"])
def any_prefix(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


# Ways to link ---------------------------------------------------------------------------------------------------------


def test_find_package(prefix: Path, tmp_path: Path) -> None:
    folder = build(EXAMPLES, tmp_path / "build", CMAKE_PREFIX_PATH=prefix)
    for name in ("enhance_c", "enhance_cpp", "enhance_c_static", "enhance_cpp_static"):
        assert_enhances(folder / name)
        assert ("libdcelite.so.1" in needed(folder / name)) != name.endswith("_static")


def test_find_package_of_an_installation_that_was_moved(prefix: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    run("cp", "-a", prefix, moved)
    assert_enhances(
        build(PROJECTS / "c_only", tmp_path / "build", CMAKE_PREFIX_PATH=moved, EXAMPLES=EXAMPLES) / "enhance_c"
    )
    for path in (*moved.glob("lib/cmake/dcelite/*"), *moved.glob("lib/pkgconfig/*")):
        assert str(prefix) not in path.read_text()


def test_find_package_in_a_project_without_cpp(prefix: Path, tmp_path: Path) -> None:
    folder = build(PROJECTS / "c_only", tmp_path / "build", CMAKE_PREFIX_PATH=prefix, EXAMPLES=EXAMPLES)
    assert_enhances(folder / "enhance_c")
    assert needed(folder / "enhance_c") <= {"libc.so.6", "libm.so.6"}


def test_add_subdirectory(tmp_path: Path) -> None:
    folder = build(PROJECTS / "subdirectory", tmp_path / "build", DCELITE=REPOSITORY, EXAMPLES=EXAMPLES)
    for name in ("enhance_c", "enhance_cpp", "enhance_c_static", "enhance_cpp_static"):
        assert_enhances(folder / name)
    cache = re.findall(r"^(\w+):(?:BOOL|STRING|PATH|FILEPATH)=", (folder / "CMakeCache.txt").read_text(), re.MULTILINE)
    assert "BUILD_TESTING" not in cache
    assert not [*folder.rglob("*_test*"), *folder.rglob("*bench*"), *folder.rglob("*fuzz*")]
    assert not list(folder.rglob("CTestTestfile.cmake"))
    # The parent has no build type; the library is optimised all the same, and the parent's own program is not.
    commands = run(tool("ninja"), "-C", folder, "-t", "commands").splitlines()
    (library,) = (line for line in commands if line.endswith("/src/api.cpp"))
    own = [line for line in commands if line.endswith("/enhance.c")]
    assert "-O3" in library
    assert len(own) == 2
    assert not any("-O" in line for line in own)
    run(tool("cmake"), "--install", folder, "--prefix", tmp_path / "prefix")
    assert [path.name for path in (tmp_path / "prefix").rglob("*") if path.is_file()] == ["enhance_c"]


@pytest.mark.parametrize(("compiler", "source"), [("cc", "enhance.c"), ("c++", "enhance.cpp")])
def test_plain_compiler(prefix: Path, tmp_path: Path, compiler: str, source: str) -> None:
    folders = [f"-I{prefix}/include", f"-L{prefix}/lib", f"-Wl,-rpath,{prefix}/lib"]
    strict = ["-Wall", "-Wextra", "-Werror"]
    run(compiler, *strict, EXAMPLES / source, "-o", tmp_path / "enhance", *folders, "-ldcelite")
    assert_enhances(tmp_path / "enhance")


@pytest.mark.parametrize(("compiler", "source"), [("cc", "enhance.c"), ("c++", "enhance.cpp")])
@pytest.mark.parametrize("static", [False, True], ids=["shared", "static"])
def test_pkg_config(prefix: Path, tmp_path: Path, compiler: str, source: str, static: bool) -> None:
    query = [tool("pkg-config"), "--cflags", "--libs", *(["--static"] if static else []), "dcelite"]
    environment = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    flags = subprocess.run(query, capture_output=True, text=True, check=True, env=environment).stdout.split()
    flags.append("-static" if static else f"-Wl,-rpath,{prefix}/lib")
    run(compiler, EXAMPLES / source, "-o", tmp_path / "enhance", *flags)
    assert_enhances(tmp_path / "enhance")


def test_examples_report_failures(prefix: Path, tmp_path: Path) -> None:
    folder = build(EXAMPLES, tmp_path / "build", CMAKE_PREFIX_PATH=prefix)
    for name in ("enhance_c", "enhance_cpp"):
        for size in (["0", "5"], ["-1", "-1"], []):
            result = subprocess.run([folder / name, *size], input=b"", capture_output=True, check=False, timeout=60)
            assert result.returncode in (1, 2)
            assert result.stdout == b""
        bad_isa = {**os.environ, "DCELITE_ISA": "abacus"}
        result = subprocess.run(
            [folder / name, str(WIDTH), str(HEIGHT)], input=bytes(3 * WIDTH * HEIGHT), capture_output=True, env=bad_isa
        )
        assert result.returncode == 1
        assert b"DCELITE_ISA: 'abacus'" in result.stderr


# What is in the libraries ---------------------------------------------------------------------------------------------


def needed(path: Path) -> set[str]:
    """Shared libraries that a program or library names."""
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--dynamic", "--wide", path)))


def symbols(path: Path, *options: str) -> list[tuple[str, str]]:
    """(kind, name without version) as nm prints them."""
    lines = [line.split() for line in run("nm", *options, path).splitlines()]
    return [(fields[-2], fields[-1].partition("@")[0]) for fields in lines if len(fields) >= 2 and len(fields[-2]) == 1]


def declared_functions(header: Path) -> set[str]:
    return set(re.findall(r"^DCE_API [^;]*?\b(dce_\w+)\(", header.read_text(), re.MULTILINE))


def test_exports_what_the_header_declares_and_nothing_else(any_prefix: Path) -> None:
    exported = {name for _, name in symbols(any_prefix / "lib/libdcelite.so", "--dynamic", "--defined-only")}
    assert exported == declared_functions(any_prefix / "include/dcelite.h")
    assert len(exported) >= 10


def test_names_of_the_static_library_cannot_clash(any_prefix: Path) -> None:
    """All global names begin with dce_ or lie in the C++ namespace dce."""
    defined = {name for kind, name in symbols(any_prefix / "lib/libdcelite.a", "--defined-only", "--extern-only")}
    others = {name for name in defined if not re.match(r"dce_|_Z(?:NK?|TVN)3dce|_ZNK?\d+dce_enhancer", name)}
    assert others == set()
    assert "dce_open" in defined


def test_needs_libc_and_libm_alone(any_prefix: Path) -> None:
    loader = {"ld-linux-aarch64.so.1", "ld-linux-x86-64.so.2"}
    assert needed(any_prefix / "lib/libdcelite.so") - loader == {"libc.so.6", "libm.so.6"}
    undefined = {name for _, name in symbols(any_prefix / "lib/libdcelite.so", "--dynamic", "--undefined-only")}
    assert undefined - LINKER <= C_RUNTIME


def test_no_global_constructors(any_prefix: Path) -> None:
    sections = run("readelf", "--sections", "--wide", any_prefix / "lib/libdcelite.a")
    assert ".text" in sections
    assert not re.findall(r"\.(?:init_array|ctors|preinit_array|fini_array|dtors|gcc_except_table)\b", sections)
    # The one entry of the shared library is that of the C runtime's own start file.
    dynamic = run("readelf", "--dynamic", "--wide", any_prefix / "lib/libdcelite.so")
    assert re.findall(r"\((?:INIT|FINI)_ARRAYSZ\)\s+(\d+)", dynamic) == ["8", "8"]


def test_no_global_state(any_prefix: Path) -> None:
    """No writable variable exists; what relocation fills in (d in .data.rel.ro) is read-only before any code runs."""
    listing = run("readelf", "--sections", "--wide", any_prefix / "lib/libdcelite.a")
    writable = re.findall(r"(\.(?:data|bss|tdata|tbss)\S*)\s+(?:PROGBITS|NOBITS)\s+\w+ \w+ (\w+)", listing)
    assert len(writable) > 5
    assert {name for name, size in writable if int(size, 16) and not name.startswith(".data.rel.ro")} == set()


def test_soname_and_version(prefix: Path) -> None:
    package = REPOSITORY / "runtime" / "python" / "dcelite" / "__init__.py"
    version = re.search(r'^__version__ = "(.*)"$', package.read_text(), re.MULTILINE)
    abi = re.search(r"#define DCE_ABI_VERSION (\d+)", (prefix / "include/dcelite.h").read_text())
    assert version
    assert abi
    library = prefix / "lib/libdcelite.so"
    assert library.resolve().name == f"libdcelite.so.{version[1]}"
    assert f"[libdcelite.so.{abi[1]}]" in run("readelf", "--dynamic", "--wide", library)
    assert f"Version: {version[1]}\n" in (prefix / "lib/pkgconfig/dcelite.pc").read_text()


def test_pages_of_4_16_and_64_kilobytes_hold_segments_of_arm(arm_prefix: Path) -> None:
    """What a kernel needs to map the file, and that the loader protects all that relocation fills in."""
    library = arm_prefix / "lib/libdcelite.so"
    listing = run("readelf", "--segments", "--wide", library)
    lines = re.findall(r"^ +(\w+) +((?:0x\w+ +){5})([RWE ]{3}) 0x(\w+)$", listing, re.MULTILINE)
    segments = [
        (kind, *(int(number, 16) for number in numbers.split()), flags.replace(" ", ""), int(align, 16))
        for kind, numbers, flags, align in lines
    ]
    loaded = [segment for segment in segments if segment[0] == "LOAD"]
    assert [segment[6] for segment in loaded] == ["RE", "RW", "RW"]
    for page in (1 << 12, 1 << 14, 1 << 16):
        for _, offset, address, _, in_file, size, _, align in loaded:
            assert align % page == 0
            assert (address - offset) % page == 0
            assert in_file <= size
        ends = [(segment[2] // page, (segment[2] + segment[5] - 1) // page) for segment in loaded]
        assert all(before[1] < after[0] for before, after in itertools.pairwise(ends))
        (protected,) = (segment for segment in segments if segment[0] == "GNU_RELRO")
        assert (protected[2] + protected[5]) % page == 0
    assert protected[1:6] == loaded[1][1:6]
    sections = run("readelf", "--sections", "--wide", library)
    places = {
        name: (int(address, 16), int(size, 16))
        for name, address, size in re.findall(r"\] (\.\S+) +\w+ +(\w+) \w+ (\w+)", sections)
    }
    for name in (".data.rel.ro", ".dynamic", ".got", ".init_array"):
        begin, size = places[name]
        assert protected[2] <= begin < begin + size <= protected[2] + protected[5]


@pytest.mark.parametrize(("which", "limit"), [("prefix", 450_000), ("arm_prefix", 260_000)])
def test_size_of_the_stripped_library(which: str, limit: int, request: pytest.FixtureRequest) -> None:
    library = request.getfixturevalue(which) / "lib/libdcelite.so"
    assert ".symtab" not in run("readelf", "--sections", "--wide", library)
    assert 48_000 < library.stat().st_size < limit
