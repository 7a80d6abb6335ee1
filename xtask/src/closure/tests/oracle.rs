//! What real dynamic loaders say, to hold ours against. Programs are run here, and only here: a loader with `--list`, which
//! maps a program and what it needs, and does not start it.

use std::collections::BTreeSet;

use crate::closure::root::Root;
use crate::closure::{Closure, Settings, Wanted, closure};
use crate::failure::Result;
use crate::image::tree::{Node, Origin};
use crate::tool::Tool;

/// A command that lists what a program of some root loads: `ld.so --list`, or the same through an emulator:
/// `qemu-aarch64-static -L ROOT ROOT/lib/ld-linux-aarch64.so.1 --list`.
pub(crate) struct Loader {
    pub(crate) command: Vec<String>,
}

impl Loader {
    pub(crate) fn new(command: &[&str]) -> Self {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        Self { command }
    }

    /// What the loader loads for a program: paths in the root without links, and names that it does not find. None where it says that the
    /// program is not its business.
    pub(crate) fn list(&self, root: &Root, program: &str) -> Option<BTreeSet<String>> {
        let (command, arguments) = self.command.split_first().unwrap();
        let listed = Tool::new(command).args(arguments).arg(program).read();
        let text = match listed {
            Ok(text) => text,
            // A library that is missing ends it with a failure, after all that it found.
            Err(failure) => {
                let lines = &failure.tool.as_ref().unwrap().tail;
                let missing = lines.iter().find_map(|line| {
                    let glibc = line.split_once("error while loading shared libraries: ");
                    glibc.or(line.split_once("Error loading shared library "))
                });
                let (_, missing) = missing?;
                return Some(BTreeSet::from([missing
                    .split(':')
                    .next()
                    .unwrap()
                    .to_owned()]));
            }
        };
        if text.contains("statically linked") {
            return None;
        }
        // The kernel's own library; an emulator's has no name.
        let is_vdso = |line: &&str| line.contains("linux-vdso") || line.trim().starts_with('(');
        let lines = text.lines().filter(|line| !is_vdso(line));
        Some(lines.map(|line| listed_path(root, line)).collect())
    }
}

/// `name => path (address)`, `path (address)`, `name => not found`.
fn listed_path(root: &Root, line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let path = match words[..] {
        [name, "=>", "not", "found"] => return name.to_owned(),
        [_, "=>", path, ..] | [path, ..] => path,
        [] => "",
    };
    // The loader itself was started by its path on this machine.
    let folder = root.layers()[0].folder.to_str().unwrap();
    real(root, path.strip_prefix(folder).unwrap_or(path))
}

/// A path without links.
pub(crate) fn real(root: &Root, path: &str) -> String {
    let found = root.find(path).unwrap();
    let file = found
        .file()
        .unwrap_or_else(|| panic!("{path} is not there"));
    file.path.clone()
}

/// The closure of some files alone.
pub(crate) fn of(root: &Root, files: &[&str], settings: &Settings) -> Result<Closure> {
    let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
    let wanted = Wanted {
        table: "copy.test".to_owned(),
        files: &files,
        exclude: &[],
        to: None,
    };
    closure(root, &[wanted], settings)
}

/// The files of a closure that something needs as a library or interpreter.
pub(crate) fn libraries(closure: &Closure) -> BTreeSet<String> {
    let files = closure.tree.iter().filter(|(_, entry)| {
        matches!(entry.node, Node::File(_)) && matches!(entry.origin, Origin::Needed { .. })
    });
    files.map(|(path, _)| path.as_str().to_owned()).collect()
}

/// The programs in some folders of a root that are ELF files, without those that are links.
pub(crate) fn programs(root: &Root, folders: &[&str]) -> Vec<String> {
    let mut programs = Vec::new();
    for folder in folders {
        for name in &root.names(folder).unwrap().names {
            let path = format!("{folder}/{name}");
            let place = root.place(&path).unwrap().unwrap();
            let head = fs_err::File::open(&place.on_disk).map(|mut file| {
                let mut head = [0; 4];
                std::io::Read::read(&mut file, &mut head).map(|_| head)
            });
            let is_file = place.kind == crate::closure::root::Thing::File;
            if is_file && matches!(head, Ok(Ok(head)) if &head == b"\x7fELF") {
                programs.push(path);
            }
        }
    }
    programs
}

/// Something that a closure has and a loader does not list.
struct Explained {
    /// What it is.
    path: fn(&str) -> bool,
    /// Why that is right: for whoever reads the table.
    #[expect(dead_code, reason = "a table without reasons explains nothing")]
    why: &'static str,
}

/// What is ours and not in the loader's list. The other way round, there is nothing to explain.
const EXPLAINED: &[Explained] = &[Explained {
    path: |path| path.ends_with("/libgcc_s.so.1"),
    why: "glibc loads it for pthread_cancel, pthread_exit and backtrace while the program runs; the loader lists what is loaded at the beginning",
}];

/// Asserts that the closure of every program in a root's folders of programs is what its loader lists.
pub(crate) fn agrees(root: &Root, loader: &Loader, settings: &Settings) {
    let folders = ["usr/bin", "usr/sbin"];
    let (differences, compared) = differences(root, &folders, loader, settings, EXPLAINED);
    assert!(
        differences.is_empty(),
        "{} of {compared}:\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert!(compared > 100, "{compared}");
}

/// Holds the closure of every program in some folders of a root against what a loader lists. All differences that nothing
/// explains, and how many programs were compared.
fn differences(
    root: &Root,
    folders: &[&str],
    loader: &Loader,
    settings: &Settings,
    explained: &[Explained],
) -> (Vec<String>, usize) {
    let mut differences = Vec::new();
    let mut compared = 0;
    for program in programs(root, folders) {
        let path = root.layers()[0].folder.join(&program);
        let Some(theirs) = loader.list(root, path.to_str().unwrap()) else {
            continue;
        };
        compared += 1;
        let ours = match of(root, &[&format!("/{program}")], settings) {
            Ok(closure) => libraries(&closure),
            Err(failure) => {
                differences.push(format!("{program}: {failure}"));
                continue;
            }
        };
        for path in theirs.difference(&ours) {
            differences.push(format!("{program}: {path} is not in ours"));
        }
        for path in ours.difference(&theirs) {
            if !explained.iter().any(|one| (one.path)(path)) {
                differences.push(format!("{program}: {path} is only in ours"));
            }
        }
    }
    (differences, compared)
}
