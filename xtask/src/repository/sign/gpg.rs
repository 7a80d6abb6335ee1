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
    /// A folder with the key's public half, as gpgv reads it.
    keyring: TempDir,
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
            signing: OnceLock::new(),
        };
        let output = [OsString::from("--output"), gpg.keyring().into()];
        gpg.export(&output)
            .run()
            .map_err(|failure| gpg.explained(failure, "cannot export the signing key"))?;
        if !gpg.keyring().exists() {
            return Err(gpg.unfit(&Unfit::Absent));
        }
        Ok(gpg)
    }

    /// Its public half as text (RFC 9580, section 6.2), for `Signed-By` of clients.
    ///
    /// # Errors
    /// When gpg fails.
    pub fn public_key(&self) -> Result<String> {
        self.export(&["--armor".into()]).read()
    }

    /// Its public half as bytes, for a keyring package.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn public_keyring(&self) -> Result<Vec<u8>> {
        Ok(fs_err::read(self.keyring())?)
    }

    fn export(&self, how: &[OsString]) -> Tool {
        self.gpg()
            .args(how)
            .args(["--no-emit-version", "--no-comments"])
            .args(["--export-options", "export-minimal", "--export"])
            .arg(&self.fingerprint)
    }

    fn keyring(&self) -> PathBuf {
        self.keyring.path().join("key.gpg")
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

    /// What gpgv finds about a message, or about a text and its detached signature.
    fn finding(&self, input: &[u8], signature: Option<&Path>) -> Result<Finding> {
        let tool = Tool::new("gpgv").kind(Kind::Source).stdin(input);
        let tool = tool.arg("--homedir").arg(self.keyring.path());
        let tool = tool
            .args(["--status-fd", "1", "--keyring"])
            .arg(self.keyring());
        let tool = match signature {
            Some(path) => tool.arg(path).arg("-"),
            None => tool,
        };
        // gpgv fails, too, when there is a good signature beside one by a key that it does not have.
        let lines: Vec<String> = match tool.read() {
            Ok(said) => said.lines().map(str::to_owned).collect(),
            Err(mut failure) => match &mut failure.tool {
                Some(end) => std::mem::take(&mut end.tail),
                None => return Err(failure),
            },
        };
        Ok(said::finding(&lines))
    }

    fn refused(&self, what: &str) -> Failure {
        let what = format!(
            "the signature by the key {} does not hold: {what}",
            self.fingerprint
        );
        Failure::new(Kind::Source, what)
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
        self.verify_detached(text, &signature)?;
        Ok(signature)
    }

    fn verified(&self, message: &[u8]) -> Result<String> {
        let text = message::text(message).map_err(|what| self.refused(what))?;
        match self.finding(message, None)? {
            Finding::Good => Ok(text),
            finding => Err(self.refused(finding.what())),
        }
    }

    fn verify_detached(&self, text: &str, signature: &[u8]) -> Result<()> {
        let doing = || "cannot make a temporary file".to_owned();
        let mut file = tempfile::NamedTempFile::new_in(self.keyring.path()).doing(doing)?;
        file.write_all(signature).doing(doing)?;
        match self.finding(text.as_bytes(), Some(file.path()))? {
            Finding::Good => Ok(()),
            finding => Err(self.refused(finding.what())),
        }
    }
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
