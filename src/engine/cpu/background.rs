//! Training in the background: on another thread where the pool has one.

use std::sync::mpsc::{Receiver, TryRecvError, channel};

use rayon::Yield;

use super::training::TrainingState;

/// A training state, idle or in use by a thread of the pool.
pub enum BackgroundTraining {
    /// No training is running.
    Idle(Box<TrainingState>),
    /// Training is running; the receiver gets the state back at the end.
    Running(Receiver<Box<TrainingState>>),
}

impl BackgroundTraining {
    /// An idle training state.
    pub fn idle(state: TrainingState) -> Self {
        BackgroundTraining::Idle(Box::new(state))
    }

    /// Starts `work`, after the work before it has ended.
    pub fn start(&mut self, work: impl FnOnce(&mut TrainingState) + Send + 'static) {
        let (sender, receiver) = channel();
        self.wait();
        let running = BackgroundTraining::Running(receiver);
        if let BackgroundTraining::Idle(mut state) = std::mem::replace(self, running) {
            rayon::spawn(move || {
                work(&mut state);
                // Fails if the engine was dropped meanwhile: then the state is not needed.
                let _ = sender.send(state);
            });
        }
    }

    /// Waits until training is idle; a thread of the pool runs other jobs meanwhile.
    pub fn wait(&mut self) -> &mut TrainingState {
        if let BackgroundTraining::Running(receiver) = self {
            let state = loop {
                match receiver.try_recv() {
                    Ok(state) => break state,
                    Err(TryRecvError::Disconnected) => unreachable!("a panic in the pool ends the process"),
                    Err(TryRecvError::Empty) => match rayon::yield_now() {
                        Some(Yield::Executed) => {}
                        Some(Yield::Idle) => std::thread::yield_now(),
                        None => break receiver.recv().expect("a panic in the pool ends the process"),
                    },
                }
            };
            *self = BackgroundTraining::Idle(state);
        }
        match self {
            BackgroundTraining::Idle(state) => state,
            BackgroundTraining::Running(..) => unreachable!("training has ended"),
        }
    }
}
