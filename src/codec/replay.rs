//! Replay: draws the windows of coded symbols to learn from again.

use super::streams::Streams;
use crate::engine::{INACTIVE, Replay};
use crate::model::ModelConfig;
use crate::numerics::generator::random_u64;

/// The first steps of a window, from which nothing is learned: its states have only begun.
const WARM_UP: usize = 4;

/// Draws the factors (Q8) of the hidden states under dropout: a cell is dropped at all steps of a
/// window or at none (Gal and Ghahramani 2016), and the others are scaled up to make up for it.
fn shares(config: &ModelConfig, first_window: u64) -> Vec<i32> {
    let kept = (1 << 16) / (256 - config.dropout as i32); // Q8
    let eights = config.replay_streams as usize * config.layers() * config.units() / 8;
    let first = first_window * (config.layers() * config.units() / 8) as u64;
    let bytes = (0..eights as u64).flat_map(|i| random_u64(config.seed ^ 1 << 63, first + i).to_le_bytes());
    bytes.map(|byte| if u32::from(byte) < config.dropout { 0 } else { kept }).collect()
}

/// Draws the windows after segment `segment` of a block (from 0), among the steps before `done`;
/// none without replay, or while no stream is as long as a window.
pub fn draw(config: &ModelConfig, streams: &Streams, data: &[u8], segment: u64, done: usize) -> Option<Replay> {
    let (count, steps) = (config.replay_streams as usize, config.replay_steps as usize);
    let starts = done.checked_sub(steps).filter(|_| count > 0)? as u64 + 1;
    let windows: Vec<(usize, usize)> = (0..count as u64)
        .map(|window| {
            let number = random_u64(!config.seed, segment * count as u64 + window);
            let below = |number: u64, limit: u64| ((number * limit) >> 32) as usize;
            (below(number >> 32, config.streams.into()), below(number & 0xffff_ffff, starts))
        })
        .collect();
    let grid = || (0..steps).flat_map(|step| windows.iter().map(move |&(stream, start)| (stream, start, step)));
    let target = |(stream, start, step)| match streams.position(stream, start + step) {
        Some(position) if step >= WARM_UP => u16::from(data[position]),
        _ => INACTIVE,
    };
    Some(Replay {
        previous: grid().map(|(stream, start, step)| streams.previous(data, stream, start + step)).collect(),
        targets: grid().map(target).collect(),
        shares: shares(config, segment * count as u64),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::levels::config_for;

    #[test]
    fn as_many_cells_are_dropped_as_asked_for_and_the_rest_makes_up() {
        for dropout in [0, 1, 32, 128] {
            let config = ModelConfig { replay_streams: 64, dropout, ..config_for(5, 1000) };
            let shares = shares(&config, 640);
            assert_eq!(shares.len(), 64 * config.layers() * config.units());
            let dropped = shares.iter().filter(|&&share| share == 0).count() as f64 / shares.len() as f64;
            assert!((dropped - f64::from(dropout) / 256.0).abs() < 0.02, "{dropped}");
            let mean = f64::from(shares.iter().sum::<i32>()) / shares.len() as f64;
            assert!((mean - 256.0).abs() < 6.0, "{mean}");
            assert!(shares.iter().all(|share| (0..=512).contains(share)));
            assert!(dropout == 0 || shares != super::shares(&config, 704));
        }
    }

    #[test]
    fn windows_hold_what_is_coded() {
        let data: Vec<u8> = (0..1000).map(|i| (i % 251) as u8).collect();
        let config = ModelConfig { streams: 3, replay_streams: 5, replay_steps: 9, ..config_for(5, 1000) };
        let streams = Streams::in_panels(data.len(), 3, data.len());
        assert_eq!(draw(&config, &streams, &data, 0, 8), None);
        assert_eq!(draw(&ModelConfig { replay_streams: 0, ..config.clone() }, &streams, &data, 0, 100), None);
        let first = draw(&config, &streams, &data, 0, 9).unwrap();
        assert_eq!(first.previous[..5], [0; 5], "there is no other window than a stream's start");
        for (segment, done) in [(1, 20), (7, 100), (30, 334)] {
            let replay = draw(&config, &streams, &data, segment, done).unwrap();
            assert_ne!(replay, draw(&config, &streams, &data, segment + 1, done).unwrap());
            assert!(replay.targets[..WARM_UP * 5].iter().all(|&target| target == INACTIVE));
            for i in WARM_UP * 5..9 * 5 {
                let (previous, target) = (replay.previous[i], replay.targets[i]);
                assert!(target == INACTIVE || target == (u16::from(previous) + 1) % 251);
                let coded = |p: &usize| p % 334 < done && u16::from(data[*p]) == target;
                assert!(target == INACTIVE || (0..1000).any(|p| coded(&p)), "only what is coded");
            }
        }
    }
}
