//! What a device leaves for the host.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::adapter::OpenDevice;
use crate::engine::EngineError;

/// How long hardware is asked again and again whether it is done: the system takes
/// longer to wake a thread up than a decoder's step takes.
const IMPATIENCE: Duration = Duration::from_micros(300);

/// A buffer that the host can read, and the submission that fills it.
pub struct ReadBack {
    staging: wgpu::Buffer,
    submission: Option<wgpu::SubmissionIndex>,
}

impl ReadBack {
    /// Room for so many bytes.
    pub fn new(device: &wgpu::Device, size: u64) -> Self {
        let staging = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("staging"),
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        ReadBack { staging, submission: None }
    }

    /// Submits `encoder`, and behind it the way of some bytes of `source` to the host.
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

    /// Waits for what was begun, but not for what was submitted later, and hands over its words.
    pub async fn finish(&mut self, open: &OpenDevice, words: &mut [u32]) -> Result<(), EngineError> {
        let bytes = size_of_val(words) as u64;
        let (sender, mut receiver) = futures_channel::oneshot::channel();
        self.staging.map_async(wgpu::MapMode::Read, 0..bytes, move |result| {
            // The receiver is gone only if the read was given up.
            let _ = sender.send(result);
        });
        let asked = Instant::now();
        let mut answer = None;
        while answer.is_none() && !open.software && asked.elapsed() < IMPATIENCE {
            // What goes wrong here does so again below, where it is reported.
            let _ = open.device.poll(wgpu::PollType::Poll);
            answer = receiver.try_recv().ok().flatten();
        }
        let wait = wgpu::PollType::Wait { submission_index: self.submission.take(), timeout: Some(open.patience) };
        let polled = open.device.poll(wait);
        // The first error says most.
        open.check()?;
        polled.map_err(|error| match error {
            wgpu::PollError::Timeout => {
                let seconds = open.patience.as_secs_f64();
                open.lost(format_args!("no answer for {seconds} s, so its driver seems to hang"))
            }
            wgpu::PollError::WrongSubmissionIndex(..) => open.lost("it takes no more work"),
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
