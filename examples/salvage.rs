//! Damages one to five bytes of archives at random: all that can be had must be salvaged, and with
//! recovery data all must come back whole.
//!
//!     cargo run --release --example salvage -- [COUNT]

#[path = "../tests/damage/mod.rs"]
mod damage;

use damage::{Counts, bases, damage_one};

fn main() {
    let count: u64 = std::env::args().nth(1).map_or(1000, |count| count.parse().expect("a number"));
    let (bases, mut counts) = (bases(), Counts::default());
    for number in 0..count {
        damage_one(&bases[(number / 5) as usize % bases.len()], number, &mut counts);
    }
    let Counts { archives, whole, moved, raw, salvaged, mended } = counts;
    println!(
        "{archives} archives: {whole} salvaged whole, of all {salvaged} of {raw} bytes at their place; of {moved} the \
         content behind the damage moved, as was said; with recovery data {mended} came back whole"
    );
}
