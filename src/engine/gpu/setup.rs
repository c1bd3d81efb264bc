//! What goes on while drivers are loaded and devices are opened.

use std::any::Any;
use std::sync::OnceLock;

/// Begins something that lasts until its result is dropped.
type Begin = fn() -> Box<dyn Any + Send>;

static DURING_SETUP: OnceLock<Begin> = OnceLock::new();

/// Has `begin` called before each search for adapters and before each of them is opened, and what it
/// returns dropped afterwards. Only the first call counts.
pub fn during_setup(begin: Begin) {
    DURING_SETUP.get_or_init(|| begin);
}

/// Begins what is to go on until the result is dropped.
pub fn begin_setup() -> Option<Box<dyn Any + Send>> {
    DURING_SETUP.get().map(|begin| begin())
}
