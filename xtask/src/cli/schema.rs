//! `schema`: what editors complete recipes by.

use crate::recipe;
use crate::report::Answer;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of `site.toml`, not of recipes
    #[arg(long)]
    site: bool,
}

pub(super) fn run(args: &Args) -> Answer {
    let schema = if args.site {
        recipe::site_schema()
    } else {
        recipe::json_schema()
    };
    Answer::new(&schema, format!("{schema:#}"))
}
