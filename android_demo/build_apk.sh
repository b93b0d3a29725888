#!/usr/bin/env bash
# Builds build/android/dcelite-demo.apk from the same sources as the Gradle project, with Debian's tools in place of Google's:
#
#     android_demo/build_apk.sh [--model FILE]...      # further .dce (or .ms) files to choose from in the app
#
# Status 0: the APK is there. 3: SKIPPED, something is absent that this machine lacks or cannot fetch (with
# DCELITE_REQUIRE_ALL=1 that is an error, status 1). Anything else: an error.
#
# Two files are fetched once, checked against the digests below, and kept in the user's cache folder ($DCELITE_CACHE, else
# $XDG_CACHE_HOME/dcelite, else ~/.cache/dcelite): the framework classes of API 23, a Debian package, and D8, which turns
# class files into Android's format and stands in a wheel on PyPI.
set -euo pipefail

MIN_SDK=26
TARGET_SDK=35
VERSION_CODE=1
ALIGNMENT=16384
APPLICATION=org.dcelite.demo

FRAMEWORK_PATH=pool/main/a/android-framework-23/libandroid-23-java_6.0.1+r72-6_all.deb
FRAMEWORK_DEB_SHA256=8af1b6df556971dda0a6da3536ea526a838e0c363afcdd454213d8bce94793e3
FRAMEWORK_MEMBER=./usr/share/java/com.android.android-23.jar
FRAMEWORK_SHA256=4475aa3fe1fc28bdb87ae6351d6ccff58f344a1b9e2fe685f7a6fee41ba68613
D8_WHEEL=mobsf==4.4.0
D8_MEMBER=mobsf/StaticAnalyzer/tools/bundletool-all-1.17.2.jar
D8_SHA256=2d4ad908faea64047c1cc9cb747e6aa667c6ab192e09607bd16b67246a8cd6ae

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"
output="$root/build/android"
cache="${DCELITE_CACHE:-${XDG_CACHE_HOME:-${HOME:?set DCELITE_CACHE to a folder}/.cache}/dcelite}/android"
for python in "${PYTHON:-}" "$root/.venv/bin/python" python3; do
    [ -n "$python" ] && command -v "$python" >/dev/null && break
done

fail() {
    echo "build_apk.sh: error: $*" >&2
    exit 1
}

skip() {
    [ "${DCELITE_REQUIRE_ALL:-0}" != 1 ] || fail "required here, but $*"
    echo "SKIPPED the APK: $*" >&2
    exit 3
}

scratch=
trap '[ -z "$scratch" ] || rm -rf "$scratch"' EXIT

# Keeps MEMBER of what FETCH gets as FILE of the cache, once its digest is right. FETCH writes it to standard output.
keep() {  # FILE SHA256 MEMBER FETCH
    [ ! -f "$cache/$1" ] || ! echo "$2  $cache/$1" | sha256sum --check --status || return 0
    scratch="$(mktemp -d "$cache/.new-XXXXXX")"
    "$4" "$3" >"$scratch/member"
    echo "$2  $scratch/member" | sha256sum --check --status || fail "$3: is another file than expected"
    mv "$scratch/member" "$cache/$1"
    rm -rf "$scratch"
}

fetch_framework() {
    "$root/.ci/debian_package.sh" "$FRAMEWORK_PATH" "$FRAMEWORK_DEB_SHA256" "$scratch/framework.deb" \
        || skip "the framework classes of API 23 are absent (see above)"
    dpkg-deb --fsys-tarfile "$scratch/framework.deb" | tar -xO "$1"
}

fetch_d8() {
    "$python" -m pip download --quiet --no-deps --no-cache-dir --only-binary=:all: --python-version 3.11 \
        --dest "$scratch" "$D8_WHEEL" 2>"$scratch/log" >&2 || {
        tail -n 3 "$scratch/log" >&2
        skip "D8 (in $D8_WHEEL on PyPI, 104 MB) cannot be fetched with $python -m pip download"
    }
    "$python" -c 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' \
        "$scratch"/*.whl "$1"
}

extra_models=()
while [ $# -gt 0 ]; do
    [ "$1" = --model ] || fail "$1: unknown; usage: build_apk.sh [--model FILE]..."
    [ -f "${2:-}" ] || fail "--model ${2:-}: is no file; a .dce file was wanted"
    extra_models+=("$2")
    shift 2
done

for tool in javac:openjdk-17-jdk-headless keytool:openjdk-17-jdk-headless aapt:aapt apksigner:apksigner \
    zipalign:zipalign clang++:clang ld.lld:lld aarch64-linux-gnu-g++:g++-aarch64-linux-gnu "$python:python3" dpkg-deb:dpkg; do
    command -v "${tool%:*}" >/dev/null || skip "${tool%:*} is absent: apt-get install ${tool##*:}"
done
mkdir -p "$output" "$cache"
keep android-23.jar "$FRAMEWORK_SHA256" "$FRAMEWORK_MEMBER" fetch_framework
keep d8.jar "$D8_SHA256" "$D8_MEMBER" fetch_d8

# One build at a time; each in a new folder, so that nothing of an older one gets into the APK.
exec 9>"$output/.lock"
flock 9
work="$output/work"
rm -rf "$work"
mkdir -p "$work"/{gen,classes,assets/models,apk/lib/arm64-v8a}

# The native library.
PATH="$(dirname "$(command -v "$python")"):$PATH" "$root/runtime/android/build_arm64.sh" "$output/native" >"$work/native.log" \
    || { cat "$work/native.log" >&2; exit 1; }
cp "$output/native/libdcelite_jni.so" "$work/apk/lib/arm64-v8a/"

# Models to choose from, beside the one that is compiled in.
for model in "$root"/models/*.dce ${extra_models[@]+"${extra_models[@]}"}; do
    [ "$model" = "$root/models/zerodcepp_scene.dce" ] || cp "$model" "$work/assets/models/"
done

# Resources and manifest. What Gradle adds to the manifest from build.gradle is added here. aapt knows the attributes of API
# 23; the manifest needs no newer one (tags such as <adaptive-icon> it does not check).
sed -e "s|<manifest |<manifest package=\"$APPLICATION\" |" \
    -e 's|<application|<application android:extractNativeLibs="false"|' \
    "$here/app/src/main/AndroidManifest.xml" >"$work/AndroidManifest.xml"
version="$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$root/runtime/python/dcelite/__init__.py")"
aapt package -f -M "$work/AndroidManifest.xml" -S "$here/app/src/main/res" -A "$work/assets" -I "$cache/android-23.jar" \
    --min-sdk-version "$MIN_SDK" --target-sdk-version "$TARGET_SDK" --version-code "$VERSION_CODE" \
    --version-name "$version" -J "$work/gen" -F "$work/parts.apk" -0 dce -0 ms

# Java. The annotations are for compilers and editors alone: they stay out of the APK.
strict=(--release 8 -encoding UTF-8 -Xlint:all,-options -Werror)
javac "${strict[@]}" -d "$work/annotations" $(find "$root/runtime/jni/annotations" -name '*.java')
javac "${strict[@]}" -g:source,lines -classpath "$cache/android-23.jar:$work/annotations" -d "$work/classes" \
    $(find "$root/runtime/jni/java" "$here/app/src" "$work/gen" -name '*.java')
java -cp "$cache/d8.jar" com.android.tools.r8.D8 --release --min-api "$MIN_SDK" --lib "$cache/android-23.jar" \
    --classpath "$work/annotations" --output "$work/apk" $(find "$work/classes" -name '*.class')

# Native libraries are mapped from the APK where it stands (extractNativeLibs="false"): stored, at multiples of 16 KiB, the
# largest page of an Android device. From API 30 on the table of resources must be stored and aligned, too.
(
    cd "$work/apk"
    aapt add "$work/parts.apk" *.dex
    aapt add -0 "" "$work/parts.apk" lib/*/*.so
) >"$work/parts.log"
zipalign -f "$ALIGNMENT" "$work/parts.apk" "$work/unsigned.apk"

# Signed with a key of this machine, made once: an APK signed with another one does not update an installed app.
key="$output/debug.keystore"
if [ ! -f "$key" ]; then
    keytool -genkeypair -keystore "$key.new" -storetype PKCS12 -storepass android -alias androiddebugkey -keyalg RSA \
        -keysize 2048 -validity 10950 -dname "CN=Android Debug,O=Android,C=US" 2>/dev/null
    mv "$key.new" "$key"
fi
apksigner sign --ks "$key" --ks-pass pass:android --min-sdk-version "$MIN_SDK" --v1-signing-enabled false \
    --v2-signing-enabled true --v3-signing-enabled true --v4-signing-enabled false \
    --out "$work/dcelite-demo.apk" "$work/unsigned.apk"
zipalign -c "$ALIGNMENT" "$work/dcelite-demo.apk" || fail "dcelite-demo.apk: apksigner has moved what was aligned"
mv "$work/dcelite-demo.apk" "$output/dcelite-demo.apk"
echo "$output/dcelite-demo.apk: $(stat -c %s "$output/dcelite-demo.apk") bytes"
