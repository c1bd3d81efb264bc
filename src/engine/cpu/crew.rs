//! Work in phases that are too short for tasks of their own: a thread that comes to help stays
//! for all phases that are left, and asks, rather than sleeps, until one is done.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Products that are worth a task of their own: about a microsecond.
pub const TASK: usize = 1 << 18;

/// Tiles of a part, where a phase has so many of them and so many products.
pub fn tiles_of_part(tiles: usize, products: usize) -> usize {
    /// Products that are worth a part of their own: a thread that asks is there at once.
    const LEAST: usize = 1 << 16;
    tiles.div_ceil((products / LEAST).clamp(1, rayon::current_num_threads()))
}

/// Does `work` with a phase's number on every part, phase by phase: none begins before all
/// parts of the one before are done. Who does which part changes no result.
pub fn in_phases<P: Send>(phases: usize, mut parts: Vec<P>, work: impl Fn(usize, &mut P) + Sync) {
    if let [part] = &mut parts[..] {
        return (0..phases).for_each(|phase| work(phase, part));
    }
    let begun = || AtomicUsize::new(0);
    let parts = parts.into_iter().map(|part| Line(Part { begun: begun(), part: Mutex::new(part) })).collect();
    let crew = Crew { phases, parts, done: Line(AtomicUsize::new(0)), work };
    rayon::in_place_scope(|scope| {
        let crew = &crew;
        (1..crew.parts.len()).for_each(|own| scope.spawn(move |_| crew.help(own)));
        crew.help(0);
    });
}

/// Threads that write to different ones do not disturb each other: caches fetch two lines at a time.
#[repr(align(128))]
struct Line<T>(T);

struct Part<P> {
    /// Phases of it that somebody has begun.
    begun: AtomicUsize,
    /// Never waited for: only who begins a phase takes it.
    part: Mutex<P>,
}

struct Crew<P, W> {
    phases: usize,
    parts: Vec<Line<Part<P>>>,
    /// Parts of all phases that are done.
    done: Line<AtomicUsize>,
    work: W,
}

impl<P: Send, W: Fn(usize, &mut P) + Sync> Crew<P, W> {
    /// Works until all phases are done: on its own part, whose memory is near by then, and on
    /// those that nobody has begun.
    fn help(&self, own: usize) {
        loop {
            let phase = self.done();
            if phase == self.phases {
                return;
            }
            let (before, from) = self.parts.split_at(own);
            for Line(Part { begun, part }) in from.iter().chain(before) {
                let begin = || begun.compare_exchange(phase, phase + 1, Ordering::Relaxed, Ordering::Relaxed);
                if begun.load(Ordering::Relaxed) == phase && begin().is_ok() {
                    let _done = Done(&self.done.0);
                    (self.work)(phase, &mut part.lock().unwrap_or_else(PoisonError::into_inner));
                }
            }
            self.wait(phase);
        }
    }

    /// Phases that are done.
    fn done(&self) -> usize {
        self.done.0.load(Ordering::Acquire) / self.parts.len()
    }

    fn wait(&self, phase: usize) {
        /// Times to ask before others may have the processor.
        const PATIENCE: usize = 1000;
        for asked in 0.. {
            if self.done() > phase {
                return;
            }
            if asked < PATIENCE { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
    }
}

/// Counts a part as done, even where its work panics: the others must not wait for it.
struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

/// Words that the parts of a phase write, each its own, and all parts of a later one read.
pub struct Board(Vec<AtomicU64>);

impl Board {
    /// So many zeros.
    pub fn new(len: usize) -> Self {
        Board((0..len).map(|_| AtomicU64::new(0)).collect())
    }

    /// Puts words there from `first` on.
    pub fn write(&self, first: usize, words: &[u64]) {
        self.0[first..][..words.len()].iter().zip(words).for_each(|(at, &word)| at.store(word, Ordering::Relaxed));
    }

    /// Takes words from there.
    pub fn read(&self, first: usize, words: &mut [u64]) {
        let from = &self.0[first..][..words.len()];
        words.iter_mut().zip(from).for_each(|(word, at)| *word = at.load(Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn on_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
    }

    /// Each part adds up what all parts wrote in the phase before.
    fn sums(threads: usize, parts: usize) -> Vec<u64> {
        const PHASES: usize = 500;
        on_threads(threads, || {
            let board = Board::new(2 * parts);
            board.write(parts, &vec![1; parts]);
            in_phases(PHASES, (0..parts).collect(), |phase, &mut part| {
                let mut words = vec![0; parts];
                board.read((phase + 1) % 2 * parts, &mut words);
                let sum = words.iter().fold(part as u64 + 1, |sum, &word| sum.wrapping_mul(3).wrapping_add(word));
                board.write(phase % 2 * parts + part, &[sum]);
            });
            let mut words = vec![0; parts];
            board.read((PHASES - 1) % 2 * parts, &mut words);
            words
        })
    }

    #[test]
    fn a_phase_sees_all_of_the_one_before() {
        for parts in [1, 2, 3, 7] {
            let alone = sums(1, parts);
            assert!(alone.iter().any(|&sum| sum > 1));
            for threads in [2, 3, 8] {
                assert_eq!(sums(threads, parts), alone, "{parts} parts, {threads} threads");
            }
        }
    }

    #[test]
    fn a_panic_comes_through_and_nobody_waits_for_ever() {
        let panics = |phase, part| {
            on_threads(3, || {
                let work = |p, &mut q: &mut usize| assert!((p, q) != (phase, part), "as asked");
                catch_unwind(AssertUnwindSafe(|| in_phases(20, vec![0, 1, 2, 3], work))).is_err()
            })
        };
        assert!(panics(0, 0) && panics(7, 2) && panics(19, 3) && !panics(20, 0));
    }

    #[test]
    fn parts_are_no_more_than_threads_or_work() {
        on_threads(4, || {
            assert_eq!(tiles_of_part(16, 1 << 30), 4);
            assert_eq!(tiles_of_part(10, 1 << 30), 3);
            assert_eq!(tiles_of_part(16, 1 << 17), 8);
            assert_eq!(tiles_of_part(16, 1), 16);
        });
    }
}
