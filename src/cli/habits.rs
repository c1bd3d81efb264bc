//! Flags of zstd, xz, gzip and pigz that lockstep has no use for: those that ask for what lockstep does
//! anyway are accepted, the others are refused with a sentence that names lockstep's way.

use anyhow::bail;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

/// A flag's value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    /// None.
    No,
    /// One, which may be left out.
    Optional,
    /// One.
    Required,
}
use Value::{No, Optional, Required};

/// Flags that ask for what lockstep does anyway.
const ACCEPTED: [&str; 5] = ["-C, --check", "-n, --no-name", "--content-size", "--synchronous", "--ultra"];

/// Flags that are refused: the flag, its value, and lockstep's way.
const REFUSED: [(&str, Value, &str); 40] = [
    ("--no-check", No, NO_CHECK),
    ("--ignore-check", No, "--salvage writes all that can be had of a damaged archive"),
    ("-D", Required, "--prior FILE starts from a prior, which `lockstep train` makes"),
    ("--patch-from", Required, "--prior FILE starts from a prior, which `lockstep train` makes of the old file"),
    ("--no-dictID", No, "an archive always names its prior, so that decoding can check it"),
    ("--train", No, TRAIN),
    ("--train-cover", Optional, TRAIN),
    ("--train-fastcover", Optional, TRAIN),
    ("--train-legacy", Optional, TRAIN),
    ("--maxdict", Required, "a level chooses a prior's size (`lockstep train --help`)"),
    ("-b", Optional, "`lockstep bench` measures the speed"),
    ("-i", Optional, "`lockstep bench --repeats N` measures the speed"),
    ("-e, --extreme", Optional, "a higher level, up to -9, takes more time for a smaller archive"),
    ("-B", Required, "--frame-size SIZE cuts a job into frames that are coded at the same time"),
    ("--long", Optional, "--block-size SIZE says how far back repetitions are found"),
    ("--zstd", Required, "`lockstep --help` lists the hyper-parameters of the model"),
    ("--adapt", Optional, "an archive's bytes must not depend on the time; -1 is the fastest level"),
    ("--rsyncable", No, "--frame-size SIZE cuts a job into frames, which don't depend on each other"),
    ("--format", Required, FORMAT),
    ("-F", Required, FORMAT),
    ("-S, --suffix", Required, "archives end in .lks; -o names one that does not"),
    ("--no-content-size", No, "an archive always holds the size of its content"),
    ("--stream-size", Required, SIZE_HINT),
    ("--size-hint", Required, SIZE_HINT),
    ("--target-compressed-block-size", Required, "--block-size SIZE chooses how much is coded as one block"),
    ("-p, --processes", Required, "-T N sets the threads"),
    ("--auto-threads", Required, "-T N sets the threads; without it, all cores that the system offers are used"),
    ("--show-default-cparams", No, "`lockstep -l --json` shows the model of an archive"),
    ("--exclude-compressed", No, "-r leaves archives of lockstep out, and compresses all other files"),
    ("--pass-through", No, "-dcf copies files that are no archives"),
    ("--no-pass-through", No, "without -f, -d refuses files that are no archives"),
    ("--files", Optional, "--filelist FILE reads names from a file, or from standard input for -"),
    ("--files0", Optional, "`xargs -0 lockstep` takes names that null characters end"),
    ("-N, --name", No, "an archive holds no name, and gets its own from its source"),
    ("-a, --ascii", No, "the content comes back byte for byte"),
    ("-L, --license", No, "it is free under MIT or Apache 2.0, as its README says"),
    ("--single-stream", No, "--range OFFSET:LENGTH decodes a part of the content"),
    ("--robot", No, "-l --json lists archives for programs"),
    ("--info-memory", No, "-v says how much memory a job needs"),
    ("--no-adjust", No, "--memory-limit never changes the model"),
];

const TRAIN: &str = "`lockstep train FILE... -o PRIOR` trains a prior, with -r on the files in folders";
const NO_CHECK: &str = "archives always have checksums, as only they show a machine that computes wrongly";
const FORMAT: &str = "it reads and writes its own format only, and takes a file for that whatever its name is";
const SIZE_HINT: &str = "the length of a pipe need not be known; that of a file is";

/// The flags of this module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Habits {
    /// A refused flag that was given, and lockstep's way.
    refused: Option<(&'static str, &'static str)>,
}

impl Habits {
    /// Refuses the flags that lockstep has another way for.
    pub fn check(self) -> anyhow::Result<()> {
        match self.refused {
            Some((flag, way)) => bail!("there is no {flag}: {way}"),
            None => Ok(()),
        }
    }
}

impl Args for Habits {
    fn augment_args(command: Command) -> Command {
        let flag = |names: &'static str, value| {
            let flag = names.split(", ").fold(Arg::new(names).hide(true), |flag, name| match name.strip_prefix("--") {
                Some(long) => flag.long(long),
                None => flag.short(name.chars().nth(1)),
            });
            match value {
                No => flag.action(ArgAction::SetTrue),
                Optional => flag.num_args(0..=1),
                Required => flag,
            }
        };
        let accepted = ACCEPTED.into_iter().map(|names| flag(names, No));
        let refused = REFUSED.into_iter().map(|(names, value, _)| flag(names, value));
        command.args(accepted).args(refused)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Habits {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = |names: &str| matches.value_source(names) == Some(ValueSource::CommandLine);
        let refused = REFUSED.into_iter().find(|(names, ..)| given(names));
        Ok(Habits { refused: refused.map(|(names, _, way)| (names, way)) })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_refused_flags_is_in_the_documents() {
        let document = include_str!("../../docs/HABITS.md");
        let (_, table) = document.split_once("## Refused").expect("a table");
        let rows = table.lines().filter(|line| line.starts_with("| `-"));
        let row = |(names, _, way): (&str, Value, &str)| format!("| `{}` | {way} |", names.replace(", ", "`, `"));
        assert_eq!(rows.collect::<Vec<_>>(), REFUSED.map(row));
    }
}
