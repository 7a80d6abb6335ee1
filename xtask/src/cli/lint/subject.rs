//! From what a person names to what `lint` looks at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use walkdir::WalkDir;

use super::Context;
use crate::cli::subject::{Place, Subject as Named};
use crate::event::Event;
use crate::failure::{Failure, Kind, Result};
use crate::image::content::Content;
use crate::image::segments::{self, Archive, Limits};
use crate::image::tree::FileTree;
use crate::lint::{self, Allow, Boot, Bundle, Finding, Settings, Subject};
use crate::plan::assemble::KERNEL;
use crate::recipe;
use crate::recipe::schema::Lint;

/// What a bundle says of itself.
const MANIFEST: &str = "manifest.json";

/// What is looked at, still in pieces.
pub(super) struct Material {
    files: Option<Bundle>,
    /// Each combination of files that is booted, and the kernel that it is booted with.
    images: Vec<(Archive, u64, Option<String>)>,
    config: Option<String>,
    settings: Settings,
    /// What the recipe allows.
    pub(super) allow: Vec<Allow>,
    /// Whether the recipe may have changed since: what it allows may be about something else.
    pub(super) of_former: bool,
}

impl Material {
    /// Reads a recipe's bundle, a bundle, or an initramfs.
    pub(super) fn of(context: &Context<'_>, named: &Named) -> Result<Self> {
        let settings = Settings {
            size: None,
            places: places(context),
        };
        match named.place(context)? {
            Place::Recipe(name) => Self::of_recipe(context, &name, settings),
            Place::Folder(folder) => {
                let material = Self::of_bundle(&folder, settings)?;
                match named {
                    Named::Bundle { recipe, .. } => material.with_lint_of(context, recipe),
                    _ => Ok(material),
                }
            }
            Place::File(file) => Self::of_file(&file, settings),
        }
    }

    /// Takes over what a bundle's recipe says now of findings, where it is still there.
    fn with_lint_of(mut self, context: &Context<'_>, recipe: &str) -> Result<Self> {
        let workshop = &context.workshop;
        if !recipe::names(&workshop.checkout)
            .iter()
            .any(|name| name == recipe)
        {
            return Ok(self);
        }
        let lint = workshop.recipe(recipe)?.recipe.lint;
        if lint != Lint::default() {
            let text = format!("[lint] is the one that recipes/{recipe}.toml has now");
            context.report.listener().hear(Event::Note(text));
        }
        self.settings.size = lint.size;
        self.allow = lint.allow;
        self.of_former = true;
        Ok(self)
    }

    fn of_recipe(context: &Context<'_>, name: &str, settings: Settings) -> Result<Self> {
        let workshop = &context.workshop;
        let built = workshop.build(name, context.report.listener())?;
        let (_, kernel) = workshop.make(name, KERNEL, context.report.listener())?;
        let lint = built.loaded.recipe.lint;
        let settings = Settings {
            size: lint.size,
            ..settings
        };
        Ok(Self {
            config: Some(String::from_utf8_lossy(&kernel.artifact.read("config")?).into_owned()),
            allow: lint.allow,
            ..Self::of_bundle(&built.folder, settings)?
        })
    }

    fn of_bundle(folder: &Path, settings: Settings) -> Result<Self> {
        let files = files(folder)?;
        let manifest = manifest(&files)?;
        let said = manifest["kernel"].as_str();
        let listing: Option<FileTree> = serde_json::from_value(manifest["initramfs"].clone()).ok();
        let of_segments: BTreeMap<String, FileTree> =
            serde_json::from_value(manifest["segments"].clone()).unwrap_or_default();
        let mut boots = lint::boots(&files)?;
        if boots.is_empty() {
            boots.extend(default(&manifest));
        }
        if boots.is_empty() {
            let what = format!(
                "no configuration in {} boots an initramfs",
                folder.display()
            );
            return Err(Failure::new(Kind::Usage, what)
                .hint("name a folder with pxelinux.cfg/ in it, or an initramfs itself"));
        }
        let mut images = Vec::new();
        let mut seen = BTreeSet::new();
        for Boot { initramfs, kernel } in boots {
            // What is missing is a finding; the rest is looked at.
            let there: Vec<&Content> = initramfs
                .iter()
                .filter_map(|file| files.get(file))
                .collect();
            if there.is_empty() || !seen.insert((initramfs.clone(), kernel.clone())) {
                continue;
            }
            let (mut archive, size) =
                segments::join(&initramfs.join(","), there, Limits::default())?;
            for listing in listing.iter().chain(of_segments.values()) {
                archive.tree.explain_by(listing);
            }
            let kernel = kernel.and_then(|kernel| files.get(&kernel));
            let head = kernel.map(|kernel| kernel.head(1 << 16)).transpose()?;
            let release = head.and_then(|head| lint::release(&head));
            images.push((archive, size, release.or(said.map(str::to_owned))));
        }
        Ok(Self {
            files: Some(files),
            images,
            config: None,
            settings,
            allow: Vec::new(),
            of_former: false,
        })
    }

    fn of_file(path: &Path, settings: Settings) -> Result<Self> {
        let archive = segments::read_file(path, Limits::default())?;
        let size = fs_err::metadata(path)?.len();
        Ok(Self {
            files: None,
            images: vec![(archive, size, None)],
            config: None,
            settings,
            allow: Vec::new(),
            of_former: false,
        })
    }

    /// What is wrong with any of its images; what several share is said once.
    pub(super) fn findings(&self) -> Result<Vec<Finding>> {
        let mut findings = BTreeSet::new();
        for (archive, size, release) in &self.images {
            let problems: Vec<String> = archive
                .all_problems()
                .map(|(segment, problem)| match segment {
                    Some(number) => format!("segment {number}: {problem}"),
                    None => problem.to_string(),
                })
                .collect();
            let symbols: BTreeSet<&str> = archive
                .segments
                .iter()
                .flat_map(|segment| segment.symbols.iter().copied())
                .collect();
            let subject = Subject {
                tree: &archive.tree,
                symbols: &Vec::from_iter(symbols),
                compressed: *size,
                segments: &problems,
                bundle: self.files.as_ref(),
                config: self.config.as_deref(),
                release: release.as_deref(),
                settings: &self.settings,
            };
            findings.extend(lint::check(&subject)?);
        }
        Ok(findings.into_iter().collect())
    }
}

/// Paths of this host that no image should hold.
fn places(context: &Context<'_>) -> Vec<String> {
    let workshop = &context.workshop;
    let home = std::env::var_os("HOME").map(PathBuf::from);
    [
        Some(workshop.checkout.root().to_owned()),
        Some(workshop.cache.clone()),
        home,
    ]
    .into_iter()
    .flatten()
    .map(|path| path.display().to_string())
    .collect()
}

/// Every file of a bundle. Links are followed, as servers do that serve such bundles (Debian's installer has some).
fn files(folder: &Path) -> Result<Bundle> {
    let mut files = Bundle::new();
    for entry in WalkDir::new(folder).min_depth(1).follow_links(true) {
        // Links that lead nowhere or in circles are no files.
        let Ok(entry) = entry else { continue };
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            let size = entry.metadata().map_err(std::io::Error::from)?.len();
            let content = Content::unread(entry.path().to_owned(), size);
            files.insert(path.to_string_lossy().into_owned(), content);
        }
    }
    Ok(files)
}

/// What a machine boots by default, as the manifest says: for bundles whose boot loaders have configurations of another form.
fn default(manifest: &Value) -> Option<Boot> {
    let files = manifest["default"]["initramfs"].as_array()?;
    let files = files.iter().filter_map(Value::as_str);
    let initramfs: Vec<String> = files.map(str::to_owned).collect();
    (!initramfs.is_empty()).then_some(Boot {
        initramfs,
        kernel: None,
    })
}

/// What a bundle's manifest says; nothing where it has none that can be read.
fn manifest(files: &Bundle) -> Result<Value> {
    let Some(content) = files.get(MANIFEST) else {
        return Ok(Value::Null);
    };
    let mut bytes = Vec::new();
    content.copy_to(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_what_is_booted_by_default() {
        let manifest = serde_json::json!({ "default": { "initramfs": ["a.img", "b.img"] } });
        let initramfs = default(&manifest).unwrap().initramfs;
        assert_eq!(initramfs, ["a.img", "b.img"]);
        assert_eq!(default(&Value::Null), None);
        assert_eq!(
            default(&serde_json::json!({ "default": { "initramfs": [] } })),
            None
        );
    }
}
