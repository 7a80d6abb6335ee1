//! `deb`: from recipes to Debian packages.

use std::fmt::Write as _;

use serde_json::json;

use super::Context;
use crate::failure::Result;
use crate::out::Put;
use crate::plan::packages::PACKAGES;
use crate::report::{Answer, Table};
use crate::text;
use crate::workshop::{Debs, Planned};

/// What `--help` says beside the arguments.
const HELP: &str = "\
Three packages are made, for every architecture:
  netboot-image-RECIPE-VERSION  the bundle, in /usr/lib/netboot-images/RECIPE/VERSION; versions can be
                                installed beside one another
  RECIPE-pxe-server             depends on that version and on servers for DHCP, TFTP and HTTP, and
                                lets machines boot it
  netboot-images                the program that brings images to where the TFTP server serves them,
                                and says which machine boots what

The version is that of the changelog's newest entry; names and fields are in the recipe's [package];
the texts come from templates in debian/image, debian/server and debian/netboot-images. Root is not
needed, nor dpkg, and the same inputs make the same bytes.

  cargo xtask deb orbit             make them, in out/orbit/packages/VERSION/
  cargo xtask deb orbit --dry-run   show the steps, and make nothing
  cargo xtask deb orbit --release   refuse a version that the changelog calls UNRELEASED";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Recipes, by name or by file
    #[arg(required = true)]
    recipes: Vec<String>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Make nothing of a version that is not released yet
    #[arg(long)]
    release: bool,
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let workshop = &context.workshop;
    if args.release {
        // Before anything is made of any of them.
        for recipe in &args.recipes {
            workshop.check_released(recipe)?;
        }
    }
    let mut all = String::new();
    let mut values = Vec::new();
    for recipe in &args.recipes {
        let answer = if args.dry_run {
            dry_run(context, &workshop.plan_debs(recipe)?)?
        } else {
            told(context, &workshop.debs(recipe, context.report.listener())?)?
        };
        all += answer.text();
        values.push(answer.value().clone());
    }
    Ok(Answer::new(&values, all))
}

/// What making a recipe's packages would do.
pub(super) fn dry_run(context: &Context<'_>, planned: &Planned) -> Result<Answer> {
    let shelf = context.workshop.shelf(&planned.name);
    let folder = shelf.packages(&planned.version);
    super::plan::told(context, planned, PACKAGES, &folder)
}

fn told(context: &Context<'_>, debs: &Debs) -> Result<Answer> {
    let planned = &debs.planned;
    let folder = context
        .workshop
        .checkout
        .relative(&debs.folder)
        .display()
        .to_string();
    let what = match debs.put {
        Put::Kept => "nothing to do",
        Put::New => "written",
        Put::Replaced => "written, in place of what was there of this version",
    };
    let mut said = format!("{} {}: {what}: {folder}\n", planned.name, planned.version);
    let mut table = Table::default();
    let mut files = Vec::new();
    for file in &debs.files {
        let size = fs_err::metadata(file)?.len();
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        table.row([format!("  {name}"), text::bytes(size)]);
        files.push(json!({ "file": file, "size": size }));
    }
    let _ = write!(said, "{}", table.render());
    let value = json!({
        "recipe": planned.name, "version": planned.version, "unreleased": planned.unreleased,
        "folder": debs.folder, "files": files, "ran": debs.ran,
    });
    Ok(Answer::new(&value, said))
}
