//! Writes the members of a tar archive to disk, or refuses them.
//!
//! What was written is remembered, so that every name is judged by what the archive itself put there: no directory on the
//! way may be a link, nothing is written twice. Owners, times, setuid bits and extended attributes are not kept.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::Permissions;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};
use tar::EntryType;

use crate::failure::{Failure, Kind, Result};
use crate::tool;

use super::member::{self, Reason};
use super::unpack::{Attributes, Options, Unpacked};
use super::unreadable;

/// Contents are copied in pieces of this size.
const PIECE: usize = 1 << 20;

/// What a path became.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Directory,
    File,
    Symlink,
}

/// Where members go.
pub(super) struct Writer<'a> {
    folder: &'a Path,
    options: &'a Options<'a>,
    seen: HashMap<PathBuf, Seen>,
    /// A directory that is known to be there: mostly the next member's too.
    parent: PathBuf,
    /// Links whose targets have to be looked at again when all links are known.
    climbing: Vec<(PathBuf, PathBuf)>,
    piece: Vec<u8>,
    done: Unpacked,
}

impl<'a> Writer<'a> {
    pub(super) fn new(folder: &'a Path, options: &'a Options<'a>) -> Self {
        Self {
            folder,
            options,
            seen: HashMap::new(),
            parent: PathBuf::new(),
            climbing: Vec::new(),
            piece: vec![0; PIECE],
            done: Unpacked::default(),
        }
    }

    pub(super) fn member<R: Read>(&mut self, entry: &mut tar::Entry<R>) -> Result<()> {
        let kind = entry.header().entry_type();
        let name = entry.path_bytes().into_owned();
        let refused = |reason| refused(&self.options.archive, &name, reason);
        if extended_headers(entry).is_err() {
            return Err(refused("has an extended header that cannot be understood"));
        }
        if kind == EntryType::XGlobalHeader {
            return self.global_header(entry, &name);
        }
        if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| *refused == kind) {
            return Err(refused(reason));
        }
        let path = member::path(&name, self.options.strip_components).map_err(refused)?;
        if path.as_os_str().is_empty() {
            return if kind == EntryType::Directory {
                Ok(())
            } else {
                Err(refused(
                    "has no name left after stripping its leading folders",
                ))
            };
        }
        if self.options.keep.is_some_and(|keep| !keep(&path)) {
            return self.copy(entry, &mut io::sink(), &name).map(drop);
        }
        self.parents(&path, &name)?;
        if let Some(note) = self.options.note {
            let attributes = attributes(entry.header());
            note(
                &path,
                attributes.map_err(|error| unreadable(&self.options.archive, error))?,
            );
        }
        let link = entry.link_name_bytes().map(Cow::into_owned);
        let link = link.unwrap_or_default();
        match kind {
            EntryType::Regular if !name.ends_with(b"/") => self.file(entry, &path, &name),
            EntryType::Directory => self.directory(&path, &name),
            EntryType::Symlink | EntryType::Link if entry.size() > 0 => {
                Err(refused("is a link with contents"))
            }
            EntryType::Symlink => self.symlink(&path, &link, &name),
            EntryType::Link => self.hard_link(&path, &link, &name),
            _ => Err(refused("is neither file, directory nor link")),
        }
    }

    /// Such a header may change every member after it; the one that `git archive` writes holds a comment only.
    fn global_header<R: Read>(&mut self, entry: &mut tar::Entry<R>, name: &[u8]) -> Result<()> {
        let mut bytes = Vec::new();
        entry
            .take(PIECE as u64)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(&self.options.archive, error))?;
        let comments = tar::PaxExtensions::new(&bytes)
            .all(|extension| extension.is_ok_and(|extension| extension.key() == Ok("comment")));
        if comments {
            Ok(())
        } else {
            Err(refused(
                &self.options.archive,
                name,
                "is a global header with more than comments",
            ))
        }
    }

    fn file<R: Read>(&mut self, entry: &mut tar::Entry<R>, path: &Path, name: &[u8]) -> Result<()> {
        let executable = entry.header().mode().unwrap_or(0) & 0o111 != 0;
        self.claim(path, Seen::File, name)?;
        let mode = if executable { 0o755 } else { 0o644 };
        let mut file = fs_err::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(self.folder.join(path))
            .map_err(|error| self.host(name, error))?
            .into_parts()
            .0;
        self.done.bytes += self.copy(entry, &mut file, name)?;
        self.done.files += 1;
        // The mode that a file is created with is subject to the umask.
        file.set_permissions(Permissions::from_mode(mode))?;
        if let Some(times) = self.times() {
            rustix::fs::futimens(&file, &times).map_err(io::Error::from)?;
        }
        Ok(())
    }

    fn directory(&mut self, path: &Path, name: &[u8]) -> Result<()> {
        match self.seen.get(path) {
            Some(Seen::Directory) => Ok(()),
            Some(_) => Err(refused(&self.options.archive, name, TWICE)),
            None => self.make_directory(path, name),
        }
    }

    fn make_directory(&mut self, path: &Path, name: &[u8]) -> Result<()> {
        let on_disk = self.folder.join(path);
        fs_err::create_dir(&on_disk).map_err(|error| self.host(name, error))?;
        fs_err::set_permissions(&on_disk, Permissions::from_mode(0o755))?;
        self.seen.insert(path.to_owned(), Seen::Directory);
        Ok(())
    }

    fn symlink(&mut self, path: &Path, link: &[u8], name: &[u8]) -> Result<()> {
        let target = member::target(path, link, self.options.absolute_links)
            .map_err(|reason| refused(&self.options.archive, name, reason))?;
        self.claim(path, Seen::Symlink, name)?;
        fs_err::os::unix::fs::symlink(&target, self.folder.join(path))
            .map_err(|error| self.host(name, error))?;
        self.done.files += 1;
        self.touch(path)?;
        if !target.is_absolute() && member::climbs_back(&target) {
            self.climbing.push((path.to_owned(), target));
        }
        Ok(())
    }

    fn hard_link(&mut self, path: &Path, link: &[u8], name: &[u8]) -> Result<()> {
        let refused = |reason| refused(&self.options.archive, name, reason);
        let target = member::path(link, self.options.strip_components)
            .map_err(|_| refused("is a hard link that leaves the archive's folder"))?;
        if self.seen.get(&target) != Some(&Seen::File) {
            return Err(refused(
                "is a hard link to something that was not unpacked before it",
            ));
        }
        self.claim(path, Seen::File, name)?;
        fs_err::hard_link(self.folder.join(&target), self.folder.join(path))
            .map_err(|error| self.host(name, error))?;
        self.done.files += 1;
        Ok(())
    }

    /// Takes a path for a file or link, which nothing else may have.
    fn claim(&mut self, path: &Path, kind: Seen, name: &[u8]) -> Result<()> {
        match self.seen.insert(path.to_owned(), kind) {
            None => Ok(()),
            Some(_) => Err(refused(&self.options.archive, name, TWICE)),
        }
    }

    /// Makes the directories above a member.
    fn parents(&mut self, path: &Path, name: &[u8]) -> Result<()> {
        let parent = path.parent().unwrap_or(Path::new(""));
        if parent == self.parent {
            return Ok(());
        }
        let above: Vec<&Path> = parent
            .ancestors()
            .filter(|above| !above.as_os_str().is_empty())
            .collect();
        for above in above.into_iter().rev() {
            let reason = match self.seen.get(above) {
                Some(Seen::Directory) => continue,
                Some(Seen::Symlink) => "would be written through a symbolic link",
                Some(Seen::File) => "lies below a file",
                None => {
                    self.make_directory(above, name)?;
                    continue;
                }
            };
            return Err(refused(&self.options.archive, name, reason));
        }
        parent.clone_into(&mut self.parent);
        Ok(())
    }

    /// Copies a member's contents, all of them.
    fn copy<R: Read>(
        &mut self,
        entry: &mut tar::Entry<R>,
        output: &mut impl Write,
        name: &[u8],
    ) -> Result<u64> {
        let mut copied = 0;
        loop {
            tool::check_interrupt()?;
            let read = match entry.read(&mut self.piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(&self.options.archive, error)),
            };
            output
                .write_all(&self.piece[..read])
                .map_err(|error| self.host(name, error))?;
            copied += read as u64;
        }
        if copied == entry.size() {
            return Ok(copied);
        }
        let what = format!("it ends within {}", shown(name));
        let error = io::Error::new(io::ErrorKind::UnexpectedEof, what);
        Err(unreadable(&self.options.archive, error))
    }

    /// The checks that need to know every link, and the directories' times, which unpacking changed.
    pub(super) fn finish(self) -> Result<Unpacked> {
        for (link, target) in &self.climbing {
            let passes_link = member::climbed_from(link, target)
                .iter()
                .any(|path| self.seen.get(path) == Some(&Seen::Symlink));
            if passes_link {
                return Err(refused(
                    &self.options.archive,
                    link.as_os_str().as_bytes(),
                    "is a link that leads through another link and up again",
                ));
            }
        }
        let directories = self
            .seen
            .iter()
            .filter(|(_, kind)| **kind == Seen::Directory);
        for (path, _) in directories {
            self.touch(path)?;
        }
        self.touch(Path::new(""))?;
        Ok(self.done)
    }

    fn touch(&self, path: &Path) -> Result<()> {
        if let Some(times) = self.times() {
            let on_disk = self.folder.join(path);
            rustix::fs::utimensat(CWD, &on_disk, &times, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(io::Error::from)?;
        }
        Ok(())
    }

    fn times(&self) -> Option<Timestamps> {
        let time = Timespec {
            tv_sec: self.options.mtime?,
            tv_nsec: 0,
        };
        Some(Timestamps {
            last_access: time,
            last_modification: time,
        })
    }

    /// A failure of the host; but a name that no file system takes is the archive's fault.
    fn host(&self, name: &[u8], error: io::Error) -> Failure {
        if error.kind() == io::ErrorKind::InvalidFilename {
            return refused(&self.options.archive, name, "has too long a name");
        }
        Failure::from(error).note(format!(
            "while unpacking {} of {}",
            shown(name),
            self.options.archive
        ))
    }
}

fn attributes(header: &tar::Header) -> io::Result<Attributes> {
    // Left empty it is 0, as for dpkg and GNU tar.
    let empty = |field: &[u8]| field.iter().all(|byte| matches!(byte, 0 | b' '));
    let number = |field: &[u8], read: io::Result<u64>| if empty(field) { Ok(0) } else { read };
    let fields = header.as_old();
    Ok(Attributes {
        mode: header.mode()? & 0o7777,
        uid: number(&fields.uid, header.uid())?,
        gid: number(&fields.gid, header.gid())?,
    })
}

const TWICE: Reason = "comes a second time";

/// What is refused, and as what.
const REFUSED: &[(EntryType, Reason)] = &[
    (EntryType::Char, "is a device node"),
    (EntryType::Block, "is a device node"),
    (EntryType::Fifo, "is a named pipe"),
    (EntryType::GNUSparse, "is a sparse file"),
];

/// Looks at a member's pax header: one that is malformed would be ignored silently, and sparse files would come out wrong.
fn extended_headers<R: Read>(entry: &mut tar::Entry<R>) -> io::Result<()> {
    if entry.header().entry_type() == EntryType::XGlobalHeader {
        return Ok(());
    }
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        if extension?.key_bytes().starts_with(b"GNU.sparse.") {
            return Err(io::Error::other("sparse file"));
        }
    }
    Ok(())
}

fn refused(archive: &str, name: &[u8], reason: Reason) -> Failure {
    Failure::new(
        Kind::Source,
        format!("{archive} is refused: its member {} {reason}", shown(name)),
    )
    .hint("a proper source archive holds nothing like it: check where this one comes from")
}

/// A name for people: quoted, escaped, and not longer than a line or two.
fn shown(name: &[u8]) -> String {
    let text = OsStr::from_bytes(&name[..name.len().min(200)]);
    format!("{:?}", text.to_string_lossy())
}
