//! Writes binary packages, format 2.0 (deb(5)): in this process, without root, the same bytes for the same [`Deb`] wherever and whenever. Uncompressed, they
//! are byte for byte those of `dpkg-deb --root-owner-group --build`. What is in a package is left to whoever makes one; reading them is `archive`'s.

mod compress;
mod control;
mod tar;
#[cfg(test)]
mod tests;
mod xz;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

pub use compress::{Compression, Format};
pub use control::MEMBERS;

use crate::debian::deb822::Stanza;
use crate::failure::{Doing, Failure, Kind, Result};
use crate::files::UNFINISHED;
use crate::image::tree::{Entry, FileTree, Node};

/// A binary package that is to be written.
#[derive(Clone, Debug)]
pub struct Deb {
    /// Its `control` file; what is there has to be right (Debian Policy, chapters 5 and 7). The fields' order does not matter, and `Installed-Size` is added.
    pub control: Stanza,
    /// What lies beside `control`, by name: maintainer scripts, `triggers`, `conffiles` and so on.
    pub scripts: BTreeMap<String, String>,
    /// The files; all belong to root. Directories above them are made, 0755.
    pub files: FileTree,
    /// Modification time of everything, in seconds since 1970: `SOURCE_DATE_EPOCH`.
    pub mtime: u32,
    /// How its two archives are compressed.
    pub compression: Compression,
}

impl Deb {
    /// `NAME_VERSION_ARCHITECTURE.deb`, the version without its epoch, as dpkg-name(1) has it.
    ///
    /// # Errors
    /// [`Kind::Recipe`] with a note for each mistake in the control fields.
    pub fn file_name(&self) -> Result<String> {
        control::file_name(&self.control)
    }

    /// Writes it, whole or not at all: what is at `to` is replaced by a rename, and not synced. Contents are streamed, the compressed data by way of a
    /// temporary file beside it, because deb(5) wants their length, and their digests, in front of them.
    ///
    /// # Errors
    /// [`Kind::Recipe`] for what no package can hold; what reading and writing fail with.
    pub fn write(&self, to: &Path) -> Result<()> {
        self.write_all(to)
            .doing(|| format!("cannot write the package {}", to.display()))
    }

    fn write_all(&self, to: &Path) -> Result<()> {
        control::check(&self.control)?;
        let files = self.tree()?;
        control::check_members(&self.scripts, &files)?;
        let folder = to.parent().unwrap_or(Path::new("."));
        fs_err::create_dir_all(folder)?;
        let (sums, data) = self.archive(&files, folder)?;
        let (_, control) = self.archive(&self.control_tree(&files, &sums)?, folder)?;

        let mut package = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempfile_in(folder)?;
        let suffix = self.compression.format.suffix();
        let mut ar = Ar::new(package.as_file_mut(), self.mtime)?;
        ar.member("debian-binary", 4, &mut &b"2.0\n"[..])?;
        for (name, mut archive) in [("control.tar", control), ("data.tar", data)] {
            let size = archive.stream_position()?;
            archive.seek(SeekFrom::Start(0))?;
            ar.member(&format!("{name}{suffix}"), size, &mut archive)?;
        }
        readable(package.as_file())?;
        package.persist(to).map_err(|error| error.error)?;
        Ok(())
    }

    /// A temporary file with a tree as a compressed tar archive, which stands at its end; and the digests of the contents.
    fn archive(&self, tree: &FileTree, folder: &Path) -> Result<(tar::Sums, File)> {
        let output = tempfile::tempfile_in(folder)?;
        let mut archive = tar::Writer::new(self.compression.encoder(output)?, self.mtime);
        let sums = archive.tree(tree)?;
        Ok((sums, archive.finish()?.finish()?))
    }

    /// The files with all directories above them, if a package can hold them.
    fn tree(&self) -> Result<FileTree> {
        let mut files = self.files.clone();
        files.fill_parents(0o755);
        let mut refused = Vec::new();
        for (path, entry) in files.iter() {
            // dpkg keeps its list of a package's files by line; and names of owners are the target machine's.
            let reason = match &entry.node {
                _ if path.as_str().contains('\n') => "its name has two lines",
                _ if (entry.uid, entry.gid) != (0, 0) => "it does not belong to root",
                Node::File(_) | Node::Directory | Node::Symlink { .. } => continue,
                _ => "it is neither file, directory nor symbolic link",
            };
            refused.push(format!("{:?}: {reason}", path.to_string()));
        }
        if refused.is_empty() {
            return Ok(files);
        }
        let failure = Failure::new(Kind::Recipe, "a package cannot hold all of its files");
        Err(refused.into_iter().fold(failure, Failure::note))
    }

    fn control_tree(&self, files: &FileTree, sums: &tar::Sums) -> Result<FileTree> {
        let size = installed_size(files).to_string();
        let control = control::ordered(&self.control.clone().with("Installed-Size", size));
        let mut members = self.scripts.clone();
        members.insert("control".to_owned(), control.to_string());
        let conffiles = self.scripts.get("conffiles").map_or("", String::as_str);
        // dpkg keeps the digests of configuration files elsewhere, as dh_md5sums(1) knows.
        let sums: String = (sums.iter())
            .filter(|(path, _)| !conffiles.lines().any(|line| line == path.to_string()))
            .map(|(path, sum)| format!("{sum}  {}\n", path.as_str()))
            .collect();
        if !sums.is_empty() {
            members.insert("md5sums".to_owned(), sums);
        }
        let mut tree = FileTree::default();
        for (name, text) in members {
            let executable = control::SCRIPTS.contains(&name.as_str());
            let origin = crate::image::tree::Origin::Generated { what: name.clone() };
            tree.add(name.parse()?, Entry::file(&*text, executable, origin))?;
        }
        Ok(tree)
    }
}

/// What the files take when they are installed, in KiB, as dpkg-gencontrol(1) counts: each file and link rounded up, 1 for all else, the root directory included.
fn installed_size(files: &FileTree) -> u64 {
    let of = |entry: &Entry| match &entry.node {
        Node::File(content) => content.size().div_ceil(1024),
        Node::Symlink { target } => (target.len() as u64).div_ceil(1024),
        _ => 1,
    };
    1 + files.iter().map(|(_, entry)| of(entry)).sum::<u64>()
}

/// Temporary files are their owner's alone, whatever the umask; packages are for everybody to read.
fn readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

/// The outer archive: plain names, no symbol table.
struct Ar<'a> {
    output: &'a mut File,
    mtime: u32,
}

/// A size has ten digits in a header.
const LARGEST: u64 = 9_999_999_999;

impl<'a> Ar<'a> {
    fn new(output: &'a mut File, mtime: u32) -> io::Result<Self> {
        output.write_all(b"!<arch>\n")?;
        Ok(Self { output, mtime })
    }

    fn member(&mut self, name: &str, size: u64, content: &mut impl io::Read) -> Result<()> {
        if size > LARGEST {
            let what = format!(
                "{name} would have {size} bytes, and a package's member has at most {LARGEST}"
            );
            return Err(
                Failure::new(Kind::Space, what).hint("leave something out, or compress it more")
            );
        }
        let header = format!(
            "{name:<16}{:<12}0     0     100644  {size:<10}`\n",
            self.mtime
        );
        self.output.write_all(header.as_bytes())?;
        let copied = io::copy(content, self.output)?;
        if copied != size {
            return Err(Failure::bug(format!(
                "{name} had {copied} bytes in place of {size}"
            )));
        }
        if size % 2 == 1 {
            self.output.write_all(b"\n")?;
        }
        Ok(())
    }
}
