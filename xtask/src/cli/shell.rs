//! `shell`: a recipe's bundle, PXE-booted, with its console on this terminal.

use std::io::IsTerminal;

use serde_json::json;

use super::{Context, boot};
use crate::failure::{Failure, Kind, Result};
use crate::report::Answer;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recipe; it is built first, where something changed
    recipe: String,
    /// The scenario whose machine is used [default: the first]
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Err(Failure::new(Kind::Usage, "shell needs a terminal")
            .hint(format!("`cargo xtask boot {}` needs none", args.recipe)));
    }
    let named: Vec<String> = args.scenario.iter().cloned().collect();
    let which = if named.is_empty() {
        boot::Which::First
    } else {
        boot::Which::Named(&named)
    };
    for job in boot::jobs(context, &args.recipe, &which)? {
        crate::boot::shell(&job, context.report.listener())?;
    }
    Ok(Answer::new(&json!({ "recipe": args.recipe }), ""))
}
