//! Installing Debian packages that are missing: the one thing that needs root. Shown and asked first, unless `--yes`.

use std::collections::BTreeSet;

use super::Context;
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

/// Makes sure that what these purposes need is there.
///
/// # Errors
/// [`Kind::Missing`] when something is missing and may not or cannot be installed.
pub(super) fn ensure(context: &Context<'_>, purposes: &[Purpose], consent: &Consent) -> Result<()> {
    let packages: BTreeSet<&str> = needs::absent(purposes)
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
    installer.refresh_lists(&packages)?;
    let removed = installer.would_remove(&packages)?;
    let mut question = format!("these Debian packages are missing: {names}");
    if !removed.is_empty() {
        question += &format!("\nto install them, apt removes: {}", removed.join(" "));
    }
    if consent.yes {
        listener.hear(Event::Note(question));
    } else {
        match context
            .report
            .confirm(&format!("{question}\ninstall them now?"))
        {
            Some(true) => {}
            Some(false) => {
                return Err(refused(&names, "not installed").hint(format!("run: {by_hand}")));
            }
            None => {
                return Err(
                    refused(&names, "there is no terminal to ask on").hint(format!(
                        "give --yes to let them be installed, or run: {by_hand}"
                    )),
                );
            }
        }
    }
    installer.install(&packages, listener)?;
    match needs::absent(purposes).as_slice() {
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

    fn apt_get(&self) -> Tool {
        let tool = if self.sudo {
            Tool::new("sudo").arg("apt-get")
        } else {
            Tool::new("apt-get")
        };
        tool.own_environment()
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C.UTF-8")
            .kind(Kind::Missing)
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
