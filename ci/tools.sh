#!/usr/bin/env bash
# The two tools that do not come with Rust, at versions that are known to work, so that a bare machine needs no other
# set-up; and a line about each tool, for whoever reads an old log.
set -euo pipefail
cd "$(dirname "$0")/.."

# Without optimization: they run for a second, and would take minutes more to build.
install() {
    local tool=$1 version=$2
    cargo "$tool" --version >/dev/null 2>&1 ||
        CARGO_PROFILE_DEV_DEBUG=0 cargo install --locked --debug "cargo-$tool@$version"
}
install hack 0.6.46
install deny 0.20.2

for tool in "rustc" "cargo" "cargo fmt" "cargo clippy" "cargo hack" "cargo deny"; do
    $tool --version
done
rustup toolchain list 2>/dev/null || echo "no rustup: one toolchain only"
