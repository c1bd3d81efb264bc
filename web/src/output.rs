//! Output that JavaScript writes.

use std::io::{self, BufWriter, Write};

use js_sys::{Function, Reflect, Uint8Array};
use wasm_bindgen::JsValue;

/// Bytes that are handed over at a time.
const PART: usize = 1 << 20;

/// A function that takes the bytes of each part, in order.
pub struct Output(Function);

/// Returns an output that hands over large parts.
pub fn output(write: Function) -> BufWriter<Output> {
    BufWriter::with_capacity(PART, Output(write))
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A copy, as the bytes are part of the module's memory.
        self.0.call1(&JsValue::UNDEFINED, &Uint8Array::from(bytes)).map_err(io_error)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns what a function of JavaScript has thrown as an error of input or output.
pub fn io_error(thrown: JsValue) -> io::Error {
    let field = |name| Reflect::get(&thrown, &JsValue::from_str(name)).ok().and_then(|value| value.as_string());
    let (name, message) = (field("name").unwrap_or_default(), field("message").unwrap_or_default());
    let kind = match &name[..] {
        "QuotaExceededError" => io::ErrorKind::StorageFull,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, format!("{name}: {message}"))
}
