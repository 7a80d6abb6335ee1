//! What a bundle boots, in words that every boot loader's configuration can be written from, and the files that each of its readers
//! gets. What one reader can do is `reader`'s, writing for it `pxelinux`'s, `ipxe`'s, `grub`'s and `uboot`'s.

use serde::Serialize;

use super::TextFile;
use super::address::Address;
use super::check::mistakes;
use super::highbank;
use super::reader::{Place, Reader};
use super::route::Route;
use crate::arch::Arch;
use crate::failure::{Failure, Kind, Result};

/// What the texts of a bundle say.
#[derive(Clone, Debug)]
pub struct BundleText {
    /// The machines it is for.
    pub arch: Arch,
    /// The ways by which they boot it; never empty.
    pub routes: Vec<Route>,
    /// The image's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The kernel's path inside the bundle.
    pub kernel: String,
    /// The paths inside the bundle of the archives that make up the initramfs, in order; a single one where
    /// a reader does not join them.
    pub initramfs: Vec<String>,
    /// The console of boot loader and kernel.
    pub console: Console,
    /// Kernel arguments beside `initrd=` and `console=`.
    pub append: Vec<String>,
    /// Text shown before booting; empty for none.
    pub message: String,
    /// Where the boot loader finds that text: its path inside the bundle.
    pub message_file: String,
    /// What a machine without a file of its own boots.
    pub default: Boot,
    /// What people at the console can choose from; nothing is asked without it.
    pub menu: Option<Menu>,
    /// The machines that have a file of their own.
    pub nodes: Vec<Node>,
}

/// A menu: every entry that [`Boot`] has, as far as the reader knows it.
#[derive(Clone, Debug)]
pub struct Menu {
    /// The line at the top.
    pub title: String,
    /// Seconds until something is booted without a choice; 0 waits for ever.
    pub timeout: u32,
    /// What that is, for machines without a file of their own; [`BundleText::default`] otherwise.
    pub ontimeout: Option<Boot>,
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
    /// The local disk, by [`CHAIN`](super::pxelinux::CHAIN): some firmware of PCs locks up on the other way.
    Chain,
}

/// A machine with a configuration of its own.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name, for people.
    pub name: String,
    /// How the boot loader knows it.
    pub address: Address,
    /// What it boots.
    pub boot: Boot,
    /// Kernel arguments for it alone, after the bundle's.
    pub append: Vec<String>,
    /// The archives that make up its initramfs, as in [`BundleText::initramfs`].
    pub initramfs: Vec<String>,
}

/// What a single file says.
#[derive(Clone)]
pub(super) struct Configuration<'a> {
    /// The machine or the image.
    pub title: String,
    /// What is booted; without anybody's choice, where there is a menu.
    pub boot: Boot,
    /// What is marked in the menu; no menu is shown without it.
    pub menu: Option<(&'a Menu, Boot)>,
    /// Kernel arguments after the bundle's.
    pub append: &'a [String],
    /// Archives of the initramfs.
    pub initramfs: &'a [String],
}

/// What every reader's template says of a configuration.
#[derive(Serialize)]
pub(super) struct Common<'a> {
    title: &'a str,
    name: &'a str,
    version: &'a str,
    arguments: Vec<String>,
}

impl Configuration<'_> {
    /// For templates; `write` writes a kernel argument in the reader's language.
    pub(super) fn common<'a>(
        &'a self,
        bundle: &'a BundleText,
        write: fn(&str) -> String,
    ) -> Common<'a> {
        let arguments = bundle.arguments(self.append);
        Common {
            title: &self.title,
            name: &bundle.name,
            version: &bundle.version,
            arguments: arguments.iter().map(|argument| write(argument)).collect(),
        }
    }
}

impl Boot {
    /// The name of its file and of its entry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Localboot => "localboot",
            Self::Chain => "chain",
        }
    }
}

impl Console {
    /// The kernel's argument (Documentation/admin-guide/serial-console.rst).
    #[must_use]
    pub fn argument(&self) -> String {
        match self.device.strip_prefix("tty") {
            // Virtual terminals have no rate.
            Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!("console={}", self.device)
            }
            _ => format!("console={},{}n8", self.device, self.baud),
        }
    }
}

impl BundleText {
    /// Who reads its configurations.
    #[must_use]
    pub fn readers(&self) -> Vec<Reader> {
        Reader::of_all(&self.routes)
    }

    /// The same bundle for a boot loader whose own folder is another one, in which the bundle is at `folder`: `NAME/VERSION`.
    #[must_use]
    pub fn below(&self, folder: &str) -> Self {
        let path = |path: &String| format!("{folder}/{path}");
        let paths = |list: &[String]| list.iter().map(path).collect();
        let node = |node: &Node| Node {
            initramfs: paths(&node.initramfs),
            ..node.clone()
        };
        Self {
            kernel: path(&self.kernel),
            initramfs: paths(&self.initramfs),
            message_file: path(&self.message_file),
            nodes: self.nodes.iter().map(node).collect(),
            ..self.clone()
        }
    }

    /// The kernel's arguments, with those of a single machine.
    pub(super) fn arguments(&self, append: &[String]) -> Vec<String> {
        [&[self.console.argument()], &self.append[..], append].concat()
    }
}

/// The texts of a bundle: the configurations of each of its readers, and the message.
///
/// # Errors
/// [`Kind::Recipe`] with a note for each thing that the readers could not do; see [`super::check`].
pub fn files(bundle: &BundleText) -> Result<Vec<TextFile>> {
    let readers = bundle.readers();
    let mistakes = mistakes(bundle);
    if !mistakes.is_empty() {
        let who: Vec<_> = readers.iter().map(|reader| reader.name()).collect();
        let who = who.join(", ");
        let what = format!("{who} cannot boot {} as it is described", bundle.name);
        return Err(mistakes
            .into_iter()
            .fold(Failure::new(Kind::Recipe, what), Failure::note));
    }
    let mut files = Vec::new();
    for reader in &readers {
        for (place, reason, configuration) in configurations(bundle, *reader) {
            if let Some((path, content)) = reader.file(bundle, place, &configuration)? {
                files.push(TextFile {
                    path,
                    content,
                    reason,
                });
            }
        }
    }
    if !bundle.message.is_empty() {
        files.push(TextFile {
            path: bundle.message_file.clone(),
            content: format!("{}\n", bundle.message.trim_end()),
            reason: "shown before booting".to_owned(),
        });
    }
    files.extend(highbank::files(bundle, &files));
    Ok(files)
}

/// Each file of a reader with why it is there.
fn configurations(
    bundle: &BundleText,
    reader: Reader,
) -> Vec<(Place<'_>, String, Configuration<'_>)> {
    let plain = |boot| Configuration {
        title: bundle.name.clone(),
        boot,
        menu: None,
        append: &[],
        initramfs: &bundle.initramfs,
    };
    let boots = reader.boots().iter();
    let mut files: Vec<_> = boots
        .map(|&boot| {
            let reason = format!("boots: {}", boot.name());
            (Place::Named(boot.name()), reason, plain(boot))
        })
        .collect();
    let default = Configuration {
        boot: (bundle.menu.as_ref())
            .and_then(|menu| menu.ontimeout)
            .unwrap_or(bundle.default),
        menu: bundle.menu.as_ref().map(|menu| (menu, bundle.default)),
        ..plain(bundle.default)
    };
    if bundle.menu.is_some() {
        let reason = "lets people choose".to_owned();
        files.push((Place::Named(MENU), reason, default.clone()));
    }
    let reason = format!(
        "machines without a file of their own: {}",
        bundle.menu.as_ref().map_or(bundle.default.name(), |_| MENU)
    );
    files.push((Place::Default, reason, default));
    files.extend(bundle.nodes.iter().map(|node| {
        let reason = format!("the machine {}: {}", node.name, node.boot.name());
        let configuration = Configuration {
            title: format!("{} ({})", node.name, node.address),
            boot: node.boot,
            menu: bundle.menu.as_ref().map(|menu| (menu, node.boot)),
            append: &node.append,
            initramfs: &node.initramfs,
        };
        (Place::Machine(node), reason, configuration)
    }));
    files
}

/// The name of the menu's file.
pub(super) const MENU: &str = "menu";

#[cfg(test)]
#[path = "bundle_tests.rs"]
pub(super) mod tests;

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod fleet_tests;
