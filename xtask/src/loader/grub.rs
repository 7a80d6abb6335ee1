//! The configuration of GRUB, as texts under `grub/`.
//!
//! Source: GRUB's manual, and where it is silent grub-core/net/net.c and grub-core/normal/main.c.
//! - The builds for networks look into `/grub` of the server that they came from. Before `grub.cfg` they ask for one of the
//!   machine's own: `grub.cfg-01-<mac>`, then `grub.cfg-` and the IPv4 address in hexadecimal, with digits dropped one by one. So machines
//!   have files under these names, and `grub.cfg` need not look for them.
//! - Paths are absolute: relative ones would start from the server's root as well.
//! - `linux` puts its arguments together again, and writes a backslash before quotes and backslashes (lib/cmdline.c); what has spaces in it
//!   gets quotes around all of it, which the kernel understands as well as those behind `=`.
//! - Under Secure Boot nothing is loaded that is not in GRUB already, so only commands of Debian's signed build are used.
//! - `exit` gives the machine back to the firmware, which goes on with its next device.

use serde::Serialize;

use super::bundle::{Boot, BundleText, Configuration};
use super::pxelinux::{Serial, serial};
use super::reader::Place;
use super::render;
use crate::failure::Result;

const TEMPLATE: (&str, &str) = ("grub.hbs", include_str!("templates/grub.hbs"));

/// The path of a file inside the bundle.
pub(super) fn path(place: Place<'_>) -> String {
    match place {
        Place::Named(name) => format!("grub/{name}"),
        Place::Default => "grub/grub.cfg".to_owned(),
        Place::Machine(node) => format!("grub/grub.cfg-{}", node.address.file_name()),
    }
}

/// The text of a file in `grub/`.
pub(super) fn configuration(
    bundle: &BundleText,
    configuration: &Configuration<'_>,
) -> Result<String> {
    #[derive(Serialize)]
    struct Data<'a> {
        title: &'a str,
        name: &'a str,
        version: &'a str,
        serial: Option<Serial>,
        message: Option<&'a str>,
        entry: usize,
        timeout: i64,
        kernel: &'a str,
        initramfs: &'a [String],
        arguments: Vec<String>,
        menu: Option<&'a str>,
        image: bool,
        localboot: bool,
    }
    let menu = configuration.menu.map(|(menu, _)| menu);
    let is_image = configuration.boot == Boot::Image;
    let (name, template) = TEMPLATE;
    let data = Data {
        title: &configuration.title,
        name: &bundle.name,
        version: &bundle.version,
        serial: serial(&bundle.console),
        message: (!bundle.message.is_empty()).then_some(&*bundle.message_file),
        entry: usize::from(menu.is_some() && !is_image),
        timeout: menu.map_or(0, |menu| match menu.timeout {
            // For ever.
            0 => -1,
            seconds => i64::from(seconds),
        }),
        kernel: &bundle.kernel,
        initramfs: configuration.initramfs,
        arguments: (bundle.arguments(configuration.append).iter())
            .map(|argument| quoted(argument))
            .collect(),
        menu: menu.map(|menu| &*menu.title),
        image: menu.is_some() || is_image,
        localboot: menu.is_some() || !is_image,
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
