#!/usr/bin/env bash
# What a program has to carry is asked before a crate is chosen, and grows unseen: by code that is generated once more for each type,
# and by parts that are linked though nobody uses them. This builds a small program on tokio and on the embedded default, as users
# build it, with ingather and without, and fails if the difference has grown by more than a tenth of what benches/size.txt says;
# `--update` writes that file anew.
set -euo pipefail
cd "$(dirname "$0")/.."

file=benches/size.txt
target=target/size
export CARGO_PROFILE_RELEASE_STRIP=true CARGO_PROFILE_RELEASE_DEBUG=none

rows=$(
    for kind in tokio default; do
        feature=$kind
        [[ $kind == tokio ]] || feature=default_executor
        cargo build --release -p ingather-size --features "$feature" --target-dir "$target" >&2
        bare=$(wc -c <"$target/release/${kind}_bare")
        with=$(wc -c <"$target/release/${kind}_ingather")
        printf '%s\t%d\t%d\n' "$kind" $((with - bare)) "$bare"
    done
)
# Another compiler, or another system, makes another program.
made_by="$(rustc --version), $(rustc -vV | sed -n 's/^host: //p')"
if [[ ${1-} == --update ]]; then
    printf '%s\n%s\n' "$made_by" "$(cut -f 1,2 <<<"$rows")" >"$file"
    cat "$file"
    exit 0
fi

known=$(head -n 1 "$file")
status=0
while IFS=$'\t' read -r name now bare; do
    before=$(awk -F '\t' -v name="$name" '$1 == name { print $2 }' "$file")
    note=
    if [[ $known != "$made_by" ]]; then
        note="not compared"
    elif [[ -z $before ]]; then
        note="new: ci/size.sh --update writes it down"
    elif ((now * 10 > before * 11)); then
        note="MORE than before"
        status=1
    elif ((now * 10 < before * 9)); then
        note="less than before: ci/size.sh --update keeps it so"
    fi
    printf '%-10s %8d bytes over %8d, was %8s  %s\n' "$name" "$now" "$bare" "${before:-unknown}" "$note"
done <<<"$rows"
[[ $known == "$made_by" ]] || echo "the sizes of $file are of $known, and this is $made_by"
exit $status
