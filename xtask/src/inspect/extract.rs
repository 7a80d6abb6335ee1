//! Writes files of an image into a folder, and nothing anywhere else: no link is followed on the way, neither one that was there nor one that was just written.

use std::fs::Permissions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt;
use serde::Serialize;

use crate::failure::{Failure, Kind, Result};
use crate::image::path::ImagePath;
use crate::image::tree::{Entry, FileTree, Node};

use super::shown;

/// How things are written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Replace files and links that are there.
    pub force: bool,
    /// Keep setuid, setgid and sticky bits.
    pub preserve: bool,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Extracted {
    /// Files.
    pub files: usize,
    /// Directories, also those above what was asked for.
    pub directories: usize,
    /// Symbolic links.
    pub links: usize,
    /// Bytes of the files.
    pub bytes: u64,
    /// Device nodes, named pipes and sockets, which are not made.
    pub skipped: Vec<ImagePath>,
    /// Paths whose setuid, setgid or sticky bits were left off.
    pub without_bits: Vec<ImagePath>,
}

/// Bits beside reading, writing and executing.
const SPECIAL: u32 = 0o7000;

/// So many clashes are named.
const NAMED: usize = 5;

/// Writes those entries of `tree` that are `wanted`, and the directories above them, below `folder`, which is made. Owners are whoever runs this.
///
/// # Errors
/// [`Kind::Usage`] when something is there already, before anything is written; [`Kind::Host`] and [`Kind::Space`] when writing fails.
pub fn extract(
    tree: &FileTree,
    folder: &Path,
    wanted: &dyn Fn(&ImagePath) -> bool,
    options: Options,
) -> Result<Extracted> {
    let chosen: Vec<(&ImagePath, &Entry)> = tree.iter().filter(|(path, _)| wanted(path)).collect();
    // A link to a directory is one: it was the user who named it.
    let mut above = folder.ancestors();
    if let Some(file) = above.find(|place| place.exists() && !place.is_dir()) {
        return Err(in_the_way(file, "is no directory"));
    }
    fs_err::create_dir_all(folder)?;
    let folder = fs_err::canonicalize(folder)?;
    look(&folder, &chosen, options)?;
    let mut done = Extracted::default();
    let mut directories: Vec<(PathBuf, u32)> = Vec::new();
    for (path, entry) in chosen {
        crate::tool::check_interrupt()?;
        let mut above: Vec<ImagePath> = path.ancestors().collect();
        above.reverse();
        for parent in above {
            if make_directory(&folder.join(parent.as_str()))? {
                done.directories += 1;
            }
        }
        let place = folder.join(path.as_str());
        let mode = match entry.mode & SPECIAL {
            0 => entry.mode,
            _ if options.preserve => entry.mode,
            _ => {
                done.without_bits.push(path.clone());
                entry.mode & !SPECIAL
            }
        };
        match &entry.node {
            Node::Directory => {
                // One that was there before keeps what it had.
                if make_directory(&place)? {
                    done.directories += 1;
                    directories.push((place, mode));
                }
            }
            Node::File(content) => {
                clear(&place, options)?;
                let mut file = fs_err::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&place)?;
                content.copy_to(&mut file)?;
                file.flush()?;
                file.set_permissions(Permissions::from_mode(mode))?;
                done.files += 1;
                done.bytes += content.size();
            }
            Node::Symlink { target } => {
                clear(&place, options)?;
                fs_err::os::unix::fs::symlink(target, &place)?;
                done.links += 1;
            }
            Node::Device { .. } | Node::Fifo | Node::Socket => done.skipped.push(path.clone()),
        }
    }
    // Last, and the deepest first: nothing can be put into a directory that may not be written.
    for (place, mode) in directories.iter().rev() {
        fs_err::set_permissions(place, Permissions::from_mode(*mode))?;
    }
    Ok(done)
}

/// Looks whether anything is in the way.
fn look(folder: &Path, chosen: &[(&ImagePath, &Entry)], options: Options) -> Result<()> {
    let mut clashes = Vec::new();
    for (path, entry) in chosen {
        for above in path.ancestors() {
            let place = folder.join(above.as_str());
            if is_there(&place)?.is_some_and(|is_directory| !is_directory) {
                return Err(in_the_way(&place, "is no directory"));
            }
        }
        let place = folder.join(path.as_str());
        match (is_there(&place)?, &entry.node) {
            (None, _) | (Some(true), Node::Directory) => {}
            (Some(false), Node::Directory) => return Err(in_the_way(&place, "is no directory")),
            (Some(true), _) => return Err(in_the_way(&place, "is a directory")),
            (Some(false), _) if options.force => {}
            (Some(false), _) => clashes.push(place),
        }
    }
    if clashes.is_empty() {
        return Ok(());
    }
    let what = format!("{} of the files are there already", clashes.len());
    let failure = Failure::new(Kind::Usage, what)
        .hint("choose an empty folder, or replace them with --force");
    let named = clashes.iter().take(NAMED);
    Err(named.fold(failure, |failure, place| {
        failure.note(shown(&place.display().to_string()))
    }))
}

fn in_the_way(place: &Path, why: &str) -> Failure {
    let place = shown(&place.display().to_string());
    Failure::new(Kind::Usage, format!("{place} is in the way: it {why}"))
        .hint("choose an empty folder, or remove it")
}

/// Whether something is at a place, and if so, whether it is a directory and no link to one.
fn is_there(place: &Path) -> Result<Option<bool>> {
    match fs_err::symlink_metadata(place) {
        Ok(meta) => Ok(Some(meta.is_dir())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether it had to be made.
fn make_directory(place: &Path) -> Result<bool> {
    match is_there(place)? {
        Some(true) => Ok(false),
        Some(false) => Err(in_the_way(place, "is no directory")),
        None => {
            fs_err::create_dir(place)?;
            Ok(true)
        }
    }
}

fn clear(place: &Path, options: Options) -> Result<()> {
    if options.force && is_there(place)? == Some(false) {
        fs_err::remove_file(place)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tree::{DeviceKind, Origin};
    use crate::inspect::samples::image;

    fn all(_: &ImagePath) -> bool {
        true
    }

    fn sample() -> FileTree {
        let origin = || Origin::Built {
            from: String::new(),
        };
        let null = Node::Device {
            device: DeviceKind::Character,
            major: 1,
            minor: 3,
        };
        let mut tree = FileTree::default();
        let mut put = |path: &str, entry| tree.add(path.parse().unwrap(), entry).unwrap();
        put("bin", Entry::new(Node::Directory, 0o555, origin()));
        put(
            "bin/su",
            Entry::new(Node::File("su".into()), 0o4755, origin()),
        );
        put("out", Entry::symlink("/etc", origin()));
        put("dev", Entry::directory(origin()));
        put("dev/null", Entry::new(null, 0o666, origin()));
        tree
    }

    fn mode(path: &Path) -> u32 {
        fs_err::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn everything_is_written_but_nodes_and_special_bits() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("new/folder");
        let done = extract(&sample(), &to, &all, Options::default()).unwrap();
        assert_eq!(
            (done.files, done.directories, done.links, done.bytes),
            (1, 2, 1, 2)
        );
        assert_eq!(done.skipped[0].to_string(), "/dev/null");
        assert_eq!(done.without_bits[0].to_string(), "/bin/su");
        assert_eq!(
            (mode(&to.join("bin")), mode(&to.join("bin/su"))),
            (0o555, 0o755)
        );
        assert_eq!(
            fs_err::read_link(to.join("out")).unwrap(),
            Path::new("/etc")
        );
        let options = Options {
            preserve: true,
            ..Options::default()
        };
        extract(&sample(), &folder.path().join("kept"), &all, options).unwrap();
        assert_eq!(mode(&folder.path().join("kept/bin/su")), 0o4755);
    }

    #[test]
    fn what_is_there_is_replaced_by_force_only() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("a");
        fs_err::write(&there, "mine").unwrap();
        let tree = image(&[("a", "theirs"), ("b", "new")]).archive.tree;
        let failure = extract(&tree, folder.path(), &all, Options::default()).unwrap_err();
        assert_eq!(failure.kind, Kind::Usage);
        assert!(!folder.path().join("b").exists(), "nothing is written then");
        let options = Options {
            force: true,
            ..Options::default()
        };
        extract(&tree, folder.path(), &all, options).unwrap();
        assert_eq!(fs_err::read_to_string(&there).unwrap(), "theirs");
    }

    #[test]
    fn a_file_is_no_folder_to_write_into() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("README");
        fs_err::write(&file, "mine").unwrap();
        for to in [file.clone(), file.join("new")] {
            let failure = extract(&sample(), &to, &all, Options::default()).unwrap_err();
            assert_eq!(failure.kind, Kind::Usage);
            assert!(
                failure
                    .what
                    .ends_with("README is in the way: it is no directory")
            );
        }
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let tree = image(&[("d/f", "x"), ("g", "y")]).archive.tree;
        let link = |name: &str, to: &Path| {
            fs_err::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
        };
        link("d", outside.path());
        let options = Options {
            force: true,
            ..Options::default()
        };
        assert!(extract(&tree, folder.path(), &all, options).is_err());
        fs_err::remove_file(folder.path().join("d")).unwrap();
        let target = outside.path().join("target");
        fs_err::write(&target, "safe").unwrap();
        link("g", &target);
        extract(&tree, folder.path(), &all, options).unwrap();
        assert_eq!(fs_err::read_to_string(&target).unwrap(), "safe");
        assert_eq!(fs_err::read_dir(outside.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_what_is_wanted_is_written_with_what_is_above_it() {
        let folder = tempfile::tempdir().unwrap();
        let tree = image(&[("a/b/c", "x"), ("a/d", "y")]).archive.tree;
        let wanted = |path: &ImagePath| path.as_str() == "a/b/c";
        let done = extract(&tree, folder.path(), &wanted, Options::default()).unwrap();
        assert_eq!((done.files, done.directories), (1, 2));
        assert!(!folder.path().join("a/d").exists());
    }
}
