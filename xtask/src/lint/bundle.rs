//! What is around the image: files that the loader's configuration names, modules that the loader links, labels that are booted by default, digests.

use std::collections::BTreeSet;

use super::facts::{Facts, bytes};
use super::pxelinux::{Configuration, path};
use super::rules::{CHECKSUM, LOADER_FILE, LOADER_LABEL};
use super::{Bundle, Finding};
use crate::failure::Result;
use crate::loader::c32::{self, Flavour};
use crate::loader::route::BOOTME;

/// Directives whose value begins with a path.
const FILES: [&str; 18] = [
    "BACKGROUND",
    "BOOT",
    "BSS",
    "COM32",
    "COMBOOT",
    "CONFIG",
    "DEVICETREE",
    "DISPLAY",
    "FDT",
    "FONT",
    "INCLUDE",
    "KBDMAP",
    "KERNEL",
    "LINUX",
    "MENU BACKGROUND",
    "MENU INCLUDE",
    "PXE",
    "UI",
];
/// Directives and kernel arguments with a list of paths between commas.
const LISTS: [&str; 2] = ["INITRD", "FDTOVERLAYS"];
/// How the names of Syslinux' modules end.
const MODULE: &str = ".c32";
const SUMS: &str = "SHA256SUMS";

pub(super) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let Some(files) = facts.subject.bundle else {
        return;
    };
    let mut modules = BTreeSet::new();
    for (name, configuration) in &facts.configurations {
        for (line, named) in named(configuration) {
            let Some(found) = path(&configuration.base, &named) else {
                continue;
            };
            if found.ends_with(MODULE) {
                modules.insert((found.clone(), name.clone()));
            } else if !files.contains_key(&found) {
                let what = format!("line {line} names {named}, which is not in the bundle");
                findings.push(LOADER_FILE.at(name.as_str(), what));
            }
        }
        labels(files, name, configuration, findings);
    }
    linked(facts, files, &modules, findings);
}

/// Every file that a configuration names, with the line.
fn named(configuration: &Configuration) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for key in FILES {
        for (line, value) in configuration.values(key) {
            // An image may be followed by what marks its parts: `KERNEL fit.itb#conf`.
            let first = value.split_whitespace().next().unwrap_or_default();
            let first = first.split('#').next().unwrap_or_default();
            named.push((line, first.to_owned()));
        }
    }
    // `DEFAULT` is a label mostly, and a module sometimes.
    let defaults = configuration.values("DEFAULT");
    let defaults =
        defaults.filter_map(|(line, value)| Some((line, value.split_whitespace().next()?)));
    named.extend(
        defaults
            .filter(|(_, file)| file.ends_with(MODULE))
            .map(|(line, file)| (line, file.to_owned())),
    );
    let lists = LISTS
        .iter()
        .flat_map(|key| configuration.values(key))
        .map(|(line, value)| (line, value.to_owned()));
    for (line, list) in lists.chain(configuration.words("initrd=")) {
        let files = list.split([',', ' ']);
        named.extend(files.map(|file| (line, file.to_owned())));
    }
    named.retain(|(_, file)| !file.is_empty() && file != "-");
    named
}

/// Entries that are booted when nobody chooses.
fn labels(files: &Bundle, name: &str, configuration: &Configuration, findings: &mut Vec<Finding>) {
    let labels: BTreeSet<&str> = configuration
        .values("LABEL")
        .map(|(_, label)| label)
        .collect();
    // What an included file has may be the one that is meant.
    let includes = ["INCLUDE", "MENU INCLUDE"]
        .iter()
        .any(|key| configuration.values(key).next().is_some());
    let keys = ["DEFAULT", "ONTIMEOUT", "ONERROR", "MENU DEFAULT"];
    for (line, value) in keys.iter().flat_map(|key| configuration.values(key)) {
        let first = value.split_whitespace().next().unwrap_or_default();
        // `DEFAULT` may be a command line as well: a kernel or a module with its arguments.
        let is_file = path(&configuration.base, first).is_none_or(|file| files.contains_key(&file));
        if !first.is_empty() && !includes && !is_file && !labels.contains(first) {
            let what = format!("line {line} boots {first}, and there is no such label");
            findings.push(LOADER_LABEL.at(name, what));
        }
    }
}

/// Modules, and those that they are linked against; and what the boot programs themselves load.
fn linked(
    facts: &Facts<'_>,
    files: &Bundle,
    modules: &BTreeSet<(String, String)>,
    findings: &mut Vec<Finding>,
) {
    for flavour in Flavour::ALL {
        let of_flavour = modules
            .iter()
            .filter(|(_, by)| self::flavour(files, by) == flavour);
        let modules: BTreeSet<(String, String)> = of_flavour.cloned().collect();
        let is_loader = |file: &String| name(file) == flavour.program();
        if modules.is_empty() && !files.keys().any(is_loader) {
            continue;
        }
        let folders = searched(facts, files, flavour, &modules);
        let entries: Vec<(&str, &str)> = modules
            .iter()
            .map(|(module, by)| (name(module), by.as_str()))
            .collect();
        let needed = c32::needed(flavour, &entries, |name| {
            let places = folders.iter().map(|folder| format!("{folder}{name}"));
            let found = places.into_iter().find_map(|place| files.get(&place));
            found
                .map(|content| Ok(bytes(content)?.into_owned()))
                .transpose()
        });
        if let Err(failure) = needed {
            findings.push(LOADER_FILE.everywhere(failure.to_string()));
        }
    }
}

/// Whose modules a configuration names: those of the boot program that is beside its folder.
fn flavour(files: &Bundle, configuration: &str) -> Flavour {
    let base = configuration.find("pxelinux.cfg/").unwrap_or_default();
    let program = format!("{}{}", &configuration[..base], Flavour::Efi64.program());
    match files.contains_key(&program) {
        true => Flavour::Efi64,
        false => Flavour::Bios,
    }
}

/// A file's name without folders.
fn name(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

/// Where modules are looked for: beside the loaders, beside other modules, and in `PATH`.
fn searched(
    facts: &Facts<'_>,
    files: &Bundle,
    flavour: Flavour,
    modules: &BTreeSet<(String, String)>,
) -> BTreeSet<String> {
    let loaders = files.keys().filter(|file| name(file) == flavour.program());
    let modules = modules.iter().map(|(module, _)| module);
    let mut folders: BTreeSet<String> = loaders.chain(modules).map(|file| folder(file)).collect();
    for configuration in facts.configurations.values() {
        for (_, value) in configuration.values("PATH") {
            let named = value
                .split([':', ' '])
                .filter_map(|named| path(&configuration.base, named));
            folders.extend(named.map(|folder| format!("{folder}/")));
        }
    }
    folders
}

/// The folder of a file, with a slash at its end; nothing at the top.
fn folder(file: &str) -> String {
    file.rsplit_once('/')
        .map(|(folder, _)| format!("{folder}/"))
        .unwrap_or_default()
}

/// Whether the files are those that the list of digests tells of.
///
/// # Errors
/// What reading them fails with.
pub(super) fn sums(files: &Bundle, findings: &mut Vec<Finding>) -> Result<()> {
    let Some(list) = files.get(SUMS) else {
        return Ok(());
    };
    let list = String::from_utf8_lossy(&bytes(list)?).into_owned();
    let mut listed = BTreeSet::from([SUMS]);
    let mut digests = BTreeSet::new();
    for line in list.lines() {
        let Some((digest, name)) = line.split_once("  ") else {
            continue;
        };
        listed.insert(name);
        digests.insert(digest);
        let what = match files.get(name) {
            Some(content) if content.digest()?.to_string() == digest => continue,
            Some(_) => format!("{name} is another one than {SUMS} lists"),
            None => format!("{SUMS} lists {name}, which is not there"),
        };
        findings.push(CHECKSUM.at(name, what));
    }
    for (name, content) in files {
        // What Open Firmware runs is a link, another name for a script that is listed.
        let is_link = name == BOOTME && digests.contains(&*content.digest()?.to_string());
        if !listed.contains(name.as_str()) && !is_link {
            findings.push(CHECKSUM.at(name.as_str(), format!("{SUMS} does not list {name}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Bundle;
    use super::super::tests::{bundle, image, with_bundle};

    fn found(files: &[(&str, &str)]) -> Vec<(&'static str, String)> {
        of(&bundle(files))
    }

    fn of(files: &Bundle) -> Vec<(&'static str, String)> {
        let found = with_bundle(&image(&[]), files).into_iter();
        found.map(|finding| (finding.id, finding.what)).collect()
    }

    #[test]
    fn files_that_a_configuration_names_have_to_be_there() {
        let configuration = "DISPLAY a.txt\nF1 a.txt\nMENU BACKGROUND #00000000\nLABEL x\nLINUX k\nAPPEND initrd=i,j quiet\nFDT d.dtb\nINITRD http://x/y";
        let all = [
            ("pxelinux.cfg/default", configuration),
            ("a.txt", ""),
            ("k", ""),
            ("i", ""),
            ("j", ""),
            ("d.dtb", ""),
        ];
        assert_eq!(found(&all), []);
        for missing in 1..all.len() {
            let some: Vec<_> = all
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != missing)
                .map(|(_, file)| *file)
                .collect();
            let found = found(&some);
            assert!(
                found[0].0 == "loader-file" && found[0].1.contains(all[missing].0),
                "{found:?}"
            );
        }
    }

    #[test]
    fn modules_have_to_be_there_with_all_that_they_link() {
        let files = [("pxelinux.cfg/default", "UI menu.c32\n")];
        let found = found(&files);
        assert_eq!(found[0].0, "loader-file");
        assert!(found[0].1.contains("ldlinux.c32 is missing"), "{found:?}");
        // Without pxelinux, and without modules, nobody needs it.
        assert_eq!(of(&bundle(&[("pxelinux.cfg/default", "PROMPT 0\n")])), []);
    }

    #[test]
    fn what_is_booted_by_default_has_to_be_an_entry() {
        let entry = "\nLABEL b\nLOCALBOOT 0";
        assert_eq!(
            found(&[("pxelinux.cfg/default", &format!("DEFAULT a{entry}"))])[0].0,
            "loader-label"
        );
        assert_eq!(
            found(&[("pxelinux.cfg/default", &format!("ONTIMEOUT a{entry}"))])[0].0,
            "loader-label"
        );
        assert_eq!(
            found(&[(
                "pxelinux.cfg/default",
                &format!("DEFAULT b\nONTIMEOUT b{entry}")
            )]),
            []
        );
        let kernel = [("pxelinux.cfg/default", "DEFAULT k quiet"), ("k", "")];
        assert_eq!(found(&kernel), []);
    }

    #[test]
    fn files_have_to_be_those_that_are_listed() {
        let digest = crate::digest::Digest::of(b"one");
        let list = format!("{digest}  a\n");
        assert_eq!(found(&[("SHA256SUMS", &list), ("a", "one")]), []);
        assert_eq!(
            found(&[("SHA256SUMS", &list), ("a", "two")])[0].0,
            "checksum"
        );
        assert_eq!(found(&[("SHA256SUMS", &list)])[0].0, "checksum");
        assert_eq!(
            found(&[("SHA256SUMS", &list), ("a", "one"), ("b", "")])[0].0,
            "checksum"
        );
        let also = |name, text| found(&[("SHA256SUMS", &list), ("a", "one"), (name, text)]);
        assert_eq!(also("bootme", "one"), []);
        assert_eq!(also("bootme", "two")[0].0, "checksum");
        assert_eq!(also("b", "one")[0].0, "checksum");
    }
}
