//! The steps of what is ready-made: Debian packages as a tree, and the kernel that is in one of them.

use super::assemble::{KERNEL, Material, SYSROOT, fetch};
use super::draft::Draft;
use super::{Action, Plan, Step, SysrootPackage, tools};
use crate::failure::{Failure, Result};
use crate::recipe::schema::Recipe;
use crate::source::apt::UNKNOWN;
use crate::source::sysroot;

/// Raised when a step's code changes what it leaves.
const SYSROOT_REVISION: u32 = 1;
const KERNEL_REVISION: u32 = 2;

/// What the lock calls a recipe's sysroot, if it has one.
#[must_use]
pub fn key(recipe: &Recipe) -> Option<sysroot::Key> {
    let sysroot = recipe.sysroot.as_ref()?;
    let kernel = recipe.kernel.package.iter();
    let key = sysroot::Key {
        suite: sysroot.suite.clone(),
        arch: recipe.arch.debian().to_owned(),
        components: sysroot.components.clone(),
        policy: sysroot.policy,
        packages: sysroot.packages.iter().chain(kernel).cloned().collect(),
        without: sysroot.without.clone(),
        recommends: sysroot.recommends,
    };
    Some(key.sorted())
}

/// A failure to resolve the sysroot, with the recipe's key that names a package which the suite has not.
#[must_use]
pub fn told(failure: Failure, recipe: &Recipe) -> Failure {
    let unknown = |name: &&String| {
        let told = format!("{UNKNOWN} {name}");
        let mut rests = failure
            .notes
            .iter()
            .filter_map(|note| note.strip_prefix(&told));
        rests.any(|rest| rest.is_empty() || rest.starts_with(';'))
    };
    if let Some(name) = recipe.kernel.package.iter().find(unknown) {
        let hint = format!("correct {name:?} in `kernel.package`, or the `suite` of [sysroot]");
        return failure.hint(hint);
    }
    let mut names = recipe.sysroot.iter().flat_map(|sysroot| &sysroot.packages);
    match names.find(unknown).cloned() {
        Some(name) => failure.hint(format!(
            "correct {name:?} in `packages` of [sysroot], or its `suite` and `components` (firmware is in \"non-free-firmware\")"
        )),
        None => failure,
    }
}

/// Adds the steps that leave the sysroot, where the recipe has one.
pub(super) fn add(plan: &mut Plan, material: &Material<'_>) -> Result<()> {
    if material.recipe.sysroot.is_none() {
        return Ok(());
    }
    let packages = material
        .sysroot
        .ok_or_else(|| Failure::bug("the sysroot was not resolved"))?;
    let about = packages.iter().map(|(package, _)| {
        let about = SysrootPackage {
            version: package.version.clone(),
            architecture: package.arch.clone(),
            source: package.source.clone(),
            source_version: package.source_version.clone(),
            sha256: package.sha256,
        };
        (package.package.clone(), about)
    });
    let action = Action::Sysroot {
        packages: about.collect(),
    };
    let mut draft = Draft::new(
        material.checkout,
        action,
        &["tree", "index"],
        tools::revision(SYSROOT_REVISION),
    );
    for (package, file) in packages {
        let step = fetch(plan, file)?;
        draft.step(
            plan,
            &SysrootPackage::input(&package.package),
            &step,
            "file",
        )?;
    }
    let title = format!("unpack {} packages into the sysroot", packages.len());
    plan.add(draft.finish(SYSROOT, title)).map(drop)
}

/// The step that takes the kernel from a package.
pub(super) fn kernel(plan: &Plan, material: &Material<'_>, package: &str) -> Result<Step> {
    let action = Action::PackagedKernel {
        package: package.to_owned(),
    };
    let mut draft = Draft::new(
        material.checkout,
        action,
        &["kernel", "config", "release", "modules"],
        tools::revision(KERNEL_REVISION),
    );
    for output in ["tree", "index"] {
        draft.step(plan, output, SYSROOT, output)?;
    }
    Ok(draft.finish(KERNEL, format!("take the kernel from {package}")))
}
