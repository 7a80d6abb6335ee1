//! `update`: what the suites have now goes into the lock.

use serde_json::json;

use super::Context;
use crate::failure::Result;
use crate::recipe;
use crate::report::{Answer, Table};

const HELP: &str = "\
    Blocks for a [sysroot] that no recipe asks for any more are taken out of recipes/sources.lock, too, where all recipes can be read:\n\
    every build with another list of packages leaves one there.\n\n\
    Examples:\n  cargo xtask update\n  cargo xtask update demo";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Recipes whose sources are looked at [default: all]
    recipes: Vec<String>,
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let workshop = &context.workshop;
    let names = if args.recipes.is_empty() {
        recipe::names(&workshop.checkout)
    } else {
        args.recipes.clone()
    };
    let moved = workshop.update(&names, context.report.listener())?;
    let mut table = Table::default();
    let mut values = Vec::new();
    for moved in &moved {
        let [old, new] =
            [&moved.from, &moved.to].map(|version| version.as_deref().unwrap_or("(nothing)"));
        table.row([moved.what.as_str(), old, "->", new]);
        values.push(json!({ "source": moved.what, "old": moved.from, "new": moved.to }));
    }
    let text = if moved.is_empty() {
        "everything recorded is what the suites have now\n".to_owned()
    } else {
        table.render()
    };
    Ok(Answer::new(&json!({ "moved": values }), text))
}
