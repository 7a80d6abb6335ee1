//! Copies of the project, in which tests write recipes of their own. They share the user's store, so what is built in them and known there takes
//! no time.

use crate::copy::copy;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use xtask::event::Deaf;
use xtask::workshop::Workshop;

/// What a recipe needs of the project.
const PARTS: [&str; 5] = [
    "recipes",
    "kernel-configs",
    "busybox-configs",
    "overlays",
    "debian",
];

/// The project itself.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A copy, removed with the test.
pub(crate) struct Project {
    folder: tempfile::TempDir,
    /// The keys of its publisher.
    keys: tempfile::TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in PARTS {
            copy(&root().join(part), &folder.path().join(part));
        }
        let keys = tempfile::tempdir().unwrap();
        let only_ours = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs_err::set_permissions(keys.path(), only_ours).unwrap();
        Self { folder, keys }
    }

    /// One whose demo is ours with these tables beside its own. It has the same name, so its kernel is the same too.
    pub(crate) fn demo(tables: &str) -> Self {
        let project = Self::new();
        let ours = fs_err::read_to_string(project.path("recipes/demo.toml")).unwrap();
        project.write("recipes/base/demo.toml", ours);
        let recipe = format!("description = \"x\"\nextends = [\"base/demo\"]\n{tables}");
        project.write("recipes/demo.toml", recipe);
        project
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        fs_err::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs_err::write(self.path(path), bytes).unwrap();
    }

    /// Builds a recipe, and returns the folder of its bundle.
    pub(crate) fn build(&self, recipe: &str) -> Result<PathBuf, Failed> {
        let workshop = Workshop::open(Some(self.folder.path()), None).unwrap();
        let built = workshop.build(recipe, &Deaf);
        Ok(built.map_err(|failure| format!("{failure:#?}"))?.folder)
    }

    /// Our program with these words, or another one, run here.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test starts the program as its user does"
    )]
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .current_dir(self.folder.path())
            .env("CORDWAINER_ROOT", self.folder.path())
            .env("GNUPGHOME", self.keys.path())
            .stdin(Stdio::null());
        command
    }

    /// What our program answers to these words, which must succeed.
    pub(crate) fn succeeds(&self, words: &str) -> Result<String, Failed> {
        let (succeeded, said) = self.says(words)?;
        if succeeded {
            return Ok(said);
        }
        Err(format!("{words} failed:\n{said}").into())
    }

    /// Whether our program succeeds with these words, and what it says.
    pub(crate) fn says(&self, words: &str) -> Result<(bool, String), Failed> {
        let mut program = self.program(env!("CARGO_BIN_EXE_xtask"));
        let output = program.args(words.split(' ')).output()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        Ok((output.status.success(), said))
    }
}
