//! Recovery data: damage to an archive is mended, not just found.
//!
//! [`protect`] makes a recovery part, to be appended to an archive. It protects all bytes before it,
//! back to the recovery part before, so protected archives may be concatenated. [`mend`] finds the
//! damage that recovery data shows and mends what it can; [`Mended`] reads the archive as it was.
//! Any five damaged bytes are mended, and lost runs of up to the per cent that were asked for.
//!
//! The code is Reed-Solomon's over shards of the archive, by the crate `reed-solomon-simd` (after
//! Lin, Al-Naffouri, Han and Chung, *Novel Polynomial Basis With Fast Fourier Transform and Its
//! Application to Reed-Solomon Erasure Codes*, 2016). A checksum for each shard tells which are
//! damaged. The shards are dealt to groups in turn, so that a lost run is shared by all groups.
//!
//! ```
//! use std::io::Cursor;
//! use lockstep::{Archive, Level, Options, recovery};
//!
//! let text = b"it was the best of times, it was the worst of times, ".repeat(20);
//! let mut archive = lockstep::compress(&text, Level::FASTEST)?;
//! let mut part = Vec::new();
//! recovery::protect(Cursor::new(&archive), &mut part, 5)?;
//! archive.extend(part);
//! archive[90] ^= 1; // damage
//!
//! let mut file = Cursor::new(archive);
//! let mending = recovery::mend(&mut file, 1 << 30)?;
//! assert_eq!((mending.damaged().first(), mending.lost().len()), (Some(&(90..91)), 0));
//! let mut content = Vec::new();
//! Archive::open(mending.view(file)?)?.decompress(&mut content, &Options::new(), &mut ())?;
//! assert_eq!(content, text);
//! # Ok::<(), lockstep::Error>(())
//! ```

mod mend;
mod mended;
mod protect;
mod shards;

pub use mend::{Mending, mend};
pub use mended::Mended;
pub use protect::protect;
