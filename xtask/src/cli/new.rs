//! `new`: a recipe to begin with.

use serde_json::json;

use super::Context;
use crate::failure::Result;
use crate::recipe;
use crate::report::Answer;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recipe's name: lower-case letters, digits, `+`, `-`, `.`
    name: String,
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let path = recipe::create(&context.workshop.checkout, &args.name)?;
    let path = context.workshop.checkout.relative(&path);
    let text = format!(
        "wrote {}\nnext: `cargo xtask build {name}`, then `cargo xtask boot {name}`",
        path.display(),
        name = args.name
    );
    Ok(Answer::new(
        &json!({ "recipe": args.name, "file": path }),
        text,
    ))
}
