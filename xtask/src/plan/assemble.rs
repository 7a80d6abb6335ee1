//! From a checked recipe to its plan. Reads the files that recipe names and asks the tools for their versions;
//! writes nothing, fetches nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::draft::Draft;
use super::image::{initramfs, segment, system};
use super::{
    Action, Bundle, Definition, Layout, Plan, Stamps, Step, board, copies, sysroot, tools, uki,
};
use crate::checkout::Checkout;
use crate::date;
use crate::debian::changelog::Entry;
use crate::digest::{Digest, Seen};
use crate::failure::{Failure, Result};
use crate::image::overlay;
use crate::loader::program;
use crate::recipe::schema::{KERNEL_BASES, Recipe};
use crate::source::resolve::{File, Resolved};
use crate::source::spec::Source;
use crate::source::sysroot::Package;
use crate::text;

/// Raised when a step's code changes what it leaves: results of the former code are no longer found.
const UNPACK_REVISION: u32 = 1;
const KERNEL_REVISION: u32 = 1;
const BUSYBOX_REVISION: u32 = 1;

/// Names of steps that verbs ask for.
pub const BUNDLE: &str = "bundle";
/// The sysroot's step.
pub const SYSROOT: &str = "sysroot";
/// The kernel's step.
pub const KERNEL: &str = "kernel";
/// busybox's step.
pub const BUSYBOX: &str = "busybox";
/// The step of what is ready-made.
pub const SYSTEM: &str = "system";
/// The initramfs's step.
pub const INITRAMFS: &str = "initramfs";

/// The step that makes a segment of its own.
#[must_use]
pub fn segment_step(segment: &str) -> String {
    format!("segment-{segment}")
}

/// The step that leaves a source's tree.
#[must_use]
pub fn source_step(source: &str) -> String {
    format!("source-{source}")
}

/// Everything a plan is made from.
pub struct Material<'a> {
    /// Where the recipe's files are.
    pub checkout: &'a Checkout,
    /// The recipe's name.
    pub name: &'a str,
    /// The recipe, with what the site sets in place of its defaults.
    pub recipe: &'a Recipe,
    /// The files that the recipe was read from, relative to the checkout.
    pub files: &'a [PathBuf],
    /// The changelog's first entry.
    pub release: &'a Entry,
    /// What each of the recipe's sources is: version and digests.
    pub sources: &'a BTreeMap<String, Resolved>,
    /// The packages of the recipe's sysroot, where it has one.
    pub sysroot: Option<&'a [(Package, File)]>,
    /// Who the tools are.
    pub tools: &'a tools::Memory,
    /// Who remembers the digests of what is read of the host.
    pub seen: &'a Seen,
}

/// Names of the sources that a recipe's build takes something from.
#[must_use]
pub fn sources(recipe: &Recipe) -> BTreeSet<&str> {
    let mut names = BTreeSet::from([recipe.busybox.source.as_str()]);
    if recipe.kernel.package.is_none() {
        names.insert(&recipe.kernel.source);
    }
    names.extend(loader_sources(recipe).map(|(_, source)| source.as_str()));
    names.extend(uki::source(recipe));
    names.extend(recipe.u_boot.iter().map(|uboot| uboot.source.as_str()));
    names.extend(copies::sources(recipe));
    names
}

/// The inputs of the bundle that boot programs are taken from, and the names of their sources.
fn loader_sources(recipe: &Recipe) -> impl Iterator<Item = (&'static str, &String)> {
    let routes = recipe.bundle.routes(recipe.arch);
    let packages = program::packages(&routes, recipe.arch).into_iter();
    packages.map(|package| (package.key(), recipe.bundle.source(package)))
}

/// Makes the plan; its last step is [`BUNDLE`].
///
/// # Errors
/// When a file that the recipe names cannot be read.
pub fn assemble(material: &Material<'_>) -> Result<Plan> {
    let mut plan = Plan::default();
    for name in sources(material.recipe) {
        add_source(&mut plan, material, name)?;
    }
    sysroot::add(&mut plan, material)?;
    plan.add(match &material.recipe.kernel.package {
        Some(package) => sysroot::kernel(&plan, material, package)?,
        None => kernel(&plan, material)?,
    })?;
    plan.add(busybox(&plan, material)?)?;
    let stamps = stamps(&plan, material)?;
    plan.add(system(&plan, material)?)?;
    plan.add(initramfs(&plan, material, &stamps)?)?;
    for name in material.recipe.segment.keys() {
        plan.add(segment(&plan, material, &stamps, name)?)?;
    }
    uki::add(&mut plan, material, &stamps)?;
    board::add(&mut plan, material)?;
    plan.add(bundle(&plan, material, &stamps)?)?;
    Ok(plan)
}

/// The steps from outside to a source's tree.
fn add_source(plan: &mut Plan, material: &Material<'_>, name: &str) -> Result<()> {
    let source = material
        .recipe
        .sources
        .get(name)
        .ok_or_else(|| Failure::bug(format!("the checked recipe has no source {name:?}")))?;
    let resolved = match source {
        Source::Directory { path } => {
            let layout = Layout::Folder {
                folder: "folder".to_owned(),
            };
            let mut draft = unpack_draft(material, layout);
            draft.folder("folder", Path::new(path))?;
            plan.add(draft.finish(&source_step(name), format!("copy {path}")))?;
            return Ok(());
        }
        _ => material
            .sources
            .get(name)
            .ok_or_else(|| Failure::bug(format!("the source {name:?} was not resolved")))?,
    };
    let mut draft = unpack_draft(material, layout(source, resolved)?);
    for file in &resolved.files {
        let fetch = fetch(plan, file)?;
        draft.step(plan, &file.name, &fetch, "file")?;
    }
    plan.add(draft.finish(
        &source_step(name),
        format!(
            "unpack {name} {}",
            resolved.version.as_deref().unwrap_or("")
        ),
    ))?;
    Ok(())
}

/// Adds the step that fetches a file, and returns its name.
pub(super) fn fetch(plan: &mut Plan, file: &File) -> Result<String> {
    let action = Action::Fetch {
        sha256: file.sha256,
    };
    plan.add(Step::new(
        fetch_step(plan, file),
        format!(
            "fetch {}{}",
            file.name,
            file.size
                .map_or_else(String::new, |size| format!(" ({})", text::bytes(size)))
        ),
        Definition::new(action, &["file"]),
        BTreeMap::new(),
    ))
}

/// Files are known by their names, and by their digests where two have the same name.
pub(super) fn fetch_step(plan: &Plan, file: &File) -> String {
    let name = format!("fetch-{}", file.name);
    let same = |there: &Step| {
        there.definition.action
            == Action::Fetch {
                sha256: file.sha256,
            }
    };
    match plan.get(&name) {
        Some(there) if !same(there) => format!("{name}-{}", file.sha256.short()),
        _ => name,
    }
}

fn unpack_draft<'a>(material: &Material<'a>, layout: Layout) -> Draft<'a> {
    let action = Action::Unpack { layout };
    Draft::new(
        material.checkout,
        action,
        &["tree"],
        tools::revision(UNPACK_REVISION),
    )
}

fn layout(source: &Source, resolved: &Resolved) -> Result<Layout> {
    let only = |suffix: &str| {
        resolved
            .files
            .iter()
            .map(|file| file.name.clone())
            .find(|name| name.ends_with(suffix))
            .ok_or_else(|| Failure::bug(format!("no file *{suffix} among a source's files")))
    };
    Ok(match source {
        Source::DebianSource { .. } => Layout::DebianSource { dsc: only(".dsc")? },
        Source::DebianBinary { member: None, .. } => Layout::DebianBinary { deb: only(".deb")? },
        Source::DebianBinary {
            member: Some(member),
            ..
        } => Layout::Member {
            deb: only(".deb")?,
            member: member.clone(),
        },
        Source::Url { .. } => Layout::Tarball { file: only("")? },
        Source::Directory { path } => Layout::Folder {
            folder: path.clone(),
        },
    })
}

fn kernel(plan: &Plan, material: &Material<'_>) -> Result<Step> {
    let Material {
        checkout,
        recipe,
        release,
        ..
    } = material;
    let kernel = &recipe.kernel;
    let folder = Path::new("kernel-configs");
    let fragments: Vec<PathBuf> = kernel
        .fragments
        .iter()
        .map(|name| folder.join(name))
        .collect();
    let base = match kernel.base.as_str() {
        target if KERNEL_BASES.contains(&target) => None,
        file => Some(folder.join(file)),
    };
    let action = Action::Kernel {
        arch: recipe.arch,
        base: base.as_ref().map_or_else(
            || kernel.base.clone(),
            |path| path.to_string_lossy().into_owned(),
        ),
        fragments: names(&fragments),
        localversion: format!("-{}-{}", material.name, file_version(release)),
    };
    let outputs = ["kernel", "config", "release", "modules"];
    let mut draft = Draft::new(
        checkout,
        action,
        &outputs,
        tools::both(
            material.tools.kernel(recipe.arch)?,
            tools::revision(KERNEL_REVISION),
        ),
    );
    draft.step(plan, "source", &source_step(&kernel.source), "tree")?;
    if let Some(path) = &base {
        draft.file(path)?;
    }
    draft.fragments(&fragments)?;
    draft.environment(&[
        ("SOURCE_DATE_EPOCH", release.epoch.to_string()),
        ("KBUILD_BUILD_TIMESTAMP", date::kbuild(release.epoch)),
        ("KBUILD_BUILD_USER", "cordwainer".to_owned()),
        ("KBUILD_BUILD_HOST", "cordwainer".to_owned()),
        ("KBUILD_BUILD_VERSION", "1".to_owned()),
    ]);
    Ok(draft.finish(KERNEL, format!("build the kernel ({})", kernel.base)))
}

fn busybox(plan: &Plan, material: &Material<'_>) -> Result<Step> {
    let Material {
        checkout,
        recipe,
        release,
        ..
    } = material;
    let busybox = &recipe.busybox;
    let folder = Path::new("busybox-configs");
    let fragments: Vec<PathBuf> = busybox
        .fragments
        .iter()
        .map(|name| folder.join(name))
        .collect();
    let action = Action::Busybox {
        arch: recipe.arch,
        libc: busybox.libc,
        fragments: names(&fragments),
    };
    let tools = tools::both(
        material.tools.busybox(busybox.libc, recipe.arch)?,
        tools::revision(BUSYBOX_REVISION),
    );
    let mut draft = Draft::new(
        checkout,
        action,
        &["busybox", "links", "config", "version"],
        tools,
    );
    draft.step(plan, "source", &source_step(&busybox.source), "tree")?;
    draft.fragments(&fragments)?;
    draft.environment(&[("SOURCE_DATE_EPOCH", release.epoch.to_string())]);
    Ok(draft.finish(BUSYBOX, "build busybox"))
}

fn bundle(plan: &Plan, material: &Material<'_>, stamps: &Stamps) -> Result<Step> {
    let Material {
        checkout, recipe, ..
    } = material;
    let action = Action::Bundle(Box::new(Bundle {
        arch: recipe.arch,
        bundle: recipe.bundle.clone(),
        u_boot: recipe.u_boot.clone(),
        segments: recipe.segment.keys().cloned().collect(),
        nodes: recipe.node.clone(),
        console: recipe.image.console.clone(),
        stamps: stamps.clone(),
        provenance: provenance(plan, material)?,
    }));
    let mut draft = Draft::new(checkout, action, &["bundle"], tools::ours());
    draft.step(plan, "kernel", KERNEL, "kernel")?;
    draft.step(plan, "release", KERNEL, "release")?;
    draft.step(plan, "initramfs", INITRAMFS, "initramfs")?;
    draft.step(plan, "listing", INITRAMFS, "listing")?;
    draft.step(plan, "packages", INITRAMFS, "packages")?;
    for name in recipe.segment.keys() {
        let step = segment_step(name);
        draft.step(plan, &format!("segment/{name}"), &step, "archive")?;
        draft.step(plan, &format!("segment-listing/{name}"), &step, "listing")?;
    }
    draft.step(plan, "busybox-version", BUSYBOX, "version")?;
    uki::input(plan, &mut draft, &recipe.bundle)?;
    for (input, source) in loader_sources(recipe) {
        draft.step(plan, input, &source_step(source), "tree")?;
    }
    board::inputs(plan, material, &mut draft)?;
    Ok(draft.finish(BUNDLE, "lay out the bundle"))
}

/// The build id is a digest of all that the image is made from, so it is known before anything is built, and equal ids mean equal
/// images.
fn stamps(plan: &Plan, material: &Material<'_>) -> Result<Stamps> {
    let Material {
        checkout,
        recipe,
        release,
        ..
    } = material;
    let mut overlays = Vec::new();
    for name in &recipe.image.overlays {
        overlays.push(overlay::listing(&checkout.overlays().join(name))?);
    }
    let keys: BTreeMap<&str, Digest> = plan
        .steps()
        .iter()
        .map(|step| (step.name.as_str(), step.key))
        .collect();
    let digest = Digest::of_value(&json!({
        "keys": keys, "overlays": overlays, "image": recipe.image, "settings": recipe.settings,
        "version": release.version.to_string(),
    }));
    Ok(Stamps {
        name: material.name.to_owned(),
        version: file_version(release),
        build_id: digest.to_string()[..12].to_owned(),
        date: date::iso8601(release.epoch),
    })
}

/// For the manifest: the recipe's own files, each source with its version and files, each step with its key and all that is in it.
fn provenance(plan: &Plan, material: &Material<'_>) -> Result<serde_json::Value> {
    let sources: BTreeMap<&str, serde_json::Value> = sources(material.recipe)
        .into_iter()
        .map(|name| (name, json!({ "from": material.recipe.sources[name], "used": material.sources.get(name) })))
        .collect();
    let steps: BTreeMap<&str, serde_json::Value> = plan
        .steps()
        .iter()
        .map(|step| {
            (
                step.name.as_str(),
                json!({ "key": step.key, "definition": step.definition, "folders": step.folders }),
            )
        })
        .collect();
    let mut files = BTreeMap::new();
    for path in material
        .files
        .iter()
        .chain([&PathBuf::from(&material.recipe.changelog)])
    {
        files.insert(
            path.to_string_lossy().into_owned(),
            Digest::of_file(&material.checkout.root().join(path))?.0,
        );
    }
    let mut all = json!({ "files": files, "sources": sources, "steps": steps });
    if let Some(packages) = material.sysroot {
        let used: Vec<&Package> = packages.iter().map(|(package, _)| package).collect();
        all["sysroot"] = json!({ "from": material.recipe.sysroot, "used": used });
    }
    Ok(all)
}

/// The changelog's version without its epoch: the epoch orders packages, and `:` has no place in file names.
fn file_version(release: &Entry) -> String {
    release.version.file_name_safe()
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    paths
        .iter()
        .map(|path| path.to_string_lossy().into_owned())
        .collect()
}
