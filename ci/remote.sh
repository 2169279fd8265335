#!/usr/bin/env bash
# Children whose work runs elsewhere are only as good as the engines do what is thought of them. So the package ingather-remote is
# tested against the real servers: this installs both (apt, npm), and runs its lints, tests and example.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_PROFILE_DEV_DEBUG=0
fail() {
    echo "$*" >&2
    exit 1
}

servers=$PWD/target/servers
if ! command -v nats-server >/dev/null && [[ ! -x /usr/sbin/nats-server ]]; then
    if (($(id -u) == 0)) && command -v apt-get >/dev/null; then
        { apt-get update -qq && apt-get install -y -qq nats-server; } >/dev/null 2>&1 || true
    fi
fi
restate=$servers/node_modules/@restatedev/restate-server/package.json
if ! command -v restate-server >/dev/null && [[ -z ${RESTATE_SERVER-} ]]; then
    if [[ ! -e $restate ]] && command -v npm >/dev/null; then
        npm install --silent --no-audit --no-fund --prefix "$servers" @restatedev/restate-server@1.7.12 || true
    fi
    RESTATE_SERVER=$(find "$servers" -path '*/bin/restate-server' -type f 2>/dev/null | head -n 1)
    if [[ -n $RESTATE_SERVER ]]; then export RESTATE_SERVER; else unset RESTATE_SERVER; fi
fi

cargo fmt --check -p ingather-remote
cargo clippy -p ingather-remote --all-features --all-targets -- -D warnings
cargo test -p ingather-remote --all-features
