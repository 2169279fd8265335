#!/usr/bin/env bash
# Cargo.toml promises a compiler version; this builds everything with it. Without that toolchain only clippy's list of
# what is too new stands guard.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
if rustup toolchain list 2>/dev/null | grep -q "^$version"; then
    cargo "+$version" check --all-targets --all-features --locked --target-dir target/msrv
else
    echo "skipped: Rust $version is not installed ('rustup toolchain install $version' does it)"
fi
