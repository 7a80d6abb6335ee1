//! What Open Firmware on POWER is told: scripts in Forth, which it fetches by TFTP and runs when they begin with a comment (`\ `). `bootme` is the one
//! that machines ask for: a symbolic link, so that another system is chosen for all by a new link, and nothing on the machines is touched.
//!
//! Sources: IEEE 1275-1994 (7.4, 7.5; annex B for `boot` and `load`), its PowerPC binding, Linux' `Documentation/powerpc/bootwrapper.rst` and
//! `arch/powerpc/kernel/prom_init.c` (`linux,initrd-start`); tried with SLOF, as QEMU's `pseries` has it.
//! - `/` ends a path of devices, so files in folders are written with `\`.
//! - `boot` and `load` take all that comes after them for the kernel's arguments, line ends too: they are evaluated as a text of their own.
//! - What stands between quotes may have 255 bytes, and SLOF crashes when it has more.
//! - The device `net` is the first card; the one that was booted from is in `/chosen`.
//! - A script that ends gives the machine back to the firmware, which goes on with its next device.

use serde::Serialize;

use super::bundle::{Boot, BundleText, Common, Configuration, MENU, Node};
use super::reader::{Place, in_folder};
use super::render;
use super::route::{BOOTME, Route};
use crate::failure::Result;
use crate::image::openfirmware::INITRAMFS_AT;

const TEMPLATE: (&str, &str) = (
    "openfirmware.hbs",
    include_str!("templates/openfirmware.hbs"),
);
/// Bytes of a single text.
const TEXT: usize = 200;
/// The folder of the scripts.
const FOLDER: &str = "openfirmware";

/// A symbolic link of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its path inside the bundle.
    pub path: &'static str,
    /// Where it leads, relative to its folder.
    pub to: String,
}

/// The bundle's link to the script that machines boot by default, where it has this route.
#[must_use]
pub fn link(bundle: &BundleText) -> Option<Link> {
    let wanted = bundle.routes.contains(&Route::OpenFirmware);
    wanted.then(|| Link {
        path: BOOTME,
        to: format!("{FOLDER}/{}", bundle.default.name()),
    })
}

/// The kernel's path inside the bundle, as [`crate::image::openfirmware::kernel`] makes it, where it has this route.
#[must_use]
pub fn kernel(bundle: &BundleText) -> Option<String> {
    let wanted = bundle.routes.contains(&Route::OpenFirmware);
    wanted.then(|| kernel_path(bundle))
}

fn kernel_path(bundle: &BundleText) -> String {
    format!("{}.chrp", bundle.kernel)
}

/// The path of a script inside the bundle; empty for the default, which is a link, and for menus, of which there are none.
pub(super) fn path(place: Place<'_>) -> String {
    match place {
        Place::Default | Place::Named(MENU) => String::new(),
        Place::Machine(_) | Place::Named(_) => in_folder(FOLDER, place, ""),
    }
}

/// The script of a machine that has one of its own. It asks for it only when DHCP says so.
pub(super) fn script(node: &Node) -> String {
    path(Place::Machine(node))
}

/// The text of a script.
pub(super) fn configuration(
    bundle: &BundleText,
    configuration: &Configuration<'_>,
) -> Result<String> {
    #[derive(Serialize)]
    struct Data<'a> {
        #[serde(flatten)]
        common: Common<'a>,
        initramfs_at: String,
        archives: Vec<String>,
        kernel: String,
    }
    if configuration.boot != Boot::Image {
        let title = &configuration.title;
        return Ok(format!(
            "\\ {title}: boots the local disk.\n\\ With nothing to do here, the firmware goes on with its next device.\n"
        ));
    }
    let (name, template) = TEMPLATE;
    let data = Data {
        common: configuration.common(bundle, words),
        initramfs_at: format!("{INITRAMFS_AT:x}"),
        archives: (configuration.initramfs.iter())
            .map(|archive| devices(archive))
            .collect(),
        kernel: devices(&kernel_path(bundle)),
    };
    render(name, template, &data)
}

/// What puts this printable text into the buffer: texts that are not too long, and quotes, which would end them.
fn words(text: &str) -> String {
    let between = text.split('"').map(|text| {
        let (mut words, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let (first, after) = rest.split_at(rest.len().min(TEXT));
            words.push(format!("\" {first}\" add"));
            rest = after;
        }
        words.join(" ")
    });
    let between: Vec<String> = between.collect();
    between.join(" 22 put ").trim().to_owned()
}

/// A path as it stands behind a device's.
fn devices(path: &str) -> String {
    path.replace('/', "\\")
}

#[cfg(test)]
mod tests {
    use super::super::bundle::tests::uboot;
    use super::super::{bundle, dhcp};
    use super::*;
    use crate::arch::Arch;

    fn power() -> BundleText {
        BundleText {
            arch: Arch::Ppc64el,
            routes: vec![Route::OpenFirmware],
            menu: None,
            ..uboot()
        }
    }

    fn text(path: &str) -> String {
        let bundle = power();
        let files = bundle::files(&bundle).unwrap().into_iter();
        let all = files.chain(dhcp::files(&bundle).unwrap());
        let mut found = all.filter(|file| file.path == path);
        found.next().unwrap().content
    }

    #[test]
    fn the_link_leads_to_what_is_booted_by_default() {
        let bundle = BundleText {
            default: Boot::Localboot,
            ..power()
        };
        let link = link(&bundle).unwrap();
        assert_eq!((link.path, &*link.to), ("bootme", "openfirmware/localboot"));
        let files = bundle::files(&bundle).unwrap();
        assert!(files.iter().any(|file| file.path == link.to));
        assert!(files.iter().all(|file| file.path != link.path));
        assert_eq!(super::link(&uboot()), None);
        assert_eq!(kernel(&uboot()), None);
    }

    #[test]
    fn every_script_begins_with_a_comment() {
        for file in bundle::files(&power()).unwrap() {
            assert!(file.content.starts_with("\\ "), "{}", file.path);
        }
    }

    #[test]
    fn files_in_folders_are_written_with_backslashes() {
        let below = power().below("power/1");
        let text = bundle::files(&below).unwrap().remove(0).content;
        assert!(text.contains("\n  \" power\\1\\"), "{text}");
        assert!(!text.contains("power/1"), "{text}");
    }

    #[test]
    fn a_machine_of_its_own_is_told_its_script_by_dhcp() {
        let path = "openfirmware/01-52-54-00-12-34-56";
        assert!(text(path).contains("\n  \" control=eth0\" add 20 put\n"));
        let dnsmasq = text("dhcp/dnsmasq.conf");
        for line in [
            "dhcp-match=set:openfirmware,option:client-arch,12",
            "dhcp-boot=tag:openfirmware,bootme",
            "dhcp-host=52:54:00:12:34:56,set:n1,n1",
            &format!("dhcp-boot=tag:n1,tag:openfirmware,{path}"),
        ] {
            assert!(
                dnsmasq.lines().any(|there| there == line),
                "{line} in {dnsmasq}"
            );
        }
        let dhcpd = text("dhcp/dhcpd.conf");
        assert!(
            dhcpd.contains(&format!("\n  filename \"{path}\";\n")),
            "{dhcpd}"
        );
    }

    #[test]
    fn texts_are_short_and_have_no_quotes() {
        assert_eq!(words("a"), "\" a\" add");
        assert_eq!(words("a=\"b c\""), "\" a=\" add 22 put \" b c\" add 22 put");
        let long = "x".repeat(TEXT + 1);
        assert_eq!(words(&long), format!("\" {}\" add \" x\" add", &long[1..]));
    }
}
