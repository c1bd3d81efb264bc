//! The files that the command reads and writes: sources, results, and what the system knows about them.

mod attributes;
mod entry;
mod holes;
mod input;
mod new_file;
mod output;
mod part;
mod pending;
mod sparse;
mod sweep;
mod target;

pub use attributes::{Attributes, remember_umask};
pub use entry::{Entry, FileId};
pub use holes::FileReader;
pub use input::{Input, display_name};
pub use new_file::{NewFile, Published};
pub use output::{
    CheckpointPlan, Completed, Output, SUFFIX, Source, Writing, archive_name, check_stdout, content_name,
};
pub use part::Part;
pub use pending::remove_all as remove_temporary_files;
pub use sweep::sweep;
pub use target::{Protected, Target};

use std::path::Path;

/// Returns the folder of a file.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}
