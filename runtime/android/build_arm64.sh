#!/usr/bin/env bash
# Builds libdcelite_jni.so and libdcelite.so for Android on 64-bit Arm (arm64-v8a) without the NDK, from the sources and by
# the CMakeLists.txt that the NDK uses as well. On Debian 12:
#
#     apt-get install clang lld cmake ninja-build libc6-dev-arm64-cross openjdk-17-jdk-headless
#     runtime/android/build_arm64.sh [OUTPUT]      # default: build/android/arm64-v8a
#
# CMAKE and NINJA in the environment name other programs; without them, those of `make setup` do where there are no others.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
output=${1:-$repository/build/android/arm64-v8a}
PATH=$PATH:$repository/.venv/bin
cmake=${CMAKE:-cmake} ninja=${NINJA:-ninja}

fail() {
    echo "build_arm64.sh: $1; on Debian: apt-get install $2" >&2
    exit 2
}
for tool in "$cmake:cmake" "$ninja:ninja-build" clang++:clang ld.lld:lld javac:openjdk-17-jdk-headless; do
    command -v "${tool%:*}" > /dev/null || fail "no ${tool%:*}" "${tool##*:}"
done
test -d /usr/aarch64-linux-gnu/include || fail "no headers for arm64" libc6-dev-arm64-cross

mkdir -p "$output"
output=$(cd "$output" && pwd)
build=$output/build
stubs=$build/stubs
mkdir -p "$stubs"
for library in libc.so libm.so; do
    sed -n "s/^$library://p" "$here/symbols.txt" | tr -s ' ' '\n' | sed -n 's/..*/void &(void) {}/p' > "$stubs/$library.c"
    clang --target=aarch64-linux-android26 -ffreestanding -fno-builtin -w -fPIC -shared -nostdlib -fuse-ld=lld \
        -Wl,-soname,"$library" "$stubs/$library.c" -o "$stubs/$library"
done

"$cmake" -S "$repository" -B "$build" -G Ninja -DCMAKE_MAKE_PROGRAM="$(command -v "$ninja")" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_TOOLCHAIN_FILE="$here/clang_arm64.cmake" -DDCELITE_STUBS="$stubs" \
    -DDCELITE_JNI=ON -DDCELITE_BENCH=OFF -DDCELITE_INSTALL=OFF > "$build/configure.log" \
    || { cat "$build/configure.log" >&2; exit 1; }
"$cmake" --build "$build" --target dcelite dcelite_jni
cp "$build/runtime/libdcelite.so" "$build/runtime/jni/libdcelite_jni.so" "$output"
ls -l "$output"/*.so
