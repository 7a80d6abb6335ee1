//! Where a site's private keys are. Nobody here reads them: `openssl` does.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::recipe::check::{Check, form};
use crate::recipe::path::Path;

/// What the address of a key on a token begins with (RFC 7512).
pub const TOKEN: &str = "pkcs11:";

/// A private key that images are signed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Key {
    /// Absolute path of its file (PEM), or `pkcs11:…` (RFC 7512) for one on a token.
    pub private: String,
    /// Absolute path of a file whose first line is its passphrase, or the token's PIN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<PathBuf>,
}

impl Key {
    /// Whether it is on a token.
    #[must_use]
    pub fn is_on_token(&self) -> bool {
        self.private.starts_with(TOKEN)
    }
}

impl Check<'_> {
    pub(super) fn signing_key(&mut self, key: &Key, path: &Path) {
        let private = path.key("private");
        if !key.is_on_token() {
            self.text(&form::ABSOLUTE, &key.private, &private);
        } else if key.private.contains("pin-value=") {
            // Command lines can be seen by everybody on a machine.
            let message = "a PIN in the address of a key could be seen by others".to_owned();
            let help = "put it into a file, and name that: passphrase = \"/…\"";
            self.wrong(&private, message, String::new(), help);
        } else if key.passphrase.is_none() && !key.private.contains("pin-source=") {
            let message = "nothing says where the token's PIN is".to_owned();
            let help = "put it into a file that only you can read: passphrase = \"/…\"";
            self.wrong(&private, message, String::new(), help);
        }
        if let Some(file) = &key.passphrase {
            let file = file.to_string_lossy();
            self.text(&form::ABSOLUTE, &file, &path.key("passphrase"));
        }
    }
}
