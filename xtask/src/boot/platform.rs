//! What a bundle is booted in, by architecture and route: QEMU's program, its processor, and the firmware, which decides what a
//! bundle has to have.

use std::path::Path;

use crate::arch::Arch;
use crate::failure::{Failure, Kind, Result};
use crate::loader::route::Route;
use crate::needs::{self, Purpose};

use super::efi::{self, Efi};

/// Everything that follows from architecture and route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// The architecture.
    pub arch: Arch,
    /// How it boots.
    pub route: Route,
    /// QEMU's program.
    pub program: &'static str,
    /// QEMU's word for the processor; its default otherwise.
    pub cpu: Option<&'static str>,
    /// What runs before the boot loader.
    pub firmware: Firmware,
    /// What the host needs for it.
    pub purpose: Purpose,
}

/// What runs first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// `SeaBIOS`, and iPXE on the network card: QEMU finds both by itself.
    Bios,
    /// U-Boot, at this path. It is boot loader too.
    UBoot(&'static str),
    /// The bundle's own U-Boot, on a board: `highbank`.
    Highbank,
    /// UEFI.
    Efi(Efi),
    /// SLOF, an Open Firmware: QEMU finds it by itself.
    OpenFirmware,
}

const PLATFORMS: [Platform; 19] = [
    pc(Route::Pxelinux, Firmware::Bios, Purpose::Boot),
    pc(Route::Lpxelinux, Firmware::Bios, Purpose::Boot),
    pc(Route::Ipxe, Firmware::Bios, Purpose::Boot),
    efi_pc(Route::EfiSyslinux, efi::OVMF),
    efi_pc(Route::EfiGrub, efi::OVMF),
    efi_pc(Route::EfiIpxe, efi::OVMF),
    efi_pc(Route::EfiUki, efi::OVMF),
    efi_pc(Route::EfiHttp, efi::OVMF),
    efi_pc(Route::SecureGrub, efi::OVMF_MICROSOFT),
    efi_pc(Route::SecureUki, efi::OVMF_OWNER),
    efi_arm(Route::EfiGrub, efi::AAVMF),
    efi_arm(Route::EfiUki, efi::AAVMF),
    efi_arm(Route::EfiHttp, efi::AAVMF),
    efi_arm(Route::SecureGrub, efi::AAVMF_MICROSOFT),
    efi_arm(Route::SecureUki, efi::AAVMF_OWNER),
    Platform {
        arch: Arch::Arm64,
        route: Route::UBoot,
        program: "qemu-system-aarch64",
        cpu: Some("cortex-a57"),
        firmware: Firmware::UBoot(needs::UBOOT_ARM64),
        purpose: Purpose::BootArm,
    },
    Platform {
        arch: Arch::Armhf,
        route: Route::UBoot,
        program: "qemu-system-arm",
        cpu: Some("cortex-a15"),
        firmware: Firmware::UBoot(needs::UBOOT_ARM),
        purpose: Purpose::BootArm,
    },
    Platform {
        arch: Arch::Armhf,
        route: Route::Highbank,
        program: "qemu-system-arm",
        cpu: None,
        firmware: Firmware::Highbank,
        purpose: Purpose::BootArm,
    },
    Platform {
        arch: Arch::Ppc64el,
        route: Route::OpenFirmware,
        program: "qemu-system-ppc64",
        cpu: None,
        firmware: Firmware::OpenFirmware,
        purpose: Purpose::BootPower,
    },
];

const fn pc(route: Route, firmware: Firmware, purpose: Purpose) -> Platform {
    Platform {
        arch: Arch::Amd64,
        route,
        program: "qemu-system-x86_64",
        cpu: None,
        firmware,
        purpose,
    }
}

const fn efi_pc(route: Route, efi: Efi) -> Platform {
    pc(route, Firmware::Efi(efi), Purpose::BootEfi)
}

const fn efi_arm(route: Route, efi: Efi) -> Platform {
    Platform {
        arch: Arch::Arm64,
        route,
        program: "qemu-system-aarch64",
        cpu: Some("cortex-a57"),
        firmware: Firmware::Efi(efi),
        purpose: Purpose::BootEfi,
    }
}

impl Platform {
    /// That of an architecture and a route.
    ///
    /// # Errors
    /// [`Kind::Usage`] when there is no machine here that boots so.
    pub fn of(arch: Arch, route: Route) -> Result<&'static Self> {
        PLATFORMS
            .iter()
            .find(|platform| platform.arch == arch && platform.route == route)
            .ok_or_else(|| {
                let what = format!(
                    "bundles for {arch} cannot be booted here by {route}: there is no machine for it"
                );
                Failure::new(Kind::Usage, what)
            })
    }

    /// Whether the host has what it takes, apart from programs, which are missed when they are started.
    ///
    /// # Errors
    /// [`Kind::Missing`] when not.
    pub fn require(&self) -> Result<()> {
        match self.firmware {
            Firmware::UBoot(path) if !Path::new(path).is_file() => Err(needs::missing(path)),
            Firmware::UBoot(_) | Firmware::Bios | Firmware::Highbank | Firmware::OpenFirmware => {
                Ok(())
            }
            Firmware::Efi(efi) => efi.require(),
        }
    }

    /// Whether a bundle with this boot file is one that its firmware can boot. U-Boot is told a folder by it, and the folder has to have
    /// configurations.
    #[must_use]
    pub fn boots(&self, bundle: &Path, loader: &str) -> bool {
        match self.firmware {
            Firmware::Bios | Firmware::Efi(_) | Firmware::OpenFirmware => {
                bundle.join(loader).is_file()
            }
            Firmware::UBoot(_) | Firmware::Highbank => {
                let folder = loader.rsplit_once('/').map_or("", |(folder, _)| folder);
                bundle.join(folder).join("pxelinux.cfg").is_dir()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u_boot_wants_configurations_and_a_pc_a_boot_program() {
        let tree = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(tree.path().join("a/pxelinux.cfg")).unwrap();
        fs_err::write(tree.path().join("pxelinux.0"), "").unwrap();
        let boots = |arch, loader| {
            Platform::of(arch, Route::usual(arch))
                .unwrap()
                .boots(tree.path(), loader)
        };
        assert!(boots(Arch::Amd64, "pxelinux.0"));
        assert!(!boots(Arch::Amd64, "a/pxelinux.0"));
        assert!(boots(Arch::Arm64, "a/"));
        assert!(boots(Arch::Armhf, "a/anything"));
        assert!(!boots(Arch::Arm64, ""));
    }

    #[test]
    fn what_cannot_be_booted_is_said() {
        let none = Platform::of(Arch::Ppc64el, Route::Petitboot);
        assert_eq!(none.unwrap_err().kind, Kind::Usage);
    }
}
