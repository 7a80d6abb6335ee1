//! `store`: looking after the store.

use serde_json::json;

use super::Context;
use crate::event::Event;
use crate::failure::{Failure, Kind, Result};
use crate::report::{Answer, Table};
use crate::text::bytes;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Digest everything that is stored; what is damaged is removed, and made again by the next build
    Verify,
    /// Remove what no recipe of any checkout was last built from
    Gc {
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
    },
    /// Say how much is stored
    Stat,
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    match args.verb {
        Verb::Verify => verify(context),
        Verb::Gc { dry_run } => gc(context, dry_run),
        Verb::Stat => stat(context),
    }
}

fn verify(context: &Context<'_>) -> Result<Answer> {
    let (looked_at, damages) = context.workshop.store.verify(|who| waiting(context, who))?;
    if damages.is_empty() {
        let value = json!({ "results": looked_at, "damaged": damages });
        return Ok(Answer::new(
            &value,
            format!("{looked_at} results, all whole"),
        ));
    }
    let mut failure = Failure::new(
        Kind::Store,
        format!("{} of {looked_at} results were damaged", damages.len()),
    )
    .hint("they are removed: the next build makes them again");
    for damage in damages {
        failure = failure.note(damage.what);
    }
    Err(failure)
}

fn gc(context: &Context<'_>, dry_run: bool) -> Result<Answer> {
    let store = &context.workshop.store;
    let collected = store.collect(dry_run, |who| waiting(context, who))?;
    let verb = if dry_run { "would remove" } else { "removed" };
    let text = format!(
        "{verb} {} results, {} objects, {} leftovers: {}",
        collected.results,
        collected.objects,
        collected.leftovers,
        bytes(collected.bytes)
    );
    Ok(Answer::new(&collected, text))
}

fn waiting(context: &Context<'_>, who: &str) {
    let event = Event::waiting(who, "the store");
    context.report.listener().hear(event);
}

fn stat(context: &Context<'_>) -> Result<Answer> {
    let store = &context.workshop.store;
    let stat = store.stat()?;
    let mut table = Table::default();
    table.row(["folder", &store.folder().display().to_string()]);
    table.row(["recipes built", &stat.roots.to_string()]);
    table.row(["results", &stat.results.to_string()]);
    table.row(["objects", &stat.objects.to_string()]);
    table.row(["size", &bytes(stat.bytes)]);
    Ok(Answer::new(&stat, table.render()))
}
