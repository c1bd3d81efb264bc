//! Work in phases that are too short for tasks of their own: a thread that comes to help stays
//! for all phases that are left, and asks, rather than sleeps, until one is done.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Tiles of a part, where a phase has so many of them and so many products.
pub fn tiles_of_part(tiles: usize, products: usize) -> usize {
    /// Products that are worth a part of their own: a thread that asks is there at once.
    const LEAST: usize = 1 << 16;
    tiles.div_ceil((products / LEAST).clamp(1, rayon::current_num_threads()))
}

/// Does `work` with a phase's number on every part, phase by phase: none begins before all
/// parts of the one before are done. Who does which part changes no result.
pub fn in_phases<P: Send>(phases: usize, mut parts: Vec<P>, work: impl Fn(usize, &mut P) + Sync) {
    let threads = rayon::current_num_threads().min(parts.len());
    if threads < 2 {
        return (0..phases).for_each(|phase| parts.iter_mut().for_each(|part| work(phase, part)));
    }
    let crew = Crew { phases, parts: parts.into_iter().map(Part::new).collect(), present: Line::default(), work };
    rayon::in_place_scope(|scope| {
        let crew = &crew;
        (1..threads).for_each(|_| scope.spawn(|_| crew.help()));
        crew.help();
    });
}

/// Threads that write to different ones do not disturb each other: caches fetch two lines at a time.
#[derive(Default)]
#[repr(align(128))]
struct Line<T>(T);

struct Part<P> {
    has_owner: AtomicBool,
    /// Phases of it that somebody has begun.
    begun: AtomicUsize,
    /// Never waited for: only who begins a phase takes it.
    part: Mutex<P>,
    /// Phases of it that are done. Who waits for that does not disturb who works.
    done: Line<AtomicUsize>,
}

impl<P> Part<P> {
    fn new(part: P) -> Self {
        Part { has_owner: false.into(), begun: 0.into(), part: part.into(), done: Line::default() }
    }

    fn done(&self) -> usize {
        self.done.0.load(Ordering::Acquire)
    }

    /// Waits until more phases than so many are done.
    fn wait(&self, phases: usize) {
        /// Times to ask before others may have the processor.
        const PATIENCE: usize = 1000;
        let mut asked = 0;
        while self.done() <= phases {
            if asked < PATIENCE {
                std::hint::spin_loop()
            } else {
                std::thread::yield_now()
            }
            asked += 1;
        }
    }
}

struct Crew<P, W> {
    phases: usize,
    parts: Vec<Part<P>>,
    /// Threads that work, each the owner of a part.
    present: Line<AtomicUsize>,
    work: W,
}

impl<P: Send, W: Fn(usize, &mut P) + Sync> Crew<P, W> {
    /// Works until all phases are done.
    fn help(&self) {
        let own = self.own();
        self.present.0.fetch_add(1, Ordering::Relaxed);
        let begun = self.parts.iter().map(Part::done).min().unwrap_or(self.phases);
        for phase in begun..self.phases {
            self.begin(phase, own);
            if self.present.0.load(Ordering::Relaxed) < self.parts.len() {
                // Parts have no owner, or one who comes late.
                (1..self.parts.len()).for_each(|i| self.begin(phase, (own + i) % self.parts.len()));
            }
            self.parts.iter().for_each(|part| part.wait(phase));
        }
    }

    /// A part for this thread, the same one job after job where it can be: its memory is near.
    fn own(&self) -> usize {
        let thread = rayon::current_thread_index().unwrap_or(0);
        let first = thread * self.parts.len() / rayon::current_num_threads();
        let mut parts = (first..self.parts.len()).chain(0..first);
        let own = parts.find(|&part| !self.parts[part].has_owner.swap(true, Ordering::Relaxed));
        own.expect("there are no more threads than parts")
    }

    /// Does a part, unless somebody has begun with it.
    fn begin(&self, phase: usize, part: usize) {
        let Part { begun, part, done, .. } = &self.parts[part];
        let begin = || begun.compare_exchange(phase, phase + 1, Ordering::Relaxed, Ordering::Relaxed);
        if begun.load(Ordering::Relaxed) == phase && begin().is_ok() {
            let _done = Done { done: &done.0, phases: phase + 1, present: &self.present.0 };
            (self.work)(phase, &mut part.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// Says that phases of a part are done, even where the work panics, as the others wait for it.
/// Then a thread is gone, and others do its part from the next phase on.
struct Done<'a> {
    done: &'a AtomicUsize,
    phases: usize,
    present: &'a AtomicUsize,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.present.fetch_sub(1, Ordering::Relaxed);
        }
        self.done.store(self.phases, Ordering::Release);
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
    use std::sync::Barrier;

    fn on_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
    }

    /// Holds a first phase until each part has a thread of its own.
    struct Meeting(Option<Barrier>);

    impl Meeting {
        fn new(threads: usize, parts: usize) -> Self {
            Meeting((parts <= threads).then(|| Barrier::new(parts)))
        }

        fn hold(&self, phase: usize) {
            self.0.iter().filter(|_| phase == 0).for_each(|barrier| _ = barrier.wait());
        }
    }

    /// Each part adds up what all parts wrote in the phase before, some sooner, some later.
    fn sums(threads: usize, parts: usize) -> Vec<u64> {
        const PHASES: usize = 500;
        let meeting = Meeting::new(threads, parts);
        on_threads(threads, || {
            let board = Board::new(2 * parts);
            board.write(parts, &vec![1; parts]);
            in_phases(PHASES, (0..parts).collect(), |phase, &mut part| {
                meeting.hold(phase);
                (0..(phase + 3 * part) % 7 * 100).for_each(|_| std::hint::spin_loop());
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
        for (threads, round) in [2, 3, 4].into_iter().flat_map(|threads| (0..20).map(move |round| (threads, round))) {
            let (phase, part) = (round % 5 * 4, round % 4);
            let meeting = Meeting::new(threads, 4);
            let panics = on_threads(threads, || {
                let work = |p, &mut q: &mut usize| {
                    meeting.hold(p);
                    assert!((p, q) != (phase, part), "as asked");
                };
                catch_unwind(AssertUnwindSafe(|| in_phases(17, vec![0, 1, 2, 3], work))).is_err()
            });
            assert!(panics, "phase {phase}, part {part}, {threads} threads");
        }
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
