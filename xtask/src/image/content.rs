//! Contents of files: in memory, or still on disk with the size and digest that they were seen with.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err::File;
use serde::Serialize;
use serde::ser::SerializeStruct;

use crate::digest::{Digest, Hasher};
use crate::failure::{Failure, Kind, Result};

/// What is in a file. Two are equal when their bytes are.
#[derive(Clone, Debug)]
pub enum Content {
    /// Bytes in memory.
    Bytes(Arc<[u8]>),
    /// A file on disk.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// Its digest.
        digest: Digest,
    },
}

impl Content {
    /// The contents of a file on disk, which is read once for its digest.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn of_file(path: &Path) -> Result<Self> {
        let (digest, size) = Digest::of_file(path)?;
        Ok(Self::File {
            path: path.to_owned(),
            size,
            digest,
        })
    }

    /// Size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { size, .. } => *size,
        }
    }

    /// Digest of the bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self {
            Self::Bytes(bytes) => Digest::of(bytes),
            Self::File { digest, .. } => *digest,
        }
    }

    /// The first bytes, at most `limit`.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn head(&self, limit: usize) -> Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes[..bytes.len().min(limit)].to_vec()),
            Self::File { path, .. } => {
                let mut bytes = Vec::new();
                File::open(path)?
                    .take(limit as u64)
                    .read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }

    /// Writes exactly the bytes that size and digest tell of.
    ///
    /// # Errors
    /// [`Kind::Host`] when the file on disk is another one by now; what reading and writing fail with.
    pub fn copy_to(&self, output: &mut impl Write) -> Result<()> {
        let (path, size, digest) = match self {
            Self::Bytes(bytes) => return Ok(output.write_all(bytes)?),
            Self::File { path, size, digest } => (path, *size, *digest),
        };
        let mut file = File::open(path)?;
        let mut hasher = Hasher::new(output);
        io::copy(&mut Read::by_ref(&mut file).take(size), &mut hasher)?;
        let (copied, length, _) = hasher.finish();
        let longer = file.read(&mut [0])? > 0;
        if length == size && copied == digest && !longer {
            return Ok(());
        }
        Err(Failure::new(
            Kind::Host,
            format!("{} was changed while it was being used", path.display()),
        )
        .hint("run the same command again, and let nothing write there meanwhile"))
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().into())
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bytes(one), Self::Bytes(other)) => one == other,
            _ => self.size() == other.size() && self.digest() == other.digest(),
        }
    }
}

impl Eq for Content {}

/// As size and digest: where the bytes happen to lie is nobody's business.
impl Serialize for Content {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Content", 2)?;
        fields.serialize_field("size", &self.size())?;
        fields.serialize_field("digest", &self.digest())?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_equal_wherever_they_are() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "same").unwrap();
        let on_disk = Content::of_file(file.path()).unwrap();
        assert_eq!(on_disk, Content::from("same"));
        assert_ne!(on_disk, Content::from("sama"));
        assert_eq!(on_disk.head(2).unwrap(), b"sa");
    }

    #[test]
    fn a_file_that_changed_is_not_copied_silently() {
        for changed in ["sama", "sam", "same and more", ""] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), "same").unwrap();
            let content = Content::of_file(file.path()).unwrap();
            content.copy_to(&mut Vec::new()).unwrap();
            std::fs::write(file.path(), changed).unwrap();
            let failure = content.copy_to(&mut Vec::new()).unwrap_err();
            assert!(failure.what.contains("changed"), "{failure}");
        }
    }
}
