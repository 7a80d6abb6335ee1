//! Nodes boot from an installed package what they are linked to, served by each server as it is configured.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use xtask::arch::Arch;
use xtask::boot::installed::{Installed, TftpServer};
use xtask::boot::scenario::{Disk, End, Scenario};
use xtask::boot::{Job, Outcome, run};
use xtask::event::Deaf;

use super::packages::VERSIONS;
use super::system::{System, done};
use super::{demo_server, tftp_root, with_each};
use crate::lab::{told, workshop};

pub(super) fn all() -> Vec<Trial> {
    with_each("boots_what_it_is_linked_to", &TftpServer::ALL, links)
}

/// What a node boots that has a disk.
const IMAGE: End = End::Ready;
const DISK: End = End::LocalBoot;

/// How long the watcher may take over what is due.
const OVERDUE: Duration = Duration::from_secs(60);

fn links(server: TftpServer) -> Result<(), Failed> {
    let system = demo_server(server, VERSIONS[0])?;
    let mac = Scenario::named("x").mac;
    let says = |words: &str| {
        let words = words.replace("NODE", &mac);
        system.run(&format!("netboot-images {words}"))
    };
    boots(&system, server, IMAGE)?;
    says("link NODE localboot")?;
    boots(&system, server, DISK)?;
    says("unlink NODE")?;
    boots(&system, server, IMAGE)?;
    says("link default localboot")?;
    says("link NODE image --for 600")?;
    boots(&system, server, IMAGE)?;
    says("link NODE image --for 1")?;
    expired(&system)?;
    boots(&system, server, DISK)?;
    says("link NODE image --once")?;
    boots(&system, server, IMAGE)?;
    expired(&system)?;
    boots(&system, server, DISK)?;
    says("verify").map(drop)
}

/// Waits until no link is temporary any more.
#[expect(clippy::disallowed_methods, reason = "between looks at a condition")]
fn expired(system: &System) -> Result<(), Failed> {
    let folder = system.path("var/lib/netboot-images/temporary");
    let begun = Instant::now();
    while fs_err::read_dir(&folder)?.next().is_some() {
        if begun.elapsed() > OVERDUE {
            return Err(format!(
                "temporary links stay:\n{}",
                system.run("netboot-images status")?
            )
            .into());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn boots(system: &System, server: TftpServer, end: End) -> Result<(), Failed> {
    let record = tempfile::tempdir()?;
    let outcome = boot(system, server, end, &record.path().join("record"))?;
    if outcome.verdict.passed() {
        return Ok(());
    }
    Err(told(&outcome))
}

/// Boots a node with a disk from the system.
pub(super) fn boot(
    system: &System,
    server: TftpServer,
    end: End,
    record: &Path,
) -> Result<Outcome, Failed> {
    let scenario = Scenario {
        disk: Disk::Bootable,
        end: end.into(),
        ..Scenario::named("node")
    };
    let job = Job {
        bundle: system.path(tftp_root(server)),
        arch: Arch::Amd64,
        loader: "pxelinux.0".to_owned(),
        scenario,
        record: record.to_owned(),
        xtask: env!("CARGO_BIN_EXE_xtask").into(),
        cache: workshop().cache,
        network: None,
        installed: Some(Installed {
            root: system.root().to_owned(),
            server,
        }),
    };
    done(run(&job, &Deaf))
}
