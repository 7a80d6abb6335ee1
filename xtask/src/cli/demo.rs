//! `demo`: all of it at once, on a machine that has nothing yet.

use super::install::{self, Consent};
use super::{Context, boot, build};
use crate::failure::Result;
use crate::needs::Purpose;
use crate::report::Answer;

/// What the demo builds and boots.
const RECIPE: &str = "demo";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    consent: Consent,
    /// Boot every scenario of the demo recipe, not only its first
    #[arg(long)]
    all: bool,
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    install::ensure(
        context,
        &[Purpose::Sources, Purpose::Build, Purpose::Boot],
        &[context.workshop.recipe(RECIPE)?.recipe.arch],
        &args.consent,
    )?;
    let built = build::one(context, RECIPE)?;
    let booted = boot::of_recipe(
        context,
        RECIPE,
        if args.all {
            &boot::Which::All
        } else {
            &boot::Which::First
        },
    )?;
    let text = format!("{}{}", built.text(), booted.text());
    Ok(Answer::new(
        &serde_json::json!({ "built": built.value(), "booted": booted.value() }),
        text,
    ))
}
