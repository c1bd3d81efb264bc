#!/usr/bin/env bash
# Prints the size of the WebAssembly module as a server sends it; fails above the limit. The limit holds for the
# standard library as build.sh compiles it, for size; rustup's makes the module larger.
set -euo pipefail
module=$(dirname "$0")/../dist/lockstep/bindings_bg.wasm
limit=450000
size=$(brotli -c -q 11 "$module" | wc -c)
printf '%s bytes of WebAssembly, %s with brotli (at most %s)\n' "$(wc -c <"$module")" "$size" "$limit"
((size <= limit))
