//! What a recipe is made of: plain data with its defaults. The types are the one description of the
//! schema: TOML is checked against the JSON schema derived from them (`schema` prints it for editors), and
//! `show` prints them back. Rules that need more than a type are `check`'s.

mod board;
mod ready;
mod ship;
mod uki;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::arch::Arch;
use crate::boot::scenario::Scenario;
pub use crate::closure::strip::Strip;
use crate::image::compress::Compression;
use crate::image::microcode::Maker;
use crate::image::tree::DeviceKind;
pub use crate::lint::Allow;
use crate::loader::program;
use crate::loader::route::Route;
use crate::source::spec::{Policy, Source};
pub use board::UBoot;
pub use ready::{
    Closure, Copy, Dlopen, HOST, Lint, MissingFirmware, Modules, SYSROOT, Segment, Sysroot,
};
pub use ship::Package;
pub use uki::Uki;

/// The JSON schema of recipes, for editors: `#:schema recipe.schema.json` in a recipe's first line makes those
/// that know taplo complete and explain it.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Recipe).to_value()
}

/// One image, from its sources to the boots that prove it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Recipe {
    /// What the image is for, in one line.
    pub description: String,
    /// Files under `recipes/` (without `.toml`) whose tables this one takes over: later ones win over earlier ones, this
    /// file wins over all. Tables merge key by key, `[[node]]` and `[[boot]]` by `name`; other lists are replaced. Empty
    /// in a loaded recipe: by then it is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extends: Vec<String>,
    /// The machine the image is for.
    #[serde(default)]
    pub arch: Arch,
    /// The Debian changelog that the version and the date come from, relative to the checkout.
    #[serde(default = "default_changelog")]
    pub changelog: String,
    /// Where the sources come from, by the names that the rest of the recipe uses.
    pub sources: BTreeMap<String, Source>,
    /// The kernel.
    pub kernel: Kernel,
    /// busybox: the image's programs.
    pub busybox: Busybox,
    /// The initramfs.
    #[serde(default)]
    pub image: Image,
    /// Debian packages, unpacked side by side: programs, modules, firmware and the kernel can be taken from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sysroot: Option<Sysroot>,
    /// Programs, libraries and files that go into the image with all that they need, by a name of your own for each group.
    #[serde(default)]
    pub copy: BTreeMap<String, Copy>,
    /// How what is copied is completed.
    #[serde(default)]
    pub closure: Closure,
    /// Which of the kernel's modules go into the image, and their firmware.
    #[serde(default)]
    pub modules: Modules,
    /// Archives of their own that some machines get on top of the image, by name.
    #[serde(default)]
    pub segment: BTreeMap<String, Segment>,
    /// What templates in overlays see as `settings`, with its defaults; `site.toml` can set other values.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// What `lint` is to let pass, and what it is to hold the image to.
    #[serde(default)]
    pub lint: Lint,
    /// Firmware that is built for a board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub u_boot: Option<UBoot>,
    /// What a TFTP or HTTP server serves.
    pub bundle: Bundle,
    /// Machines that boot something else than the default.
    #[serde(default)]
    pub node: Vec<Node>,
    /// The Debian packages that `deb` makes of the bundle.
    #[serde(default)]
    pub package: Package,
    /// Boots that prove the bundle.
    #[serde(default)]
    pub boot: Vec<Scenario>,
}

impl Recipe {
    /// Whether all the boots that prove it take too long for every day.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        !self.boot.is_empty() && self.boot.iter().all(|boot| boot.slow)
    }
}

fn default_changelog() -> String {
    "debian/changelog".to_owned()
}

/// The targets of the kernel's own that a configuration can start from.
pub const KERNEL_BASES: [&str; 3] = ["allnoconfig", "tinyconfig", "defconfig"];

/// How the kernel is built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Kernel {
    /// A package with a kernel, such as `linux-image-amd64`: its kernel is taken as it is, and nothing below counts. It is one of `[sysroot]`'s
    /// packages without being listed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Name in `[sources]`.
    #[serde(default = "default_kernel_source")]
    pub source: String,
    /// What the configuration starts from: `tinyconfig`, `allnoconfig`, `defconfig`, or a full configuration under
    /// `kernel-configs/`. With `allnoconfig` only what the fragments name is on; with the others, what a fragment makes
    /// visible gets its default.
    #[serde(default = "default_kernel_base")]
    pub base: String,
    /// Fragments under `kernel-configs/`, applied in order; a later one wins.
    #[serde(default)]
    pub fragments: Vec<String>,
}

fn default_kernel_source() -> String {
    "linux".to_owned()
}

fn default_kernel_base() -> String {
    "tinyconfig".to_owned()
}

/// How busybox is built: statically, on `allnoconfig`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Busybox {
    /// Name in `[sources]`.
    #[serde(default = "default_busybox_source")]
    pub source: String,
    /// The C library it is linked with.
    #[serde(default)]
    pub libc: Libc,
    /// Fragments under `busybox-configs/`, applied in order; a later one wins.
    pub fragments: Vec<String>,
}

fn default_busybox_source() -> String {
    "busybox".to_owned()
}

/// A C library.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Libc {
    /// Small.
    #[default]
    Musl,
    /// Complete.
    Glibc,
}

/// What goes into the initramfs beside busybox.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Image {
    /// How the archive is compressed.
    pub compression: Compression,
    /// How hard, for gzip (1 to 9), xz (0 to 9) and zstd (1 to 19); as small as it gets otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression_level: Option<u32>,
    /// Processors whose microcode updates come first in the image, from the packages of `[sysroot]`.
    pub microcode: Vec<Maker>,
    /// Folders under `overlays/`; a later one wins over an earlier one.
    pub overlays: Vec<String>,
    /// Empty folders, by path.
    pub directories: BTreeMap<String, Directory>,
    /// Device nodes, by path.
    pub devices: BTreeMap<String, Device>,
    /// Where the console is.
    pub console: Console,
    /// NTP servers; where there are none, DHCP's are asked.
    pub ntp: Vec<String>,
}

/// An empty folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Directory {
    /// Permission bits as an octal string, `0755` otherwise.
    pub mode: String,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            mode: "0755".to_owned(),
        }
    }
}

/// A device node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Device {
    /// Character or block device.
    pub kind: DeviceKind,
    /// Major number (12 bits in Linux).
    #[schemars(range(max = 0xfff))]
    pub major: u32,
    /// Minor number (20 bits in Linux).
    #[schemars(range(max = 0xf_ffff))]
    pub minor: u32,
    /// Permission bits as an octal string, `0600` otherwise.
    #[serde(default = "default_device_mode")]
    pub mode: String,
}

fn default_device_mode() -> String {
    "0600".to_owned()
}

/// The serial console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Console {
    /// The kernel's name of the device.
    pub device: String,
    /// Bits per second.
    pub baud: u32,
}

impl Default for Console {
    fn default() -> Self {
        Self {
            device: "ttyS0".to_owned(),
            baud: 115_200,
        }
    }
}

/// The tree that a TFTP or HTTP server can serve as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Bundle {
    /// The ways by which machines boot it: the files of all of them are in the bundle. Of those that look the same to a DHCP server, the
    /// snippets offer the first. What is usual for the architecture otherwise.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Name in `[sources]` of the package with `pxelinux.0`.
    #[serde(default = "default_pxelinux_source")]
    pub pxelinux: String,
    /// Name in `[sources]` of the package with the `.c32` modules.
    #[serde(default = "default_syslinux_source")]
    pub modules: String,
    /// Name in `[sources]` of the package with `syslinux.efi`.
    #[serde(default = "default_syslinux_efi_source")]
    pub syslinux_efi: String,
    /// Name in `[sources]` of the package with iPXE.
    #[serde(default = "default_ipxe_source")]
    pub ipxe: String,
    /// Name in `[sources]` of the package with GRUB for EFI and networks, signed by Debian.
    #[serde(default = "default_grub_source")]
    pub grub: String,
    /// Name in `[sources]` of the package with shim.
    #[serde(default = "default_shim_source")]
    pub shim: String,
    /// What a machine without a configuration of its own boots.
    #[serde(default)]
    pub default: Menu,
    /// Kernel arguments beside `initrd=` and `console=`.
    #[serde(default)]
    pub append: Vec<String>,
    /// Text shown before booting, by pxelinux.
    #[serde(default)]
    pub message: String,
    /// A menu, for people at the console; nothing is asked otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub menu: Option<MenuScreen>,
    /// Names in `[segment]`: what every machine gets on top of the image, in this order.
    #[serde(default)]
    pub segments: Vec<String>,
    /// The unified kernel image, for routes that boot one.
    #[serde(default)]
    pub uki: Uki,
}

impl Bundle {
    /// The ways by which machines of this architecture boot it; never empty.
    #[must_use]
    pub fn routes(&self, arch: Arch) -> Vec<Route> {
        if self.routes.is_empty() {
            vec![Route::usual(arch)]
        } else {
            self.routes.clone()
        }
    }

    /// The name in `[sources]` of a package that boot programs are taken from.
    #[must_use]
    pub const fn source(&self, package: program::Package) -> &String {
        match package {
            program::Package::Pxelinux => &self.pxelinux,
            program::Package::Modules => &self.modules,
            program::Package::SyslinuxEfi => &self.syslinux_efi,
            program::Package::Ipxe => &self.ipxe,
            program::Package::Grub => &self.grub,
            program::Package::Shim => &self.shim,
        }
    }
}

/// What a boot loader shows before it boots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MenuScreen {
    /// The line at the top.
    pub title: String,
    /// Seconds until `ontimeout` is booted; 0 waits for ever.
    #[serde(default = "default_timeout")]
    pub timeout: u32,
    /// What is booted when nobody chooses; what `default` says otherwise. For a machine in `[[node]]`, it is what its `menu` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ontimeout: Option<Menu>,
}

const fn default_timeout() -> u32 {
    5
}

fn default_pxelinux_source() -> String {
    "pxelinux".to_owned()
}

fn default_syslinux_source() -> String {
    "syslinux".to_owned()
}

fn default_syslinux_efi_source() -> String {
    "syslinux-efi".to_owned()
}

fn default_ipxe_source() -> String {
    "ipxe".to_owned()
}

fn default_grub_source() -> String {
    "grub".to_owned()
}

fn default_shim_source() -> String {
    "shim".to_owned()
}

/// What a machine boots, by the name of a file in `pxelinux.cfg/`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Menu {
    /// This image.
    #[default]
    Image,
    /// The local disk, by pxelinux's `localboot`.
    Localboot,
    /// The local disk, by `chain.c32`, where a machine's firmware locks up on `localboot`.
    Chain,
}

/// A machine that gets a configuration of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Node {
    /// Its name, for people.
    pub name: String,
    /// Its MAC address; either this or `ip`.
    pub mac: Option<String>,
    /// Its IPv4 address; either this or `mac`.
    pub ip: Option<String>,
    /// What it boots.
    #[serde(default)]
    pub menu: Menu,
    /// Kernel arguments for it alone, after the bundle's.
    #[serde(default)]
    pub append: Vec<String>,
    /// Names in `[segment]`: what it alone gets on top of the image, after the bundle's.
    #[serde(default)]
    pub segments: Vec<String>,
}
