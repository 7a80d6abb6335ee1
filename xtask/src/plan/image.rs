//! The steps that make the image: what is ready-made, what goes on top of it, and segments of their own. Where their inputs
//! come from is `assemble`'s.

use std::path::Path;

use super::assemble::{
    BUSYBOX, INITRAMFS, KERNEL, Material, SYSROOT, SYSTEM, segment_step, source_step,
};
use super::copies;
use super::draft::Draft;
use super::{Action, Initramfs, Packing, Plan, Segment, Stamps, Step, System, tools};
use crate::date;
use crate::failure::{Failure, Kind, Result};

/// Where the C library looks up what to ask for names.
const NSSWITCH: &str = "etc/nsswitch.conf";

/// How this recipe's archives are written.
fn packing(material: &Material<'_>) -> Result<Packing> {
    let Material {
        recipe, release, ..
    } = material;
    let mtime = u32::try_from(release.epoch).map_err(|_| {
        Failure::new(
            Kind::Recipe,
            format!(
                "the changelog's date {} does not fit into an initramfs",
                date::iso8601(release.epoch)
            ),
        )
        .hint("a date must be from 1970 to 2106")
    })?;
    Ok(Packing {
        arch: recipe.arch,
        compression: recipe.image.compression,
        level: recipe.image.compression_level,
        mtime,
    })
}

pub(super) fn system(plan: &Plan, material: &Material<'_>) -> Result<Step> {
    let Material {
        checkout, recipe, ..
    } = material;
    let nsswitch = nsswitch(material)?;
    let action = Action::System(Box::new(System {
        packing: packing(material)?,
        copy: recipe.copy.clone(),
        closure: recipe.closure.clone(),
        modules: recipe.modules.clone(),
        all_modules: recipe.kernel.package.is_none() && recipe.modules.take.is_empty(),
        microcode: recipe.image.microcode.clone(),
        host: copies::of_host(material, nsswitch.as_deref())?,
        nsswitch,
    }));
    let outputs = ["early", "archive", "listing", "packages"];
    let mut draft = Draft::new(checkout, action, &outputs, tools::ours());
    draft.step(plan, "busybox/links", BUSYBOX, "links")?;
    for output in ["config", "release", "modules"] {
        draft.step(plan, &format!("kernel/{output}"), KERNEL, output)?;
    }
    if recipe.sysroot.is_some() {
        for output in ["tree", "index"] {
            draft.step(plan, &format!("sysroot/{output}"), SYSROOT, output)?;
        }
    }
    for name in copies::sources(recipe) {
        draft.step(plan, &format!("source/{name}"), &source_step(name), "tree")?;
    }
    Ok(draft.finish(SYSTEM, "collect programs, modules and firmware"))
}

/// The image's own nsswitch.conf(5), where an overlay has one: it says which modules glibc's name services need.
fn nsswitch(material: &Material<'_>) -> Result<Option<String>> {
    let overlays = material.recipe.image.overlays.iter().rev();
    let paths = overlays.map(|name| material.checkout.overlays().join(name).join(NSSWITCH));
    match paths.into_iter().find(|path| path.is_file()) {
        Some(path) => Ok(Some(fs_err::read_to_string(path)?)),
        None => Ok(None),
    }
}

pub(super) fn initramfs(plan: &Plan, material: &Material<'_>, stamps: &Stamps) -> Result<Step> {
    let Material {
        checkout, recipe, ..
    } = material;
    let overlays = overlays(&recipe.image.overlays);
    let action = Action::Initramfs(Box::new(Initramfs {
        packing: packing(material)?,
        image: recipe.image.clone(),
        overlays: overlays.clone(),
        settings: recipe.settings.clone(),
        stamps: stamps.clone(),
    }));
    let outputs = ["initramfs", "listing", "packages"];
    let mut draft = Draft::new(checkout, action, &outputs, tools::ours());
    for output in ["busybox", "links", "version"] {
        draft.step(plan, &format!("busybox/{output}"), BUSYBOX, output)?;
    }
    for output in ["config", "release"] {
        draft.step(plan, &format!("kernel/{output}"), KERNEL, output)?;
    }
    for output in ["early", "archive", "listing", "packages"] {
        draft.step(plan, &format!("system/{output}"), SYSTEM, output)?;
    }
    for overlay in &overlays {
        draft.folder(overlay, Path::new(overlay))?;
    }
    Ok(draft.finish(INITRAMFS, "assemble the initramfs"))
}

/// A segment that some machines get on top of the image.
pub(super) fn segment(
    plan: &Plan,
    material: &Material<'_>,
    stamps: &Stamps,
    name: &str,
) -> Result<Step> {
    let Material {
        checkout, recipe, ..
    } = material;
    let overlays = overlays(&recipe.segment[name].overlays);
    let action = Action::Segment(Box::new(Segment {
        packing: packing(material)?,
        overlays: overlays.clone(),
        image: recipe.image.clone(),
        settings: recipe.settings.clone(),
        stamps: stamps.clone(),
    }));
    let mut draft = Draft::new(checkout, action, &["archive", "listing"], tools::ours());
    draft.step(plan, "busybox/version", BUSYBOX, "version")?;
    for output in ["config", "release"] {
        draft.step(plan, &format!("kernel/{output}"), KERNEL, output)?;
    }
    draft.step(plan, "listing", INITRAMFS, "listing")?;
    for overlay in &overlays {
        draft.folder(overlay, Path::new(overlay))?;
    }
    Ok(draft.finish(&segment_step(name), format!("make the segment {name}")))
}

fn overlays(names: &[String]) -> Vec<String> {
    names
        .iter()
        .map(|name| format!("overlays/{name}"))
        .collect()
}
