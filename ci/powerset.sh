#!/usr/bin/env bash
# Features add names and change nothing that is there, so every set of them must build, without a warning: a user's
# dependencies may choose any.
set -euo pipefail
cd "$(dirname "$0")/.."

# A directory of its own, so that nothing waits for it.
export CARGO_TARGET_DIR=$PWD/target/pset
# Only the library: then the development dependencies, which turn features on, stay out of it.
# `std` is in each of the others, and `default` is two of them: ci/clippy.sh has both alone.
cargo hack clippy --lib --feature-powerset --depth 2 --exclude-features default,std -- -D warnings
