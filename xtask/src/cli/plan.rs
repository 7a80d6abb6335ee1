//! `plan`: the steps of a build, hit or miss.

use serde_json::json;

use super::Context;
use crate::engine;
use crate::failure::Result;
use crate::plan::Step;
use crate::plan::assemble::BUNDLE;
use crate::report::{Answer, Table};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recipe
    recipe: String,
}

/// What a build would do about a step.
fn state(step: &Step, there: bool, needed: bool) -> &'static str {
    match (there, needed) {
        (true, _) => "hit",
        (false, true) => "miss",
        // Its result is gone, but nothing that is made needs it.
        (false, false) => {
            debug_assert_ne!(step.name, BUNDLE);
            "unneeded"
        }
    }
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let workshop = &context.workshop;
    let planned = workshop.plan(&args.recipe)?;
    let missing = engine::missing(&planned.plan, &workshop.store, BUNDLE)?;
    let mut table = Table::default();
    let mut steps = Vec::new();
    for step in planned.plan.steps() {
        let there = workshop.store.lookup(&step.key)?.is_some();
        let state = state(step, there, missing.contains(step.name.as_str()));
        table.row([
            state.to_owned(),
            step.key.short(),
            step.name.clone(),
            step.title.clone(),
        ]);
        steps.push(json!({
            "step": step.name, "title": step.title, "state": state, "key": step.key, "definition": step.definition,
        }));
    }
    let count = missing.len();
    let summary = match count {
        0 => "nothing to do: every result is there".to_owned(),
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
        workshop
            .checkout
            .relative(&planned.bundle_folder(workshop))
            .display(),
        table.render()
    );
    let value = json!({
        "recipe": planned.name, "version": planned.version, "steps": steps, "to_run": count, "notes": planned.notes,
    });
    Ok(Answer::new(&value, text))
}

impl Args {
    /// The arguments that plan this recipe.
    pub(super) fn of(recipe: &str) -> Self {
        Self {
            recipe: recipe.to_owned(),
        }
    }
}
