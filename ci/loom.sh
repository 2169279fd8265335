#!/usr/bin/env bash
# A test sees the interleavings that happen to come; loom tries them all, on the engine itself. Which faults it was seen to
# find stands in docs/internals.md. LOOM_MAX_PREEMPTIONS=4 looks further, and takes its time.
set -euo pipefail
cd "$(dirname "$0")/.."

# A directory of its own, since the flag would have everything else built anew.
RUSTFLAGS="${RUSTFLAGS:-} --cfg loom" cargo test --release --lib --no-default-features --features std \
    --target-dir "${CARGO_TARGET_DIR:-target}/loom" models::
