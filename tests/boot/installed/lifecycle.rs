//! What apt and dpkg do with the packages in the life of a boot server, to the letter, as piuparts looks at it.

use libtest_mimic::{Failed, Trial};
use xtask::boot::installed::TftpServer;

use super::packages::{self, VERSIONS};
use super::system::{System, difference};
use super::tftp::Client;
use super::{active, boot_server, install, tftp_root, with_each};

pub(super) fn all() -> Vec<Trial> {
    let mut trials = with_each("lifecycle", &TftpServer::ALL, lifecycle);
    trials.extend([
        Trial::test("installed::servers_that_are_stopped_stay_stopped", stopped),
        Trial::test("installed::what_an_administrator_changed_stays", changed),
    ]);
    trials
}

/// Purges all of ours, with the images of these versions.
fn purge(system: &System, versions: &[&str]) -> Result<String, Failed> {
    let images = versions
        .iter()
        .map(|version| format!(" netboot-image-demo-{version}"));
    let images: String = images.collect();
    system.apt(&format!("purge demo-pxe-server netboot-images{images}"))
}

/// It is whole, dpkg has nothing to complain of, and this version is served.
fn serves(system: &System, server: TftpServer, version: &str) -> Result<(), Failed> {
    assert_eq!(active(system, server)?, version);
    system.run("netboot-images verify")?;
    system.run("netboot-images status")?;
    assert_eq!(system.run("dpkg --audit")?, "");
    let loader = system.path(tftp_root(server)).join("pxelinux.0");
    assert!(fs_err::metadata(loader)?.len() > 0);
    Ok(())
}

fn lifecycle(server: TftpServer) -> Result<(), Failed> {
    let [old, new] = *VERSIONS;
    let system = boot_server(server)?;
    let before = system.state()?;
    system.offer(&packages::packages(old)?)?;
    install(&system, old)?;
    serves(&system, server, old)?;
    let installed = system.state()?;

    system.offer(&packages::packages(new)?)?;
    system.apt("upgrade --with-new-pkgs")?;
    serves(&system, server, new)?;
    install(&system, old)?;
    serves(&system, server, old)?;
    // Both are there: each can be had back without apt.
    system.run(&format!("netboot-images activate demo {new}"))?;
    serves(&system, server, new)?;
    system.apt(&format!("remove netboot-image-demo-{new}"))?;
    serves(&system, server, old)?;
    assert_eq!(
        difference(&left_alone(installed), &left_alone(system.state()?)),
        [""; 0]
    );

    system.apt("remove demo-pxe-server")?;
    assert_eq!(system.run("dpkg --audit")?, "");
    assert!(!system.path(tftp_root(server)).join("pxelinux.0").exists());
    install(&system, old)?;
    serves(&system, server, old)?;
    purge(&system, &*VERSIONS)?;
    assert_eq!(difference(&before, &system.state()?), [""; 0]);
    Ok(())
}

/// Without what is written anew each time: the helper's own state.
fn left_alone(
    mut state: std::collections::BTreeMap<String, String>,
) -> std::collections::BTreeMap<String, String> {
    state.retain(|path, _| !path.starts_with("var/lib/netboot-images"));
    state
}

/// dnsmasq runs: it is told to serve, and serves. Once it is stopped, nothing starts it.
fn stopped() -> Result<(), Failed> {
    let [old, new] = *VERSIONS;
    let system = System::new()?;
    system.services(true)?;
    super::prepare(&system, TftpServer::Dnsmasq)?;
    assert!(system.succeeds("pidof dnsmasq"));
    system.offer(&packages::packages(old)?)?;
    install(&system, old)?;
    let client = Client::new(&system)?;
    let fetched = client.fetch(&["pxelinux.0"])?;
    assert_eq!(
        fetched,
        [fs_err::read(system.path("var/lib/tftpboot/pxelinux.0"))?]
    );

    system.run("service dnsmasq stop")?;
    assert!(!system.succeeds("pidof dnsmasq"));
    system.offer(&packages::packages(new)?)?;
    system.apt("upgrade --with-new-pkgs")?;
    system.run(&format!("netboot-images activate demo {old}"))?;
    system.apt("remove demo-pxe-server")?;
    install(&system, new)?;
    purge(&system, &*VERSIONS)?;
    assert!(!system.succeeds("pidof dnsmasq"));
    Ok(())
}

fn changed() -> Result<(), Failed> {
    let [old, _] = *VERSIONS;
    let system = boot_server(TftpServer::TftpdHpa)?;
    let own = system.path("srv/tftp/pxelinux.cfg/01-02-00-00-00-00-01");
    fs_err::create_dir_all(own.parent().unwrap())?;
    fs_err::write(&own, "DEFAULT mine\n")?;
    let before = system.state()?;
    system.offer(&packages::packages(old)?)?;
    install(&system, old)?;
    let conffile = system.path("etc/netboot-images.conf");
    let text = fs_err::read_to_string(&conffile)? + "GRACE=7\n";
    fs_err::write(&conffile, &text)?;
    assert!(!system.succeeds("netboot-images link 02:00:00:00:00:01 localboot"));
    system.apt("install --reinstall netboot-images")?;
    assert_eq!(fs_err::read_to_string(&conffile)?, text);
    system.apt("remove demo-pxe-server netboot-images")?;
    assert_eq!(fs_err::read_to_string(&conffile)?, text);
    purge(&system, &[old])?;
    assert_eq!(difference(&before, &system.state()?), [""; 0]);
    Ok(())
}
