#!/usr/bin/env bash
# Fetches packages of Debian 13, on which Raspberry Pi OS 13 stands, and all that they need, for another processor, to be run by an
# emulator. Nothing is installed: they are unpacked into FOLDER/root.
#
#     debian_packages.sh ARCHITECTURE FOLDER PACKAGE...         # arm64, armhf, riscv64, as Debian names them
#
# Status 3: they cannot be had.
set -euo pipefail
architecture=$1
folder=$2
shift 2
[ -e "$folder/complete" ] && exit 0

command -v apt-get > /dev/null || { echo "no apt-get: Debian's packages are wanted"; exit 3; }
site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)
keys=/usr/share/keyrings/debian-archive-keyring.gpg
rm -rf "$folder"
mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial" "$folder/root"
touch "$folder/apt/status"
echo "deb [signed-by=$keys] $site trixie main" > "$folder/apt/sources.list"
folder=$(cd "$folder" && pwd)
apt() {
    apt-get -qq -o Dir::State="$folder/apt" -o Dir::State::Lists="$folder/apt/lists" -o Dir::State::Status="$folder/apt/status" \
        -o Dir::Cache="$folder/apt" -o Dir::Cache::Archives="$folder/apt/archives" -o Dir::Etc::SourceList="$folder/apt/sources.list" \
        -o Dir::Etc::SourceParts=- -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" \
        -o APT::Sandbox::User=root -o Acquire::Languages=none -o Debug::NoLocking=true "$@"
}
apt update || exit 3
apt install --download-only --yes --no-install-recommends "$@" > /dev/null || exit 3
# Where /bin and /lib are links to those below /usr, as Debian has them.
mkdir -p "$folder/root/usr/lib" "$folder/root/usr/bin"
ln -s usr/lib "$folder/root/lib"
ln -s usr/bin "$folder/root/bin"
for package in "$folder"/apt/archives/*.deb; do dpkg --fsys-tarfile "$package" | tar -x -C "$folder/root" --keep-directory-symlink; done
rm -rf "$folder/apt"
touch "$folder/complete"
