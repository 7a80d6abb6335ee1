//! Contents of files: in memory, or still on disk with the size and digest that they were seen with.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use fs_err::File;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
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
            Self::File { .. } | Self::Elsewhere { .. } => None,
        }
    }

    /// Size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Part { range, .. } => range.len() as u64,
            Self::File { size, .. } | Self::Elsewhere { size, .. } => *size,
        }
    }

    /// Digest of the bytes.
    ///
    /// # Errors
    /// What reading fails with, where nobody has read them yet; [`Kind::Host`] when the file has another size by now.
    pub fn digest(&self) -> Result<Digest> {
        match self {
            Self::Bytes(_) | Self::Part { .. } => Ok(Digest::of(self.in_memory().unwrap_or(&[]))),
            Self::Elsewhere { digest, .. } => Ok(*digest),
            Self::File { path, size, digest } => match digest.get() {
                Some(digest) => Ok(*digest),
                None => {
                    let (found, length) = Digest::of_file(path)?;
                    if length != *size {
                        return Err(changed(path));
                    }
                    Ok(*digest.get_or_init(|| found))
                }
            },
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
            Self::File { path, .. } => {
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
        let (path, size, digest) = match self {
            Self::Bytes(_) | Self::Part { .. } => {
                return Ok(output.write_all(self.in_memory().unwrap_or(&[]))?);
            }
            Self::Elsewhere { .. } => return Err(elsewhere()),
            Self::File { path, size, digest } => (path, *size, digest),
        };
        let mut file = File::open(path)?;
        let mut hasher = Hasher::new(output);
        let longer = copy(&mut file, size, &mut hasher)?;
        let (copied, length, _) = hasher.finish();
        if length == size && copied == *digest.get_or_init(|| copied) && !longer {
            return Ok(());
        }
        Err(changed(path))
    }
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
    fn a_part_is_what_lies_there() {
        let whole = Arc::new(b"the same thing".to_vec());
        let part = Content::part(&whole, 4..8).unwrap();
        assert_eq!(part, Content::from("same"));
        assert_eq!(part.digest().unwrap(), Digest::of("same"));
        assert_eq!((part.size(), part.head(9).unwrap()), (4, b"same".to_vec()));
        assert!(Content::part(&whole, 4..15).is_none());
    }

    #[test]
    fn stretches_make_the_whole() {
        for size in [0, 1, STRETCH - 1, STRETCH, STRETCH + 1, 3 * STRETCH] {
            let bytes: Vec<u8> = (0..size).map(|at| at as u8).collect();
            let mut copied = Vec::new();
            assert!(!copy(&mut &bytes[..], size as u64, &mut copied).unwrap());
            assert!(copied == bytes, "{size}");
            let short = size.saturating_sub(1) as u64;
            assert_eq!(
                copy(&mut &bytes[..], short, &mut Vec::new()).unwrap(),
                size > 0
            );
        }
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
