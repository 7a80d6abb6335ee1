//! The configuration of GRUB, as texts under `grub/`.
//!
//! Source: GRUB's manual, and where it is silent grub-core/net/net.c and grub-core/normal/main.c.
//! - The builds for networks read `/grub/grub.cfg` of the server that they came from. Debian's does not look for files of single machines,
//!   as others do, so `grub.cfg` does: `01-<mac>`, as with pxelinux, then the IPv4 address as people write it, which GRUB has no words to
//!   turn into hexadecimal. `configfile` comes back without a word where there is no such file; `[ -e … ]` knows no files of networks.
//! - Paths are absolute: relative ones would start from the server's root as well.
//! - `linux` puts its arguments together again, and writes a backslash before quotes and backslashes (lib/cmdline.c); what has spaces in it
//!   gets quotes around all of it, which the kernel understands as well as those behind `=`.
//! - `terminal_output --append` of what is there already closes the list of terminals to a circle, and GRUB hangs (grub-core/commands/terminal.c). A
//!   machine's own file says it again, so all terminals are named.
//! - Under Secure Boot nothing is loaded that is not in GRUB already, so only commands of Debian's signed build are used.
//! - `exit` gives the machine back to the firmware, which goes on with its next device.

use serde::Serialize;

use super::address::Address;
use super::bundle::{Boot, BundleText, Common, Configuration, Node};
use super::pxelinux::{Serial, serial};
use super::reader::{Place, in_folder};
use super::render;
use crate::arch::Arch;
use crate::failure::Result;

const TEMPLATE: (&str, &str) = ("grub.hbs", include_str!("templates/grub.hbs"));
/// Its folder.
const FOLDER: &str = "grub";

/// The path of a file inside the bundle.
pub(super) fn path(place: Place<'_>) -> String {
    match place {
        Place::Default => format!("{FOLDER}/grub.cfg"),
        Place::Machine(Node {
            address: Address::Ip(ip),
            ..
        }) => format!("{FOLDER}/{ip}"),
        Place::Machine(_) | Place::Named(_) => in_folder(FOLDER, place, ""),
    }
}

/// The text of a file in `grub/`.
pub(super) fn configuration(
    bundle: &BundleText,
    place: Place<'_>,
    configuration: &Configuration<'_>,
) -> Result<String> {
    #[derive(Serialize)]
    struct Data<'a> {
        #[serde(flatten)]
        common: Common<'a>,
        serial: Option<Serial>,
        /// Where machines' own files are looked for.
        folder: Option<&'a str>,
        message: Option<&'a str>,
        entry: usize,
        timeout: i64,
        kernel: &'a str,
        initramfs: &'a [String],
        menu: Option<&'a str>,
        image: bool,
        localboot: bool,
        /// What a disk is started by where its firmware knows nothing better (UEFI 2.10, 3.5.1.1).
        removable: &'static str,
    }
    let menu = configuration.menu.map(|(menu, _)| menu);
    let is_image = configuration.boot == Boot::Image;
    let (name, template) = TEMPLATE;
    let data = Data {
        common: configuration.common(bundle, quoted),
        serial: serial(&bundle.console),
        folder: matches!(place, Place::Default).then_some(FOLDER),
        message: (!bundle.message.is_empty()).then_some(&*bundle.message_file),
        entry: usize::from(menu.is_some() && !is_image),
        timeout: menu.map_or(0, |menu| match menu.timeout {
            // For ever.
            0 => -1,
            seconds => i64::from(seconds),
        }),
        kernel: &bundle.kernel,
        initramfs: configuration.initramfs,
        menu: menu.map(|menu| &*menu.title),
        image: menu.is_some() || is_image,
        localboot: menu.is_some() || !is_image,
        removable: match bundle.arch {
            Arch::Arm64 => "BOOTAA64.EFI",
            _ => "BOOTX64.EFI",
        },
    };
    render(name, template, &data)
}

/// A kernel argument as one word of GRUB's language. Double quotes go: GRUB writes them anew where they are needed.
fn quoted(argument: &str) -> String {
    let argument = argument.replace('"', "");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+=,:/@%".contains(&byte);
    if argument.bytes().all(plain) {
        return argument;
    }
    format!("'{argument}'")
}
