//! `repo list`, `status` and `check`: they change nothing.

use serde_json::json;

use crate::cli::Context;
use crate::date;
use crate::failure::Result;
use crate::recipe::repository;
use crate::report::{Answer, Table};
use crate::text::{bytes, counted};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --deep, packages are looked at for their sizes; with it, each is read and digested. Whoever cannot sign can check:
only the public key is needed.")]
pub(super) struct Check {
    /// The repository
    name: String,
    /// Read every package, and compare its digest
    #[arg(long)]
    deep: bool,
}

pub(super) fn list(context: &Context<'_>) -> Answer {
    let all = repository::list(&context.workshop.checkout);
    let mut table = Table::default();
    for one in &all {
        let about = one
            .repository
            .as_ref()
            .map(|repository| &repository.description);
        let about = about.or(one.problem.as_ref());
        table.row([one.name.as_str(), about.map_or("", |about| about)]);
    }
    let text = match all.is_empty() {
        true => "there is none; `cargo xtask repo new` describes one".to_owned(),
        false => table.render(),
    };
    Answer::new(&all, text)
}

pub(super) fn status(context: &Context<'_>, name: &str) -> Result<Answer> {
    let opened = context.workshop.repository(name)?;
    let signer = opened.key()?;
    let status = opened
        .publisher(&signer, context.report.listener())
        .status()?;
    let day = |date: Option<i64>, none: &str| date.map_or_else(|| none.to_owned(), date::iso8601);
    let mut table = Table::default();
    table.row(["kept in", &status.place]);
    table.row(["suite", &status.suite]);
    table.row(["published", &day(status.date, "never")]);
    table.row(["valid until", &day(status.valid_until, "for ever")]);
    for (arch, number) in &status.architectures {
        table.row([arch, &counted(*number, "package")]);
    }
    for package in &status.packages {
        table.row(["", package]);
    }
    for snapshot in &status.snapshots {
        let mark = if snapshot.current {
            " (is published)"
        } else {
            ""
        };
        let taken = date::iso8601(snapshot.date);
        table.row(["snapshot", &format!("{} of {taken}{mark}", snapshot.name)]);
    }
    if status.left > 0 {
        table.row(["waiting to be removed", &counted(status.left, "file")]);
    }
    if status.unfinished {
        let what = "a publishing was interrupted; the next one, or `repo refresh`, ends it";
        table.row(["unfinished", what]);
    }
    Ok(Answer::new(&status, table.render()))
}

pub(super) fn check(context: &Context<'_>, args: &Check) -> Result<Answer> {
    let opened = context.workshop.repository(&args.name)?;
    let signer = opened.key()?;
    let checked = opened
        .publisher(&signer, context.report.listener())
        .check(args.deep)?;
    let how = if args.deep { "digests" } else { "sizes" };
    let text = format!(
        "{}: all is well, of {}: {} of {} ({}), {how} compared",
        args.name,
        date::iso8601(checked.date),
        counted(checked.packages, "package"),
        counted(checked.indexes, "architecture"),
        bytes(checked.bytes),
    );
    let value = json!({ "repository": args.name, "checked": checked });
    Ok(Answer::new(&value, text))
}
