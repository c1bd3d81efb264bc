#!/usr/bin/env bash
# Makes web/dist/, the page, and in it lockstep/, the npm package:
#
#   web/build.sh
#
# It needs cargo, npm and a Rust with the target wasm32-unknown-unknown. Where there is none and apt-get is,
# it installs Debian's, which compiles the standard library for the target; elsewhere:
# `rustup target add wasm32-unknown-unknown`.
set -euo pipefail
cd "$(dirname "$0")"
target=../target/web

# The generator of the module's JavaScript side, meanwhile
cargo build --release -p bindgen --target-dir ../target/bindgen &
generator=$!

# The module: the CPU engine with the vectors of WebAssembly, and WebGPU. The places of files that it names do not
# depend on where the tree is.
root=$(cd .. && pwd)
names="\"--remap-path-prefix=$root/=\", \"--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src/=\""
if [ -d "$(rustc --print target-libdir --target wasm32-unknown-unknown)" ]; then
    cargo build --config "target.wasm32-unknown-unknown.rustflags=[$names]" \
        --release --target wasm32-unknown-unknown -p lockstep-web --target-dir "$target"
else
    ../.ci/run wasm_tools
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 /usr/bin/cargo build \
        -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size \
        --config "target.wasm32-unknown-unknown.rustflags=[\"-Zlocation-detail=file,line\", $names]" \
        --release --target wasm32-unknown-unknown -p lockstep-web --target-dir "$target"
fi

# Its JavaScript side
wait "$generator"
"../target/bindgen/release/bindgen" "$target/wasm32-unknown-unknown/release/lockstep_web.wasm" "$target/bindings"

# The package, then the page around it
rm -rf dist
mkdir -p dist/lockstep
cp package/* ../LICENSE-APACHE ../LICENSE-MIT dist/lockstep/
cp "$target/bindings/bindings.js" "$target/bindings/bindings_bg.wasm" dist/lockstep/
cp -r page/* dist/
node list-files.mjs dist
