//! Our own side of `bench repo`: a publishing as `publish` does it, in a process of its own.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::meter::{self, Job};
use super::{Contender, put_aside};
use crate::cli::boot;
use crate::event::Deaf;
use crate::failure::{Failure, Kind, Result};
use crate::repository::Publisher;
use crate::repository::clock::SystemClock;
use crate::repository::place::directory::Directory;
use crate::repository::sign::Signer;
use crate::repository::spec::{Repository, Where};

/// The architectures that all publish for.
pub(super) const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// Something to be published.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::cli::bench) struct Publishing {
    /// Packages.
    debs: Vec<PathBuf>,
    /// The repository's folder.
    folder: PathBuf,
}

/// Nobody signs.
struct Nobody;

const MARK: &str = "not signed\n\n";

impl Signer for Nobody {
    fn clearsign(&self, text: &str) -> Result<Vec<u8>> {
        Ok(format!("{MARK}{text}").into_bytes())
    }

    fn detach(&self, _: &str) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn verified(&self, message: &[u8]) -> Result<String> {
        let text = std::str::from_utf8(message).ok();
        let text = text.and_then(|text| text.strip_prefix(MARK));
        text.map(str::to_owned)
            .ok_or_else(|| Failure::new(Kind::Source, "it is not ours"))
    }

    fn believed_detached(&self, _: &str, signature: &[u8]) -> Result<()> {
        match signature {
            [] => Ok(()),
            _ => Err(Failure::new(Kind::Source, "nobody signs")),
        }
    }
}

impl Publishing {
    /// Publishes it.
    ///
    /// # Errors
    /// What publishing fails with.
    pub(in crate::cli::bench) fn run(&self) -> Result<()> {
        let repository = Repository {
            description: "What is measured".to_owned(),
            origin: "Cordwainer".to_owned(),
            suite: "stable".to_owned(),
            component: "main".to_owned(),
            architectures: ARCHITECTURES.map(str::to_owned).to_vec(),
            key: String::new(),
            former_keys: Vec::new(),
            place: Where::Directory {
                path: self.folder.clone(),
            },
            url: None,
            retain: None,
            grace_hours: 24,
            valid_days: None,
        };
        let published = Publisher {
            repository: &repository,
            place: &Directory::new(&self.folder),
            signer: &Nobody,
            listen: &Deaf,
            clock: &SystemClock,
        }
        .add(&self.debs, None)?;
        if published.added.len() == self.debs.len() {
            Ok(())
        } else {
            Err(Failure::bug("what is measured was there already"))
        }
    }
}

/// Cordwainer.
pub(super) struct Ours {
    job: PathBuf,
    folder: PathBuf,
}

impl Ours {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            job: folder.join("publish.json"),
            folder: folder.join("ours"),
        }
    }
}

impl Contender for Ours {
    fn name(&self) -> &'static str {
        super::OURS
    }

    fn publish(&self, debs: &[PathBuf]) -> Result<Vec<Vec<String>>> {
        let publishing = Publishing {
            debs: debs.to_vec(),
            folder: self.folder.clone(),
        };
        meter::write(&self.job, &Job::Publish(publishing))?;
        let mut argv = vec![boot::ourselves()?.to_string_lossy().into_owned()];
        argv.extend(meter::command(&self.job));
        Ok(vec![argv])
    }

    fn begin(&self) -> Result<()> {
        put_aside(&self.folder)
    }
}
