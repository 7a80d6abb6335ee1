//! The configuration of pxelinux, as texts under `pxelinux.cfg/`; and of SYSLINUX under EFI, which reads the same below its own folder.
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
//! - `menu.c32` reads the same file again, and shows what `MENU` and `LABEL` say. What `TIMEOUT` leads to without a choice is
//!   `ONTIMEOUT`, also at the prompt that is left when there is no `menu.c32` (readconfig.c in com32/menu).
//! - `initrd=a,b` loads several archives, one behind the other (kernel.c).
//! - Paths are relative to the boot program's folder, those that begin with `/` as well. SYSLINUX under EFI is in a folder of its own,
//!   beside its modules, so its paths begin with `::`, by which they start from the server's root; servers refuse `..`.
//! - SYSLINUX under EFI neither boots disks nor gives the machine back to its firmware: `LOCALBOOT` does nothing (efi/main.c, "Inappropriate
//!   for EFI"), and `chain.c32` needs a BIOS. A machine that is to boot its disk stays at the prompt, and boots nothing else by mistake.
//! - `IPAPPEND 2` adds `BOOTIF=01-<mac>`, so that the image knows the card it was booted from.

use serde::Serialize;

use super::bundle::{Boot, BundleText, Common, Configuration, Console};
use super::c32::Flavour;
use super::render;
use crate::failure::Result;

/// The module that boots a local disk.
pub const CHAIN: &str = "chain.c32";
/// The module that shows a menu.
const MENU: &str = "menu.c32";
/// The file with the text that is shown before booting.
pub const MESSAGE: &str = "message.txt";
/// Ten seconds, in tenths.
const TIMEOUT: u32 = 100;

/// The modules that these configurations load, each with the file that does: what [`super::c32::needed`] takes.
#[must_use]
pub fn modules(flavour: Flavour, bundle: &BundleText) -> Vec<(&'static str, &'static str)> {
    let menu = bundle.menu.as_ref().map(|_| (MENU, "pxelinux.cfg/menu"));
    let chain = (flavour == Flavour::Bios).then_some((CHAIN, "pxelinux.cfg/chain"));
    chain.into_iter().chain(menu).collect()
}

/// `SERIAL port baud`.
#[derive(Serialize)]
pub(super) struct Serial {
    port: u32,
    baud: u32,
}

/// The port as pxelinux counts them; nothing when the console is none that it can use.
pub(super) fn serial(console: &Console) -> Option<Serial> {
    let port = console.device.strip_prefix("ttyS")?.parse().ok()?;
    (port < 4).then_some(Serial {
        port,
        baud: console.baud,
    })
}

/// The template of a file that boots one thing at once.
const fn template(flavour: Flavour, boot: Boot) -> (&'static str, &'static str) {
    match (boot, flavour) {
        (Boot::Image, _) => ("image.hbs", include_str!("templates/image.hbs")),
        (_, Flavour::Efi64) => ("stay.hbs", include_str!("templates/stay.hbs")),
        (Boot::Localboot, Flavour::Bios) => {
            ("localboot.hbs", include_str!("templates/localboot.hbs"))
        }
        (Boot::Chain, Flavour::Bios) => ("chain.hbs", include_str!("templates/chain.hbs")),
    }
}

/// What the paths of files begin with.
const fn root(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::Bios => "",
        Flavour::Efi64 => "::",
    }
}

/// The template of a menu.
const MENU_TEMPLATE: (&str, &str) = ("menu.hbs", include_str!("templates/menu.hbs"));

/// The text of a file in `pxelinux.cfg/`.
pub(super) fn configuration(
    flavour: Flavour,
    bundle: &BundleText,
    configuration: &Configuration<'_>,
) -> Result<String> {
    #[derive(Serialize)]
    struct Data<'a> {
        #[serde(flatten)]
        common: Common<'a>,
        serial: Option<Serial>,
        timeout: u32,
        message: Option<String>,
        kernel: String,
        initramfs: String,
        chain: &'a str,
        menu: Option<Menu<'a>>,
    }
    #[derive(Serialize)]
    struct Menu<'a> {
        module: &'a str,
        title: &'a str,
        ontimeout: &'a str,
        marked: Marked,
        disks: bool,
    }
    #[derive(Serialize)]
    struct Marked {
        image: bool,
        localboot: bool,
        chain: bool,
    }
    let disks = flavour == Flavour::Bios;
    // A machine that is to boot its disk gets no menu where that is not in it.
    let menu = configuration
        .menu
        .filter(|(_, marked)| disks || *marked == Boot::Image);
    let timeout = menu.map_or(TIMEOUT, |(menu, _)| menu.timeout * 10);
    let menu = menu.map(|(menu, marked)| Menu {
        module: MENU,
        title: &menu.title,
        ontimeout: configuration.boot.name(),
        marked: Marked {
            image: marked == Boot::Image,
            localboot: marked == Boot::Localboot,
            chain: marked == Boot::Chain,
        },
        disks,
    });
    let (name, template) = match &menu {
        Some(_) => MENU_TEMPLATE,
        None => template(flavour, configuration.boot),
    };
    let path = |path: &String| format!("{}{path}", root(flavour));
    let initramfs: Vec<_> = configuration.initramfs.iter().map(path).collect();
    let data = Data {
        common: configuration.common(bundle, str::to_owned),
        serial: serial(&bundle.console),
        timeout,
        message: (!bundle.message.is_empty()).then(|| path(&bundle.message_file)),
        kernel: path(&bundle.kernel),
        initramfs: initramfs.join(","),
        chain: CHAIN,
        menu,
    };
    render(name, template, &data)
}
