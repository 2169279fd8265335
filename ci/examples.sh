#!/usr/bin/env bash
# Examples are what people copy, so each one runs, and prints what it says in its head that it prints; and the README's first
# command runs as it is printed there. The main example claims to print what sha256sum prints, so it is held against it: on
# thousands of files with links, odd names and unreadable ones among them, once for each spawner.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "$*" >&2
    exit 1
}

command=$(grep -m 1 '^cargo run' README.md) || fail "README.md: no line begins with 'cargo run'"
work=$(mktemp -d)
trap 'chmod -R u+rwX "$work"; rm -rf "$work"' EXIT

# All at once: half of the build of one is one thread's work.
cargo build --release --examples

echo "+ $command"
bash -c "$command" >"$work/readme"
[[ -s $work/readme ]] || fail "'$command' printed nothing"

# The text after `Prints` in the head of an example.
promised() {
    sed -n 's|^//! Prints `\(.*\)`\.$|\1|p' "$1"
    sed -n '\|^//! Prints.*:$|,\|^//! ```$|{ s|^//! ||; /^Prints\|^```\|^\/\/!/d; p }' "$1"
}

# Places in a file move with every edit: heads write LINE:COLUMN for them.
keeps() {
    cargo run --quiet --release --example "$@" >"$work/printed"
    grep -q '^//! Prints' "$path" || return 0
    promised "$path" >"$work/promised"
    sed 's|\(\.rs\):[0-9]*:[0-9]*|\1:LINE:COLUMN|' "$work/printed" | diff "$work/promised" - ||
        fail "example $*: not what its head says that it prints"
}

for path in examples/*.rs examples/*/main.rs examples/ports/*.rs; do
    [[ -e $path ]] || continue
    name=${path#examples/}
    # Those in ports are named port_*.
    name=${name/#ports\//port_}
    name=${name%/main.rs}
    name=${name%.rs}
    # These two take arguments, below.
    [[ $name == checksum || $name == service ]] && continue
    echo "+ example $name"
    case $name in
    graceful_shutdown)
        for executor in smol tokio; do keeps "$name" -- "$executor"; done
        ;;
    *) keeps "$name" ;;
    esac
done

# This one says beforehand what it prints, whatever the timing.
expected=$(sed -n '/^\/\/! ```text/,/^\/\/! ```$/p' examples/happy_eyeballs.rs | sed '1d;$d;s,^//! \{0\,1\},,')
printed=$(cargo run --quiet --release --example happy_eyeballs)
[[ -n $expected && $printed == "$expected" ]] || fail "happy_eyeballs printed: $printed"

target=$(cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
cp "$target/release/examples/checksum" "$work/checksum"

# A job that was accepted is in the journal when SIGTERM has ended the server. tests/service.rs does so under load.
echo "+ example service"
"$target/release/examples/service" --journal "$work/journal" >"$work/service" &
server=$!
until port=$(sed -n 's/^listening on .*://p' "$work/service") && [[ -n $port ]]; do
    kill -0 "$server" || fail "the service did not start"
    read -rt 0.05 <> <(:) || true
done
exec 3<>"/dev/tcp/127.0.0.1/$port"
echo "some words" >&3
read -ru 3 reply
[[ $reply == "accepted 1" ]] || fail "the service said '$reply'"
kill -TERM "$server"
wait "$server" || fail "the service ended with $?"
exec 3>&-
grep -qE '^(done|left) 1 some words' "$work/journal" || fail "the job is not in the journal"

# The port of mini-redis is asked by Redis's own tools, on a scope and on tokio alone in turn. Wrong replies fail; speed is printed.
apt() {
    local root=()
    (($(id -u) == 0)) || root=(sudo -n)
    timeout 120 "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y "$@" >/dev/null 2>&1
}
tools=(install --no-install-recommends redis-tools)
command -v redis-benchmark >/dev/null || apt "${tools[@]}" || { apt update && apt "${tools[@]}"; } || true

# Starts the server: its process goes to `server`, its port to `port`.
redis_server() {
    # What the one before has printed could be read before the new one has its file.
    : >"$work/redis"
    "$target/release/examples/port_mini_redis" "$@" >"$work/redis" 2>"$work/redis.err" &
    server=$!
    until port=$(sed -n 's/^listening on .*://p' "$work/redis") && [[ -n $port ]]; do
        kill -0 "$server" || fail "mini_redis $* did not start"
        read -rt 0.05 <> <(:) || true
    done
}

# The reply to a command, lines joined by spaces.
asks() {
    local expected=$1 reply
    shift
    reply=$(timeout 10 redis-cli -p "$port" "$@" 2>&1 | tr '\n' ' ')
    [[ $reply == "$expected " ]] || fail "mini_redis: '$*' gives '$reply', not '$expected'"
}

redis_replies() {
    asks PONG ping
    asks '' get nothing
    asks OK set greeting 'two words'
    asks 'two words' get greeting
    asks OK set short one px 40
    asks OK set long one ex 100
    asks one get long
    read -rt 0.1 <> <(:) || true
    asks '' get short
    asks -2 pttl short
    asks -1 pttl greeting
    asks 1 incr count
    asks 2 incr count
    asks 'ERR value is not an integer or out of range ' incr greeting
    asks 'ERR syntax error ' set greeting hello within 5
    asks 2 del greeting long nothing
    asks 0 exists greeting
    asks 0 publish news nobody
    # One hears what another publishes.
    { timeout 10 redis-cli -p "$port" subscribe news || true; } >"$work/news" 2>/dev/null &
    local reader=$!
    until [[ $(redis-cli -p "$port" publish news hello) == 1 ]]; do
        kill -0 "$reader" || fail "mini_redis: the subscriber left"
    done
    until grep -q '^hello$' "$work/news"; do kill -0 "$reader" || fail "mini_redis: no message"; done
    # A client that leaves in the middle of a command, and one that does not speak the protocol, are their own affair.
    printf '*2\r\n$3\r\nGET\r\n$9' >"/dev/tcp/127.0.0.1/$port"
    printf '*x\r\n' >"/dev/tcp/127.0.0.1/$port"
    asks PONG ping
    # A subscriber is connected and idle: the signal ends it, too.
    kill -TERM "$server"
    wait "$server" || fail "mini_redis $* ended with $?"
    wait "$reader"
    grep -q 'clients served, stopped$' "$work/redis" || fail "mini_redis: $(cat "$work/redis")"
}

# Appends `form,"TEST","requests per second"` for one run.
redis_speed() {
    # Without its server it would go on for ever.
    timeout 120 redis-benchmark -p "$port" -t set,get -n 25000 -c 50 --csv 2>/dev/null | sed -n "s/^\"[SG]ET\"/$1,&/p" >>"$work/speed"
    kill -TERM "$server"
    wait "$server" || fail "mini_redis ended with $? after the benchmark"
}

if command -v redis-cli >/dev/null && command -v redis-benchmark >/dev/null; then
    echo "+ example port_mini_redis"
    redis_server && redis_replies
    redis_server --plain && redis_replies --plain
    for _ in 1 2 3; do
        redis_server && redis_speed scope
        redis_server --plain && redis_speed plain
    done
    (($(wc -l <"$work/speed") == 12)) || fail "redis-benchmark: $(cat "$work/speed")"
    # Of three runs each, the fastest.
    tr -d '"' <"$work/speed" | awk -F, '
        $3 > best[$1, $2] { best[$1, $2] = $3 }
        END {
            for (i = split("SET GET", tests, " "); i; i--) {
                scope = best["scope", tests[i]]; plain = best["plain", tests[i]]
                printf "mini_redis: %s %.0f/s on a scope, %.0f/s on tokio alone, ratio %.2f\n", tests[i], scope, plain, scope / plain
            }
        }'
else
    echo "skipped: the port of mini-redis (redis-tools cannot be installed)"
fi

chmod 755 "$work"
cd "$work"
mkdir out

# Nothing is unreadable to root, who steps aside.
run() {
    if (($(id -u) == 0)); then
        setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
    else
        "$@"
    fi
}

# checksum's exit status goes to `status`, the rest to out/.
checksum() {
    status=0
    run ./checksum "$@" >out/stdout 2>out/stderr || status=$?
}

# What sha256sum says of the regular files below these directories, by path; links are not followed.
expect() {
    { run find "$@" -type f -print0 2>/dev/null || true; } | LC_ALL=C sort -z |
        { run xargs -0 sha256sum 2>/dev/null || true; } >out/expected
}

same() {
    cmp out/expected out/stdout || {
        diff -a out/expected out/stdout | head -n 20 >&2 || true
        fail "$1: not what sha256sum prints"
    }
}

# 44 directories of 50 files; sizes around the block of the hash, and some of megabytes.
mkdir -p good/deep/{1..9}/{1..9}
for d in {1..44}; do
    mkdir "good/d$d"
    for f in {1..50}; do
        printf '%*s' $((d * f % 130)) "$d.$f" >"good/d$d/f$f"
    done
done
head -c 1048576 /dev/zero >good/mebibyte
head -c 5000001 /dev/zero | tr '\0' x >good/more
: >good/empty
mkdir good/nothing
echo deep >good/deep/9/9/file
# The order of paths is that of their bytes: '-' and '.' come before the slash.
mkdir good/order good/order/a good/order/a-b good/order/a.b
touch good/order/{a,a-b,a.b}/file good/order/{a-,a.,a0,A,_,é}
# What sha256sum escapes, and what it does not.
mkdir good/names $'good/names/in\na\\directory'
touch $'good/names/new\nline' 'good/names/back\slash' $'good/names/return\r' $'good/names/both\\\n' \
    'good/names/ spaces ' $'good/names/tab\t' $'good/names/bell\a' 'good/names/-n' 'good/names/*' 'good/names/"' \
    $'good/names/in\na\\directory/file' "good/names/$(printf '%0255d' 0)"
touch $'good/names/latin-\xe9' $'good/names/\xff\xfe\\' 2>/dev/null || echo "left out: names that are not UTF-8"
# None of these is a regular file but the hard link.
mkdir good/links
ln -s ../mebibyte good/links/to-file
ln -s ../names good/links/to-directory
ln -s . good/links/to-itself
ln -s nowhere good/links/dangling
ln good/more good/links/hard
mkfifo good/links/fifo
# Four complaints.
mkdir -p bad/ok bad/closed
echo ok | tee bad/ok/before bad/ok/then bad/closed/inside >bad/after
echo no | tee bad/one bad/ok/two >bad/three
chmod 000 bad/closed bad/one bad/ok/two bad/three

count=$(find good -type f | wc -l)
((count >= 2000)) || fail "only $count files to compare"
run test -r good/more || fail "$work: not readable without privileges"
! run test -r bad/one || fail "bad/one: readable all the same"

for spawner in default smol tokio threads own; do
    expect good
    for options in "" "--limit 1" "--limit 64 --progress"; do
        # shellcheck disable=SC2086 # these are words
        checksum --spawner $spawner $options good
        same "--spawner $spawner $options"
        ((status == 0)) || fail "--spawner $spawner $options: exit status $status"
        [[ $options == *--progress* || ! -s out/stderr ]] || fail "$spawner: $(cat out/stderr)"
    done

    # All that can be read is hashed, and each that cannot is a line.
    expect good bad
    checksum --spawner $spawner good bad missing
    same "--spawner $spawner, unreadable files"
    ((status == 1)) || fail "--spawner $spawner, unreadable files: exit status $status"
    for name in bad/one bad/ok/two bad/three bad/closed missing; do
        (($(grep -c "$name" out/stderr) == 1)) || fail "--spawner $spawner: not one line about $name"
    done
    (($(wc -l <out/stderr) == 5)) || fail "--spawner $spawner: more on standard error: $(cat out/stderr)"

    # A reader that goes away is nothing to complain about.
    run ./checksum --spawner $spawner good 2>out/stderr | head -n 1 >out/first || true
    [[ ! -s out/stderr ]] || fail "--spawner $spawner, broken pipe: $(cat out/stderr)"

    echo "checksum --spawner $spawner: $count files as sha256sum prints them"
done

checksum
((status == 2)) || fail "no arguments: exit status $status"
grep -qi usage out/stderr || fail "no arguments: no usage"
