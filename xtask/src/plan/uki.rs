//! The steps that make a unified kernel image, and sign it. What is signed and the certificate decide the signature, so nothing about the private
//! key is in a plan but its name.

use std::path::Path;

use super::assemble::{INITRAMFS, KERNEL, Material, segment_step, source_step};
use super::draft::Draft;
use super::{Action, Plan, Stamps, Step, Uki, tools};
use crate::failure::Result;
use crate::loader::bundle::Console;
use crate::recipe::schema::{Bundle, Recipe};

/// The step that makes it.
pub const UKI: &str = "uki";
/// The step that signs it.
pub const SIGNED_UKI: &str = "signed-uki";

/// The source of its stub, where the recipe has such an image.
pub(super) fn source(recipe: &Recipe) -> Option<&str> {
    let has = recipe.bundle.has_uki(recipe.arch);
    has.then_some(recipe.bundle.uki.stub.as_str())
}

/// Adds the steps, where the recipe has such an image.
pub(super) fn add(plan: &mut Plan, material: &Material<'_>, stamps: &Stamps) -> Result<()> {
    let Some(stub) = source(material.recipe) else {
        return Ok(());
    };
    plan.add(image(plan, material, stamps, stub)?)?;
    if let Some((key, certificate)) = material.recipe.bundle.uki.signer() {
        plan.add(signed(plan, material, key, &certificate)?)?;
    }
    Ok(())
}

/// Makes it an input `uki` of the bundle, where the recipe has such an image, and the certificate that it is signed with.
pub(super) fn input(plan: &Plan, draft: &mut Draft<'_>, bundle: &Bundle) -> Result<()> {
    if let (Some(_), Some((_, certificate))) = (plan.get(SIGNED_UKI), bundle.uki.signer()) {
        draft.file(Path::new(&certificate))?;
    }
    for step in [SIGNED_UKI, UKI] {
        if plan.get(step).is_some() {
            return draft.step(plan, "uki", step, "image");
        }
    }
    Ok(())
}

fn image(plan: &Plan, material: &Material<'_>, stamps: &Stamps, stub: &str) -> Result<Step> {
    let recipe = material.recipe;
    let (bundle, console) = (&recipe.bundle, &recipe.image.console);
    let console = Console {
        device: console.device.clone(),
        baud: console.baud,
    };
    let append = bundle.uki.append.as_ref().unwrap_or(&bundle.append);
    let arguments = [&[console.argument()], &append[..]].concat();
    let action = Action::Uki(Box::new(Uki {
        arch: recipe.arch,
        arguments: arguments.join(" "),
        segments: bundle.segments.clone(),
        stamps: stamps.clone(),
    }));
    let mut draft = Draft::new(material.checkout, action, &["image"], tools::ours());
    draft.step(plan, "stub", &source_step(stub), "tree")?;
    draft.step(plan, "kernel", KERNEL, "kernel")?;
    draft.step(plan, "release", KERNEL, "release")?;
    draft.step(plan, "initramfs", INITRAMFS, "initramfs")?;
    for name in &bundle.segments {
        let input = format!("segment/{name}");
        draft.step(plan, &input, &segment_step(name), "archive")?;
    }
    Ok(draft.finish(UKI, "make the unified kernel image"))
}

fn signed(plan: &Plan, material: &Material<'_>, key: &str, certificate: &str) -> Result<Step> {
    let action = Action::Sign {
        key: key.to_owned(),
        certificate: certificate.to_owned(),
    };
    let mut draft = Draft::new(material.checkout, action, &["image"], tools::ours());
    draft.step(plan, "image", UKI, "image")?;
    draft.file(Path::new(certificate))?;
    Ok(draft.finish(SIGNED_UKI, format!("sign it with the key {key}")))
}
