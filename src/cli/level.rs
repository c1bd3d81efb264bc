//! Levels as digits: -1 to -9, alone or among other short flags.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, error::ErrorKind, value_parser};
use lockstep::Level;

/// The level that was asked for last, if any was.
#[derive(Clone, Copy, Debug)]
pub struct LevelOption(pub Option<Level>);

impl LevelOption {
    /// The level, or the default.
    pub fn level(self) -> Level {
        self.0.unwrap_or_default()
    }
}

const NAMES: [&str; 10] = ["level", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

impl Args for LevelOption {
    fn augment_args(command: Command) -> Command {
        let digit = |(name, digit): (&'static str, char)| {
            let flag = Arg::new(name).short(digit).action(ArgAction::SetTrue).overrides_with_all(NAMES);
            if name == "1" { flag.help("Level: -1 fastest to -9 smallest [default: -5]") } else { flag.hide(true) }
        };
        let (least, most) = (Level::FASTEST.number().into(), Level::SMALLEST.number().into());
        let range = value_parser!(u32).range::<std::ops::RangeInclusive<i64>>(least..=most);
        let level = Arg::new("level").long("level").value_name("N").value_parser(range).overrides_with_all(NAMES);
        command.args(NAMES[1..].iter().copied().zip('1'..='9').map(digit)).arg(level.help("The level, as a number"))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LevelOption {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let digit = Level::all().zip(&NAMES[1..]).find(|(_, name)| matches.get_flag(name)).map(|(level, _)| level);
        let number = matches.get_one::<u32>("level").and_then(|&number| Level::try_from(number).ok());
        Ok(LevelOption(number.or(digit)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Refuses -0, -12 and the like, of which only the last digit would count.
pub fn check_digits(args: impl Iterator<Item = OsString>) -> Result<(), Error> {
    for arg in args.skip(1).take_while(|arg| arg != "--") {
        let digits = arg.to_str().and_then(|arg| arg.strip_prefix('-')).unwrap_or("");
        if digits.bytes().all(|b| b.is_ascii_digit()) && (digits.len() > 1 || digits == "0") {
            let message = format!("there is no level {digits}: levels are -1 to -9\n");
            return Err(Error::raw(ErrorKind::InvalidValue, message));
        }
    }
    Ok(())
}
