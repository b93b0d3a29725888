"""The platforms that there is a wheel and an archive of libraries for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Platform:
    """A system with a processor."""

    name: str
    """In the names of the archives of libraries."""
    tag: str
    """In the name of the wheel."""
    target: str
    """What zig calls it, with the oldest version of glibc or of macOS."""
    cpu: str = ""
    """The least that the processor has, in the words of zig; empty: what is usual."""

    @property
    def format(self) -> str:
        """Of its libraries: elf, macho or pe."""
        return {"macos": "macho", "windows": "pe"}.get(self.target.split("-")[1].split(".")[0], "elf")

    @property
    def suffix(self) -> str:
        """Of its shared libraries."""
        return {"macho": ".dylib", "pe": ".dll"}.get(self.format, ".so")

    @property
    def oldest(self) -> tuple[int, ...]:
        """The version of glibc or of macOS that it is built for; empty: none is told apart."""
        _, _, version = self.target.replace("macos.", "macos-none.").partition("-")[2].partition(".")
        return tuple(int(part) for part in version.split("."))[:2] if version else ()


PLATFORMS = (
    Platform("linux-x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64", "x86_64-linux-gnu.2.17"),
    Platform("linux-aarch64", "manylinux_2_17_aarch64.manylinux2014_aarch64", "aarch64-linux-gnu.2.17"),
    Platform(
        "linux-armv7l",
        "manylinux_2_17_armv7l.manylinux2014_armv7l",
        "arm-linux-gnueabihf.2.17",
        cpu="generic+v7a+vfp3d16-neon",
    ),
    Platform("linux-riscv64", "manylinux_2_31_riscv64", "riscv64-linux-gnu.2.31"),
    Platform("linux-musl-x86_64", "musllinux_1_2_x86_64", "x86_64-linux-musl"),
    Platform("linux-musl-aarch64", "musllinux_1_2_aarch64", "aarch64-linux-musl"),
    Platform("macos-x86_64", "macosx_11_0_x86_64", "x86_64-macos.11.0"),
    Platform("macos-arm64", "macosx_11_0_arm64", "aarch64-macos.11.0"),
    Platform("windows-x86_64", "win_amd64", "x86_64-windows-gnu"),
    Platform("windows-arm64", "win_arm64", "aarch64-windows-gnu"),
)


def chosen(names: list[str]) -> list[Platform]:
    """The platforms of these names, all without any; raises ValueError."""
    known = {platform.name: platform for platform in PLATFORMS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{unknown[0]}: no such platform; one of {', '.join(known)} was wanted")
    return [known[name] for name in names or known]
