//! What a recipe says of its unified kernel image: kernel, initramfs and arguments in one program for UEFI firmware.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arch, Bundle};
use crate::loader::route::Route;

/// Kernel, initramfs and arguments in one program, which UEFI firmware boots without a boot loader. It is made where one of the bundle's `routes`
/// boots it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Uki {
    /// Name in `[sources]` of the package with systemd-boot's stub, `systemd-boot-efi`.
    pub stub: String,
    /// Kernel arguments beside `console=`, in place of the bundle's `append`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub append: Option<Vec<String>>,
    /// The key that it is signed with, for Secure Boot: a name that `site.toml` of the machine that signs has in `[key.NAME]`. It is not signed otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The file with the key's certificate, relative to the checkout: PEM or DER; in PEM, those that lead to one that the firmware trusts may follow.
    /// `certificates/KEY.pem` otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

impl Default for Uki {
    fn default() -> Self {
        Self {
            stub: "systemd-boot".to_owned(),
            append: None,
            key: None,
            certificate: None,
        }
    }
}

impl Uki {
    /// The key that it is signed with, and the file with its certificate, relative to the checkout.
    #[must_use]
    pub fn signer(&self) -> Option<(&str, String)> {
        let key = self.key.as_deref()?;
        let usual = || format!("certificates/{key}.pem");
        Some((key, self.certificate.clone().unwrap_or_else(usual)))
    }
}

impl Bundle {
    /// Whether a unified kernel image is part of it.
    #[must_use]
    pub fn has_uki(&self, arch: Arch) -> bool {
        self.routes(arch).into_iter().any(Route::is_uki)
    }
}
