//! Buffers that the host reads results from.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::adapter::OpenDevice;
use crate::engine::EngineError;

/// How long the host polls hardware before its thread sleeps: the system takes longer to
/// wake a thread up than a decoder's step takes.
const POLLING: Duration = Duration::from_micros(300);

/// A buffer that the host can read, and the submission that fills it.
pub struct ReadBack {
    staging: wgpu::Buffer,
    submission: Option<wgpu::SubmissionIndex>,
}

impl ReadBack {
    /// Creates a buffer of `size` bytes.
    pub fn new(device: &wgpu::Device, size: u64) -> Self {
        let staging = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("staging"),
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        ReadBack { staging, submission: None }
    }

    /// Submits `encoder`, and after it the copy of some bytes of `source` to the host.
    pub fn begin(
        &mut self,
        open: &OpenDevice,
        mut encoder: wgpu::CommandEncoder,
        source: &wgpu::Buffer,
        bytes: Range<u64>,
    ) {
        encoder.copy_buffer_to_buffer(source, bytes.start, &self.staging, 0, bytes.end - bytes.start);
        self.submission = Some(open.queue.submit([encoder.finish()]));
    }

    /// Waits for the copy, but not for later submissions, and writes it to `words`.
    pub async fn finish(&mut self, open: &OpenDevice, words: &mut [u32]) -> Result<(), EngineError> {
        let bytes = size_of_val(words) as u64;
        let (sender, mut receiver) = futures_channel::oneshot::channel();
        self.staging.map_async(wgpu::MapMode::Read, 0..bytes, move |result| {
            // The receiver is dropped only if the caller gave up.
            let _ = sender.send(result);
        });
        // A browser polls by itself, and its WebAssembly has no such clock.
        let polls = !open.software && cfg!(not(target_family = "wasm"));
        let start = polls.then(Instant::now);
        let mut answer = None;
        while answer.is_none() && start.is_some_and(|start| start.elapsed() < POLLING) {
            // The poll below reports an error again.
            let _ = open.device.poll(wgpu::PollType::Poll);
            answer = receiver.try_recv().ok().flatten();
        }
        let wait = wgpu::PollType::Wait { submission_index: self.submission.take(), timeout: Some(open.timeout) };
        let polled = open.device.poll(wait);
        // The first error is the cause of the others.
        open.check()?;
        polled.map_err(|error| match error {
            wgpu::PollError::Timeout => {
                let seconds = open.timeout.as_secs_f64();
                open.lost(format_args!("no answer for {seconds} s, so its driver seems to hang"))
            }
            wgpu::PollError::WrongSubmissionIndex(..) => open.lost("it accepts no more work"),
        })?;
        let answer = match answer {
            Some(answer) => answer,
            None => receiver.await.map_err(|e| open.lost(e))?,
        };
        answer.map_err(|e| open.lost(e))?;
        {
            let view = self.staging.get_mapped_range(0..bytes).map_err(|e| open.lost(e))?;
            bytemuck::cast_slice_mut::<u32, u8>(words).copy_from_slice(&view);
        }
        self.staging.unmap();
        Ok(())
    }
}
