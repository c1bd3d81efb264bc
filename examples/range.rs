//! Lists the frames of an archive and decodes a range of its content, without the rest.
//!
//!     lockstep -1 --frame-size 100K FILE
//!     cargo run --release --example range -- FILE.lks 150000 20

use std::fs::File;
use std::io::{self, Write};

use lockstep::{Archive, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(path), Some(offset), Some(length)) = (args.next(), args.next(), args.next()) else {
        return Err("usage: range FILE.lks OFFSET LENGTH".into());
    };
    let (offset, length): (u64, u64) = (offset.parse()?, length.parse()?);
    let mut archive = Archive::open(File::open(path)?)?;
    for (number, frame) in archive.frames().iter().enumerate() {
        eprintln!("frame {number}: {} bytes in {}", frame.raw_len(), frame.compressed_len());
    }
    let content = archive.read_range(offset..offset.saturating_add(length), &Options::new())?;
    io::stdout().write_all(&content)?;
    Ok(())
}
