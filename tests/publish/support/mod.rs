//! What these tests share: servers and a proxy on loopback, and shorthands for files to be written.

#![expect(
    clippy::disallowed_methods,
    reason = "what a test needs around the program under test"
)]

pub(crate) mod apt;
pub(crate) mod bucket;
pub(crate) mod cache;
pub(crate) mod http;
pub(crate) mod moto;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod shop;
pub(crate) mod sshd;

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use xtask::event::{Event, Listen};
use xtask::repository::place::{Bytes, Nature, Put};

/// The first number when all is to be tested (`cargo xtask test --all`), which takes an hour; else the second, for every day.
pub(crate) fn in_all_or(all: u32, few: u32) -> u32 {
    let wanted = std::env::var("CORDWAINER_TESTS").is_ok_and(|value| value == "all");
    if wanted { all } else { few }
}

/// Says what was measured; `--nocapture` shows it.
#[expect(
    clippy::print_stdout,
    reason = "numbers are worth knowing of a test that passes, too"
)]
pub(crate) fn tell(what: &str) {
    println!("{what}");
}

/// Runs a program that has to succeed.
pub(crate) fn must(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output.stdout
}

/// Copies a folder into another, with all dates.
pub(crate) fn copy(from: impl AsRef<Path>, into: impl AsRef<Path>) {
    must(
        Command::new("cp")
            .arg("-a")
            .arg(from.as_ref())
            .arg(into.as_ref()),
    );
}

/// A file that is replaced.
pub(crate) fn changing(name: &str, text: &str) -> Put {
    put(name, text, Nature::Changing)
}

/// A file that stays as it is.
pub(crate) fn immutable(name: &str, text: &str) -> Put {
    put(name, text, Nature::Immutable)
}

fn put(name: &str, text: &str, nature: Nature) -> Put {
    let (name, bytes) = (name.to_owned(), Bytes::Here(text.into()));
    Put {
        name,
        bytes,
        nature,
    }
}

/// Keeps what is said, and calls somebody for each.
pub(crate) struct Ears<F: Fn(&str) + Sync> {
    pub(crate) heard: Mutex<Vec<String>>,
    pub(crate) then: F,
}

impl<F: Fn(&str) + Sync> Ears<F> {
    pub(crate) fn new(then: F) -> Self {
        let heard = Mutex::default();
        Self { heard, then }
    }
}

impl<F: Fn(&str) + Sync> Listen for Ears<F> {
    fn hear(&self, event: Event) {
        let (Event::Note(text) | Event::Warning(text)) = event else {
            return;
        };
        (self.then)(&text);
        self.heard.lock().unwrap().push(text);
    }
}
