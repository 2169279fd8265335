#!/usr/bin/env bash
# What is uploaded is not what is checked out: files stay behind, and so does the crate's dependency on itself. This
# packs it and builds what was packed.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo package --allow-dirty
