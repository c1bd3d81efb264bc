//! Compression levels.

use std::fmt;

use crate::Error;
use crate::model::ConfigError;
use crate::model::levels::{DEFAULT_LEVEL, LEVELS};

/// A compression level, from 1 (fastest) to 9 (smallest).
///
/// ```
/// use lockstep::Level;
///
/// let level: Level = 7.try_into()?;
/// assert!(Level::FASTEST < level && level < Level::SMALLEST);
/// assert!(Level::try_from(10).is_err());
/// # Ok::<(), lockstep::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u32);

impl Level {
    /// Level 1: context mixing alone, the light kind.
    pub const FASTEST: Level = Level(*LEVELS.start());
    /// Level 5, the default of the command.
    pub const DEFAULT: Level = Level(DEFAULT_LEVEL);
    /// Level 9: the largest network.
    pub const SMALLEST: Level = Level(*LEVELS.end());

    /// Returns all levels, from the fastest.
    pub fn all() -> impl Iterator<Item = Level> {
        LEVELS.map(Level)
    }

    /// Returns the level's number, 1..=9.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl Default for Level {
    fn default() -> Self {
        Level::DEFAULT
    }
}

impl TryFrom<u32> for Level {
    type Error = Error;

    /// # Errors
    ///
    /// [`Error::Config`] for a number outside 1..=9.
    fn try_from(number: u32) -> Result<Self, Error> {
        let (least, most) = (u64::from(*LEVELS.start()), u64::from(*LEVELS.end()));
        match LEVELS.contains(&number) {
            true => Ok(Level(number)),
            false => Err(ConfigError::Range { name: "the level", value: number.into(), least, most }.into()),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
