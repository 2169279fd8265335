#!/usr/bin/env bash
# A link that leads nowhere is found here and not by a reader; and the page that docs.rs will build, which takes
# nightly, is built first where there is one.
set -euo pipefail
cd "$(dirname "$0")/.."

RUSTDOCFLAGS="-D warnings" cargo doc --all-features --no-deps

if rustup toolchain list 2>/dev/null | grep -q '^nightly'; then
    RUSTDOCFLAGS="-D warnings --cfg docsrs" \
        cargo +nightly doc --all-features --no-deps --target-dir target/docsrs
else
    echo "skipped: the page of docs.rs (no nightly toolchain)"
fi
