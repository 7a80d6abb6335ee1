//! `update`: what the suites have now goes into the lock.

use serde_json::json;

use super::Context;
use crate::failure::Result;
use crate::recipe;
use crate::report::{Answer, Table};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recipes whose sources are looked at [default: all]
    recipes: Vec<String>,
    /// Show what would change, and record nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let workshop = &context.workshop;
    let names = if args.recipes.is_empty() {
        recipe::list(&workshop.checkout)?.into_iter().map(|recipe| recipe.name).collect()
    } else {
        args.recipes.clone()
    };
    let moved = workshop.update(&names, args.dry_run, context.report.listener())?;
    let mut table = Table::default();
    for moved in &moved {
        let old = moved.old.as_deref().unwrap_or("(nothing)");
        table.row([moved.source.as_str(), old, "->", moved.new.as_str()]);
    }
    let text = if moved.is_empty() { "everything recorded is what the suites have now\n".to_owned() } else { table.render() };
    Ok(Answer::new(&json!({ "moved": moved, "recorded": !args.dry_run }), text))
}
