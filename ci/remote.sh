#!/usr/bin/env bash
# Children whose work runs elsewhere are only as good as the engines do what is thought of them. So the package ingather-remote is
# tested against the real servers: this installs both (apt, npm), and runs its lints, tests, example and the shortest run of its
# bench. With CI set, a server that is missing is a failure.
# Usage: ci/remote.sh, or ci/remote.sh example nats|restate DIR..., which runs the example alone.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_PROFILE_DEV_DEBUG=0
version=1.7.12

fail() {
    echo "$*" >&2
    exit 1
}

has_nats() { command -v nats-server >/dev/null || [[ -x /usr/sbin/nats-server || -n ${NATS_SERVER-} ]]; }
has_restate() { command -v restate-server >/dev/null || [[ -n ${RESTATE_SERVER-} ]]; }

install_nats() {
    has_nats && return
    if (($(id -u) == 0)) && command -v apt-get >/dev/null; then
        # Without the service that the package would start.
        { apt-get update && RUNLEVEL=1 apt-get install -y nats-server; } >/dev/null 2>&1 || echo "no nats-server from apt" >&2
    fi
}

install_restate() {
    has_restate && return
    local folder=target/servers
    if ! compgen -G "$folder/node_modules/@restatedev/restate-server-*/bin/restate-server" >/dev/null && command -v npm >/dev/null; then
        npm install --silent --no-audit --no-fund --prefix "$folder" "@restatedev/restate-server@$version" ||
            echo "no restate-server from npm" >&2
    fi
    local found
    found=$(compgen -G "$PWD/$folder/node_modules/@restatedev/restate-server-*/bin/restate-server" | head -n 1) || true
    if [[ -n $found ]]; then export RESTATE_SERVER=$found; fi
}

example() {
    cargo run --quiet -p ingather-remote --all-features --example fleet_checksum -- "$@"
}

if [[ ${1-} == example ]]; then
    case ${2-} in
    nats) install_nats ;;
    restate) install_restate ;;
    esac
    shift
    example "$@"
    exit
fi
install_nats
install_restate

cargo fmt --check -p ingather-remote
cargo clippy -p ingather-remote --all-features --all-targets --no-deps -- -D warnings
for feature in nats restate restate-tls; do
    cargo clippy -p ingather-remote --lib --features "$feature" --no-deps -- -D warnings
done
RUSTDOCFLAGS="-D warnings" cargo doc -p ingather-remote --all-features --no-deps
if cargo deny --version >/dev/null 2>&1; then
    cargo deny --manifest-path remote/Cargo.toml --config remote/deny.toml check licenses bans sources
else
    echo "skipped: cargo-deny is not installed"
fi
cargo test -p ingather-remote --all-features

# What sha256sum prints, whatever becomes of a worker.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folders=(src tests docs)
find "${folders[@]}" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum >"$work/expected"
for engine in nats restate; do
    if "has_$engine"; then
        example "$engine" "${folders[@]}" >"$work/printed"
        diff "$work/expected" "$work/printed" || fail "fleet_checksum on $engine does not print what sha256sum prints"
        echo "fleet_checksum on $engine: as sha256sum, $(wc -l <"$work/expected") files"
    else
        [[ -z ${CI-} ]] || fail "no server of $engine for the example"
        echo "skipped: the example on $engine (no server)"
    fi
done

# Whether it runs. Figures that count are those of an optimized build, which takes minutes: docs/scale-out.md has the command.
cargo bench --profile dev -p ingather-remote --all-features --bench overhead -- --quick
