//! The apts that tests ask: this machine's, and the next Debian release's, unpacked.

use std::path::{Path, PathBuf};
use std::process::Command;

use xtask::repository::client::apt::Client;
use xtask::source::apt::Debian;
use xtask::source::mirror::Mirrors;
use xtask::source::spec::Policy;
use xtask::source::sysroot::Key;

use super::cache::once;
use super::must;

/// An apt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Apt {
    /// This machine's.
    Here,
    /// That of Debian 13, which checks signatures by sqv.
    Trixie,
}

/// How a run ended, and all that it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) good: bool,
    pub(crate) said: String,
}

impl Apt {
    /// Runs a program of apt's that sees what the client sees.
    pub(crate) fn run(self, client: &Client, words: &[&str]) -> Ran {
        let mut command = match self {
            Self::Here => Command::new(words[0]),
            Self::Trixie => {
                let mut command = Command::new("unshare");
                let enter = "mount --rbind /dev \"$0/dev\" && mount --bind \"$1\" \"$0/$1\" && root=$0 && shift && exec chroot \"$root\" \"$@\"";
                command
                    .args(["--map-root-user", "--mount", "sh", "-c", enter])
                    .arg(trixie())
                    .arg(std::env::temp_dir())
                    .args(&words[..1]);
                command
            }
        };
        let output = command
            .args(&words[1..])
            .env("APT_CONFIG", client.configuration())
            .env("LC_ALL", "C.UTF-8")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir("/")
            .output()
            .unwrap();
        let all = [output.stdout, output.stderr].concat();
        Ran {
            good: output.status.success(),
            said: String::from_utf8(all).unwrap(),
        }
    }
}

/// A folder with Debian 13's apt and all that it needs.
fn trixie() -> PathBuf {
    once("trixie-apt-2", |folder| {
        let cache = xtask::checkout::cache(None).unwrap();
        let debian = Debian::new(&cache, Mirrors::default(), "amd64");
        let components = vec!["main".to_owned()];
        let root = debian.root("trixie", &components).unwrap();
        root.update(|_| false).unwrap();
        let names = [
            "apt",
            "base-files",
            "coreutils",
            "dash",
            "diffutils",
            "dpkg",
            "libc-bin",
            "sed",
            "tar",
        ];
        let key = Key {
            suite: "trixie".to_owned(),
            arch: "amd64".to_owned(),
            components,
            policy: Policy::Follow,
            packages: names.map(str::to_owned).to_vec(),
            without: Vec::new(),
            recommends: false,
        };
        for package in root.solve(&key.sorted()).unwrap() {
            let deb = folder.join("deb");
            let address = &root.addresses(&package.path)[0];
            root.download(address, &deb, package.sha256, &folder.join("log"))
                .unwrap();
            must(Command::new("dpkg-deb").arg("-x").arg(&deb).arg(folder));
            fs_err::remove_file(deb).unwrap();
        }
        let temporary = std::env::temp_dir();
        let inside = temporary.strip_prefix("/").unwrap();
        for empty in [Path::new("dev"), inside, Path::new("etc/apt/apt.conf.d")] {
            fs_err::create_dir_all(folder.join(empty)).unwrap();
        }
    })
}
