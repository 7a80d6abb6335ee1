//! `plan`: the steps of a build, hit or miss.

use std::path::Path;

use serde_json::json;

use super::Context;
use crate::engine;
use crate::failure::Result;
use crate::plan::assemble::BUNDLE;
use crate::plan::{Action, Step};
use crate::report::{Answer, Table};
use crate::workshop::Planned;

const HELP: &str = "Examples:\n  cargo xtask plan demo\n  cargo xtask plan demo --format json";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The recipe
    recipe: String,
}

/// As many files in a row are told one by one.
const TOLD: usize = 8;

/// What a build would do about a step.
fn state(there: bool, needed: bool) -> &'static str {
    match (there, needed) {
        (true, _) => "hit",
        (false, true) => "miss",
        // Its result is gone, but nothing that is made needs it.
        (false, false) => "unneeded",
    }
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let workshop = &context.workshop;
    let planned = workshop.plan(&args.recipe)?;
    let folder = planned.bundle_folder(workshop);
    told(context, &planned, BUNDLE, &folder)
}

/// The steps up to `goal`, whose result goes to `folder`.
pub(super) fn told(
    context: &Context<'_>,
    planned: &Planned,
    goal: &str,
    folder: &Path,
) -> Result<Answer> {
    let workshop = &context.workshop;
    let missing = engine::missing(&planned.plan, &workshop.store, goal)?;
    let mut rows = Vec::new();
    let mut steps = Vec::new();
    for step in planned.plan.steps() {
        let there = workshop.store.lookup(&step.key)?.is_some();
        let state = state(there, missing.contains(step.name.as_str()));
        rows.push((state, step));
        steps.push(json!({
            "step": step.name, "title": step.title, "state": state, "key": step.key, "definition": step.definition,
        }));
    }
    let count = missing.len();
    let summary = match count {
        0 => "nothing to build: every result is there".to_owned(),
        1 => "1 step to run".to_owned(),
        _ => format!("{count} steps to run"),
    };
    let notes: String = planned
        .notes
        .iter()
        .map(|note| format!("note: {note}\n"))
        .collect();
    let text = format!(
        "{} {} -> {}\n{}{notes}{summary}\n",
        planned.name,
        planned.version,
        workshop.checkout.relative(folder).display(),
        table(&rows).render()
    );
    let value = json!({
        "recipe": planned.name, "version": planned.version, "steps": steps, "to_run": count, "notes": planned.notes,
    });
    Ok(Answer::new(&value, text))
}

/// A row a step; but many files that are fetched one after the other, as for a sysroot, share one.
fn table(rows: &[(&'static str, &Step)]) -> Table {
    let mut table = Table::default();
    let fetches = |step: &Step| matches!(step.definition.action, Action::Fetch { .. });
    let alike = |one: &(&str, &Step), other: &(&str, &Step)| {
        one.0 == other.0 && fetches(one.1) && fetches(other.1)
    };
    for run in rows.chunk_by(alike) {
        if run.len() > TOLD {
            let (state, number) = (run[0].0, run.len());
            table.row([state, "", "fetch-…", &format!("fetch {number} files")]);
            continue;
        }
        for (state, step) in run {
            table.row([*state, &step.key.short(), &step.name, &step.title]);
        }
    }
    table
}

impl Args {
    /// The arguments that plan this recipe.
    pub(super) fn of(recipe: &str) -> Self {
        Self {
            recipe: recipe.to_owned(),
        }
    }
}
