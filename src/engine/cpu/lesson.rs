//! Learning beside coding: on another thread where the pool has one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use rayon::Yield;

use super::learner::Learner;

/// A learner, at rest or at work.
pub enum Lesson {
    /// At rest.
    Learnt(Box<Learner>),
    /// At work; comes back when done, and sees from [`Learner::helper`] whether a thread waits.
    Learning(Receiver<Box<Learner>>, Arc<AtomicBool>),
}

impl Lesson {
    /// A learner at rest.
    pub fn learnt(learner: Learner) -> Self {
        Lesson::Learnt(Box::new(learner))
    }

    /// Starts `work`, once the learner is at rest.
    pub fn start(&mut self, work: impl FnOnce(&mut Learner) + Send + 'static) {
        let (sender, receiver) = channel();
        let learning = Lesson::Learning(receiver, self.wait().helper.clone());
        if let Lesson::Learnt(mut learner) = std::mem::replace(self, learning) {
            rayon::spawn(move || {
                work(&mut learner);
                // Nobody waits any more where the engine is gone.
                let _ = sender.send(learner);
            });
        }
    }

    /// Waits until the learner is at rest; a thread of the pool helps meanwhile.
    pub fn wait(&mut self) -> &mut Learner {
        if let Lesson::Learning(receiver, helper) = self {
            let learner = loop {
                match receiver.try_recv() {
                    Ok(learner) => break learner,
                    Err(TryRecvError::Disconnected) => unreachable!("a panic of the pool ends the process"),
                    Err(TryRecvError::Empty) => match rayon::yield_now() {
                        Some(Yield::Executed) => helper.store(false, Ordering::Relaxed),
                        Some(Yield::Idle) => {
                            helper.store(true, Ordering::Relaxed);
                            std::thread::yield_now();
                        }
                        None => break receiver.recv().expect("a panic of the pool ends the process"),
                    },
                }
            };
            helper.store(false, Ordering::Relaxed);
            *self = Lesson::Learnt(learner);
        }
        match self {
            Lesson::Learnt(learner) => learner,
            Lesson::Learning(..) => unreachable!("it was waited for"),
        }
    }
}
