#!/usr/bin/env bash
# The behaviour tests under AddressSanitizer, which sees what is used after it was freed, and under ThreadSanitizer, which
# sees two threads at one place without order. Both need nightly, and the second the source of std, so that std is watched
# as well: of the std that is shipped it would see some steps and not others, and report what is none.
set -euo pipefail
cd "$(dirname "$0")/.."

source_of_std() {
    [[ -d $(rustc +nightly --print sysroot)/lib/rustlib/src/rust/library ]]
}

if ! cargo +nightly --version >/dev/null 2>&1 &&
    ! timeout 300 rustup toolchain install nightly --profile minimal -c rust-src; then
    echo "skipped: sanitizers take a nightly toolchain, and rustup cannot fetch one here"
    exit 0
fi

host=$(rustc +nightly -vV | sed -n 's/^host: //p')
target=${CARGO_TARGET_DIR:-target}
# Slower by an order of magnitude, so with more patience, and fewer of the runs that are drawn. A backtrace through these
# binaries takes seconds, and some tests panic on purpose.
export INGATHER_TEST_SECONDS=600 INGATHER_TEST_RUNS=${INGATHER_TEST_RUNS:-100} RUST_BACKTRACE=0
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=line-tables-only

suite=(--test scopes --test cancels --test errors --test joins --test engine --test program --test threading)
# Those with several threads at the engine at once; the others would only take longer.
watched=(--test scopes --test cancels --test engine --test threading)

address() {
    RUSTFLAGS="-Zsanitizer=address" ASAN_OPTIONS=detect_leaks=0 \
        cargo +nightly test --target "$host" --target-dir "$target/asan" --all-features "${suite[@]}" "$@"
}

thread() {
    RUSTFLAGS="-Zsanitizer=thread" TSAN_OPTIONS=halt_on_error=1 \
        cargo +nightly test -Zbuild-std --target "$host" --target-dir "$target/tsan" --all-features "${watched[@]}" "$@"
}

with_thread=true
if ! source_of_std && ! timeout 300 rustup component add rust-src --toolchain nightly; then
    echo "skipped: ThreadSanitizer takes the source of std, and rustup cannot fetch it here"
    with_thread=false
fi

# Both at once: half of a build is one thread's work.
address --no-run &
first=$!
if $with_thread; then thread --no-run; fi
wait "$first"

# Their size says nothing more here, and takes minutes.
skip=(--skip a_hundred_thousand --skip million --skip random_world --skip random_trees)
echo "+ AddressSanitizer"
address -- "${skip[@]}"
if $with_thread; then
    echo "+ ThreadSanitizer"
    # No sockets of tokio's: a socket's state is written before the descriptor goes to the system with its address, and read by
    # the thread to which the system gives that back. ThreadSanitizer takes that order from the number of the epoll descriptor,
    # and tokio registers by a duplicate of it, made by `fcntl`, of which the sanitizer hears nothing. So it reports each first event.
    thread -- "${skip[@]}" --skip tokio_tcp \
        stress:: attacks:: lossy:: dropping:: parallel:: one_child:: token_trees:: blocking \
        threads_ sync_ bridge_ blocked
fi
