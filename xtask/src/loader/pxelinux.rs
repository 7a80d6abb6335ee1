//! The configuration of pxelinux: what a bundle boots, as texts under `pxelinux.cfg/`.
//!
//! `image`, `localboot` and `chain` are there always; `default` and the files of single machines say what one of them says.
//! They are copies, neither links (a TFTP server that is locked into its folder may not follow them) nor
//! `INCLUDE`s (one more transfer for each boot): switching a machine is copying one file over another.
//!
//! Source: Syslinux' doc/syslinux.cfg.txt and pxelinux.txt, and where they are silent com32/elflink/ldlinux/.
//! - `SERIAL` has to be the first directive; it reaches the firmware's first four ports, at rates that
//!   divide 115200 (readconfig.c).
//! - `LINUX` and not `KERNEL`, which goes by the file's ending: `vmlinuz-6.1.0` would be started as a boot program (ldlinux.c).
//! - A line has at most 4095 bytes (`MAX_LINE`); what is longer is read as two. A command line has at most 2047
//!   (`MAX_CMDLINE_LEN`, and the kernel's `COMMAND_LINE_SIZE` on x86).
//! - The first `initrd=` in the command line is the one that is loaded (kernel.c).
//! - `TIMEOUT` is in tenths of a second and counts at the prompt only. `PROMPT 0` boots at once; the prompt is what is
//!   left when that failed, and without a timeout a machine would stand there for ever.
//! - `IPAPPEND 2` adds `BOOTIF=01-<mac>`, so that the image knows the card it was booted from.

use serde::Serialize;

use super::address::Address;
use super::check::mistakes;
use super::{TextFile, render};
use crate::failure::{Failure, Kind, Result};

/// The module that boots a local disk.
pub const CHAIN: &str = "chain.c32";
/// The modules that these configurations load, each with the file that does: what [`super::c32::needed`] takes.
pub const ENTRIES: [(&str, &str); 1] = [(CHAIN, "pxelinux.cfg/chain")];

const MESSAGE: &str = "message.txt";
/// Ten seconds, in tenths.
const TIMEOUT: u32 = 100;

/// What the texts of a bundle say.
#[derive(Clone, Debug)]
pub struct BundleText {
    /// The image's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The kernel's path inside the bundle.
    pub kernel: String,
    /// The initramfs' path inside the bundle.
    pub initramfs: String,
    /// The console of boot loader and kernel.
    pub console: Console,
    /// Kernel arguments beside `initrd=` and `console=`.
    pub append: Vec<String>,
    /// Text shown before booting; empty for none.
    pub message: String,
    /// What a machine without a file of its own boots.
    pub default: Boot,
    /// The machines that have one.
    pub nodes: Vec<Node>,
}

/// A console.
#[derive(Clone, Debug)]
pub struct Console {
    /// The kernel's name of the device: `ttyS0`, `tty0`.
    pub device: String,
    /// Bits per second, where it is a serial port.
    pub baud: u32,
}

/// What is booted, by the name of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boot {
    /// The image.
    Image,
    /// The local disk, by the firmware.
    Localboot,
    /// The local disk, by [`CHAIN`]: some firmware locks up on the other way.
    Chain,
}

impl Boot {
    const ALL: [Self; 3] = [Self::Image, Self::Localboot, Self::Chain];

    const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Localboot => "localboot",
            Self::Chain => "chain",
        }
    }

    const fn template(self) -> (&'static str, &'static str) {
        match self {
            Self::Image => ("image.hbs", include_str!("templates/image.hbs")),
            Self::Localboot => ("localboot.hbs", include_str!("templates/localboot.hbs")),
            Self::Chain => ("chain.hbs", include_str!("templates/chain.hbs")),
        }
    }
}

/// A machine with a configuration of its own.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name, for people.
    pub name: String,
    /// How pxelinux knows it.
    pub address: Address,
    /// What it boots.
    pub boot: Boot,
    /// Kernel arguments for it alone, after the bundle's.
    pub append: Vec<String>,
}

/// `SERIAL port baud`.
#[derive(Serialize)]
pub(super) struct Serial {
    port: u32,
    baud: u32,
}

impl Console {
    /// The port as pxelinux counts them; nothing when the console is none that it can use.
    pub(super) fn serial(&self) -> Option<Serial> {
        let port = self.device.strip_prefix("ttyS")?.parse().ok()?;
        (port < 4).then_some(Serial {
            port,
            baud: self.baud,
        })
    }

    /// The kernel's argument (Documentation/admin-guide/serial-console.rst).
    fn argument(&self) -> String {
        match self.device.strip_prefix("tty") {
            // Virtual terminals have no rate.
            Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!("console={}", self.device)
            }
            _ => format!("console={},{}n8", self.device, self.baud),
        }
    }
}

/// The texts of a bundle: `pxelinux.cfg/` and the message.
///
/// # Errors
/// [`Kind::Recipe`] with a note for each thing that pxelinux could not do; see [`super::check`].
pub fn files(bundle: &BundleText) -> Result<Vec<TextFile>> {
    let mistakes = mistakes(bundle);
    if !mistakes.is_empty() {
        let what = format!("pxelinux cannot boot {} as it is described", bundle.name);
        return Err(mistakes
            .into_iter()
            .fold(Failure::new(Kind::Recipe, what), Failure::note));
    }
    let mut files = Vec::new();
    let mut add = |path: &str, content: String, reason: String| {
        files.push(TextFile {
            path: format!("pxelinux.cfg/{path}"),
            content,
            reason,
        });
    };
    for boot in Boot::ALL {
        add(
            boot.name(),
            configuration(bundle, boot, &bundle.name, &[])?,
            format!("boots: {}", boot.name()),
        );
    }
    let default = configuration(bundle, bundle.default, &bundle.name, &[])?;
    add(
        "default",
        default,
        format!(
            "machines without a file of their own: {}",
            bundle.default.name()
        ),
    );
    for Node {
        name,
        address,
        boot,
        append,
    } in &bundle.nodes
    {
        let content = configuration(bundle, *boot, &format!("{name} ({address})"), append)?;
        add(
            &address.file_name(),
            content,
            format!("the machine {name}: {}", boot.name()),
        );
    }
    if !bundle.message.is_empty() {
        files.push(TextFile {
            path: MESSAGE.to_owned(),
            content: format!("{}\n", bundle.message.trim_end()),
            reason: "shown before booting".to_owned(),
        });
    }
    Ok(files)
}

fn configuration(
    bundle: &BundleText,
    boot: Boot,
    title: &str,
    append: &[String],
) -> Result<String> {
    #[derive(Serialize)]
    struct Data<'a> {
        title: &'a str,
        version: &'a str,
        serial: Option<Serial>,
        timeout: u32,
        message: Option<&'a str>,
        kernel: &'a str,
        initramfs: &'a str,
        arguments: Vec<String>,
        chain: &'a str,
    }
    let (name, template) = boot.template();
    let data = Data {
        title,
        version: &bundle.version,
        serial: bundle.console.serial(),
        timeout: TIMEOUT,
        message: (!bundle.message.is_empty()).then_some(MESSAGE),
        kernel: &bundle.kernel,
        initramfs: &bundle.initramfs,
        arguments: arguments(bundle, append),
        chain: CHAIN,
    };
    render(name, template, &data)
}

pub(super) fn arguments(bundle: &BundleText, append: &[String]) -> Vec<String> {
    [&[bundle.console.argument()], &bundle.append[..], append].concat()
}

#[cfg(test)]
#[path = "pxelinux_tests.rs"]
pub(super) mod tests;
