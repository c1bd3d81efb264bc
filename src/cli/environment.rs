//! Defaults from the environment. Flags come before them, and values that can't be used are ignored.

use std::str::FromStr;

use super::exit::complain;

/// Returns the number of threads of `LOCKSTEP_THREADS`.
pub fn threads(quiet: bool) -> Option<u16> {
    number("LOCKSTEP_THREADS", quiet, "a number of threads", |_| true)
}

/// Returns the level of `LOCKSTEP_LEVEL`, which may be above the highest.
pub fn level(quiet: bool) -> Option<u32> {
    number("LOCKSTEP_LEVEL", quiet, "a level from 1 to 9", |&level| level > 0)
}

/// Returns the number in a variable. One that is set to something else is warned of, unless `quiet`
/// is set.
fn number<N: FromStr>(name: &str, quiet: bool, what: &str, fits: fn(&N) -> bool) -> Option<N> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
    let number = value.to_str().and_then(|text| text.parse().ok()).filter(fits);
    if number.is_none() && !quiet {
        complain(format_args!("{name} is ignored, as {} is not {what}", value.to_string_lossy()));
    }
    number
}
