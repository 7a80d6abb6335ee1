//! Packages in a real Debian: what apt and dpkg make of them, what that Debian's own TFTP servers serve then, and what boots from it, also while they
//! are being upgraded.
//!
//! All of it takes root, for an administrator's programs run here and servers that give their rights up. Without, nothing of it is run, and that is
//! said loudly; where `CI` is set, that is a failure.

mod base;
mod boots;
mod lifecycle;
mod packages;
mod stress;
mod system;
mod tftp;
mod upgrades;

use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use libtest_mimic::{Failed, Trial};
use xtask::boot::installed::TftpServer;

use packages::VERSIONS;
use system::System;

pub(crate) fn all() -> Vec<Trial> {
    let allowed = rustix::process::geteuid().is_root();
    let demanded = std::env::var_os("CI").is_some();
    if !allowed && !demanded {
        not_run();
    }
    let trials = [
        boots::all(),
        upgrades::all(),
        stress::all(),
        lifecycle::all(),
    ];
    trials
        .into_iter()
        .flatten()
        .map(|trial| trial.with_ignored_flag(!allowed && !demanded))
        .collect()
}

#[expect(
    clippy::print_stderr,
    reason = "a test that is not run has to be heard of"
)]
fn not_run() {
    eprintln!(
        "\n*** NO INSTALLED PACKAGE IS TESTED. That takes root: run the tests `boot` once more as root. ***\n"
    );
}

/// A trial for each of these servers.
fn with_each(
    name: &'static str,
    servers: &'static [TftpServer],
    test: fn(TftpServer) -> Result<(), Failed>,
) -> Vec<Trial> {
    let trial = |server: &TftpServer| {
        let server = *server;
        Trial::test(
            format!("installed::{name}::{}", server.package()),
            move || test(server),
        )
    };
    servers.iter().map(trial).collect()
}

/// The folder that a server serves when nobody said otherwise: Debian's, and for dnsmasq, which Debian lets serve nothing, the helper's.
fn tftp_root(server: TftpServer) -> &'static str {
    match server {
        TftpServer::Dnsmasq => "var/lib/tftpboot",
        TftpServer::TftpdHpa | TftpServer::Atftpd => "srv/tftp",
    }
}

/// A boot server with this TFTP server, before anything of ours is on it. Debian's dnsmasq gives addresses beside the other two.
fn boot_server(server: TftpServer) -> Result<System, Failed> {
    let system = System::new()?;
    prepare(&system, server)?;
    Ok(system)
}

fn prepare(system: &System, server: TftpServer) -> Result<(), Failed> {
    let package = server.package();
    system.apt(&format!("install dnsmasq inotify-tools nginx {package}"))?;
    Ok(())
}

/// The same with the demo of this version on it.
fn demo_server(server: TftpServer, version: &str) -> Result<System, Failed> {
    let system = boot_server(server)?;
    system.offer(&packages::packages(version)?)?;
    install(&system, version)?;
    Ok(system)
}

/// Installs the demo's server package of this version, whichever there is.
fn install(system: &System, version: &str) -> Result<String, Failed> {
    system.apt(&format!(
        "install --allow-downgrades demo-pxe-server={version}"
    ))
}

/// The version that is active.
fn active(system: &System, server: TftpServer) -> Result<String, Failed> {
    let link = format!("{}/netboot-images/demo/current", tftp_root(server));
    let target = fs_err::read_link(system.path(&link))?;
    Ok(target.display().to_string())
}

/// Does something over and over while packages are upgraded, downgraded and activated: at least so often, and until all changes were made at least once. It
/// may not be done while an image is removed, which takes it from those that are just loading it.
fn while_changing(
    system: &System,
    count: usize,
    mut work: impl FnMut() -> Result<(), Failed>,
) -> Result<(), Failed> {
    let (over, changed, resting) = (AtomicBool::new(false), AtomicUsize::new(0), RwLock::new(()));
    thread::scope(|scope| {
        let changes = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for (at_rest, change) in changes() {
                    let _nobody = at_rest.then(|| resting.write().unwrap());
                    system.run(&change)?;
                }
                changed.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
        let mut done = 0;
        let mut worked = Ok(());
        while worked.is_ok()
            && !changes.is_finished()
            && (done < count || changed.load(Ordering::Relaxed) == 0)
        {
            let _loading = resting.read().unwrap();
            worked = work();
            done += 1;
        }
        over.store(true, Ordering::Relaxed);
        let changed: Result<(), Failed> = changes.join().unwrap();
        worked.and(changed)
    })
}

/// What an administrator may do to a boot server, and whether nobody may boot meanwhile.
fn changes() -> Vec<(bool, String)> {
    let [old, new] = *VERSIONS;
    let apt = "apt-get --yes --quiet";
    [
        (false, format!("{apt} install demo-pxe-server={new}")),
        (false, format!("netboot-images activate demo {old}")),
        (false, "netboot-images activate demo newest".to_owned()),
        (
            false,
            format!("{apt} install --reinstall netboot-image-demo-{new}"),
        ),
        (
            false,
            format!("{apt} install --allow-downgrades demo-pxe-server={old}"),
        ),
        (true, format!("{apt} remove netboot-image-demo-{new}")),
    ]
    .into()
}
