//! `menuconfig`: edit a configuration; only what differs comes back into the fragment.

use serde_json::json;

use super::Context;
use crate::failure::{Failure, Kind, Result};
use crate::report::Answer;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recipe
    recipe: String,
    /// What to configure
    #[arg(value_enum)]
    what: What,
    /// The fragment that the changes go into [default: the recipe's last one]
    #[arg(long)]
    fragment: Option<String>,
}

/// What has a menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum What {
    /// The Linux kernel
    Kernel,
    /// busybox
    Busybox,
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let loaded = context.workshop.recipe(&args.recipe)?;
    let (folder, fragments) = match args.what {
        What::Kernel => (context.workshop.checkout.kernel_configs(), &loaded.recipe.kernel.fragments),
        What::Busybox => (context.workshop.checkout.busybox_configs(), &loaded.recipe.busybox.fragments),
    };
    let fragment = args.fragment.as_ref().or(fragments.last()).filter(|name| fragments.contains(name));
    let Some(fragment) = fragment else {
        return Err(Failure::new(Kind::Usage, "the changes need a fragment of the recipe to go into")
            .note(format!("the recipe's fragments: {}", fragments.join(", "))));
    };
    let path = folder.join(fragment);
    let changes = context.workshop.menuconfig(&args.recipe, args.what == What::Kernel, context.report.listener())?;
    if changes.is_empty() {
        return Ok(Answer::new(&json!({ "fragment": path, "changes": [] }), "nothing was changed"));
    }
    let before = fs_err::read_to_string(&path)?;
    crate::store::write_whole(&path, crate::kconfig::update_fragment(&before, &changes).as_bytes())?;
    let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
    let text = format!("{}:\n  {}\n", context.workshop.checkout.relative(&path).display(), lines.join("\n  "));
    Ok(Answer::new(&json!({ "fragment": path, "changes": lines }), text))
}
