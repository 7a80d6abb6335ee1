//! `test`: everything that must hold, in one command. What it runs is what CI runs.

use serde_json::json;

use super::Context;
use super::install::{self, Consent};
use crate::event::Event;
use crate::failure::{Failure, Kind, Result};
use crate::needs::{self, Purpose};
use crate::recipe;
use crate::report::Answer;
use crate::tool::Tool;

/// The version that is installed where there is none; another one that is there does as well.
const CARGO_DENY: &str = "0.20.2";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    consent: Consent,
    /// Only what needs no compiler for kernels and no QEMU; the boots are then skipped, and said to be
    #[arg(long)]
    quick: bool,
    /// Every kill, publishing and fault that tests have in them, and not a choice for every day; takes an hour or more
    #[arg(long, conflicts_with = "quick")]
    all: bool,
}

/// One thing that is run: a name, and cargo's arguments.
type Check = (&'static str, &'static [&'static str]);

const CHECKS: &[Check] = &[
    ("formatting", &["fmt", "--all", "--check"]),
    (
        "lints",
        &[
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ],
    ),
    (
        "documentation",
        &[
            "doc",
            "--quiet",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ],
    ),
];

const TESTS: &[&str] = &["test", "--workspace"];
/// Without those that need QEMU.
const QUICK_TESTS: &[&str] = &["test", "--workspace", "--lib", "--bins", "--test", "cli"];

/// `--hide-inclusion-graph` keeps it short; what is wrong is named all the same.
const DENY: &[&str] = &[
    "--offline",
    "check",
    "--hide-inclusion-graph",
    "bans",
    "licenses",
    "sources",
];

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let listener = context.report.listener();
    let root = context.workshop.checkout.root();
    for (name, arguments) in CHECKS {
        listener.hear(Event::Note(format!("check: {name}")));
        passed(
            name,
            &cargo(root)
                .args(*arguments)
                .env("RUSTDOCFLAGS", "--deny warnings"),
        )?;
    }
    super::tidy::run(context)?;
    let tests = if args.quick { QUICK_TESTS } else { TESTS };
    if args.quick {
        listener.hear(Event::Warning(
            "--quick: neither licences nor boots are checked".to_owned(),
        ));
    } else {
        prepare(context, args)?;
    }
    listener.hear(Event::Note("check: tests".to_owned()));
    let boots = if args.quick { "skip" } else { "require" };
    let much = if args.all { "all" } else { "few" };
    passed(
        "tests",
        &cargo(root)
            .args(tests)
            .env("CORDWAINER_BOOTS", boots)
            .env("CORDWAINER_TESTS", much),
    )?;
    let checks: Vec<&str> = CHECKS
        .iter()
        .map(|(name, _)| *name)
        .chain(["tidy", "tests"])
        .collect();
    Ok(Answer::new(
        &json!({ "passed": checks, "boots": boots }),
        "all checks passed",
    ))
}

/// What the boots need: packages, and the bundles that are booted. Licences are checked on the way.
fn prepare(context: &Context<'_>, args: &Args) -> Result<()> {
    let mut purposes = vec![
        Purpose::Sources,
        Purpose::Build,
        Purpose::Boot,
        Purpose::BootArm,
        Purpose::BootPower,
        Purpose::BootEfi,
        Purpose::Publish,
        Purpose::Test,
    ];
    if args.all {
        purposes.push(Purpose::Firmware);
    }
    let arches = context.workshop.arches(args.all);
    install::ensure(context, &purposes, &arches, &args.consent)?;
    context
        .report
        .listener()
        .hear(Event::Note("check: licences, bans, sources".to_owned()));
    let root = context.workshop.checkout.root();
    passed(
        "cargo deny",
        &deny(context)?.folder(root).own_environment().args(DENY),
    )?;
    for recipe in recipe::names(&context.workshop.checkout) {
        let loaded = context.workshop.recipe(&recipe)?.recipe;
        if loaded.boot.iter().any(|boot| args.all || !boot.slow) {
            super::build::one(context, &recipe)?;
        }
    }
    Ok(())
}

fn cargo(root: &std::path::Path) -> Tool {
    // Set by cargo for what it runs; a plain `cargo` otherwise.
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    Tool::new(program).own_environment().folder(root)
}

/// Runs it on the user's terminal: what tests and compilers say is worth seeing as it comes.
fn passed(name: &str, tool: &Tool) -> Result<()> {
    let command = tool.command();
    if tool.clone().interactive()?.success() {
        return Ok(());
    }
    crate::tool::check_interrupt()?;
    let what = format!("the check {name:?} failed; what it said is above");
    Err(Failure::new(Kind::Check, what).note(format!("command: {command}")))
}

/// `cargo-deny`: the user's, or one installed into the cache folder.
fn deny(context: &Context<'_>) -> Result<Tool> {
    let folder = context.workshop.cache.join("tools");
    let ours = folder.join("bin/cargo-deny");
    let theirs = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path)
            .map(|folder| folder.join("cargo-deny"))
            .find(|path| path.is_file())
    });
    if let Some(there) = theirs.or_else(|| Some(ours.clone()).filter(|path| path.is_file())) {
        return Ok(Tool::new(there.to_string_lossy()));
    }
    context.report.listener().hear(Event::Note(format!(
        "installing cargo-deny {CARGO_DENY} into {}",
        folder.display()
    )));
    let install = cargo(context.workshop.checkout.root())
        .args([
            "install",
            "--quiet",
            "--locked",
            "--version",
            CARGO_DENY,
            "--root",
        ])
        .arg(&folder)
        .arg("cargo-deny");
    passed("installing cargo-deny", &install)?;
    match needs::find(&ours.to_string_lossy()) {
        Some(path) => Ok(Tool::new(path.to_string_lossy())),
        None => Err(Failure::new(
            Kind::Missing,
            "cargo-deny was installed, and is not there",
        )),
    }
}
