//! `repo`: looking after apt repositories.

mod client;
mod look;

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Context;
use crate::date;
use crate::failure::Result;
use crate::recipe::repository;
use crate::report::{Answer, Table};
use crate::repository::{Published, Publisher};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

const BACK: &str = "\
Clients that have installed a newer version keep it: apt does not downgrade unless told to. On such a client:
  apt-get update && apt-get install --allow-downgrades PACKAGE=VERSION
What leaves the index can be downloaded for the grace time still; then it is removed, unless a snapshot names it.";

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the repositories that are described in debian/repositories/
    List,
    /// Describe a new repository: writes debian/repositories/NAME.toml, which works as it is
    New {
        /// Its name
        name: String,
        /// Full fingerprint of the key that signs it (`gpg --list-secret-keys --with-fingerprint`)
        #[arg(long, value_name = "FINGERPRINT")]
        key: String,
        /// The folder it is kept in
        #[arg(long, value_name = "DIR")]
        directory: PathBuf,
    },
    /// Say what is published: packages, snapshots, dates
    Status {
        /// The repository
        name: String,
    },
    /// Read it as its clients do: signature, dates, indexes, every package
    Check(look::Check),
    /// Sign it anew with the date of now, so that clients go on believing it; cleans up after interrupted publishing
    Refresh {
        /// The repository
        name: String,
        /// Also when its date lies ahead, because some clock was wrong
        #[arg(long)]
        despite_date: bool,
    },
    /// Publish again what was published when a snapshot was taken
    #[command(after_help = BACK)]
    Back {
        /// The repository
        name: String,
        /// The snapshot, as `publish --snapshot` called it
        snapshot: String,
    },
    /// Forget a snapshot; what no other one needs is removed after the grace time
    Forget {
        /// The repository
        name: String,
        /// The snapshot
        snapshot: String,
    },
    /// Add packages that are there already, whoever made them
    Add {
        /// The repository
        name: String,
        /// Their .deb files
        #[arg(required = true)]
        packages: Vec<PathBuf>,
        /// Keep what is published then under this name
        #[arg(long, value_name = "NAME")]
        snapshot: Option<String>,
    },
    /// Write what a client needs to trust it: NAME.sources, which has the key in it, and a package that brings the same
    Client(client::Args),
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    match &args.verb {
        Verb::List => Ok(look::list(context)),
        Verb::New {
            name,
            key,
            directory,
        } => new(context, name, key, directory),
        Verb::Status { name } => look::status(context, name),
        Verb::Check(args) => look::check(context, args),
        Verb::Refresh { name, despite_date } => {
            change(context, name, |publisher| match despite_date {
                true => publisher.redate(),
                false => publisher.refresh(),
            })
        }
        Verb::Back { name, snapshot } => {
            change(context, name, |publisher| publisher.back(snapshot))
        }
        Verb::Forget { name, snapshot } => {
            change(context, name, |publisher| publisher.forget(snapshot))
        }
        Verb::Add {
            name,
            packages,
            snapshot,
        } => change(context, name, |publisher| {
            publisher.add(packages, snapshot.as_deref())
        }),
        Verb::Client(args) => client::run(context, args),
    }
}

fn new(context: &Context<'_>, name: &str, key: &str, directory: &Path) -> Result<Answer> {
    let checkout = &context.workshop.checkout;
    let path = repository::create(checkout, name, key, directory)?;
    // It may well be described on a machine that does not sign.
    let usable = context
        .workshop
        .repository(name)?
        .key()
        .and_then(|key| key.can_sign());
    if let Err(failure) = usable {
        context.report.listener().survived(&failure);
    }
    let file = checkout.relative(&path).display().to_string();
    Ok(Answer::new(
        &json!({ "repository": name, "file": file }),
        format!("{file} is written; `cargo xtask publish RECIPE --repo {name}` publishes to it"),
    ))
}

fn change(
    context: &Context<'_>,
    name: &str,
    how: impl FnOnce(&Publisher<'_>) -> Result<Published>,
) -> Result<Answer> {
    let opened = context.workshop.repository(name)?;
    let signer = opened.ready()?;
    let published = how(&opened.publisher(&signer, context.report.listener()))?;
    Ok(Answer::new(
        &json!({ "repository": name, "published": published }),
        told(name, &published),
    ))
}

/// What was published, for a person.
pub(super) fn told(name: &str, published: &Published) -> String {
    let mut table = Table::default();
    let lists = [
        ("added", &published.added),
        ("there already", &published.present),
        ("put back", &published.restored),
        ("no longer listed", &published.retired),
        ("removed", &published.removed),
    ];
    for (what, list) in lists {
        for (number, one) in list.iter().enumerate() {
            table.row([if number == 0 { what } else { "" }, one]);
        }
    }
    if let Some(snapshot) = &published.snapshot {
        table.row(["snapshot", snapshot]);
    }
    let state = match published.changed {
        true => "published",
        false => "nothing to do, published",
    };
    let until = published.valid_until.map_or_else(String::new, |until| {
        format!(", valid until {}", date::iso8601(until))
    });
    let date = date::iso8601(published.date);
    format!("{}{name}: {state} {date}{until}\n", table.render())
}
