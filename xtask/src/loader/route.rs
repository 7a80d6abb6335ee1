//! The ways by which a machine comes to boot a bundle: its firmware, what that is told to fetch, and how. One bundle can hold the files
//! of several. Writing these files is `bundle`'s and the steps', booting them the lab's.
//!
//! Numbers of clients are DHCP's option 93 (RFC 4578; IANA's "Processor Architecture Types").

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arch::Arch;

/// A way to boot, by the word that recipes use.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// PC with BIOS: PXELINUX, all by TFTP.
    Pxelinux,
    /// PC with BIOS: PXELINUX's other build, which fetches kernel and initramfs by HTTP.
    Lpxelinux,
    /// PC with BIOS: an iPXE script, by HTTP.
    Ipxe,
    /// UEFI: SYSLINUX by TFTP.
    EfiSyslinux,
    /// UEFI: GRUB by TFTP.
    EfiGrub,
    /// UEFI: iPXE with the firmware's own network driver, and the script by HTTP.
    EfiIpxe,
    /// UEFI: kernel, initramfs and arguments in one program, by TFTP.
    EfiUki,
    /// UEFI: the same program, by the firmware's HTTP boot.
    EfiHttp,
    /// UEFI with Secure Boot: Debian's shim and GRUB, and a kernel that Debian signed.
    SecureGrub,
    /// UEFI with Secure Boot: one program, signed with a key of one's own.
    SecureUki,
    /// ARM: U-Boot, which reads `pxelinux.cfg/` itself.
    UBoot,
    /// Calxeda Highbank: U-Boot, with configurations for this board.
    Highbank,
    /// `OpenPOWER`: petitboot, which reads `pxelinux.cfg/` itself.
    Petitboot,
    /// POWER with Open Firmware: the script `bootme`, a link to what is booted.
    OpenFirmware,
}

/// How the first file is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TFTP (RFC 1350).
    Tftp,
    /// HTTP.
    Http,
}

impl Route {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Pxelinux,
        Self::Lpxelinux,
        Self::Ipxe,
        Self::EfiSyslinux,
        Self::EfiGrub,
        Self::EfiIpxe,
        Self::EfiUki,
        Self::EfiHttp,
        Self::SecureGrub,
        Self::SecureUki,
        Self::UBoot,
        Self::Highbank,
        Self::Petitboot,
        Self::OpenFirmware,
    ];

    /// What machines of this architecture usually boot by.
    #[must_use]
    pub const fn usual(arch: Arch) -> Self {
        match arch {
            Arch::Amd64 => Self::Pxelinux,
            Arch::Arm64 | Arch::Armhf => Self::UBoot,
            Arch::Ppc64el => Self::Petitboot,
        }
    }

    /// The architectures that have it.
    #[must_use]
    pub const fn arches(self) -> &'static [Arch] {
        match self {
            Self::Pxelinux | Self::Lpxelinux | Self::Ipxe | Self::EfiSyslinux | Self::EfiIpxe => {
                &[Arch::Amd64]
            }
            Self::EfiGrub | Self::EfiUki | Self::EfiHttp | Self::SecureGrub | Self::SecureUki => {
                &[Arch::Amd64, Arch::Arm64]
            }
            Self::UBoot => &[Arch::Arm64, Arch::Armhf],
            Self::Highbank => &[Arch::Armhf],
            Self::Petitboot | Self::OpenFirmware => &[Arch::Ppc64el],
        }
    }

    /// Whether machines of this architecture have it.
    #[must_use]
    pub fn fits(self, arch: Arch) -> bool {
        self.arches().contains(&arch)
    }

    /// Whether the machine's firmware is UEFI.
    #[must_use]
    pub const fn is_efi(self) -> bool {
        matches!(
            self,
            Self::EfiSyslinux
                | Self::EfiGrub
                | Self::EfiIpxe
                | Self::EfiUki
                | Self::EfiHttp
                | Self::SecureGrub
                | Self::SecureUki
        )
    }

    /// Whether Secure Boot is on.
    #[must_use]
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::SecureGrub | Self::SecureUki)
    }

    /// Whether what is booted is one program with kernel, initramfs and arguments in it.
    #[must_use]
    pub const fn is_uki(self) -> bool {
        matches!(self, Self::EfiUki | Self::EfiHttp | Self::SecureUki)
    }

    /// How the firmware fetches the boot file.
    #[must_use]
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::EfiHttp => Protocol::Http,
            _ => Protocol::Tftp,
        }
    }

    /// The boot file that DHCP names, relative to the bundle; nothing where none is needed. Machines whose firmware reads
    /// `pxelinux.cfg/` itself look for it beside this file, and need not load it.
    #[must_use]
    pub const fn file(self, arch: Arch) -> &'static str {
        let arm = matches!(arch, Arch::Arm64);
        match self {
            Self::Pxelinux => "pxelinux.0",
            Self::Lpxelinux => "lpxelinux.0",
            Self::Ipxe => "undionly.kpxe",
            Self::EfiSyslinux => "efi64/syslinux.efi",
            Self::EfiGrub if arm => "grubaa64.efi",
            Self::EfiGrub => "grubx64.efi",
            Self::EfiIpxe => "snponly.efi",
            Self::EfiUki | Self::EfiHttp | Self::SecureUki => UKI,
            Self::SecureGrub if arm => "shimaa64.efi",
            Self::SecureGrub => "shimx64.efi",
            Self::UBoot | Self::Highbank | Self::Petitboot => "",
            Self::OpenFirmware => BOOTME,
        }
    }

    /// The number by which such machines say in DHCP (option 93) what they are; for HTTP boot, what they say then.
    #[must_use]
    pub const fn client(self, arch: Arch) -> u16 {
        match (self, arch) {
            (Self::Pxelinux | Self::Lpxelinux | Self::Ipxe, _) => 0,
            (Self::EfiHttp, Arch::Arm64) => 19,
            (Self::EfiHttp, _) => 16,
            (Self::UBoot, Arch::Arm64) => 22,
            (Self::UBoot | Self::Highbank, _) => 21,
            (Self::Petitboot, _) => 14,
            (Self::OpenFirmware, _) => 12,
            (_, Arch::Arm64) => 11,
            _ => 7,
        }
    }

    /// Its name in recipes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pxelinux => "pxelinux",
            Self::Lpxelinux => "lpxelinux",
            Self::Ipxe => "ipxe",
            Self::EfiSyslinux => "efi-syslinux",
            Self::EfiGrub => "efi-grub",
            Self::EfiIpxe => "efi-ipxe",
            Self::EfiUki => "efi-uki",
            Self::EfiHttp => "efi-http",
            Self::SecureGrub => "secure-grub",
            Self::SecureUki => "secure-uki",
            Self::UBoot => "u-boot",
            Self::Highbank => "highbank",
            Self::Petitboot => "petitboot",
            Self::OpenFirmware => "open-firmware",
        }
    }
}

/// The program with kernel, initramfs and arguments in it.
pub const UKI: &str = "image.efi";
/// The certificate that it is signed with, where it is: what a firmware has to be given to trust it.
pub const UKI_CERTIFICATE: &str = "image.crt";
/// The script that Open Firmware runs: a link to one of several.
pub const BOOTME: &str = "bootme";
/// The script that iPXE runs.
pub const IPXE_SCRIPT: &str = "boot.ipxe";

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_recipes() {
        for route in Route::ALL {
            let json = serde_json::to_string(&route).unwrap();
            assert_eq!(json, format!("\"{route}\""));
        }
    }

    #[test]
    fn every_architecture_has_its_usual_way() {
        for arch in [Arch::Amd64, Arch::Arm64, Arch::Armhf, Arch::Ppc64el] {
            assert!(Route::usual(arch).fits(arch));
        }
    }
}
