#!/usr/bin/env bash
# Prints the path of a Python of the version asked for: this machine's, pyenv's, or Debian's, fetched into build/pythons.
#
#     tests/pythons/find.sh 3.14
#
# Debian's packages of a newer suite are unpacked into a folder, the C library that they need among them; nothing is
# installed, and apt's own lists stay as they are. Status 3: there is none, and the reason on standard error.
set -euo pipefail

version=$1
pythons="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/pythons"
suites="trixie forky sid"  # the first that has this version: the older, the fewer surprises
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

absent() {
    echo "Python $version is absent: $*" >&2
    exit 3
}

fits() {  # PYTHON
    [ "$("$1" -c 'import ctypes, ssl, sys, venv; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$version" ]
}

fetch() {  # SUITE: downloads the packages, with all that they depend on
    local apt="$pythons/apt/$1"
    mkdir -p "$apt"/{lists,archives}/partial
    : >"$apt/status"  # of no package that is installed
    echo "deb [signed-by=$keyring] $mirror $1 main" >"$apt/sources.list"
    cat >"$apt/apt.conf" <<-END
	Dir::Etc::SourceList "$apt/sources.list";
	Dir::Etc::SourceParts "/dev/null";
	Dir::State::Lists "$apt/lists";
	Dir::State::Status "$apt/status";
	Dir::Cache "$apt";
	Acquire::Languages "none";
	Acquire::Retries "2";
	APT::Install-Recommends "false";
	APT::Sandbox::User "root";
	END
    export APT_CONFIG="$apt/apt.conf"
    rm -f "$apt"/archives/*.deb
    apt-get update -qq && apt-get install -qq --yes --download-only "python$version"
}

unpack() {  # SUITE ROOT
    local package loader
    mkdir -p "$2"
    for package in "$pythons/apt/$1"/archives/*.deb; do
        dpkg-deb --extract "$package" "$2"
    done
    loader="$(cd "$2" && find . -name 'ld-linux*.so*' -type f | head -n 1)"
    cat >"$2/usr/bin/python" <<-END
	#!/bin/sh
	# Python with the C library that it was built against, called by the name that tells it its environment.
	root="\$(dirname "\$(readlink -f "\$0")")/../.."
	exec "\$root/$loader" --argv0 "\$0" --library-path "\$root/$(dirname "$loader")" "\$root/usr/bin/python$version" "\$@"
	END
    chmod +x "$2/usr/bin/python"
}

for python in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python "$pythons/$version/usr/bin/python"; do
    if fits "$python"; then
        command -v "$python"
        exit
    fi
done

for tool in apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || absent "it is not on this machine, and without $tool it cannot be fetched"
done
mirror="$(apt-get indextargets --format '$(REPO_URI)' | grep '/debian/$' | sort -u | head -n 1 || true)"
[ -n "$mirror" ] || absent "it is not on this machine, whose apt names no mirror of Debian to fetch it from"
mkdir -p "$pythons"
for suite in $suites; do
    if fetch "$suite" >"$pythons/fetch-$version.log" 2>&1; then
        scratch="$(mktemp -d "$pythons/.new-XXXXXX")"
        trap 'rm -rf "$scratch"' EXIT
        unpack "$suite" "$scratch/root"
        fits "$scratch/root/usr/bin/python" || absent "Debian's, of $suite, does not run here"
        rm -rf "${pythons:?}/$version"
        mv "$scratch/root" "$pythons/$version"
        echo "$pythons/$version/usr/bin/python"
        exit
    fi
done
absent "it is not on this machine, nor in Debian's $suites: $(tail -n 1 "$pythons/fetch-$version.log")"
