//! A frame, coded block by block: the state machine that both directions share.
//!
//! The model is opened when the first block needs it. A block then starts, or continues from a
//! checkpoint, runs segment by segment, and ends with what was learned from it, which is accepted
//! or forgotten. Between two segments the monitor may cancel the run or have its state saved.
//! Where a device fails and there is a fallback, the block begins again on the CPU.

use std::io::Read;
use std::sync::Arc;

use super::block::Coding;
use super::checkpoint::Position;
use super::model::{FrameModel, Learned};
use super::monitor::{Monitor, Next, Progress};
use super::predictor::Predictor;
use crate::Error;
use crate::archive::Header;
use crate::engine::{Device, EngineInfo};
use crate::prior::Prior;

/// A block's place in its job.
pub struct JobSpan {
    /// Raw bytes of the job before the block.
    pub raw: u64,
    /// Bytes of the archive before the block.
    pub coded: u64,
    /// The position that a checkpoint records, if there are checkpoints.
    pub position: Option<Position>,
}

/// The coding of a frame.
pub struct FrameCoder {
    header: Header,
    device: Device,
    fallback: bool,
    prior: Option<Arc<Prior>>,
    model: Option<FrameModel>,
    /// The saved state of the block to continue with.
    resumed: Option<Box<dyn Read + Send>>,
}

impl FrameCoder {
    /// A frame of which no block is coded yet. A prior must fit the header's method.
    pub fn new(header: Header, prior: Option<Arc<Prior>>, device: Device, fallback: bool) -> Self {
        FrameCoder { header, device, fallback, prior, model: None, resumed: None }
    }

    /// Has the next block continue from a saved state.
    pub fn resume(&mut self, state: Box<dyn Read + Send>) {
        self.resumed = Some(state);
    }

    /// The frame's header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the model, opened at the first call.
    async fn model(&mut self, monitor: &mut dyn Monitor) -> Result<&mut FrameModel, Error> {
        let FrameCoder { header, device, fallback, prior, model, .. } = self;
        match model {
            Some(model) => Ok(model),
            none => {
                let model = FrameModel::open(device, *fallback, header, prior.clone(), monitor).await?;
                Ok(none.insert(model))
            }
        }
    }

    /// Returns the predictors, opened at the first call.
    pub async fn predictor(&mut self, monitor: &mut dyn Monitor) -> Result<&Predictor, Error> {
        Ok(&self.model(monitor).await?.predictor)
    }

    /// Begins a block, or continues it from a checkpoint.
    pub async fn begin(&mut self, block: &mut impl Coding, monitor: &mut dyn Monitor) -> Result<(), Error> {
        let resumed = self.resumed.take();
        let model = self.model(monitor).await?;
        match resumed {
            Some(mut state) => model.resume(block, &mut state, monitor).await,
            None => model.start(block, monitor).await,
        }
    }

    /// Runs a block that has begun to its end.
    pub async fn run(
        &mut self,
        block: &mut impl Coding,
        job: &JobSpan,
        monitor: &mut dyn Monitor,
    ) -> Result<(), Error> {
        while !block.is_done() {
            block.record(monitor.wants_prediction());
            match self.save_and_step(block, job, monitor).await {
                Ok(()) => {}
                Err(error @ Error::Device(_)) => {
                    self.fall_back(block, error, monitor).await?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            if let Some(prediction) = block.recorded() {
                monitor.prediction(&prediction);
            }
            let (raw, coded) = block.progress();
            if monitor.progress(Progress::new(job.raw + raw, job.coded + coded)).is_break() {
                return Err(Error::Cancelled);
            }
        }
        Ok(())
    }

    /// Saves the state if the monitor asks for it, and codes a segment. A device may fail in both.
    async fn save_and_step(
        &mut self,
        block: &mut impl Coding,
        job: &JobSpan,
        monitor: &mut dyn Monitor,
    ) -> Result<(), Error> {
        self.save_if_asked(block, job, monitor).await?;
        let model = self.model(monitor).await?;
        Ok(block.segment(&mut model.predictor).await?)
    }

    /// Runs a block to its end and returns what was learned from it, to be accepted or forgotten.
    pub async fn run_and_learn(
        &mut self,
        block: &mut impl Coding,
        job: &JobSpan,
        monitor: &mut dyn Monitor,
    ) -> Result<Learned, Error> {
        loop {
            self.run(block, job, monitor).await?;
            match self.model(monitor).await?.learned().await {
                Ok(learned) => return Ok(learned),
                Err(error) => self.fall_back(block, Error::Device(error), monitor).await?,
            }
        }
    }

    /// Has a block begin again on the CPU after an error; returns the error if it can't.
    pub async fn fall_back(
        &mut self,
        block: &mut impl Coding,
        error: Error,
        monitor: &mut dyn Monitor,
    ) -> Result<(), Error> {
        let model = self.model(monitor).await?;
        if model.fall_back(block, &error, monitor).await? { Ok(()) } else { Err(error) }
    }

    /// Saves the state if the monitor asks for it.
    async fn save_if_asked(
        &mut self,
        block: &mut impl Coding,
        job: &JobSpan,
        monitor: &mut dyn Monitor,
    ) -> Result<(), Error> {
        let Some(position) = &job.position else { return Ok(()) };
        let Some(checkpoints) = monitor.checkpoints() else { return Ok(()) };
        let next = checkpoints.next();
        if next == Next::Continue {
            return Ok(());
        }
        let Some(model) = &mut self.model else { return Ok(()) };
        let state = checkpoints.begin().map_err(Error::Checkpoint)?;
        position.write(state).map_err(Error::Checkpoint)?;
        model.save(block, state).await?;
        checkpoints.commit(position.output).map_err(Error::Checkpoint)?;
        if next == Next::SaveAndStop { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Keeps what was learned from a block.
    pub fn accept(&mut self, learned: Learned) {
        if let Some(model) = &mut self.model {
            model.accept(learned);
        }
    }

    /// Forgets what was learned from a block that is stored.
    pub async fn forget_block(&mut self, monitor: &mut dyn Monitor) -> Result<(), Error> {
        match &mut self.model {
            Some(model) => Ok(model.forget_block(monitor).await?),
            None => Ok(()),
        }
    }

    /// Passes over a stored block: the mixing stage returns to the frame's start, as it does in
    /// the encoder.
    pub fn skip_stored_block(&mut self) {
        if let Some(model) = &mut self.model {
            model.predictor.reset_mixing();
        }
    }

    /// Returns the error for an intact block that decoded to something else.
    pub async fn wrong_block(&mut self, block: usize, monitor: &mut dyn Monitor) -> Result<Error, Error> {
        Ok(self.predictor(monitor).await?.wrong_block(block))
    }

    /// Ends the frame: hands the model to a monitor that wants it. Returns what the model ran on,
    /// if it was needed; `raw_len` is the number of raw bytes of the frame.
    pub async fn finish(mut self, raw_len: u64, monitor: &mut dyn Monitor) -> Result<Option<EngineInfo>, Error> {
        let engine = self.model.as_ref().map(|model| model.predictor.info());
        if monitor.wants_model() {
            self.model(monitor).await?;
            if let Some(model) = self.model {
                monitor.model(model.predictor.into_prior(self.header.method, raw_len).await?);
            }
        }
        Ok(engine)
    }
}
