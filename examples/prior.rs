//! Trains a prior on records, and compresses another record with it and without.
//!
//!     cargo run --release --example prior

use std::sync::Arc;

use lockstep::{Options, Prior, TrainingEvent};

fn record(number: u32) -> String {
    let state = ["sent", "paid", "packed", "returned"][number as usize * 7 % 4];
    format!("{{\"order\": {number}, \"customer\": \"c-{}\", \"state\": \"{state}\"}}\n", number * 31 % 997)
}

fn main() -> Result<(), lockstep::Error> {
    let samples: Vec<String> = (0..500).map(record).collect();
    let options = Options::new().level(3.try_into()?);
    let prior = Prior::train(&samples, &options, &mut |event| {
        if let TrainingEvent::Pass { number, loss } = event {
            println!("pass {number}: {} held-out bytes become {}", loss.raw, loss.coded);
        }
    })?;

    // A prior can be saved and loaded.
    let mut file = Vec::new();
    Prior::clone(&prior).write(&mut file).map_err(lockstep::Error::Output)?;
    let prior = Arc::new(Prior::read(&file[..], 1 << 30)?);

    let (record, with) = (record(1234), options.clone().prior(prior));
    let archive = lockstep::compress_with(record.as_bytes(), &with)?;
    let without = lockstep::compress_with(record.as_bytes(), &options)?;
    println!("{} bytes become {} with the prior, {} without", record.len(), archive.len(), without.len());
    assert_eq!(lockstep::decompress_with(&archive, &with)?, record.as_bytes());
    Ok(())
}
