#!/usr/bin/env bash
# The oldest compiler that the runtime is tested with: GCC 9.3 of Debian 11, unpacked into a folder and not installed:
#
#     gcc9.sh FOLDER      # FOLDER/usr/bin/gcc-9 and g++-9
#
# Status 3, with the reason, where it cannot be had, or does not run.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
folder=$1

works() {  # finds its own parts, the assembler and the libraries that it needs
    echo 'int main() {}' | "$folder/usr/bin/g++-9" -x c++ - -o /dev/null
}
if [ -x "$folder/usr/bin/g++-9" ]; then
    works || exit 3
    exit 0
fi
[ "$(uname -m)" = x86_64 ] || { echo "GCC 9.3 is fetched for x86-64 alone, not for $(uname -m)" >&2; exit 3; }
command -v dpkg-deb >/dev/null || { echo "dpkg-deb is absent, which unpacks GCC 9.3" >&2; exit 3; }

mkdir -p "$(dirname "$folder")"
scratch="$(mktemp -d "$folder.new-XXXXXX")"
trap 'rm -rf "$scratch"' EXIT
while read -r package digest; do
    "$here/../../../.ci/debian_package.sh" "pool/main/g/gcc-9/${package}_9.3.0-22_amd64.deb" "$digest" "$scratch/package.deb"
    dpkg-deb -x "$scratch/package.deb" "$scratch/root"
done <<'PACKAGES'
cpp-9 ff358a68bf34974c785ff61c07f55f3a23a0d400eafa0543cd8a2b763b251c38
gcc-9 499bfe9a9e1f4f266c27547adc445bf37717b731ed7e57921c138a0db15577ad
g++-9 3ff29d39c6291c13569174cfc3a90c3f81c6df76169fae6244f30530a31a1843
libgcc-9-dev b81762ef510454aae9f7ce1a79bce0f40300262b142295632228c23588adf748
libstdc++-9-dev 9093e4d3dfe394b078b39bf2598102830ad4466495612174af7702704a322977
PACKAGES
mv "$scratch/root" "$folder"
works || exit 3
