//! The command line: a file per verb. Verbs read arguments, ask the rooms below, and return an answer; only
//! `report` prints.

mod bench;
mod boot;
mod build;
mod completions;
mod deb;
mod demo;
mod diff;
mod doctor;
mod explain;
mod extract;
mod install;
mod lint;
mod list;
mod ls;
mod menuconfig;
mod new;
mod plan;
mod publish;
mod release;
mod repo;
mod schema;
mod shell;
mod size;
mod show;
mod store;
mod subject;
mod switch;
mod test;
mod tidy;
mod update;
mod why;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::failure::{Kind, Result};
use crate::report::{Answer, Format, Report, Volume};
use crate::workshop::Workshop;

/// Builds netboot images from recipes, and proves them by PXE-booting them.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    about,
    after_help = exit_codes(),
    arg_required_else_help = true,
    subcommand_required = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every verb")]
struct Global {
    /// Who reads the answer: a person, or a program
    #[arg(long, global = true, value_enum, default_value_t)]
    format: Format,
    /// Say nothing but the answer, warnings and failures
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say everything
    #[arg(short, long, global = true)]
    verbose: bool,
    /// The checkout to work in [default: the one around the current folder]
    #[arg(long, global = true, value_name = "DIR", env = "CORDWAINER_ROOT")]
    root: Option<PathBuf>,
    /// How many jobs run at once [default: the number of cores]
    #[arg(short, long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Install what is missing, build the demo recipe, PXE-boot it, show the verdict
    Demo(demo::Args),
    /// List the recipes
    List,
    /// Write a new recipe that builds as it is
    New(new::Args),
    /// Show a checked recipe with every default filled in
    Show(show::Args),
    /// Show the steps of a build and which results are there; writes nothing
    Plan(plan::Args),
    /// Say why a build would make something again: the inputs that changed, old and new
    Explain(explain::Args),
    /// Say why a path is in a recipe's image: the chain to the recipe's line, package and source
    Why(why::Args),
    /// Build recipes into out/RECIPE/VERSION/
    Build(build::Args),
    /// Make Debian packages of a recipe's bundle, in out/RECIPE/packages/VERSION/
    Deb(deb::Args),
    /// List what is in an image, ours or another tool's, as `ls -l` does
    Ls(ls::Args),
    /// Say what differs between two images: paths, packages, kernel
    Diff(diff::Args),
    /// Say what takes the room in an image: by reason, package, directory, file
    Size(size::Args),
    /// Write files of an image into a folder, or one to standard output
    Extract(extract::Args),
    /// Show a recipe's bundles, or let `current` point to another one
    Switch(switch::Args),
    /// PXE-boot a recipe's bundle in QEMU and judge what happens
    Boot(boot::Args),
    /// PXE-boot a recipe's bundle with its console on this terminal; Ctrl-] or Ctrl-A x leaves
    Shell(shell::Args),
    /// Say what is wrong with an image that was built well
    Lint(lint::Args),
    /// Edit a kernel or busybox configuration; what differs goes back into the fragment
    Menuconfig(menuconfig::Args),
    /// Look at what the suites have now, and record it in recipes/sources.lock
    Update(update::Args),
    /// Add recipes' packages to a signed apt repository
    Publish(publish::Args),
    /// Build, lint, boot, pack and publish; nothing is published when anything failed
    Release(release::Args),
    /// Look after apt repositories: what is published, dates, snapshots, what clients need
    Repo(repo::Args),
    /// Look after the store of results
    Store(store::Args),
    /// Say what is missing or too old, whether the lab network and KVM work here, and whether repositories can be signed
    Doctor(doctor::Args),
    /// Set up, then run every check and test, boots included
    Test(test::Args),
    /// Check the house rules: imports between rooms, sizes, first lines
    Tidy,
    /// Time things: a build with nothing to do, a boot, an initramfs beside other tools'
    Bench(bench::Args),
    /// Print a shell's completion script for `xtask` (`alias xtask='cargo xtask'` makes that a command)
    Completions(completions::Args),
    /// Print the JSON schema of recipes or other files, so that editors can complete them
    Schema(schema::Args),
    /// The inside of the lab's namespaces
    #[command(hide = true)]
    Lab {
        /// What to boot
        job: PathBuf,
    },
    /// A process that `bench` measures, or that measures one
    #[command(hide = true)]
    Measure {
        /// What to do
        job: PathBuf,
    },
}

/// What verbs work with.
struct Context<'a> {
    workshop: Workshop,
    report: &'a Report,
}

impl Cli {
    /// Who reads the answer, and how much is said.
    #[must_use]
    pub fn report(&self) -> Report {
        let volume = match (self.global.quiet, self.global.verbose) {
            (true, _) => Volume::Quiet,
            (_, true) => Volume::Verbose,
            _ => Volume::Normal,
        };
        Report::new(self.global.format, volume)
    }

    /// Does what the command line says, and prints the answer.
    ///
    /// # Errors
    /// Whatever the verb fails with.
    pub fn run(self, report: &Report) -> Result<()> {
        // These need no checkout.
        match &self.verb {
            Verb::Lab { job } => return crate::boot::lab_main(job),
            Verb::Measure { job } => return report.answer(&bench::measure(job)?),
            Verb::Completions(args) => return report.answer(&completions::run(args)),
            Verb::Schema(args) => return report.answer(&schema::run(args)),
            _ => {}
        }
        let workshop = Workshop::open(
            self.global.root.as_deref(),
            self.global.jobs.map(usize::from),
        )?;
        let context = Context { workshop, report };
        let answer = self.verb.run(&context)?;
        report.answer(&answer)
    }
}

impl Verb {
    fn run(self, context: &Context<'_>) -> Result<Answer> {
        match self {
            Self::Demo(args) => demo::run(context, &args),
            Self::List => list::run(context),
            Self::New(args) => new::run(context, &args),
            Self::Show(args) => show::run(context, &args),
            Self::Plan(args) => plan::run(context, &args),
            Self::Explain(args) => explain::run(context, &args),
            Self::Why(args) => why::run(context, &args),
            Self::Build(args) => build::run(context, &args),
            Self::Deb(args) => deb::run(context, &args),
            Self::Ls(args) => ls::run(context, &args),
            Self::Diff(args) => diff::run(context, &args),
            Self::Size(args) => size::run(context, &args),
            Self::Extract(args) => extract::run(context, &args),
            Self::Switch(args) => switch::run(context, &args),
            Self::Boot(args) => boot::run(context, &args),
            Self::Shell(args) => shell::run(context, &args),
            Self::Lint(args) => lint::run(context, &args),
            Self::Menuconfig(args) => menuconfig::run(context, &args),
            Self::Update(args) => update::run(context, &args),
            Self::Publish(args) => publish::run(context, &args),
            Self::Release(args) => release::run(context, &args),
            Self::Repo(args) => repo::run(context, &args),
            Self::Store(args) => store::run(context, &args),
            Self::Doctor(args) => doctor::run(context, &args),
            Self::Test(args) => test::run(context, &args),
            Self::Tidy => tidy::run(context),
            Self::Bench(args) => bench::run(context, &args),
            Self::Completions(args) => Ok(completions::run(&args)),
            Self::Schema(args) => Ok(schema::run(&args)),
            Self::Measure { job } => bench::measure(&job),
            Self::Lab { job } => crate::boot::lab_main(&job).map(|()| Answer::new(&(), "")),
        }
    }
}

fn exit_codes() -> String {
    let mut text = "Exit codes:\n    0  all is well\n".to_owned();
    for kind in Kind::ALL {
        text.push_str(&format!("  {:3}  {}\n", kind.exit_code(), kind.meaning()));
    }
    text
}
