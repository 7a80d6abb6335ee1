//! Installing Debian packages that are missing: the one thing that needs root. Shown and asked first, unless `--yes`.

use std::collections::BTreeSet;
use std::io::IsTerminal;

use super::Context;
use crate::arch::Arch;
use crate::event::Event;
use crate::failure::{Failure, Kind, Result};
use crate::needs::{self, Purpose};
use crate::tool::Tool;

/// Options of verbs that install what is missing.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Consent {
    /// Install missing Debian packages without asking
    #[arg(short, long)]
    pub(super) yes: bool,
}

/// Makes sure that what these purposes need is there, for images of these architectures.
///
/// # Errors
/// [`Kind::Missing`] when something is missing and may not or cannot be installed.
pub(super) fn ensure(
    context: &Context<'_>,
    purposes: &[Purpose],
    arches: &[Arch],
    consent: &Consent,
) -> Result<()> {
    let packages: BTreeSet<&str> = needs::absent(purposes, arches)
        .iter()
        .map(|need| need.package)
        .collect();
    if packages.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = packages.into_iter().collect();
    let names = packages.join(" ");
    let by_hand = format!("sudo apt-get install --no-install-recommends {names}");
    let listener = context.report.listener();
    let Some(installer) = Installer::find(context) else {
        return Err(
            refused(&names, "only root may install them, and there is no sudo")
                .hint(format!("run: {by_hand}")),
        );
    };
    agreed(
        context,
        consent,
        &format!("these Debian packages are missing: {names}"),
        &names,
        &by_hand,
    )?;
    installer
        .refresh_lists(&packages)
        .map_err(|failure| failure.hint(format!("run: {by_hand}")))?;
    let removed = installer.would_remove(&packages)?;
    if !removed.is_empty() {
        let warning = format!("to install them, apt removes: {}", removed.join(" "));
        agreed(context, consent, &warning, &names, &by_hand)?;
    }
    installer
        .install(&packages, listener)
        .map_err(|failure| failure.hint(format!("run: {by_hand}")))?;
    match needs::absent(purposes, arches).as_slice() {
        [] => Ok(()),
        [first, ..] => Err(Failure::new(
            Kind::Missing,
            format!(
                "the package {} is installed, but {} is still not there",
                first.package,
                first.name()
            ),
        )),
    }
}

/// Says something and asks whether to go on, unless that was agreed to beforehand.
fn agreed(
    context: &Context<'_>,
    consent: &Consent,
    what: &str,
    names: &str,
    by_hand: &str,
) -> Result<()> {
    if consent.yes {
        context.report.listener().hear(Event::Note(what.to_owned()));
        return Ok(());
    }
    match context
        .report
        .confirm(&format!("{what}\ninstall them now?"))?
    {
        Some(true) => Ok(()),
        Some(false) => Err(refused(names, "not installed").hint(format!("run: {by_hand}"))),
        None => Err(
            refused(names, "there is no terminal to ask on").hint(format!(
                "give --yes to let them be installed, or run: {by_hand}"
            )),
        ),
    }
}

fn refused(names: &str, why: &str) -> Failure {
    Failure::new(
        Kind::Missing,
        format!("Debian packages are missing: {names}"),
    )
    .note(why)
}

/// `apt-get`, as root or through sudo.
struct Installer {
    sudo: bool,
    log: std::path::PathBuf,
}

impl Installer {
    /// How packages can be installed here, if they can.
    fn find(context: &Context<'_>) -> Option<Self> {
        let root = rustix::process::geteuid().is_root();
        let log = context.workshop.cache.join("logs").join("apt.log");
        (root || needs::find("sudo").is_some()).then_some(Self { sudo: !root, log })
    }

    /// In the foreground: sudo asks for a password there, and dpkg must not be killed in the middle of its work.
    fn apt_get(&self) -> Tool {
        let tool = match (self.sudo, std::io::stdin().is_terminal()) {
            (true, true) => Tool::new("sudo").arg("apt-get"),
            // Nobody could answer: sudo had better say so than wait.
            (true, false) => Tool::new("sudo").args(["-n", "apt-get"]),
            (false, _) => Tool::new("apt-get"),
        };
        tool.own_environment()
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C.UTF-8")
            .kind(Kind::Missing)
            .foreground()
    }

    fn simulate(packages: &[&str]) -> Tool {
        Tool::new("apt-get")
            .own_environment()
            .env("LC_ALL", "C.UTF-8")
            .kind(Kind::Missing)
            .args(["install", "--simulate", "--no-install-recommends"])
            .args(packages)
    }

    /// On a machine whose lists are empty or old, apt knows none of the packages.
    fn refresh_lists(&self, packages: &[&str]) -> Result<()> {
        if Self::simulate(packages).succeeds() {
            return Ok(());
        }
        self.apt_get().arg("update").log(&self.log).run()
    }

    fn would_remove(&self, packages: &[&str]) -> Result<Vec<String>> {
        let said = Self::simulate(packages).read()?;
        let removed = said
            .lines()
            .filter_map(|line| line.strip_prefix("Remv ")?.split(' ').next());
        Ok(removed.map(str::to_owned).collect())
    }

    fn install(&self, packages: &[&str], listener: &dyn crate::event::Listen) -> Result<()> {
        let step = "packages".to_owned();
        let since = std::time::Instant::now();
        let title = format!("install {}", packages.join(" "));
        listener.hear(Event::Started {
            step: step.clone(),
            title,
            log: Some(self.log.clone()),
        });
        let install = || {
            self.apt_get()
                .args(["install", "--yes", "--no-install-recommends"])
                .args(packages)
                .log(&self.log)
        };
        // Lists that know a version which the mirror has replaced since: looking anew is what helps.
        if install().run().is_err() {
            self.apt_get().arg("update").log(&self.log).run()?;
            install().run()?;
        }
        listener.hear(Event::Finished {
            step,
            took: since.elapsed(),
        });
        Ok(())
    }
}
