#!/usr/bin/env bash
# Times depend on the machine and its mood; counts of instructions hardly do. This counts those of the hot paths and fails
# if one has grown by more than a tenth of what benches/instructions.txt says; `--update` writes that file anew.
set -euo pipefail
cd "$(dirname "$0")/.."

file=benches/instructions.txt
if ! command -v valgrind >/dev/null; then
    if (($(id -u) != 0)) || ! command -v apt-get >/dev/null || ! { apt-get update && apt-get install -y valgrind; }; then
        echo "skipped: counting instructions takes valgrind ('apt-get install valgrind' brings it)"
        exit 0
    fi
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
cargo bench --no-run -p ingather-benches --bench instructions 2>&1 | tee "$log"
binary=$(sed -n 's/^ *Executable .*(\(.*\))$/\1/p' "$log")

count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" "$@" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\)$/\1/p'
}

# NAME WORK CHILDREN FEWER MORE: what the times between FEWER and MORE cost, a child; so nothing of the program's start.
rows=$(
    row() {
        local fewer more
        fewer=$(count "$2" "$3" "$4")
        more=$(count "$2" "$3" "$5")
        printf '%s\t%d\n' "$1" $(((more - fewer) / ($3 * ($5 - $4))))
    }
    row "child of 1,000 in a scope" spawner 1000 10 20
    row "scope of one child" spawner 1 500 1500
    row "child of 1,000 in an inline scope" inline 1000 10 20
    row "inline scope of one child" inline 1 500 1500
    row "call of 10 in an inline gather" gather 10 500 1500
    row "call of 1,000 in an inline gather" gather 1000 10 20
    row "call of 2 in an inline gather, a tuple" pairs 2 500 1500
    row "call of 2 in an inline race" races 2 500 1500
    row "call of 10 in a gather on a spawner" driven_gather 10 500 1500
    row "call of 10 that yields, inline" late_gather 10 500 1500
    row "call of 10 that asks its token" asking_gather 10 500 1500
    row "child of a stream, 64 in flight" stream 1000 5 15
    row "child of a group that tells of ends" completions 1000 5 15
    row "child of an inline scope with a limit" limited 1000 5 15
    row "wake and poll" wake 1 1000 11000
    row "child of 1,000 that yields ten times" yields 1000 5 15
    row "scope in a tree" tree 256 5 15
    row "inline scope in a tree" inline_tree 256 5 15
    row "spawn, poll and cancel of one of 1,000" cancel 1000 10 20
)
version=$(rustc --version)
if [[ ${1-} == --update ]]; then
    printf '%s\n%s\n' "$version" "$rows" >"$file"
    cat "$file"
    exit 0
fi

known=$(head -n 1 "$file")
status=0
while IFS=$'\t' read -r name now; do
    before=$(awk -F '\t' -v name="$name" '$1 == name { print $2 }' "$file")
    note=
    if [[ $known != "$version" ]]; then
        note="not compared"
    elif [[ -z $before ]]; then
        note="new: ci/instructions.sh --update writes it down"
    elif ((now * 10 > before * 11)); then
        note="MORE than before"
        status=1
    elif ((now * 10 < before * 9)); then
        note="less than before: ci/instructions.sh --update keeps it so"
    fi
    printf '%-40s %8d, was %8s  %s\n' "$name" "$now" "${before:-unknown}" "$note"
done <<<"$rows"
[[ $known == "$version" ]] || echo "the counts of $file are of $known, and this is $version"
exit $status
