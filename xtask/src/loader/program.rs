//! The boot programs that the routes of a bundle start with: which Debian package has each, where in it, and where in the bundle it goes.
//! Modules of Syslinux are `c32`'s, copying is the steps'.

use std::collections::BTreeSet;

use super::c32::{self, Flavour};
use super::route::Route;
use crate::arch::Arch;

/// A package that something of a bundle is taken from. Recipes name a source for each of those that their routes need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Package {
    /// PXELINUX, in both its builds.
    Pxelinux,
    /// The modules of all of Syslinux.
    Modules,
    /// SYSLINUX for EFI.
    SyslinuxEfi,
    /// iPXE.
    Ipxe,
    /// GRUB, signed by Debian.
    Grub,
    /// shim, signed by Microsoft.
    Shim,
}

impl Package {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pxelinux,
        Self::Modules,
        Self::SyslinuxEfi,
        Self::Ipxe,
        Self::Grub,
        Self::Shim,
    ];

    /// The key in `[bundle]` that names its source; the step's input of the source's files is called the same.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Pxelinux => "pxelinux",
            Self::Modules => "modules",
            Self::SyslinuxEfi => "syslinux-efi",
            Self::Ipxe => "ipxe",
            Self::Grub => "grub",
            Self::Shim => "shim",
        }
    }

    /// What Debian calls it.
    #[must_use]
    pub const fn debian(self, arch: Arch) -> &'static str {
        match self {
            Self::Pxelinux => "pxelinux",
            Self::Modules => "syslinux-common",
            Self::SyslinuxEfi => "syslinux-efi",
            Self::Ipxe => "ipxe",
            Self::Grub if matches!(arch, Arch::Arm64) => "grub-efi-arm64-signed",
            Self::Grub => "grub-efi-amd64-signed",
            Self::Shim => "shim-signed",
        }
    }
}

/// A file that is copied as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// The package that has it.
    pub package: Package,
    /// The folder where Debian has it; other packages of the same file are searched.
    pub folder: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// Its path in the bundle.
    pub to: &'static str,
}

const PXELINUX: Program = Program {
    package: Package::Pxelinux,
    folder: "usr/lib/PXELINUX",
    name: c32::PXELINUX,
    to: c32::PXELINUX,
};
const LPXELINUX: Program = Program {
    name: "lpxelinux.0",
    to: "lpxelinux.0",
    ..PXELINUX
};
const SYSLINUX_EFI: Program = Program {
    package: Package::SyslinuxEfi,
    folder: "usr/lib/SYSLINUX.EFI/efi64",
    name: "syslinux.efi",
    to: "efi64/syslinux.efi",
};
const UNDIONLY: Program = Program {
    package: Package::Ipxe,
    folder: "usr/lib/ipxe",
    name: "undionly.kpxe",
    to: "undionly.kpxe",
};
const SNPONLY: Program = Program {
    name: "snponly.efi",
    to: "snponly.efi",
    ..UNDIONLY
};
const GRUB: Program = Program {
    package: Package::Grub,
    folder: "usr/lib/grub/x86_64-efi-signed",
    name: "grubnetx64.efi.signed",
    to: "grubx64.efi",
};
const GRUB_ARM: Program = Program {
    folder: "usr/lib/grub/arm64-efi-signed",
    name: "grubnetaa64.efi.signed",
    to: "grubaa64.efi",
    ..GRUB
};
const SHIM: Program = Program {
    package: Package::Shim,
    folder: "usr/lib/shim",
    name: "shimx64.efi.signed",
    to: "shimx64.efi",
};
const SHIM_ARM: Program = Program {
    name: "shimaa64.efi.signed",
    to: "shimaa64.efi",
    ..SHIM
};

/// The programs that a route needs in the bundle. shim starts GRUB, by the name that it has here.
#[must_use]
pub const fn of(route: Route, arch: Arch) -> &'static [Program] {
    let arm = matches!(arch, Arch::Arm64);
    match route {
        Route::Pxelinux => &[PXELINUX],
        Route::Lpxelinux => &[LPXELINUX],
        Route::Ipxe => &[UNDIONLY],
        Route::EfiSyslinux => &[SYSLINUX_EFI],
        Route::EfiIpxe => &[SNPONLY],
        Route::EfiGrub if arm => &[GRUB_ARM],
        Route::EfiGrub => &[GRUB],
        Route::SecureGrub if arm => &[SHIM_ARM, GRUB_ARM],
        Route::SecureGrub => &[SHIM, GRUB],
        // The unified image is a step of its own, and others bring their boot loader.
        Route::EfiUki
        | Route::EfiHttp
        | Route::SecureUki
        | Route::UBoot
        | Route::Highbank
        | Route::Petitboot
        | Route::OpenFirmware => &[],
    }
}

/// Whose modules a route needs.
#[must_use]
pub const fn modules(route: Route) -> Option<Flavour> {
    match route {
        Route::Pxelinux | Route::Lpxelinux => Some(Flavour::Bios),
        Route::EfiSyslinux => Some(Flavour::Efi64),
        _ => None,
    }
}

/// The packages that something is taken from for these routes.
#[must_use]
pub fn packages(routes: &[Route], arch: Arch) -> BTreeSet<Package> {
    let programs = routes.iter().flat_map(|&route| of(route, arch));
    let modules = routes.iter().filter_map(|&route| modules(route));
    programs
        .map(|program| program.package)
        .chain(modules.map(|_| Package::Modules))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dhcp_names_is_in_the_bundle() {
        for route in Route::ALL {
            for &arch in route.arches() {
                let programs = of(route, arch);
                let named = programs
                    .iter()
                    .any(|program| program.to == route.file(arch));
                let brings_its_own = route.is_uki() || route.client(arch) > 11;
                assert!(named || brings_its_own, "{route} on {arch}");
            }
        }
    }

    #[test]
    fn only_what_the_routes_need_is_taken() {
        let of = |routes: &[Route]| -> Vec<Package> {
            packages(routes, Arch::Amd64).into_iter().collect()
        };
        assert_eq!(
            of(&[Route::Pxelinux]),
            [Package::Pxelinux, Package::Modules]
        );
        assert_eq!(of(&[Route::EfiHttp]), []);
        assert_eq!(of(&[Route::SecureGrub]), [Package::Grub, Package::Shim]);
        assert_eq!(of(&[Route::UBoot]), []);
    }
}
