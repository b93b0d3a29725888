"""``make web``: the npm package and its page into ``build/web``, the package as an archive into ``dist/``.

The bytes depend on the sources and on requirements.txt, and on nothing else.

    python packaging/web.py
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import sys
import tarfile
from pathlib import Path

import native
from native import BUILD, REPOSITORY, PackagingError
from platforms import Platform

OUTPUT = REPOSITORY / "build" / "web"
SOURCES = REPOSITORY / "runtime" / "web"
PAGE = REPOSITORY / "web_demo"
VARIANTS = {"dcelite.wasm": (), "dcelite_relaxed.wasm": ("-DDCELITE_RELAXED_SIMD=ON",)}
"""A browser fetches one of them: the second where it knows relaxed SIMD."""
LARGEST = {".wasm": (200_000, 110_000), ".js": (40_000, 10_000)}
"""Bytes of a file of the package, as it is and gzipped."""


def build_wasm() -> dict[str, bytes]:
    """Both files, by name."""
    found = {}
    for name, definitions in VARIANTS.items():
        platform = Platform(f"web-{Path(name).stem}", "", "wasm32-wasi")
        folder = BUILD / platform.name
        shutil.rmtree(folder, ignore_errors=True)
        native.configure(platform, folder, "-DDCELITE_BENCH=OFF", "-DDCELITE_INSTALL=OFF", *definitions)
        command: list[str | Path] = [native.tool("cmake"), "--build", folder, "--parallel", "1"]
        native.run([*command, "--target", "dcelite_web"], folder / "build.log")
        found[name] = (folder / "runtime" / "web" / "dcelite.wasm").read_bytes()
    return found


def package_files() -> dict[str, bytes]:
    """What the package holds, by name."""
    files = {path.name: path.read_bytes() for path in sorted((SOURCES / "package").iterdir())}
    manifest = json.loads(files["package.json"])
    manifest["version"] = native.version()
    files["package.json"] = (json.dumps(manifest, indent=2) + "\n").encode()
    files["LICENSE"] = (REPOSITORY / "LICENSE").read_bytes()
    files |= build_wasm()
    for name, data in files.items():
        compressed = len(gzip.compress(data, 9))
        for size, limit in zip((len(data), compressed), LARGEST.get(Path(name).suffix, ()), strict=False):
            if size > limit:
                raise PackagingError(f"{name}: {size} bytes, {limit} at most were wanted")
        print(f"    {name}: {len(data)} bytes, {compressed} gzipped")
    return files


def write_archive(path: Path, files: dict[str, bytes]) -> None:
    """The package as ``npm install`` takes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_bytes(gzip.compress(buffer.getvalue(), 9, mtime=0))
    temporary.replace(path)


def page_files(package: dict[str, bytes]) -> dict[str, bytes]:
    """What the page is served from, by path; its worker for offline use knows all of them."""
    files = {
        str(path.relative_to(PAGE)): path.read_bytes()
        for path in sorted(PAGE.rglob("*"))
        if path.is_file() and path.suffix != ".md"
    }
    files |= {f"dcelite/{name}": data for name, data in package.items() if name.endswith((".js", ".wasm"))}
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    worker = files["offline.js"].decode()
    names = [name for name in sorted(files) if name != "offline.js"]
    for mark, value in (('"VERSION"', f'"{digest.hexdigest()[:16]}"'), ('["FILES"]', json.dumps(names))):
        if mark not in worker:
            raise PackagingError(f"offline.js: {mark} is not there to be replaced")
        worker = worker.replace(mark, value)
    files["offline.js"] = worker.encode()
    files["index.html"] = files["index.html"].replace(b"VERSION", native.version().encode())
    return files


def write_folder(folder: Path, files: dict[str, bytes]) -> None:
    """The folder, anew: complete, or as it was."""
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for name, data in files.items():
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def main() -> int:
    """Build everything; returns the exit code."""
    try:
        package = package_files()
        write_folder(OUTPUT / "package", package)
        archive = REPOSITORY / "dist" / f"dcelite-{native.version()}.tgz"
        write_archive(archive, package)
        write_folder(OUTPUT / "page", page_files(package))
    except PackagingError as error:
        print(f"web: error: {error}", file=sys.stderr)
        return 2
    print(f"package: {OUTPUT / 'package'}\narchive: {archive}\npage:    {OUTPUT / 'page'} (make serve-web)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
