//! The measurements of `lockstep bench`, as a table and as JSON.

use std::io::{self, Write};

use lockstep::Level;
use lockstep::internals::bench::Spread;
use lockstep::internals::bench::coding::CodingSpeed;
use lockstep::internals::bench::cpu::{CpuSpeed, Product, ProductSpeed};
use lockstep::internals::bench::gpu::KernelSpeed;
use lockstep::internals::bench::step::StepTimes;
use lockstep::internals::model::ModelConfig;
use serde_json::{Value, json};

/// All measurements of a run.
pub struct Report {
    pub level: Level,
    pub config: ModelConfig,
    pub cpu: CpuSpeed,
    pub gpu: Option<Vec<KernelSpeed>>,
    pub step: StepTimes,
    pub one_thread: Spread,
    /// Only where the level has a network.
    pub product_share: Option<f64>,
    pub coding: Vec<(Level, CodingSpeed)>,
    pub peak_memory: Option<u64>,
}

impl Report {
    /// Writes the report as a table.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let ModelConfig { layers, units, embedding, streams, segment, .. } = self.config;
        let engine = self.coding.first().map_or(String::new(), |(_, coding)| coding.engine.to_string());
        let unused = if self.product_share.is_none() { " (which this level's mixing goes without)" } else { "" };
        writeln!(out, "level {}: {layers} x {units} units, embedding {embedding}{unused}", self.level)?;
        writeln!(out, "{streams} streams, segments of {segment} steps; on {engine}")?;
        writeln!(out, "median (least to most)\n")?;

        let giga = |spread: Spread| show(spread, 1e-9, 1);
        writeln!(out, "Products a second, in 10^9; vectors: {}", self.cpu.vectors)?;
        let cores = [
            ("one core's peak, 16 bits", self.cpu.peak_i16),
            ("one core's peak, 8 bits", self.cpu.peak_i8),
            ("one core, f32 of ndarray", Some(self.cpu.f32_product)),
        ];
        for (name, speed) in cores.into_iter().filter_map(|(name, speed)| Some((name, speed?))) {
            writeln!(out, "  {name:<28}{}", giga(speed))?;
        }
        let threads = self.cpu.threads;
        for product in &self.cpu.products {
            let of = format!("{}{}", if product.replay { "replay, " } else { "" }, product.product.name());
            let name = format!("cpu {of}, 1 thread");
            let share = self.share(product).map_or(String::new(), |s| format!("   {:.0} % of peak", 100.0 * s));
            writeln!(out, "  {name:<28}{}{share}", giga(product.one_thread))?;
            let name = format!("cpu {of}, {threads} threads");
            writeln!(out, "  {name:<28}{}   {:.2} x 1 thread", giga(product.all_threads), product.speedup)?;
        }
        for kernel in self.gpu.iter().flatten() {
            let Some(rate) = kernel.rate else { continue };
            let peer = 100.0 * rate.median / self.cpu.f32_product.median;
            writeln!(out, "  {:<28}{}   {peer:.0} % of f32", format!("gpu {}", kernel.kernel), giga(rate))?;
        }

        let micro = |spread: Spread| show(spread, 1e6, 1);
        if let Some(kernels) = &self.gpu {
            writeln!(out, "\nKernels of a segment, in us")?;
            for kernel in kernels {
                writeln!(out, "  {:<28}{}", kernel.kernel, micro(kernel.time))?;
            }
        }

        writeln!(out, "\nA decoder's step of all streams, in us")?;
        writeln!(out, "  {:<28}{}", "engine", micro(self.step.engine))?;
        let names = ["  upload, waited for", "  kernels, waited for", "  read-back, waited for"];
        for (name, &time) in names.iter().zip(self.step.device.iter().flatten()) {
            writeln!(out, "  {name:<28}{}", micro(time))?;
        }
        writeln!(out, "  {:<28}{}", "coding on the host", micro(self.step.coding))?;
        if self.step.device.is_some() {
            let StepTimes { dispatches_per_step, dispatches_per_segment, .. } = self.step;
            writeln!(
                out,
                "  {dispatches_per_step} dispatches a step, {dispatches_per_segment} to learn from a segment"
            )?;
        }

        let kilo = |spread: Spread| show(spread, 1e-3, 1);
        writeln!(out, "\nWhole blocks, in kB/s")?;
        for (level, speed) in &self.coding {
            let CodingSpeed { raw, coded, encode, decode, .. } = speed;
            let (encode, decode) = (kilo(*encode), kilo(*decode));
            writeln!(out, "  -{level}  encode {encode}   decode {decode}   {raw} => {coded} bytes")?;
        }
        let share = self.product_share.map_or(String::new(), |s| format!(", {:.0} % of it products", 100.0 * s));
        writeln!(out, "  -{}  encode on 1 CPU thread {}{share}", self.level, kilo(self.one_thread))?;
        match self.peak_memory {
            Some(bytes) => writeln!(out, "\nMost memory held: {} MiB", bytes >> 20),
            None => Ok(()),
        }
    }

    /// Returns the report as JSON.
    pub fn json(&self) -> Value {
        let products = self.cpu.products.iter().map(|product| {
            json!({
                "product": product.product.name(),
                "replay": product.replay,
                "one_thread": spread(product.one_thread),
                "share_of_peak": self.share(product),
                "all_threads": spread(product.all_threads),
                "speedup": product.speedup,
            })
        });
        let kernels = self.gpu.as_ref().map(|kernels| {
            let kernel =
                |k: &KernelSpeed| json!({ "kernel": k.kernel, "seconds": spread(k.time), "rate": k.rate.map(spread) });
            kernels.iter().map(kernel).collect::<Vec<_>>()
        });
        let coding = self.coding.iter().map(|(level, c)| {
            let (encode, decode) = (spread(c.encode), spread(c.decode));
            json!({ "level": level.number(), "raw": c.raw, "coded": c.coded, "encode": encode, "decode": decode })
        });
        let device = self.step.device.map(|[upload, kernels, read_back]| {
            json!({ "upload": spread(upload), "kernels": spread(kernels), "read_back": spread(read_back) })
        });
        let ModelConfig { layers, units, embedding, streams, segment, .. } = self.config;
        json!({
            "engine": self.coding.first().map(|(_, coding)| coding.engine.to_string()),
            "level": self.level.number(),
            "model": {
                "layers": layers, "units": units, "embedding": embedding, "streams": streams, "segment": segment,
            },
            "peak_products_per_second": {
                "i16": self.cpu.peak_i16.map(spread),
                "i8": self.cpu.peak_i8.map(spread),
                "f32_product": spread(self.cpu.f32_product),
            },
            "threads": self.cpu.threads,
            "vectors": self.cpu.vectors,
            "cpu_products_per_second": products.collect::<Vec<_>>(),
            "gpu_kernels_per_second": kernels,
            "step_seconds": {
                "engine": spread(self.step.engine), "device": device, "coding": spread(self.step.coding),
            },
            "dispatches_per_step": self.step.dispatches_per_step,
            "dispatches_per_segment": self.step.dispatches_per_segment,
            "bytes_per_second": coding.collect::<Vec<_>>(),
            "one_thread_encode": spread(self.one_thread),
            "product_share_of_encode": self.product_share,
            "peak_memory_bytes": self.peak_memory,
        })
    }

    /// Returns the share of one core's peak for the integers of a product: bytes in the forward pass,
    /// where there is an instruction for them.
    fn share(&self, speed: &ProductSpeed) -> Option<f64> {
        let peak = match speed.product {
            Product::Forward => self.cpu.peak_i8.or(self.cpu.peak_i16),
            Product::Backward | Product::Gradient => self.cpu.peak_i16,
        };
        Some(speed.one_thread.median / peak?.median)
    }
}

fn show(spread: Spread, scale: f64, digits: usize) -> String {
    let Spread { median, min, max } = spread;
    format!("{:>8.digits$} ({:.digits$} to {:.digits$})", median * scale, min * scale, max * scale)
}

fn spread(spread: Spread) -> Value {
    json!({ "median": spread.median, "min": spread.min, "max": spread.max })
}
