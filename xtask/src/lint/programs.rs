//! What programs and scripts need to start: interpreters, libraries, a machine that can run them; and something that the kernel can start at all.
//!
//! Libraries are looked for as ld.so(8) and musl's ldso/dynlink.c do, but one file at a time, and so with two things taken on trust: a folder that some
//! file's `DT_RPATH` names counts for all, because it is inherited by whatever that file loads; and one that some file's `DT_RUNPATH` names counts for all
//! libraries, because what that file has loaded already is not looked for again.

use std::collections::BTreeSet;

use super::Finding;
use super::facts::Facts;
use super::resolve::Found;
use super::rules::{MISSING_INTERPRETER, MISSING_LIBRARY, NO_INIT, WRONG_MACHINE};
use crate::closure::elf::Elf;
use crate::closure::machine::Machine;
use crate::image::path::ImagePath;
use crate::image::pattern::Pattern;

/// Where both C libraries look, beside their configuration.
const FOLDERS: [&str; 5] = ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"];

/// Nobody includes more tables than that.
const INCLUDES: usize = 64;

pub(super) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    init(facts, findings);
    let folders = folders(facts);
    let mut of_libraries = folders.clone();
    for (path, elf) in &facts.programs {
        of_libraries.extend(apart(&elf.runpath).map(|folder| expand(folder, path)));
    }
    let machine = machine(facts);
    for (&path, elf) in &facts.programs {
        if is_firmware(path) {
            continue;
        }
        if let Some(expected) = machine
            && elf.machine != expected
        {
            let what = format!(
                "{path} is for {}, and init for {}",
                elf.machine.name(),
                expected.name()
            );
            findings.push(WRONG_MACHINE.at(path, what));
        }
        if let Some(interpreter) = &elf.interpreter
            && facts.find(interpreter).file().is_none()
        {
            let what = format!("{path} is loaded by {interpreter}, which is not in the image");
            findings.push(MISSING_INTERPRETER.at(path, what));
        }
        let folders = match elf.interpreter {
            Some(_) => &folders,
            None => &of_libraries,
        };
        let needed = elf.needed.iter().filter(|needed| !needed.optional);
        for name in needed.map(|needed| &needed.name) {
            if !is_there(facts, path, elf, name, folders) {
                let what = format!("{path} needs the library {name}, which is not in the image");
                findings.push(MISSING_LIBRARY.at(path, what));
            }
        }
    }
    scripts(facts, findings);
}

/// Files for other processors than the machine's own.
fn is_firmware(path: &ImagePath) -> bool {
    let path = path.as_str();
    path.starts_with("lib/firmware/") || path.starts_with("usr/lib/firmware/")
}

fn init(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let told = facts
        .configurations
        .values()
        .flat_map(|file| file.words("rdinit="));
    let mut starts: BTreeSet<String> = told.map(|(_, path)| path).collect();
    if starts.is_empty() {
        starts.insert("/init".to_owned());
    }
    for path in starts {
        if !facts.is_program(&path) {
            let what = format!("the kernel starts {path}, and there is no such executable");
            findings.push(NO_INIT.everywhere(what));
        }
    }
}

/// The machine that the image is for: init's, or the shell's where init is a script.
fn machine(facts: &Facts<'_>) -> Option<Machine> {
    ["/init", "/sbin/init", "/bin/sh", "/usr/bin/sh"]
        .iter()
        .find_map(|path| {
            let (path, _) = facts.find(path).file()?;
            facts.programs.get(&path).map(|elf| elf.machine)
        })
}

/// The folders that are searched for every file, in no particular order.
fn folders(facts: &Facts<'_>) -> BTreeSet<String> {
    let mut folders: BTreeSet<String> = FOLDERS.map(str::to_owned).into();
    configured(facts, "/etc/ld.so.conf", &mut folders, &mut BTreeSet::new());
    for (path, _) in facts.subject.tree.iter() {
        let path = path.as_str();
        // Debian's folders of one architecture are compiled into its ld.so.
        let parts: Vec<&str> = path.split('/').collect();
        let is_triplet = match parts[..] {
            ["lib", folder] | ["usr", "lib", folder] => folder.contains("-linux-"),
            _ => false,
        };
        if is_triplet {
            folders.insert(format!("/{path}"));
        }
        if path.starts_with("etc/ld-musl-")
            && path.ends_with(".path")
            && let Some((_, text)) = facts.text(path)
        {
            folders.extend(text.split([':', '\n']).map(str::to_owned));
        }
    }
    for (path, elf) in &facts.programs {
        folders.extend(apart(&elf.rpath).map(|folder| expand(folder, path)));
    }
    folders.retain(|folder| folder.starts_with('/'));
    folders
}

/// ld.so.conf and what it includes.
fn configured(
    facts: &Facts<'_>,
    table: &str,
    folders: &mut BTreeSet<String>,
    seen: &mut BTreeSet<String>,
) {
    if seen.len() > INCLUDES || !seen.insert(table.to_owned()) {
        return;
    }
    let Some((_, text)) = facts.text(table) else {
        return;
    };
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let Some(pattern) = line.strip_prefix("include ") else {
            folders.insert(line.to_owned());
            continue;
        };
        let Ok(pattern) = Pattern::new(pattern.trim()) else {
            continue;
        };
        for (path, _) in facts.subject.tree.iter() {
            if pattern.matches(path.as_str()) {
                configured(facts, &path.to_string(), folders, seen);
            }
        }
    }
}

/// The folders of a run path.
fn apart(path: &Option<String>) -> impl Iterator<Item = &str> {
    let folders = path.iter().flat_map(|path| path.split(':'));
    folders.filter(|folder| !folder.is_empty())
}

/// A folder of a run path, seen from the file that has it.
fn expand(folder: &str, path: &ImagePath) -> String {
    let origin = path.parent().map(|parent| parent.to_string());
    let origin = origin.unwrap_or_default();
    folder
        .replace("${ORIGIN}", &origin)
        .replace("$ORIGIN", &origin)
}

fn is_there(
    facts: &Facts<'_>,
    path: &ImagePath,
    elf: &Elf,
    name: &str,
    folders: &BTreeSet<String>,
) -> bool {
    if name.contains('/') {
        return facts.find(name).file().is_some();
    }
    // What musl's libc has the names of, it is itself (ldso/dynlink.c, load_library).
    let is_musl = |interpreter: &String| interpreter.contains("/ld-musl-");
    if name.starts_with("libc.musl-")
        || (name == "libc.so" && elf.interpreter.as_ref().is_some_and(is_musl))
    {
        return elf
            .interpreter
            .as_ref()
            .map_or_else(|| has_musl(facts), |path| facts.find(path).file().is_some());
    }
    let own = apart(&elf.runpath).map(|folder| expand(folder, path));
    folders.iter().cloned().chain(own).any(|folder| {
        let found = facts.find(&format!("{folder}/{name}")).file();
        found.is_some_and(|(path, _)| {
            facts
                .programs
                .get(&path)
                .is_some_and(|library| library.machine == elf.machine)
        })
    })
}

fn has_musl(facts: &Facts<'_>) -> bool {
    let mut names = facts.subject.tree.iter().map(|(path, _)| path.name());
    names.any(|name| name.starts_with("ld-musl-"))
}

fn scripts(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for (&path, script) in &facts.scripts {
        let is_executable = facts
            .subject
            .tree
            .get(path)
            .is_some_and(|entry| entry.mode & 0o111 != 0);
        if !is_executable {
            continue;
        }
        // The kernel takes all up to the end of the line for one argument (fs/binfmt_script.c).
        let mut words = script
            .interpreter
            .split([' ', '\t'])
            .filter(|word| !word.is_empty());
        let Some(interpreter) = words.next() else {
            continue;
        };
        if !facts.is_program(interpreter) && !matches!(facts.find(interpreter), Found::RunTime) {
            let shown = interpreter.escape_default();
            let what = format!("{path} is a script for {shown}, which is not in the image");
            findings.push(MISSING_INTERPRETER.at(path, what));
        } else if interpreter.ends_with("/env")
            && let Some(name) = words.find(|word| !word.starts_with('-') && !word.contains('='))
            && facts.program(name).is_none()
        {
            let shown = name.escape_default();
            let what =
                format!("{path} is a script for {shown}, by way of env, and the image has none");
            findings.push(MISSING_INTERPRETER.at(path, what));
        }
    }
}
