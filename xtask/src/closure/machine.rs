//! Machines as ELF files name them, and what dynamic loaders are built with for each. A table, and what can be read off it.

use object::elf;

use crate::arch::Arch;

/// For which machine an ELF file is: what has to be the same in all files of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    /// `e_machine`.
    pub machine: u16,
    /// Whether it is of class `ELFCLASS64`.
    pub wide: bool,
    /// Whether it is little-endian.
    pub little: bool,
    /// The ABI where `e_flags` name one that loaders look at: 1 or 2 of 64-bit PowerPC (0 stands for the usual one).
    pub abi: u8,
}

/// What is fixed for a machine.
#[derive(Debug)]
pub struct Known {
    /// Its name in messages.
    pub name: &'static str,
    machine: (elf::Machine, bool, bool),
    /// Images of these architectures can run it: by the kernel's compatibility mode, in case of the second.
    runs_on: &'static [Arch],
    /// glibc's dynamic loader, by its ABI (<https://sourceware.org/glibc/wiki/ABIList>).
    pub glibc: &'static str,
    /// musl's name for it (its `configure`).
    pub musl: &'static str,
    /// Debian's multiarch tuple.
    pub multiarch: &'static str,
    /// What `$PLATFORM` may be: the kernel's `AT_PLATFORM` (`ELF_PLATFORM` in its `arch/*/include/asm/elf.h`), or what glibc makes of it
    /// (`sysdeps/x86/cpu-features.c`). Which of them depends on the processor.
    pub platforms: &'static [&'static str],
    /// What `ldconfig` has for it in a library's flags (`sysdeps/generic/ldconfig.h` of glibc: `FLAG_X8664_LIB64` and the others).
    pub cache: u8,
}

const KNOWN: &[Known] = &[
    Known {
        name: "amd64",
        machine: (elf::EM_X86_64, true, true),
        runs_on: &[Arch::Amd64],
        glibc: "/lib64/ld-linux-x86-64.so.2",
        musl: "x86_64",
        multiarch: "x86_64-linux-gnu",
        platforms: &["x86_64", "haswell", "xeon_phi"],
        cache: 0x03,
    },
    Known {
        name: "i386",
        machine: (elf::EM_386, false, true),
        runs_on: &[Arch::Amd64],
        glibc: "/lib/ld-linux.so.2",
        musl: "i386",
        multiarch: "i386-linux-gnu",
        platforms: &["i686", "i586", "i486", "i386"],
        cache: 0x00,
    },
    Known {
        name: "x32",
        machine: (elf::EM_X86_64, false, true),
        runs_on: &[Arch::Amd64],
        glibc: "/libx32/ld-linux-x32.so.2",
        musl: "x32",
        multiarch: "x86_64-linux-gnux32",
        platforms: &["x86_64", "haswell", "xeon_phi"],
        cache: 0x08,
    },
    Known {
        name: "arm64",
        machine: (elf::EM_AARCH64, true, true),
        runs_on: &[Arch::Arm64],
        glibc: "/lib/ld-linux-aarch64.so.1",
        musl: "aarch64",
        multiarch: "aarch64-linux-gnu",
        platforms: &["aarch64"],
        cache: 0x0a,
    },
    Known {
        name: "armhf",
        machine: (elf::EM_ARM, false, true),
        runs_on: &[Arch::Armhf, Arch::Arm64],
        glibc: "/lib/ld-linux-armhf.so.3",
        musl: "armhf",
        multiarch: "arm-linux-gnueabihf",
        platforms: &["v7l", "v8l"],
        cache: 0x09,
    },
    Known {
        name: "ppc64el",
        machine: (elf::EM_PPC64, true, true),
        runs_on: &[Arch::Ppc64el],
        glibc: "/lib64/ld64.so.2",
        musl: "powerpc64le",
        multiarch: "powerpc64le-linux-gnu",
        platforms: &["power8", "power9", "power10"],
        cache: 0x05,
    },
];

impl Machine {
    /// The machine of an architecture's own programs.
    #[must_use]
    pub fn of(arch: Arch) -> Self {
        let (elf::Machine(machine), wide, little) = own(arch).machine;
        Self {
            machine,
            wide,
            little,
            abi: 0,
        }
    }

    /// What is known of it.
    #[must_use]
    pub fn known(self) -> Option<&'static Known> {
        let this = (elf::Machine(self.machine), self.wide, self.little);
        KNOWN.iter().find(|known| known.machine == this)
    }

    /// Whether a system of this architecture can run its programs, where the kernel is configured for it.
    #[must_use]
    pub fn runs_on(self, arch: Arch) -> bool {
        self.known()
            .is_some_and(|known| known.runs_on.contains(&arch))
    }

    /// Its name in messages.
    #[must_use]
    pub fn name(self) -> String {
        self.known().map_or_else(
            || {
                let bits = if self.wide { 64 } else { 32 };
                let order = if self.little { "little" } else { "big" };
                format!("machine {} ({bits} bits, {order}-endian)", self.machine)
            },
            |known| known.name.to_owned(),
        )
    }
}

fn own(arch: Arch) -> &'static Known {
    let own = KNOWN.iter().find(|known| known.name == arch.debian());
    // The test below holds the table to it.
    own.unwrap_or(&KNOWN[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_architecture_is_in_the_table() {
        for arch in Arch::ALL {
            let known = Machine::of(arch).known().unwrap();
            assert_eq!(known.name, arch.debian());
            assert_eq!(known.multiarch, arch.multiarch());
            assert!(Machine::of(arch).runs_on(arch));
        }
    }
}
