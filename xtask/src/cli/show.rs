//! `show`: a recipe as it is understood.

use super::Context;
use crate::failure::Result;
use crate::recipe;
use crate::report::Answer;

const HELP: &str = "Examples:\n  cargo xtask show demo\n  cargo xtask show demo --origins";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The recipe
    recipe: String,
    /// Say of each value which file and line it came from
    #[arg(long)]
    origins: bool,
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let loaded = context.workshop.recipe(&args.recipe)?;
    let text = if args.origins {
        recipe::show_origins(&loaded)
    } else {
        recipe::show(&loaded.recipe)
    };
    Ok(Answer::new(&loaded.recipe, text))
}
