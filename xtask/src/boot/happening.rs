//! What happened during a boot, as data with times: the one language between the lab, the transcript and the judge.
//! A transcript that was kept can be judged again, and gives the same verdict.

use serde::{Deserialize, Serialize};

use super::reporter::Report;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Happening {
    /// Seconds since QEMU was started.
    pub at: f64,
    /// What it was.
    #[serde(flatten)]
    pub what: What,
}

/// Everything that can happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum What {
    /// QEMU was started.
    Started {
        /// The host's clock then, in seconds since 1970.
        wall: f64,
        /// The network it is in.
        network: Network,
        /// The accelerator it uses.
        accel: String,
    },
    /// A line was finished.
    Line {
        /// Where.
        port: Port,
        /// Its text, without control characters.
        text: String,
    },
    /// A line stands there unfinished that somebody waits for, or nothing more came for a while.
    Unfinished {
        /// Where.
        port: Port,
        /// Its text so far.
        text: String,
    },
    /// The lab typed something.
    Typed {
        /// Where.
        port: Port,
        /// What.
        text: String,
    },
    /// The DHCP server gave an address.
    Lease {
        /// The IPv4 address.
        ip: String,
        /// To whom: MAC address in small letters.
        mac: String,
    },
    /// Another DHCP server gave an address.
    RogueLease {
        /// The server's IPv4 address.
        server: String,
        /// The IPv4 address that it gave.
        ip: String,
        /// To whom: MAC address in small letters.
        mac: String,
    },
    /// A fault of the scenario began, or is over.
    Fault {
        /// Which one, counted from 0.
        number: usize,
        /// Whether it began.
        on: bool,
    },
    /// A machine begins to fetch a file by TFTP. Only told where a fault waits for it.
    Asked {
        /// The file, relative to the bundle.
        path: String,
    },
    /// The TFTP server was asked for a file.
    Tftp {
        /// The file, relative to the bundle.
        path: String,
        /// What kind of file it is.
        kind: FileKind,
        /// What became of it.
        end: TransferEnd,
    },
    /// The image's reporter told something by HTTP.
    Reported {
        /// The MAC address that it says it has, in small letters.
        mac: String,
        /// What it told.
        report: Report,
    },
    /// The HTTP server was asked for a file.
    Http {
        /// The file, relative to the bundle.
        path: String,
        /// What kind of file it is.
        kind: FileKind,
        /// What became of it.
        end: TransferEnd,
    },
    /// A server of the lab ended, or could not do its work.
    ServerFailed {
        /// The server.
        program: String,
        /// What it said last.
        tail: Vec<String>,
    },
    /// The machine was reset.
    Reset {
        /// Whether it reset itself.
        by_guest: bool,
    },
    /// The machine switched itself off.
    PoweredOff,
    /// What the machine's battery clock shows, asked from outside, in seconds since 1970.
    Rtc {
        /// The time.
        time: i64,
    },
    /// The guest wrote more than is kept.
    TooMuchOutput,
    /// The time that the judge had set is over.
    Deadline,
    /// QEMU ended.
    QemuEnded {
        /// How: `exit status 0`, `signal 9`.
        end: String,
        /// Whether that was with exit status 0.
        well: bool,
        /// Its last messages.
        tail: Vec<String>,
    },
}

/// A serial line of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Port {
    /// The first serial port: the console of the boot loader and the kernel.
    Console,
    /// What the firmware would show on a screen, mirrored to the second serial port. Keys typed there reach firmware and boot loader.
    Screen,
}

/// What kind of file a machine fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// The network bootstrap program.
    Loader,
    /// What a boot loader is told by: a file in `pxelinux.cfg/`, in `grub/`, a script of iPXE's.
    Config,
    /// A Linux kernel.
    Kernel,
    /// An archive for an initramfs.
    Initrd,
    /// Something else.
    Other,
}

/// What became of a request to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferEnd {
    /// The file was sent whole.
    Sent,
    /// There is no such file.
    Missing,
    /// It may not be read, or the transfer broke off.
    Failed,
}

/// The network that a machine is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// A bridge with real servers, in namespaces of its own.
    Lab,
    /// QEMU's own: it has a DHCP and TFTP server built in that nobody can look into.
    User,
}
