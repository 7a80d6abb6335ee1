//! Reads the Kconfig files of a source tree from disk: the one part of this room that does I/O.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Component, Path};

use super::language::Tree;
use crate::failure::Result;

/// Reads the symbols of a Linux source tree for an architecture as `SRCARCH` names it (`x86`).
///
/// # Errors
/// When a file that is there cannot be read.
pub fn linux(source: &Path, srcarch: &str) -> Result<Tree> {
    let variables = BTreeMap::from([("SRCARCH", srcarch), ("HEADER_ARCH", srcarch)]);
    load(source, "Kconfig", &variables)
}

/// Reads the symbols of a busybox source tree. Its `Config.in` files need not have been generated.
///
/// # Errors
/// When a file that is there cannot be read.
pub fn busybox(source: &Path) -> Result<Tree> {
    load(source, "Config.in", &BTreeMap::new())
}

fn load(source: &Path, root: &str, variables: &BTreeMap<&str, &str>) -> Result<Tree> {
    let mut failed = None;
    let tree = Tree::parse(root, variables, &mut |path| match file(source, path) {
        Ok(text) => text,
        Err(failure) => {
            failed.get_or_insert(failure);
            None
        }
    });
    match failed {
        None => Ok(tree),
        Some(failure) => Err(failure),
    }
}

/// A file's text, nothing where there is none. Paths that lead out of the tree lead nowhere.
fn file(source: &Path, path: &str) -> Result<Option<String>> {
    let relative = Path::new(path);
    if !relative
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    {
        return Ok(None);
    }
    let path = source.join(relative);
    match (read(&path)?, path.file_name()) {
        (None, Some(name)) if name == "Config.in" => match read(&path.with_extension("src"))? {
            Some(template) => Ok(Some(inserted(&template, &comments(&path)?))),
            None => Ok(None),
        },
        (text, _) => Ok(text),
    }
}

fn read(path: &Path) -> Result<Option<String>> {
    match fs_err::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// What busybox' `scripts/gen_build_files.sh` makes of a Config.src: the `//config:` lines of the folder's C
/// files stand where the line `INSERT` is.
fn inserted(template: &str, comments: &str) -> String {
    let lines = template
        .lines()
        .map(|line| if line == "INSERT" { comments } else { line });
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The `//config:` lines of the C files beside `path`, in the order of their names.
fn comments(path: &Path) -> Result<String> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(path.parent().unwrap_or(path))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "c") {
            files.push(path);
        }
    }
    files.sort_unstable();
    let mut comments = String::new();
    for text in files.iter().filter_map(|path| read(path).transpose()) {
        let text = text?;
        let lines = text
            .lines()
            .filter_map(|line| line.strip_prefix("//config:"));
        comments.extend(lines.flat_map(|line| [line, "\n"]));
    }
    Ok(comments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busybox_symbols_are_found_in_comments() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        write(
            "Config.in",
            "source .platform.in\nsource networking/Config.in\nsource /etc/passwd\n",
        );
        write(
            "networking/Config.src",
            "config IPV6\n\tbool \"IPv6\"\n\nINSERT\nconfig LAST\n\tbool \"x\"\n",
        );
        write(
            "networking/b.c",
            "//config:config B\n//config:\tbool \"b\"\n//config:\tdepends on A\nint x;\n",
        );
        write(
            "networking/a.c",
            "//config:config A\n//config:\tbool \"a\"\n",
        );
        let tree = busybox(folder.path()).unwrap();
        assert_eq!(tree.names().collect::<Vec<_>>(), ["A", "B", "IPV6", "LAST"]);
    }

    #[test]
    fn a_tree_without_files_has_no_symbols() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(linux(folder.path(), "x86").unwrap().names().count(), 0);
    }
}
