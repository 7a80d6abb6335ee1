//! What Cordwainer needs of the host: programs and files, the Debian package each comes from, and
//! what it is for. Data and look-ups only; installing is the verbs' business.

use std::path::{Path, PathBuf};

use crate::arch::Arch;
use crate::failure::{Failure, Kind};

/// Where programs are looked for: Debian's own folders, so that what a user has in front of
/// them in `PATH` cannot change what is built. `CORDWAINER_PATH` replaces it (tests put fakes there).
const SEARCH_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// What a need is for; a verb asks only for the purposes it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Getting sources from a Debian archive.
    Sources,
    /// Compiling kernel and busybox.
    Build,
    /// Compiling the firmware of boards, beside what building needs anyway.
    Firmware,
    /// Booting in the lab.
    Boot,
    /// Booting bundles for ARM in the lab, beside what booting needs anyway.
    BootArm,
    /// Booting bundles for POWER in the lab, beside what booting needs anyway.
    BootPower,
    /// Booting by UEFI in the lab, beside what booting needs anyway.
    BootEfi,
    /// Publishing to an apt repository, beside gpgv, which getting sources needs, too.
    Publish,
    /// The test suite, beyond what the rest needs.
    Test,
}

/// How a need is found on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A program on the tools' search path.
    Program(&'static str),
    /// A file at this path.
    File(&'static str),
}

/// One thing that has to be on the host.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// How it is found.
    pub what: What,
    /// The Debian package that brings it.
    pub package: &'static str,
    /// What it is for.
    pub purpose: Purpose,
    /// The architecture of the images it is needed for; nothing for what all need.
    pub arch: Option<Arch>,
    /// Whether one can do without it: it is installed with the others, and not missed when it is gone.
    pub optional: bool,
    /// Argument that makes the program print its version, and the lowest that will do.
    pub minimum: Option<(&'static str, &'static str)>,
}

const fn program(name: &'static str, package: &'static str, purpose: Purpose) -> Need {
    Need {
        what: What::Program(name),
        package,
        purpose,
        arch: None,
        optional: false,
        minimum: None,
    }
}

const fn file(path: &'static str, package: &'static str, purpose: Purpose) -> Need {
    Need {
        what: What::File(path),
        package,
        purpose,
        arch: None,
        optional: false,
        minimum: None,
    }
}

const fn optional(need: Need) -> Need {
    Need {
        optional: true,
        ..need
    }
}

const fn only(arch: Arch, need: Need) -> Need {
    Need {
        arch: Some(arch),
        ..need
    }
}

const fn at_least(need: Need, argument: &'static str, version: &'static str) -> Need {
    Need {
        minimum: Some((argument, version)),
        ..need
    }
}

/// U-Boot for QEMU's machine `virt` with 64-bit processors.
pub const UBOOT_ARM64: &str = "/usr/lib/u-boot/qemu_arm64/u-boot.bin";
/// U-Boot for QEMU's machine `virt` with 32-bit processors.
pub const UBOOT_ARM: &str = "/usr/lib/u-boot/qemu_arm/u-boot.bin";

/// Open Firmware for QEMU's machine `pseries`.
pub const SLOF: &str = "/usr/share/qemu/slof.bin";

/// UEFI for PCs (EDK II), its variables without keys and with Microsoft's, and the build that keeps them for Secure Boot.
pub const OVMF: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
/// Its variables.
pub const OVMF_VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";
/// The build that guards its variables.
pub const OVMF_SECURE: &str = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";
/// Its variables with the keys of Microsoft.
pub const OVMF_MICROSOFT: &str = "/usr/share/OVMF/OVMF_VARS_4M.ms.fd";
/// The certificate of a key for tests.
pub const OVMF_TEST_CERTIFICATE: &str = "/usr/share/ovmf/PkKek-1-snakeoil.pem";
/// UEFI for ARM with 64 bits.
pub const AAVMF: &str = "/usr/share/AAVMF/AAVMF_CODE.fd";
/// Its variables.
pub const AAVMF_VARIABLES: &str = "/usr/share/AAVMF/AAVMF_VARS.fd";
/// The build for Secure Boot.
pub const AAVMF_SECURE: &str = "/usr/share/AAVMF/AAVMF_CODE.ms.fd";
/// Its variables with the keys of Microsoft.
pub const AAVMF_MICROSOFT: &str = "/usr/share/AAVMF/AAVMF_VARS.ms.fd";
/// systemd-boot's stub of unified kernel images; what is built has the one of its recipe's source.
pub const EFI_STUB: &str = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";

/// Everything, in the order it is needed. The lowest versions are those of Debian 12, the oldest that the tests run on,
/// but for GNU make (4.2 brought the jobserver's `--jobserver-auth`) and gcc (8 brought `-ffile-prefix-map`).
pub const NEEDS: &[Need] = &[
    program("apt-get", "apt", Purpose::Sources),
    file(
        "/usr/share/keyrings/debian-archive-keyring.gpg",
        "debian-archive-keyring",
        Purpose::Sources,
    ),
    program("gpgv", "gpgv", Purpose::Sources),
    program("patch", "patch", Purpose::Sources),
    at_least(program("gcc", "gcc", Purpose::Build), "--version", "8.0"),
    program("ld", "binutils", Purpose::Build),
    at_least(program("make", "make", Purpose::Build), "--version", "4.2"),
    program("flex", "flex", Purpose::Build),
    program("bison", "bison", Purpose::Build),
    program("bc", "bc", Purpose::Build),
    program("perl", "perl", Purpose::Build),
    program("xz", "xz-utils", Purpose::Build),
    program("zstd", "zstd", Purpose::Build),
    program("lz4", "lz4", Purpose::Build),
    file("/usr/include/gelf.h", "libelf-dev", Purpose::Build),
    file(
        "/usr/include/x86_64-linux-gnu/asm/types.h",
        "linux-libc-dev",
        Purpose::Build,
    ),
    file("/usr/include/stdio.h", "libc6-dev", Purpose::Build),
    program("depmod", "kmod", Purpose::Build),
    only(
        Arch::Amd64,
        program("musl-gcc", "musl-tools", Purpose::Build),
    ),
    only(
        Arch::Arm64,
        program(
            "aarch64-linux-gnu-gcc",
            "gcc-aarch64-linux-gnu",
            Purpose::Build,
        ),
    ),
    only(
        Arch::Arm64,
        program(
            "aarch64-linux-gnu-ld",
            "binutils-aarch64-linux-gnu",
            Purpose::Build,
        ),
    ),
    only(
        Arch::Arm64,
        file(
            "/usr/aarch64-linux-gnu/lib/libc.a",
            "libc6-dev-arm64-cross",
            Purpose::Build,
        ),
    ),
    only(
        Arch::Arm64,
        file(
            "/usr/aarch64-linux-gnu/include/linux/version.h",
            "linux-libc-dev-arm64-cross",
            Purpose::Build,
        ),
    ),
    only(
        Arch::Armhf,
        program(
            "arm-linux-gnueabihf-gcc",
            "gcc-arm-linux-gnueabihf",
            Purpose::Build,
        ),
    ),
    only(
        Arch::Armhf,
        program(
            "arm-linux-gnueabihf-ld",
            "binutils-arm-linux-gnueabihf",
            Purpose::Build,
        ),
    ),
    only(
        Arch::Armhf,
        file(
            "/usr/arm-linux-gnueabihf/lib/libc.a",
            "libc6-dev-armhf-cross",
            Purpose::Build,
        ),
    ),
    only(
        Arch::Armhf,
        file(
            "/usr/arm-linux-gnueabihf/include/linux/version.h",
            "linux-libc-dev-armhf-cross",
            Purpose::Build,
        ),
    ),
    only(
        Arch::Ppc64el,
        program(
            "powerpc64le-linux-gnu-gcc",
            "gcc-powerpc64le-linux-gnu",
            Purpose::Build,
        ),
    ),
    only(
        Arch::Ppc64el,
        program(
            "powerpc64le-linux-gnu-ld",
            "binutils-powerpc64le-linux-gnu",
            Purpose::Build,
        ),
    ),
    only(
        Arch::Ppc64el,
        file(
            "/usr/powerpc64le-linux-gnu/lib/libc.a",
            "libc6-dev-ppc64el-cross",
            Purpose::Build,
        ),
    ),
    only(
        Arch::Ppc64el,
        file(
            "/usr/powerpc64le-linux-gnu/include/linux/version.h",
            "linux-libc-dev-ppc64el-cross",
            Purpose::Build,
        ),
    ),
    optional(program("ccache", "ccache", Purpose::Build)),
    // Signs unified kernel images, where a recipe names a key.
    optional(program("openssl", "openssl", Purpose::Build)),
    file(
        "/usr/include/openssl/evp.h",
        "libssl-dev",
        Purpose::Firmware,
    ),
    at_least(
        program("qemu-system-x86_64", "qemu-system-x86", Purpose::Boot),
        "--version",
        "5.0",
    ),
    file(
        "/usr/lib/ipxe/qemu/efi-virtio.rom",
        "ipxe-qemu",
        Purpose::Boot,
    ),
    file("/usr/share/seabios/bios-256k.bin", "seabios", Purpose::Boot),
    at_least(
        program("dnsmasq", "dnsmasq-base", Purpose::Boot),
        "--version",
        "2.80",
    ),
    program("ip", "iproute2", Purpose::Boot),
    program("unshare", "util-linux", Purpose::Boot),
    program("setpriv", "util-linux", Purpose::Boot),
    program("qemu-system-aarch64", "qemu-system-arm", Purpose::BootArm),
    program("qemu-system-arm", "qemu-system-arm", Purpose::BootArm),
    file(UBOOT_ARM64, "u-boot-qemu", Purpose::BootArm),
    file(UBOOT_ARM, "u-boot-qemu", Purpose::BootArm),
    program("qemu-system-ppc64", "qemu-system-ppc", Purpose::BootPower),
    file(SLOF, "qemu-system-data", Purpose::BootPower),
    file(OVMF, "ovmf", Purpose::BootEfi),
    file(OVMF_VARIABLES, "ovmf", Purpose::BootEfi),
    file(OVMF_SECURE, "ovmf", Purpose::BootEfi),
    file(OVMF_MICROSOFT, "ovmf", Purpose::BootEfi),
    file(OVMF_TEST_CERTIFICATE, "ovmf", Purpose::BootEfi),
    program("qemu-system-aarch64", "qemu-system-arm", Purpose::BootEfi),
    file(AAVMF, "qemu-efi-aarch64", Purpose::BootEfi),
    file(AAVMF_VARIABLES, "qemu-efi-aarch64", Purpose::BootEfi),
    file(AAVMF_SECURE, "qemu-efi-aarch64", Purpose::BootEfi),
    file(AAVMF_MICROSOFT, "qemu-efi-aarch64", Purpose::BootEfi),
    program("gpg", "gpg", Purpose::Publish),
    program("gpg-agent", "gpg-agent", Purpose::Publish),
    program("gpgconf", "gpgconf", Purpose::Publish),
    only(
        Arch::Arm64,
        program("qemu-aarch64", "qemu-user", Purpose::Test),
    ),
    program("dpkg-parsechangelog", "dpkg-dev", Purpose::Test),
    program("mmdebstrap", "mmdebstrap", Purpose::Test),
    // What scenarios with loss ask for, too.
    program("nft", "nftables", Purpose::Test),
    program("nsenter", "util-linux", Purpose::Test),
    program("lintian", "lintian", Purpose::Test),
    program("openssl", "openssl", Purpose::Test),
    program("sbverify", "sbsigntool", Purpose::Test),
    program("osslsigncode", "osslsigncode", Purpose::Test),
    file(EFI_STUB, "systemd-boot-efi", Purpose::Test),
    program("cpio", "cpio", Purpose::Test),
    program("ssh", "openssh-client", Purpose::Test),
    program("ssh-keygen", "openssh-client", Purpose::Test),
    at_least(
        program("rsync", "rsync", Purpose::Test),
        "--version",
        "3.1.0",
    ),
    program("strace", "strace", Purpose::Test),
    program("busybox", "busybox", Purpose::Test),
    program("inotifywait", "inotify-tools", Purpose::Test),
    program("prlimit", "util-linux", Purpose::Test),
    program(
        "chromium-headless-shell",
        "chromium-headless-shell",
        Purpose::Test,
    ),
    program("python3", "python3", Purpose::Test),
    program("pip3", "python3-pip", Purpose::Test),
];

impl Need {
    /// Whether images of these architectures need it.
    #[must_use]
    pub fn concerns(&self, arches: &[Arch]) -> bool {
        self.arch.is_none_or(|arch| arches.contains(&arch))
    }

    /// Whether the host has it. Its version is not looked at.
    #[must_use]
    pub fn present(&self) -> bool {
        match self.what {
            What::Program(name) => find(name).is_some(),
            What::File(path) => Path::new(path).exists(),
        }
    }

    /// What to call it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.what {
            What::Program(name) => name,
            What::File(path) => path,
        }
    }
}

/// The folders programs are looked for in, joined by `:`.
#[must_use]
pub fn search_path() -> String {
    std::env::var("CORDWAINER_PATH").unwrap_or_else(|_| SEARCH_PATH.to_owned())
}

/// The full path of a program, if it is installed.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let executable = |path: &PathBuf| {
        path.metadata()
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(executable);
    }
    std::env::split_paths(&search_path())
        .map(|folder| folder.join(program))
        .find(executable)
}

/// What is needed for these purposes and images of these architectures, and not there.
#[must_use]
pub fn absent(purposes: &[Purpose], arches: &[Arch]) -> Vec<&'static Need> {
    NEEDS
        .iter()
        .filter(|need| purposes.contains(&need.purpose) && need.concerns(arches))
        .filter(|need| !need.present())
        .collect()
}

/// The failure that a missing program or file is, with the package that brings it.
#[must_use]
pub fn missing(name: &str) -> Failure {
    let known = NEEDS.iter().find(|need| need.name() == name);
    let what = match known.map(|need| need.what) {
        Some(What::File(_)) => format!("the file {name} is not there"),
        Some(What::Program(_)) | None => format!("the program {name} is not installed"),
    };
    let failure = Failure::new(Kind::Missing, what);
    match known {
        Some(need) => failure.hint(format!(
            "install it with `apt-get install {}`, or see all that is missing with `cargo xtask doctor`",
            need.package
        )),
        None => failure.hint("see what is missing with `cargo xtask doctor`"),
    }
}
