//! What `[copy]` asks for, with all that it needs, and the packages that it comes from.

use std::collections::{BTreeMap, BTreeSet};

use super::{applets, used, warn};
use crate::closure::{self, Closure, Layer, Note, Root, Thing, ldcache};
use crate::debian::installed::{self, Packages};
use crate::event::Event;
use crate::failure::{Failure, Kind, Result};
use crate::image::path::ImagePath;
use crate::image::tree::{Entry, FileTree, Node, Origin, Taken};
use crate::plan::System;
use crate::plan::copies::{self, Group};
use crate::recipe::schema::{HOST, SYSROOT};
use crate::steps::Work;
use crate::steps::sysroot::Index;
use crate::text::counted;

/// Adds what all tables ask for.
pub(super) fn add(
    work: &Work<'_>,
    system: &System,
    sysroot: Option<&Index>,
    tree: &mut FileTree,
) -> Result<()> {
    let mut entries = Vec::new();
    let mut cached = BTreeSet::new();
    let groups = copies::groups(&system.copy, sysroot.is_some());
    let mut idle: BTreeMap<Note, usize> = BTreeMap::new();
    for group in &groups {
        let root = Root::new(group.from.iter().map(|name| layer(work, name)).collect())?;
        let mut found = find(work, system, group, &root)?;
        tell(work, &found, groups.len(), &mut idle);
        merge_usr(&root, &mut found)?;
        cached.extend(found.cached.iter().cloned());
        entries.extend(name_packages(&root, sysroot, found)?);
    }
    // Links to directories first: what is below them goes where they lead, whichever root it is from.
    let is_link = |node: &Node| matches!(node, Node::Symlink { .. });
    entries.sort_by_key(|(_, entry)| !is_link(&entry.node));
    for (path, entry) in entries {
        tree.add(path, entry)?;
    }
    if cached.is_empty() {
        return Ok(());
    }
    // Libraries outside of its default folders glibc finds by this file only, and nobody runs ldconfig in an image.
    let what = "cache of libraries outside the default folders".to_owned();
    let cache = Entry::file(ldcache::bytes(&cached), false, Origin::Generated { what });
    tree.add(ldcache::PATH.parse()?, cache)
}

fn layer(work: &Work<'_>, name: &str) -> Layer {
    if name == HOST {
        return copies::host();
    }
    let input = match name {
        SYSROOT => "sysroot/tree".to_owned(),
        source => format!("source/{source}"),
    };
    Layer {
        name: name.to_owned(),
        folder: work.input(&input),
        owners: false,
    }
}

fn find(work: &Work<'_>, system: &System, group: &Group<'_>, root: &Root) -> Result<Closure> {
    let settings = |present, nsswitch| {
        copies::settings(system.packing.arch, &system.closure, nsswitch, present)
    };
    if let Some(planned) = system.host.get(&group.name()) {
        let found = closure::closure(root, &group.wanted, &settings(BTreeSet::new(), None)?)?;
        if copies::host_digest(&found)? != *planned {
            return Err(Failure::new(
                Kind::Host,
                "what is copied from this host changed while it was being built from",
            )
            .hint("run the same command again: it plans anew from what is there now"));
        }
    }
    let settings = settings(applets(work)?, system.nsswitch.clone())?;
    closure::closure(root, &group.wanted, &settings)
}

/// Directories that are links to those of the same names below `/usr` in a system with a merged `/usr`.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// Adds such links where something is taken from behind them, however it was named: scripts call `/bin/bash`, and applets of
/// busybox in a `/bin` of its own would be found before the programs that the recipe names.
fn merge_usr(root: &Root, found: &mut Closure) -> Result<()> {
    for name in MERGED {
        let path: ImagePath = name.parse()?;
        let (Some(link), behind) = (root.place(name)?, format!("usr/{name}/")) else {
            continue;
        };
        let Thing::Link(target) = &link.kind else {
            continue;
        };
        let mut there = found.tree.iter().map(|(path, _)| path);
        let first = there.find(|path| path.as_str().starts_with(&behind));
        let Some(by) = first.cloned() else { continue };
        let is_there = found.tree.iter().any(|(there, _)| *there == path);
        if is_there || target.trim_matches('/') != behind.trim_matches('/') {
            continue;
        }
        let how = "merged /usr".to_owned();
        let mut entry = Entry::symlink(target.clone(), Origin::Needed { by, how });
        entry.taken = Some(Taken {
            root: root.layers()[link.layer].name.clone(),
            path: name.to_owned(),
            package: None,
        });
        found.tree.push((path, entry));
    }
    Ok(())
}

/// Says what a person should know of what was found.
fn tell(work: &Work<'_>, found: &Closure, groups: usize, idle: &mut BTreeMap<Note, usize>) {
    let from_host = found.tree.iter().filter(|(_, entry)| {
        let taken = entry.taken.as_ref();
        taken.is_some_and(|taken| taken.root == HOST)
    });
    let number = from_host.count();
    if number > 0 {
        work.listen.hear(Event::Note(format!(
            "taken from this host: {}; another host may have others, and make another image (a [sysroot] makes it the same everywhere)",
            counted(number, "file")
        )));
    }
    for note in &found.notes {
        match note {
            // What is said of all tables together has no effect only if it has none anywhere.
            Note::Idle { table, .. } => {
                let times = idle.entry(note.clone()).or_default();
                *times += 1;
                if table != closure::CLOSURE || *times == groups {
                    warn(work, note.to_string());
                }
            }
            Note::Capabilities { .. } | Note::Damaged { .. } | Note::Foreign { .. } => {
                warn(work, note.to_string());
            }
            _ => work.listen.hear(Event::Note(note.to_string())),
        }
    }
}

/// Entries with the packages that they belong to, and with the modes and owners that these say, which a tree in the store does not keep.
fn name_packages(
    root: &Root,
    sysroot: Option<&Index>,
    mut found: Closure,
) -> Result<Vec<(ImagePath, Entry)>> {
    let mut owners: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for layer in root.layers().iter().filter(|layer| layer.name != SYSROOT) {
        let paths = paths(&found, &layer.name);
        owners.insert(
            layer.name.clone(),
            installed::owners(&layer.folder, &paths)?,
        );
    }
    for (_, entry) in &mut found.tree {
        let Some(taken) = &mut entry.taken else {
            continue;
        };
        if taken.root != SYSROOT {
            taken.package = owners
                .get(&taken.root)
                .and_then(|of| of.get(&taken.path))
                .cloned();
        } else if let Some(member) = sysroot.and_then(|index| index.files.get(&taken.path)) {
            taken.package = Some(member.package.clone());
            if !matches!(entry.node, Node::Symlink { .. }) {
                entry.mode = member.attributes.mode;
                entry.uid = u32::try_from(member.attributes.uid).unwrap_or(0);
                entry.gid = u32::try_from(member.attributes.gid).unwrap_or(0);
            }
        }
    }
    Ok(found.tree)
}

fn paths(found: &Closure, root: &str) -> BTreeSet<String> {
    let taken = found
        .tree
        .iter()
        .filter_map(|(_, entry)| entry.taken.as_ref());
    taken
        .filter(|taken| taken.root == root)
        .map(|taken| taken.path.clone())
        .collect()
}

/// The packages that something in the tree was taken from.
pub(super) fn packages(
    work: &Work<'_>,
    sysroot: Option<&Index>,
    tree: &FileTree,
) -> Result<Packages> {
    let mut all = Packages::new();
    let taken = tree.iter().filter_map(|(_, entry)| entry.taken.as_ref());
    let mut roots: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for taken in taken.filter(|taken| taken.root != SYSROOT) {
        let names = roots.entry(&taken.root).or_default();
        names.extend(taken.package.as_deref());
    }
    for (root, names) in roots {
        all.extend(installed::versions(&layer(work, root).folder, &names)?);
    }
    all.extend(
        sysroot
            .map(|index| index.packages.clone())
            .unwrap_or_default(),
    );
    Ok(used(tree, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_from_a_merged_usr_is_found_by_its_old_path_too() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs_err::create_dir_all(at("usr/bin")).unwrap();
        fs_err::create_dir_all(at("usr/sbin")).unwrap();
        fs_err::write(at("usr/bin/bash"), "").unwrap();
        for (link, target) in [("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/bin")] {
            fs_err::os::unix::fs::symlink(target, at(link)).unwrap();
        }
        let root = Root::of("sysroot", folder.path()).unwrap();
        let what = String::new();
        let file = Entry::file(Vec::new(), true, Origin::Generated { what });
        let mut found = Closure {
            tree: vec![("usr/bin/bash".parse().unwrap(), file)],
            ..Closure::default()
        };
        for _ in 0..2 {
            merge_usr(&root, &mut found).unwrap();
            let paths: Vec<&str> = found.tree.iter().map(|(path, _)| path.as_str()).collect();
            assert_eq!(paths, ["usr/bin/bash", "bin"]);
        }
    }
}
