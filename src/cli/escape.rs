//! Names for terminals and for JSON.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write;
use std::path::Path;

use serde_json::{Map, Value};

/// Returns a name for terminals: control characters, characters that change the direction of text, and
/// bytes that are no UTF-8 are escaped, so that a name can't act on the terminal or pass for another.
pub fn printable(name: &OsStr) -> Cow<'_, str> {
    if let Some(text) = name.to_str().filter(|text| !text.contains(is_harmful)) {
        return text.into();
    }
    let mut shown = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => shown.push_str("\\\\"),
                c if is_harmful(c) => shown.extend(c.escape_default()),
                c => shown.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown.into()
}

/// Returns a path for terminals, as [`printable`] does.
pub fn shown(path: &(impl AsRef<Path> + ?Sized)) -> Cow<'_, str> {
    printable(path.as_ref().as_os_str())
}

/// True for characters that a terminal obeys instead of showing them.
fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Puts a name into a JSON object: as `file`, and as an array of bytes, `file_bytes`, if it is no UTF-8;
/// `file` then has replacement characters.
pub fn put_name(object: &mut Map<String, Value>, name: &OsStr) {
    object.insert("file".into(), name.to_string_lossy().into());
    if name.to_str().is_none() {
        object.insert("file_bytes".into(), name.as_encoded_bytes().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        for (name, shown) in [
            ("plain name.txt", "plain name.txt"),
            ("naïve \\ 文", "naïve \\ 文"),
            ("a\u{1b}[31mb\n", "a\\u{1b}[31mb\\n"),
            ("a\\\u{7f}", "a\\\\\\u{7f}"),
            ("gpj.\u{202e}exe", "gpj.\\u{202e}exe"),
            ("\u{9b}2J", "\\u{9b}2J"),
        ] {
            assert_eq!(printable(name.as_ref()), shown);
        }
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_are_kept_as_bytes() {
        use std::os::unix::ffi::OsStrExt;
        let name = OsStr::from_bytes(b"a\xff\xc3");
        assert_eq!(printable(name), "a\\xff\\xc3");
        let mut object = Map::new();
        put_name(&mut object, name);
        assert_eq!(object["file_bytes"], serde_json::json!([97, 255, 195]));
        put_name(&mut object, OsStr::new("b"));
        assert_eq!(object["file"], "b");
    }
}
