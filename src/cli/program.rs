//! The names of the program: links to it mean flags.

use std::ffi::OsString;
use std::path::Path;

/// Names that the program may be called by, and the flags that each means.
const NAMES: [(&str, &str); 2] = [("lkscat", "-dcf"), ("unlks", "-d")];

/// Adds the flags that the program's name, the first argument, means in front of the others.
pub fn add_flags(mut args: Vec<OsString>) -> Vec<OsString> {
    let name = args.first().and_then(|program| Path::new(program).file_stem());
    if let Some((_, flags)) = NAMES.iter().find(|(known, _)| name.is_some_and(|name| name == *known)) {
        args.insert(1, flags.into());
    }
    args
}
