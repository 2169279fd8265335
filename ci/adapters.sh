#!/usr/bin/env bash
# What is offered for copying has to work with the executor as it is today. So each adapter of the package ingather-adapters is linted and
# put to the contract of spawners; GLib's headers come from apt. The clock of the system is built for bevy_tasks alone, so that the clocks
# of the others cannot lean on it.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$PWD/target/adapters

# Of the system it takes pkg-config and GLib.
has_glib() { pkg-config --exists 'glib-2.0 >= 2.66'; }

if ! has_glib && (($(id -u) == 0)) && command -v apt-get >/dev/null; then
    { apt-get update && apt-get install -y --no-install-recommends libglib2.0-dev pkg-config; } >/dev/null 2>&1 ||
        echo "no GLib from apt" >&2
fi
features=compio,glommio,monoio
if has_glib; then
    features+=,glib
elif [[ -n ${CI-} ]]; then
    echo "no GLib for its adapter" >&2
    exit 1
else
    echo "skipped: the adapter of GLib (no GLib)"
fi

cd adapters
cargo fmt --check
if cargo deny --version >/dev/null 2>&1; then
    cargo deny check licenses bans sources
else
    echo "skipped: cargo-deny is not installed"
fi
# The package is linted while it is built, as cargo-clippy does it, which would check all executors once more.
export RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings__CLIPPY_HACKERY__
cargo test --locked --features "$features" --test executors
cargo test --locked --features bevy --test executors
