//! A repository as the machine's own apt sees it, in a private root with every check on, whatever the machine's settings say.

use std::path::PathBuf;

use tempfile::TempDir;

use super::sources;
use crate::debian::deb822;
use crate::digest::Digest;
use crate::failure::{Doing, Failure, Kind, Result};
use crate::repository::spec::Repository;
use crate::source::apt::{conf, furnish, tool};
use crate::tool::Tool;

/// A client of one repository.
#[derive(Debug)]
pub struct Client {
    root: TempDir,
    arch: String,
}

/// A package that the repository offers to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Its architecture, or `all`.
    pub architecture: String,
    /// Its file, relative to the repository.
    pub file: String,
    /// Bytes of the file.
    pub size: u64,
    /// Digest of the file.
    pub sha256: Digest,
}

impl Client {
    /// A client of this architecture that has nothing of the repository yet. `public_key` is armoured; `address` is what `URIs` of sources.list(5)
    /// takes: `http://…`, `file:/…`, `copy:/…`.
    ///
    /// # Errors
    /// [`Kind::Missing`] without apt; [`Kind::Host`] when its folder cannot be made.
    pub fn new(
        repository: &Repository,
        public_key: &str,
        address: &str,
        arch: &str,
    ) -> Result<Self> {
        let root = tempfile::tempdir().doing(|| "cannot make a temporary folder".to_owned())?;
        furnish(root.path(), arch)?;
        fs_err::write(
            root.path().join(conf::SOURCES),
            sources(repository, public_key, address),
        )?;
        fs_err::write(
            root.path().join("etc/apt.conf.d/audit"),
            "APT::Audit \"true\";\n",
        )?;
        fs_err::create_dir(root.path().join("got"))?;
        Ok(Self {
            root,
            arch: arch.to_owned(),
        })
    }

    /// Its configuration, for `APT_CONFIG`.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.root.path().join("apt.conf")
    }

    /// `apt-get update`: the signature, dates and indexes are good, and there is nothing that apt would warn of.
    ///
    /// # Errors
    /// [`Kind::Check`] with each of apt's errors and warnings as a note.
    pub fn update(&self) -> Result<()> {
        let log = self.root.path().join("log/update.log");
        crate::files::remove_if_there(&log)?;
        let ended = self.apt("apt-get").log(&log).arg("update").run();
        let said = match &ended {
            Err(failure) if failure.tool.is_none() => return ended,
            _ => fs_err::read_to_string(&log)?,
        };
        let complaints = conf::errors(&said);
        if ended.is_ok() && complaints.is_empty() {
            return Ok(());
        }
        let what = match ended {
            Ok(()) => "apt warns of the repository",
            Err(_) => "apt refuses the repository",
        };
        let failure = complaints
            .into_iter()
            .fold(Failure::new(Kind::Check, what), Failure::note);
        Err(match ended {
            Err(mut inner) => match inner.tool.take() {
                Some(end) => failure.tool(end),
                None => failure,
            },
            Ok(()) => failure,
        })
    }

    /// Everything that the repository offers, after [`Client::update`].
    ///
    /// # Errors
    /// [`Kind::Check`] when apt's list cannot be understood.
    pub fn packages(&self) -> Result<Vec<Offer>> {
        let said = self.apt("apt-cache").arg("dumpavail").read()?;
        let wrong = || Failure::new(Kind::Check, "apt's list of packages cannot be understood");
        let stanzas = deb822::parse(&said).map_err(|_| wrong())?;
        let offer = |stanza: &deb822::Stanza| {
            let get = |name: &str| stanza.get(name).map(str::to_owned);
            Some(Offer {
                package: get("Package")?,
                version: get("Version")?,
                architecture: get("Architecture")?,
                file: get("Filename")?,
                size: get("Size")?.parse().ok()?,
                sha256: get("SHA256")?.parse().ok()?,
            })
        };
        let offers = stanzas.iter().map(|stanza| offer(stanza).ok_or_else(wrong));
        offers.collect()
    }

    /// Downloads a package as `apt-get install` does; its bytes are those that the index promises.
    ///
    /// # Errors
    /// [`Kind::Check`] with what apt says, or when there are other bytes.
    pub fn download(&self, offer: &Offer) -> Result<PathBuf> {
        let wanted = format!("{}={}", offer.package, offer.version);
        let got = self.root.path().join("got");
        let download = self.apt("apt-get").folder(&got).args(["download", &wanted]);
        download.run().map_err(|failure| {
            let said = failure
                .tool
                .iter()
                .flat_map(|end| conf::errors(&end.tail.join("\n")));
            let said: Vec<String> = said.collect();
            let failure = failure.while_doing(format!("apt cannot download {wanted}"));
            said.into_iter().fold(failure, Failure::note)
        })?;
        for entry in fs_err::read_dir(&got)? {
            let path = entry?.path();
            if Digest::of_file(&path)? == (offer.sha256, offer.size) {
                return Ok(path);
            }
        }
        let what = format!("apt downloaded other bytes for {wanted} than its index promises");
        Err(Failure::new(Kind::Check, what))
    }

    fn apt(&self, program: &str) -> Tool {
        tool(self.root.path(), program).kind(Kind::Check)
    }

    /// The architecture that it has.
    #[must_use]
    pub fn arch(&self) -> &str {
        &self.arch
    }
}

/// What [`check`] saw.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Seen {
    /// The client's architecture.
    pub architecture: String,
    /// How many packages apt offers there.
    pub packages: usize,
    /// The package that was downloaded: the smallest. Nothing where there are none.
    pub downloaded: Option<String>,
}

/// Looks at a repository as a client of each of its architectures: updates, lists, and downloads the smallest package. Parameters as
/// [`Client::new`].
///
/// # Errors
/// As [`Client::update`] and [`Client::download`].
pub fn check(repository: &Repository, public_key: &str, address: &str) -> Result<Vec<Seen>> {
    let look = |arch: &String| {
        let client = Client::new(repository, public_key, address, arch)?;
        client.update()?;
        let offers = client.packages()?;
        let smallest = offers.iter().min_by_key(|offer| offer.size);
        if let Some(offer) = smallest {
            client.download(offer)?;
        }
        Ok(Seen {
            architecture: arch.clone(),
            packages: offers.len(),
            downloaded: smallest.map(|offer| format!("{} {}", offer.package, offer.version)),
        })
    };
    repository.architectures.iter().map(look).collect()
}
