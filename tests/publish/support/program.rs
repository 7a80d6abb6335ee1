//! The program itself, with a checkout that describes one repository: for what can only be done to a process.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use xtask::repository::spec::{Repository, Where};

use super::shop::{Home, Shop};

/// The name of the repository.
pub(crate) const NAME: &str = "lab";

/// A checkout whose repository is the shop's, or is elsewhere.
pub(crate) struct Checkout<'a> {
    folder: tempfile::TempDir,
    home: &'a Home,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Exit code; nothing after a signal.
    pub(crate) code: Option<i32>,
    /// Standard error.
    pub(crate) said: String,
}

impl<'a> Checkout<'a> {
    pub(crate) fn new(shop: &'a Shop, place: Where) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository {
            key: shop.home.fingerprint(),
            place,
            ..shop.repository.clone()
        };
        let text = toml::to_string(&repository).unwrap();
        for name in ["recipes", "debian/repositories"] {
            fs_err::create_dir_all(folder.path().join(name)).unwrap();
        }
        let file = format!("debian/repositories/{NAME}.toml");
        fs_err::write(folder.path().join(file), text).unwrap();
        let home = &shop.home;
        Self { folder, home }
    }

    /// A program with what ours needs around it.
    pub(crate) fn other(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env("CORDWAINER_CACHE", self.folder.path().join("cache"))
            .env("CORDWAINER_ROOT", self.folder.path())
            .env("GNUPGHOME", self.home.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    /// What adds packages, with words before ours.
    pub(crate) fn add(&self, before: &[&str], debs: &[PathBuf], after: &[&str]) -> Command {
        let ours = [PROGRAM, "repo", "add", NAME];
        let words = [before, &ours].concat();
        let mut command = self.other(words[0]);
        command.args(&words[1..]).args(debs).args(after);
        command
    }
}

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_xtask");

/// Runs it to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        said: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Starts it as the first of a process group.
pub(crate) fn start(command: &mut Command) -> Child {
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0).spawn().unwrap()
}

/// Kills it and all that it started.
pub(crate) fn kill(mut child: Child) {
    // It may have ended by itself.
    kill_process_group(Pid::from_child(&child), Signal::KILL).ok();
    child.wait().unwrap();
}
