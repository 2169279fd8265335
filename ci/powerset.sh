#!/usr/bin/env bash
# Features add names and change nothing that is there, so every set of them must build, without a warning: a user's
# dependencies may choose any.
set -euo pipefail
cd "$(dirname "$0")/.."

# Only the library: then the development dependencies, which turn features on, stay out of it.
cargo hack clippy --lib --feature-powerset --depth 2 -- -D warnings
