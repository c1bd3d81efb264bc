//! Threads that share the tasks of loops too short for the thread pool: they stay for many loops and poll for the
//! next one rather than sleep.
//!
//! The borrow checker sees each loop as an ordinary call. What it can't see is that no helper touches a task after
//! the call has returned; this module vouches for it, in `unsafe` code, because a loop of some microseconds leaves
//! no time for a lock or an allocation a task.

use std::hint::spin_loop;
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize};
use std::thread;

/// The largest number of tasks in a loop.
const MOST_TASKS: usize = TASKS as usize;
/// The bits of a ticket that count tasks.
const TASKS: u64 = (1 << 16) - 1;

/// The threads of a crew: the one that leads, and helpers.
pub struct Crew<'a> {
    board: &'a Board,
    threads: usize,
}

/// What the threads of a crew share.
#[derive(Default)]
struct Board {
    /// The number of the current loop, and in the low 16 bits the number of its tasks that no thread has taken.
    ticket: AtomicU64,
    /// The current loop, valid while a task of it is taken and not done.
    current: AtomicPtr<Loop<'static>>,
    /// Tasks of the current loop that are done.
    done: AtomicUsize,
    /// True if a task panicked.
    panicked: AtomicBool,
    /// True if there will be no more loops.
    ended: AtomicBool,
}

/// A loop: runs a task, given the number of tasks that were left when it was taken.
struct Loop<'a>(&'a (dyn Fn(usize) + Sync));

/// Runs `lead` with a crew of the threads of the current pool. A thread joins when it has nothing else to do.
///
/// Without more threads than one, `lead` runs all tasks alone.
pub fn with_crew<R>(lead: impl FnOnce(&mut Crew<'_>) -> R) -> R {
    let threads = if cfg!(target_family = "wasm") { 1 } else { rayon::current_num_threads() };
    let board = Board::default();
    let mut crew = Crew { board: &board, threads };
    if threads == 1 {
        return lead(&mut crew);
    }
    rayon::in_place_scope(|scope| {
        let _end = EndOnDrop(&board);
        (1..threads).for_each(|_| scope.spawn(|_| board.help()));
        lead(&mut crew)
    })
}

impl Crew<'_> {
    /// The number of threads, helpers that have not joined yet included.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Calls `work` for each task, at most 65,535, on whichever thread takes it, the first ones first; returns when all
    /// are done.
    #[allow(unsafe_code, reason = "threads share tasks that are mutably borrowed")]
    pub fn for_each<T: Send>(&mut self, tasks: &mut [T], work: impl Fn(&mut T) + Sync) {
        // WebAssembly has no threads: without the code for them the module is smaller.
        if cfg!(target_family = "wasm") || self.threads == 1 || tasks.len() < 2 {
            return tasks.iter_mut().for_each(work);
        }
        assert!(tasks.len() <= MOST_TASKS);
        let (first, len) = (AtomicPtr::new(tasks.as_mut_ptr()), tasks.len());
        let run = |left: usize| {
            // SAFETY: `Board::take` gives each number from 1 to `len` to one thread, once, while `tasks` is borrowed
            // by this call; `T: Send` lets that thread use it.
            work(unsafe { &mut *first.load(Relaxed).add(len - left) });
        };
        self.board.run(len, &Loop(&run));
    }
}

impl Board {
    /// Runs the tasks of a loop. When it returns, or unwinds, no thread uses the loop any more.
    fn run(&self, len: usize, current: &Loop<'_>) {
        self.done.store(0, Relaxed);
        self.current.store(ptr::from_ref(current).cast_mut().cast(), Relaxed);
        let number = (self.ticket.load(Relaxed) & !TASKS).wrapping_add(TASKS + 1);
        // Release: a thread that takes a task sees the loop and all that was written before it.
        self.ticket.store(number | len as u64, Release);
        let all_done = WaitOnDrop { board: self, len };
        while self.take() {}
        drop(all_done);
        assert!(!self.panicked.load(Relaxed), "a task on another thread panicked");
    }

    /// Takes part in all loops until the last one has ended.
    fn help(&self) {
        let mut attempts = 0;
        while !self.ended.load(Acquire) {
            if self.take() {
                attempts = 0;
            } else {
                wait(&mut attempts);
            }
        }
    }

    /// Takes a task of the current loop and runs it; returns false if none is left.
    #[allow(unsafe_code, reason = "the loop outlives its tasks, but no lifetime says so")]
    fn take(&self) -> bool {
        let ticket = self.ticket.load(Acquire);
        let left = ticket & TASKS;
        if left == 0 {
            return false;
        }
        let current = self.current.load(Relaxed);
        // If the ticket is still the same, so is the loop, and it can't end before this task is done.
        if self.ticket.compare_exchange(ticket, ticket - 1, AcqRel, Relaxed).is_ok() {
            let done = DoneOnDrop(self);
            // SAFETY: `run` has stored the pointer before the ticket, and returns only when this task is done.
            let body = unsafe { &*current };
            (body.0)(left as usize);
            drop(done);
        }
        true
    }
}

/// Counts a task as done, also when it panics.
struct DoneOnDrop<'a>(&'a Board);

impl Drop for DoneOnDrop<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.panicked.store(true, Relaxed);
        }
        // Release: whoever counts the task sees what it has written.
        self.0.done.fetch_add(1, Release);
    }
}

/// Waits until no thread uses the loop. Tasks that nobody has taken are dropped: there are some only after a panic.
struct WaitOnDrop<'a> {
    board: &'a Board,
    len: usize,
}

impl Drop for WaitOnDrop<'_> {
    fn drop(&mut self) {
        let left = self.board.ticket.fetch_and(!TASKS, AcqRel) & TASKS;
        let mut attempts = 0;
        while self.board.done.load(Acquire) + (left as usize) < self.len {
            wait(&mut attempts);
        }
    }
}

/// Tells helpers that no loop follows.
struct EndOnDrop<'a>(&'a Board);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Release);
    }
}

/// Waits a short time; after many attempts, lets other threads have the processor.
pub fn wait(attempts: &mut usize) {
    /// Attempts without giving the processor away.
    const SPINS: usize = 1000;
    *attempts += 1;
    if *attempts < SPINS { spin_loop() } else { thread::yield_now() }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::numerics::generator::random_u64;
    use crate::pool::on_threads;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// Like [`with_crew`], but with threads of its own: a thread sanitizer does not understand how those of the pool
    /// wait for each other.
    pub fn with_own_threads<R>(threads: usize, lead: impl FnOnce(&mut Crew<'_>) -> R) -> R {
        let board = Board::default();
        thread::scope(|scope| {
            let end = EndOnDrop(&board);
            let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(|| board.help())).collect();
            let result = lead(&mut Crew { board: &board, threads });
            drop(end);
            helpers.into_iter().for_each(|helper| helper.join().unwrap());
            result
        })
    }

    /// Loops of random lengths, whose tasks take random times, over two lists that read each other.
    fn rounds(crew: &mut Crew<'_>, seed: u64) -> Vec<u64> {
        let (mut ones, mut others) = (vec![1u64; 40], vec![2u64; 30]);
        for round in 0..400 {
            let dawdle = |i: u64| {
                let random = random_u64(seed, i ^ round << 8);
                match random % 16 {
                    0 => thread::yield_now(),
                    n => (0..n * 20).for_each(|_| spin_loop()),
                }
            };
            let len = random_u64(7, round) as usize % 41;
            crew.for_each(&mut ones[..len], |one| {
                dawdle(*one & 255);
                *one = others.iter().fold(*one, |sum, other| sum.wrapping_mul(5).wrapping_add(*other));
            });
            crew.for_each(&mut others, |other| {
                dawdle(*other & 255);
                *other = ones.iter().fold(*other, |sum, one| sum.wrapping_mul(3) ^ one);
            });
        }
        ones.extend(others);
        ones
    }

    #[test]
    fn a_loop_sees_all_of_the_loop_before_on_any_number_of_threads() {
        let of_pool = |threads, seed| on_threads(threads, || with_crew(|crew| rounds(crew, seed)));
        let alone = of_pool(1, 0);
        for (threads, seed) in [2, 3, 8].into_iter().flat_map(|threads| (0..4).map(move |seed| (threads, seed))) {
            assert!(of_pool(threads, seed) == alone, "{threads} threads, seed {seed}");
        }
    }

    #[test]
    #[cfg_attr(target_family = "wasm", ignore = "needs threads")]
    fn a_loop_sees_all_of_the_loop_before_on_threads_of_its_own() {
        let alone = with_own_threads(1, |crew| rounds(crew, 0));
        for (threads, seed) in [2, 3, 8].into_iter().flat_map(|threads| (0..4).map(move |seed| (threads, seed))) {
            let together = with_own_threads(threads, |crew| rounds(crew, seed));
            assert!(together == alone, "{threads} threads, seed {seed}");
        }
    }

    #[test]
    #[cfg_attr(target_family = "wasm", ignore = "needs threads")]
    fn a_panic_reaches_the_leader_and_no_thread_waits_for_ever() {
        for (threads, task) in [1, 2, 4].into_iter().flat_map(|threads| (0..20).map(move |task| (threads, task))) {
            let mut counts = [0; 20];
            let panics = on_threads(threads, || {
                let lead = |crew: &mut Crew<'_>| {
                    let mut tasks: Vec<_> = counts.iter_mut().enumerate().collect();
                    for _ in 0..50 {
                        crew.for_each(&mut tasks, |(_, count)| **count += 1);
                    }
                    crew.for_each(&mut tasks, |(i, count)| {
                        assert!(*i != task, "this panic is part of the test");
                        **count += 100;
                    });
                };
                catch_unwind(AssertUnwindSafe(|| with_crew(lead))).is_err()
            });
            assert!(panics && counts[task] == 50 && counts.iter().all(|count| [50, 150].contains(count)));
        }
    }
}
