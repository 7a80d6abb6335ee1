//! `release`: build, lint, boot, deb, publish, in that order; nothing is published when anything failed.

use serde_json::json;

use super::{Context, boot, build, lint, publish, repo};
use crate::event::Event;
use crate::failure::Result;
use crate::report::Answer;
use crate::repository::check_snapshot_name;

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Recipes, by name or by file
    #[arg(required = true)]
    recipes: Vec<String>,
    /// The repository: a file debian/repositories/NAME.toml
    #[arg(long, value_name = "NAME")]
    repo: String,
    /// Keep what is published then under this name, so that `repo back` can return to it
    #[arg(long, value_name = "NAME")]
    snapshot: Option<String>,
}

const HELP: &str = "\
For every recipe: build it, lint it, PXE-boot all its scenarios, pack it. When all of them passed, publish all of them at once.
What passed before is found in the store, but for the boots: each release boots what it releases.

Examples:
  cargo xtask release orbit --repo lab
  cargo xtask release demo orbit --repo lab --snapshot 2026-11";

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let listener = context.report.listener();
    let step = |name: &str, recipe: &str| listener.hear(Event::Note(format!("{name} {recipe}")));
    let opened = context.workshop.repository(&args.repo)?;
    args.snapshot
        .as_deref()
        .map_or(Ok(()), check_snapshot_name)?;
    let signer = opened.ready()?;
    for recipe in &args.recipes {
        context.workshop.check_released(recipe)?;
    }
    let mut text = String::new();
    let mut values = Vec::new();
    let mut packages = Vec::new();
    for recipe in &args.recipes {
        step("build", recipe);
        let built = build::one(context, recipe)?;
        step("lint", recipe);
        let linted = lint::of_recipe(context, recipe)?;
        step("boot", recipe);
        let booted = boot::of_recipe(context, recipe, &boot::Which::All)?;
        step("pack", recipe);
        packages.extend(context.workshop.debs(recipe, listener)?.files);
        for answer in [&built, &linted, &booted] {
            text += answer.text();
        }
        values.push(json!({
            "recipe": recipe, "built": built.value(), "linted": linted.value(), "booted": booted.value(),
        }));
    }
    publish::distinct(&mut packages);
    let publisher = opened.publisher(&signer, listener);
    let published = publisher.add(&packages, args.snapshot.as_deref())?;
    text += &repo::told(&args.repo, &published);
    Ok(Answer::new(
        &json!({ "recipes": values, "repository": args.repo, "published": published, "packages": packages }),
        text,
    ))
}
