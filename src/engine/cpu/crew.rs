//! Work in phases that are too short for tasks of their own: a thread that comes to help stays
//! for all phases that are left, and asks, rather than sleeps, until what it needs is there.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};

use smallvec::SmallVec;

/// What is to be done; one thread's work needs no memory of the system's.
pub type Parts<P> = SmallVec<[P; 1]>;

/// Does `work` with a phase's number on every part, each part's phases in turn. A phase finds what
/// it needs of other parts on the board, and may read what earlier phases wrote there, no more.
/// Who does which part changes no result. `work` must not call rayon: there a thread that waits
/// could begin something else, while it has a part that others wait for.
pub fn in_phases<P: Send>(phases: usize, mut parts: Parts<P>, board: &Board, work: impl Fn(usize, &mut P) + Sync) {
    let threads = rayon::current_num_threads().min(parts.len());
    if threads < 2 {
        return (0..phases).for_each(|phase| parts.iter_mut().for_each(|part| work(phase, part)));
    }
    let crew = Crew { phases, parts: parts.into_iter().map(Part::new).collect(), owners: 0.into(), board, work };
    rayon::in_place_scope(|scope| {
        let crew = &crew;
        (1..threads).for_each(|_| scope.spawn(|_| crew.help()));
        crew.help();
    });
}

/// Threads that write to different ones do not disturb each other: caches fetch two lines at a time.
#[repr(align(128))]
struct Part<P> {
    has_owner: AtomicBool,
    /// An owner holds it to the end, anybody else for as many phases as its own part is ahead.
    held: Mutex<Held<P>>,
}

struct Held<P> {
    /// The next phase.
    phase: usize,
    part: P,
}

impl<P> Part<P> {
    fn new(part: P) -> Self {
        Part { has_owner: false.into(), held: Held { phase: 0, part }.into() }
    }

    fn try_hold(&self) -> Option<MutexGuard<'_, Held<P>>> {
        match self.held.try_lock() {
            Ok(held) => Some(held),
            Err(TryLockError::Poisoned(held)) => Some(held.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

struct Crew<'a, P, W> {
    phases: usize,
    parts: Vec<Part<P>>,
    /// Threads that work, each the owner of a part.
    owners: AtomicUsize,
    board: &'a Board,
    work: W,
}

impl<P: Send, W: Fn(usize, &mut P) + Sync> Crew<'_, P, W> {
    /// Works until all phases are done.
    fn help(&self) {
        let own = self.own();
        let mut asked = 0;
        let mut held = loop {
            match self.parts[own].try_hold() {
                Some(held) => break held,
                None => wait(&mut asked),
            }
        };
        self.owners.fetch_add(1, Ordering::Relaxed);
        loop {
            if held.phase < self.phases {
                self.go_on(&mut held);
            }
            if self.owners.load(Ordering::Relaxed) < self.parts.len() {
                (1..self.parts.len()).for_each(|i| self.help_out(held.phase, (own + i) % self.parts.len()));
            }
            if held.phase == self.phases || self.board.is_given_up() {
                break;
            }
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

    /// Takes a part that has no owner up to a phase.
    fn help_out(&self, phase: usize, part: usize) {
        let part = &self.parts[part];
        if part.has_owner.load(Ordering::Relaxed) {
            return;
        }
        // Who holds it will do the same.
        let Some(mut held) = part.try_hold() else { return };
        while held.phase < phase {
            self.go_on(&mut held);
        }
    }

    fn go_on(&self, held: &mut Held<P>) {
        let panics = GiveUp(self.board);
        (self.work)(held.phase, &mut held.part);
        std::mem::forget(panics);
        held.phase += 1;
    }
}

/// Lets nobody wait for words that a panic keeps from being written.
struct GiveUp<'a>(&'a Board);

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        self.0.given_up.store(true, Ordering::Relaxed);
    }
}

/// Waits a little, the longer the more often it has been asked.
fn wait(asked: &mut usize) {
    /// Times to ask before others may have the processor.
    const PATIENCE: usize = 1000;
    *asked += 1;
    if *asked < PATIENCE { std::hint::spin_loop() } else { std::thread::yield_now() }
}

/// Words that parts write, each its own, and other parts read in a later phase.
pub struct Board {
    words: Vec<AtomicU64>,
    given_up: AtomicBool,
}

impl Board {
    /// Where words may start that no other part's share a line of memory with.
    pub const LINE: usize = 8;
    /// What no part may write, and none does: a byte of it is no hidden state, two are no gate error.
    const EMPTY: u64 = u64::from_ne_bytes([0x80; 8]);

    /// So many words, all to be written.
    pub fn new(len: usize) -> Self {
        let len = if len > 0 { len + Self::LINE } else { 0 };
        let words = (0..len).map(|_| AtomicU64::new(Self::EMPTY)).collect();
        Board { words, given_up: false.into() }
    }

    /// From the first line on.
    fn words(&self) -> &[AtomicU64] {
        let start = self.words.as_ptr().align_offset(Self::LINE * size_of::<u64>());
        &self.words[start.min(Self::LINE).min(self.words.len())..]
    }

    fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Puts words there.
    pub fn write(&self, first: usize, words: &[u64]) {
        debug_assert!(!words.contains(&Self::EMPTY));
        // Who sees a word sees all that was cleared before.
        let to = &self.words()[first..][..words.len()];
        to.iter().zip(words).for_each(|(to, &word)| to.store(word, Ordering::Release));
    }

    /// Makes room there, once all parts have read what is there and before they read this part's
    /// next words: those they wait for before they ask for others in this place.
    pub fn clear(&self, first: usize, len: usize) {
        self.words()[first..][..len].iter().for_each(|word| word.store(Self::EMPTY, Ordering::Relaxed));
    }

    /// Takes words from there, as soon as they are written.
    pub fn read(&self, first: usize, words: &mut [u64]) {
        for (word, from) in words.iter_mut().zip(&self.words()[first..]) {
            // Each word says for itself whether it is there.
            *word = from.load(Ordering::Acquire);
            let mut asked = 0;
            while *word == Self::EMPTY && !self.is_given_up() {
                wait(&mut asked);
                *word = from.load(Ordering::Acquire);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smallvec::smallvec;
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

    /// Each part adds up what all parts wrote in the phase before, some sooner, some later, on a
    /// board with room for so many phases. All threads come at once, or some late.
    fn sums(threads: usize, parts: usize, slots: usize, at_once: bool) -> Vec<u64> {
        const PHASES: usize = 500;
        let meeting = Meeting::new(threads, if at_once { parts } else { usize::MAX });
        on_threads(threads, || {
            let board = Board::new(slots * parts);
            board.write(0, &vec![1; parts]);
            in_phases(PHASES, (0..parts).collect(), &board, |phase, &mut part| {
                meeting.hold(phase);
                (0..(phase + 3 * part) % 7 * 100).for_each(|_| std::hint::spin_loop());
                let mut words = vec![0; parts];
                board.read(phase % slots * parts, &mut words);
                let sum = words.iter().fold(part as u64 + 1, |sum, &word| sum.wrapping_mul(3).wrapping_add(word));
                if slots <= PHASES {
                    board.clear((phase + 2) % slots * parts + part, 1);
                }
                board.write((phase + 1) % slots * parts + part, &[sum]);
            });
            let mut words = vec![0; parts];
            board.read(PHASES % slots * parts, &mut words);
            words
        })
    }

    #[test]
    fn a_phase_sees_all_of_the_one_before() {
        for parts in [1, 2, 3, 7] {
            let alone = sums(1, parts, 501, true);
            assert!(alone.iter().any(|&sum| sum > 1));
            for (threads, slots, at_once) in
                [2, 3, 8].into_iter().flat_map(|t| [(t, 501, true), (t, 501, false), (t, 3, true), (t, 3, false)])
            {
                let together = sums(threads, parts, slots, at_once);
                assert_eq!(together, alone, "{parts} parts, {threads} threads, {slots} slots");
            }
        }
    }

    #[test]
    fn a_panic_comes_through_and_nobody_waits_for_ever() {
        for (threads, round) in [2, 3, 4].into_iter().flat_map(|threads| (0..20).map(move |round| (threads, round))) {
            let (phase, part) = (round % 5 * 4, round % 4);
            let meeting = Meeting::new(threads, 4);
            let panics = on_threads(threads, || {
                let board = Board::new(18 * 4);
                board.write(0, &[1; 4]);
                let work = |p, &mut q: &mut usize| {
                    meeting.hold(p);
                    board.read(4 * p, &mut [0; 4]);
                    assert!((p, q) != (phase, part), "as asked");
                    board.write(4 * (p + 1) + q, &[1]);
                };
                catch_unwind(AssertUnwindSafe(|| in_phases(17, smallvec![0, 1, 2, 3], &board, work))).is_err()
            });
            assert!(panics, "phase {phase}, part {part}, {threads} threads");
        }
    }
}
