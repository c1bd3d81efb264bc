//! Tasks in phases that are too short to be tasks of the thread pool: a thread that joins stays for
//! all remaining phases and, rather than sleep, polls until the words that it needs are written.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};

use smallvec::SmallVec;

use super::board::Board;
use crate::crew::wait;

/// The tasks of a call; the list of a single task needs no memory from the system.
pub type Tasks<T> = SmallVec<[T; 1]>;

/// Calls `work` with the number of each phase and each task, the phases of a task in their order.
/// A phase finds what it needs of other tasks on the board, and may read only what earlier phases
/// wrote there. Which thread runs a task changes no result.
///
/// `work` must not call rayon: there, a thread that waits may start another job while it holds a
/// task that others wait for.
pub fn in_phases<T: Send>(phases: usize, mut tasks: Tasks<T>, board: &Board, work: impl Fn(usize, &mut T) + Sync) {
    let threads = rayon::current_num_threads().min(tasks.len());
    if threads < 2 {
        return (0..phases).for_each(|phase| tasks.iter_mut().for_each(|task| work(phase, task)));
    }
    let team = Team { phases, tasks: tasks.into_iter().map(Slot::new).collect(), owners: 0.into(), board, work };
    rayon::in_place_scope(|scope| {
        let team = &team;
        (1..threads).for_each(|_| scope.spawn(|_| team.join()));
        team.join();
    });
}

/// A task with its lock. Aligned to two cache lines, as processors fetch lines in pairs: threads
/// that write to different slots do not disturb each other.
#[repr(align(128))]
struct Slot<T> {
    has_owner: AtomicBool,
    /// The owner holds the lock to the end; other threads only until the task has caught up with
    /// their own.
    progress: Mutex<Progress<T>>,
}

struct Progress<T> {
    /// The next phase.
    phase: usize,
    task: T,
}

impl<T> Slot<T> {
    fn new(task: T) -> Self {
        Slot { has_owner: false.into(), progress: Progress { phase: 0, task }.into() }
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Progress<T>>> {
        match self.progress.try_lock() {
            Ok(progress) => Some(progress),
            Err(TryLockError::Poisoned(progress)) => Some(progress.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// The threads that run one call's tasks.
struct Team<'a, T, W> {
    phases: usize,
    tasks: Vec<Slot<T>>,
    /// The number of threads at work, each the owner of a task.
    owners: AtomicUsize,
    board: &'a Board,
    work: W,
}

impl<T: Send, W: Fn(usize, &mut T) + Sync> Team<'_, T, W> {
    /// Works until all phases of this thread's own task are done.
    fn join(&self) {
        let own = self.claim_task();
        let mut attempts = 0;
        let mut progress = loop {
            match self.tasks[own].try_lock() {
                Some(progress) => break progress,
                None => wait(&mut attempts),
            }
        };
        self.owners.fetch_add(1, Ordering::Relaxed);
        loop {
            if progress.phase < self.phases {
                self.run_phase(&mut progress);
            }
            if self.owners.load(Ordering::Relaxed) < self.tasks.len() {
                (1..self.tasks.len()).for_each(|i| self.advance(progress.phase, (own + i) % self.tasks.len()));
            }
            if progress.phase == self.phases || self.board.is_abandoned() {
                break;
            }
        }
    }

    /// Makes this thread the owner of a task: if possible the same one in call after call, because
    /// that task's memory is in the thread's cache.
    fn claim_task(&self) -> usize {
        let thread = rayon::current_thread_index().unwrap_or(0);
        let first = thread * self.tasks.len() / rayon::current_num_threads();
        let mut tasks = (first..self.tasks.len()).chain(0..first);
        let own = tasks.find(|&task| !self.tasks[task].has_owner.swap(true, Ordering::Relaxed));
        own.expect("there are no more threads than tasks")
    }

    /// Runs the phases of a task without an owner up to `phase`.
    fn advance(&self, phase: usize, task: usize) {
        let slot = &self.tasks[task];
        if slot.has_owner.load(Ordering::Relaxed) {
            return;
        }
        // If another thread has the lock, it advances the task.
        let Some(mut progress) = slot.try_lock() else { return };
        while progress.phase < phase {
            self.run_phase(&mut progress);
        }
    }

    fn run_phase(&self, progress: &mut Progress<T>) {
        let on_panic = AbandonOnDrop(self.board);
        (self.work)(progress.phase, &mut progress.task);
        std::mem::forget(on_panic);
        progress.phase += 1;
    }
}

/// Ends the waiting for words that a panic keeps from being written.
struct AbandonOnDrop<'a>(&'a Board);

impl Drop for AbandonOnDrop<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::on_threads;
    use smallvec::smallvec;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Barrier;

    /// A word that these tests never write.
    const EMPTY: u64 = u64::MAX;

    /// Holds the first phase back until each task has a thread of its own.
    struct Meeting(Option<Barrier>);

    impl Meeting {
        fn new(threads: usize, tasks: usize) -> Self {
            Meeting((tasks <= threads).then(|| Barrier::new(tasks)))
        }

        fn hold(&self, phase: usize) {
            self.0.iter().filter(|_| phase == 0).for_each(|barrier| _ = barrier.wait());
        }
    }

    /// Each task adds up what all tasks wrote in the phase before, some sooner, some later, on a
    /// board with room for `slots` phases. All threads start together, or some of them late.
    fn sums(threads: usize, tasks: usize, slots: usize, at_once: bool) -> Vec<u64> {
        const PHASES: usize = 500;
        let meeting = Meeting::new(threads, if at_once { tasks } else { usize::MAX });
        on_threads(threads, || {
            let board = Board::new(slots * tasks, EMPTY);
            board.write(0, &vec![1; tasks]);
            in_phases(PHASES, (0..tasks).collect(), &board, |phase, &mut task| {
                meeting.hold(phase);
                (0..(phase + 3 * task) % 7 * 100).for_each(|_| std::hint::spin_loop());
                let mut words = vec![0; tasks];
                board.read(phase % slots * tasks, &mut words);
                let sum = words.iter().fold(task as u64 + 1, |sum, &word| sum.wrapping_mul(3).wrapping_add(word));
                if slots <= PHASES {
                    board.clear((phase + 2) % slots * tasks + task, 1);
                }
                board.write((phase + 1) % slots * tasks + task, &[sum]);
            });
            let mut words = vec![0; tasks];
            board.read(PHASES % slots * tasks, &mut words);
            words
        })
    }

    #[test]
    #[cfg_attr(target_family = "wasm", ignore = "needs threads")]
    fn a_phase_sees_all_of_the_one_before() {
        for tasks in [1, 2, 3, 7] {
            let alone = sums(1, tasks, 501, true);
            assert!(alone.iter().any(|&sum| sum > 1));
            for (threads, slots, at_once) in
                [2, 3, 8].into_iter().flat_map(|t| [(t, 501, true), (t, 501, false), (t, 3, true), (t, 3, false)])
            {
                let together = sums(threads, tasks, slots, at_once);
                assert_eq!(together, alone, "{tasks} tasks, {threads} threads, {slots} slots");
            }
        }
    }

    #[test]
    #[cfg_attr(target_family = "wasm", ignore = "needs threads")]
    fn a_panic_is_passed_on_and_no_thread_waits_for_ever() {
        for (threads, round) in [2, 3, 4].into_iter().flat_map(|threads| (0..20).map(move |round| (threads, round))) {
            let (phase, task) = (round % 5 * 4, round % 4);
            let meeting = Meeting::new(threads, 4);
            let panics = on_threads(threads, || {
                let board = Board::new(18 * 4, EMPTY);
                board.write(0, &[1; 4]);
                let work = |p, &mut q: &mut usize| {
                    meeting.hold(p);
                    board.read(4 * p, &mut [0; 4]);
                    assert!((p, q) != (phase, task), "this panic is part of the test");
                    board.write(4 * (p + 1) + q, &[1]);
                };
                catch_unwind(AssertUnwindSafe(|| in_phases(17, smallvec![0, 1, 2, 3], &board, work))).is_err()
            });
            assert!(panics, "phase {phase}, task {task}, {threads} threads");
        }
    }
}
