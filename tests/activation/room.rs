//! A root with the helper installed in it, images, and the configuration of servers.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use xtask::digest::Digest;

use crate::executable::executable;

pub(crate) type Shell = &'static [&'static str];
pub(crate) const DASH: Shell = &["dash"];
pub(crate) const BUSYBOX: Shell = &["busybox", "sh"];

pub(crate) struct Room {
    pub(crate) shell: Shell,
    folder: tempfile::TempDir,
    pub(crate) variables: BTreeMap<&'static str, String>,
}

/// How the helper ended; 128 and more for a signal, as shells have it.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

fn package() -> PathBuf {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    project.join("debian/netboot-images/files")
}

impl Room {
    /// Nothing but the helper.
    pub(crate) fn new(shell: Shell) -> Self {
        let room = Self {
            shell,
            folder: tempfile::tempdir().unwrap(),
            variables: BTreeMap::new(),
        };
        fs_err::create_dir(room.path("")).unwrap();
        copy(&package(), &room.path(""));
        room.folder("srv/tftp");
        room
    }

    /// With tftpd-hpa as Debian sets it up: in a chroot, so that images are served as copies.
    pub(crate) fn with_copies(self) -> Self {
        self.write(
            "etc/default/tftpd-hpa",
            "TFTP_USERNAME=\"tftp\"\nTFTP_DIRECTORY=\"/srv/tftp\"\nTFTP_ADDRESS=\":69\"\nTFTP_OPTIONS=\"--secure\"\n",
        );
        self.program("usr/sbin/in.tftpd");
        self
    }

    /// With a dnsmasq that serves TFTP, so that images are served as links.
    pub(crate) fn with_links(self) -> Self {
        self.program("usr/sbin/dnsmasq");
        self.program("etc/init.d/dnsmasq");
        self.write(
            "etc/dnsmasq.conf",
            "enable-tftp\ntftp-root = \"/srv/tftp\" # here\n",
        );
        self
    }

    /// The root's name has a space in it, in which nothing may stumble.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("the root").join(path)
    }

    /// A path in the TFTP root.
    pub(crate) fn tftp(&self, path: &str) -> PathBuf {
        self.path("srv/tftp").join(path)
    }

    pub(crate) fn folder(&self, path: &str) {
        fs_err::create_dir_all(self.path(path)).unwrap();
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs_err::read_to_string(self.path(path)).unwrap()
    }

    pub(crate) fn program(&self, path: &str) {
        self.script(path, "exit 0");
    }

    /// A program that stands in for one of the same name, when it is in `bin`.
    pub(crate) fn script(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        executable(&path, &format!("#!/bin/sh\n{text}\n"));
    }

    /// A version with the menus `default`, `image` and `localboot`.
    pub(crate) fn image(&self, name: &str, version: &str) {
        self.image_with(
            name,
            version,
            "pxelinux 6.04",
            &["default", "image", "localboot"],
        );
    }

    pub(crate) fn image_with(&self, name: &str, version: &str, loader: &str, menus: &[&str]) {
        let place = format!("netboot-images/{name}/{version}");
        let mut files = vec![
            ("vmlinuz".to_owned(), format!("kernel of {name} {version}")),
            ("pxelinux.0".to_owned(), loader.to_owned()),
            ("ldlinux.c32".to_owned(), format!("ldlinux of {loader}")),
        ];
        for menu in menus {
            files.push((
                format!("menus/{menu}"),
                format!("DEFAULT {menu}\nLINUX {place}/vmlinuz\n"),
            ));
        }
        self.image_of(name, version, &files);
    }

    /// A version with these files.
    pub(crate) fn image_of(&self, name: &str, version: &str, files: &[(String, String)]) {
        let place = format!("netboot-images/{name}/{version}");
        let mut sums = String::new();
        for (path, text) in files {
            self.write(&format!("usr/lib/{place}/{path}"), text);
            sums.push_str(&format!("{}  {path}\n", Digest::of(text)));
        }
        self.write(&format!("usr/lib/{place}/SHA256SUMS"), &sums);
    }

    pub(crate) fn remove(&self, path: &str) {
        fs_err::remove_dir_all(self.path(path)).unwrap();
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the helper is what is tested, and its environment is given here"
    )]
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.shell[0]);
        let path = format!(
            "{}:{}",
            self.path("bin").display(),
            std::env::var("PATH").unwrap()
        );
        command
            .args(&self.shell[1..])
            .arg(self.path("usr/sbin/netboot-images"))
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .env("NETBOOT_IMAGES_ROOT", self.path(""))
            .envs(&self.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(137),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What the helper says when all is well.
    pub(crate) fn ok(&self, line: &str) -> String {
        let ran = self.run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(ran.code, 0, "{:?} {line}: {ran:?}", self.shell);
        assert_eq!(ran.stderr, "", "{line}");
        ran.stdout
    }

    /// How it refuses.
    pub(crate) fn refused(&self, code: i32, line: &str) -> String {
        let ran = self.run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(ran.code, code, "{:?} {line}: {ran:?}", self.shell);
        ran.stderr
    }

    /// Where a link in the TFTP root leads, as it says itself.
    pub(crate) fn link(&self, path: &str) -> Option<String> {
        let target = fs_err::read_link(self.tftp(path)).ok()?;
        Some(target.to_str().unwrap().to_owned())
    }

    /// Another room with the same in it.
    pub(crate) fn again(&self) -> Self {
        let room = Self {
            shell: self.shell,
            folder: tempfile::tempdir().unwrap(),
            variables: self.variables.clone(),
        };
        fs_err::create_dir(room.path("")).unwrap();
        copy(&self.path(""), &room.path(""));
        room
    }
}

/// A watcher that was started for a link must not outlive the test.
impl Drop for Room {
    fn drop(&mut self) {
        let watcher = fs_err::read_to_string(self.path("var/lib/netboot-images/watching"));
        let pid = watcher.ok().and_then(|text| text.trim().parse().ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Copies a folder with times, so that what is recorded of files stays true but for their numbers.
fn copy(from: &Path, to: &Path) {
    for entry in fs_err::read_dir(from).unwrap() {
        let (from, to) = (
            entry.as_ref().unwrap().path(),
            to.join(entry.unwrap().file_name()),
        );
        let kind = fs_err::symlink_metadata(&from).unwrap().file_type();
        if kind.is_dir() {
            fs_err::create_dir(&to).unwrap();
            copy(&from, &to);
        } else if kind.is_symlink() {
            symlink(fs_err::read_link(&from).unwrap(), &to).unwrap();
        } else {
            fs_err::copy(&from, &to).unwrap();
        }
    }
}

/// Waits until something is true; a minute is for machines that do much else.
#[expect(
    clippy::disallowed_methods,
    reason = "between two looks at a condition"
)]
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
