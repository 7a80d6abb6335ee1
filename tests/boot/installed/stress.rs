//! Everything that a node fetches, hundreds of times while the packages are upgraded, downgraded and activated: it is of one version, and whole.

use libtest_mimic::{Failed, Trial};
use xtask::boot::installed::TftpServer;
use xtask::digest::Digest;

use super::packages::{self, VERSIONS};
use super::system::System;
use super::tftp::{self, Client};
use super::{install, while_changing, with_each};

pub(super) fn all() -> Vec<Trial> {
    with_each("fetching_during_upgrades", &TftpServer::ALL, stress)
}

/// How many nodes boot.
const NODES: usize = 100;

fn stress(server: TftpServer) -> Result<(), Failed> {
    let system = System::new()?;
    // They run as Debian starts them.
    system.services(true)?;
    super::prepare(&system, server)?;
    if server == TftpServer::Atftpd {
        // Its script leaves it to inetd, which is not installed.
        let settings = system.path("etc/default/atftpd");
        let text = fs_err::read_to_string(&settings)?;
        fs_err::write(settings, text + "USE_INETD=false\n")?;
        system.run("service atftpd restart")?;
    }
    for version in *VERSIONS {
        system.offer(&packages::packages(version)?)?;
    }
    install(&system, VERSIONS[0])?;
    let client = Client::new(&system)?;
    let mut seen = Vec::new();
    while_changing(&system, NODES, || {
        seen.push(client.inside(node)?);
        Ok(())
    })?;
    for version in *VERSIONS {
        assert!(
            seen.iter().any(|one| one == version),
            "no node got {version}"
        );
    }
    Ok(())
}

/// Fetches as pxelinux does; returns the version.
fn node() -> Result<String, Failed> {
    let loader = tftp::fetch("pxelinux.0")?;
    let module = tftp::fetch("ldlinux.c32")?;
    let menu = String::from_utf8(tftp::fetch("pxelinux.cfg/default")?)?;
    let word = |before: &str| {
        let (_, after) = menu.split_once(before).ok_or("the menu lacks something")?;
        let word = after.split_whitespace().next();
        word.ok_or_else(|| Failed::from("the menu lacks something"))
    };
    let (kernel, initramfs) = (word("LINUX ")?, word("initrd=")?);
    let (folder, _) = kernel.rsplit_once('/').ok_or("the kernel has no version")?;
    let files = [
        ("pxelinux.0", loader),
        ("ldlinux.c32", module),
        (kernel, tftp::fetch(kernel)?),
        (initramfs, tftp::fetch(initramfs)?),
    ];
    let sums = String::from_utf8(tftp::fetch(&format!("{folder}/SHA256SUMS"))?)?;
    for (path, content) in files {
        let name = path.strip_prefix(&format!("{folder}/")).unwrap_or(path);
        let line = format!("{}  {name}", Digest::of(content));
        let holds = sums.lines().any(|sum| sum == line);
        assert!(holds, "{path} is not what {folder} says of it");
    }
    let (_, version) = folder.rsplit_once('/').ok_or("the folder has no version")?;
    Ok(version.to_owned())
}
