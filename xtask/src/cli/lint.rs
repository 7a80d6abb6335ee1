//! `lint`: what is wrong with a recipe's image, a bundle, or somebody else's initramfs.

mod subject;

use std::collections::BTreeMap;

use serde_json::json;

use self::subject::Material;
use super::Context;
use super::subject::{HELP, Subject};
use crate::failure::{Failure, Kind, Result};
use crate::lint::{self, Finding, RULES, Severity, Sorted};
use crate::report::{Answer, Table};

/// The rule that an allowance has to be of use. The allowances of a recipe may be of use to another version than the one looked at.
const UNUSED_ALLOWANCE: &str = "unused-allowance";

/// Of findings of one rule, as many are shown to a person.
const SHOWN: usize = 10;

#[derive(Debug, clap::Args)]
#[command(after_help = help())]
pub(super) struct Args {
    /// What is looked at
    #[arg(required_unless_present = "list", value_name = "SUBJECT")]
    subjects: Vec<String>,
    /// Fail for warnings, too
    #[arg(long)]
    strict: bool,
    /// Print the rules: their ids, how bad their findings are, what they look for
    #[arg(long, conflicts_with = "subjects")]
    list: bool,
}

fn help() -> String {
    format!(
        "{}\n\nExamples:\n  cargo xtask lint demo\n  cargo xtask lint demo@current /boot/initrd.img\n  cargo xtask lint --list\n\n\
        A finding that is all right is allowed in the recipe, with the reason:\n  [[lint.allow]]\n  id = \"open-console\"\n  path = \"/etc/inittab\"\n  \
        reason = \"only the lab's staff reaches its consoles\"\n\n\
        Allowances hold for RECIPE, and for RECIPE@VERSION as the recipe has them now. A folder or file has none: what is found in it is\n\
        all told, and `lint RECIPE@VERSION` tells what of it the recipe allows.\n\n\
        It fails (exit code {}) when there is an error that is not allowed.",
        HELP,
        Kind::Check.exit_code()
    )
}

/// What is wrong with a recipe's image.
pub(super) fn of_recipe(context: &Context<'_>, recipe: &str) -> Result<Answer> {
    let args = Args {
        subjects: vec![recipe.to_owned()],
        strict: false,
        list: false,
    };
    run(context, &args)
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    if args.list {
        return Ok(list());
    }
    let mut text = String::new();
    let mut values = Vec::new();
    let mut counts = BTreeMap::new();
    for name in &args.subjects {
        let Ok(subject) = name.parse::<Subject>();
        let material = Material::of(context, &subject)?;
        let mut sorted = lint::sort(material.findings()?, &material.allow);
        if material.of_former {
            sorted
                .findings
                .retain(|finding| finding.id != UNUSED_ALLOWANCE);
        }
        for finding in &sorted.findings {
            *counts.entry(finding.severity).or_insert(0_usize) += 1;
        }
        text += &tell(name, &sorted);
        values.push(
            json!({ "subject": name, "findings": sorted.findings, "allowed": sorted.allowed }),
        );
    }
    let fatal = if args.strict {
        Severity::Warning
    } else {
        Severity::Error
    };
    if counts.keys().all(|severity| *severity > fatal) {
        return Ok(Answer::new(&values, text));
    }
    let what = format!("lint found {}", counted(&counts));
    let failure = Failure::new(Kind::Check, what).hint(
        "mend what is named above; a recipe allows what is all right in [[lint.allow]], with the reason",
    );
    Err(failure.after(text, json!(values)))
}

fn list() -> Answer {
    let mut table = Table::default();
    for rule in RULES {
        table.row([rule.id, rule.severity.name(), rule.about]);
    }
    Answer::new(&RULES, table.render())
}

fn tell(name: &str, sorted: &Sorted) -> String {
    let mut text = String::new();
    let mut of_rule: BTreeMap<&str, usize> = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for finding in &sorted.findings {
        *counts.entry(finding.severity).or_insert(0) += 1;
        let number = of_rule.entry(finding.id).or_insert(0);
        *number += 1;
        if *number <= SHOWN {
            text += &line(finding);
        }
    }
    for (id, number) in of_rule.into_iter().filter(|(_, number)| *number > SHOWN) {
        text += &format!("{id}: {} more (`--format json` has all)\n", number - SHOWN);
    }
    for allowed in &sorted.allowed {
        let Finding { id, what, .. } = &allowed.finding;
        text += &format!("allowed: {what} [{id}]\n  because: {}\n", allowed.reason);
    }
    let allowed = match sorted.allowed.len() {
        0 => String::new(),
        number => format!(", {number} allowed"),
    };
    text + &format!("{name}: {}{allowed}\n", counted(&counts))
}

fn line(finding: &Finding) -> String {
    let Finding {
        severity,
        id,
        path,
        what,
        fix,
    } = finding;
    // Most sentences name the path themselves.
    let place = path.as_ref().map(ToString::to_string);
    let place = place.filter(|place| !what.contains(place.as_str()));
    let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
    format!("{}: {place}{what} [{id}]\n  {fix}\n", severity.name())
}

/// "2 errors, 1 warning".
fn counted(counts: &BTreeMap<Severity, usize>) -> String {
    let words: Vec<String> = counts
        .iter()
        .map(|(severity, number)| {
            let plural = if *number == 1 { "" } else { "s" };
            format!("{number} {}{plural}", severity.name())
        })
        .collect();
    if words.is_empty() {
        "nothing is wrong".to_owned()
    } else {
        words.join(", ")
    }
}
