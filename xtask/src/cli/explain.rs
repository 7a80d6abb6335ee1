//! `explain`: why a build would make something again.

use std::collections::BTreeSet;

use serde_json::json;

use super::Context;
use crate::failure::{Failure, Kind, Result};
use crate::plan::explain::{Change, Reason, reason};
use crate::report::Answer;
use crate::text::nearest;

const HELP: &str = "Examples:\n  cargo xtask explain demo\n  cargo xtask explain demo kernel";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The recipe
    recipe: String,
    /// One step of its plan [default: all that would be made again]
    step: Option<String>,
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let workshop = &context.workshop;
    let planned = workshop.plan(&args.recipe)?;
    let last = workshop
        .store
        .root(workshop.checkout.root(), &planned.name)?;
    let names: Vec<&str> = planned
        .plan
        .steps()
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    if let Some(name) = args.step.as_deref().filter(|name| !names.contains(name)) {
        let failure = Failure::new(
            Kind::Usage,
            format!("{} has no step {name:?}", planned.name),
        )
        .note(format!("its steps: {}", names.join(", ")));
        return Err(match nearest(name, names.iter().copied()) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure,
        });
    }
    let mut text = String::new();
    let mut steps = Vec::new();
    for step in planned.plan.steps() {
        if args.step.as_ref().is_some_and(|name| *name != step.name) {
            continue;
        }
        let there = workshop.store.lookup(&step.key)?.is_some();
        let why = reason(&planned.plan, step, last.as_ref());
        if let Some(told) = tell(&why, there) {
            text += &format!("{}: {told}", step.name);
        } else if args.step.is_some() {
            text += &format!("{}: nothing changed, and its result is there\n", step.name);
        }
        steps.push(json!({ "step": step.name, "in_store": there, "why": why }));
    }
    if text.is_empty() {
        text = format!("nothing changed since {} was last built\n", planned.name);
    }
    Ok(Answer::new(
        &json!({ "recipe": planned.name, "steps": steps }),
        text,
    ))
}

/// Why a step would run, or why it is another one than last time.
fn tell(why: &Reason, there: bool) -> Option<String> {
    match (why, there) {
        (Reason::Unchanged, true) => None,
        (Reason::Unchanged, false) => {
            Some("nothing changed, but its result is not in the store any more\n".to_owned())
        }
        (Reason::New, true) => {
            Some("never built here; its result is in the store from elsewhere\n".to_owned())
        }
        (Reason::New, false) => Some("never built here\n".to_owned()),
        (Reason::Changed { changes }, there) => {
            let there = if there {
                "; its result is in the store already"
            } else {
                ""
            };
            let (following, own): (Vec<&Change>, Vec<&Change>) =
                changes.iter().partition(|change| follows(change));
            let because: BTreeSet<&str> = following
                .iter()
                .filter_map(|change| upstream(change))
                .collect();
            // Where nothing else is told, what follows from other things is all there is.
            let told = match own.is_empty() && because.is_empty() {
                true => &following,
                false => &own,
            };
            let lines: String = told.iter().map(|change| line(change)).collect();
            let because = match (own.is_empty(), because.is_empty()) {
                (_, true) => String::new(),
                (true, false) => format!(
                    ", because of {}",
                    because.into_iter().collect::<Vec<_>>().join(", ")
                ),
                (false, false) => format!(
                    ", also because of {}",
                    because.into_iter().collect::<Vec<_>>().join(", ")
                ),
            };
            Some(format!("changed{because}{there}\n{lines}"))
        }
    }
}

/// Whether a change only follows from one in another step.
fn follows(change: &Change) -> bool {
    let told_elsewhere = [
        "action.provenance.steps.",
        "action.provenance.sources.",
        "action.stamps.build_id",
    ];
    upstream(change).is_some()
        || told_elsewhere
            .iter()
            .any(|path| change.path.starts_with(path))
}

/// The step that a change follows from.
fn upstream(change: &Change) -> Option<&str> {
    let input = change.path.starts_with("inputs.") && change.path.ends_with(".step");
    let step = change
        .new
        .as_deref()
        .filter(|_| input)?
        .strip_prefix("step ")?;
    step.split(' ').next()
}

/// Where in a definition a change is, and what a person calls that.
const PLACES: &[(&str, &str, &str)] = &[
    ("inputs.", ".digest", "the content of"),
    ("inputs.", "", ""),
    ("tools.", "", "the version of the tool"),
    ("environment.", "", "the variable"),
    ("action.provenance.files.", "", "the content of"),
    ("action.provenance.sources.", "", "the source"),
    ("action.provenance.steps.", "", "the step"),
    (
        "action.stamps.build_id",
        "",
        "the build's id, of the recipe and all it is made from",
    ),
    ("action.", "", "the setting"),
    ("outputs", "", "the outputs"),
    ("format", "", "the format of keys"),
];

fn line(change: &Change) -> String {
    let side = |side: &Option<String>| {
        side.as_deref()
            .map_or_else(|| "(nothing)".to_owned(), shorten)
    };
    let what = PLACES.iter().find_map(|(prefix, suffix, words)| {
        let name = change.path.strip_prefix(prefix)?.strip_suffix(suffix)?;
        Some(format!("{words} {name}").trim().to_owned())
    });
    let what = what.unwrap_or_else(|| change.path.clone());
    format!(
        "  {}: {} -> {}\n",
        what.trim_end(),
        side(&change.old),
        side(&change.new)
    )
}

/// Digests are cut to what tells them apart.
fn shorten(text: &str) -> String {
    let digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digest {
        text[..12].to_owned()
    } else {
        text.to_owned()
    }
}
