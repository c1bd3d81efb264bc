//! Measurements of the machine and of the engines on it: figures to be compared are measured
//! alternately, and given as median and spread.

pub mod clock;
pub mod coding;
pub mod cpu;
pub mod estimate;
pub mod gpu;
pub mod sample;
pub mod step;

use std::time::Duration;

/// Median and range of repeated measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The least measurement.
    pub min: f64,
    /// The greatest measurement.
    pub max: f64,
}

impl Spread {
    /// Returns the spread of one or more measurements.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Spread { median: values[values.len() / 2], min: values[0], max: values[values.len() - 1] }
    }
}

/// Returns the rates, in units a second, of `work` units done in each of these durations.
pub fn rate(work: u64, times: &[Duration]) -> Spread {
    Spread::of(times.iter().map(|time| work as f64 / time.as_secs_f64().max(1e-9)).collect())
}

/// Runs tasks alternately, `repeats` times each after a first turn that does not count; each task
/// returns how long it took.
pub fn in_turns<E>(
    repeats: usize,
    tasks: &mut [Box<dyn FnMut() -> Result<Duration, E> + '_>],
) -> Result<Vec<Vec<Duration>>, E> {
    let mut times = vec![Vec::with_capacity(repeats); tasks.len()];
    for turn in 0..=repeats {
        for (task, times) in tasks.iter_mut().zip(&mut times) {
            let time = task()?;
            if turn > 0 {
                times.push(time);
            }
        }
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_hold_median_and_range() {
        assert_eq!(Spread::of(vec![3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(rate(6, &[Duration::from_secs(3)]).median, 2.0);
    }

    #[test]
    fn tasks_take_turns_and_the_first_turn_does_not_count() {
        let order = std::cell::RefCell::new(String::new());
        let task = |name: char| -> Box<dyn FnMut() -> Result<Duration, ()> + '_> {
            let order = &order;
            Box::new(move || {
                order.borrow_mut().push(name);
                Ok(Duration::from_secs(order.borrow().len() as u64))
            })
        };
        let times = in_turns(2, &mut [task('a'), task('b')]).unwrap();
        assert_eq!(*order.borrow(), "ababab");
        assert_eq!(times, [[3, 5], [4, 6]].map(|t| t.map(Duration::from_secs).to_vec()));
    }
}
