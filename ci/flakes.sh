#!/usr/bin/env bash
# Tests that fail only now and then are found by running them often, on a machine that is busy with something else. This
# runs the suite so many times beside one busy loop more than there are processors, and prints each test that failed, and
# how often.
# Usage: ci/flakes.sh [runs], 20 by default.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${1:-20}
command=$(grep -m 1 '^cargo test' README.md)
logs=$(mktemp -d)
load=()
stop() {
    for process in "${load[@]}"; do kill "$process" 2>/dev/null || true; done
    rm -rf "$logs"
}
trap stop EXIT
trap 'exit 130' INT TERM

# Built while the machine is idle.
$command --no-run --quiet
for ((processor = 0; processor <= $(nproc); processor++)); do
    (while :; do :; done) &
    load+=($!)
done

failed=0
for ((run = 1; run <= runs; run++)); do
    begin=$SECONDS
    if $command --no-fail-fast >"$logs/$run" 2>&1 </dev/null; then
        echo "run $run of $runs: passed in $((SECONDS - begin)) s"
        continue
    fi
    failed=$((failed + 1))
    echo "run $run of $runs: FAILED after $((SECONDS - begin)) s"
    # Why, as the tests say it, and what ended a process before it could say anything.
    grep -hE "panicked at|hung for|^[a-z_:]+ .*failed$|signal: " "$logs/$run" | sort | uniq -c | head -n 20 || true
    {
        grep -oE '^test .* \.\.\. FAILED$' "$logs/$run" | sed -E 's/^test (.*) \.\.\. FAILED$/\1/' || true
        grep -oE '^.* hung for ' "$logs/$run" | sed -E 's/ (on [A-Za-z]+, .*)?hung for $/ (hung)/' || true
        grep -E 'could not compile|SIGABRT|SIGSEGV' "$logs/$run" || true
    } | sort -u >>"$logs/failed"
done

if ((failed)); then
    echo "$failed of $runs runs failed. How often which test did:"
    sort "$logs/failed" | uniq -c | sort -rn
    exit 1
fi
echo "none of $runs runs failed"
