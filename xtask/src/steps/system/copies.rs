//! What `[copy]` asks for, with all that it needs, and the packages that it comes from.

use std::collections::{BTreeMap, BTreeSet};

use super::{applets, used, warn};
use crate::closure::{self, Closure, Layer, Note, Root, Settings, Thing, ldcache};
use crate::debian::installed::{self, Packages, Versions};
use crate::event::Event;
use crate::failure::{Failure, Kind, Result};
use crate::image::path::ImagePath;
use crate::image::tree::{Entry, FileTree, Node, Origin, Taken};
use crate::plan::copies::{self, Group};
use crate::plan::{OfHost, System};
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
        let of_host = system.host.get(&group.name());
        entries.extend(name_packages(&root, sysroot, of_host, found)?);
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
    let settings = |present| {
        let nsswitch = system.nsswitch.clone();
        copies::settings(system.packing.arch, &system.closure, nsswitch, present)
    };
    let whole = Settings {
        others: others(work, system, group),
        ..settings(applets(work)?)?
    };
    let found = closure::closure(root, &group.wanted, &whole)?;
    if let Some(planned) = system.host.get(&group.name()) {
        // Planning does not know what busybox brings.
        let alone = settings(BTreeSet::new())?;
        let alone = |_| closure::closure(root, &group.wanted, &alone);
        let alone = found.relies.then_some(()).map(alone).transpose()?;
        let as_planned = alone.as_ref().unwrap_or(&found);
        if copies::host_digest(as_planned, work.slot.seen())? != planned.digest {
            return Err(Failure::new(
                Kind::Host,
                "what is copied from this host changed while it was being built from",
            )
            .hint("run the same command again: it plans anew from what is there now"));
        }
    }
    Ok(found)
}

/// What else of the recipe's a group could take from. Not beside the host, which goes with nothing that is unpacked.
fn others(work: &Work<'_>, system: &System, group: &Group<'_>) -> Vec<Layer> {
    let has_sysroot = work.step.definition.inputs.contains_key("sysroot/tree");
    let named = system.copy.values().flat_map(|copy| &copy.from);
    let all: BTreeSet<&str> = named.map(String::as_str).collect();
    let all = all.into_iter().filter(|name| *name != SYSROOT);
    let all = has_sysroot.then_some(SYSROOT).into_iter().chain(all);
    let others = all.filter(|name| !group.from.contains(name) && *name != HOST);
    if group.from.contains(&HOST) {
        return Vec::new();
    }
    others.map(|name| layer(work, name)).collect()
}

/// Adds such links where something is taken from behind them, however it was named: scripts call `/bin/bash`, and applets of
/// busybox in a `/bin` of its own would be found before the programs that the recipe names.
fn merge_usr(root: &Root, found: &mut Closure) -> Result<()> {
    for name in copies::MERGED {
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
    of_host: Option<&OfHost>,
    mut found: Closure,
) -> Result<Vec<(ImagePath, Entry)>> {
    let mut owners: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    if let Some(of_host) = of_host {
        owners.insert(HOST.to_owned(), of_host.owners.clone());
    }
    let is_folder = |layer: &&Layer| !matches!(layer.name.as_str(), SYSROOT | HOST);
    for layer in root.layers().iter().filter(is_folder) {
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

/// The packages that something in the tree was taken from. Where two roots have other versions of one package, the tree is
/// changed to say `name (root)` of what is from the later one.
pub(super) fn packages(
    work: &Work<'_>,
    system: &System,
    sysroot: Option<&Index>,
    tree: &mut FileTree,
) -> Result<Packages> {
    let mut roots: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for taken in tree.iter().filter_map(|(_, entry)| entry.taken.as_ref()) {
        let names = roots.entry(taken.root.clone()).or_default();
        names.extend(taken.package.clone());
    }
    let mut all = Packages::new();
    if let (Some(names), Some(index)) = (roots.remove(SYSROOT), sysroot) {
        let known = names
            .iter()
            .filter_map(|name| index.packages.get_key_value(name));
        all.extend(known.map(|(name, versions)| (name.clone(), versions.clone())));
    }
    for (root, names) in &roots {
        let more = if root == HOST {
            let known = system.host.values().flat_map(|of_host| &of_host.packages);
            let known = known.filter(|(name, _)| names.contains(*name));
            known.map(|(name, of)| (name.clone(), of.clone())).collect()
        } else {
            let names = names.iter().map(String::as_str).collect();
            installed::versions(&layer(work, root).folder, &names)?
        };
        add_packages(&mut all, root, more, tree);
    }
    Ok(used(tree, all))
}

/// Adds the packages of a root to those of others.
fn add_packages(all: &mut Packages, root: &str, more: Packages, tree: &mut FileTree) {
    let mut apart = BTreeMap::new();
    for (name, versions) in more {
        let known = |there: &Versions| (there.version.clone(), there.architecture.clone());
        match all.get(&name) {
            // What is known of it has the digest, too.
            Some(there) if known(there) == known(&versions) => {}
            Some(_) => {
                let other = format!("{name} ({root})");
                all.insert(other.clone(), versions);
                apart.insert(name, other);
            }
            None => {
                all.insert(name, versions);
            }
        }
    }
    let renamed = |taken: &Taken| {
        let name = apart.get(taken.package.as_ref()?);
        name.filter(|_| taken.root == root).cloned()
    };
    let found = tree.iter().filter_map(|(path, entry)| {
        let taken = entry.taken.as_ref()?;
        let package = Some(renamed(taken)?);
        let taken = Taken {
            package,
            ..taken.clone()
        };
        Some((path.clone(), entry.origin.clone(), taken))
    });
    for (path, origin, taken) in found.collect::<Vec<_>>() {
        tree.explain(&path, origin, Some(taken));
    }
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

    #[test]
    fn other_versions_of_a_package_in_another_root_are_told_apart() {
        let of = |packages: &[(&str, &str)]| -> Packages {
            let one = |&(name, version): &(&str, &str)| {
                let version = version.to_owned();
                (
                    name.to_owned(),
                    Versions {
                        version,
                        ..Versions::default()
                    },
                )
            };
            packages.iter().map(one).collect()
        };
        let mut tree = FileTree::default();
        let files = [
            ("a", SYSROOT, "libc6"),
            ("b", HOST, "libc6"),
            ("c", HOST, "same"),
            ("d", HOST, "own"),
        ];
        for (path, root, package) in files {
            let what = String::new();
            let mut entry = Entry::file(Vec::new(), true, Origin::Generated { what });
            entry.taken = Some(Taken {
                root: root.to_owned(),
                path: path.to_owned(),
                package: Some(package.to_owned()),
            });
            tree.add(path.parse().unwrap(), entry).unwrap();
        }
        let mut all = of(&[("libc6", "1"), ("same", "1")]);
        let host = of(&[("libc6", "2"), ("same", "1"), ("own", "3")]);
        add_packages(&mut all, HOST, host, &mut tree);
        assert_eq!(
            all,
            of(&[
                ("libc6", "1"),
                ("same", "1"),
                ("libc6 (host)", "2"),
                ("own", "3")
            ])
        );
        let package = |entry: &Entry| entry.taken.clone().and_then(|taken| taken.package).unwrap();
        let names: Vec<String> = tree.iter().map(|(_, entry)| package(entry)).collect();
        assert_eq!(names, ["libc6", "libc6 (host)", "same", "own"]);
    }
}
