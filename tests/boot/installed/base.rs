//! A clean, minimal Debian 12 in a folder, with the packages beside it that the tests install: made once with mmdebstrap, and kept in the user's cache
//! folder, so that tests need no network afterwards.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libtest_mimic::Failed;
use xtask::digest::Digest;
use xtask::source::mirror::{self, Host};
use xtask::tool::Tool;

use super::packages;
use crate::lab::workshop;

const SUITE: &str = "bookworm";

/// Where in such a system the packages lie.
pub(crate) const SHELF: &str = "opt/debian";

/// What is downloaded together, since it can be installed together: what the server's package wants, without which nothing starts; and the other TFTP
/// servers.
const SETS: [&str; 3] = ["dnsmasq inotify-tools nginx", "tftpd-hpa", "atftpd"];

/// Documentation in three languages of nobody's is a third of the files.
const LEFT_OUT: [&str; 3] = [
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
];

/// No service starts when it is installed, unless a test says otherwise (invoke-rc.d(8)).
pub(crate) const POLICY: &str = "usr/sbin/policy-rc.d";

static BASE: OnceLock<Result<PathBuf, String>> = OnceLock::new();

/// Its folder.
pub(crate) fn base() -> Result<PathBuf, Failed> {
    let made = BASE
        .get_or_init(|| make().map_err(|failed| failed.message().unwrap_or_default().to_owned()));
    Ok(made.clone()?)
}

fn make() -> Result<PathBuf, Failed> {
    let mirrors = workshop().site.mirrors();
    let archives = mirror::archives(SUITE, &mirrors, &Host::read(Path::new("/")))
        .map_err(|failure| format!("{failure:#?}"))?;
    let lines: Vec<String> = archives
        .iter()
        .flat_map(|archive| {
            let line = |suite| format!("deb {} {suite} main", archive.mirrors[0]);
            archive.suites.iter().map(line)
        })
        .collect();
    let download: String = SETS
        .iter()
        .map(|set| format!("apt-get --yes --download-only install {set}; "))
        .collect();
    // A shell of mmdebstrap's own runs this; `$1` is the folder, and nothing of ours is in it.
    let hook = format!(
        "set -e; export APT_CONFIG=\"$MMDEBSTRAP_APT_CONFIG\"; {download}mkdir \"$1/{SHELF}\"; mv \"$1\"/var/cache/apt/archives/*.deb \"$1/{SHELF}\""
    );
    let key = Digest::of(format!("{lines:?}{hook}{LEFT_OUT:?}{SUITE}"));
    let folder = workshop().cache.join("tests");
    fs_err::create_dir_all(&folder)?;
    let target = folder.join(format!("debian-{}", key.short()));
    if target.is_dir() {
        return Ok(target);
    }
    let fresh = tempfile::tempdir_in(&folder)?;
    let root = fresh.path().join("root");
    let left_out = LEFT_OUT.map(|path| format!("--dpkgopt=path-exclude={path}"));
    let mmdebstrap = Tool::new("mmdebstrap")
        .own_environment()
        .args(["--mode=root", "--variant=apt", "--format=directory"])
        .args(["--aptopt=APT::Install-Recommends \"false\""])
        .args(left_out)
        .arg(format!("--customize-hook={hook}"))
        .arg(SUITE)
        .arg(&root)
        .args(&lines);
    mmdebstrap
        .run()
        .map_err(|failure| format!("{failure:#?}"))?;
    settle(&root)?;
    // Somebody else may have made the same meanwhile: then that is there.
    fs_err::rename(&root, &target).or_else(|error| match target.is_dir() {
        true => Ok(()),
        false => Err(error),
    })?;
    Ok(target)
}

/// What was for making it is taken back: packages are installed whole from now on, and from its own shelf.
fn settle(root: &Path) -> Result<(), Failed> {
    let write = |path: &str, text: &str| fs_err::write(root.join(path), text);
    // Losing a test's files when the power fails is no loss.
    write("etc/dpkg/dpkg.cfg.d/99mmdebstrap", "force-unsafe-io\n")?;
    write(
        "etc/apt/sources.list",
        &format!("deb [trusted=yes] file:/{SHELF} ./\n"),
    )?;
    write(POLICY, "#!/bin/sh\nexit 101\n")?;
    let executable = PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(root.join(POLICY), executable)?;
    packages::index(&root.join(SHELF))
}
