//! Unified kernel images: kernel, initramfs and arguments as sections of one program, which UEFI firmware starts like any other. The program's own
//! code is systemd-boot's stub. UAPI group's specification "Unified Kernel Image"; systemd-stub(7).
//!
//! What the parts are is decided by `steps`; sections and signatures as such are `pe`'s.

use super::pe::append::{Addition, CODE, DATA, append};
use super::pe::{AMD64, ARM64, Malformed, Pe};
use crate::arch::Arch;
use crate::failure::{Failure, Kind, Result};

/// The sections that the stub looks for: what the image is, as os-release(5).
pub const OS_RELEASE: &str = ".osrel";
/// The kernel's arguments, as text.
pub const ARGUMENTS: &str = ".cmdline";
/// The kernel's release, as `uname -r` prints it.
pub const RELEASE: &str = ".uname";
/// The kernel.
pub const KERNEL: &str = ".linux";
/// The initramfs.
pub const INITRAMFS: &str = ".initrd";
/// By these words tools know the stub, whatever section they are in.
const MAGIC: &str = "#### LoaderInfo: systemd-stub ";

/// What a unified kernel image is made of.
#[derive(Clone, Copy, Debug)]
pub struct Uki<'a> {
    /// The machines it is for.
    pub arch: Arch,
    /// systemd-boot's stub.
    pub stub: &'a [u8],
    /// os-release(5).
    pub os_release: &'a str,
    /// The kernel's arguments, separated by spaces.
    pub arguments: &'a str,
    /// The kernel's release.
    pub release: &'a str,
    /// The kernel, with its EFI stub.
    pub kernel: &'a [u8],
    /// The initramfs: archives one after the other.
    pub initramfs: &'a [u8],
}

/// The stub's name in the package `systemd-boot-efi`; nothing for machines that have none.
#[must_use]
pub const fn stub(arch: Arch) -> Option<&'static str> {
    match arch {
        Arch::Amd64 => Some("linuxx64.efi.stub"),
        Arch::Arm64 => Some("linuxaa64.efi.stub"),
        Arch::Armhf | Arch::Ppc64el => None,
    }
}

const fn machine(arch: Arch) -> Option<u16> {
    match arch {
        Arch::Amd64 => Some(AMD64),
        Arch::Arm64 => Some(ARM64),
        Arch::Armhf | Arch::Ppc64el => None,
    }
}

impl Uki<'_> {
    /// The image; equal parts make equal bytes.
    ///
    /// # Errors
    /// When stub or kernel are not what they should be: [`Kind::Source`], [`Kind::Recipe`].
    pub fn build(&self) -> Result<Vec<u8>> {
        let kernel = self.check_kernel()?;
        self.check_stub()?;
        let data = |name, content| Addition {
            name,
            content,
            memory: 0,
            flags: DATA,
        };
        let parts = [
            data(OS_RELEASE, self.os_release.as_bytes()),
            data(ARGUMENTS, self.arguments.as_bytes()),
            data(RELEASE, self.release.trim().as_bytes()),
            // Newer stubs start the kernel where it is, so it needs its room there; older ones may run its code before they load it.
            Addition {
                name: KERNEL,
                content: self.kernel,
                memory: kernel.size_of_image(),
                flags: CODE,
            },
            data(INITRAMFS, self.initramfs),
        ];
        append(self.stub, &parts).map_err(|wrong| {
            Failure::new(
                Kind::Source,
                format!("the unified kernel image cannot be made: systemd-boot's stub {wrong}"),
            )
        })
    }

    fn check_kernel(&self) -> Result<Pe<'_>> {
        let kernel = Pe::parse(self.kernel).map_err(|wrong| broken_kernel(&wrong))?;
        if Some(kernel.machine()) == machine(self.arch) {
            return Ok(kernel);
        }
        let what = format!("the kernel is no EFI program for {}", self.arch);
        Err(Failure::new(Kind::Recipe, what).hint(EFI_STUB))
    }

    fn check_stub(&self) -> Result<()> {
        let wrong = |wrong: Malformed| {
            Failure::new(Kind::Source, format!("systemd-boot's stub {wrong}")).hint(STUB)
        };
        let stub = Pe::parse(self.stub).map_err(wrong)?;
        if Some(stub.machine()) != machine(self.arch) {
            let what = format!("systemd-boot's stub is not for {}", self.arch);
            return Err(Failure::new(Kind::Source, what).hint(STUB));
        }
        if memchr::memmem::find(self.stub, MAGIC.as_bytes()).is_none() {
            let what = "what should be systemd-boot's stub is another program";
            return Err(Failure::new(Kind::Source, what).hint(STUB));
        }
        Ok(())
    }
}

const EFI_STUB: &str = "CONFIG_EFI and CONFIG_EFI_STUB make a kernel that UEFI firmware can start; put a fragment with both into [kernel] of the recipe";
const STUB: &str =
    "`stub` in the recipe's [bundle.uki] must name a source with the package systemd-boot-efi";

fn broken_kernel(wrong: &Malformed) -> Failure {
    let what = format!("UEFI firmware cannot start the kernel: it {wrong}");
    Failure::new(Kind::Recipe, what).hint(EFI_STUB)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::pe::samples;

    fn uki<'a>(stub: &'a [u8], kernel: &'a [u8]) -> Uki<'a> {
        Uki {
            arch: Arch::Amd64,
            stub,
            os_release: "ID=test\n",
            arguments: "console=ttyS0,115200n8 quiet",
            release: "6.1.0-test\n",
            kernel,
            initramfs: b"070701",
        }
    }

    #[test]
    fn every_part_is_read_back() {
        let (stub, kernel) = (samples::stub(AMD64), samples::stub(AMD64));
        let image = uki(&stub, &kernel).build().unwrap();
        assert_eq!(image, uki(&stub, &kernel).build().unwrap());
        let pe = Pe::parse(&image).unwrap();
        let text = |name| String::from_utf8(pe.content(name).unwrap().to_vec()).unwrap();
        assert_eq!(text(OS_RELEASE), "ID=test\n");
        assert_eq!(text(ARGUMENTS), "console=ttyS0,115200n8 quiet");
        assert_eq!(text(RELEASE), "6.1.0-test");
        assert_eq!(text(INITRAMFS), "070701");
        assert!(pe.content(KERNEL).unwrap().starts_with(&kernel));
        let room = pe.sections().iter().find(|it| it.name == KERNEL).unwrap();
        assert_eq!(room.size, 0x6000, "the kernel runs where it is");
    }

    #[test]
    fn what_cannot_be_started_is_refused() {
        let (good, arm) = (samples::stub(AMD64), samples::stub(ARM64));
        let mut plain = good.clone();
        plain[0x400..0x410].fill(0);
        let already = uki(&good, &good).build().unwrap();
        for (stub, kernel, why) in [
            (
                &good,
                &b"\x1f\x8b kernel".to_vec(),
                "the kernel: it is no PE image",
            ),
            (&good, &arm, "the kernel is no EFI program for amd64"),
            (&arm, &good, "stub is not for amd64"),
            (&plain, &good, "is another program"),
            (&already, &good, "has a section `.osrel` already"),
        ] {
            let failure = uki(stub, kernel).build().unwrap_err();
            assert!(failure.to_string().contains(why), "{failure}");
            assert!(failure.hint.is_some() || why.contains("already"));
        }
    }
}
