//! Every command of the README's console blocks, run in a copy of the project as a reader would, one after the other. Only `test` is left out: it
//! is what runs this.

use std::io::{Read, Write};
use std::process::Stdio;

use libtest_mimic::{Failed, Trial};

use crate::project::{Project, root};

pub(crate) fn all() -> Vec<Trial> {
    vec![Trial::test("readme::every_command", every_command)]
}

fn every_command() -> Result<(), Failed> {
    let project = Project::new();
    let readme = fs_err::read_to_string(root().join("README.md"))?;
    let commands: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("$ "))
        .collect();
    let mut key = String::new();
    for line in commands {
        let Some(command) = line.strip_prefix("cargo xtask ") else {
            key = new_key(&project, line)?;
            continue;
        };
        let command = &*command.replace("FINGERPRINT", &key);
        match command.split(' ').next() {
            Some("test") => {}
            Some("shell") => in_a_terminal(&project, command)?,
            // Between building and asking why, the reader changes something, as the README says.
            Some("explain") => {
                add_a_file(&project);
                let said = project.succeeds(command)?;
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
                add(&project, "[copy.");
                project.succeeds(command)?;
            }
            Some("why") => {
                let said = project.succeeds(command)?;
                let chain = ["libparted2", "recipes/lab.toml", "names parted"];
                assert!(chain.iter().all(|part| said.contains(part)), "{said}");
            }
            _ => {
                if command.contains("--scenario") {
                    add(&project, "[[boot]]");
                }
                project.succeeds(command)?;
            }
        }
    }
    Ok(())
}

/// Makes a signing key as the README says, and returns its fingerprint. The user's own keys are left alone ([`Project::program`]).
fn new_key(project: &Project, line: &str) -> Result<String, Failed> {
    let mut words = line.split(' ').map(|word| word.trim_matches('\''));
    assert_eq!(words.next(), Some("gpg"), "{line}");
    assert!(project.program("gpg").args(words).status()?.success());
    let list = ["--with-colons", "--list-secret-keys"];
    let output = project.program("gpg").args(list).output()?;
    let listing = String::from_utf8(output.stdout)?;
    let key = listing.lines().find_map(|line| line.strip_prefix("fpr:"));
    let key = key.ok_or("gpg has no key")?;
    Ok(key.trim_matches(':').to_owned())
}

fn add_a_file(project: &Project) {
    project.write("overlays/lab/etc/motd", "Welcome.\n");
    let text = fs_err::read_to_string(project.path("recipes/lab.toml")).unwrap();
    let changed = text.replace("overlays = [\"base\"]", "overlays = [\"base\", \"lab\"]");
    assert_ne!(text, changed);
    project.write("recipes/lab.toml", changed);
}

/// Adds what the README's TOML says that has these words in it.
fn add(project: &Project, words: &str) {
    let readme = fs_err::read_to_string(root().join("README.md")).unwrap();
    let blocks = readme.split("```toml\n").skip(1);
    let mut texts = blocks.filter_map(|block| block.split("```").next());
    let block = texts.find(|text| text.contains(words)).unwrap();
    let text = fs_err::read_to_string(project.path("recipes/lab.toml")).unwrap();
    project.write("recipes/lab.toml", format!("{text}\n{block}"));
}

/// Runs it on a terminal of its own, waits until the machine is up, and leaves by Ctrl-].
fn in_a_terminal(project: &Project, words: &str) -> Result<(), Failed> {
    let line = format!("{} {words}", env!("CARGO_BIN_EXE_xtask"));
    let mut terminal = project
        .program("script")
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
