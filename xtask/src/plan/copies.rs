//! What `[copy]` asks for, by where it is taken from; and what that is on the host, which may be another one when the step runs.
//! Finding what it needs is `closure`'s.

use std::collections::{BTreeMap, BTreeSet};

use super::OfHost;
use super::assemble::Material;
use crate::arch::Arch;
use crate::checkout::Checkout;
use crate::closure::{self, Closure, Layer, Root, Settings, Wanted, Watched};
use crate::debian::installed;
use crate::digest::{Digest, Seen};
use crate::failure::{Failure, Kind, Result};
use crate::image::overlay;
use crate::image::path::ImagePath;
use crate::image::tree::{FileTree, Node};
use crate::recipe::schema::{self, Recipe};
use crate::recipe::schema::{HOST, SYSROOT};
use crate::source::spec::Source;

/// Tables that take from the same roots.
#[derive(Clone, Debug)]
pub struct Group<'r> {
    /// Names of the roots, the first over the others.
    pub from: Vec<&'r str>,
    /// What is asked for.
    pub wanted: Vec<Wanted<'r>>,
}

impl Group<'_> {
    /// What failures and digests call it.
    #[must_use]
    pub fn name(&self) -> String {
        self.from.join(" ")
    }

    /// Whether something of it may come from the host.
    #[must_use]
    fn has_host(&self) -> bool {
        self.from.contains(&HOST)
    }
}

/// The tables of `[copy]`, by their roots.
#[must_use]
pub fn groups(copy: &BTreeMap<String, schema::Copy>, has_sysroot: bool) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (name, copy) in copy {
        let from: Vec<&str> = match copy.from.as_slice() {
            [] if has_sysroot => vec![SYSROOT],
            [] => vec![HOST],
            from => from.iter().map(String::as_str).collect(),
        };
        let wanted = Wanted {
            table: format!("copy.{name}"),
            files: &copy.files,
            exclude: &copy.exclude,
            to: copy.to.as_deref(),
        };
        match groups.iter_mut().find(|group| group.from == from) {
            Some(group) => group.wanted.push(wanted),
            None => groups.push(Group {
                from,
                wanted: vec![wanted],
            }),
        }
    }
    groups
}

/// The sources that something is copied from.
pub fn sources(recipe: &Recipe) -> BTreeSet<&str> {
    let from = recipe.copy.values().flat_map(|copy| &copy.from);
    from.map(String::as_str)
        .filter(|name| recipe.sources.contains_key(*name))
        .collect()
}

/// Directories that are links to those of the same names below `/usr` in a system with a merged `/usr`: they are taken with what is behind them.
pub const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// So many files are named.
const NAMED: usize = 3;

/// What a person should know of what a recipe takes ready-made, a sentence each.
///
/// # Errors
/// What reading fails with.
pub fn notes(checkout: &Checkout, recipe: &Recipe) -> Result<Vec<String>> {
    let mut notes = lost(checkout, recipe)?;
    if let Some(package) = &recipe.kernel.package
        && recipe.modules.take.is_empty()
    {
        notes.push(format!(
            "the kernel of {package} has its drivers as modules, and the recipe takes none: name some in [modules], such as take = [\"@virtio\", \"@pci-network\"]"
        ));
    }
    Ok(notes)
}

/// What the image cannot have of the folders that something is copied from: a sentence for each of the first few files.
///
/// # Errors
/// When a folder cannot be read.
fn lost(checkout: &Checkout, recipe: &Recipe) -> Result<Vec<String>> {
    let mut lost = Vec::new();
    for name in sources(recipe) {
        let Source::Directory { path } = &recipe.sources[name] else {
            continue;
        };
        let files = overlay::special(&checkout.root().join(path))?;
        for (file, what) in files.iter().take(NAMED) {
            let file = checkout.relative(file).display();
            lost.push(format!(
                "{file} {what}; in the image it is not so: of the files of a `directory` source only the exec bit counts"
            ));
        }
        if files.len() > NAMED {
            lost.push(format!(
                "so it is with {} more files of the source `{name}`",
                files.len() - NAMED
            ));
        }
    }
    Ok(lost)
}

/// How a closure is made. `present` is what the image has anyway.
///
/// # Errors
/// [`Kind::Recipe`] for a pattern that is none.
pub fn settings(
    arch: Arch,
    closure: &schema::Closure,
    nsswitch: Option<String>,
    present: BTreeSet<ImagePath>,
) -> Result<Settings> {
    let provided = closure.provided.iter().map(|text| Watched::new(text));
    Ok(Settings {
        arch,
        hwcaps: closure.hwcaps.clone(),
        dlopen: closure.dlopen,
        provided: provided.collect::<Result<_>>()?,
        present,
        nsswitch,
        others: Vec::new(),
    })
}

/// What groups take from the host as it is now, by the groups' names. Nothing that busybox brings is taken into account: what is found may be
/// more than is taken, and never less.
///
/// # Errors
/// What is missing on the host.
pub(super) fn of_host(
    material: &Material<'_>,
    nsswitch: Option<&str>,
) -> Result<BTreeMap<String, OfHost>> {
    let recipe = material.recipe;
    let mut all = BTreeMap::new();
    for group in groups(&recipe.copy, recipe.sysroot.is_some()) {
        if !group.has_host() {
            continue;
        }
        let layers = group.from.iter().map(|name| layer(material, name));
        let root = Root::new(layers.collect::<Result<_>>()?)?;
        let nsswitch = nsswitch.map(str::to_owned);
        let settings = settings(recipe.arch, &recipe.closure, nsswitch, BTreeSet::new())?;
        let of_host = planned(&root, &group, &settings, material.seen)?;
        all.insert(group.name(), of_host);
    }
    Ok(all)
}

/// What a group takes from the host as it is now.
///
/// # Errors
/// What is missing on the host; what reading it, or dpkg's database, fails with.
pub fn planned(root: &Root, group: &Group<'_>, settings: &Settings, seen: &Seen) -> Result<OfHost> {
    let found = closure::closure(root, &group.wanted, settings)?;
    let taken = found.tree.iter().filter_map(|(_, entry)| {
        let taken = entry.taken.as_ref();
        taken.filter(|taken| taken.root == HOST)
    });
    let taken = taken.map(|taken| taken.path.clone());
    let paths = MERGED.map(str::to_owned).into_iter().chain(taken).collect();
    let owners = installed::owners(&host().folder, &paths)?;
    let names = owners.values().map(String::as_str).collect();
    let packages = installed::versions(&host().folder, &names)?;
    Ok(OfHost {
        digest: host_digest(&found, seen)?,
        owners,
        packages,
    })
}

/// The host, or a folder of the checkout: nothing else is there while planning.
fn layer(material: &Material<'_>, name: &str) -> Result<Layer> {
    match material.recipe.sources.get(name) {
        _ if name == HOST => Ok(host()),
        Some(Source::Directory { path }) => Ok(Layer {
            name: name.to_owned(),
            folder: material.checkout.root().join(path),
            owners: false,
        }),
        _ => Err(Failure::new(
            Kind::Recipe,
            format!("`from` cannot name `{HOST}` and `{name}` at once"),
        )
        .hint("beside the host only folders of the checkout (kind = \"directory\") can be: take all from [sysroot]")),
    }
}

/// The host's own files.
#[must_use]
pub fn host() -> Layer {
    Layer {
        name: HOST.to_owned(),
        folder: "/".into(),
        owners: true,
    }
}

/// A digest of what a closure takes from the host. What was read before, and is the same since, is not read again.
///
/// # Errors
/// What reading fails with.
pub fn host_digest(found: &Closure, seen: &Seen) -> Result<Digest> {
    let mut tree = FileTree::default();
    for (path, entry) in &found.tree {
        if entry.taken.as_ref().is_some_and(|taken| taken.root == HOST) {
            let mut entry = entry.clone();
            if let Node::File(content) = &mut entry.node {
                content.recall(seen)?;
                content.digest_seen(seen)?;
            }
            tree.add(path.clone(), entry)?;
        }
    }
    Ok(Digest::of_value(&tree))
}
