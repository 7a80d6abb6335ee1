//! Contents of files: in memory, or still on disk with the size and digest that they were seen with.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use fs_err::File;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher, Identity, Seen};
use crate::failure::{Failure, Kind, Result};

/// So many bytes are read at a time.
const STRETCH: usize = 256 << 10;

/// A digest that may not be known yet; copies learn it together.
pub type Known = Arc<OnceLock<Digest>>;

/// What is in a file. Two are equal when their bytes are.
#[derive(Clone, Debug)]
pub enum Content {
    /// Bytes in memory.
    Bytes(Arc<[u8]>),
    /// A stretch of something in memory: of an unpacked archive.
    Part {
        /// The whole.
        whole: Arc<Vec<u8>>,
        /// Which of its bytes. Use [`Content::part`], which looks whether they are there.
        range: Range<usize>,
    },
    /// A file on disk.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// Its digest, once somebody has read it: copying reads it anyway.
        digest: Known,
    },
    /// A file on disk whose digest was handed on. It holds as long as the file is the same.
    Seen {
        /// Where it is.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The digest that it had when it was read.
        digest: Digest,
        /// What it was then.
        identity: Identity,
    },
    /// Bytes that are somewhere else: in an archive that was listed, and cannot be read here.
    Elsewhere {
        /// Their number.
        size: u64,
        /// Their digest.
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
            digest: known(digest),
        })
    }

    /// The contents of a file on disk that nobody writes to, which is read only when it is copied or compared.
    #[must_use]
    pub fn unread(path: PathBuf, size: u64) -> Self {
        Self::File {
            path,
            size,
            digest: Known::default(),
        }
    }

    /// Takes over the digest of a file that nobody has read for this yet, where somebody has seen it.
    ///
    /// # Errors
    /// When the file cannot be looked at.
    pub fn recall(&mut self, seen: &Seen) -> Result<()> {
        let Self::File { path, size, digest } = self else {
            return Ok(());
        };
        if digest.get().is_some() {
            return Ok(());
        }
        let file = fs_err::metadata(&*path)?;
        let identity = Identity::of(&file);
        if let Some(digest) = seen.digest(&identity).filter(|_| file.len() == *size) {
            *self = Self::Seen {
                path: std::mem::take(path),
                size: *size,
                digest,
                identity,
            };
        }
        Ok(())
    }

    /// A stretch of `whole`, which is kept as long as this is; none where it does not lie inside.
    #[must_use]
    pub fn part(whole: &Arc<Vec<u8>>, range: Range<usize>) -> Option<Self> {
        whole.get(range.clone())?;
        Some(Self::Part {
            whole: whole.clone(),
            range,
        })
    }

    /// The bytes, where they are in memory.
    #[must_use]
    pub fn in_memory(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Part { whole, range } => whole.get(range.clone()),
            Self::File { .. } | Self::Seen { .. } | Self::Elsewhere { .. } => None,
        }
    }

    /// Size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Part { range, .. } => range.len() as u64,
            Self::File { size, .. } | Self::Seen { size, .. } | Self::Elsewhere { size, .. } => {
                *size
            }
        }
    }

    /// Digest of the bytes.
    ///
    /// # Errors
    /// What reading fails with, where nobody has read them yet; [`Kind::Host`] when the file has another size by now, or no longer has the digest that was
    /// handed on.
    pub fn digest(&self) -> Result<Digest> {
        self.digest_by(Digest::of_file)
    }

    /// The same; what has to be read for it is remembered.
    ///
    /// # Errors
    /// As [`Content::digest`].
    pub fn digest_seen(&self, seen: &Seen) -> Result<Digest> {
        self.digest_by(|path| seen.read(path))
    }

    fn digest_by(&self, read: impl Fn(&Path) -> io::Result<(Digest, u64)>) -> Result<Digest> {
        match self {
            Self::Bytes(_) | Self::Part { .. } => Ok(Digest::of(self.in_memory().unwrap_or(&[]))),
            Self::Elsewhere { digest, .. } => Ok(*digest),
            Self::File { path, size, digest } => match digest.get() {
                Some(digest) => Ok(*digest),
                None => {
                    let (found, length) = read(path)?;
                    if length != *size {
                        return Err(changed(path));
                    }
                    Ok(*digest.get_or_init(|| found))
                }
            },
            Self::Seen {
                path,
                digest,
                identity,
                ..
            } => {
                if identity.is(&fs_err::metadata(path)?) || read(path)?.0 == *digest {
                    return Ok(*digest);
                }
                Err(changed(path))
            }
        }
    }

    /// The first bytes, at most `limit`.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn head(&self, limit: usize) -> Result<Vec<u8>> {
        match self {
            Self::Bytes(_) | Self::Part { .. } => {
                let bytes = self.in_memory().unwrap_or(&[]);
                Ok(bytes[..bytes.len().min(limit)].to_vec())
            }
            Self::File { path, .. } | Self::Seen { path, .. } => {
                let mut bytes = Vec::new();
                File::open(path)?
                    .take(limit as u64)
                    .read_to_end(&mut bytes)?;
                Ok(bytes)
            }
            Self::Elsewhere { .. } => Err(elsewhere()),
        }
    }

    /// Writes exactly the bytes that size and digest tell of.
    ///
    /// # Errors
    /// [`Kind::Host`] when the file on disk is another one by now; what reading and writing fail with.
    pub fn copy_to(&self, output: &mut impl Write) -> Result<()> {
        match self {
            Self::Bytes(_) | Self::Part { .. } => {
                Ok(output.write_all(self.in_memory().unwrap_or(&[]))?)
            }
            Self::Elsewhere { .. } => Err(elsewhere()),
            Self::File { path, size, digest } => {
                copy_digested(&mut File::open(path)?, *size, digest, output)
            }
            Self::Seen {
                path,
                size,
                digest,
                identity,
            } => {
                let mut file = File::open(path)?;
                // Touched, but perhaps not changed.
                if !identity.is(&file.metadata()?) {
                    return copy_digested(&mut file, *size, &known(*digest), output);
                }
                let longer = copy(&mut file, *size, output)?;
                if longer || !identity.is(&file.metadata()?) {
                    return Err(changed(path));
                }
                Ok(())
            }
        }
    }
}

/// Copies a file that has to have this size and digest.
fn copy_digested(
    file: &mut File,
    size: u64,
    digest: &Known,
    output: &mut impl Write,
) -> Result<()> {
    let mut hasher = Hasher::new(output);
    let longer = copy(file, size, &mut hasher)?;
    let (copied, length, _) = hasher.finish();
    if length == size && copied == *digest.get_or_init(|| copied) && !longer {
        return Ok(());
    }
    Err(changed(file.path()))
}

thread_local! {
    /// What files are copied through: made once, for an image has hundreds of them.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Copies at most `size` bytes, and says whether there are more. (`io::copy` reads 8 KiB at a time.)
fn copy(input: &mut impl Read, size: u64, output: &mut impl Write) -> io::Result<bool> {
    // Taken, and not borrowed: whoever writes may copy something, too.
    let mut buffer = BUFFER.take();
    buffer.resize(STRETCH, 0);
    let longer = copy_through(&mut buffer, input, size, output);
    BUFFER.set(buffer);
    longer
}

fn copy_through(
    buffer: &mut [u8],
    input: &mut impl Read,
    size: u64,
    output: &mut impl Write,
) -> io::Result<bool> {
    let mut left = size;
    loop {
        let read = match input.read(buffer) {
            Ok(0) => return Ok(false),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let taken = left.min(read as u64);
        output.write_all(&buffer[..taken as usize])?;
        left -= taken;
        if taken < read as u64 {
            return Ok(true);
        }
    }
}

/// A digest that is known.
#[must_use]
pub fn known(digest: Digest) -> Known {
    Arc::new(digest.into())
}

fn changed(path: &Path) -> Failure {
    Failure::new(
        Kind::Host,
        format!("{} was changed while it was being used", path.display()),
    )
    .hint("run the same command again, and let nothing write there meanwhile")
}

fn elsewhere() -> Failure {
    Failure::bug("the bytes of something that was only listed are asked for")
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
        match (self.in_memory(), other.in_memory()) {
            (Some(one), Some(other)) => one == other,
            // What cannot be read is equal to nothing; reading it in earnest says why.
            _ => {
                self.size() == other.size()
                    && matches!((self.digest(), other.digest()), (Ok(one), Ok(other)) if one == other)
            }
        }
    }
}

impl Eq for Content {}

/// As size and digest: where the bytes happen to lie is nobody's business.
impl Serialize for Content {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Content", 2)?;
        fields.serialize_field("size", &self.size())?;
        let digest = self.digest().map_err(serde::ser::Error::custom)?;
        fields.serialize_field("digest", &digest)?;
        fields.end()
    }
}

/// A listing names bytes; it does not hold them.
impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Listed {
            size: u64,
            digest: Digest,
        }
        let Listed { size, digest } = Listed::deserialize(deserializer)?;
        Ok(Self::Elsewhere { size, digest })
    }
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
