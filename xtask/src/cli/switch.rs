//! `switch`: which of a recipe's bundles is the current one.

use serde_json::json;

use super::Context;
use crate::failure::{Failure, Kind, Result};
use crate::out::Shelf;
use crate::report::Answer;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recipe
    recipe: String,
    /// The version to switch to [default: only show what there is]
    version: Option<String>,
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let workshop = &context.workshop;
    let shelf = Shelf::of(&workshop.checkout.out(), &args.recipe);
    if shelf.versions()?.is_empty() {
        return Err(Failure::new(
            Kind::Usage,
            format!("there is no bundle of {}", args.recipe),
        )
        .hint(format!("`cargo xtask build {}` makes one", args.recipe)));
    }
    if let Some(version) = &args.version {
        shelf.switch(version)?;
    }
    let (versions, current) = (shelf.versions()?, shelf.current());
    let text: String = versions
        .iter()
        .map(|version| {
            let mark = if current.as_ref() == Some(version) {
                '*'
            } else {
                ' '
            };
            format!("{mark} {version}\n")
        })
        .collect();
    Ok(Answer::new(
        &json!({ "recipe": args.recipe, "current": current, "versions": versions }),
        text,
    ))
}
