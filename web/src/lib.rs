//! lockstep for browsers and Node.js: what JavaScript calls, from a worker.
//!
//! Input and output are objects and functions of JavaScript that answer at once, as the core reads
//! and writes while it computes: a worker reads a `File` slice by slice and writes to a private file.
//! Errors are plain objects with a `code` and facts ([`Failure`](failure::Failure)), which survive the
//! way from the worker to the page.

mod devices;
mod failure;
mod input;
mod jobs;
mod observer;
mod options;
mod output;
mod streams;

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Receives the text of a panic, after which this module must not be used any more.
    #[wasm_bindgen(js_namespace = globalThis, js_name = lockstepPanicked, catch)]
    fn report_panic(message: &str) -> Result<(), JsValue>;
}

/// Has panics reported to `globalThis.lockstepPanicked`, as they end the module without a word.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| {
        // Where nobody listens, nothing can be done.
        let _ = report_panic(&panic.to_string());
    }));
}

/// Returns the version of lockstep.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
