//! The house rules, so that breaking one fails like a bug: imports between rooms, sizes, first lines.
//!
//! The order of the rooms is that of the modules in `lib.rs`: a room may import from those above it. The rules
//! themselves are explained in `ARCHITECTURE.md`.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use walkdir::WalkDir;

use crate::failure::Result;

/// The longest a source file may be: what reads in one sitting.
const LONGEST: usize = 500;

/// A rule that is broken.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, relative to the checkout.
    pub file: PathBuf,
    /// The line, counted from 1; 0 for the whole file.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.what)
    }
}

/// Checks the sources of a checkout.
///
/// # Errors
/// When they cannot be read.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let source = root.join("xtask/src");
    let rooms = rooms(&fs_err::read_to_string(source.join("lib.rs"))?);
    let architecture = fs_err::read_to_string(root.join("xtask/ARCHITECTURE.md"))?;
    let mut findings: Vec<Finding> = rooms
        .iter()
        .filter(|room| !architecture.contains(&format!("`{room}`")))
        .map(|room| Finding {
            file: "xtask/ARCHITECTURE.md".into(),
            line: 0,
            what: format!("the room `{room}` is not described"),
        })
        .collect();
    for folder in [source, root.join("tests")] {
        for entry in WalkDir::new(folder).sort_by_file_name() {
            let entry = entry.map_err(std::io::Error::from)?;
            if entry
                .path()
                .extension()
                .is_some_and(|suffix| suffix == "rs")
            {
                let text = fs_err::read_to_string(entry.path())?;
                let file = entry.path().strip_prefix(root).unwrap_or(entry.path());
                findings.extend(check_file(file, &text, &rooms));
            }
        }
    }
    Ok(findings)
}

/// The names of the modules in `lib.rs`, in order.
fn rooms(lib: &str) -> Vec<String> {
    let name = |line: &str| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned());
    lib.lines().filter_map(name).collect()
}

fn check_file(file: &Path, text: &str, rooms: &[String]) -> Vec<Finding> {
    let finding = |line: usize, what: String| Finding {
        file: file.to_owned(),
        line,
        what,
    };
    let mut findings = Vec::new();
    let is_tests = file.ancestors().any(|path| {
        path.file_stem()
            .is_some_and(|name| name.to_string_lossy().ends_with("tests"))
    });
    if !text.starts_with("//!") && !is_tests {
        findings.push(finding(
            1,
            "does not begin with `//!`: what is this file for?".to_owned(),
        ));
    }
    let lines = text.lines().count();
    if lines > LONGEST {
        findings.push(finding(
            0,
            format!("{lines} lines; at most {LONGEST} read in one sitting"),
        ));
    }
    let Some(room) = room_of(file, rooms) else {
        return findings;
    };
    for (index, line) in text.lines().enumerate() {
        for (higher, name) in rooms.iter().enumerate().skip(room + 1) {
            if imports(line, name) {
                let what = format!("`{}` may not know `{name}`, which is above it", rooms[room]);
                assert!(higher > room);
                findings.push(finding(index + 1, what));
            }
        }
    }
    findings
}

/// Which room a file is in; none for `main.rs`, `lib.rs` and tests, which may know all.
fn room_of(file: &Path, rooms: &[String]) -> Option<usize> {
    let inside = file.strip_prefix("xtask/src").ok()?;
    let first = Path::new(inside.components().next()?.as_os_str()).file_stem()?;
    rooms.iter().position(|room| first == room.as_str())
}

/// Whether a line of code, comments aside, names a room by its path.
fn imports(line: &str, room: &str) -> bool {
    let code = line.split("//").next().unwrap_or("");
    code.match_indices("crate::").any(|(at, path)| {
        let rest = &code[at + path.len()..];
        let named = |rest: &str| {
            rest.strip_prefix(room)
                .is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        };
        named(rest)
            || rest
                .strip_prefix('{')
                .is_some_and(|list| list.split(',').any(|item| named(item.trim_start())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms_of_a_house() -> Vec<String> {
        rooms("//! Rooms.\n\npub mod failure;\npub mod tool;\npub mod boot;\n")
    }

    fn broken(file: &str, text: &str) -> Vec<String> {
        check_file(Path::new(file), text, &rooms_of_a_house())
            .into_iter()
            .map(|f| f.what)
            .collect()
    }

    #[test]
    fn this_house_is_tidy() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let findings = check(root).unwrap();
        assert!(
            findings.is_empty(),
            "{}",
            findings
                .iter()
                .map(|f| format!("{f}\n"))
                .collect::<String>()
        );
    }

    #[test]
    fn a_lower_room_may_not_import_a_higher_one() {
        let text = "//! A.\nuse crate::boot::run;\n";
        assert_eq!(
            broken("xtask/src/tool.rs", text),
            ["`tool` may not know `boot`, which is above it"]
        );
        assert_eq!(
            broken("xtask/src/tool.rs", "//! A.\nuse crate::{failure, boot};\n").len(),
            1
        );
        assert!(broken("xtask/src/boot/run.rs", "//! A.\nuse crate::tool::Tool;\n").is_empty());
        assert!(broken("xtask/src/tool.rs", "//! A.\n// as crate::boot does\n").is_empty());
        assert!(broken("xtask/src/main.rs", text).is_empty());
    }

    #[test]
    fn a_file_says_what_it_is_for_and_is_short() {
        assert_eq!(broken("xtask/src/tool.rs", "use std::io;\n").len(), 1);
        assert_eq!(
            broken(
                "xtask/src/tool.rs",
                &format!("//! A.\n{}", "\n".repeat(500))
            )
            .len(),
            1
        );
    }
}
