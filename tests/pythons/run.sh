#!/usr/bin/env bash
# Installs the package with pip in a new environment for each version of Python, and runs the runtime's tests there.
#
#     tests/pythons/run.sh PIP_PYTHON VERSION...      # PIP_PYTHON is a Python with pip, whose own version is passed over
#
# A version that cannot be had is SKIPPED; with DCELITE_REQUIRE_ALL=1 that is an error, but for 3.10, which Debian does not
# have: it is tested where the machine has it.
set -euo pipefail

# What the runtime alone can run, with NumPy, Pillow, tqdm, and PyAV for video. Left out: what needs MindSpore, ONNX, a
# converter or a compiler; the photographs of the shared folder, whose tests take most of the time; and a test that
# measures time, since the versions are tested side by side.
TESTS=(test_cli test_enhancer test_extras test_files test_formats images test_reference test_temporal test_video)
LEFT_OUT=tests/runtime/test_video.py::test_the_enhancement_is_the_smaller_part_of_the_time

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$here/../.."
work="$PWD/build/pythons/environments"
pip_python=$1
own="$("$pip_python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
shift

install() {  # PYTHON FOLDER
    rm -rf "$2"
    "$1" -m venv --without-pip "$2"
    # One folder for what is compiled: it is the same for all of them.
    local pip=("$pip_python" -m pip --python "$2/bin/python" --quiet --disable-pip-version-check install
        --config-settings=build-dir=build/pythons/wheel --only-binary=av pytest)
    "${pip[@]}" '.[video,heif]' || "${pip[@]}" '.[video]' || "${pip[@]}" .
}

has_video() {  # FOLDER
    "$1/bin/python" -c 'import av' 2>/dev/null
}

run_tests() {  # FOLDER
    local files=() name
    for name in "${TESTS[@]}"; do
        if [ "$name" = test_video ] && ! has_video "$1"; then continue; fi
        if [ -d "tests/runtime/$name" ]; then files+=("tests/runtime/$name"); else files+=("tests/runtime/$name.py"); fi
    done
    env -u DCELITE_REQUIRE_ALL DCELITE_TEST_DATA="$1/absent" "$1/bin/python" -m pytest -q -p no:cacheprovider \
        --basetemp="$1/tmp" --deselect "$LEFT_OUT" "${files[@]}"
}

mkdir -p "$work"
declare -A running=()
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
status=0
for version in "$@"; do
    if [ "$version" = "$own" ]; then continue; fi
    if ! python="$("$here/find.sh" "$version")"; then
        echo "SKIPPED the runtime with Python $version (see above)"
        if [ "${DCELITE_REQUIRE_ALL:-0}" = 1 ] && [ "$version" != 3.10 ]; then status=1; fi
        continue
    fi
    echo "the runtime with $("$python" --version): pip install, then its tests"
    if ! install "$python" "$work/$version" >"$work/$version.log" 2>&1; then
        cat "$work/$version.log"
        echo "Python $version: pip install FAILED"
        status=1
        continue
    fi
    has_video "$work/$version" || echo "Python $version: there is no PyAV for it, video is not tested"
    run_tests "$work/$version" >"$work/$version.log" 2>&1 &
    running[$version]=$!
done
for version in "${!running[@]}"; do
    if wait "${running[$version]}"; then
        echo "Python $version: $(tail -n 1 "$work/$version.log")"
    else
        cat "$work/$version.log"
        echo "Python $version: FAILED"
        status=1
    fi
done
exit "$status"
