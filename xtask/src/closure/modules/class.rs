//! Classes of modules: `@pci-network` for every PCI network driver, and so on. One table, which documentation is made of.

use crate::failure::Result;

use super::kernel::Kernel;
use super::pattern::ModulePattern;

/// What begins the name of a class in a recipe.
pub(super) const MARK: char = '@';

/// A class of modules.
#[derive(Debug)]
pub struct Class {
    /// Its name, without the `@`.
    pub name: &'static str,
    /// What is in it, in a line.
    pub about: &'static str,
    /// Modules that fit one of these belong to it.
    rules: &'static [Rule],
    /// Patterns of paths that do not belong to it all the same.
    without: &'static [&'static str],
}

/// A pattern of paths, which narrows down what has to be read, and what an alias has to begin with; nothing: any module will do.
#[derive(Debug)]
struct Rule(&'static str, &'static str);

/// Network drivers that nobody boots from: radio, modems, field buses.
const NOT_WIRED: &[&str] = &[
    "drivers/net/wireless/**",
    "drivers/net/wwan/**",
    "drivers/net/can/**",
];

/// A network driver asks for the driver of its PHY while it runs, by the PHY's id: no dependency says so.
const PHY: Rule = Rule("drivers/net/phy/**", "mdio:");
/// Disks of every SCSI-like transport, SATA and USB among them.
const DISK: Rule = Rule("drivers/scsi/sd_mod", "");
/// Optical drives, likewise.
const OPTICAL: Rule = Rule("drivers/scsi/sr_mod", "");

/// All classes, sorted by name.
pub const CLASSES: &[Class] = &[
    Class {
        name: "crypto",
        about: "ciphers and digests of the kernel's own crypto interface, without drivers of devices",
        rules: &[
            Rule("crypto/**", "crypto-"),
            Rule("arch/*/crypto/**", "crypto-"),
            Rule("lib/crypto/**", ""),
        ],
        without: &[],
    },
    Class {
        name: "filesystem",
        about: "file systems, of disks and of the network, and the character sets that FAT and its like load",
        rules: &[Rule("fs/**", "fs-"), Rule("fs/nls/**", "")],
        without: &[],
    },
    Class {
        name: "keyboard",
        about: "keyboards: USB HID, HID drivers of makers, PS/2",
        rules: &[
            Rule("drivers/hid/**", "hid:"),
            Rule("drivers/hid/usbhid/**", "usb:"),
            Rule("drivers/input/keyboard/atkbd", ""),
            Rule("drivers/input/serio/i8042", ""),
        ],
        without: &[],
    },
    Class {
        name: "pci-graphics",
        about: "PCI graphics drivers; their firmware is large",
        rules: &[Rule("drivers/gpu/drm/**", "pci:")],
        without: &[],
    },
    Class {
        name: "pci-network",
        about: "wired PCI network drivers, and the PHY drivers that they load",
        rules: &[Rule("drivers/net/**", "pci:"), PHY],
        without: NOT_WIRED,
    },
    Class {
        name: "pci-storage",
        about: "PCI drivers of SATA, NVMe, SCSI, RAID and SD controllers, and of the disks behind them",
        rules: &[
            Rule("drivers/ata/**", "pci:"),
            Rule("drivers/block/**", "pci:"),
            Rule("drivers/message/fusion/**", "pci:"),
            Rule("drivers/mmc/host/**", "pci:"),
            Rule("drivers/mmc/core/mmc_block", ""),
            Rule("drivers/nvme/host/**", "pci:"),
            Rule("drivers/scsi/**", "pci:"),
            DISK,
            OPTICAL,
        ],
        without: &[],
    },
    Class {
        name: "raid",
        about: "software RAID and the device mapper: md, LVM, LUKS",
        rules: &[Rule("drivers/md/**", "")],
        without: &[],
    },
    Class {
        name: "soc-network",
        about: "wired network drivers of boards, found by device tree, ACPI or platform code, and PHY drivers",
        rules: &[
            Rule("drivers/net/**", "of:"),
            Rule("drivers/net/**", "acpi"),
            Rule("drivers/net/**", "platform:"),
            PHY,
        ],
        without: NOT_WIRED,
    },
    Class {
        name: "soc-storage",
        about: "storage drivers of boards, found by device tree, ACPI or platform code",
        rules: &[
            Rule("drivers/{ata,mmc/host,scsi,ufs/host}/**", "of:"),
            Rule("drivers/{ata,mmc/host,scsi,ufs/host}/**", "acpi"),
            Rule("drivers/{ata,mmc/host,scsi,ufs/host}/**", "platform:"),
            Rule("drivers/mmc/core/mmc_block", ""),
            DISK,
        ],
        without: &[],
    },
    Class {
        name: "usb-host",
        about: "USB host controllers: xHCI, EHCI, OHCI, UHCI",
        rules: &[Rule("drivers/usb/host/**", "")],
        without: &[],
    },
    Class {
        name: "usb-network",
        about: "wired USB network adapters, and the PHY drivers that they load",
        rules: &[Rule("drivers/net/usb/**", "usb:"), PHY],
        without: &[],
    },
    Class {
        name: "usb-storage",
        about: "USB disks, sticks and optical drives",
        rules: &[Rule("drivers/usb/storage/**", "usb:"), DISK, OPTICAL],
        without: &[],
    },
    Class {
        name: "virtio",
        about: "what a virtual machine offers by virtio: network, disks, console, random numbers, shared folders",
        rules: &[
            Rule("**/*virtio*", "virtio:"),
            Rule("drivers/virtio/**", ""),
        ],
        without: &[],
    },
    Class {
        name: "wireless",
        about: "wireless network drivers, PCI, USB and SDIO; their firmware is large",
        rules: &[
            Rule("drivers/net/wireless/**", "pci:"),
            Rule("drivers/net/wireless/**", "usb:"),
            Rule("drivers/net/wireless/**", "sdio:"),
        ],
        without: &[],
    },
];

/// Whom a class takes: places in [`Kernel::modules`], and names of what is built in.
///
/// # Errors
/// What reading modules fails with.
pub(super) fn members(class: &Class, kernel: &Kernel) -> Result<(Vec<usize>, Vec<String>)> {
    let patterns = |texts: &mut dyn Iterator<Item = &str>| -> Result<Vec<ModulePattern>> {
        texts.map(ModulePattern::new).collect()
    };
    let rules = patterns(&mut class.rules.iter().map(|rule| rule.0))?;
    let without = patterns(&mut class.without.iter().copied())?;
    // What a path is asked for: the beginnings of aliases that would do, or nothing at all.
    let asked = |name: &str, path: &str| -> Vec<&'static str> {
        if without.iter().any(|pattern| pattern.fits(name, path)) {
            return Vec::new();
        }
        let fitting = rules.iter().zip(class.rules);
        let fitting = fitting.filter(|(pattern, _)| pattern.fits(name, path));
        fitting.map(|(_, rule)| rule.1).collect()
    };
    let has = |aliases: &[String], asked: &[&str]| {
        let begins = |alias: &String| asked.iter().any(|with| alias.starts_with(with));
        asked.contains(&"") || aliases.iter().any(begins)
    };
    let mut modules = Vec::new();
    for (at, module) in kernel.modules.iter().enumerate() {
        let asked = asked(&module.name, &module.path);
        if !asked.is_empty() && has(&kernel.info(at)?.aliases, &asked) {
            modules.push(at);
        }
    }
    let builtin = kernel.builtin.iter().filter(|(name, builtin)| {
        let asked = asked(name, &builtin.path);
        !asked.is_empty() && has(&builtin.info.aliases, &asked)
    });
    Ok((modules, builtin.map(|(name, _)| name.clone()).collect()))
}
