//! Who reads a bundle's configurations: each boot loader, with what it can do, where it looks, and who writes for it. A bundle has the
//! files of all readers that its routes have; what these say is `bundle`'s.

use super::bundle::{Boot, BundleText, Configuration, Node};
use super::c32::Flavour;
use super::route::Route;
use super::{grub, ipxe, openfirmware, pxelinux, uboot};
use crate::failure::Result;

/// A boot loader, as far as configurations are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// PXELINUX, in both its builds.
    Pxelinux,
    /// SYSLINUX under EFI, which finds its modules and configurations in a folder of its own.
    EfiSyslinux,
    /// iPXE, under BIOS and EFI.
    Ipxe,
    /// GRUB.
    Grub,
    /// U-Boot's `pxe`, which is the machine's firmware; petitboot on POWER reads the same.
    UBoot,
    /// Open Firmware, which runs scripts.
    OpenFirmware,
    /// None: kernel, initramfs and arguments are one program. It boots the image, whichever machine it is.
    Unified,
}

/// Which of a reader's files it is.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// One that is there to be copied over another, by name.
    Named(&'static str),
    /// For machines without a file of their own.
    Default,
    /// For this machine alone.
    Machine(&'a Node),
}

/// What is known of a reader.
struct Traits {
    /// What it is called.
    name: &'static str,
    /// Everything it can boot.
    boots: &'static [Boot],
    /// Whether it shows a text before it boots.
    message: bool,
    /// Whether it lets people choose.
    menu: bool,
    /// The path of a file inside the bundle; empty for one that it does not have.
    path: fn(Place<'_>) -> String,
    /// What it says; nothing where there are no files.
    write: Option<Write>,
}

/// Writes a configuration.
type Write = fn(&BundleText, Place<'_>, &Configuration<'_>) -> Result<String>;

impl Reader {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Pxelinux,
        Self::EfiSyslinux,
        Self::Ipxe,
        Self::Grub,
        Self::UBoot,
        Self::OpenFirmware,
        Self::Unified,
    ];

    /// Who reads the configuration on a route.
    #[must_use]
    pub const fn of(route: Route) -> Self {
        match route {
            Route::Pxelinux | Route::Lpxelinux => Self::Pxelinux,
            Route::EfiSyslinux => Self::EfiSyslinux,
            Route::Ipxe | Route::EfiIpxe => Self::Ipxe,
            Route::EfiGrub | Route::SecureGrub => Self::Grub,
            Route::EfiUki | Route::EfiHttp | Route::SecureUki => Self::Unified,
            Route::UBoot | Route::Highbank | Route::Petitboot => Self::UBoot,
            Route::OpenFirmware => Self::OpenFirmware,
        }
    }

    /// The readers of a bundle with these routes, each once, in the order of the routes.
    #[must_use]
    pub fn of_all(routes: &[Route]) -> Vec<Self> {
        let mut readers = Vec::new();
        for reader in routes.iter().map(|&route| Self::of(route)) {
            if !readers.contains(&reader) {
                readers.push(reader);
            }
        }
        readers
    }

    const fn traits(self) -> Traits {
        use Boot::{Chain, Image, Localboot};
        match self {
            Self::Pxelinux => Traits {
                name: "pxelinux",
                boots: &[Image, Localboot, Chain],
                message: true,
                menu: true,
                path: |place| in_folder("pxelinux.cfg", place, "default"),
                write: Some(|bundle, _, configuration| {
                    pxelinux::configuration(Flavour::Bios, bundle, configuration)
                }),
            },
            Self::EfiSyslinux => Traits {
                name: "SYSLINUX under EFI",
                boots: &[Image],
                message: true,
                menu: true,
                path: |place| in_folder("efi64/pxelinux.cfg", place, "default"),
                write: Some(|bundle, _, configuration| {
                    pxelinux::configuration(Flavour::Efi64, bundle, configuration)
                }),
            },
            Self::Ipxe => Traits {
                name: "iPXE",
                boots: &[Image, Localboot],
                message: true,
                menu: true,
                path: ipxe::path,
                write: Some(ipxe::configuration),
            },
            Self::Grub => Traits {
                name: "GRUB",
                boots: &[Image, Localboot],
                message: true,
                menu: true,
                path: grub::path,
                write: Some(grub::configuration),
            },
            Self::UBoot => Traits {
                name: "U-Boot",
                boots: &[Image, Localboot],
                message: false,
                menu: true,
                path: |place| in_folder("pxelinux.cfg", place, "default"),
                write: Some(|bundle, _, configuration| uboot::configuration(bundle, configuration)),
            },
            Self::OpenFirmware => Traits {
                name: "Open Firmware",
                boots: &[Image, Localboot],
                message: false,
                menu: false,
                path: openfirmware::path,
                write: Some(|bundle, _, configuration| {
                    openfirmware::configuration(bundle, configuration)
                }),
            },
            Self::Unified => Traits {
                name: "a unified image",
                boots: &[Image],
                message: false,
                menu: false,
                path: |_| String::new(),
                write: None,
            },
        }
    }

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.traits().name
    }

    /// Everything it can boot.
    #[must_use]
    pub const fn boots(self) -> &'static [Boot] {
        self.traits().boots
    }

    /// Whether it can boot the local disk, by itself or by the firmware.
    #[must_use]
    pub fn boots_disks(self) -> bool {
        self.boots().contains(&Boot::Localboot)
    }

    /// Whether it shows a text before it boots.
    #[must_use]
    pub const fn shows_messages(self) -> bool {
        self.traits().message
    }

    /// Whether it lets people choose.
    #[must_use]
    pub const fn has_menus(self) -> bool {
        self.traits().menu
    }

    /// Whether it drives the serial port itself, and so has to know its rate.
    #[must_use]
    pub const fn drives_serial(self) -> bool {
        matches!(self, Self::Pxelinux | Self::EfiSyslinux | Self::Grub)
    }

    /// Whether it loads several archives for an initramfs, one behind the other.
    #[must_use]
    pub const fn joins_archives(self) -> bool {
        !matches!(self, Self::UBoot)
    }

    /// One of its files: the path inside the bundle and what it says; nothing where it reads none.
    pub(super) fn file(
        self,
        bundle: &BundleText,
        place: Place<'_>,
        configuration: &Configuration<'_>,
    ) -> Result<Option<(String, String)>> {
        let Traits { path, write, .. } = self.traits();
        let path = path(place);
        let write = write.filter(|_| !path.is_empty());
        let text = write.map(|write| write(bundle, place, configuration));
        Ok(text.transpose()?.map(|text| (path, text)))
    }
}

/// The path of a file in a folder, by pxelinux's names for machines.
pub(super) fn in_folder(folder: &str, place: Place<'_>, default: &str) -> String {
    match place {
        Place::Named(name) => format!("{folder}/{name}"),
        Place::Default => format!("{folder}/{default}"),
        Place::Machine(node) => format!("{folder}/{}", node.address.file_name()),
    }
}
