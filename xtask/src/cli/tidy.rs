//! `tidy`: the house rules.

use super::Context;
use crate::failure::{Failure, Kind, Result};
use crate::report::Answer;
use crate::tidy;

pub(super) fn run(context: &Context<'_>) -> Result<Answer> {
    let findings = tidy::check(context.workshop.checkout.root())?;
    if findings.is_empty() {
        return Ok(Answer::new(&findings, "tidy"));
    }
    let mut failure = Failure::new(
        Kind::Check,
        format!("{} house rules are broken", findings.len()),
    )
    .hint("the rules are in xtask/ARCHITECTURE.md");
    for finding in &findings {
        failure = failure.note(finding.to_string());
    }
    Err(failure)
}
