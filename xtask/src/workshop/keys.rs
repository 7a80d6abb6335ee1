//! The site's private keys, at work: `openssl` reads them, by path or on a token, and a passphrase by its file. None is ever part of a command line, a
//! step or the store.

use super::Workshop;
use crate::failure::{Failure, Kind, Result};
use crate::plan::assemble::BUNDLE;
use crate::plan::packages::PACKAGES;
use crate::plan::{Action, Plan, Step};
use crate::recipe::site::key::{Key, TOKEN};
use crate::steps::Sign;
use crate::text::{listing, quoted};
use crate::tool::Tool;

/// Variables by which OpenSSL and modules of tokens find their settings: the user's own, for they say where a key is, not what is signed.
const SETTINGS: [&str; 6] = [
    "HOME",
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "PKCS11_MODULE_PATH",
    "SOFTHSM2_CONF",
];

impl Sign for Workshop {
    fn sign(&self, name: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        match self.site.key.get(name) {
            Some(key) => signature(name, key, bytes),
            None => Err(self.no_key(name)),
        }
    }
}

impl Workshop {
    /// Says before anything is built that a signature cannot be made: a kernel takes long.
    pub(super) fn check_keys(&self, plan: &Plan, steps: &[String]) -> Result<()> {
        if !steps
            .iter()
            .any(|step| [BUNDLE, PACKAGES].contains(&step.as_str()))
        {
            return Ok(());
        }
        for step in plan.steps() {
            let Action::Sign { key, .. } = &step.definition.action else {
                continue;
            };
            let there = |step: &Step| self.store.lookup(&step.key).map(|found| found.is_some());
            let bundle = plan.get(BUNDLE).map_or(Ok(false), there)?;
            if !self.site.key.contains_key(key) && !bundle && !there(step)? {
                return Err(self.no_key(key));
            }
        }
        Ok(())
    }

    fn no_key(&self, name: &str) -> Failure {
        let what = format!(
            "site.toml does not say where the private key {} is",
            quoted(name)
        );
        let failure = Failure::new(Kind::Missing, what).hint(format!(
            "[key.{name}] with private = \"/path/of/{name}.key\" or \"{TOKEN}…\" in site.toml; or build where it is known"
        ));
        match listing(self.site.key.keys(), "and") {
            none if none.is_empty() => failure,
            known => failure.note(format!("it knows {known}")),
        }
    }
}

/// What a private key makes of these bytes: RSA, PKCS #1 v1.5, SHA-256.
fn signature(name: &str, key: &Key, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut openssl = Tool::new("openssl").kind(Kind::Host);
    for variable in SETTINGS {
        openssl = openssl.pass(variable);
    }
    openssl = openssl.args(["dgst", "-sha256"]);
    if key.is_on_token() {
        openssl = openssl.args(["-engine", "pkcs11", "-keyform", "engine"]);
    }
    // An empty passphrase where there is none: otherwise a locked key would have openssl ask for it on the terminal, and wait. But tokens count
    // wrong ones; theirs is in a file, which `pin-source` may name as well.
    openssl = match &key.passphrase {
        None if key.is_on_token() => openssl,
        Some(file) => openssl
            .arg("-passin")
            .arg(format!("file:{}", file.display())),
        None => openssl.args(["-passin", "pass:"]),
    };
    let openssl = openssl.arg("-sign").arg(&key.private).stdin(bytes);
    openssl
        .bytes()
        .map_err(|failure| explained(name, key, failure))
}

/// What openssl says, in words that help.
fn explained(name: &str, key: &Key, failure: Failure) -> Failure {
    let Some(tool) = &failure.tool else {
        return failure;
    };
    let said = tool.tail.join("\n");
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let hint = match &key.passphrase {
        _ if says(&["No such file", "Permission denied"]) => format!(
            "[key.{name}] in site.toml names files that must be there, and that you may read"
        ),
        None if says(LOCKED) => format!(
            "the key has a passphrase: put it into a file that only you can read, and name that in site.toml: passphrase = \"/…\" in [key.{name}]"
        ),
        Some(file) if says(LOCKED) => {
            format!("the passphrase in {} does not open the key", file.display())
        }
        _ if key.is_on_token() => "`apt-get install libengine-pkcs11-openssl` has what OpenSSL needs for tokens; `pkcs11-tool --list-objects` shows what is on them".to_owned(),
        _ => format!("[key.{name}] in site.toml must name a private RSA key in PEM"),
    };
    failure
        .while_doing(format!("cannot sign with the key {name}"))
        .hint(hint)
}

/// What openssl says of a key that its passphrase does not open.
const LOCKED: &[&str] = &[
    "bad decrypt",
    "empty password",
    "maybe wrong password",
    "bad password",
    "Login failed",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::pe::samples;

    fn hint(key: &Key) -> String {
        let failure = signature("lab", key, b"x").unwrap_err();
        assert!(
            failure
                .to_string()
                .starts_with("cannot sign with the key lab"),
            "{failure}"
        );
        failure.hint.clone().unwrap()
    }

    #[test]
    fn locked_keys_are_opened_by_a_file_and_never_ask() {
        let made = samples::Key::new(2048);
        let path = |name: &str| made.path(name);
        let lock = Tool::new("openssl").args(["pkey", "-aes256", "-passout", "pass:secret", "-in"]);
        let lock = lock.arg(path("key.pem")).arg("-out");
        lock.arg(path("locked.pem")).run().unwrap();
        fs_err::write(path("right"), "secret\n").unwrap();
        fs_err::write(path("wrong"), "other\n").unwrap();
        let key = |passphrase: Option<&str>| Key {
            private: path("locked.pem").display().to_string(),
            passphrase: passphrase.map(path),
        };
        assert!(hint(&key(None)).contains("put it into a file"));
        assert!(hint(&key(Some("wrong"))).contains("does not open the key"));
        assert!(hint(&key(Some("absent"))).contains("must be there"));
        assert_eq!(
            signature("lab", &key(Some("right")), b"x").unwrap(),
            made.signature(b"x")
        );
        let open = Key {
            private: path("key.pem").display().to_string(),
            passphrase: None,
        };
        assert_eq!(signature("lab", &open, b"x").unwrap(), made.signature(b"x"));
    }

    #[test]
    fn what_is_no_key_is_said() {
        let made = samples::Key::new(2048);
        let key = |name: &str| Key {
            private: made.path(name).display().to_string(),
            passphrase: None,
        };
        assert!(hint(&key("absent")).contains("must be there"));
        assert!(hint(&key("certificate.pem")).contains("must name a private RSA key"));
    }
}
