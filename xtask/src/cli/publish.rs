//! `publish`: from recipes to a signed apt repository.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::json;

use super::{Context, deb, repo};
use crate::failure::Result;
use crate::report::{Answer, Table};
use crate::repository::{Ahead, Fate, check_snapshot_name};

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Recipes, by name or by file
    #[arg(required = true)]
    recipes: Vec<String>,
    /// The repository: a file debian/repositories/NAME.toml
    #[arg(long, value_name = "NAME")]
    repo: String,
    /// Keep what is published then under this name, so that `repo back` can return to it
    #[arg(long, value_name = "NAME")]
    snapshot: Option<String>,
    /// Show what would be built, or when all is built, what the repository would do about each package, and do nothing
    #[arg(long)]
    dry_run: bool,
}

const HELP: &str = "\
Builds the packages where they are not there, adds them to the repository's index, signs it by gpg (through its agent: no
private key is read), reads back what a client would read, and only then lets clients see it: all of it or nothing.

What was published stays: a package of the same name with other bytes is refused, so that a change needs a new changelog entry.
If publishing is interrupted, clients see the former state, and the next `publish` or `repo refresh` cleans up.

Examples:
  cargo xtask repo new lab --key FINGERPRINT --directory /srv/www/apt
  cargo xtask publish demo --repo lab
  cargo xtask publish demo orbit --repo lab --snapshot before-summer
  cargo xtask repo client lab --to .";

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let opened = context.workshop.repository(&args.repo)?;
    args.snapshot
        .as_deref()
        .map_or(Ok(()), check_snapshot_name)?;
    if args.dry_run {
        return dry(context, args);
    }
    // Before anything is built: nobody wants to wait for a kernel to hear that a key has expired.
    let signer = opened.ready()?;
    for recipe in &args.recipes {
        context.workshop.check_released(recipe)?;
    }
    let mut packages = Vec::new();
    for recipe in &args.recipes {
        packages.extend(
            context
                .workshop
                .debs(recipe, context.report.listener())?
                .files,
        );
    }
    distinct(&mut packages);
    let publisher = opened.publisher(&signer, context.report.listener());
    let published = publisher.add(&packages, args.snapshot.as_deref())?;
    let text = repo::told(&args.repo, &published);
    Ok(Answer::new(
        &json!({ "repository": args.repo, "published": published, "packages": packages }),
        text,
    ))
}

/// Of packages that several recipes have, such as `netboot-images`, one of each name.
pub(super) fn distinct(packages: &mut Vec<PathBuf>) {
    let mut seen = BTreeSet::new();
    packages.retain(|path| seen.insert(path.file_name().map(ToOwned::to_owned)));
}

fn dry(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let opened = context.workshop.repository(&args.repo)?;
    let mut text = String::new();
    let mut plans = Vec::new();
    let mut packages = Some(Vec::new());
    for recipe in &args.recipes {
        context.workshop.check_released(recipe)?;
        let planned = context.workshop.plan_debs(recipe)?;
        let answer = deb::dry_run(context, &planned)?;
        text += answer.text();
        plans.push(answer.value().clone());
        let made = context.workshop.debs_made(&planned)?;
        packages = packages.zip(made).map(|(mut all, made)| {
            all.extend(made);
            all
        });
    }
    let place = opened.describe();
    let mut value = json!({ "repository": args.repo, "place": place, "plans": plans });
    if let Some(mut packages) = packages {
        distinct(&mut packages);
        let key = opened.key()?;
        let publisher = opened.publisher(&key, context.report.listener());
        let ahead = publisher.look_ahead(&packages)?;
        text += &foretold(&ahead, &place);
        value["packages"] = json!(ahead);
    } else {
        text += &format!("would be built, then published to {place}\n");
    }
    Ok(Answer::new(&value, text))
}

/// What would become of packages that are made, for a person.
fn foretold(ahead: &[Ahead], place: &str) -> String {
    let mut table = Table::default();
    for one in ahead {
        let (state, why) = match &one.fate {
            Fate::New => ("new", ""),
            Fate::Present => ("there already", ""),
            Fate::Refused { why } => ("REFUSED", why.as_str()),
        };
        table.row([state, &one.package, why]);
    }
    let any = |wanted: fn(&Fate) -> bool| ahead.iter().any(|one| wanted(&one.fate));
    let refused = any(|fate| matches!(fate, Fate::Refused { .. }));
    let last = match (refused, any(|fate| *fate == Fate::New)) {
        (true, _) => format!("nothing would be published to {place}: it is all of them or none"),
        (false, true) => format!("what is new would be published to {place}"),
        (false, false) => format!("nothing to publish: {place} has all of them"),
    };
    format!("{}{last}\n", table.render())
}
