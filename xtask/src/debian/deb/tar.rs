//! The archives inside a package, as GNU tar writes them for `dpkg-deb`: `./path`, root:root, long names in members of their own, directories before what is in them,
//! links at the end. The digests of contents come from the same pass.

use std::io::{self, Write};

use md5::{Digest as _, Md5};
use tar::{EntryType, Header};

use crate::failure::Result;
use crate::image::path::ImagePath;
use crate::image::tree::{Entry, FileTree, Node};
use crate::tool;

/// MD5 of each file, in hexadecimal digits, by path.
pub(super) type Sums = Vec<(ImagePath, String)>;

/// A tar archive in the making.
pub(super) struct Writer<W: Write> {
    output: W,
    mtime: u32,
    /// Bytes so far.
    length: u64,
}

/// tar's unit.
const BLOCK: u64 = 512;

/// GNU tar fills its archives up to twenty blocks.
const RECORD: u64 = 20 * BLOCK;

/// Longer names and targets stand in members of their own (a name of exactly this length needs no NUL).
const NAME: usize = 100;

impl<W: Write> Writer<W> {
    pub(super) fn new(output: W, mtime: u32) -> Self {
        Self {
            output,
            mtime,
            length: 0,
        }
    }

    /// Writes the root directory and all that is in the tree.
    pub(super) fn tree(&mut self, files: &FileTree) -> Result<Sums> {
        self.header(b"./", EntryType::Directory, 0o755, 0, b"")?;
        // A walk through the directories, and not the order of whole paths, in which `a-b` comes before `a/b`.
        let mut entries: Vec<(&ImagePath, &Entry)> = files.iter().collect();
        entries.sort_by(|(one, _), (other, _)| {
            let (one, other) = (one.as_str().split('/'), other.as_str().split('/'));
            one.cmp(other)
        });
        let is_link = |entry: &Entry| matches!(entry.node, Node::Symlink { .. });
        let (links, others): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(_, entry)| is_link(entry));
        let mut sums = Sums::new();
        for (path, entry) in others.into_iter().chain(links) {
            tool::check_interrupt()?;
            if let Some(sum) = self.entry(path, entry)? {
                sums.push((path.clone(), sum));
            }
        }
        sums.sort();
        Ok(sums)
    }

    fn entry(&mut self, path: &ImagePath, entry: &Entry) -> Result<Option<String>> {
        let name = format!("./{}", path.as_str());
        match &entry.node {
            Node::File(content) => {
                self.header(
                    name.as_bytes(),
                    EntryType::Regular,
                    entry.mode,
                    content.size(),
                    b"",
                )?;
                let mut summed = Summed {
                    output: &mut *self,
                    state: Md5::new(),
                };
                content.copy_to(&mut summed)?;
                let sum = summed.state.finalize();
                self.fill(BLOCK)?;
                Ok(Some(sum.iter().map(|byte| format!("{byte:02x}")).collect()))
            }
            Node::Symlink { target } => {
                self.header(
                    name.as_bytes(),
                    EntryType::Symlink,
                    0o777,
                    0,
                    target.as_bytes(),
                )?;
                Ok(None)
            }
            _ => {
                self.header(
                    format!("{name}/").as_bytes(),
                    EntryType::Directory,
                    entry.mode,
                    0,
                    b"",
                )?;
                Ok(None)
            }
        }
    }

    fn header(
        &mut self,
        name: &[u8],
        kind: EntryType,
        mode: u32,
        size: u64,
        target: &[u8],
    ) -> io::Result<()> {
        for (long, kind) in [
            (target, EntryType::GNULongLink),
            (name, EntryType::GNULongName),
        ] {
            if long.len() > NAME {
                let text = [long, b"\0"].concat();
                let mut header = plain(b"././@LongLink", kind, 0o644, text.len() as u64, b"")?;
                header.set_mtime(0);
                self.block(&mut header)?;
                self.write_all(&text)?;
                self.fill(BLOCK)?;
            }
        }
        let mut header = plain(name, kind, mode, size, target)?;
        header.set_mtime(u64::from(self.mtime));
        self.block(&mut header)
    }

    /// Writes a header with its checksum, in GNU tar's form: six digits, NUL, blank.
    fn block(&mut self, header: &mut Header) -> io::Result<()> {
        header.set_cksum();
        let sum = header.cksum()?;
        header.as_old_mut().cksum = *b"000000\0 ";
        let digits = format!("{sum:06o}");
        header.as_old_mut().cksum[..6].copy_from_slice(digits.as_bytes());
        self.write_all(header.as_bytes())
    }

    /// Fills up with zeros to a multiple of this.
    fn fill(&mut self, unit: u64) -> io::Result<()> {
        let missing = self.length.next_multiple_of(unit) - self.length;
        self.write_all(&[0; RECORD as usize][..missing as usize])
    }

    /// Ends the archive with two blocks of zeros and what fills the last record, and returns the output.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.write_all(&[0; 2 * BLOCK as usize])?;
        self.fill(RECORD)?;
        Ok(self.output)
    }
}

/// A header without time and checksum. Names are cut where they are too long for it.
fn plain(name: &[u8], kind: EntryType, mode: u32, size: u64, target: &[u8]) -> io::Result<Header> {
    let mut header = Header::new_gnu();
    let old = header.as_old_mut();
    let cut = |long: &mut [u8; NAME], text: &[u8]| {
        let length = text.len().min(NAME);
        long[..length].copy_from_slice(&text[..length]);
    };
    cut(&mut old.name, name);
    cut(&mut old.linkname, target);
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_size(size);
    Ok(header)
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Passes a file's bytes on and digests them on the way.
struct Summed<'a, W: Write> {
    output: &'a mut Writer<W>,
    state: Md5,
}

impl<W: Write> Write for Summed<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.state.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
