//! Every command of the README's console blocks, run in a copy of the project as a reader would, one after the other. Only `test` is left out: it
//! is what runs this.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};

use crate::lab::root;

/// What a recipe needs of the project.
const PARTS: [&str; 5] = [
    "recipes",
    "kernel-configs",
    "busybox-configs",
    "overlays",
    "debian",
];

pub(crate) fn all() -> Vec<Trial> {
    vec![Trial::test("readme::every_command", every_command)]
}

fn every_command() -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    copy_project(place.path());
    let readme = fs_err::read_to_string(root().join("README.md"))?;
    let commands: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("$ cargo xtask "))
        .collect();
    for command in commands {
        match command.split(' ').next() {
            Some("test") => {}
            Some("shell") => in_a_terminal(place.path(), command)?,
            // Between building and asking why, the reader changes something, as the README says.
            Some("explain") => {
                add_a_file(place.path());
                let said = succeeds(place.path(), command)?;
                assert!(said.contains("initramfs: changed"), "{said}");
                assert!(
                    said.contains("overlays/lab"),
                    "the new overlay is named: {said}"
                );
                assert!(
                    !said.contains("kernel: changed"),
                    "a file in an overlay is nothing to the kernel: {said}"
                );
            }
            Some("update") => {
                add_a_program(place.path());
                succeeds(place.path(), command)?;
            }
            Some("why") => {
                let said = succeeds(place.path(), command)?;
                let chain = ["libparted2", "recipes/lab.toml", "names parted"];
                assert!(chain.iter().all(|part| said.contains(part)), "{said}");
            }
            _ => drop(succeeds(place.path(), command)?),
        }
    }
    Ok(())
}

fn copy_project(to: &Path) {
    for part in PARTS {
        for entry in walkdir::WalkDir::new(root().join(part)) {
            let entry = entry.unwrap();
            let place = to.join(entry.path().strip_prefix(root()).unwrap());
            if entry.file_type().is_dir() {
                fs_err::create_dir_all(place).unwrap();
            } else {
                fs_err::copy(entry.path(), place).unwrap();
            }
        }
    }
}

fn add_a_file(place: &Path) {
    fs_err::create_dir_all(place.join("overlays/lab/etc")).unwrap();
    fs_err::write(place.join("overlays/lab/etc/motd"), "Welcome.\n").unwrap();
    let recipe = place.join("recipes/lab.toml");
    let text = fs_err::read_to_string(&recipe).unwrap();
    let changed = text.replace("overlays = [\"base\"]", "overlays = [\"base\", \"lab\"]");
    assert_ne!(text, changed);
    fs_err::write(recipe, changed).unwrap();
}

/// What the README's TOML for it says.
fn add_a_program(place: &Path) {
    let readme = fs_err::read_to_string(root().join("README.md")).unwrap();
    let blocks = readme.split("```toml\n").skip(1);
    let mut texts = blocks.filter_map(|block| block.split("```").next());
    let program = texts.find(|text| text.contains("[copy.")).unwrap();
    let recipe = place.join("recipes/lab.toml");
    let text = fs_err::read_to_string(&recipe).unwrap();
    fs_err::write(recipe, format!("{text}\n{program}")).unwrap();
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test starts the program as its user does"
)]
fn program(name: &str, place: &Path) -> Command {
    let mut command = Command::new(name);
    command
        .current_dir(place)
        .env("CORDWAINER_ROOT", place)
        .stdin(Stdio::null());
    command
}

fn succeeds(place: &Path, words: &str) -> Result<String, Failed> {
    let output = program(env!("CARGO_BIN_EXE_xtask"), place)
        .args(words.split(' '))
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    Err(format!(
        "{words}: {}\n{said}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    )
    .into())
}

/// Runs it on a terminal of its own, waits until the machine is up, and leaves by Ctrl-].
fn in_a_terminal(place: &Path, words: &str) -> Result<(), Failed> {
    let line = format!("{} {words}", env!("CARGO_BIN_EXE_xtask"));
    let mut terminal = program("script", place)
        .args([
            "--quiet",
            "--return",
            "--flush",
            "--command",
            &line,
            "/dev/null",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (mut keys, mut screen) = (
        terminal.stdin.take().unwrap(),
        terminal.stdout.take().unwrap(),
    );
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&seen).contains("cordwainer: verdict ready") {
        let length = screen.read(&mut buffer)?;
        if length == 0 {
            return Err(format!(
                "{words} ended before the machine was up:\n{}",
                String::from_utf8_lossy(&seen)
            )
            .into());
        }
        seen.extend_from_slice(&buffer[..length]);
    }
    keys.write_all(b"\x1d")?;
    std::io::copy(&mut screen, &mut std::io::sink())?;
    let status = terminal.wait()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{words}: {status}").into())
    }
}
