//! Programs that tests write and run.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes a program. Another process does: a file that this one has open for writing may, for a moment, be open in what another test has
/// just forked, and cannot be run as long as it is ("Text file busy").
#[expect(clippy::disallowed_methods, reason = "a test is no tool of a build")]
pub(crate) fn executable(path: &Path, text: &str) {
    let mut install = Command::new("/usr/bin/install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = install.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    assert!(install.wait().unwrap().success(), "{}", path.display());
}
