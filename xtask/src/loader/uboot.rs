//! The configuration that U-Boot's `pxe` reads, as texts under `pxelinux.cfg/`: PXELINUX's form, as far as U-Boot knows it.
//! petitboot on POWER reads the same files; no boot of its has been tried yet.
//!
//! Source: U-Boot's doc/README.pxe, and where it is silent `boot/pxe_utils.c` and `cmd/pxe.c`.
//! - Paths are relative to the folder of the boot file that DHCP named, like PXELINUX's; absolute ones are too.
//! - A label has one `INITRD`: several archives have to be one file.
//! - `MENU` outside a label makes it ask, whatever `PROMPT` said before; then `TIMEOUT` (tenths of a second, rounded up; 0
//!   waits for ever) leads to what `DEFAULT` or `ONTIMEOUT` named last.
//! - Without `MENU`, `PROMPT 0` boots `DEFAULT` at once.
//! - `LOCALBOOT` runs the variable `localcmd`; without one, `pxe boot` ends well, and `bootcmd` goes on.
//! - `SERIAL` and `DISPLAY` are unknown to it, and so are modules such as `chain.c32`.
//! - `$` in `APPEND` is the beginning of a variable (`cli_simple_process_macros`), and the line with `BOOTIF` has to fit into
//!   `CONFIG_SYS_CBSIZE`.

use serde::Serialize;

use super::bundle::{Boot, BundleText, Common, Configuration};
use super::render;
use crate::failure::Result;

const TEMPLATE: (&str, &str) = ("uboot.hbs", include_str!("templates/uboot.hbs"));

/// What a file that boots one thing does, in words.
const fn does(boot: Boot) -> &'static str {
    match boot {
        Boot::Image => "boots the image",
        Boot::Localboot | Boot::Chain => "boots the local disk",
    }
}

/// The text of a file in `pxelinux.cfg/`.
pub(super) fn configuration(
    bundle: &BundleText,
    configuration: &Configuration<'_>,
) -> Result<String> {
    #[derive(Serialize)]
    struct Data<'a> {
        #[serde(flatten)]
        common: Common<'a>,
        does: &'a str,
        boot: &'a str,
        kernel: &'a str,
        initramfs: String,
        menu: Option<Menu<'a>>,
        image: bool,
        localboot: bool,
    }
    #[derive(Serialize)]
    struct Menu<'a> {
        title: &'a str,
        timeout: u32,
    }
    let menu = configuration.menu.map(|(menu, _)| Menu {
        title: &menu.title,
        timeout: menu.timeout * 10,
    });
    let shows = |boot| menu.is_some() || configuration.boot == boot;
    let (name, template) = TEMPLATE;
    let data = Data {
        common: configuration.common(bundle, str::to_owned),
        does: does(configuration.boot),
        boot: configuration.boot.name(),
        kernel: &bundle.kernel,
        initramfs: configuration.initramfs.concat(),
        image: shows(Boot::Image),
        localboot: shows(Boot::Localboot),
        menu,
    };
    render(name, template, &data)
}
