#!/usr/bin/env bash
# What users let in with this crate: licences they can live with, no crate twice, nothing from outside crates.io. The
# list of advisories needs a network, and the public workflow checks it.
set -euo pipefail
cd "$(dirname "$0")/.."

if (($# == 0)); then
    set -- licenses bans sources
fi
cargo deny check "$@"
