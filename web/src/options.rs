//! The options of a job, as one object of JavaScript.

use std::sync::Arc;

use lockstep::{Device, Error, Level, Options, Prior, Transform};
use serde::Deserialize;
use wasm_bindgen::JsValue;

use crate::devices;
use crate::failure::Failure;
use crate::observer::Observer;

/// The most bytes of memory that a job may take by default: WebAssembly has 4 GiB in all.
pub const MEMORY: u64 = 3 << 30;

/// The options that all jobs understand; `lockstep.d.ts` describes them.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JobOptions {
    level: Option<u32>,
    transform: Option<String>,
    block_size: Option<u32>,
    frame_size: Option<u64>,
    length: Option<u64>,
    embed_prior: bool,
    size_limit: Option<u64>,
    passes: Option<u32>,
    device: Option<String>,
    memory_limit: Option<u64>,
    #[serde(with = "serde_bytes")]
    prior: Option<Vec<u8>>,
}

impl JobOptions {
    /// Reads the object that JavaScript gives.
    pub fn read(options: JsValue) -> Result<Self, Failure> {
        if options.is_undefined() {
            return Ok(JobOptions::default());
        }
        serde_wasm_bindgen::from_value(options).map_err(Failure::options)
    }

    /// Returns the core's options, for the CPU.
    pub fn options(&self) -> Result<Options, Failure> {
        let memory = self.memory_limit.unwrap_or(MEMORY);
        let mut options = Options::new().device(Device::Cpu).memory_limit(memory).embed_prior(self.embed_prior);
        if let Some(level) = self.level {
            options = options.level(Level::try_from(level).map_err(Error::from)?);
        }
        options = match self.transform.as_deref() {
            None | Some("auto") => options,
            Some(name) => match Transform::ALL.into_iter().find(|transform| transform.name() == name) {
                Some(transform) => options.transform(Some(transform)),
                None => return Err(Failure::options(format!("no transform is called {name}"))),
            },
        };
        if let Some(bytes) = self.block_size {
            options = options.block_size(bytes);
        }
        if let Some(passes) = self.passes {
            options = options.passes(passes);
        }
        if let Some(prior) = self.prior()? {
            options = options.prior(prior);
        }
        Ok(options.frame_size(self.frame_size).length(self.length).size_limit(self.size_limit))
    }

    /// Reads the prior, if there is one.
    fn prior(&self) -> Result<Option<Arc<Prior>>, Failure> {
        let memory = self.memory_limit.unwrap_or(MEMORY);
        let prior = self.prior.as_ref().map(|bytes| Prior::read(&bytes[..], memory)).transpose();
        Ok(prior.map_err(Error::from)?.map(Arc::new))
    }

    /// Puts in place the device that was chosen, unless none of `methods` has a use for one. A device
    /// that can't be used leads to a warning and to the CPU; one that is not there is an error, if it
    /// was named.
    pub async fn on_device(
        &self,
        options: Options,
        methods: &[&lockstep::Method],
        observer: &Observer,
    ) -> Result<Options, Failure> {
        let name = self.device.as_deref().unwrap_or("auto");
        let choice = match name {
            "cpu" => Device::Cpu,
            "auto" => Device::Auto,
            _ => Device::Gpu,
        };
        if !methods.iter().any(|method| choice.uses_gpu(method)) {
            return Ok(options);
        }
        match devices::open(name).await {
            Ok(Some(gpu)) => Ok(options.device(Device::Open(gpu)).fallback(true)),
            Ok(None) if name == "auto" => Ok(options),
            Ok(None) => Err(Failure::new("noDevice", "this browser has no such WebGPU adapter")),
            Err(reason) => {
                observer.warning(&reason.to_string());
                Ok(options)
            }
        }
    }
}
