//! Learning beside coding: on another thread where the pool has one.

use std::sync::mpsc::{Receiver, TryRecvError, channel};

use rayon::Yield;

use super::learner::Learner;

/// A learner, at rest or at work.
pub enum Lesson {
    /// At rest.
    Learnt(Box<Learner>),
    /// At work; comes back when done.
    Learning(Receiver<Box<Learner>>),
}

impl Lesson {
    /// A learner at rest.
    pub fn learnt(learner: Learner) -> Self {
        Lesson::Learnt(Box::new(learner))
    }

    /// Starts `work`, once the learner is at rest.
    pub fn start(&mut self, work: impl FnOnce(&mut Learner) + Send + 'static) {
        let (sender, receiver) = channel();
        self.wait();
        let learning = Lesson::Learning(receiver);
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
        if let Lesson::Learning(receiver) = self {
            let learner = loop {
                match receiver.try_recv() {
                    Ok(learner) => break learner,
                    Err(TryRecvError::Disconnected) => unreachable!("a panic of the pool ends the process"),
                    Err(TryRecvError::Empty) => match rayon::yield_now() {
                        Some(Yield::Executed) => {}
                        Some(Yield::Idle) => std::thread::yield_now(),
                        None => break receiver.recv().expect("a panic of the pool ends the process"),
                    },
                }
            };
            *self = Lesson::Learnt(learner);
        }
        match self {
            Lesson::Learnt(learner) => learner,
            Lesson::Learning(..) => unreachable!("it was waited for"),
        }
    }
}
