#!/usr/bin/env bash
# Downloads a file of Debian's pool, known by its digest, which the release of this machine need not have:
#
#     debian_package.sh POOL_PATH SHA256 TARGET
#
# Status 3, with the reason, where no mirror has it.
set -euo pipefail
path=$1 digest=$2 target=$3

scratch="$(mktemp -d "$(dirname "$target")/.new-XXXXXX")"
trap 'rm -rf "$scratch"' EXIT
# The mirrors of this machine: files of all releases share one pool.
for mirror in $(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep '/debian/$' | sort -u); do
    if /usr/lib/apt/apt-helper -o Acquire::Retries=2 -o APT::Sandbox::User=root download-file \
        "$mirror$path" "$scratch/file" "SHA256:$digest" >"$scratch/log" 2>&1; then
        mv "$scratch/file" "$target"
        exit 0
    fi
done
tail -n 3 "$scratch/log" >&2 || echo "apt names no mirror of Debian" >&2
echo "$(basename "$path") cannot be fetched from a Debian mirror" >&2
exit 3
