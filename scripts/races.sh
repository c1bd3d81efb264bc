#!/usr/bin/env bash
# Runs the tests of threads that share loops (src/crew.rs, src/mixing/synchronous/) under the thread sanitizer; fails
# if it finds a data race:
#
#   scripts/races.sh
#
# It needs a nightly Rust (`rustup toolchain install nightly`). The standard library is not compiled for the
# sanitizer, so what the test harness sends through its channel is left out.
set -euo pipefail
cd "$(dirname "$0")/.."
rules=$(mktemp)
trap 'rm -f "$rules"' EXIT
echo 'race:std::sync::mpmc' >"$rules"
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
TSAN_OPTIONS="suppressions=$rules" RUSTFLAGS='-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer' \
    cargo +nightly test --target "$host" --target-dir target/races --no-default-features --lib -- threads_of_its_own
