//! `why`: the chain from a path of the image to the recipe's line that asks for it.

use serde_json::{Value, json};

use super::{Context, subject};
use crate::failure::Result;
use crate::image::path::ImagePath;
use crate::image::tree::{Origin, Taken};
use crate::inspect::why::{self, Reason};
use crate::recipe::line::line_of;
use crate::report::Answer;
use crate::workshop::Image;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask why lava-master /usr/lib/x86_64-linux-gnu/libparted.so.2
  cargo xtask why demo /etc/fstab --format json")]
pub(super) struct Args {
    /// The recipe; what it is made from is built first, where it is not there
    recipe: String,
    /// A path in the image
    #[arg(value_parser = parse)]
    path: ImagePath,
}

fn parse(text: &str) -> std::result::Result<ImagePath, String> {
    text.parse()
        .map_err(|failure: crate::failure::Failure| failure.to_string())
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let image = context
        .workshop
        .image(&args.recipe, context.report.listener())?;
    let read = subject::read(&image)?;
    let chain = why::chain(read.tree(), &args.path)?;
    let mut text = String::new();
    let mut values = Vec::new();
    for reason in &chain {
        let line = line_of(&image.planned.loaded.root, reason.origin);
        let package = package(&image, reason.taken);
        text += &told(reason, line.as_deref(), package);
        values.push(json!({ "reason": reason, "line": line, "package": package }));
    }
    Ok(Answer::new(&values, text))
}

/// What is known of the package that something was taken from.
fn package<'i>(image: &'i Image, taken: Option<&Taken>) -> Option<&'i Value> {
    image.packages.get(taken?.package.as_deref()?)
}

fn told(reason: &Reason<'_>, line: Option<&str>, package: Option<&Value>) -> String {
    let mut text = match reason.link {
        Some(target) => format!("{} -> {target}\n", reason.path),
        None => format!("{}\n", reason.path),
    };
    if let Some(taken) = reason.taken {
        let field = |name: &str| package.and_then(|package| package[name].as_str());
        let name = taken.package.as_deref().unwrap_or("no package");
        let version = field("version").map_or_else(String::new, |version| format!(" {version}"));
        let source = match (field("source"), field("source-version")) {
            (Some(source), Some(version)) => format!(", source {source} {version}"),
            _ => String::new(),
        };
        let path = &taken.path;
        text += &format!(
            "    taken from {}: /{path} ({name}{version}{source})\n",
            taken.root
        );
    }
    let line = line.map_or_else(String::new, |line| format!("{line}: "));
    let because = match reason.origin {
        Origin::Needed { by, how } => format!("{by} needs it: {how}"),
        origin => origin.to_string(),
    };
    text + &format!("    {line}{because}\n")
}
