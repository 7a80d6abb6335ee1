//! What is wrong with an archive that can be read all the same: what a kernel would stumble over, or pass over without a word.

use std::fmt;

use serde::Serialize;

use crate::text::quoted;

/// One thing that is wrong. Offsets are bytes from the beginning of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "kebab-case")]
pub enum Problem {
    /// An uncompressed archive begins at no multiple of 4. The kernel stops there.
    Unaligned {
        /// Where.
        offset: u64,
    },
    /// Something that is neither an archive, nor compressed, nor zeros. The kernel stops there.
    Garbage {
        /// Where it begins.
        offset: u64,
        /// How many bytes there are from there to the end, all of which are left out.
        length: u64,
    },
    /// In a compressed segment something else follows an archive. The kernel stops there.
    JunkWithin {
        /// Where, in what the segment unpacks to.
        offset: u64,
    },
    /// An archive has no trailer. The kernel does not mind; other programs do.
    NoTrailer,
    /// xz with a check of the contents that the kernel does not know: it takes `--check=crc32` or none.
    XzCheck {
        /// Its name.
        check: String,
    },
    /// xz with a filter, or a chain of them, that the kernel does not know (or only of late).
    XzFilter {
        /// Its name, or what is wrong with the chain.
        filter: String,
    },
    /// xz or lzma with a dictionary that the kernel has to find room for beside the image.
    Dictionary {
        /// Its size in bytes.
        bytes: u64,
    },
    /// zstd with a window that is larger than the 128 MiB that the kernel takes.
    Window {
        /// Its size in bytes.
        bytes: u64,
    },
    /// Something that the kernel looks for before it unpacks anything (microcode, ACPI tables) comes after a compressed segment.
    EarlyTooLate {
        /// Its name.
        name: String,
    },
    /// The like, in a compressed segment.
    EarlyCompressed {
        /// Its name.
        name: String,
    },
    /// The like, under a name that the kernel does not look for because of what is in front.
    EarlyName {
        /// Its name.
        name: String,
    },
    /// A member that the kernel passes over without a word.
    Dropped {
        /// Its name.
        name: String,
        /// Why: the end of a sentence that begins with the name.
        why: &'static str,
    },
    /// A name or target that is no UTF-8; it is shown with replacement characters.
    NotUtf8 {
        /// The name, as it is shown.
        name: String,
    },
    /// More of the kind than are listed.
    More {
        /// How many.
        count: usize,
    },
}

impl Problem {
    /// Whether the kernel does not get past it: the rest of the file is not unpacked.
    #[must_use]
    pub const fn stops_the_kernel(&self) -> bool {
        matches!(
            self,
            Self::Unaligned { .. }
                | Self::Garbage { .. }
                | Self::JunkWithin { .. }
                | Self::XzCheck { .. }
                | Self::Window { .. }
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const EARLY: &str =
            "the kernel looks for it before it unpacks anything, and does not find it";
        match self {
            Self::Unaligned { offset } => write!(
                f,
                "an uncompressed archive begins at byte {offset}, which is no multiple of 4: the kernel stops there"
            ),
            Self::Garbage { offset, length } => write!(
                f,
                "the {length} bytes from byte {offset} on are no archive: the kernel stops there, and so they are left out here"
            ),
            Self::JunkWithin { offset } => write!(
                f,
                "after byte {offset} of what is unpacked follows no archive: the kernel stops there"
            ),
            Self::NoTrailer => write!(f, "it has no trailer"),
            Self::XzCheck { check } => write!(
                f,
                "it is compressed with `xz --check={check}`; the kernel takes `--check=crc32` or none"
            ),
            Self::XzFilter { filter } => write!(f, "it is compressed with xz and {filter}"),
            Self::Dictionary { bytes } => write!(
                f,
                "unpacking it takes the kernel {} MiB of memory for the dictionary alone",
                bytes >> 20
            ),
            Self::Window { bytes } => write!(
                f,
                "it is compressed with a window of {} MiB; the kernel takes at most 128",
                bytes >> 20
            ),
            Self::EarlyTooLate { name } => write!(
                f,
                "{} comes after a compressed segment: {EARLY}",
                quoted(name)
            ),
            Self::EarlyCompressed { name } => {
                write!(f, "{} is in a compressed segment: {EARLY}", quoted(name))
            }
            Self::EarlyName { name } => write!(
                f,
                "{} has something in front of its name: {EARLY}",
                quoted(name)
            ),
            Self::Dropped { name, why } => {
                write!(f, "{} {why}: the kernel passes over it", quoted(name))
            }
            Self::NotUtf8 { name } => {
                write!(f, "{} is no UTF-8, or points to what is none", quoted(name))
            }
            Self::More { count } => write!(f, "{count} more of the kind"),
        }
    }
}

/// Problems as they come up, of which there may be very many.
#[derive(Default)]
pub(super) struct Problems {
    listed: Vec<Problem>,
    more: usize,
}

impl Problems {
    /// So many are listed.
    const MANY: usize = 100;

    pub(super) fn push(&mut self, problem: Problem) {
        if self.listed.len() < Self::MANY {
            self.listed.push(problem);
        } else {
            self.more += 1;
        }
    }

    pub(super) fn finish(mut self) -> Vec<Problem> {
        if self.more > 0 {
            self.listed.push(Problem::More { count: self.more });
        }
        self.listed
    }
}
