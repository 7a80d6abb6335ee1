//! Which accelerator QEMU gets. That `/dev/kvm` can be opened proves nothing: where KVM itself is emulated, a guest is many
//! times slower than with QEMU's own translation (TCG). So KVM is used only after a trial boot came up quickly.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::arch::Arch;
use crate::event::{Event, Listen};
use crate::failure::{Kind, Result};
use crate::loader::route::Route;
use crate::tool::{Stdio, Tool};

use super::disk;
use super::platform::Platform;
use super::protocol::LOCAL_BOOT;
use super::qemu;

/// Firmware and boot sector take about 0.1 s with a KVM that works, and 0.3 s with TCG.
const TRIAL: Duration = Duration::from_secs(1);
/// QEMU's word for KVM.
const KVM: &str = "kvm";
/// QEMU's word for its own translation.
const TCG: &str = "tcg";

/// The accelerator to use for bundles of this architecture: QEMU's word for it. Only PCs on PCs are tried with KVM. The trial is made once per boot of the host; its result is kept in the
/// cache folder. `CORDWAINER_ACCEL` (`kvm` or `tcg`) decides without a trial.
///
/// # Errors
/// When QEMU cannot be started at all, or the host fails us.
pub fn choose(arch: Arch, cache: &Path, listen: &dyn Listen) -> Result<String> {
    if arch != Arch::Amd64 || Arch::host() != Some(arch) {
        return Ok(TCG.to_owned());
    }
    if let Ok(word) = std::env::var("CORDWAINER_ACCEL") {
        return Ok(word);
    }
    let usable = fs_err::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/kvm")
        .is_ok();
    if !usable {
        return Ok(TCG.to_owned());
    }
    let host = fs_err::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let kept = cache.join("kvm-trial");
    if let Ok(text) = fs_err::read_to_string(&kept)
        && let Some((of, word)) = text.split_once(' ')
        && of == host.trim()
        && [KVM, TCG].contains(&word)
    {
        return Ok(word.to_owned());
    }
    let word = if trial(KVM)? { KVM } else { TCG };
    if word == TCG {
        listen.hear(Event::Note(format!(
            "KVM is not used: a trial boot with it did not come up within {} s",
            TRIAL.as_secs()
        )));
    }
    // Only a memory: without it, the trial is made again.
    keep(&kept, &format!("{} {word}", host.trim())).ok();
    Ok(word.to_owned())
}

fn keep(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    Ok(fs_err::write(path, text)?)
}

/// Whether a machine with this accelerator boots a disk within the time.
///
/// # Errors
/// When QEMU cannot be started.
pub fn trial(accel: &str) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(qemu::DISK);
    fs_err::write(&path, disk::boot_sector())?;
    fs_err::OpenOptions::new()
        .write(true)
        .open(&path)?
        .set_len(disk::SIZE)?;
    let (ours, theirs) = std::io::pipe()?;
    let _machine = Tool::new("setpriv")
        .args([
            "--pdeathsig",
            "KILL",
            "--",
            Platform::of(Arch::Amd64, Route::Pxelinux)?.program,
            "-nodefaults",
            "-no-user-config",
        ])
        .args([
            "-display", "none", "-vga", "none", "-net", "none", "-m", "64M", "-machine", "q35",
        ])
        .args(["-serial", "stdio", "-accel", accel])
        .args([
            "-drive",
            "if=none,id=disk,format=raw,file=disk.img",
            "-device",
            "ide-hd,drive=disk",
        ])
        .folder(folder.path())
        .kind(Kind::Host)
        .spawn(Stdio {
            stdout: Some(theirs),
            ..Stdio::default()
        })?;
    let (sender, came_up) = mpsc::channel();
    thread::spawn(move || {
        let lines = BufReader::new(ours)
            .split(b'\n')
            .map_while(std::result::Result::ok);
        let booted = lines
            .into_iter()
            .any(|line| String::from_utf8_lossy(&line).contains(LOCAL_BOOT));
        sender.send(booted).ok();
    });
    Ok(came_up.recv_timeout(TRIAL).unwrap_or(false))
}
