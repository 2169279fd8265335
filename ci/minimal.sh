#!/usr/bin/env bash
# The versions that Cargo.toml asks for at least must be enough: a user's lock file may hold just those.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! rustup toolchain list 2>/dev/null | grep -q '^nightly'; then
    echo "skipped: choosing minimal versions takes a nightly toolchain"
    exit 0
fi
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R README.md src tests examples docs "$copy"
# Without the package beside it, whose dependencies would have a say in the versions.
sed '/^\[workspace\]/,/^$/d' Cargo.toml >"$copy/Cargo.toml"
target=$PWD/target/minimal
cd "$copy"
cargo +nightly update -Z direct-minimal-versions
cargo check --lib --all-features --target-dir "$target"
