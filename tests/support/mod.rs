//! What tests share: checkouts in temporary folders, and runs of the real program in them.

mod copy;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) use copy::copy;

/// A checkout of a test's own, made from `tests/fixtures/tiny`, with a cache folder of its own.
pub(crate) struct Tiny {
    folder: tempfile::TempDir,
    cache: PathBuf,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Exit code; nothing after a signal.
    pub(crate) code: Option<i32>,
    /// Standard output, with the test's folder written as `[ROOT]`.
    pub(crate) stdout: String,
    /// Standard error, likewise.
    pub(crate) stderr: String,
}

/// The top folder of the project.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

impl Tiny {
    pub(crate) fn new() -> Self {
        Self::inside(tempfile::tempdir().unwrap())
    }

    /// One in memory, where the host has such a folder: for tests that build very often.
    pub(crate) fn quick() -> Self {
        let memory = tempfile::tempdir_in("/dev/shm");
        Self::inside(memory.or_else(|_| tempfile::tempdir()).unwrap())
    }

    fn inside(folder: tempfile::TempDir) -> Self {
        copy(
            &project().join("tests/fixtures/tiny"),
            &folder.path().join("checkout"),
        );
        let cache = folder.path().join("cache");
        Self { folder, cache }
    }

    /// Another checkout, which uses the cache folder of this one.
    pub(crate) fn neighbour(&self) -> Self {
        Self {
            cache: self.cache(),
            ..Self::quick()
        }
    }

    /// The checkout.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("checkout")
    }

    /// The cache folder.
    pub(crate) fn cache(&self) -> PathBuf {
        self.cache.clone()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs_err::read_to_string(self.path(path)).unwrap()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        fs_err::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs_err::write(self.path(path), text).unwrap();
    }

    /// Replaces a piece of a file that must be there.
    pub(crate) fn replace(&self, path: &str, old: &str, new: &str) {
        let text = self.read(path);
        assert!(text.contains(old), "{path} does not contain {old:?}");
        self.write(path, &text.replacen(old, new, 1));
    }

    /// The program with these arguments, ready to run in this checkout.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = program();
        self.surround(&mut command).args(args);
        command
    }

    /// Another program, with the environment that [`Tiny::command`] gives ours.
    #[expect(
        clippy::disallowed_methods,
        reason = "what a test needs around the program under test"
    )]
    pub(crate) fn other<'a>(&self, name: &str, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(name);
        self.surround(&mut command).args(args);
        command
    }

    fn surround<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .current_dir(self.root())
            .env("CORDWAINER_CACHE", self.cache())
            .env("NO_COLOR", "1")
            .env_remove("CORDWAINER_ROOT")
            .stdin(Stdio::null())
    }

    /// Runs the program; `words` are its arguments, split at spaces.
    pub(crate) fn run(&self, words: &str) -> Ran {
        self.finish(&mut self.command(words.split(' ')))
    }

    /// Runs a command that [`Tiny::command`] made.
    pub(crate) fn finish(&self, command: &mut Command) -> Ran {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes)
                .unwrap()
                .replace(&self.folder.path().display().to_string(), "[ROOT]")
        };
        Ran {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Runs the program, which must succeed, and returns what it answered.
    pub(crate) fn ok(&self, words: &str) -> String {
        let ran = self.run(words);
        assert_eq!(ran.code, Some(0), "{words}: {ran:#?}");
        ran.stdout
    }

    /// Runs the program with `--format json`, which must succeed.
    pub(crate) fn json(&self, words: &str) -> serde_json::Value {
        serde_json::from_str(&self.ok(&format!("{words} --format json"))).unwrap()
    }

    /// Runs the program, which must fail with this exit code, and returns what it said.
    pub(crate) fn fails(&self, code: i32, words: &str) -> String {
        let ran = self.run(words);
        assert_eq!(ran.code, Some(code), "{words}: {ran:#?}");
        ran.stderr
    }

    /// Every file in the checkout and the cache, with its bytes.
    pub(crate) fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        files(self.folder.path())
    }

    /// Every file in the checkout and the cache, with a digest of its bytes.
    pub(crate) fn fingerprint(&self) -> Vec<(PathBuf, String)> {
        fingerprint(self.folder.path())
    }
}

/// Every file below a folder, with a digest of its bytes: short enough to be shown when two differ.
pub(crate) fn fingerprint(folder: &Path) -> Vec<(PathBuf, String)> {
    let digests = files(folder).into_iter().map(|(path, bytes)| {
        let path = path.strip_prefix(folder).unwrap().to_owned();
        (path, xtask::digest::Digest::of(bytes).short())
    });
    digests.collect()
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| (entry.path().to_owned(), fs_err::read(entry.path()).unwrap()))
        .collect()
}

/// The program under test.
#[expect(
    clippy::disallowed_methods,
    reason = "a test starts the program as its user does"
)]
pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
}
