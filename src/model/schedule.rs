//! The learning rate over the course of a frame.

use super::ModelConfig;

/// The learning rate (Q28) when `done` bytes are coded: a straight line from
/// start to end over the schedule's length, then level.
pub fn learning_rate(config: &ModelConfig, done: u64) -> u32 {
    let length = config.schedule_length.max(1);
    let done = u128::from(done.min(length));
    let (start, end, length) = (u128::from(config.rate_start), u128::from(config.rate_end), u128::from(length));
    ((start * (length - done) + end * done) / length) as u32
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::small;
    use super::*;

    #[test]
    fn rate_moves_from_start_to_end() {
        let config = small();
        assert_eq!(learning_rate(&config, 0), config.rate_start);
        assert_eq!(learning_rate(&config, 500), (config.rate_start + config.rate_end) / 2);
        assert_eq!(learning_rate(&config, 1000), config.rate_end);
        assert_eq!(learning_rate(&config, u64::MAX), config.rate_end);
        let constant = ModelConfig { schedule_length: 0, ..config };
        assert_eq!(learning_rate(&constant, 0), constant.rate_start);
    }
}
