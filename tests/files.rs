//! The archives of tests/files/ decode, or are refused, as their names say.

mod common;

use std::fs;
use std::path::Path;

use common::folder::Folder;
use common::unpack;
use lockstep::internals::archive::VERSION;
use lockstep::{ArchiveError, Error};

#[test]
fn every_archive_is_accepted_or_refused_as_its_name_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    let list = fs::read_to_string(folder.join("README.md")).unwrap();
    let workspace = Folder::new();
    let mut names: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "README.md");
    assert!(names.len() > 20);
    for name in names {
        assert!(list.contains(&format!("- `{name}`: ")), "{name} is not described");
        let archive = fs::read(folder.join(&name)).unwrap();
        if name != "bad-no-version.lks" && !name.starts_with("unsupported-version") && archive[4] != VERSION {
            panic!("{name} is of format {}: run cargo run --example files", archive[4]);
        }
        let result = unpack(&archive);
        let kind = name.split('-').next().unwrap();
        let as_named = match (kind, &result) {
            ("good", Ok(content)) => content.is_empty() == (name == "good-empty.lks"),
            ("unsupported", Err(Error::Archive(error))) => {
                matches!(error, ArchiveError::NewerVersion(_) | ArchiveError::Unsupported { .. })
            }
            ("bad", Err(Error::Archive(error))) => {
                !matches!(error, ArchiveError::NewerVersion(_) | ArchiveError::Unsupported { .. })
            }
            ("bad", Err(Error::Unrepeatable { .. })) => true,
            _ => false,
        };
        assert!(as_named, "{name}: {result:?}");
        workspace.write("a.lks", &archive);
        workspace.lockstep("-t --device cpu a.lks").assert().code(if kind == "good" { 0 } else { 2 });
    }
}
