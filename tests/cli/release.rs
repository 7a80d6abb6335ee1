//! `publish` and `release`: what has to be in order before anything is built, what keeps everything from being published, and what is then.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use xtask::boot::disk::speaking;

use crate::deb::tiny;
use crate::support::{Ran, Tiny, project};

/// A checkout with a repository `lab`, whose key is in a folder of its own.
struct Releasing {
    tiny: Tiny,
    home: tempfile::TempDir,
}

/// The boot file of the stand-in, which QEMU can boot when it says something.
const LOADER: &str = "sources/pxelinux/usr/lib/PXELINUX/pxelinux.0";

const READY: &str = "\r\ncordwainer: verdict ready\r\n";
const FAILED: &str = "\r\ncordwainer: verdict failed dhcp 40\r\n";

impl Releasing {
    fn new() -> Self {
        let (tiny, home) = (tiny(), tempfile::tempdir().unwrap());
        let releasing = Self { tiny, home };
        // One that lint finds nothing wrong with.
        releasing
            .tiny
            .write("overlays/base/etc/inittab", "::sysinit:/bin/busybox\n");
        let recipe = releasing.tiny.read("recipes/tiny.toml");
        let more = "\n[image.console]\ndevice = \"tty0\"\n\n[[boot]]\nname = \"plain\"\n";
        releasing.tiny.write("recipes/tiny.toml", &(recipe + more));
        releasing.boots_with(READY);
        let options = [
            "--batch",
            "--quiet",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        ];
        let make = [
            "--status-fd",
            "1",
            "--quick-generate-key",
            "Test <a@example.org>",
            "ed25519",
            "sign",
            "never",
        ];
        let made = releasing.gpg(&[&options[..], &make].concat());
        let fingerprint = made.split_whitespace().last().unwrap();
        let ran = releasing.run(&format!(
            "repo new lab --key {fingerprint} --directory served"
        ));
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        releasing
    }

    /// QEMU boots what says this; the bytes of the stand-in, behind that, say which version it is.
    fn boots_with(&self, says: &str) {
        let stand_in = fs_err::read(project().join("tests/fixtures/tiny").join(LOADER)).unwrap();
        let loader = [speaking(says).as_slice(), &stand_in].concat();
        fs_err::write(self.tiny.path(LOADER), loader).unwrap();
    }

    fn gpg(&self, words: &[&str]) -> String {
        let mut command = self.tiny.other("gpg", words.iter().copied());
        let ran = self.tiny.finish(command.env("GNUPGHOME", self.home.path()));
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        ran.stdout
    }

    fn command(&self, words: &str) -> Command {
        let mut command = self.tiny.command(words.split(' '));
        command.env("GNUPGHOME", self.home.path());
        command
    }

    fn run(&self, words: &str) -> Ran {
        self.tiny.finish(&mut self.command(words))
    }

    fn ok(&self, words: &str) -> String {
        let ran = self.run(words);
        assert_eq!(ran.code, Some(0), "{words}: {ran:#?}");
        ran.stdout
    }

    /// It fails with this code and these words, and nothing was published by it.
    fn fails(&self, words: &str, code: i32, said: &[&str]) {
        let before = self.served();
        let ran = self.run(words);
        assert_eq!(ran.code, Some(code), "{words}: {ran:#?}");
        for piece in said {
            assert!(ran.stderr.contains(piece), "{piece}: {ran:#?}");
        }
        assert_eq!(self.served(), before, "{words}");
    }

    /// Likewise, and nothing was built for it.
    fn fails_early(&self, words: &str, code: i32, said: &[&str]) {
        self.fails(words, code, said);
        assert!(!self.tiny.path("out").exists(), "{words}");
    }

    /// Every file of the repository, with its size.
    fn served(&self) -> Vec<(PathBuf, u64)> {
        let files = walkdir::WalkDir::new(self.tiny.path("served")).sort_by_file_name();
        let files = files.into_iter().filter_map(Result::ok);
        let files = files.filter(|entry| entry.file_type().is_file());
        files
            .map(|entry| (entry.path().to_owned(), entry.metadata().unwrap().len()))
            .collect()
    }

    fn packages(&self) -> Vec<String> {
        self.ok("repo check lab --deep");
        let status: serde_json::Value =
            serde_json::from_str(&self.ok("repo status lab --format json")).unwrap();
        let packages = status["packages"].as_array().unwrap().iter();
        packages
            .map(|package| package.as_str().unwrap().to_owned())
            .collect()
    }

    /// Another recipe that is like the first, of a version of its own.
    fn second(&self) {
        let recipe = self.tiny.read("recipes/tiny.toml");
        let first = recipe.find("description").unwrap();
        let recipe = format!(
            "changelog = \"debian/other.changelog\"\n{}",
            &recipe[first..]
        );
        self.tiny.write("recipes/other.toml", &recipe);
        let changelog = self
            .tiny
            .read("debian/changelog")
            .replace("tiny (", "other (");
        self.tiny.write("debian/other.changelog", &changelog);
    }
}

impl Drop for Releasing {
    fn drop(&mut self) {
        let mut end = self.tiny.other("gpgconf", ["--kill", "gpg-agent"]);
        end.env("GNUPGHOME", self.home.path()).status().unwrap();
    }
}

const TINY: [&str; 3] = [
    "netboot-images 0.1.0 (all)",
    "netboot-image-tiny-2.0-1 1:2.0-1 (all)",
    "tiny-pxe-server 1:2.0-1 (all)",
];

/// Whether QEMU is there; where boots are demanded, it has to be.
fn boots() -> bool {
    let there = xtask::needs::find("qemu-system-x86_64").is_some();
    let demanded = std::env::var("CORDWAINER_BOOTS").is_ok_and(|value| value == "require");
    assert!(
        there || !demanded,
        "QEMU is not installed: `cargo xtask doctor` says what brings it"
    );
    there
}

#[test]
fn what_is_wrong_with_repository_key_or_changelog_is_said_before_anything_is_built() {
    let releasing = Releasing::new();
    for verb in ["publish", "release"] {
        releasing.fails_early(
            &format!("{verb} tiny --repo lap"),
            2,
            &["there is no repository", "did you mean `lab`?"],
        );
        releasing.fails_early(&format!("{verb} tinny --repo lab"), 2, &["did you mean"]);
        releasing
            .tiny
            .replace("debian/changelog", "unstable", "UNRELEASED");
        releasing.fails_early(
            &format!("{verb} tiny --repo lab"),
            3,
            &["is for UNRELEASED", "dch --release"],
        );
        releasing
            .tiny
            .replace("debian/changelog", "UNRELEASED", "unstable");
    }
    let description = releasing.tiny.read("debian/repositories/lab.toml");
    let key = description
        .lines()
        .find(|line| line.starts_with("key = "))
        .unwrap();
    let missing = format!("key = \"{}\"", "A".repeat(40));
    releasing.tiny.write(
        "debian/repositories/lab.toml",
        &description.replace(key, &missing),
    );
    for verb in ["publish", "release"] {
        releasing.fails_early(
            &format!("{verb} tiny --repo lab"),
            10,
            &["gpg does not know it", "hint: "],
        );
    }
}

#[test]
fn what_is_published_does_not_change_and_what_is_new_is_added() {
    let releasing = Releasing::new();
    releasing.ok("publish tiny --repo lab --snapshot first");
    assert_eq!(releasing.packages(), TINY);
    assert!(
        releasing
            .ok("publish tiny --repo lab")
            .contains("nothing to do")
    );
    releasing
        .tiny
        .write("overlays/base/etc/inittab", "::sysinit:/bin/busybox sh\n");
    releasing.fails(
        "publish tiny --repo lab",
        11,
        &[
            "netboot-image-tiny-2.0-1",
            "other bytes",
            "hint: ",
            "version",
        ],
    );
    assert_eq!(releasing.packages(), TINY);
    releasing
        .tiny
        .replace("debian/changelog", "1:2.0-1", "1:2.1-1");
    releasing.ok("publish tiny --repo lab");
    assert_eq!(releasing.packages().len(), 5);
    releasing.ok("repo back lab first");
    assert_eq!(releasing.packages(), TINY);
}

#[test]
fn two_recipes_are_published_at_once_or_neither() {
    let releasing = Releasing::new();
    releasing.second();
    releasing
        .tiny
        .replace("debian/other.changelog", "unstable", "UNRELEASED");
    releasing.fails_early(
        "publish tiny other --repo lab",
        3,
        &["other is not released"],
    );
    releasing
        .tiny
        .replace("debian/other.changelog", "UNRELEASED", "unstable");
    // The helper of both is one file.
    releasing.ok("publish tiny other --repo lab");
    let packages = releasing.packages();
    assert_eq!(packages.len(), 5, "{packages:?}");
    assert!(
        TINY.iter().all(|one| packages.contains(&(*one).to_owned())),
        "{packages:?}"
    );
}

#[test]
fn two_publishers_at_once_both_succeed_and_one_waits_for_the_other() {
    let releasing = Releasing::new();
    releasing.second();
    for recipe in ["tiny", "other"] {
        releasing.ok(&format!("deb {recipe}"));
    }
    let served = releasing.tiny.path("served");
    let guard = xtask::files::Guard::exclusive(&served).unwrap();
    let start = |recipe: &str| {
        let mut command = releasing.command(&format!("publish {recipe} --repo lab"));
        command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let publishers = ["tiny", "other"].map(start);
    let said = publishers.map(|mut publisher| {
        let mut said = String::new();
        let stderr = publisher.stderr.take().unwrap();
        let mut lines = std::io::BufReader::new(stderr);
        while !said.contains("waiting for") {
            assert!(
                std::io::BufRead::read_line(&mut lines, &mut said).unwrap() > 0,
                "{said}"
            );
        }
        (publisher, lines, said)
    });
    drop(guard);
    for (mut publisher, mut lines, mut said) in said {
        std::io::Read::read_to_string(&mut lines, &mut said).unwrap();
        assert!(publisher.wait().unwrap().success(), "{said}");
        assert!(said.contains("to be done with publishing to "), "{said}");
    }
    assert_eq!(releasing.packages().len(), 5);
}

#[test]
fn nothing_is_released_that_lint_finds_wrong() {
    let releasing = Releasing::new();
    releasing
        .tiny
        .write("overlays/base/etc/passwd", "root::0:0:root:/root:\n");
    releasing.fails("release tiny --repo lab", 11, &["lint found 1 error"]);
    assert!(!releasing.tiny.path("out/tiny/boots").exists());
    assert!(!releasing.tiny.path("out/tiny/packages").exists());
}

#[test]
fn nothing_is_released_that_does_not_boot() {
    if !boots() {
        return;
    }
    let releasing = Releasing::new();
    releasing.second();
    let recipe = releasing.tiny.read("recipes/other.toml");
    releasing.tiny.write(
        "recipes/other.toml",
        &recipe.replace(
            "name = \"plain\"",
            "name = \"plain\"\nend = { failed = \"dhcp\" }",
        ),
    );
    // One boots as it should, and the other does not.
    releasing.fails("release tiny other --repo lab", 7, &["plain"]);
    assert!(!releasing.tiny.path("out/other/packages").exists());
    releasing.boots_with(FAILED);
    releasing.fails("release tiny --repo lab", 7, &["dhcp"]);
}

#[test]
fn what_is_built_linted_and_booted_is_packed_and_published() {
    if !boots() {
        return;
    }
    let releasing = Releasing::new();
    let ran = releasing.run("release tiny --repo lab --snapshot first");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let steps = ["build tiny", "lint tiny", "boot tiny", "pack tiny"];
    let places = steps.map(|step| ran.stderr.find(&format!("note {step}\n")));
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{ran:#?}"
    );
    assert!(ran.stdout.contains("plain: passed"), "{ran:#?}");
    assert_eq!(releasing.packages(), TINY);
}
