#!/usr/bin/env bash
# The README promises that one command passes all tests. This runs that command as it is printed there, and sees to it
# that unit tests, the files of tests/ and the examples in the documentation were all among them.
set -euo pipefail
cd "$(dirname "$0")/.."

command=$(grep -m 1 '^cargo test' README.md) || {
    echo "README.md: no line begins with 'cargo test'" >&2
    exit 1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "+ $command"
bash -c "$command" 2>&1 | tee "$log"

# A dot for the slash, which is another on Windows.
for part in 'unittests src.lib' tests.scopes.main tests.cancels.main tests.errors.main tests.joins.main tests.engine.main \
    tests.program.main tests.threading.main tests.programs tests.auto_traits tests.ui tests.tidy 'Doc-tests ingather'; do
    grep -q "$part" "$log" || {
        echo "'$command' did not run $part" >&2
        exit 1
    }
done
