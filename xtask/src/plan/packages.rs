//! The step that packs a bundle as Debian packages, with what is known beforehand of the sources that went into it. It is in the plans of those only who
//! want packages: others need no templates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::assemble::{BUNDLE, BUSYBOX, Material, fetch_step};
use super::draft::Draft;
use super::{Action, Bundle, Packages, Plan, tools};
use crate::arch::Arch;
use crate::debian::installed;
use crate::failure::{Failure, Kind, Result};
use crate::recipe::schema::Libc;
use crate::source::spec::Source;

/// The step's name.
pub const PACKAGES: &str = "packages";

/// The folders with the templates of the packages, by the names of the inputs.
pub const FOLDERS: [&str; 3] = ["debian/image", "debian/server", "debian/netboot-images"];

/// The copyright file of those recipes that name none.
pub const COPYRIGHT: &str = "debian/copyright";

/// Packages with a kernel begin so.
const KERNEL_PACKAGE: &str = "linux-image-";

/// Adds the step to a plan that leads to a bundle.
///
/// # Errors
/// [`Kind::Recipe`] where the checkout has no templates; when something cannot be read.
pub fn add(plan: &mut Plan, material: &Material<'_>) -> Result<()> {
    let Material {
        checkout, recipe, ..
    } = material;
    let package = &recipe.package;
    let (debs, sources) = went_in(plan, material)?;
    let action = Action::Deb(Box::new(Packages {
        bundle: bundle(plan)?,
        description: recipe.description.clone(),
        changelog: recipe.changelog.clone(),
        package: package.clone(),
        debs: debs.keys().cloned().collect(),
        sources,
    }));
    let mut draft = Draft::new(checkout, action, &["packages"], tools::ours());
    draft.step(plan, "bundle", BUNDLE, "bundle")?;
    for (input, fetch) in &debs {
        draft.step(plan, input, fetch, "file")?;
    }
    for folder in FOLDERS {
        if !checkout.root().join(folder).is_dir() {
            let what = format!("there is no folder {folder}, which packages are made from");
            return Err(Failure::new(Kind::Recipe, what)
                .hint("take the folder `debian` of Cordwainer's own checkout, and change what has to be different"));
        }
        draft.folder(folder, Path::new(folder))?;
    }
    let copyright = package.copyright.as_deref().unwrap_or(COPYRIGHT);
    let files = [
        Some(recipe.changelog.as_str()),
        Some(copyright),
        package.readme.as_deref(),
    ];
    for file in files.into_iter().flatten() {
        draft.file(&PathBuf::from(file))?;
    }
    let step = draft.finish(PACKAGES, "pack the bundle as Debian packages");
    plan.add(step).map(drop)
}

/// What the bundle's step does, without its provenance.
fn bundle(plan: &Plan) -> Result<Bundle> {
    match plan.get(BUNDLE).map(|step| &step.definition.action) {
        Some(Action::Bundle(bundle)) => Ok(Bundle {
            provenance: serde_json::Value::Null,
            ..(**bundle).clone()
        }),
        _ => Err(Failure::bug("the plan of packages has no bundle")),
    }
}

/// Inputs that are `.deb`s, with the steps that fetch them; and source packages with their versions.
type WentIn = (BTreeMap<String, String>, BTreeMap<String, String>);

/// What Debian knows the sources of that went in: the recipe's sources, the package with the kernel, and what is linked into busybox. Packages that
/// files were copied from are in the bundle's manifest.
fn went_in(plan: &Plan, material: &Material<'_>) -> Result<WentIn> {
    let mut debs = BTreeMap::new();
    let mut sources = linked(plan, material)?;
    let mut deb = |file| {
        let fetch = fetch_step(plan, file);
        debs.insert(format!("debs/{fetch}"), fetch);
    };
    for (name, resolved) in material.sources {
        match (&material.recipe.sources[name], &resolved.version) {
            (Source::DebianSource { package, .. }, Some(version)) => {
                sources.insert(package.clone(), version.clone());
            }
            (Source::DebianBinary { .. }, _) => resolved.files.iter().for_each(&mut deb),
            _ => {}
        }
    }
    if material.recipe.kernel.package.is_some() {
        let packages = material.sysroot.unwrap_or_default().iter();
        let kernels = packages.filter(|(package, _)| package.package.starts_with(KERNEL_PACKAGE));
        kernels.for_each(|(_, file)| deb(file));
    }
    Ok((debs, sources))
}

/// The sources of the C library and of gcc's own that busybox is linked with, as the host's dpkg knows them.
fn linked(plan: &Plan, material: &Material<'_>) -> Result<BTreeMap<String, String>> {
    let recipe = material.recipe;
    let tools = plan.get(BUSYBOX).map(|step| &step.definition.tools);
    let compilers = tools
        .into_iter()
        .flatten()
        .filter(|(tool, _)| tool.ends_with("gcc"));
    let gcc = compilers
        .filter_map(|(_, version)| major(version))
        .collect::<BTreeSet<_>>();
    let paths = libraries(recipe.arch, recipe.busybox.libc, &gcc);
    let root = Path::new("/");
    let owners = installed::owners(root, &paths)?;
    let names = owners.values().map(String::as_str).collect();
    let packages = installed::versions(root, &names)?.into_values();
    Ok(packages
        .map(|package| (package.source, package.source_version))
        .collect())
}

/// gcc's major version, of the first line that `gcc --version` prints.
fn major(version: &str) -> Option<&str> {
    let major = version.split_whitespace().next_back()?.split('.').next()?;
    major
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(major)
}

/// Where Debian's packages have what static programs are linked with.
fn libraries(arch: Arch, libc: Libc, gcc: &BTreeSet<&str>) -> BTreeSet<String> {
    let tuple = arch.multiarch();
    let native = Arch::host() == Some(arch);
    let libc = match libc {
        Libc::Musl => format!("usr/lib/{}/libc.a", tuple.replace("-gnu", "-musl")),
        Libc::Glibc if native => format!("usr/lib/{tuple}/libc.a"),
        Libc::Glibc => format!("usr/{tuple}/lib/libc.a"),
    };
    let folder = if native { "gcc" } else { "gcc-cross" };
    let own = gcc
        .iter()
        .map(|major| format!("usr/lib/{folder}/{tuple}/{major}/libgcc.a"));
    own.chain([libc]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_those_that_gcc_links_with() {
        assert_eq!(major("gcc (Debian 12.2.0-14+deb12u1) 12.2.0"), Some("12"));
        assert_eq!(major("missing"), None);
        let host = Arch::host().unwrap();
        let version = crate::tool::Tool::new("gcc")
            .arg("-dumpversion")
            .read()
            .unwrap();
        let gcc = BTreeSet::from([version.trim()]);
        let paths = libraries(host, Libc::Glibc, &gcc);
        for name in ["libc.a", "libgcc.a"] {
            let tool = crate::tool::Tool::new("gcc").arg(format!("-print-file-name={name}"));
            let real = fs_err::canonicalize(tool.read().unwrap().trim()).unwrap();
            let real = real.to_string_lossy().trim_start_matches('/').to_owned();
            assert!(paths.contains(&real), "{real} is not among {paths:?}");
        }
    }

    #[test]
    fn cross_compilers_have_libraries_of_their_own() {
        let paths = libraries(Arch::Ppc64el, Libc::Glibc, &BTreeSet::from(["12"]));
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        assert_eq!(
            paths,
            [
                "usr/lib/gcc-cross/powerpc64le-linux-gnu/12/libgcc.a",
                "usr/powerpc64le-linux-gnu/lib/libc.a"
            ]
        );
    }
}
