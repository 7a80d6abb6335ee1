//! Where a repository is kept, seen as a few operations on named files; what is written when is left to whoever publishes.
//!
//! Names are relative, `/` between their parts: `dists/stable/InRelease`. Whatever the place is, a file appears whole or not at all, and
//! a reader sees the old or the new bytes of one that is replaced.

mod beat;
pub mod directory;
pub mod s3;
pub mod ssh;

use std::path::{Path, PathBuf};

use directory::Directory;
use s3::{Keys, S3};
use ssh::Ssh;

use super::spec::Where;
use crate::digest::Digest;
use crate::event::Listen;
use crate::failure::{Failure, Kind, Result};
use crate::files::UNFINISHED;

/// How a file may be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// It never changes: a package, or an index by its digest. Where it is there already, it has to have the same bytes; other bytes are
    /// refused. Clients and proxies may keep it.
    Immutable,
    /// It is replaced from time to time: clients and proxies have to ask whether it is still the same. Clients of HTTP ask by the time of
    /// change in whole seconds, so that time has to grow with each replacement.
    Changing,
}

/// What is written into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bytes {
    /// These.
    Here(Vec<u8>),
    /// Those of a file on this machine.
    Of(PathBuf),
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// Its name.
    pub name: String,
    /// What goes into it.
    pub bytes: Bytes,
    /// How it may be treated.
    pub nature: Nature,
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct There {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
}

/// Keeps other publishers out until it is dropped; when we die, too.
pub trait Held: Send {
    /// Whether the lock is still ours. (A connection may have been lost, or a lease have run out.)
    ///
    /// # Errors
    /// When it is not: then nothing more may be written.
    fn check(&self) -> Result<()>;
}

/// A place that keeps a repository.
pub trait Place: Send + Sync {
    /// The place as a person knows it.
    fn describe(&self) -> String;

    /// Waits until no other publisher is at work here. Says so when it has to wait, and for whom where that is known.
    ///
    /// # Errors
    /// When the place cannot be reached or written to, or on Ctrl-C.
    fn lock(&self, listen: &dyn Listen) -> Result<Box<dyn Held>>;

    /// A file's bytes; nothing when there is none of this name.
    ///
    /// # Errors
    /// When that cannot be found out, or the file has more than `limit` bytes.
    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>>;

    /// The size of a file; nothing when there is none of this name.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn size(&self, name: &str) -> Result<Option<u64>>;

    /// The digest of a file, where the place can tell it without sending the whole file; nothing where it cannot, or there is no such file.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn digest(&self, _name: &str) -> Result<Option<Digest>> {
        Ok(None)
    }

    /// Writes files, in no order among themselves. When it returns, all of them are there, and will be after a power cut.
    ///
    /// # Errors
    /// When one cannot be written, or is immutable and there with other bytes. Some of them may be there then.
    fn write(&self, puts: &[Put]) -> Result<()>;

    /// Every file below a folder, by name; nothing when there is no such folder. Unfinished files of killed writers are left out.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn list(&self, folder: &str) -> Result<Vec<There>>;

    /// Removes files; those that are not there are fine.
    ///
    /// # Errors
    /// When one cannot be removed.
    fn remove(&self, names: &[String]) -> Result<()>;

    /// Is called once, when all that was to be published is there, before the lock is dropped.
    ///
    /// # Errors
    /// When what the place has to do afterwards fails.
    fn finish(&self, listen: &dyn Listen) -> Result<()>;
}

/// The place that a repository's description means; `checkout` is what paths on this machine are relative to. Nothing is connected to yet.
///
/// # Errors
/// For a description of what cannot be, and when keys that it takes are not in the environment.
pub fn open(place: &Where, checkout: &Path) -> Result<Box<dyn Place>> {
    Ok(match place {
        Where::Directory { path } => Box::new(Directory::new(checkout.join(path))),
        Where::Ssh {
            host,
            path,
            after,
            options,
        } => Box::new(Ssh::new(host, path, after, options)?),
        Where::S3 {
            endpoint,
            bucket,
            prefix,
            region,
        } => {
            let keys = Keys::from_environment()?;
            Box::new(S3::new(endpoint, bucket, prefix, region, keys)?)
        }
    })
}

/// Refuses names that could mean something outside the place, or a file that is not finished: names come from journals and indexes, too.
///
/// # Errors
/// [`Kind::Source`], when a part is empty, begins with a dot or has a control character or backslash.
pub fn checked(name: &str) -> Result<&str> {
    let fine = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.contains(|c: char| c.is_control() || c == '\\')
    };
    if name.split('/').all(fine) {
        Ok(name)
    } else {
        let what = format!("{name:?} cannot be the name of a file in a repository");
        Err(Failure::new(Kind::Source, what))
    }
}

impl Bytes {
    /// Their digest.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn digest(&self) -> Result<Digest> {
        match self {
            Self::Here(bytes) => Ok(Digest::of(bytes)),
            Self::Of(path) => Ok(Digest::of_file(path)?.0),
        }
    }
}

/// Whether a name is that of something that is being written, or that keeps order among publishers.
fn is_unfinished(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with(UNFINISHED))
}

/// Who we are, for those who wait for us.
fn owner() -> String {
    let user = ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    let plain = |c: &char| c.is_alphanumeric() || "-_.@".contains(*c);
    let user: String = user
        .iter()
        .flat_map(|user| user.chars())
        .filter(plain)
        .collect();
    let host: String = host.chars().filter(plain).collect();
    format!("{user}@{host}, process {}", std::process::id())
}

/// 32 hexadecimal digits that nobody else has.
fn unique() -> Result<String> {
    let mut random = [0; 16];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
        .map_err(std::io::Error::from)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(random)))
}

/// A file has more bytes than its reader can do with.
fn too_long(name: &str, limit: u64) -> Failure {
    Failure::new(Kind::Source, format!("{name} has more than {limit} bytes"))
}

/// A file that never changes is there with other bytes.
fn other_bytes(name: &str, place: &str) -> Failure {
    let what = format!("{name} is there already in {place}, with other bytes");
    Failure::new(Kind::Check, what)
        .hint("files of a repository never change: give what is new another version")
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        assert!(checked("dists/stable/main/by-hash/SHA256/ab").is_ok());
        assert!(checked("pool/main/liba/a/a_1.0~rc1+b%3a1_all.deb").is_ok());
        for bad in [
            "",
            "/etc/passwd",
            "a//b",
            "a/",
            "../a",
            "a/../b",
            ".",
            "pool/.new-x",
            "a\nb",
            "a\\b",
        ] {
            assert!(checked(bad).is_err(), "{bad:?}");
        }
    }
}
