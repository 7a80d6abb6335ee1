//! Programs and libraries made for one rule each, by the compiler that builds kernels.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::symlink;

use crate::closure::{Closure, Root, Settings};
use crate::failure::Result;
use crate::tool::Tool;

use super::oracle::{self, Loader};

/// This machine's loader.
pub(super) const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// A folder with programs and libraries in it. `@` in arguments stands for its path.
pub(super) struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn at(&self, path: &str) -> PathBuf {
        let at = self.path().join(path);
        fs_err::create_dir_all(at.parent().unwrap()).unwrap();
        at
    }

    fn expand(&self, text: &str) -> String {
        text.replace('@', self.path().to_str().unwrap())
    }

    fn compile(&self, path: &str, source: &str, arguments: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("source.c");
        fs_err::write(&file, source).unwrap();
        let arguments = arguments.iter().map(|argument| self.expand(argument));
        let gcc = Tool::new("gcc").args(["-nostdlib", "-fPIC", "-O0", "-Wl,--no-as-needed"]);
        let gcc = gcc.arg("-o").arg(self.at(path)).arg(&file).args(arguments);
        gcc.run().unwrap();
    }

    /// A library; its soname is its file name, where `arguments` give no other.
    pub(super) fn library(&self, path: &str, arguments: &[&str]) {
        let name = path.rsplit('/').next().unwrap();
        let soname = format!("-Wl,-soname,{name}");
        let mut all = vec!["-shared", soname.as_str()];
        all.extend(arguments);
        self.compile(path, "", &all);
    }

    /// A library with this source.
    pub(super) fn library_of(&self, path: &str, source: &str, arguments: &[&str]) {
        let name = path.rsplit('/').next().unwrap();
        let soname = format!("-Wl,-soname,{name}");
        let mut all = vec!["-shared", soname.as_str()];
        all.extend(arguments);
        self.compile(path, source, &all);
    }

    /// A dynamic program that does nothing.
    pub(super) fn program(&self, path: &str, arguments: &[&str]) {
        self.program_of(path, "", arguments);
    }

    /// A dynamic program with more in it.
    pub(super) fn program_of(&self, path: &str, source: &str, arguments: &[&str]) {
        let interpreter = format!("-Wl,--dynamic-linker={LOADER}");
        let mut all = vec!["-pie", "-Wl,-e,start", interpreter.as_str()];
        all.extend(arguments);
        self.compile(path, &format!("void start(void) {{}}\n{source}"), &all);
    }

    /// A program with these bytes.
    pub(super) fn program_bytes(&self, path: &str, bytes: &[u8]) {
        use std::os::unix::fs::PermissionsExt;
        let at = self.at(path);
        fs_err::write(&at, bytes).unwrap();
        fs_err::set_permissions(&at, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A file, `0755` where it is a script.
    pub(super) fn file(&self, path: &str, text: &str) {
        if text.starts_with("#!") {
            self.program_bytes(path, text.as_bytes());
        } else {
            fs_err::write(self.at(path), text).unwrap();
        }
    }

    pub(super) fn link(&self, path: &str, target: &str) {
        symlink(self.expand(target), self.at(path)).unwrap();
    }

    /// This folder as a root of its own.
    pub(super) fn root(&self) -> Root {
        Root::of("lab", self.path()).unwrap()
    }

    /// What a program on this machine needs: held against what its loader lists, and told by paths below this folder and names that are
    /// missing.
    pub(super) fn agreed(&self, program: &str) -> BTreeSet<String> {
        self.agreed_with(LOADER, program)
    }

    /// The same for a program of another loader.
    pub(super) fn agreed_with(&self, loader: &str, program: &str) -> BTreeSet<String> {
        let root = Root::of("host", "/").unwrap();
        let path = self.at(program);
        let path = path.to_str().unwrap();
        let ours = match oracle::of(&root, &[path], &Settings::default()) {
            Ok(closure) => oracle::libraries(&closure),
            Err(failure) => missing(&failure.notes),
        };
        let mut theirs = Loader::new(&[loader, "--list"]).list(&root, path).unwrap();
        // It lists itself only where something is linked against it.
        theirs.insert(oracle::real(&root, loader));
        // It names the first that is missing, and ends.
        let missing = ours.iter().any(|name| !name.contains('/'));
        if missing {
            assert!(
                theirs.iter().any(|name| ours.contains(name)),
                "{ours:?} {theirs:?}"
            );
        } else {
            assert_eq!(ours, theirs, "{program}");
        }
        self.short(ours)
    }

    /// Paths below this folder; others not at all.
    fn short(&self, paths: BTreeSet<String>) -> BTreeSet<String> {
        let here = format!("{}/", self.path().to_str().unwrap().trim_start_matches('/'));
        let ours = paths
            .into_iter()
            .filter_map(|path| match path.strip_prefix(&here) {
                Some(path) => Some(path.to_owned()),
                None => (!path.contains('/')).then_some(path),
            });
        ours.collect()
    }

    /// The closure of some files of this folder as a root.
    pub(super) fn closure(&self, files: &[&str]) -> Result<Closure> {
        oracle::of(&self.root(), files, &Settings::default())
    }

    /// Dynamic loader and C library of a root that nothing runs in.
    pub(super) fn system(&self) {
        self.link("lib64", "usr/lib64");
        self.link(
            "usr/lib64/ld-linux-x86-64.so.2",
            "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
        );
        self.library("usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", &[]);
        self.link("lib", "usr/lib");
    }
}

/// What failures call missing, by name alone: `… needs NAME, which …`.
fn missing(notes: &[String]) -> BTreeSet<String> {
    let names = notes.iter().filter_map(|note| {
        let (_, name) = note.split_once(" needs ")?;
        name.split([',', ';']).next()
    });
    names.map(str::to_owned).collect()
}

/// All paths of a closure.
pub(super) fn paths(closure: &Closure) -> Vec<String> {
    let paths = closure.tree.iter().map(|(path, _)| path.as_str());
    paths.map(str::to_owned).collect()
}
