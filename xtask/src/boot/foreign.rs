//! Bundles that somebody else made, which say nothing of themselves: where their boot file is, and how to get past their
//! menu to a kernel that writes on the serial console. The bundle itself is not touched.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Kind, Result};

use super::scenario::{Answer, End, Scenario};

/// Names of PXELINUX, the plain one and the one that can do HTTP.
const LOADERS: [&str; 2] = ["pxelinux.0", "lpxelinux.0"];
/// How deep a boot file may lie.
const DEPTH: usize = 3;

/// Keys for the menus of syslinux (`menu.c32`, `vesamenu.c32`): Tab edits the entry it stands on, Enter boots it. A kernel that is
/// told `quiet` says nothing before its programs do, but the last of several arguments wins.
const ANSWERS: [(&str, &str); 3] = [
    (r"(?i)\btab\b.{0,9}\bto edit\b", "\t"),
    (r"^> \S", " console=ttyS0,115200 loglevel=7\r"),
    // A kernel told to use a graphics mode (`vga=`) that the machine does not have.
    (r"<SPACE> to continue, or wait 30 sec", " "),
];

/// A boot file, relative to the bundle, and the scenario that boots it until every pattern of `expect` was seen.
///
/// # Errors
/// [`Kind::Usage`] when there is no boot file, or more than one that could be meant.
pub fn scenario(bundle: &Path, expect: &[String]) -> Result<(String, Scenario)> {
    let loader = find_loader(bundle)?;
    let answer = ANSWERS.map(|(when, keys)| Answer {
        when: when.to_owned(),
        r#type: keys.to_owned(),
    });
    let scenario = Scenario {
        description: format!("{} in {}", loader, bundle.display()),
        // Installers unpack themselves into memory.
        memory: 1024,
        answer: answer.to_vec(),
        expect: expect.to_vec(),
        end: End::Expected,
        timeout: 180,
        ..Scenario::named("bundle")
    };
    Ok((loader, scenario))
}

/// The boot file that lies highest; with a configuration beside it before one without.
fn find_loader(bundle: &Path) -> Result<String> {
    let mut found: Vec<((bool, usize), PathBuf)> = Vec::new();
    for entry in walkdir::WalkDir::new(bundle)
        .max_depth(DEPTH)
        .follow_links(true)
        .sort_by_file_name()
    {
        // Links that lead nowhere or in circles are not what is looked for.
        let Ok(entry) = entry else { continue };
        if LOADERS.iter().any(|name| entry.file_name() == *name) && entry.path().is_file() {
            let alone = !entry.path().with_file_name("pxelinux.cfg").is_dir();
            let path = entry.path().strip_prefix(bundle).unwrap_or(entry.path());
            found.push(((alone, entry.depth()), path.to_owned()));
        }
    }
    let best = found.iter().map(|(rank, _)| *rank).min();
    let best: Vec<&PathBuf> = found
        .iter()
        .filter(|(rank, _)| Some(*rank) == best)
        .map(|(_, path)| path)
        .collect();
    match best[..] {
        [path] => path
            .to_str()
            .map(str::to_owned)
            .ok_or_else(|| Failure::new(Kind::Usage, format!("{} is not UTF-8", path.display()))),
        [] => Err(Failure::new(
            Kind::Usage,
            format!(
                "{} has no boot file: no {} down to {DEPTH} folders deep",
                bundle.display(),
                LOADERS.join(" or ")
            ),
        )),
        _ => {
            let failure = Failure::new(
                Kind::Usage,
                format!("{} has several boot files", bundle.display()),
            );
            let failure = best.iter().fold(failure, |failure, path| {
                failure.note(path.display().to_string())
            });
            Err(failure.hint("name the folder of one of them"))
        }
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        for file in files {
            let path = tree.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
        tree
    }

    #[test]
    fn the_boot_file_with_a_configuration_wins() {
        let tree = tree(&["pxelinux.0", "a/lpxelinux.0", "a/pxelinux.cfg/default"]);
        assert_eq!(find_loader(tree.path()).unwrap(), "a/lpxelinux.0");
    }

    #[test]
    fn none_and_several_are_mistakes() {
        let none = tree(&["a/b/c/d/pxelinux.0", "pxelinux.1"]);
        assert_eq!(find_loader(none.path()).unwrap_err().kind, Kind::Usage);
        let several = tree(&["gtk/pxelinux.0", "text/pxelinux.0"]);
        let failure = find_loader(several.path()).unwrap_err();
        assert_eq!(failure.notes, ["gtk/pxelinux.0", "text/pxelinux.0"]);
    }

    #[test]
    fn menus_are_known_by_what_they_say_of_their_keys() {
        let tab = Regex::new(ANSWERS[0].0).unwrap();
        assert!(tab.is_match("Press ENTER to boot or TAB to edit a menu entry"));
        assert!(tab.is_match("Press [Tab] to edit options"));
        assert!(!tab.is_match("a table to edit"));
    }

    #[test]
    fn the_scenario_can_be_meant() {
        let tree = tree(&["pxelinux.0"]);
        let (_, scenario) = scenario(tree.path(), &["Linux".to_owned()]).unwrap();
        assert_eq!(scenario.problems(), []);
    }
}
