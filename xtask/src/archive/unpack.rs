//! Unpacks a tar archive (POSIX.1-2001 pax and GNU) into an empty folder, streaming. The members are `writer`'s.

use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind, Result};
use crate::tool;

use super::ahead::ahead;
use super::meter::{Gauge, Meter};
use super::writer::Writer;
use super::{decoded, unreadable};

/// How much an archive may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the uncompressed archive.
    pub bytes: u64,
    /// Members.
    pub entries: u64,
}

impl Default for Limits {
    /// 8 GiB and a million members: six times the kernel's source tree.
    fn default() -> Self {
        Self {
            bytes: 8 << 30,
            entries: 1_000_000,
        }
    }
}

/// What an archive says of a member, and unpacking does not keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attributes {
    /// Permission bits with set-id and sticky bits (`07777` of POSIX's `st_mode`).
    pub mode: u32,
    /// Number of the owner.
    pub uid: u64,
    /// Number of the group.
    pub gid: u64,
}

/// Somebody who is told of every member.
pub type Note<'a> = dyn Fn(&Path, Attributes) + 'a;

/// How an archive is unpacked.
#[derive(Clone, Default)]
pub struct Options<'a> {
    /// What failures call the archive.
    pub archive: String,
    /// So many leading components are taken off every name.
    pub strip_components: usize,
    /// Only these paths (after stripping) are unpacked; all, when there is no filter. Directories that are needed come along.
    pub keep: Option<&'a dyn Fn(&Path) -> bool>,
    /// Told of every member that is unpacked, by its path (after stripping).
    pub note: Option<&'a Note<'a>>,
    /// Absolute targets of symbolic links are kept as they are: for packages, whose files are looked at as a system of their own and whose links nobody follows on the host.
    pub absolute_links: bool,
    /// Modification time of everything, in seconds since the epoch; the present where there is none.
    pub mtime: Option<i64>,
    /// How much it may hold.
    pub limits: Limits,
}

impl Options<'_> {
    /// The default for an archive that failures call `archive`.
    pub fn new(archive: impl Into<String>) -> Self {
        Self {
            archive: archive.into(),
            ..Self::default()
        }
    }
}

/// What was unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Files, hard and symbolic links.
    pub files: u64,
    /// Bytes in files.
    pub bytes: u64,
}

/// Unpacks a tar archive, compressed as [`decoded`] can tell, into `folder`, which is made unless it is there and empty.
/// Modes become 0755 or 0644. After a failure the folder holds whatever was unpacked so far and is to be thrown away.
///
/// # Errors
/// [`Kind::Source`], naming archive and member, for anything that leaves the folder (`..`, absolute paths, links), passes through a link,
/// comes twice, is neither file, directory nor link, or exceeds the limits; for an archive that is damaged, cut short
/// (a tar ends with two blocks of zeros) or followed by something else. I/O failures of the host as they are.
pub fn unpack_tar<R: Read + Send>(input: R, folder: &Path, options: &Options) -> Result<Unpacked> {
    make_empty(folder)?;
    ahead(decoded(&options.archive, input)?, |input| {
        unpack(input, folder, options)
    })
}

fn unpack(input: impl Read, folder: &Path, options: &Options) -> Result<Unpacked> {
    let gauge = Gauge::new(options.limits.bytes);
    let mut archive = tar::Archive::new(Meter::new(input, &gauge));
    let mut writer = Writer::new(folder, options);
    let failed = |error| unreadable(&options.archive, error);
    let mut count = 0;
    let mut entries = archive.entries().map_err(failed)?;
    loop {
        tool::check_interrupt()?;
        gauge.headers();
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(failed)?;
        gauge.contents();
        count += 1;
        if count > options.limits.entries {
            return Err(Failure::new(
                Kind::Source,
                format!(
                    "{} holds more than the {} members it may",
                    options.archive, options.limits.entries
                ),
            ));
        }
        writer.member(&mut entry)?;
    }
    gauge.contents();
    ends_properly(archive.into_inner(), &gauge).map_err(failed)?;
    writer.finish()
}

fn make_empty(folder: &Path) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    if fs_err::read_dir(folder)?.next().is_some() {
        return Err(Failure::bug(format!(
            "{} is not empty, and an archive was to be unpacked into it",
            folder.display()
        )));
    }
    Ok(())
}

/// Looks at what follows the first block of zeros, which the tar reader took for the end, or at the lack of one.
fn ends_properly(mut rest: Meter<impl Read>, gauge: &Gauge) -> io::Result<()> {
    let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, "it has no end mark");
    if gauge.ended() {
        return Err(cut());
    }
    let mut zeros = 0;
    let mut piece = [0; 4096];
    loop {
        match rest.read(&mut piece)? {
            0 => break,
            read if piece[..read].iter().all(|&byte| byte == 0) => zeros += read,
            _ => return Err(io::Error::other("something follows its end mark")),
        }
    }
    if zeros < 512 { Err(cut()) } else { Ok(()) }
}
