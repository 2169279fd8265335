#!/usr/bin/env bash
# Nobody should spend a thought on layout, in writing or in review: rustfmt decides.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --check
echo "formatted"
