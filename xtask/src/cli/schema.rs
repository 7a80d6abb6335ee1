//! `schema`: what editors complete our TOML files by.

use crate::recipe;
use crate::report::Answer;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of `site.toml`, not of recipes
    #[arg(long)]
    site: bool,
    /// Of repositories in debian/repositories/, not of recipes
    #[arg(long, conflicts_with = "site")]
    repository: bool,
}

pub(super) fn run(args: &Args) -> Answer {
    let schema = match (args.site, args.repository) {
        (true, _) => recipe::site_schema(),
        (_, true) => recipe::repository::schema(),
        _ => recipe::json_schema(),
    };
    Answer::new(&schema, format!("{schema:#}"))
}
