//! Scripts for iPXE: `boot.ipxe`, which looks for one of the machine's own first, and those under `ipxe.cfg/`.
//!
//! Source: <https://ipxe.org/cmd> and <https://ipxe.org/scripting>, and where they are silent src/core/exec.c, image.c and uri.c. Debian 12 has iPXE of 2019.
//! - Paths are relative to the script's own address, and iPXE itself takes out `..`, so a bundle can be anywhere on a server.
//! - `chain --replace` does not come back: a machine's own script is all that it runs.
//! - `netX` is the card that was used last. `mac:hexhyp` is as in pxelinux's names; `ip:hexraw` is in small letters.
//! - Several `initrd`s are joined, one behind the other. Under EFI the kernel asks iPXE for them by the names in `initrd=`.
//! - A menu has no other choice for those who do not choose than the one that is marked.
//! - With `||` a command's failure is an answer; without, the script ends. `${` begins a setting, and ` && `, ` || ` and ` #` are not text.
//! - `exit 1` under EFI has the firmware try its next device, where `exit` would be taken for the end of the matter (UEFI 2.10, 3.1.7).
//!   Under BIOS a disk is started by `sanboot`, as the firmware may not go on.

use serde::Serialize;

use super::address::Address;
use super::bundle::{Boot, BundleText, Common, Configuration};
use super::reader::{Place, in_folder};
use super::render;
use super::route::IPXE_SCRIPT;
use crate::failure::Result;

const TEMPLATE: (&str, &str) = ("ipxe.hbs", include_str!("templates/ipxe.hbs"));
/// The folder of scripts beside the first.
const FOLDER: &str = "ipxe.cfg";
/// How often the image is asked for.
const TRIES: u32 = 5;

/// The path of a script inside the bundle.
pub(super) fn path(place: Place<'_>) -> String {
    match place {
        Place::Default => IPXE_SCRIPT.to_owned(),
        Place::Machine(node) if matches!(node.address, Address::Ip(_)) => {
            format!("{FOLDER}/{}", node.address.file_name().to_lowercase())
        }
        _ => in_folder(FOLDER, place, ""),
    }
}

/// The text of a script.
pub(super) fn configuration(
    bundle: &BundleText,
    place: Place<'_>,
    configuration: &Configuration<'_>,
) -> Result<String> {
    #[derive(Serialize)]
    struct Data<'a> {
        #[serde(flatten)]
        common: Common<'a>,
        /// Where machines' own scripts are looked for.
        folder: Option<&'a str>,
        message: Vec<&'a str>,
        boot: &'a str,
        kernel: String,
        initramfs: Vec<Archive<'a>>,
        menu: Option<Menu<'a>>,
        image: bool,
        localboot: bool,
        tries: u32,
    }
    #[derive(Serialize)]
    struct Archive<'a> {
        path: String,
        name: &'a str,
    }
    #[derive(Serialize)]
    struct Menu<'a> {
        title: &'a str,
        /// `--timeout`, in thousandths; nothing waits for ever.
        timeout: Option<u32>,
    }
    let is_first = matches!(place, Place::Default);
    let path = |path: &String| match is_first {
        true => path.clone(),
        false => format!("../{path}"),
    };
    let menu = configuration.menu.map(|(menu, _)| Menu {
        title: &menu.title,
        timeout: (menu.timeout > 0).then_some(menu.timeout * 1000),
    });
    let boot = match configuration.boot {
        Boot::Image => Boot::Image,
        Boot::Localboot | Boot::Chain => Boot::Localboot,
    };
    let shows = |entry| menu.is_some() || boot == entry;
    let (name, template) = TEMPLATE;
    let data = Data {
        common: configuration.common(bundle, str::to_owned),
        folder: is_first.then_some(FOLDER),
        message: bundle.message.trim_end().lines().collect(),
        boot: boot.name(),
        kernel: path(&bundle.kernel),
        initramfs: (configuration.initramfs.iter())
            .map(|archive| Archive {
                path: path(archive),
                name: archive.rsplit('/').next().unwrap_or(archive),
            })
            .collect(),
        image: shows(Boot::Image),
        localboot: shows(Boot::Localboot),
        menu,
        tries: TRIES,
    };
    render(name, template, &data)
}
