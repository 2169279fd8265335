#!/usr/bin/env bash
# A change of what users can name, call or implement must be seen in a review and not in their builds. So the public items, with all
# features, stand in ci/face.txt as rustdoc reads them, and at most 60 stand at the root. `ci/face.sh --update` writes the list anew.
# And each is met by somebody for the first time: the page of each has an example, or says in its first paragraph where one is; the
# rule stands at the head of ci/face.py.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v python3 >/dev/null; then
    root=()
    (($(id -u) == 0)) || root=(sudo -n)
    timeout 120 "${root[@]}" apt-get install -y --no-install-recommends python3 >/dev/null 2>&1 || true
fi
command -v python3 >/dev/null || {
    echo "skipped: the list of public items (no python3)"
    exit 0
}

# The format is not stable, so that a stable compiler has to be allowed it; its number is looked at by ci/face.py.
RUSTC_BOOTSTRAP=1 RUSTDOCFLAGS="-Z unstable-options --output-format json" \
    cargo doc --quiet --all-features --no-deps --lib --target-dir target/face
list=$(mktemp)
trap 'rm -f "$list"' EXIT
status=0
python3 ci/face.py target/face/doc/ingather.json >"$list" || status=$?
if ((status == 3)); then
    echo "skipped: the list of public items (the format of $(rustc --version) is not known to ci/face.py)"
    exit 0
fi
((status == 0))

read -r _ count _ <"$list"
head -n 1 "$list"
((count <= 60)) || {
    echo "more than 60 items at the root: put some into modules" >&2
    exit 1
}

bare=$(python3 ci/face.py target/face/doc/ingather.json --without-example)
[[ -z $bare ]] || {
    printf 'without an example:\n%s\n' "$bare" >&2
    exit 1
}

if [[ ${1-} == --update ]]; then
    cp "$list" ci/face.txt
elif ! diff -u ci/face.txt "$list"; then
    echo "the public items have changed: if that is meant, run 'ci/face.sh --update' and commit ci/face.txt" >&2
    exit 1
fi
