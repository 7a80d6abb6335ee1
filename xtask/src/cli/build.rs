//! `build`: from recipes to bundles.

use serde_json::json;

use super::Context;
use crate::failure::{Failure, Kind, Result};
use crate::out::Put;
use crate::recipe;
use crate::report::Answer;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recipes, by name or by file
    #[arg(required_unless_present = "all")]
    recipes: Vec<String>,
    /// Every recipe there is
    #[arg(long, conflicts_with = "recipes")]
    all: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let recipes = if args.all {
        recipe::names(&context.workshop.checkout)
    } else {
        args.recipes.clone()
    };
    if recipes.is_empty() {
        return Err(Failure::new(Kind::Usage, "there is no recipe to build")
            .hint("`cargo xtask new NAME` writes one"));
    }
    let mut text = String::new();
    let mut values = Vec::new();
    for recipe in &recipes {
        let answer = if args.dry_run {
            super::plan::run(context, &super::plan::Args::of(recipe))?
        } else {
            one(context, recipe)?
        };
        text += answer.text();
        values.push(answer.value().clone());
    }
    Ok(Answer::new(&values, text))
}

pub(super) fn one(context: &Context<'_>, recipe: &str) -> Result<Answer> {
    let workshop = &context.workshop;
    let built = workshop.build(recipe, context.report.listener())?;
    let folder = workshop
        .checkout
        .relative(&built.folder)
        .display()
        .to_string();
    let what = match (built.ran.is_empty(), built.put) {
        (true, Put::Kept) => "nothing to do",
        (true, Put::New) => "found in the store",
        (true, Put::Replaced) => "nothing had changed; the bundle was put back",
        (false, Put::Kept | Put::New) => "built",
        (false, Put::Replaced) => "built, in place of what was there of this version",
    };
    let mut text = format!("{} {}: {what}: {folder}\n", built.name, built.version);
    let current = workshop.shelf(&built.name).current();
    if let Some(other) = current.filter(|current| *current != built.version) {
        text += &format!(
            "current is {other}; `cargo xtask switch {} {}` moves it\n",
            built.name, built.version
        );
    }
    let value = json!({
        "recipe": built.name, "version": built.version, "bundle": built.folder, "ran": built.ran, "key": built.key,
    });
    Ok(Answer::new(&value, text))
}
