//! Bundles that somebody else made, which say little or nothing of themselves: what machines they are for, where their boot file is,
//! and how to get past their menu to a kernel that writes on the serial console. The bundle itself is not touched.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::arch::Arch;
use crate::failure::{Failure, Kind, Result};

use super::scenario::{Answer, End, Scenario};

/// Names of PXELINUX, the plain one and the one that can do HTTP.
const LOADERS: [&str; 2] = ["pxelinux.0", "lpxelinux.0"];
/// The folder of configurations that every boot loader of ours reads.
const CONFIGURATIONS: [&str; 1] = ["pxelinux.cfg"];
/// The manifest of bundles that we made.
const MANIFEST: &str = "manifest.json";
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

/// How such a bundle is booted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The architecture that its manifest names; that of PCs otherwise.
    pub arch: Arch,
    /// The boot file, relative to the bundle; for U-Boot, the folder that it would be in.
    pub loader: String,
    /// Boots it until every pattern was seen.
    pub scenario: Scenario,
}

/// Finds out how to boot a bundle until every pattern of `expect` was seen.
///
/// # Errors
/// [`Kind::Usage`] when there is no boot file, or more than one that could be meant, or the manifest cannot be read.
pub fn look(bundle: &Path, expect: &[String]) -> Result<Foreign> {
    let arch = arch(bundle)?;
    let (loader, answer) = match arch {
        Arch::Amd64 => (find(bundle, &LOADERS, is_loader)?, &ANSWERS[..]),
        _ => (find(bundle, &CONFIGURATIONS, is_configured)?, &[][..]),
    };
    let answer = answer.iter().map(|(when, keys)| Answer {
        when: (*when).to_owned(),
        r#type: (*keys).to_owned(),
    });
    let scenario = Scenario {
        description: format!("{loader} in {}", bundle.display()),
        // Installers unpack themselves into memory.
        memory: 1024,
        answer: answer.collect(),
        expect: expect.to_vec(),
        end: End::Expected.into(),
        timeout: 180,
        ..Scenario::named("bundle")
    };
    Ok(Foreign {
        arch,
        loader,
        scenario,
    })
}

/// What a `manifest.json` of ours says of itself.
#[derive(Deserialize)]
struct Manifest {
    arch: Option<Arch>,
}

fn arch(bundle: &Path) -> Result<Arch> {
    let path = bundle.join(MANIFEST);
    if !path.is_file() {
        return Ok(Arch::Amd64);
    }
    let manifest: Manifest = serde_json::from_slice(&fs_err::read(&path)?).map_err(|error| {
        let what = format!(
            "{} says of no machine that it is for it: {error}",
            path.display()
        );
        Failure::new(Kind::Usage, what)
    })?;
    Ok(manifest.arch.unwrap_or_default())
}

/// Whether this is a boot program; it is the better one with a configuration beside it.
fn is_loader(path: &Path) -> Option<bool> {
    path.is_file()
        .then(|| path.with_file_name(CONFIGURATIONS[0]).is_dir())
}

/// Whether this is a folder of configurations.
fn is_configured(path: &Path) -> Option<bool> {
    path.is_dir().then_some(true)
}

/// What has one of these names and lies highest, the better ones before others; of folders, the path that they are in.
fn find(bundle: &Path, names: &[&str], rank: fn(&Path) -> Option<bool>) -> Result<String> {
    let mut found: Vec<((bool, usize), PathBuf)> = Vec::new();
    for entry in walkdir::WalkDir::new(bundle)
        .max_depth(DEPTH)
        .follow_links(true)
        .sort_by_file_name()
    {
        // Links that lead nowhere or in circles are not what is looked for.
        let Ok(entry) = entry else { continue };
        if names.iter().any(|name| entry.file_name() == *name)
            && let Some(good) = rank(entry.path())
        {
            let path = entry.path().strip_prefix(bundle).unwrap_or(entry.path());
            found.push(((!good, entry.depth()), path.to_owned()));
        }
    }
    let best = found.iter().map(|(rank, _)| *rank).min();
    let best: Vec<&PathBuf> = found
        .iter()
        .filter(|(rank, _)| Some(*rank) == best)
        .map(|(_, path)| path)
        .collect();
    match best[..] {
        [path] => {
            let text = path.to_str().map(str::to_owned).ok_or_else(|| {
                Failure::new(Kind::Usage, format!("{} is not UTF-8", path.display()))
            })?;
            let folder = names == CONFIGURATIONS;
            let kept = text.len() - if folder { CONFIGURATIONS[0].len() } else { 0 };
            Ok(text[..kept].to_owned())
        }
        [] => Err(Failure::new(
            Kind::Usage,
            format!(
                "{} has nothing to boot: no {} down to {DEPTH} folders deep",
                bundle.display(),
                names.join(" or ")
            ),
        )),
        _ => {
            let failure = Failure::new(
                Kind::Usage,
                format!("{} has several things to boot", bundle.display()),
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
        assert_eq!(
            find(tree.path(), &LOADERS, is_loader).unwrap(),
            "a/lpxelinux.0"
        );
    }

    #[test]
    fn none_and_several_are_mistakes() {
        let none = tree(&["a/b/c/d/pxelinux.0", "pxelinux.1"]);
        assert_eq!(
            find(none.path(), &LOADERS, is_loader).unwrap_err().kind,
            Kind::Usage
        );
        let several = tree(&["gtk/pxelinux.0", "text/pxelinux.0"]);
        let failure = find(several.path(), &LOADERS, is_loader).unwrap_err();
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
        let foreign = look(tree.path(), &["Linux".to_owned()]).unwrap();
        assert_eq!(foreign.arch, Arch::Amd64);
        assert_eq!(foreign.scenario.problems(), []);
    }

    #[test]
    fn a_bundle_that_says_what_it_is_for_is_booted_there() {
        let tree = tree(&["lab/pxelinux.cfg/default", "manifest.json"]);
        let manifest = |text: &str| {
            fs_err::write(tree.path().join("manifest.json"), text).unwrap();
            look(tree.path(), &["Linux".to_owned()])
        };
        let foreign = manifest(r#"{"arch": "arm64"}"#).unwrap();
        assert_eq!((foreign.arch, &*foreign.loader), (Arch::Arm64, "lab/"));
        assert_eq!(foreign.scenario.answer, []);
        for text in ["", "[]", r#"{"arch": "vax"}"#, "{}"] {
            assert_eq!(manifest(text).unwrap_err().kind, Kind::Usage, "{text}");
        }
    }
}
