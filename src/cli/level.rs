//! Levels as digits: -1 to -9, alone or among other short flags.

use std::ffi::OsString;
use std::ops::RangeInclusive;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, error::ErrorKind, value_parser};
use lockstep::Level;

use super::environment;
use super::exit::complain;

/// The level that was asked for last, if any was; it may be above the highest.
#[derive(Clone, Copy, Debug)]
pub struct LevelOption(Option<u32>);

impl LevelOption {
    /// The level that a flag asks for: the highest, if it asks for more.
    pub fn flag(self) -> Option<Level> {
        self.0.map(at_most_highest)
    }

    /// The level that a flag or, if none does, the environment asks for.
    fn asked(self, quiet: bool) -> Option<u32> {
        self.0.or_else(|| environment::level(quiet))
    }

    /// The level of a flag or of the environment, or the default.
    pub fn level(self) -> Level {
        self.asked(true).map_or(Level::DEFAULT, at_most_highest)
    }

    /// Says if the level that a flag or the environment asks for is not the one that is used.
    pub fn say_clamped(self) {
        if let Some(asked) = self.asked(false).filter(|&asked| asked > Level::SMALLEST.number()) {
            complain(format_args!("there is no level {asked}; the highest, {}, is used", Level::SMALLEST.number()));
        }
    }
}

/// Returns the level of a number, or the highest for a number above.
fn at_most_highest(number: u32) -> Level {
    Level::try_from(number).unwrap_or(Level::SMALLEST)
}

const NAMES: [&str; 11] = ["level", "fast", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const DIGITS: usize = 2;

impl Args for LevelOption {
    fn augment_args(command: Command) -> Command {
        let digit = |(name, digit): (&'static str, char)| {
            let flag = Arg::new(name).short(digit).action(ArgAction::SetTrue).overrides_with_all(NAMES);
            match digit {
                '1' => flag.help("Level: -1 fastest to -9 smallest [default: -5, or LOCKSTEP_LEVEL]"),
                '9' => flag.long("best").hide(true),
                _ => flag.hide(true),
            }
        };
        let number = |least, name| {
            let range = value_parser!(u32).range::<RangeInclusive<i64>>(least..=i64::from(u32::MAX));
            Arg::new(name).long(name).value_name("N").value_parser(range).overrides_with_all(NAMES)
        };
        let level = number(Level::FASTEST.number().into(), "level").help("The level, as a number");
        // What zstd has below its level 1, and gzip's name of it.
        let fast = number(1, "fast").num_args(0..=1).require_equals(true).default_missing_value("1").hide(true);
        command.args(NAMES[DIGITS..].iter().copied().zip('1'..='9').map(digit)).args([level, fast])
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LevelOption {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let digit = (1..).zip(&NAMES[DIGITS..]).find(|(_, name)| matches.get_flag(name)).map(|(level, _)| level);
        let fast = matches.get_one::<u32>("fast").map(|_| Level::FASTEST.number());
        Ok(LevelOption(matches.get_one("level").copied().or(fast).or(digit)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Spells out levels of several digits, of which clap would take each for a level: `-f19v` becomes
/// `-f --level=19 -v`. `with_value` are the short flags that a value follows. Refuses level 0.
pub fn spell_out(args: impl Iterator<Item = OsString>, with_value: &[char]) -> Result<Vec<OsString>, Error> {
    let mut args = args.peekable();
    let mut spelled: Vec<OsString> = args.next().into_iter().collect();
    while let Some(arg) = args.next_if(|arg| arg != "--") {
        match arg.to_str().and_then(|arg| arg.strip_prefix('-')).filter(|arg| !arg.starts_with('-')) {
            Some(flags) if flags.contains(|c: char| c.is_ascii_digit()) => {
                spell_cluster(flags, with_value, &mut spelled)?
            }
            _ => spelled.push(arg),
        }
    }
    spelled.extend(args);
    Ok(spelled)
}

/// Splits short flags that share a hyphen.
fn spell_cluster(flags: &str, with_value: &[char], spelled: &mut Vec<OsString>) -> Result<(), Error> {
    let mut rest = flags;
    while let Some(first) = rest.chars().next() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let len = match digits {
            0 if with_value.contains(&first) => rest.len(),
            0 => first.len_utf8(),
            _ => digits,
        };
        let (flag, others) = rest.split_at(len);
        spelled.push(match (digits, flag.trim_start_matches('0')) {
            (0 | 1, "") | (_, "") => return Err(no_level(flag)),
            (0 | 1, _) => format!("-{flag}").into(),
            (_, number) => format!("--level={number}").into(),
        });
        rest = others;
    }
    Ok(())
}

fn no_level(number: &str) -> Error {
    Error::raw(ErrorKind::InvalidValue, format!("there is no level {number}: levels are -1 to -9\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_several_digits_are_spelled_out() {
        let spell = |args: &str| {
            let args = std::iter::once("lockstep").chain(args.split_whitespace()).map(OsString::from);
            let spelled = spell_out(args, &['T', 'o']).ok()?;
            Some(spelled[1..].iter().map(|arg| arg.to_str().unwrap().to_owned()).collect::<Vec<_>>().join(" "))
        };
        for (args, spelled) in [
            ("-19 a", "--level=19 a"),
            ("-f19v a", "-f --level=19 -v a"),
            ("-fT12 -T12 -o12 a", "-f -T12 -T12 -o12 a"),
            ("-3fv -9e -dc a-12", "-3 -f -v -9 -e -dc a-12"),
            ("-007 -- -12", "--level=7 -- -12"),
            ("--block-size 12 - -é", "--block-size 12 - -é"),
        ] {
            assert_eq!(spell(args).as_deref(), Some(spelled), "{args}");
        }
        for wrong in ["-0", "-00 a", "-f0 a", "-0f a"] {
            assert_eq!(spell(wrong), None, "{wrong}");
        }
    }
}
