//! Streams: jobs that are given their input chunk by chunk.

use lockstep::asynchronous;
use wasm_bindgen::prelude::*;

use crate::failure::Failure;
use crate::observer::{Observer, Watch};
use crate::options::JobOptions;

/// Compresses chunks; the code of each block that is full is returned.
#[wasm_bindgen]
pub struct Encoder(Option<asynchronous::Encoder>, Watch);

#[wasm_bindgen]
impl Encoder {
    /// Returns an encoder. The network runs on the device that the options name.
    pub async fn open(options: JsValue, observer: Observer) -> Result<Encoder, Failure> {
        let job = JobOptions::read(options)?;
        let options = job.options()?;
        let method = options.planned_method();
        let options = job.on_device(options, &[&method], &observer).await?;
        Ok(Encoder(Some(asynchronous::Encoder::new(&options)?), Watch::new(&observer)))
    }

    /// Takes a chunk; returns a part of the archive, which may be empty.
    pub async fn write(&mut self, chunk: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let (mut archive, Encoder(encoder, watch)) = (Vec::new(), self);
        encoder.as_mut().ok_or_else(ended)?.write(&chunk, &mut archive, watch).await?;
        Ok(archive)
    }

    /// Ends the archive; returns the rest of it.
    pub async fn finish(&mut self) -> Result<Vec<u8>, Failure> {
        let (mut archive, Encoder(encoder, watch)) = (Vec::new(), self);
        encoder.take().ok_or_else(ended)?.finish(&mut archive, watch).await?;
        watch.finish();
        Ok(archive)
    }
}

/// Decompresses chunks of an archive; the content of each block that is whole is returned.
#[wasm_bindgen]
pub struct Decoder(Option<asynchronous::Decoder>, Watch);

#[wasm_bindgen]
impl Decoder {
    /// Returns a decoder. It runs on the CPU, as the archive's model is not known yet.
    pub fn open(options: JsValue, observer: Observer) -> Result<Decoder, Failure> {
        let options = JobOptions::read(options)?.options()?;
        Ok(Decoder(Some(asynchronous::Decoder::new(&options)), Watch::new(&observer)))
    }

    /// Takes a chunk; returns a part of the content, which may be empty.
    pub async fn write(&mut self, chunk: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let (mut content, Decoder(decoder, watch)) = (Vec::new(), self);
        decoder.as_mut().ok_or_else(ended)?.write(&chunk, &mut content, watch).await?;
        Ok(content)
    }

    /// Ends the archive; returns the rest of the content.
    pub async fn finish(&mut self) -> Result<Vec<u8>, Failure> {
        let (mut content, Decoder(decoder, watch)) = (Vec::new(), self);
        decoder.take().ok_or_else(ended)?.finish(&mut content, watch).await?;
        watch.finish();
        Ok(content)
    }
}

fn ended() -> Failure {
    Failure::new("other", "this stream has ended")
}
