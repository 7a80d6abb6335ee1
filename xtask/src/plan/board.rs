//! The step that builds a board's firmware, and what the bundle takes of it.

use super::assemble::{Material, SYSROOT, source_step};
use super::draft::Draft;
use super::{Action, Plan, tools};
use crate::failure::Result;

/// Raised when the step's code changes what it leaves.
const REVISION: u32 = 1;

/// The step's name.
pub const UBOOT: &str = "u-boot";

/// Adds the step, where the recipe asks for it.
pub(super) fn add(plan: &mut Plan, material: &Material<'_>) -> Result<()> {
    let recipe = material.recipe;
    let Some(uboot) = &recipe.u_boot else {
        return Ok(());
    };
    let action = Action::UBoot {
        arch: recipe.arch,
        board: uboot.board.clone(),
    };
    let tools = tools::both(
        material.tools.kernel(recipe.arch)?,
        tools::revision(REVISION),
    );
    let mut draft = Draft::new(material.checkout, action, &["u-boot.bin", "config"], tools);
    draft.step(plan, "source", &source_step(&uboot.source), "tree")?;
    draft.environment(&[("SOURCE_DATE_EPOCH", material.release.epoch.to_string())]);
    let title = format!("build U-Boot for {}", uboot.board);
    plan.add(draft.finish(UBOOT, title)).map(drop)
}

/// The bundle's inputs: U-Boot, and the packages in which the board's device tree is.
pub(super) fn inputs(plan: &Plan, material: &Material<'_>, draft: &mut Draft<'_>) -> Result<()> {
    let Some(uboot) = &material.recipe.u_boot else {
        return Ok(());
    };
    draft.step(plan, "u-boot", UBOOT, "u-boot.bin")?;
    if uboot.device_tree {
        draft.step(plan, "device-trees", SYSROOT, "tree")?;
    }
    Ok(())
}
