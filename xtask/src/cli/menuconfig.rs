//! `menuconfig`: edit a configuration; only what differs comes back into the fragments.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Context;
use crate::arch::Arch;
use crate::failure::{Failure, Kind, Result};
use crate::files;
use crate::kconfig::config::Config;
use crate::kconfig::fragment::Fragment;
use crate::kconfig::language::Tree;
use crate::kconfig::{tree, update};
use crate::plan::assemble;
use crate::report::Answer;
use crate::steps::kbuild;
use crate::tool::Tool;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recipe
    recipe: String,
    /// What to configure
    #[arg(value_enum)]
    what: What,
    /// Kbuild's target that edits: menuconfig, nconfig, config, …
    #[arg(long, value_name = "TARGET", default_value = "menuconfig")]
    with: String,
}

/// What has a menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// The Linux kernel
    Kernel,
    /// busybox
    Busybox,
}

impl What {
    fn step(self) -> &'static str {
        match self {
            Self::Kernel => assemble::KERNEL,
            Self::Busybox => assemble::BUSYBOX,
        }
    }

    fn symbols(self, source: &Path, arch: Arch) -> Result<Tree> {
        match self {
            Self::Kernel => tree::linux(source, arch.srcarch()),
            Self::Busybox => tree::busybox(source),
        }
    }
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    if args.with.contains("menu") || args.with == "nconfig" {
        // Without a terminal, the menu would wait for keys for ever.
        if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
            let what = format!("{} needs a terminal", args.with);
            return Err(
                Failure::new(Kind::Usage, what).hint("`--with oldconfig` asks line by line")
            );
        }
    }
    let workshop = &context.workshop;
    let recipe = workshop.recipe(&args.recipe)?.recipe;
    if let (What::Kernel, Some(package)) = (args.what, &recipe.kernel.package) {
        let what = format!("the recipe takes its kernel from the package {package} as it is");
        return Err(Failure::new(Kind::Usage, what).hint(
            "a kernel that can be configured is built from a source: see `cargo xtask show demo`",
        ));
    }
    let (folder, names, source) = match args.what {
        What::Kernel => (
            workshop.checkout.kernel_configs(),
            &recipe.kernel.fragments,
            &recipe.kernel.source,
        ),
        What::Busybox => (
            workshop.checkout.busybox_configs(),
            &recipe.busybox.fragments,
            &recipe.busybox.source,
        ),
    };
    if names.is_empty() {
        return Err(Failure::new(
            Kind::Usage,
            "the recipe has no fragment that changes could go into",
        )
        .hint(format!(
            "make an empty file under {} and name it in `fragments`",
            folder.display()
        )));
    }
    let paths: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    let fragments = paths
        .iter()
        .map(|path| read(context, path))
        .collect::<Result<Vec<_>>>()?;

    let listener = context.report.listener();
    let (_, built) = workshop.make(&args.recipe, args.what.step(), listener)?;
    let (_, unpacked) = workshop.make(&args.recipe, &assemble::source_step(source), listener)?;
    let (source, before) = (
        unpacked.artifact.path("tree")?,
        built.artifact.read("config")?,
    );
    let after = edit(&source, &before, &args.with, recipe.arch)?;
    let symbols = args.what.symbols(&source, recipe.arch)?;
    let before = Config::parse(&String::from_utf8_lossy(&before));
    let changes = update::difference(&before, &Config::parse(&after), &symbols);

    let mut text = String::new();
    let mut values = Vec::new();
    for ((path, fragment), changes) in paths
        .iter()
        .zip(&fragments)
        .zip(update::assign(&fragments, &changes))
    {
        if changes.is_empty() {
            continue;
        }
        files::replace(
            path,
            update::update_fragment(&fragment.text.text, &changes).as_bytes(),
        )?;
        let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
        let name = workshop.checkout.relative(path).display();
        text += &format!("{name}:\n  {}\n", lines.join("\n  "));
        values.push(json!({ "fragment": path, "changes": lines }));
    }
    if values.is_empty() {
        text = "nothing was changed\n".to_owned();
    }
    Ok(Answer::new(&values, text))
}

fn read(context: &Context<'_>, path: &Path) -> Result<Fragment> {
    Fragment::parse(
        context.workshop.checkout.relative(path),
        &fs_err::read_to_string(path)?,
    )
}

/// Lets the user edit a configuration in a folder of its own; the source tree is only read.
fn edit(source: &Path, config: &[u8], target: &str, arch: Arch) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(".config");
    fs_err::write(&path, config)?;
    let status = Tool::new("make")
        .own_environment()
        .args([
            "--no-print-directory".as_ref(),
            "-C".as_ref(),
            source.as_os_str(),
        ])
        .arg(format!("O={}", folder.path().display()))
        .args(kbuild::target(arch))
        .arg(target)
        .interactive()?;
    crate::tool::check_interrupt()?;
    if !status.success() {
        return Err(Failure::new(
            Kind::Build,
            format!("`make {target}` failed; what it said is above"),
        )
        .hint(
            "menuconfig and nconfig need the package libncurses-dev; `--with config` needs nothing",
        ));
    }
    Ok(fs_err::read_to_string(path)?)
}
