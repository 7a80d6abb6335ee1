//! Kinds of machines and network cards, by QEMU's names, and which of them go together. QEMU's command line is `qemu`'s.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::loader::route::Route;

/// A kind of machine, by QEMU's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Machine {
    /// A PC with PCI Express (Intel Q35, 2009).
    #[default]
    Q35,
    /// A PC with PCI (Intel 440FX, 1996).
    Pc,
    /// A machine with ARM processors that is like no real one; its firmware is U-Boot, or UEFI.
    Virt,
    /// A node of Calxeda's ECX-1000 (Highbank, 2011), which has 32-bit ARM processors; its firmware is U-Boot.
    Highbank,
    /// A POWER machine as `PowerVM` and KVM make them for their guests; its firmware is SLOF, an Open Firmware.
    Pseries,
}

impl Machine {
    /// What bundles of this architecture are usually booted in by this route.
    #[must_use]
    pub const fn usual(arch: Arch, route: Route) -> Self {
        match (arch, route) {
            (_, Route::Highbank) => Self::Highbank,
            (Arch::Amd64, _) => Self::Q35,
            (Arch::Ppc64el, _) => Self::Pseries,
            (Arch::Arm64 | Arch::Armhf, _) => Self::Virt,
        }
    }

    /// Whether its firmware boots by this route.
    #[must_use]
    pub fn boots_by(self, route: Route) -> bool {
        match self {
            Self::Highbank => route == Route::Highbank,
            Self::Pseries => route == Route::OpenFirmware,
            Self::Q35 | Self::Pc | Self::Virt => {
                !matches!(route, Route::Highbank | Route::OpenFirmware)
            }
        }
    }

    /// How many network cards it can have, where that is part of its kind.
    #[must_use]
    pub const fn most_nics(self) -> u32 {
        match self {
            Self::Highbank => 2,
            Self::Q35 | Self::Pc | Self::Virt | Self::Pseries => u32::MAX,
        }
    }

    /// Whether it has processors of this architecture.
    #[must_use]
    pub const fn runs(self, arch: Arch) -> bool {
        match self {
            Self::Q35 | Self::Pc => matches!(arch, Arch::Amd64),
            Self::Virt => matches!(arch, Arch::Arm64 | Arch::Armhf),
            Self::Highbank => matches!(arch, Arch::Armhf),
            Self::Pseries => matches!(arch, Arch::Ppc64el),
        }
    }

    /// Whether QEMU tells what its battery clock shows (the property `rtc-time`).
    #[must_use]
    pub const fn tells_rtc(self) -> bool {
        matches!(self, Self::Q35 | Self::Pc | Self::Pseries)
    }

    /// QEMU's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Q35 => "q35",
            Self::Pc => "pc",
            Self::Virt => "virt",
            Self::Highbank => "highbank",
            Self::Pseries => "pseries",
        }
    }
}

/// A model of network card, by QEMU's name. For PCs, each has a PXE firmware (iPXE) in its ROM; U-Boot has drivers for two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nic {
    /// Paravirtual: the quickest.
    #[default]
    VirtioNetPci,
    /// The same without PCI, for `virt`.
    VirtioNetDevice,
    /// Intel 82540EM, 2002.
    E1000,
    /// Intel 82574L, PCI Express.
    E1000e,
    /// Realtek, 1997.
    Rtl8139,
    /// AMD, 1994.
    Pcnet,
    /// The paravirtual card of another hypervisor.
    Vmxnet3,
    /// Calxeda's, which is part of its chip: 10 Gbit/s.
    Xgmac,
    /// `PowerVM`'s virtual card.
    SpaprVlan,
}

impl Nic {
    /// What a machine usually has.
    #[must_use]
    pub const fn usual(machine: Machine) -> Self {
        match machine {
            Machine::Q35 | Machine::Pc | Machine::Pseries => Self::VirtioNetPci,
            Machine::Virt => Self::VirtioNetDevice,
            Machine::Highbank => Self::Xgmac,
        }
    }

    /// Whether a machine boots from it. (U-Boot sees `virtio-net-pci` too, but gives it a MAC address of its own.)
    #[must_use]
    pub const fn fits(self, machine: Machine) -> bool {
        match machine {
            Machine::Q35 | Machine::Pc => {
                !matches!(self, Self::VirtioNetDevice | Self::Xgmac | Self::SpaprVlan)
            }
            Machine::Virt => matches!(self, Self::VirtioNetDevice | Self::E1000),
            Machine::Highbank => matches!(self, Self::Xgmac),
            Machine::Pseries => matches!(self, Self::VirtioNetPci | Self::SpaprVlan),
        }
    }

    /// QEMU's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::VirtioNetPci => "virtio-net-pci",
            Self::VirtioNetDevice => "virtio-net-device",
            Self::E1000 => "e1000",
            Self::E1000e => "e1000e",
            Self::Rtl8139 => "rtl8139",
            Self::Pcnet => "pcnet",
            Self::Vmxnet3 => "vmxnet3",
            Self::Xgmac => "xgmac",
            Self::SpaprVlan => "spapr-vlan",
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Nic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_has_its_own_route_and_cards_and_no_other_machine_has() {
        assert_eq!(
            Machine::usual(Arch::Armhf, Route::Highbank),
            Machine::Highbank
        );
        assert!(
            !Machine::Virt.boots_by(Route::Highbank) && !Machine::Highbank.boots_by(Route::UBoot)
        );
        assert!(Nic::Xgmac.fits(Machine::Highbank) && !Nic::Xgmac.fits(Machine::Virt));
        assert!(!Machine::Highbank.runs(Arch::Arm64) && Machine::Highbank.most_nics() == 2);
    }
}
