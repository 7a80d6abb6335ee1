//! Throwaway keys in GnuPG folders of their own, and everything that can be wrong with them.

use std::os::unix::fs::PermissionsExt;

use super::*;

/// GnuPG folder with keys made for a test. Its agent ends with it; it asks a program of ours for passphrases.
struct Home(TempDir);

/// An Assuan server in place of pinentry(1), which answers `GETPIN` with these lines.
fn pinentry(answer: &str) -> String {
    format!(
        "#!/bin/sh\necho OK\nwhile read -r word rest; do case $word in GETPIN) {answer};; BYE) echo OK; exit;; *) echo OK;; esac; done\n"
    )
}

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.pinentry("#!/bin/sh\nexit 1\n");
        let program = home.path("pinentry");
        let conf = format!("pinentry-program {}\n", program.display());
        fs_err::write(home.path("gpg-agent.conf"), conf).unwrap();
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Replaces the program that asks for passphrases, and starts with an agent that knows none.
    fn pinentry(&self, script: &str) {
        let program = self.path("pinentry");
        fs_err::write(&program, script).unwrap();
        fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        self.forget();
    }

    fn gpg(&self, passphrase: &str) -> Tool {
        let tool = Tool::new("gpg").env("GNUPGHOME", self.0.path());
        tool.args(["--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"])
            .args(["--passphrase", passphrase])
    }

    /// A new key; its fingerprint.
    fn key(&self, algorithm: &str, usage: &str, more: &[&str]) -> String {
        self.locked("", algorithm, usage, more)
    }

    fn locked(&self, passphrase: &str, algorithm: &str, usage: &str, more: &[&str]) -> String {
        let name = format!("{algorithm} {usage} <a@example.org>");
        let make = self.gpg(passphrase).args(more).arg("--quick-generate-key");
        make.args([&name, algorithm, usage, "never"]).run().unwrap();
        let list = self.gpg("").args(["--with-colons", "--list-keys"]).read();
        let listing = list.unwrap();
        let last = listing.split("\npub:").last().unwrap();
        key::parts(&format!("pub:{last}")).remove(0).fingerprint
    }

    /// A key that was made, and that expired, some years ago.
    fn expired(&self) -> String {
        let how = self.path("old");
        fs_err::write(&how, "Key-Type: eddsa\nKey-Curve: ed25519\nKey-Usage: sign\nName-Real: Old\nExpire-Date: 1d\n%no-protection\n%commit\n").unwrap();
        let make = self.gpg("").args(PAST).arg("--generate-key").arg(&how);
        make.run().unwrap();
        let list = self.gpg("").args(["--with-colons", "--list-keys", "Old"]);
        key::parts(&list.read().unwrap()).remove(0).fingerprint
    }

    fn revoke(&self, key: &str) {
        let file = self.path(&format!("openpgp-revocs.d/{key}.rev"));
        let prepared = fs_err::read_to_string(file).unwrap();
        let armoured = prepared.split("\n:").nth(1).unwrap();
        self.gpg("").arg("--import").stdin(armoured).run().unwrap();
    }

    fn open(&self, fingerprint: &str) -> Gpg {
        Gpg::open(fingerprint, Some(self.0.path())).unwrap()
    }

    /// Ends the agent, and with it the passphrases that it knows.
    fn forget(&self) {
        let tool = Tool::new("gpgconf").env("GNUPGHOME", self.0.path());
        tool.args(["--kill", "gpg-agent"]).run().unwrap();
    }

    /// What `ready` says of a key, with its hint.
    fn refused(&self, fingerprint: &str) -> String {
        let failure = self.open(fingerprint).ready().unwrap_err();
        assert_eq!(failure.kind, Kind::Host);
        format!("{failure} ({})", failure.hint.as_deref().unwrap())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Before keys of tests are made that expire.
const PAST: [&str; 2] = ["--faked-system-time", "20200101T000000"];

/// When they sign: making one takes its time, in that time's seconds too.
const LATER: [&str; 2] = ["--faked-system-time", "20200101T010000"];

const TEXT: &str = "Origin: Test\nSHA256:\n 0 1 a\n-----BEGIN PGP SIGNATURE-----\n";

#[test]
fn what_was_signed_is_verified() {
    let home = Home::new();
    let gpg = home.open(&home.key("ed25519", "sign", &[]));
    gpg.ready().unwrap();
    let message = gpg.clearsign(TEXT).unwrap();
    assert!(message.starts_with(b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n"));
    assert_eq!(gpg.verified(&message).unwrap(), TEXT);
    let signature = gpg.detach(TEXT).unwrap();
    assert!(signature.starts_with(b"-----BEGIN PGP SIGNATURE-----\n\n"));
    gpg.believed_detached(TEXT, &signature).unwrap();
    for (text, signature) in [("x\n", &*signature), (TEXT, &b"x"[..]), (TEXT, &message)] {
        let failure = gpg.believed_detached(text, signature).unwrap_err();
        assert_eq!(failure.kind, Kind::Source, "{failure}");
    }
    let key = gpg.public_key(None).unwrap();
    assert!(key.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n"));
}

#[test]
fn what_is_not_ours_or_not_whole_is_refused() {
    let home = Home::new();
    let ours = home.open(&home.key("ed25519", "sign", &[]));
    let theirs = home.open(&home.key("ed25519", "sign", &[]));
    let message = ours.clearsign(TEXT).unwrap();
    let failure = theirs.verified(&message).unwrap_err();
    let said = format!(
        "another key signed it, which calls itself {}",
        ours.fingerprint
    );
    assert!(failure.what.contains(&said), "{failure}");
    let hint = format!("add `former-keys = [\"{}\"]`", ours.fingerprint);
    assert!(failure.hint.as_deref().unwrap().contains(&hint));
    for index in 0..message.len() {
        let mut changed = message.clone();
        changed[index] ^= 1;
        // A change of the signature's checksum, or of what gpg adds unsigned to it, is no other signature.
        if let Ok(text) = ours.verified(&changed) {
            assert_eq!(text, TEXT, "byte {index}");
        }
    }
    let text = String::from_utf8(message).unwrap();
    for other in [
        text.replace("Test", "Fest"),
        format!("Origin: x\n{text}"),
        format!("{text}Origin: x\n"),
        text.repeat(2),
        TEXT.to_owned(),
    ] {
        let failure = ours.verified(other.as_bytes()).unwrap_err();
        assert_eq!(failure.kind, Kind::Source, "{other}");
    }
}

#[test]
fn ours_is_found_among_several_signatures() {
    let home = Home::new();
    let keys = [(); 3].map(|()| home.key("ed25519", "sign", &[]));
    let sign = home.gpg("").args(["--clearsign", "--armor"]);
    let sign = sign.args(["--local-user", &keys[0], "--local-user", &keys[1]]);
    let message = sign.stdin(TEXT).read().unwrap().into_bytes();
    assert_eq!(home.open(&keys[1]).verified(&message).unwrap(), TEXT);
    let failure = home.open(&keys[2]).verified(&message).unwrap_err();
    assert!(failure.what.contains("another key"), "{failure}");
}

#[test]
fn what_former_keys_signed_is_believed_and_not_taken_for_ours() {
    let home = Home::new();
    let expired = home.expired();
    let keys = [(); 3].map(|()| home.key("ed25519", "sign", &[]));
    let old = home.open(&keys[0]).clearsign(TEXT).unwrap();
    let sign = home
        .gpg("")
        .args(LATER)
        .args(["--clearsign", "--local-user"]);
    let sign = sign.args([&expired, "--digest-algo", "SHA512"]).stdin(TEXT);
    let older = sign.read().unwrap().into_bytes();
    let former = [keys[0].to_ascii_lowercase(), expired];
    let ours = home.open(&keys[1]).after(&former).unwrap();
    for message in [&old, &older] {
        assert_eq!(ours.believed(message).unwrap(), TEXT);
        ours.verified(message).unwrap_err();
        home.open(&keys[1]).believed(message).unwrap_err();
    }
    let changed = String::from_utf8(old).unwrap().replace("Test", "Fest");
    ours.believed(changed.as_bytes()).unwrap_err();
    let strange = home.open(&keys[2]).clearsign(TEXT).unwrap();
    ours.believed(&strange).unwrap_err();
    // Nothing but the key itself signs.
    let message = ours.clearsign(TEXT).unwrap();
    assert_eq!(home.open(&keys[1]).verified(&message).unwrap(), TEXT);
}

#[test]
fn former_keys_that_are_revoked_or_absent_are_refused() {
    let home = Home::new();
    let keys = [(); 2].map(|()| home.key("ed25519", "sign", &[]));
    let message = home.open(&keys[0]).clearsign(TEXT).unwrap();
    home.revoke(&keys[0]);
    let ours = home.open(&keys[1]).after(&keys[..1]).unwrap();
    let failure = ours.believed(&message).unwrap_err();
    assert!(
        failure.what.contains(&keys[0]) && failure.what.contains("is revoked"),
        "{failure}"
    );
    let absent = ["A".repeat(40)];
    let failure = home.open(&keys[1]).after(&absent).unwrap_err();
    assert!(failure.what.contains("gpg does not know it"), "{failure}");
}

#[test]
fn clients_can_be_given_the_next_key_with_this_one() {
    let home = Home::new();
    let keys = [(); 2].map(|()| home.key("ed25519", "sign", &[]));
    let both = home.open(&keys[0]).public_keyring(Some(&keys[1])).unwrap();
    let other = Home::new();
    other.gpg("").arg("--import").stdin(both).run().unwrap();
    for key in keys {
        assert_eq!(other.open(&key).fingerprint, key);
    }
}

#[test]
fn a_hash_that_no_longer_holds_is_refused() {
    let home = Home::new();
    let key = home.key("rsa3072", "sign", &[]);
    let sign = home.gpg("").args(["--clearsign", "--digest-algo", "SHA1"]);
    let message = sign.stdin(TEXT).read().unwrap();
    let failure = home.open(&key).verified(message.as_bytes()).unwrap_err();
    assert!(failure.what.contains("no longer holds"), "{failure}");
}

#[test]
fn keys_that_cannot_sign_say_why_before_anything_is_written() {
    let home = Home::new();
    let absent = "0123456789ABCDEF0123456789ABCDEF01234567";
    let failure = Gpg::open(absent, Some(home.0.path())).unwrap_err();
    assert!(failure.what.contains("does not know it"), "{failure}");

    let expired = home.expired();
    let said = home.refused(&expired);
    assert!(said.contains("it has expired (extend it"), "{said}");

    for (algorithm, usage, words) in [
        ("ed25519", "cert", "is meant for signing"),
        ("rsa2048", "sign", "2048 bits, less than 3072, is too weak"),
        ("dsa3072", "sign", "DSA is too weak"),
    ] {
        let said = home.refused(&home.key(algorithm, usage, &[]));
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_revoked_key_signs_nothing() {
    let home = Home::new();
    let key = home.key("ed25519", "sign", &[]);
    home.revoke(&key);
    assert!(home.refused(&key).contains("it is revoked"));
}

#[test]
fn a_key_whose_private_half_is_elsewhere_verifies_and_does_not_sign() {
    let (home, other) = (Home::new(), Home::new());
    let key = home.key("ed25519", "sign", &[]);
    let public = home.open(&key).public_key(None).unwrap();
    other.gpg("").arg("--import").stdin(public).run().unwrap();
    let message = home.open(&key).clearsign(TEXT).unwrap();
    assert_eq!(other.open(&key).verified(&message).unwrap(), TEXT);
    assert!(other.refused(&key).contains("not on this machine"));
}

#[test]
fn a_subkey_signs_for_a_key_that_does_not() {
    let home = Home::new();
    let key = home.key("ed25519", "cert", &[]);
    let add = home.gpg("").args(["--quick-add-key", &key]);
    add.args(["ed25519", "sign"]).run().unwrap();
    let gpg = home.open(&key);
    let message = gpg.clearsign(TEXT).unwrap();
    assert_eq!(gpg.verified(&message).unwrap(), TEXT);
}

#[test]
fn a_locked_key_signs_when_its_passphrase_is_given() {
    let home = Home::new();
    let key = home.locked("secret", "ed25519", "sign", &[]);
    home.forget();
    let said = home.refused(&key);
    assert!(said.contains("no terminal to ask for it on"), "{said}");
    home.pinentry(&pinentry("echo 'ERR 83886179 cancelled'"));
    assert!(home.refused(&key).contains("was not given"));
    home.pinentry(&pinentry("echo 'D wrong'; echo OK"));
    assert!(home.refused(&key).contains("the passphrase was wrong"));
    home.pinentry(&pinentry("echo 'D secret'; echo OK"));
    home.open(&key).ready().unwrap();
}

#[test]
fn an_agent_that_is_killed_while_it_signs_is_no_signature() {
    let home = Home::new();
    let key = home.locked("secret", "ed25519", "sign", &[]);
    home.pinentry("#!/bin/sh\nkill -9 $PPID\n");
    let said = home.refused(&key);
    assert!(said.contains("agent ended while it was signing"), "{said}");
    // Nobody has to clean up after it.
    home.pinentry(&pinentry("echo 'D secret'; echo OK"));
    home.open(&key).ready().unwrap();
}

#[test]
fn no_passphrase_and_no_private_key_is_in_a_failure() {
    let home = Home::new();
    let key = home.locked("secret", "ed25519", "sign", &[]);
    home.pinentry(&pinentry("echo 'D hunter2'; echo OK"));
    let failure = home.open(&key).clearsign(TEXT).unwrap_err();
    let all = format!("{failure:?}");
    assert!(!all.contains("hunter2") && !all.contains("PRIVATE KEY"));
}

#[test]
fn a_folder_that_is_too_deep_for_a_socket_is_named_as_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("d".repeat(120));
    let home = Home::new();
    let key = home.key("ed25519", "sign", &[]);
    let private = deep.join("private-keys-v1.d");
    fs_err::create_dir_all(&private).unwrap();
    fs_err::set_permissions(&deep, std::fs::Permissions::from_mode(0o700)).unwrap();
    fs_err::copy(home.path("pubring.kbx"), deep.join("pubring.kbx")).unwrap();
    for entry in fs_err::read_dir(home.path("private-keys-v1.d")).unwrap() {
        let entry = entry.unwrap();
        fs_err::copy(entry.path(), private.join(entry.file_name())).unwrap();
    }
    let ready = Gpg::open(&key, Some(&deep)).unwrap().ready();
    // Where gpg has /run/user for its sockets, a deep folder does no harm.
    let Err(failure) = ready else {
        let tool = Tool::new("gpgconf").env("GNUPGHOME", &deep);
        return tool.args(["--kill", "gpg-agent"]).run().unwrap();
    };
    assert!(
        failure.what.contains("too long for its agent's socket"),
        "{failure}"
    );
}
