//! Machine architectures, and the names that others have for them. What is built for which is `recipe`'s and `steps`'.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A machine architecture, by Debian's name.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Arch {
    /// 64-bit PC.
    #[default]
    Amd64,
    /// 64-bit ARM.
    Arm64,
    /// 32-bit ARM, version 7 with floating-point unit.
    Armhf,
    /// 64-bit PowerPC, little-endian.
    Ppc64el,
}

impl Arch {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Amd64, Self::Arm64, Self::Armhf, Self::Ppc64el];

    /// The architecture that this program runs on.
    #[must_use]
    pub fn host() -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|arch| arch.machine() == std::env::consts::ARCH)
    }

    /// Debian's name.
    #[must_use]
    pub const fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
            Self::Armhf => "armhf",
            Self::Ppc64el => "ppc64el",
        }
    }

    /// Debian's multiarch tuple, which is also the prefix of its cross compilers (`dpkg-architecture -qDEB_HOST_MULTIARCH`).
    #[must_use]
    pub const fn multiarch(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-linux-gnu",
            Self::Arm64 => "aarch64-linux-gnu",
            Self::Armhf => "arm-linux-gnueabihf",
            Self::Ppc64el => "powerpc64le-linux-gnu",
        }
    }

    /// The kernel's folder below `arch/`.
    #[must_use]
    pub const fn srcarch(self) -> &'static str {
        match self {
            Self::Amd64 => "x86",
            Self::Arm64 => "arm64",
            Self::Armhf => "arm",
            Self::Ppc64el => "powerpc",
        }
    }

    /// Rust's name, of the family of machines.
    const fn machine(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
            Self::Armhf => "arm",
            Self::Ppc64el => "powerpc64",
        }
    }
}

impl std::fmt::Display for Arch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.debian())
    }
}
