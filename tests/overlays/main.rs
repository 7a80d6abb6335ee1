//! The scripts of overlays, run by the host's shell: what they do when something is amiss, which a boot in QEMU does not show.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on is a test that failed"
)]

mod enroll;
#[path = "../support/executable.rs"]
mod executable;
mod http;
mod imaging;
mod programs;
mod reporter;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use xtask::checkout::Checkout;
use xtask::{recipe, template};

use executable::executable;

/// A folder in which a script runs, and the variables that it sees.
struct Room {
    folder: tempfile::TempDir,
    variables: BTreeMap<&'static str, String>,
}

/// A shell: its program and first arguments.
type Shell = &'static [&'static str];

/// How a script ended.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A template of an overlay, with the settings of a recipe but for those that are given.
fn rendered(recipe: &str, file: &str, settings: &[(&str, &str)]) -> String {
    let checkout = Checkout::find(Some(project())).unwrap();
    let mut all = recipe::load(&checkout, recipe).unwrap().recipe.settings;
    for (name, value) in settings {
        let known = all.insert((*name).to_owned(), (*value).to_owned());
        assert!(known.is_some(), "{recipe} has no setting {name}");
    }
    let data = json!({ "settings": all, "date": "2026-11-20T09:08:07Z" });
    let text = fs_err::read_to_string(project().join("overlays").join(file)).unwrap();
    template::render(Path::new(file), &text, &data).unwrap()
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut room = Self {
            folder,
            variables: BTreeMap::new(),
        };
        let path = std::env::var("PATH").unwrap();
        let own = room.path("bin");
        room.set("PATH", &format!("{}:{path}", own.display()));
        room.set("TMPDIR", &room.path("").display().to_string());
        room
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.variables.insert(name, value.to_owned());
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }

    /// A program that stands in for one of the same name.
    fn program(&self, name: &str, script: &str) {
        let path = format!("bin/{name}");
        let path = self.path(&path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        executable(&path, &format!("#!/bin/sh\n{script}\n"));
    }

    /// Runs a script of an overlay.
    fn run(&self, script: &str, arguments: &[&str]) -> Ran {
        self.run_in(&["sh"], script, arguments)
    }

    /// Runs a script of an overlay in this shell.
    #[expect(
        clippy::disallowed_methods,
        reason = "the script is what is tested, and its environment is given here"
    )]
    fn run_in(&self, shell: Shell, script: &str, arguments: &[&str]) -> Ran {
        let output = Command::new(shell[0])
            .args(&shell[1..])
            .arg(project().join("overlays").join(script))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
