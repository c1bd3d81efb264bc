//! The description of an engine.

use std::fmt;

/// The kinds of engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// The CPU engine, or no network at all.
    Cpu,
    /// A device through wgpu: a GPU, or software Vulkan.
    Gpu,
}

/// The engine that a model ran on.
///
/// Displays as the name and, if a GPU was found but could not be used, the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// The kind of engine.
    pub kind: EngineKind,
    /// The adapter's name, or the CPU engine's name with its number of threads.
    pub name: String,
    /// Why a GPU that was found is not used.
    pub refused: Option<String>,
}

impl EngineInfo {
    /// The CPU engine on the current rayon pool.
    pub(crate) fn cpu() -> Self {
        let name = match rayon::current_num_threads() {
            1 => "CPU, 1 thread".to_owned(),
            threads => format!("CPU, {threads} threads"),
        };
        EngineInfo { kind: EngineKind::Cpu, name, refused: None }
    }

    /// No network: the host mixes contexts alone.
    pub(crate) fn mixing_alone() -> Self {
        EngineInfo { kind: EngineKind::Cpu, name: "CPU, mixing alone".to_owned(), refused: None }
    }
}

impl fmt::Display for EngineInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.refused {
            None => Ok(()),
            Some(reason) => write!(f, ", because {reason}"),
        }
    }
}
