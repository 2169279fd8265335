#!/usr/bin/env bash
# The lint table of Cargo.toml only warns, so that work in progress compiles. Here a warning is an error, in what users
# build by default, in each face of the crate without its defaults, and in tests, examples and benches.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo clippy --all-targets --all-features -- -D warnings
cargo clippy -p ingather-benches --benches -- -D warnings
for feature in tokio default_executor; do
    cargo clippy -p ingather-size --features "$feature" -- -D warnings
done
cargo clippy --lib -- -D warnings
cargo clippy --lib --no-default-features -- -D warnings
cargo clippy --lib --no-default-features --features std -- -D warnings
