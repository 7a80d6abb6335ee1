//! Signing by `gpg` through its agent, and checking by `gpgv` as apt does. The private key stays with the agent: it is neither read nor kept
//! here, and what is logged of a run is its command line. Keys and messages are understood by `key` and `message`, replies by `said`.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use super::key::{self, Unfit};
use super::said::{self, Finding};
use super::{Signer, message};
use crate::failure::{Doing, Failure, Kind, Result};
use crate::tool::Tool;

/// What gpg, its agent and the agent's window or prompt for passphrases need of our environment.
const ENVIRONMENT: [&str; 10] = [
    "HOME",
    "GNUPGHOME",
    "GPG_TTY",
    "GPG_AGENT_INFO",
    "TERM",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "DBUS_SESSION_BUS_ADDRESS",
    "XDG_RUNTIME_DIR",
];

/// What keeps runs alike whatever the user's `gpg.conf` says. The agent has its own configuration, which holds.
const ALWAYS: [&str; 8] = [
    "--no-options",
    "--batch",
    "--quiet",
    "--no-auto-check-trustdb",
    "--trust-model",
    "always",
    "--status-fd",
    "2",
];

/// The longest path that a socket can have (`sun_path` of unix(7), less its end).
const SOCKET: usize = 107;

/// A key of GnuPG's.
#[derive(Debug)]
pub struct Gpg {
    fingerprint: String,
    home: Option<PathBuf>,
    /// A folder with the public half of each key, as gpgv reads it.
    keyring: TempDir,
    /// Fingerprints of keys that signed before it did.
    former: Vec<String>,
    /// The fingerprint of the very key that signs, once it is known: this one, or a subkey of it.
    signing: OnceLock<String>,
}

impl Gpg {
    /// The key of this full fingerprint in GnuPG's folder `home`; where that is not said, in the user's (`GNUPGHOME`, `~/.gnupg`). For
    /// checking signatures its public half is enough; [`Signer::ready`] says whether it can sign, too.
    ///
    /// # Errors
    /// [`Kind::Host`] when gpg does not have it; [`Kind::Missing`] without gpg.
    pub fn open(fingerprint: &str, home: Option<&Path>) -> Result<Self> {
        let keyring = tempfile::tempdir().doing(|| "cannot make a temporary folder".to_owned())?;
        let gpg = Self {
            fingerprint: fingerprint.to_ascii_uppercase(),
            home: home.map(Path::to_owned),
            keyring,
            former: Vec::new(),
            signing: OnceLock::new(),
        };
        if !gpg.keep(&gpg.fingerprint)? {
            return Err(gpg.unfit(&Unfit::Absent));
        }
        Ok(gpg)
    }

    /// Believes what keys of these full fingerprints signed before this one did. One that has expired since is as good; one that is revoked is not.
    ///
    /// # Errors
    /// As [`Gpg::open`].
    pub fn after(mut self, former: &[String]) -> Result<Self> {
        for fingerprint in former {
            let fingerprint = fingerprint.to_ascii_uppercase();
            if !self.keep(&fingerprint)? {
                let what =
                    format!("the former key {fingerprint} cannot be used: gpg does not know it");
                return Err(Failure::new(Kind::Host, what).hint("`gpg --import` adds its public half, which the clients' .sources files hold, too; when nothing that it signed is there any more, take it out of `former-keys`"));
            }
            self.former.push(fingerprint);
        }
        Ok(self)
    }

    /// Its full fingerprint, upper case.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Its public half, and that of another key where there is one, as text (RFC 9580, section 6.2), for `Signed-By` of clients.
    ///
    /// # Errors
    /// When gpg fails.
    pub fn public_key(&self, next: Option<&str>) -> Result<String> {
        let keys = [self.fingerprint.as_str()].into_iter().chain(next);
        self.export(&["--armor".into()], keys).read()
    }

    /// The same as bytes, for a keyring package.
    ///
    /// # Errors
    /// As [`Gpg::public_key`], and when it cannot be read.
    pub fn public_keyring(&self, next: Option<&str>) -> Result<Vec<u8>> {
        let file = self.keyring.path().join("all.gpg");
        let keys = [self.fingerprint.as_str()].into_iter().chain(next);
        self.export(&to(&file), keys).run()?;
        Ok(fs_err::read(file)?)
    }

    /// Keeps a key's public half for gpgv. Says whether gpg has it.
    fn keep(&self, fingerprint: &str) -> Result<bool> {
        let keyring = self.keyring(fingerprint);
        self.export(&to(&keyring), [fingerprint])
            .run()
            .map_err(|failure| self.explained(failure, "cannot export the signing key"))?;
        Ok(keyring.exists())
    }

    fn export<'k>(&self, how: &[OsString], keys: impl IntoIterator<Item = &'k str>) -> Tool {
        self.gpg()
            .args(how)
            .args(["--no-emit-version", "--no-comments"])
            .args(["--export-options", "export-minimal", "--export"])
            .args(keys)
    }

    fn keyring(&self, fingerprint: &str) -> PathBuf {
        self.keyring.path().join(format!("{fingerprint}.gpg"))
    }

    fn gpg(&self) -> Tool {
        let tool = Tool::new("gpg").kind(Kind::Host).args(ALWAYS);
        let tool = ENVIRONMENT.iter().fold(tool, |tool, name| tool.pass(name));
        let tool = match terminal() {
            Some(name) if std::env::var_os("GPG_TTY").is_none() => tool.env("GPG_TTY", name),
            _ => tool,
        };
        match &self.home {
            Some(home) => tool.env("GNUPGHOME", home),
            None => tool,
        }
    }

    /// Whether it could sign as far as can be told without asking for a passphrase.
    ///
    /// # Errors
    /// As [`Signer::ready`], but for locked keys.
    pub fn can_sign(&self) -> Result<()> {
        self.signing().map(drop)
    }

    /// The fingerprint of the very key that signs.
    fn signing(&self) -> Result<&str> {
        if let Some(known) = self.signing.get() {
            return Ok(known);
        }
        let list = ["--with-colons", "--with-secret", "--list-keys"];
        let listing = self.gpg().args(list).arg(&self.fingerprint).read();
        let listing =
            listing.map_err(|failure| self.explained(failure, "cannot look at the signing key"))?;
        let parts = key::parts(&listing);
        let part = key::signing(&parts, &self.fingerprint, now());
        let part = part.map_err(|unfit| match unfit {
            // Without an agent, gpg takes private keys for absent.
            Unfit::NoSecret => self.too_deep().unwrap_or_else(|| self.unfit(&unfit)),
            unfit => self.unfit(&unfit),
        })?;
        Ok(self.signing.get_or_init(|| part.fingerprint.clone()))
    }

    fn unfit(&self, unfit: &Unfit) -> Failure {
        let what = format!("the key {} cannot sign: {unfit}", self.fingerprint);
        Failure::new(Kind::Host, what).hint(unfit.hint())
    }

    /// Signs a text; `how` is what to make of it.
    fn sign(&self, text: &str, how: &[&str]) -> Result<Vec<u8>> {
        if !message::is_signable(text) {
            return Err(Failure::bug(
                "a text to be signed has white space at the end of a line, or no last line end",
            ));
        }
        let signing = self.signing()?;
        let tool = self.gpg().foreground().stdin(text);
        let tool = tool
            .args(["--digest-algo", "SHA512", "--no-emit-version", "--armor"])
            .args(["--local-user", &format!("{signing}!")])
            .args(how);
        let signed = tool.read();
        let doing = format!("cannot sign with the key {}", self.fingerprint);
        Ok(signed
            .map_err(|failure| self.explained(failure, &doing))?
            .into_bytes())
    }

    /// What gpg's failure means.
    fn explained(&self, failure: Failure, doing: &str) -> Failure {
        let tail = failure.tool.as_ref().map(|end| end.tail.clone());
        let Some(tail) = tail else { return failure };
        if let Some(deeper) = self.too_deep() {
            return deeper;
        }
        match said::reason(&tail) {
            Some((what, hint)) => failure
                .while_doing(format!("{doing}: {what}"))
                .hint(hint.replace("FINGERPRINT", &self.fingerprint)),
            None => failure.while_doing(doing),
        }
    }

    /// The failure that GnuPG's folder is when its agent cannot have a socket there.
    fn too_deep(&self) -> Option<Failure> {
        let tool = Tool::new("gpgconf").pass("HOME").pass("GNUPGHOME");
        let tool = match &self.home {
            Some(home) => tool.env("GNUPGHOME", home),
            None => tool,
        };
        let path = tool.args(["--list-dirs", "agent-socket"]).answer().ok()??;
        let what = format!(
            "the key {} cannot sign: the path of GnuPG's folder is too long for its agent's socket",
            self.fingerprint
        );
        let hint = "name a folder with a shorter path in GNUPGHOME, a symbolic link to this one will do; or make /run/user/UID, where gpg puts sockets when it is there";
        (path.trim_end().len() > SOCKET).then(|| Failure::new(Kind::Host, what).hint(hint))
    }

    /// What gpgv, which has but this key, says of a message, or of a text and its detached signature.
    fn looked_at(
        &self,
        fingerprint: &str,
        input: &[u8],
        signature: Option<&Path>,
    ) -> Result<Vec<String>> {
        let tool = Tool::new("gpgv").kind(Kind::Source).stdin(input);
        let tool = tool.arg("--homedir").arg(self.keyring.path());
        let tool = tool
            .args(["--status-fd", "1", "--keyring"])
            .arg(self.keyring(fingerprint));
        let tool = match signature {
            Some(path) => tool.arg(path).arg("-"),
            None => tool,
        };
        // gpgv fails, too, when there is a good signature beside one by a key that it does not have.
        match tool.read() {
            Ok(said) => Ok(said.lines().map(str::to_owned).collect()),
            Err(mut failure) => match &mut failure.tool {
                Some(end) => Ok(std::mem::take(&mut end.tail)),
                None => Err(failure),
            },
        }
    }

    /// The text in a message that this key signed, or else, where they count, one of the former keys.
    fn text(&self, message: &[u8], former: bool) -> Result<String> {
        let text = message::text(message).map_err(|what| refused(&self.fingerprint, what))?;
        let lines = self.looked_at(&self.fingerprint, message, None)?;
        match said::finding(&lines) {
            Finding::Good => Ok(text),
            Finding::Other if former && self.formerly(message, None)? => Ok(text),
            Finding::Other => Err(self.by_strangers(&lines)),
            finding => Err(refused(&self.fingerprint, finding.what())),
        }
    }

    /// The same of a text and a signature beside it.
    fn detached(&self, text: &str, signature: &[u8], former: bool) -> Result<()> {
        let doing = || "cannot make a temporary file".to_owned();
        let mut file = tempfile::NamedTempFile::new_in(self.keyring.path()).doing(doing)?;
        file.write_all(signature).doing(doing)?;
        let (text, file) = (text.as_bytes(), Some(file.path()));
        match said::finding(&self.looked_at(&self.fingerprint, text, file)?) {
            Finding::Good => Ok(()),
            Finding::Other if former && self.formerly(text, file)? => Ok(()),
            finding => Err(refused(&self.fingerprint, finding.what())),
        }
    }

    /// Whether one of the former keys signed what this one did not: a message, or a text with its signature in a file.
    fn formerly(&self, message: &[u8], signature: Option<&Path>) -> Result<bool> {
        for former in &self.former {
            match said::finding(&self.looked_at(former, message, signature)?) {
                Finding::Good | Finding::Expired => return Ok(true),
                Finding::Other => {}
                finding => return Err(refused(former, finding.what())),
            }
        }
        Ok(false)
    }

    /// The failure that a signature by other keys is.
    fn by_strangers(&self, lines: &[String]) -> Failure {
        let strangers = said::strangers(lines);
        let strangers: Vec<String> = strangers.iter().map(|name| self.primary(name)).collect();
        let failure = refused(&self.fingerprint, Finding::Other.what());
        let [stranger] = &strangers[..] else {
            return strangers.iter().fold(failure, |failure, name| {
                failure.note(format!("one that calls itself {name}"))
            });
        };
        let what = format!("another key signed it, which calls itself {stranger}");
        refused(&self.fingerprint, &what).hint(format!("if that is the repository's key of before, add `former-keys = [\"{stranger}\"]` to its file in debian/repositories/; if it is nobody's that you know, somebody else published there"))
    }

    /// The fingerprint of the whole key, where gpg knows the part that signed.
    fn primary(&self, name: &str) -> String {
        let listing = self.gpg().args(["--with-colons", "--list-keys"]).arg(name);
        let listing = listing.answer().ok().flatten().unwrap_or_default();
        let parts = key::parts(&listing);
        parts
            .first()
            .map_or_else(|| name.to_owned(), |part| part.fingerprint.clone())
    }
}

impl Signer for Gpg {
    fn ready(&self) -> Result<()> {
        // The agent asks for the passphrase now, and remembers it.
        self.detach("ready\n").map(drop)
    }

    fn clearsign(&self, text: &str) -> Result<Vec<u8>> {
        self.sign(text, &["--clearsign"])
    }

    fn detach(&self, text: &str) -> Result<Vec<u8>> {
        let signature = self.sign(text, &["--detach-sign"])?;
        self.detached(text, &signature, false)?;
        Ok(signature)
    }

    fn verified(&self, message: &[u8]) -> Result<String> {
        self.text(message, false)
    }

    fn believed(&self, message: &[u8]) -> Result<String> {
        self.text(message, true)
    }

    fn believed_detached(&self, text: &str, signature: &[u8]) -> Result<()> {
        self.detached(text, signature, true)
    }
}

/// Where an exported key is to be written.
fn to(file: &Path) -> [OsString; 3] {
    ["--yes".into(), "--output".into(), file.into()]
}

fn refused(fingerprint: &str, what: &str) -> Failure {
    let what = format!("the signature by the key {fingerprint} does not hold: {what}");
    Failure::new(Kind::Source, what)
}

/// The terminal that a passphrase can be asked for on: gpg itself looks at standard input only, which is not the user's.
fn terminal() -> Option<OsString> {
    let name = |name: std::ffi::CString| OsString::from_vec(name.into_bytes());
    let standard = [
        rustix::termios::ttyname(rustix::stdio::stderr(), Vec::new()),
        rustix::termios::ttyname(rustix::stdio::stdin(), Vec::new()),
    ];
    standard
        .into_iter()
        .find_map(std::result::Result::ok)
        .map(name)
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
#[path = "gpg_tests.rs"]
mod tests;
