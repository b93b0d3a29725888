"""The APK that build_apk.sh makes: what Android and a phone would refuse, as far as that can be seen from here."""

from __future__ import annotations

import functools
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support import REPOSITORY, skip

DEMO = REPOSITORY / "android_demo"
BUILD = REPOSITORY / "build" / "android"
RESOURCES = DEMO / "app" / "src" / "main" / "res"
ANDROID = "{http://schemas.android.com/apk/res/android}"
PACKAGE = "org.dcelite.demo"
LIBRARY = "lib/arm64-v8a/libdcelite_jni.so"
PAGE = 16384
SKIPPED = 3

Reference = tuple[str, str, str]
"""Class as a path, member, descriptor."""


def run(*command: str | Path, check: bool = True) -> str:
    """Run a program; what it printed. A failure shows that."""
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=600)
    assert not check or result.returncode == 0, f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}"
    return result.stdout + result.stderr


def found(pattern: str, text: str) -> str:
    """The group of the first match."""
    match = re.search(pattern, text, re.MULTILINE)
    assert match is not None, f"{pattern} is not in {text}"
    return match[1]


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        skip(f"the program {name} is absent: apt-get install {name}")
    return str(path)


def build(**environment: str) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, "PYTHON": sys.executable, **environment}
    return subprocess.run(
        [DEMO / "build_apk.sh"], capture_output=True, text=True, check=False, timeout=1200, env=settings
    )


@functools.cache
def built() -> Path:
    """The APK, built once for all tests."""
    result = build()
    if result.returncode == SKIPPED:
        skip(result.stderr.strip())
    assert result.returncode == 0, result.stdout + result.stderr
    return BUILD / "dcelite-demo.apk"


@pytest.fixture(scope="module")
def apk() -> Path:
    return built()


@pytest.fixture(scope="module")
def cache(apk: Path) -> Path:
    """Where the script keeps what it fetched."""
    chosen = (
        os.environ.get("DCELITE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dcelite"
    )
    return Path(chosen) / "android"


@pytest.fixture(scope="module")
def disassembly(apk: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("dex")
    with zipfile.ZipFile(apk) as archive:
        dex = archive.extract("classes.dex", folder)
    return run(tool("dexdump"), "-d", dex)


# Manifest and resources -----------------------------------------------------------------------------------------------


def test_manifest(apk: Path) -> None:
    badging = run(tool("aapt"), "dump", "badging", apk)
    assert f"package: name='{PACKAGE}'" in badging
    version = found(r'^__version__ = "(.+)"', (REPOSITORY / "runtime/python/dcelite/__init__.py").read_text())
    assert f" versionName='{version}'" in badging
    assert "sdkVersion:'26'" in badging
    assert "targetSdkVersion:'35'" in badging
    assert f"launchable-activity: name='{PACKAGE}.MainActivity'" in badging
    assert "native-code: 'arm64-v8a'" in badging
    assert "application-debuggable" not in badging
    # The camera is wanted, not needed: tablets without one may install the app.
    assert "uses-feature-not-required: name='android.hardware.camera'" in badging
    assert not re.search(r"uses-(implied-)?feature: ", badging)


def test_permissions(apk: Path) -> None:
    lines = run(tool("aapt"), "dump", "permissions", apk).splitlines()
    assert [line for line in lines if "permission" in line] == ["uses-permission: name='android.permission.CAMERA'"]


def test_only_the_first_screen_is_open_to_other_apps(apk: Path) -> None:
    tree = run(tool("aapt"), "dump", "xmltree", apk, "AndroidManifest.xml")
    activities = re.findall(r"E: activity.*?(?=E: activity|\Z)", tree, re.DOTALL)
    exported = {
        found(r'android:name\(\S+?\)="([^"]+)"', text): found(r"android:exported\S+=\(\S+ 0x12\)(\S+)", text)
        for text in activities
    }
    assert exported == {
        ".MainActivity": "0xffffffff",
        ".PhotoActivity": "0x0",
        ".LiveActivity": "0x0",
        ".BenchmarkActivity": "0x0",
    }
    assert re.search(r"android:allowBackup\S+=\(\S+ 0x12\)0x0\b", tree)
    assert re.search(r"android:extractNativeLibs\S+=\(\S+ 0x12\)0x0\b", tree)


@pytest.mark.parametrize("path", sorted((RESOURCES / "layout").glob("*.xml")), ids=lambda path: path.stem)
def test_layouts_speak(path: Path) -> None:
    """What has no text of its own has a description for screen readers, and no words stand outside strings.xml."""
    silent = {"SeekBar", "Spinner", "SurfaceView", "ImageView", "ImageButton", f"{PACKAGE}.SplitView"}
    for element in ElementTree.parse(path).iter():
        if element.tag in silent:
            assert element.get(f"{ANDROID}contentDescription", "").startswith("@string/"), element.attrib
        for attribute in ("text", "hint", "textOn", "textOff", "contentDescription"):
            assert element.get(ANDROID + attribute, "@string/").startswith("@string/"), element.attrib


def test_every_string_is_used() -> None:
    files = [path for path in (DEMO / "app" / "src").rglob("*") if path.suffix in {".java", ".xml"}]
    used = set(re.findall(r"(?:R\.string\.|@string/)(\w+)", "".join(path.read_text() for path in files)))
    names = {string.get("name") for string in ElementTree.parse(RESOURCES / "values" / "strings.xml").getroot()}
    assert names == used


def test_no_pictures_from_elsewhere() -> None:
    assert {path.suffix for path in (DEMO / "app" / "src").rglob("*") if path.is_file()} == {".xml", ".java"}


# Layout of the file ---------------------------------------------------------------------------------------------------


def offset_of(apk: Path, entry: zipfile.ZipInfo) -> int:
    """Where the bytes of a file begin in the APK."""
    header = apk.read_bytes()[entry.header_offset :][:30]
    signature, *_, name, extra = struct.unpack("<4s5H3I2H", header)
    assert signature == b"PK\x03\x04"
    return int(entry.header_offset + len(header) + name + extra)


def test_size(apk: Path) -> None:
    assert apk.stat().st_size < 1_000_000


def test_libraries_are_mapped_where_they_stand(apk: Path) -> None:
    with zipfile.ZipFile(apk) as archive:
        assert archive.testzip() is None
        entries = {entry.filename: entry for entry in archive.infolist()}
        assert [name for name in entries if name.endswith(".so")] == [LIBRARY]
        for name, multiple in ((LIBRARY, PAGE), ("resources.arsc", 4)):
            assert entries[name].compress_type == zipfile.ZIP_STORED
            offset = offset_of(apk, entries[name])
            assert offset % multiple == 0
            assert apk.read_bytes()[offset : offset + 16] == archive.read(name)[:16]
    run(tool("zipalign"), "-c", "-p", "4", apk)


def test_signature(apk: Path, tmp_path: Path) -> None:
    verify = (tool("apksigner"), "verify", "--verbose", "--min-sdk-version", "26")
    printed = run(*verify, apk)
    assert "Verified using v2 scheme (APK Signature Scheme v2): true" in printed
    assert "Verified using v3 scheme (APK Signature Scheme v3): true" in printed
    assert "Number of signers: 1" in printed
    content = bytearray(apk.read_bytes())
    with zipfile.ZipFile(apk) as archive:
        content[offset_of(apk, archive.getinfo(LIBRARY)) + 5000] ^= 1
    changed = tmp_path / "changed.apk"
    changed.write_bytes(content)
    assert "DOES NOT VERIFY" in run(*verify, changed, check=False)


# Code -----------------------------------------------------------------------------------------------------------------


def java_classes() -> set[str]:
    roots = (
        DEMO / "app" / "src" / "main" / "java",
        DEMO / "app" / "src" / "core" / "java",
        REPOSITORY / "runtime/jni/java",
    )
    return {str(path.relative_to(root).with_suffix("")) for root in roots for path in root.rglob("*.java")}


def test_all_classes_are_there(disassembly: str) -> None:
    classes = set(re.findall(r"Class descriptor  : 'L(\S+);'", disassembly))
    assert java_classes() <= classes
    assert f"{PACKAGE.replace('.', '/')}/R$string" in classes
    assert not [name for name in classes if not name.startswith("org/dcelite/")]  # annotations stay outside


def references(disassembly: str) -> set[Reference]:
    """Methods and fields that the instructions name."""
    named = re.findall(r"L([\w/$]+);\.([\w$<>]+):(\S+) // (?:method|field)@", disassembly)
    assert len(named) > 1000
    return set(named)


def callers(disassembly: str, method: str) -> set[str]:
    """Classes that call a method of Enhancer or its options."""
    classes = re.split(r"^  Class descriptor  : 'L(\S+);'$", disassembly, flags=re.MULTILINE)[1:]
    call = re.compile(rf"Lorg/dcelite/Enhancer(?:\$Options)?;\.{method}:\(")
    return {name for name, code in zip(classes[::2], classes[1::2], strict=True) if call.search(code)}


def test_photographs_are_no_frames_of_a_video(disassembly: str) -> None:
    live, photograph = (f"{PACKAGE.replace('.', '/')}/{name}" for name in ("core/NativeEngine", "Photograph"))
    assert callers(disassembly, "setDenoise") == {live, photograph}
    for method in ("setTemporalDenoise", "setSmoothing"):
        assert callers(disassembly, method) == {live}
    for option in ("temporalDenoise", "smoothing"):
        assert callers(disassembly, option) == set()


def members(
    jar: Path, classes: Iterable[str], folder: Path
) -> tuple[dict[str, set[tuple[str, str]]], dict[str, list[str]]]:
    """Members of classes in a jar, and what these classes extend and implement."""
    with zipfile.ZipFile(jar) as archive:
        # Unpacked, since javap takes java.* from its own JDK where it is given names.
        files = [archive.extract(f"{name}.class", folder) for name in sorted(classes)]
    printed = run(tool("javap"), "-s", "-protected", *files)
    own: dict[str, set[tuple[str, str]]] = {}
    above: dict[str, list[str]] = {}
    name = member = ""
    for line in printed.splitlines():
        plain = re.sub(r"<[^<>]*>", "", re.sub(r"<[^<>]*>", "", re.sub(r"<[^<>]*>", "", line)))
        if match := re.match(r"(?!Compiled).*?(?:class|interface) ([\w.$]+)(.*) \{$", plain):
            name = match[1].replace(".", "/")
            own[name] = set()
            above[name] = [word.replace(".", "/") for word in re.findall(r"[\w.$]+", match[2]) if "." in word]
        elif match := re.match(r"    descriptor: (\S+)", line):
            own[name].add((member, match[1]))
        elif match := re.match(r"  .*?([\w.$]+)(\(.*)?;$", re.sub(r" throws .*;", ";", plain)):
            member = "<init>" if match[2] and match[1].replace(".", "/") == name else match[1].split(".")[-1]
    return own, above


def test_what_the_code_uses_exists_in_api_23(disassembly: str, cache: Path, tmp_path: Path) -> None:
    """Newer things are reached by reflection only. The compiler does not see to java.*: it knows that of a JDK."""
    wanted = {reference for reference in references(disassembly) if not reference[0].startswith("org/dcelite/")}
    assert {name.split("/")[0] for name, _, _ in wanted} == {"android", "java"}
    own: dict[str, set[tuple[str, str]]] = {}
    above: dict[str, list[str]] = {}
    missing = {name for name, _, _ in wanted} | {"java/lang/Object"}
    while missing:
        theirs, parents = members(cache / "android-23.jar", missing, tmp_path)
        assert missing <= theirs.keys(), f"not in API 23: {missing - theirs.keys()}"
        own |= theirs
        above |= parents
        missing = {parent for parents_of in parents.values() for parent in parents_of} - own.keys()

    def has(name: str, member: str, descriptor: str) -> bool:
        return (member, descriptor) in own[name] or any(has(parent, member, descriptor) for parent in above[name])

    absent = [
        reference
        for reference in wanted
        if not has(*reference) and not (reference[1] != "<init>" and has("java/lang/Object", *reference[1:]))
    ]
    assert not absent


# The native library ---------------------------------------------------------------------------------------------------


def test_native_library(apk: Path, disassembly: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(apk) as archive:
        library = archive.extract(LIBRARY, tmp_path)
    dump = run(tool("readelf"), "-h", "-l", "-d", "-W", library)
    assert "AArch64" in dump
    assert {int(match, 16) % PAGE for match in re.findall(r"^  LOAD .* (0x[0-9a-f]+)$", dump, re.MULTILINE)} == {0}
    assert set(re.findall(r"NEEDED\)\s+Shared library: \[(\S+)\]", dump)) <= {"libc.so", "libm.so"}
    symbols = run(tool("readelf"), "--dyn-syms", "-W", library)
    exported = set(re.findall(r"GLOBAL +DEFAULT +\d+ (\S+)", symbols))
    methods = re.findall(r"name          : '(\w+)'\n *type +: '\S+'\n *access +: \S+ \([^)]*NATIVE", disassembly)
    assert len(methods) >= 9
    assert {f"Java_org_dcelite_Enhancer_{method}" for method in methods} <= exported


# The script -----------------------------------------------------------------------------------------------------------


def test_another_build_has_the_same_key_and_content(apk: Path) -> None:
    key = BUILD / "debug.keystore"
    before, stamp = key.read_bytes(), key.stat().st_mtime_ns
    with zipfile.ZipFile(apk) as archive:
        content = {entry.filename: entry.CRC for entry in archive.infolist()}
    assert build().returncode == 0
    assert (key.read_bytes(), key.stat().st_mtime_ns) == (before, stamp)
    with zipfile.ZipFile(apk) as archive:
        assert content == {entry.filename: entry.CRC for entry in archive.infolist()}


@pytest.mark.parametrize(("required", "status", "word"), [("0", SKIPPED, "SKIPPED"), ("1", 1, "error: required here")])
def test_a_missing_download_is_not_passed_over(
    apk: Path, cache: Path, tmp_path: Path, required: str, status: int, word: str
) -> None:
    """Also where the cache holds another file in its place."""
    kept = tmp_path / "android"
    kept.mkdir()
    (kept / "android-23.jar").symlink_to(cache / "android-23.jar")
    (kept / "d8.jar").write_text("something else")
    python = tmp_path / "python-without-network"
    python.write_text("#!/bin/sh\necho 'no network' >&2\nexit 1\n")
    python.chmod(0o755)
    stamp = apk.stat().st_mtime_ns
    result = build(DCELITE_CACHE=str(tmp_path), PYTHON=str(python), DCELITE_REQUIRE_ALL=required)
    assert result.returncode == status
    assert word in result.stderr
    assert "D8" in result.stderr
    assert "no network" in result.stderr
    assert apk.stat().st_mtime_ns == stamp
    assert [path.name for path in kept.iterdir() if path.name.startswith(".new")] == []


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "grep", "sort", "python3"):
        (tmp_path / name).symlink_to(tool(name))
    result = build(PATH=str(tmp_path), DCELITE_REQUIRE_ALL="0")
    assert result.returncode == SKIPPED
    assert "SKIPPED the APK: javac is absent: apt-get install openjdk-17-jdk-headless" in result.stderr


def test_an_unknown_argument_and_an_absent_model_are_errors() -> None:
    for arguments in (["--release"], ["--model"], ["--model", "absent.dce"]):
        result = subprocess.run([DEMO / "build_apk.sh", *arguments], capture_output=True, text=True, check=False)
        assert result.returncode == 1
        assert "build_apk.sh: error: " in result.stderr


def test_gradle_builds_the_same_app() -> None:
    """Gradle cannot run here; what both builds state must not drift apart."""
    script = (DEMO / "build_apk.sh").read_text()
    gradle = (DEMO / "app" / "build.gradle").read_text()
    for name, variable in (("minSdk", "MIN_SDK"), ("targetSdk", "TARGET_SDK"), ("versionCode", "VERSION_CODE")):
        assert found(rf"\b{name} (\d+)", gradle) == found(rf"^{variable}=(\d+)", script)
    assert f"namespace '{PACKAGE}'" in gradle
    assert f"APPLICATION={PACKAGE}\n" in script
    source = "runtime/python/dcelite/__init__.py"
    assert f"versionName((file('../../{source}')" in gradle
    assert f'"$root/{source}"' in script
