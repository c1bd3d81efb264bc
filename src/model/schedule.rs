//! The learning rate as a function of the bytes coded.

use super::ModelConfig;

/// Returns the learning rate (Q28) after `done` bytes. Over the schedule's length it moves from
/// start to end, its inverse linearly if it falls, else the rate itself; then it is constant.
pub fn learning_rate(config: &ModelConfig, done: u64) -> u32 {
    let length = config.schedule_length.max(1);
    let done = u128::from(done.min(length));
    let (start, end, length) = (u128::from(config.rate_start), u128::from(config.rate_end), u128::from(length));
    // start / (1 + (start / end - 1) * done / length)
    let divisor = end * length + start.saturating_sub(end) * done;
    if end < start && end > 0 {
        (start * end * length / divisor) as u32
    } else {
        ((start * (length - done) + end * done) / length) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::small;
    use super::*;

    #[test]
    fn the_rate_moves_from_start_to_end() {
        let config = small();
        assert_eq!(learning_rate(&config, 0), config.rate_start);
        // The start is twice the end, so half-way the inverse is 1.5 times that of the start.
        assert_eq!(learning_rate(&config, 500), config.rate_start * 2 / 3);
        assert_eq!(learning_rate(&config, 1000), config.rate_end);
        assert_eq!(learning_rate(&config, u64::MAX), config.rate_end);
        let rising = ModelConfig { rate_end: 3 * config.rate_start, ..config.clone() };
        assert_eq!(learning_rate(&rising, 500), 2 * config.rate_start);
        let constant = ModelConfig { schedule_length: 0, ..config };
        assert_eq!(learning_rate(&constant, 0), constant.rate_start);
    }
}
