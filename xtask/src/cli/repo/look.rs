//! `repo list`, `status` and `check`: they change nothing.

use serde_json::json;

use crate::cli::Context;
use crate::date;
use crate::failure::{Doing, Failure, Kind, Result};
use crate::needs::Purpose;
use crate::recipe::repository;
use crate::report::{Answer, Table};
use crate::repository::client::apt::{self, Seen};
use crate::repository::spec::Where;
use crate::text::{bytes, counted};
use crate::tool::version;
use crate::workshop::Opened;

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
    /// Let this machine's apt update from it, too, and download a package, in a folder of its own: from `url`, or where there is none, from the
    /// directory that it is kept in
    #[arg(long)]
    apt: bool,
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
    let address = args.apt.then(|| address(&opened)).transpose()?;
    let checked = opened
        .publisher(&signer, context.report.listener())
        .check(args.deep)?;
    let how = if args.deep { "digests" } else { "sizes" };
    let mut text = format!(
        "{}: all is well, of {}: {} of {} ({}), {how} compared",
        args.name,
        date::iso8601(checked.date),
        counted(checked.packages, "package"),
        counted(checked.indexes, "architecture"),
        bytes(checked.bytes),
    );
    let mut value = json!({ "repository": args.name, "checked": checked });
    if let Some(address) = address {
        let seen = apt::check(&opened.repository, &signer.public_key(None)?, &address)
            .doing(|| format!("apt cannot use {address}"))?;
        for one in &seen {
            text += &said(one, &address);
        }
        value["apt"] = json!({ "address": address, "seen": seen });
    }
    Ok(Answer::new(&value, text))
}

/// Where this machine's apt finds a repository.
fn address(opened: &Opened) -> Result<String> {
    version::require(Purpose::Sources, &[], |need| need.name() == "apt-get")?;
    match (&opened.repository.url, &opened.repository.place) {
        (Some(url), _) => Ok(url.clone()),
        // Paths in addresses of apt's are quoted as those of the web are (RFC 3986, section 2.1).
        (None, Where::Directory { path }) => {
            let path = path.display().to_string();
            Ok(format!(
                "file:{}",
                path.replace('%', "%25").replace(' ', "%20")
            ))
        }
        (None, _) => {
            let what = format!(
                "nothing says where apt finds the repository {}",
                opened.name
            );
            Err(Failure::new(Kind::Usage, what).hint("set `url` in its file"))
        }
    }
}

/// What an apt of one architecture saw.
fn said(seen: &Seen, address: &str) -> String {
    let downloaded = match &seen.downloaded {
        Some(package) => format!(", {package} downloaded"),
        None => String::new(),
    };
    format!(
        "\napt for {} at {address}: {}{downloaded}",
        seen.architecture,
        counted(seen.packages, "package")
    )
}
