//! A bundle that says what it is told, and a place for its record.

use std::path::Path;

use xtask::arch::Arch;
use xtask::boot::disk::speaking;
use xtask::boot::scenario::Scenario;
use xtask::boot::verdict::Verdict;
use xtask::boot::{Job, run};
use xtask::event::Deaf;

/// Our own program, whose verb `lab` is the inside of a lab.
pub(crate) const XTASK: &str = env!("CARGO_BIN_EXE_xtask");

/// A folder with a bundle whose boot file says this, and room for records.
pub(crate) fn place(says: &str) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    fs_err::create_dir(place.path().join("bundle")).unwrap();
    let text = format!("\r\n{says}\r\n").replace('\n', "\r\n");
    fs_err::write(place.path().join("bundle/nbp"), speaking(&text)).unwrap();
    place
}

/// A scenario from the lines of its table after the name.
pub(crate) fn scenario(fields: &str) -> Scenario {
    toml::from_str(&format!("name = 'test'\n{fields}")).unwrap()
}

/// The job of booting what is in `place`.
pub(crate) fn job(place: &Path, fields: &str) -> Job {
    Job {
        bundle: place.join("bundle"),
        arch: Arch::Amd64,
        loader: "nbp".to_owned(),
        scenario: scenario(fields),
        record: place.join("records/test"),
        xtask: XTASK.into(),
        cache: place.join("cache"),
        network: None,
        installed: None,
    }
}

/// Boots something that says this, and returns the verdict.
pub(crate) fn verdict(says: &str, fields: &str) -> Verdict {
    let place = place(says);
    run(&job(place.path(), fields), &Deaf).unwrap().verdict
}
