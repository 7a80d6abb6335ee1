//! The segment of what is ready-made: programs with all that they need, modules, firmware, microcode. It changes seldom and is most of an
//! image, so it is a result by itself; overlays go on top of it (`initramfs`). What is needed is found by `closure`.

mod copies;
mod microcode;
mod modules;
mod smaller;

use std::collections::BTreeSet;

use super::sysroot::Index;
use super::{Work, segment};
use crate::debian::installed::Packages;
use crate::event::Event;
use crate::failure::Result;
use crate::image::path::ImagePath;
use crate::image::tree::FileTree;
use crate::plan::System;

pub(super) fn run(work: &Work<'_>, system: &System) -> Result<()> {
    let sysroot = sysroot(work)?;
    let mut tree = FileTree::default();
    copies::add(work, system, sysroot.as_ref(), &mut tree)?;
    modules::add(work, system, sysroot.as_ref(), &mut tree)?;
    smaller::strip(work, system.closure.strip, &mut tree)?;
    tree.fill_parents(0o755);
    for (_, content) in tree.contents_mut() {
        content.recall(work.slot.seen())?;
    }
    segment::check(work, &system.packing, &tree)?;
    segment::write(&tree, &system.packing, &work.output("archive"))?;
    for (path, entry) in microcode::write(work, system, sysroot.as_ref())?.iter() {
        tree.add(path.clone(), entry.clone())?;
    }
    let packages = copies::packages(work, system, sysroot.as_ref(), &mut tree)?;
    segment::listing(&tree, &work.output("listing"))?;
    let text = serde_json::to_vec_pretty(&packages)
        .map_err(|error| crate::failure::Failure::bug(error.to_string()))?;
    Ok(fs_err::write(work.output("packages"), text)?)
}

/// What is in the sysroot, where the recipe has one.
fn sysroot(work: &Work<'_>) -> Result<Option<Index>> {
    let input = "sysroot/index";
    if !work.step.definition.inputs.contains_key(input) {
        return Ok(None);
    }
    Index::parse(&work.text(input)?).map(Some)
}

/// What busybox's applets are called: names that the image has anyway.
fn applets(work: &Work<'_>) -> Result<BTreeSet<ImagePath>> {
    let links = work.text("busybox/links")?;
    links.lines().map(str::parse).collect()
}

fn warn(work: &Work<'_>, text: String) {
    work.listen.hear(Event::Warning(text));
}

/// The packages that something in a tree was taken from, of all that there are.
fn used(tree: &FileTree, mut all: Packages) -> Packages {
    let taken = tree.iter().filter_map(|(_, entry)| entry.taken.as_ref());
    let names: BTreeSet<&str> = taken.filter_map(|taken| taken.package.as_deref()).collect();
    all.retain(|name, _| names.contains(name.as_str()));
    all
}
