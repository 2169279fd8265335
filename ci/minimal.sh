#!/usr/bin/env bash
# The versions that Cargo.toml asks for at least must be enough: a user's lock file may hold just those. What this crate knows of tokio
# it finds out by other means there than in newer versions, so the tests that depend on it run as well.
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
# What a thread is to tokio, what is stolen by whom, and what blocks whom.
cargo test --all-features --target-dir "$target" --lib --test engine --test threading tokio
