#!/usr/bin/env bash
# The suite runs two thousand random programs in virtual time. This goes on with others for so many seconds, in virtual time
# and on every spawner, each in a process of its own, which may abort or hang. One that breaks a rule is made smaller and
# printed, with how to run it again.
# Usage: ci/random.sh [seconds [first seed]], an hour by default, from a seed that the clock gives.
set -euo pipefail
cd "$(dirname "$0")/.."

export INGATHER_PROGRAM_SECONDS=${1:-3600}
export INGATHER_FIRST_PROGRAM=${2:-$(date +%s)}
echo "+ from seed $INGATHER_FIRST_PROGRAM for $INGATHER_PROGRAM_SECONDS s"
cargo test --all-features --test programs -- --ignored --exact --nocapture random_programs_on_every_spawner
