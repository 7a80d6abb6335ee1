//! What is published, read as a client reads it: the signed Release file first, everything else by its digest.

use super::names::Names;
use super::packed::{Unpacked, open, unpack};
use super::place::Place;
use super::release::{Indexed, Release};
use super::sign::Signer;
use crate::failure::{Doing, Failure, Kind, Result};

/// A Release file or journal is not longer than this.
pub(super) const SHORT: u64 = 64 << 20;

/// A Release file that was signed by the repository's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signed {
    /// The clear-signed message: the bytes of `InRelease`.
    pub(super) message: Vec<u8>,
    /// The text that was signed.
    pub(super) text: String,
    /// What it says.
    pub(super) release: Release,
}

/// How an index is unpacked.
type Unpack = fn(&str, Vec<u8>, &Indexed) -> Result<Unpacked>;

/// Reads what one place keeps of one suite.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    /// The place.
    pub(super) place: &'a dyn Place,
    /// Checks signatures.
    pub(super) signer: &'a dyn Signer,
    /// Where what is.
    pub(super) names: Names<'a>,
}

impl Reader<'_> {
    /// The suite's Release file; nothing before anything was published.
    ///
    /// # Errors
    /// [`Kind::Source`] when it was not signed by the repository's key or a former one, or is none.
    pub(super) fn release(&self) -> Result<Option<Signed>> {
        self.signed(&self.names.suite("InRelease"))
    }

    /// The Release file that a snapshot is.
    ///
    /// # Errors
    /// As [`Reader::release`].
    pub(super) fn snapshot(&self, name: &str) -> Result<Option<Signed>> {
        self.signed(&self.names.snapshot(name))
    }

    fn signed(&self, name: &str) -> Result<Option<Signed>> {
        let Some(message) = self.place.read(name, SHORT)? else {
            return Ok(None);
        };
        let doing = || format!("{name} in {} cannot be believed", self.place.describe());
        let signed = self.believe(message).doing(doing)?;
        Ok(Some(signed))
    }

    /// Checks a message's signature and reads what was signed.
    ///
    /// # Errors
    /// [`Kind::Source`] when it was not signed by the repository's key, or is no Release file.
    pub(super) fn verify(&self, message: Vec<u8>) -> Result<Signed> {
        let text = self.signer.verified(&message)?;
        Self::parse(message, &text)
    }

    /// The same for what was signed earlier, perhaps by a former key.
    ///
    /// # Errors
    /// As [`Reader::release`].
    pub(super) fn believe(&self, message: Vec<u8>) -> Result<Signed> {
        let text = self.signer.believed(&message)?;
        Self::parse(message, &text)
    }

    fn parse(message: Vec<u8>, text: &str) -> Result<Signed> {
        // Clear-signing does not sign the last line feed (RFC 9580, section 7.1); ours always have it.
        let text = format!("{}\n", text.trim_end());
        let release = Release::parse(&text)?;
        Ok(Signed {
            message,
            text,
            release,
        })
    }

    /// An architecture's index, by its digest. A repository of somebody else's making may have it under its plain name only.
    ///
    /// # Errors
    /// [`Kind::Source`] when it is not there, or not what the Release file says it is.
    pub(super) fn index(&self, architecture: &str, sums: &Indexed) -> Result<Unpacked> {
        self.index_by(architecture, sums, open)
    }

    /// The same as clients see it: its plain form has to be what the Release file says, too.
    ///
    /// # Errors
    /// As [`Reader::index`].
    pub(super) fn checked_index(&self, architecture: &str, sums: &Indexed) -> Result<String> {
        Ok(self.index_by(architecture, sums, unpack)?.text)
    }

    fn index_by(&self, architecture: &str, sums: &Indexed, by: Unpack) -> Result<Unpacked> {
        let by_hash = self.names.by_hash(architecture, &sums.gzip.sha256);
        let mut first = None;
        for name in [by_hash, self.names.packed(architecture)] {
            let read = self.place.read(&name, sums.gzip.size);
            let read = read.and_then(|bytes| match bytes {
                Some(bytes) => by(&name, bytes, sums),
                None => Err(Failure::new(Kind::Source, format!("{name} is missing"))),
            });
            match read {
                Ok(unpacked) => return Ok(unpacked),
                Err(failure) if failure.kind == Kind::Source => _ = first.get_or_insert(failure),
                Err(failure) => return Err(failure),
            }
        }
        let first = first.unwrap_or_else(|| Failure::bug("an index has two names"));
        let broken = format!("the repository in {} is broken", self.place.describe());
        Err(first.while_doing(broken).hint(
            "see what else is with `cargo xtask repo check --deep`, and restore it from a copy",
        ))
    }

    /// The sums of an architecture's index.
    #[must_use]
    pub(super) fn sums(&self, release: &Release, architecture: &str) -> Option<Indexed> {
        release.index(&self.names.index(architecture))
    }
}
